"""Outcome of a scenario: the document of `--format json`, and the comparison with the expected outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from .scenario import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .aws.states import MachineRun
    from .codedeploy_state import DeploymentRecord
    from .scenario import Expect, PlannedDeployment, Scenario


@dataclass
class DeploymentOutcome:
    """Outcome of one deployment.

    Attributes:
        traffic: Changes of traffic: the second of the deployment, and green's percentage from then on.
        gates: Reports of the hooks as documents, in the order of the events.
        machine_runs: Executions of the state machines, in the order of their start.
        requests, errors: Numbers of the users' requests during the deployment; `green_` counts those sent to green.
    """

    planned: PlannedDeployment
    record: DeploymentRecord
    rollback: DeploymentRecord | None
    traffic: list[tuple[float, int]] = field(default_factory=list)
    gates: list[dict[str, Any]] = field(default_factory=list)
    answered_by: list[str] = field(default_factory=list)
    machine_runs: list[MachineRun] = field(default_factory=list)
    requests: int = 0
    errors: int = 0
    green_requests: int = 0
    green_errors: int = 0

    @property
    def failed_at(self) -> str | None:
        """Event at which the deployment failed, None if all events succeeded."""
        return next((event.name for event in self.record.events if event.status == "Failed"), None)

    @property
    def rolled_back(self) -> bool:
        """Whether a rollback deployment succeeded."""
        return self.rollback is not None and self.rollback.status == "Succeeded"

    def mismatches(self) -> list[str]:
        """Return one sentence for each difference from the expected outcome."""
        return list(_mismatches(self, self.planned.expect))

    def document(self) -> dict[str, Any]:
        """Return the JSON document of this deployment."""
        return {
            "deployment_id": self.record.id,
            "config": self.record.config,
            "status": self.record.status,
            "expected": not self.mismatches(),
            "mismatches": self.mismatches(),
            "rolled_back": self.rolled_back,
            "failed_at": self.failed_at,
            "error": {"code": self.record.error_code, "message": self.record.error_message}
            if self.record.error_code
            else None,
            "green_requests_from_users": self.green_requests,
            "users": {"requests": self.requests, "errors": self.errors, "errors_of_green": self.green_errors},
            "lifecycle": _lifecycle(self.record),
            "rollback": None
            if self.rollback is None
            else {
                "deployment_id": self.rollback.id,
                "status": self.rollback.status,
                "lifecycle": _lifecycle(self.rollback),
            },
            "traffic": [{"at_s": round(at, 3), "green_percent": percent} for at, percent in self.traffic],
            "answered_by": self.answered_by,
            "executions": [run.document() for run in self.machine_runs],
            "gates": self.gates,
        }


@dataclass
class ScenarioOutcome:
    """Outcome of one scenario; `problem` is a sentence if the scenario could not be completed."""

    scenario: Scenario
    deployments: list[DeploymentOutcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reports: list[Path] = field(default_factory=list)
    duration_s: float = 0.0
    problem: str = ""

    @property
    def expected(self) -> bool:
        """Whether every deployment ended as the scenario expects."""
        if self.problem or not self.deployments:
            return False
        return not any(deployment.mismatches() for deployment in self.deployments)

    def document(self) -> dict[str, Any]:
        """Return the JSON document of this scenario; its top level describes the last deployment."""
        file = self.scenario.file
        documents = [deployment.document() for deployment in self.deployments]
        last: dict[str, Any] = documents[-1] if documents else _NO_DEPLOYMENT
        keys = ("rolled_back", "failed_at", "green_requests_from_users", "lifecycle", "traffic", "gates")
        return {
            "name": file.name,
            "platform": file.platform,
            "status": last["status"],
            "expected": self.expected,
            **{key: last[key] for key in keys},
            "scenario": str(self.scenario.path),
            "application": file.application,
            "group": file.group,
            "mismatches": [sentence for document in documents for sentence in document["mismatches"]],
            "problem": self.problem or None,
            "notes": self.notes,
            "deployments": documents,
            "reports": [str(path) for path in self.reports],
            "duration_s": round(self.duration_s, 3),
        }


_NO_DEPLOYMENT: dict[str, Any] = {
    "status": None,
    "rolled_back": False,
    "failed_at": None,
    "green_requests_from_users": 0,
    "lifecycle": [],
    "traffic": [],
    "gates": [],
}


def _lifecycle(record: DeploymentRecord) -> list[dict[str, Any]]:
    return [
        {
            "event": event.name,
            "status": event.status,
            "duration_ms": round((event.ended - event.started) * 1000, 1) if event.ended else 0.0,
        }
        for event in record.events
    ]


def _mismatches(outcome: DeploymentOutcome, expect: Expect) -> Iterator[str]:
    record = outcome.record
    if record.status != expect.status:
        place = f" at {outcome.failed_at}" if outcome.failed_at else ""
        yield f"status is {record.status}{place}, expected {expect.status}"
    if expect.failed_at is not UNSET and outcome.failed_at != expect.failed_at:
        yield f"failed_at is {outcome.failed_at}, expected {expect.failed_at}"
    if expect.rolled_back is not UNSET and outcome.rolled_back != expect.rolled_back:
        yield f"rolled_back is {_format_bool(outcome.rolled_back)}, expected {_format_bool(bool(expect.rolled_back))}"
    yield from _compare_number("green_requests_from_users", outcome.green_requests, expect.green_requests_from_users)
    largest = max((percent for _, percent in outcome.traffic), default=0)
    yield from _compare_number("green_percent", largest, expect.green_percent)
    yield from _compare_number("users_errors", outcome.errors, expect.users_errors)
    reasons = [reason for gate in outcome.gates for reason in gate.get("reasons") or ()]
    causes = {str(reason.get("cause")) for reason in reasons}
    for cause in expect.causes:
        if cause not in causes:
            yield f"no gate reported the cause {cause}; the reported causes are: {', '.join(sorted(causes)) or 'none'}"
    if expect.reason and not any(expect.reason in str(reason.get("message")) for reason in reasons):
        yield f"no reason of a gate contains {expect.reason!r}"
    answered_by = outcome.answered_by[-1] if outcome.answered_by else None
    if expect.answered_by and expect.answered_by != answered_by:
        yield f"answered_by is {answered_by}, expected {expect.answered_by}"


def _compare_number(key: str, actual: int, expected: Any) -> Iterator[str]:
    bounds = Bounds(gte=expected, lte=expected) if isinstance(expected, int) else expected
    if isinstance(bounds, Bounds) and not bounds.contains(actual):
        yield f"{key} is {actual}, expected {expected}"


def _format_bool(value: bool) -> str:
    return "true" if value else "false"
