"""Examples of lint rules: for each rule, a file that breaks only this rule, and the corrected file."""

from __future__ import annotations

_HTTP = "http: {get: /health, expect: {status: 200}}"


def _plan(check: str, head: str = "", stage: str = "AfterAllowTestTraffic", name: str = "green answers") -> str:
    lines = [f"      - name: {name}", *(f"        {line}" for line in check.strip("\n").split("\n"))]
    return "\n".join(["version: 1", *([head] if head else []), "stages:", f"  {stage}:", "    checks:", *lines, ""])


def _checks(*pairs: tuple[str, str], stage: str = "AfterAllowTestTraffic", bake: str = "") -> str:
    head = ["version: 1", "stages:", f"  {stage}:", *([f"    bake: {bake}"] if bake else []), "    checks:"]
    checks = (f"      - name: {name}\n        " + "\n        ".join(rest.split("\n")) for name, rest in pairs)
    return "\n".join([*head, *checks, ""])


def _watched(check: str) -> str:
    """Return a plan with a gate before the shift, and a check while traffic shifts."""
    shift = _plan(check, stage="AllowTraffic", name="green keeps answering").partition("stages:\n")[2]
    return _plan(_HTTP, stage="BeforeAllowTraffic") + shift


def _http(expect: str) -> str:
    return _plan(f"http:\n  get: /health\n  expect: {expect}")


_LAMBDA_APPSPEC = """\
version: 0.0
Resources:
  - orders:
      Type: AWS::Lambda::Function
      Properties:
        Name: orders
        Alias: live
        CurrentVersion: "7"
        TargetVersion: "8"
Hooks:
  - BeforeAllowTraffic: CodeDeployHook_greenlight-BeforeAllowTraffic
  - AfterAllowTraffic: CodeDeployHook_greenlight-AfterAllowTraffic
"""
_ECS_APPSPEC = """\
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: arn:aws:ecs:eu-west-1:111122223333:task-definition/orders:42
        LoadBalancerInfo:
          ContainerName: orders
          ContainerPort: 8080
        PlatformVersion: 1.4.0
        NetworkConfiguration:
          AwsvpcConfiguration: {Subnets: [subnet-1], SecurityGroups: [sg-1], AssignPublicIp: DISABLED}
        CapacityProviderStrategy:
          - {CapacityProvider: FARGATE_SPOT, Base: 1, Weight: 2}
Hooks:
  - AfterAllowTestTraffic: CodeDeployHook_greenlight-AfterAllowTestTraffic
  - AfterAllowTraffic: CodeDeployHook_greenlight-AfterAllowTraffic
"""


def _appspec(right: str, wrong: str) -> tuple[str, str]:
    """Return a wrong and a correct AppSpec: for Lambda if that contains `right`, else for ECS."""
    good = _LAMBDA_APPSPEC if right in _LAMBDA_APPSPEC else _ECS_APPSPEC
    return good.replace(right, wrong, 1), good


_GOOD = _http("{status: 200}")
_STEPS = """\
http:
  steps:
    - post: /orders
      body: {json: {sku: A1}}
      expect: {status: 201}
      capture: {id: json.id}
    - get: /orders/${id}
      expect: {status: 200}"""
_LATE = """\
http:
  steps:
    - get: /orders/${id}
      expect: {status: 200}
    - post: /orders
      body: {json: {sku: A1}}
      expect: {status: 201}
      capture: {id: json.id}"""

