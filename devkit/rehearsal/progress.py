"""Progress of a rehearsal, line by line: the same text on a terminal, in a pipe and in the log of a build."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec
from rich.table import Table
from rich.text import Text

from greenlight.core.verdict import Reason
from greenlight.report.reason_groups import group_reasons

from ..terminal.console import styled
from .codedeploy_state import DeploymentRecord, LifecycleEvent
from .engine import Observer
from .hooks import ANSWERERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from .outcome import DeploymentOutcome, ScenarioOutcome
    from .scenario import Scenario

_MAX_MESSAGE = 240
_INDENT = " " * 12
_VERDICT_WAIT_S = 0.5


class Progress(Observer):
    """Observer that prints progress to a console."""

    def __init__(self, console: Console) -> None:
        """Print to `console`."""
        self._console = console
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._hooks: tuple[str, ...] = ()
        self._verdict_logged = threading.Condition()
        self._running_gates: set[str] = set()

    def scenario_started(self, scenario: Scenario) -> None:
        """Print the name and settings of a scenario."""
        self._started = time.monotonic()
        self._hooks = tuple(sorted({stage for planned in scenario.deployments for stage in planned.hooks}))
        file = scenario.file
        self._write(Text(file.name, style="bold"))
        self._write(
            Text(
                f"  {file.platform}, {file.application}/{file.group}, a minute takes {file.minute} here",
                "bright_black",
            )
        )

    def scenario_ended(self, outcome: ScenarioOutcome) -> None:
        """Print the outcome of a scenario."""
        for deployment in outcome.deployments:
            self._write(Text(f"  users   {_users(deployment)}"))
        if outcome.problem:
            self._write(Text(f"  not completed: {outcome.problem}", "red"))
        elif outcome.expected:
            self._write(Text("  as expected: ", "green").append(_ending(outcome)))
        else:
            self._write(Text("  not as expected: ", "red").append(_ending(outcome)))
            for deployment in outcome.deployments:
                for sentence in deployment.mismatches():
                    self._write(Text(f"    {sentence}", "red"))
        self._write(Text(""))

    def blue_ready(self) -> None:
        """Print that blue gets the users' traffic."""
        self._print_timed(Text("blue serves the users' traffic"))

    def deployment_started(self, record: DeploymentRecord) -> None:
        """Print the id and configuration of a deployment."""
        self._print_timed(Text(f"{_kind(record)} {record.id}, {record.config}"))

    def event_changed(self, record: DeploymentRecord, event: LifecycleEvent) -> None:
        """Print the result of a lifecycle event, and that its hook was called."""
        if event.status == "InProgress":
            if event.name in self._hooks and not record.is_rollback:
                self._print_timed(Text(f"{event.name:<22} ").append("hook called", "bright_black"))
            return
        if record.is_rollback and event.name != "AllowTraffic":
            return
        if event.answered_by:
            self._await_verdict(event.name)
        line = Text(f"{event.name:<22} ").append_text(styled(event.status))
        if event.ended - event.started >= 0.05:
            line.append(f"  {event.ended - event.started:.1f} s", "bright_black")
        answerer = ANSWERERS.get(event.answered_by, "hook")
        if answerer != "hook":
            color = "bright_black" if answerer == "machine" else "yellow"
            line.append(f"  answered by the {answerer.replace('-', ' ')}", color)
        self._print_timed(line)
        if event.status == "Failed" and event.message:
            for part in event.message.splitlines():
                self._write(Text(f"{_INDENT}{part}"))

    def traffic_shifted(self, _record: DeploymentRecord, percent: int) -> None:
        """Print green's percentage of the traffic."""
        self._print_timed(Text(f"green has {percent} % of the users' traffic", "cyan"))

    def deployment_ended(self, record: DeploymentRecord) -> None:
        """Print the final status of a deployment."""
        line = Text(f"{_kind(record)} {record.id} ").append_text(styled(record.status))
        if record.error_code:
            line.append(f" ({record.error_code})")
        self._print_timed(line)

    def hook_logged(self, stage: str, line: dict[str, Any]) -> None:
        """Print a hook's checks and its verdict."""
        message = line.get("message")
        with self._verdict_logged:
            if message == "gate started":
                self._running_gates.add(stage)
            elif message == "verdict":
                self._running_gates.discard(stage)
                self._verdict_logged.notify_all()
        if message == "check finished" and isinstance(line.get("check"), dict):
            check = line["check"]
            text = (
                Text(_INDENT).append_text(styled(f"{check.get('outcome')} ", 12)).append(_one_line(check.get("name")))
            )
            if check.get("outcome") != "PASS" and check.get("message"):
                text.append(f": {_one_line(check['message'])}")
            self._write(text)
        elif message == "verdict":
            shadow = line.get("shadow")
            remark = f" (shadow: would have {shadow.get('would_have_been')})" if isinstance(shadow, dict) else ""
            self._write(Text(f"{_INDENT}verdict ").append_text(styled(str(line.get("verdict")))).append(remark))
            for group in group_reasons(_read_reasons(line.get("reasons"))):
                label = f"{group.label}: " if group.label else ""
                self._write(Text(f"{_INDENT}  {group.cause.value}  {_one_line(label + group.message)}"))
                if group.is_shared:
                    self._write(Text(f"{_INDENT}    {_one_line(group.names)}"))
        elif message == "state machine started":
            self._write(Text(f"{_INDENT}the state machine conducts this gate: {_one_line(line.get('reason'))}"))
        elif message == "answered" and (line.get("error") or not line.get("told", True)):
            result = "was reported to CodeDeploy" if line.get("told") else "could not be reported to CodeDeploy"
            error = _one_line(line.get("error"))
            self._write(Text(f"{_INDENT}the status {result} after {line.get('attempts')} attempts: {error}"))

    def note_added(self, sentence: str) -> None:
        """Print a note."""
        self._print_timed(Text(f"note: {sentence}", "yellow"))

    def _await_verdict(self, stage: str) -> None:
        """Wait for the verdict in the log, which can arrive after the status that the hook reported."""
        with self._verdict_logged:
            self._verdict_logged.wait_for(lambda: stage not in self._running_gates, _VERDICT_WAIT_S)

    def _print_timed(self, text: Text) -> None:
        self._write(Text(f"  {time.monotonic() - self._started:6.1f} s  ").append_text(text))

    def _write(self, text: Text) -> None:
        with self._lock:
            self._console.print(text)


