"""No generated gate succeeds unless green itself answered a blocking check that passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from greenlight.core.finding import Finding, Outcome

from .campaign import describe, run_gates
from .gates import Gate, GateRunner, find_violation

if TYPE_CHECKING:
    from pathlib import Path


# The engine's worker leaves connections open, because its process ends; here they are open until they are collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _keep_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "GREENLIGHT_PLAN_FOLDER", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        monkeypatch.setenv(name, "")


def test_no_gate_succeeds_without_an_answer_of_green() -> None:
    gates = run_gates(1, range(60))

    assert [describe(gate) for gate in gates if gate.violation] == []
    assert {gate.status for gate in gates} == {"Succeeded", "Failed"}, "gates that all fail show nothing"


def test_oracle_reports_a_success_that_green_did_not_earn(tmp_path: Path) -> None:
    with GateRunner(tmp_path, 1) as runner:
        gates = (runner.run(number) for number in range(200))
        gate: Gate = next(gate for gate in gates if gate.world.green == "dead" and gate.world.has_greens_listener)
    passed: tuple[Finding, ...] = tuple(replace(finding, outcome=Outcome.PASS) for finding in gate.findings)
    (stage,) = gate.plan["stages"].values()
    blocking: dict[str, Any] = {**stage, "checks": [{**check, "severity": "blocking"} for check in stage["checks"]]}

    violation = find_violation(gate.world, {"stages": {gate.world.stage: blocking}}, passed)

    assert violation.startswith("green answered none of the checks that passed")
    assert find_violation(gate.world, gate.plan, ()) == "no blocking check passed"
