"""A stage accepts weaker evidence only with a reason."""

from __future__ import annotations

import pytest

from greenlight.core.errors import PlanError
from greenlight.plan.parser import parse

PLAN = """\
version: 1
stages:
  AfterAllowTraffic:
    accepts: {}
    checks:
      - name: no alarm
        alarms: {{names: [shop]}}
  AfterInstall:
    checks:
      - name: green is ready
        target_health: {{}}
"""


@pytest.mark.parametrize(
    ("accepts", "message"),
    [
        ("{}", "'evidence' is missing"),
        ("{evidence: readiness}", "'why' is missing"),
        ("{why: a queue}", "'evidence' is missing"),
        ("{evidence: readiness, why: ''}", "length >= 1"),
        ("{evidence: readiness, why: '  '}", "the reason is blank"),
        ("{evidence: asked, why: a queue}", "asked"),
        ("{evidence: observed, why: a queue}", "observed"),
        ("readiness", "expected a map"),
        ("{evidence: environment, why: '${reason}'}", "write out the value"),
        ("{evidence: environment, why: a queue, until: 2030-01-01}", "unknown key 'until'"),
    ],
)
def test_malformed_accepts_rejects_the_plan(accepts: str, message: str) -> None:
    with pytest.raises(PlanError) as raised:
        parse(PLAN.format(accepts))

    assert message in str(raised.value)
    assert "stages.AfterAllowTraffic.accepts" in "; ".join(problem.path for problem in raised.value.problems)


def test_accepts_belongs_to_its_stage() -> None:
    stages = parse(PLAN.format("{evidence: readiness, why: green has no endpoint}")).stages

    accepts = stages["AfterAllowTraffic"].accepts
    assert accepts is not None
    assert (accepts.evidence, accepts.why) == ("readiness", "green has no endpoint")
    assert stages["AfterInstall"].accepts is None