def summary(outcomes: Sequence[ScenarioOutcome]) -> Table:
    """Return a table of all scenarios."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "scenario", "ended", "green got", "users' errors", "time"):
        number = heading in ("green got", "users' errors", "time")
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for outcome in outcomes:
        table.add_row(
            Text("as expected", "green") if outcome.expected else Text("NOT as expected", "red"),
            outcome.scenario.file.name,
            _ending(outcome),
            str(sum(deployment.green_requests for deployment in outcome.deployments)),
            str(sum(deployment.errors for deployment in outcome.deployments)),
            f"{outcome.duration_s:.1f} s",
        )
    return table


def _kind(record: DeploymentRecord) -> str:
    return "rollback deployment" if record.is_rollback else "deployment"


def _ending(outcome: ScenarioOutcome) -> str:
    if outcome.problem:
        return "not completed"
    endings = []
    for deployment in outcome.deployments:
        place = f" at {deployment.failed_at}" if deployment.failed_at else ""
        rollback = ", rolled back" if deployment.rolled_back else ""
        endings.append(f"{deployment.record.status}{place}{rollback}")
    return "; then ".join(endings)


def _users(deployment: DeploymentOutcome) -> str:
    total, green = deployment.requests, deployment.green_requests
    failed = f"{deployment.errors} failed" if deployment.errors else "none failed"
    return f"{total} requests, {failed}; green got {green}" + (
        f", of which {deployment.green_errors} failed" if deployment.green_errors else ""
    )


def _read_reasons(data: Any) -> list[Reason]:
    """Return the reasons of a log line; none if it is not a hook's."""
    try:
        return msgspec.convert(data or [], list[Reason])
    except msgspec.ValidationError:
        return []


def _one_line(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"