EXAMPLES: dict[str, tuple[str, str]] = {
    "always-passes": (_http("{status: {gte: 100}}"), _GOOD),
    "appspec-alias": _appspec("Alias: live", "Alias: $LATEST"),
    "appspec-capacity-provider": _appspec("Base: 1", 'Base: "1"'),
    "appspec-container-port": _appspec("ContainerPort: 8080", 'ContainerPort: "8080"'),
    "appspec-ec2": _appspec(
        "AfterAllowTraffic: CodeDeployHook_greenlight-AfterAllowTraffic",
        "AfterAllowTraffic: {location: scripts/smoke.sh, timeout: 300}",
    ),
    "appspec-event": _appspec("BeforeAllowTraffic:", "BeforeAllowTrafic:"),
    "appspec-event-twice": _appspec(
        "AfterAllowTraffic: CodeDeployHook_greenlight-AfterAllowTraffic", "BeforeAllowTraffic: CodeDeployHook_orders"
    ),
    "appspec-function-name": _appspec("Name: orders", "Name: arn:aws:lambda:eu-west-1:111122223333:function:orders"),
    "appspec-hook": _appspec(
        "CodeDeployHook_greenlight-BeforeAllowTraffic", "CodeDeployHook_greenlight-BeforeAllowTraffic:live"
    ),
    "appspec-hook-prefix": _appspec("CodeDeployHook_greenlight-BeforeAllowTraffic", "smoke-test"),
    "appspec-hook-stage": _appspec(
        "CodeDeployHook_greenlight-BeforeAllowTraffic", "CodeDeployHook_greenlight-AfterAllowTraffic"
    ),
    "appspec-hooks": _appspec(
        "  - BeforeAllowTraffic: CodeDeployHook_greenlight-BeforeAllowTraffic\n  - After",
        "  BeforeAllowTraffic: CodeDeployHook_greenlight-BeforeAllowTraffic\n  After",
    ),
    "appspec-indentation": _appspec(
        "      Type: AWS::Lambda::Function\n      Properties:\n", "    Type: AWS::Lambda::Function\n    Properties:\n"
    ),
    "appspec-key-twice": _appspec("Alias: live", "Alias: live\n        alias: old"),
    "appspec-lambda-version": _appspec('TargetVersion: "8"', "TargetVersion: $LATEST"),
    "appspec-load-balancer": _appspec(
        "          ContainerName: orders\n          ContainerPort",
        "          - ContainerName: orders\n            ContainerPort",
    ),
    "appspec-network": _appspec("SecurityGroups: [sg-1], ", ""),
    "appspec-platform-version": _appspec("PlatformVersion: 1.4.0", "PlatformVersion: 1.4"),
    "appspec-property": _appspec("        Alias: live\n", ""),
    "appspec-resources": _appspec("  - orders:", "    orders:"),
    "appspec-same-version": _appspec('TargetVersion: "8"', 'TargetVersion: "7"'),
    "appspec-task-definition": _appspec("111122223333:task", "111122223333::task"),
    "appspec-template": _appspec("version: 0.0", 'AWSTemplateFormatVersion: "2010-09-09"'),
    "appspec-type": _appspec("AWS::Lambda::Function", "AWS::Lambda::Functions"),
    "appspec-unknown-key": _appspec("PlatformVersion:", "FargateVersion:"),
    "appspec-version": _appspec("version: 0.0", "version: 1.0"),
    "captured-too-late": (_plan(_LATE), _plan(_STEPS)),
    "captures-only": (
        _plan("http:\n  get: /release\n  capture: {release: json.release}"),
        _plan("http:\n  get: /release\n  expect: {status: 200, json: {release: {exists: true}}}"),
    ),
    "duplicate-name": (
        _checks(("a", _HTTP), ("a", "target_health: {}")),
        _checks(("a", _HTTP), ("b", "target_health: {}")),
    ),
    "error-passes": (_http("{latency: {lt: 1s}}"), _http("{status: 200, latency: {lt: 1s}}")),
    "file": ("", ""),
    "impossible-budget": (_checks(("a", _HTTP), bake="55m"), _checks(("a", _HTTP), bake="2m")),
    "impossible-wait": (
        _checks(("is well", _HTTP), ("no alarm", "alarms: {names: [orders-*], for: 1m}")),
        _checks(("is well", _HTTP), ("no alarm", "timeout: 70s\nalarms: {names: [orders-*], for: 1m}")),
    ),
    "malformed-validator": ("", ""),
    "may-not-finish": (
        _plan(f"timeout: 5m\nretry: {{attempts: 10, interval: 10s}}\n{_HTTP}"),
        _plan(f"timeout: 10s\nretry: {{attempts: 10, interval: 10s}}\n{_HTTP}"),
    ),
    "missing-key": (_plan("repeat: {interval: 1s}\n" + _HTTP), _plan("repeat: {count: 3, interval: 1s}\n" + _HTTP)),
    "need-skipped": (
        _checks(("a", "when: {group: canary}\ntarget_health: {}"), ("b", f"needs: [a]\n{_HTTP}")),
        _checks(
            ("a", "when: {group: canary}\ntarget_health: {}"), ("b", f"needs: [a]\nwhen: {{group: canary}}\n{_HTTP}")
        ),
    ),
    "needs": (
        _checks(("a", "target_health: {}"), ("b", f"needs: [c]\n{_HTTP}")),
        _checks(("a", "target_health: {}"), ("b", f"needs: [a]\n{_HTTP}")),
    ),
    "never-passes": (_http('{status: "200"}'), _GOOD),
    "slow-rounds": (
        _watched(f"timeout: 45s\n{_HTTP}"),
        _watched(f"timeout: 25s\n{_HTTP}"),
    ),
    "watch-key": (
        _watched(_HTTP).replace("  BeforeAllowTraffic:\n", "  BeforeAllowTraffic:\n    every: 30s\n"),
        _watched(_HTTP),
    ),
    "watch-without-gate": (_plan(_HTTP, stage="AllowTraffic"), _watched(_HTTP)),
    "never-runs": (
        _checks(("a", "target_health: {}"), ("b", f"when: {{platform: lambda}}\n{_HTTP}")),
        _checks(("a", "target_health: {}"), ("b", f"when: {{platform: ecs}}\n{_HTTP}")),
    ),
    "never-asks-green": (
        _plan('http: {get: "${blue.url}/health", expect: {status: 200}}'),
        _plan(_HTTP),
    ),
    "one-address-for-both": (
        _checks(("is well", _HTTP), ("the same", 'compare: {requests: ["${blue.url}/catalogue"]}')),
        _checks(("is well", _HTTP), ("the same", "compare: {requests: [/catalogue]}")),
    ),
    "no-blocking-check": (_plan(f"severity: advisory\n{_HTTP}"), _plan(_HTTP)),
    "nothing-expected": (_http("{}"), _GOOD),
    "nothing-to-check": (
        "version: 1\nstages:\n  AfterAllowTraffic:\n    checks: []\n",
        _plan(_HTTP, stage="AfterAllowTraffic"),
    ),
    "only-refusals": (
        _http("{status: 403}"),
        _checks(("without a key", "http: {get: /orders, expect: {status: 403}}"), ("is well", _HTTP)),
    ),
    "pattern": (_http('{status: 200, body: {matches: "(ok"}}'), _http('{status: 200, body: {matches: "(ok)"}}')),
    "bare-word": (
        _http('{status: 200, json: {"items[?state==broken]": {empty: true}}}'),
        _http("{status: 200, json: {\"items[?state=='broken']\": {empty: true}}}"),
    ),
    "empty-value": (_http("{status: 200, json: {id}}"), _http("{status: 200, json: {id: {exists: true}}}")),
    "body-on-get": (
        _plan("http:\n  get: /orders\n  body: {json: {sku: A1}}\n  expect: {status: 200}"),
        _plan("http:\n  post: /orders\n  body: {json: {sku: A1}}\n  expect: {status: 200}"),
    ),
    "placeholder-in-path": (
        _plan("http:\n  get: /orders/{order}\n  expect: {status: 200}"),
        _plan("http:\n  get: /orders/${order}\n  expect: {status: 200}", "variables: {order: A1}"),
    ),
    "plain-secret": (
        _plan("http:\n  get: /orders\n  headers: {x-api-key: k-2781}\n  expect: {status: 200}"),
        _plan(
            'http:\n  get: /orders\n  headers: {x-api-key: "${secret:secretsmanager:shop#key}"}\n'
            "  expect: {status: 200}"
        ),
    ),
    "query": (_http('{json: {"items[": 1}}'), _http('{json: {"items[0]": 1}}')),
    "reference": (
        _plan("http:\n  get: /orders/${\n  expect: {status: 200}"),
        _plan("http:\n  get: /orders/$${\n  expect: {status: 200}"),
    ),
    "same-check-twice": (
        _checks(("home", _HTTP), ("orders", _HTTP)),
        _checks(("home", _HTTP), ("orders", "http: {get: /orders, expect: {status: 200}}")),
    ),
    "first-deployment": (
        _plan("on_first_deployment: skip\ncompare: {requests: [/catalogue]}", stage="AfterAllowTestTraffic"),
        _checks(("a", "on_first_deployment: skip\ncompare: {requests: [/catalogue]}"), ("b", _HTTP)),
    ),
    "shadow-ends": (_plan(_HTTP, 'shadow: {until: "2026-06-03", why: we are getting to know the gate}'), _plan(_HTTP)),
    "shadow-too-far": (
        _plan(_HTTP, 'shadow: {until: "2036-06-03", why: we are getting to know the gate}'),
        _plan(_HTTP),
    ),
    "too-long": (_plan(f"timeout: 2h\n{_HTTP}"), _plan(f"timeout: 2m\n{_HTTP}")),
    "type": (_plan(f"tags: smoke\n{_HTTP}"), _plan(f"tags: [smoke]\n{_HTTP}")),
    "unit": (_plan(f"timeout: 5\n{_HTTP}"), _plan(f"timeout: 5s\n{_HTTP}")),
    "unknown-choice": (_plan(f"severity: harmless\n{_HTTP}"), _plan(f"severity: blocking\n{_HTTP}")),
    "unknown-key": (_plan("http:\n  get: /health\n  expects: {status: 200}"), _GOOD),
    "unknown-name": (
        _plan("http:\n  get: /orders/${oder}\n  expect: {status: 200}", "variables: {order: A1}"),
        _plan("http:\n  get: /orders/${order}\n  expect: {status: 200}", "variables: {order: A1}"),
    ),
    "unknown-predicate": (_http("{status: {less: 300}}"), _http("{status: {between: [200, 299]}}")),
    "unknown-validator": (_plan("htp: {get: /health, expect: {status: 200}}"), _plan(_HTTP)),
    "unused-variable": (
        _plan(_HTTP, "variables: {order: A1}"),
        _plan("http:\n  get: /orders/${order}\n  expect: {status: 200}", "variables: {order: A1}"),
    ),
    "validator-count": (_plan(f"{_HTTP}\ntarget_health: {{}}"), _plan(_HTTP)),
    "value": (_plan("http:\n  get: /health\n  post: /health\n  expect: {status: 200}"), _GOOD),
    "wrong-platform": (
        _plan("when: {platform: ecs}\nwarm: {count: 3, expect: {errors: 0}}", stage="BeforeAllowTraffic"),
        _plan("when: {platform: lambda}\nwarm: {count: 3, expect: {errors: 0}}", stage="BeforeAllowTraffic"),
    ),
    "wrong-stage": (
        _checks(("is well", _HTTP), ("is ready", "lambda_state: {}")),
        _checks(("is well", _HTTP), ("is ready", "lambda_state: {}"), stage="BeforeAllowTraffic"),
    ),
    "yaml-anchor": (_http("&well {status: 200}"), _GOOD),
    "yaml-base-60": (_http("{status: 200, json: {opens: 9:30}}"), _http('{status: 200, json: {opens: "9:30"}}')),
    "yaml-boolean": (_http("{status: 200, json: {open: yes}}"), _http("{status: 200, json: {open: true}}")),
    "yaml-date": (_http("{status: 200, json: {day: 2026-01-01}}"), _http('{status: 200, json: {day: "2026-01-01"}}')),
    "yaml-duplicate-key": (_plan("http:\n  get: /health\n  expect: {status: 200}\n  get: /orders"), _GOOD),
    "yaml-number": (_http("{status: 200, json: {release: 1.10}}"), _http('{status: 200, json: {release: "1.10"}}')),
    "yaml-octal": (_http("{status: 200, json: {room: 010}}"), _http("{status: 200, json: {room: 10}}")),
    "yaml-odd-number": (_http("{status: 200, json: {stock: 1_000}}"), _http("{status: 200, json: {stock: 1000}}")),
    "yaml-syntax": (_http("{status: 200, json: {id: ${order}}}"), _http("{status: 200, json: {id: A1}}")),
    "yaml-tag": (_http("{status: 200, json: {code: !!str 7}}"), _http('{status: 200, json: {code: "7"}}')),
}
