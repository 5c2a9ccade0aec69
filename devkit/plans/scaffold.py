"""What `greenlight new` writes: the first state of a validator and of a plan, which pass as they are."""

from __future__ import annotations

_VALIDATOR = '''\
"""{name}: green says in a header of its answer what it should.

Example:
    checks:
      - name: green says that it is ready
        {name}: {{path: /health, header: x-ready, expect: "yes"}}

Source: RFC 9110, section 6.3 (header fields)
"""

from __future__ import annotations

from greenlight.api import Context, Expectation, Finding, Params, check_value, finding_from, validator


class {kind}(Params, frozen=True, kw_only=True):
    """`path` of green to ask; `header` of its answer to look at; `expect` is what that must be."""

    path: str = "/"
    header: str
    expect: Expectation


@validator(
    {kind},
    remediation="Ask green for the path yourself, and read what it logged meanwhile.",
    cost="One request to green for each attempt.",
)
def {name}(params: {kind}, context: Context) -> Finding:
    """Green says in a header what it should."""
    response = context.request("GET", params.path)
    found = check_value(params.header, params.expect, response.header(params.header), response.url)
    return finding_from([found], f"green says so in {{params.header}}")
'''

_TEST = '''\
"""{name} against greens on this machine, and the promises that every validator keeps."""

from __future__ import annotations

from pathlib import Path

from greenlight.api import Outcome
from greenlight.testing import Case, check_validator, green_server, load_validator, run_check

FILE = Path(__file__).parents[2] / "validators" / "{name}.py"
WRITTEN = {{"path": "/health", "header": "x-ready", "expect": "yes"}}


def ready(_method: str, path: str, _body: bytes) -> tuple[int, dict[str, str], str]:
    return (200, {{"x-ready": "yes"}}, "") if path == "/health" else (404, {{}}, "")


def test_a_green_that_does_not_say_it_fails() -> None:
    with green_server(lambda *_: (200, {{}}, "")) as context:
        finding = run_check(load_validator(FILE), WRITTEN, context)
    assert finding.outcome is Outcome.FAIL
    assert finding.message.endswith('x-ready is null, expected "yes"')


def test_a_green_that_says_it_passes() -> None:
    with green_server(ready) as context:
        finding = run_check(load_validator(FILE), WRITTEN, context)
    assert (finding.outcome, finding.message) == (Outcome.PASS, "green says so in x-ready")


def test_it_keeps_every_promise_of_validators() -> None:
    check_validator(
        FILE,
        passing=Case(params=WRITTEN, green=ready),
        failing=Case(params={{**WRITTEN, "path": "/elsewhere"}}, green=ready),
    )
'''

_ECS = """\
version: 1
defaults: {{timeout: 5s, retry: {{attempts: 2, interval: 1s}}}}
stages:
  # The test listener leads to green, and no user does: the moment for everything that a release must do.
  AfterAllowTestTraffic:
    checks:
      - name: green answers
        http: {{get: /, expect: {{status: 200, latency: {{lte: 1s}}}}}}
  # Green has users now; whether it keeps them well is for alarms to say, and this is said once.
  AfterAllowTraffic:
    checks:
      - name: green still answers
        http: {{get: /, expect: {{status: 200}}}}
"""

_LAMBDA = """\
version: 1
defaults: {{timeout: 5s, retry: {{attempts: 2, interval: 1s}}}}
stages:
  # The alias still leads to the old version: the moment for everything that a release must do.
  BeforeAllowTraffic:
    checks:
      - name: the new version is active
        lambda_state: {{}}
      - name: the new version answers
        lambda_invoke: {{payload: {{}}, expect: {{duration: {{lte: 3s}}}}}}
  # The new version has all users now; whether it keeps them well is for alarms to say, and this is said once.
  AfterAllowTraffic:
    checks:
      - name: the new version still answers
        lambda_invoke: {{payload: {{}}, expect: {{duration: {{lte: 3s}}}}}}
"""

_HEAD = """\
# What must be true of a release before users meet it. Which checks there are: greenlight validators
# Mistakes are found by: greenlight lint {file}
# Try it: greenlight check {file} --stage {stage} {target}
"""

PLATFORMS = ("ecs", "lambda")


def validator(name: str) -> str:
    """Write the file of a validator."""
    return _VALIDATOR.format(name=name, kind="".join(part.capitalize() for part in name.split("_")))


def test_of(name: str) -> str:
    """Write the test of that file."""
    return _TEST.format(name=name)


def plan(platform: str, file: str = "plan.yaml") -> str:
    """Write a plan for a platform, as the file of that name."""
    if platform == "ecs":
        stage, target, text = "AfterAllowTestTraffic", "--url http://localhost:8080", _ECS
    else:
        stage, target, text = "BeforeAllowTraffic", "--function NAME:VERSION", _LAMBDA
    return (_HEAD + text).format(file=file, stage=stage, target=target)
