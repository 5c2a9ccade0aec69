"""Templates of `greenlight new`: a validator, its test and a plan, which pass as they are."""

from __future__ import annotations

_VALIDATOR = '''\
"""{name}: green sends a header with the expected value.

Example:
    checks:
      - name: green is ready
        {name}: {{path: /health, header: x-ready, expect: "yes"}}

Source: RFC 9110, section 6.3 (header fields)
"""

from __future__ import annotations

from greenlight.api import Context, Expectation, Finding, Params, check_value, finding_from, validator


class {kind}(Params, frozen=True, kw_only=True):
    """`path` of the request; `header` of the response; `expect` is the expectation of its value."""

    path: str = "/"
    header: str
    expect: Expectation


@validator(
    {kind},
    remediation="Request the path from green, and read its log.",
    cost="One request to green for each attempt.",
)
def {name}(params: {kind}, context: Context) -> Finding:
    """Green sends a header with the expected value."""
    response = context.request("GET", params.path)
    evidence = check_value(params.header, params.expect, response.header(params.header), response.url)
    return finding_from([evidence], f"{{params.header}} has the expected value")
'''

_TEST = '''\
"""Tests of {name} against local servers, and of the rules that every validator must follow."""

from __future__ import annotations

from pathlib import Path

from greenlight.api import Outcome
from greenlight.testing import Case, check_validator, green_server, load_validator, run_check

FILE = Path(__file__).parents[2] / "validators" / "{name}.py"
PARAMS = {{"path": "/health", "header": "x-ready", "expect": "yes"}}


def ready(_method: str, path: str, _body: bytes) -> tuple[int, dict[str, str], str]:
    return (200, {{"x-ready": "yes"}}, "") if path == "/health" else (404, {{}}, "")


def test_missing_header_fails() -> None:
    with green_server(lambda *_: (200, {{}}, "")) as context:
        finding = run_check(load_validator(FILE), PARAMS, context)
    assert finding.outcome is Outcome.FAIL
    assert finding.message.endswith('x-ready is null, expected "yes"')


def test_expected_header_passes() -> None:
    with green_server(ready) as context:
        finding = run_check(load_validator(FILE), PARAMS, context)
    assert (finding.outcome, finding.message) == (Outcome.PASS, "x-ready has the expected value")


def test_validator_conforms() -> None:
    check_validator(
        FILE,
        passing=Case(params=PARAMS, green=ready),
        failing=Case(params={{**PARAMS, "path": "/elsewhere"}}, green=ready),
    )
'''

_ECS = """\
version: 1
defaults: {{timeout: 5s, retry: {{attempts: 2, interval: 1s}}}}
stages:
  # Only the test listener forwards to green, and users cannot reach it: check everything that a release must do.
  AfterAllowTestTraffic:
    checks:
      - name: green answers
        http: {{get: /, expect: {{status: 200, latency: {{lte: 1s}}}}}}
  # Green serves all users now. Alarms watch it from here on; check once that it answers.
  AfterAllowTraffic:
    checks:
      - name: green still answers
        http: {{get: /, expect: {{status: 200}}}}
"""

_LAMBDA = """\
version: 1
defaults: {{timeout: 5s, retry: {{attempts: 2, interval: 1s}}}}
stages:
  # The alias still points to the old version: check everything that a release must do.
  BeforeAllowTraffic:
    checks:
      - name: the new version is active
        lambda_state: {{}}
      - name: the new version answers
        lambda_invoke: {{payload: {{}}, expect: {{duration: {{lte: 3s}}}}}}
  # The new version serves all users now. Alarms watch it from here on; check once that it answers.
  AfterAllowTraffic:
    checks:
      - name: the new version still answers
        lambda_invoke: {{payload: {{}}, expect: {{duration: {{lte: 3s}}}}}}
"""

_HEAD = """\
# Checks of a release before it serves users. All validators: greenlight validators
# Find mistakes: greenlight lint {file}
# Try it: greenlight check {file} --stage {stage} {target}
"""

PLATFORMS = ("ecs", "lambda")


def validator_source(name: str) -> str:
    """Return the source of a validator."""
    return _VALIDATOR.format(name=name, kind="".join(part.capitalize() for part in name.split("_")))


def test_source(name: str) -> str:
    """Return the source of its test."""
    return _TEST.format(name=name)


def plan_source(platform: str, file: str = "plan.yaml") -> str:
    """Return a plan for a platform; `file` is the name that its comments use."""
    if platform == "ecs":
        stage, target, text = "AfterAllowTestTraffic", "--url http://localhost:8080", _ECS
    else:
        stage, target, text = "BeforeAllowTraffic", "--function NAME:VERSION", _LAMBDA
    return (_HEAD + text).format(file=file, stage=stage, target=target)
