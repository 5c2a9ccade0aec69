"""A rehearsal told line by line, as it happens: the same words on a terminal, in a pipe and in a build's log."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from devkit.rehearsal.codedeploy_state import ROLLBACK_CREATOR, Entry, Record
from devkit.rehearsal.engine import Observer
from devkit.rehearsal.hooks import LAST_RESORT_KEY
from devkit.terminal.console import styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from devkit.rehearsal.outcome import DeploymentOutcome, ScenarioOutcome
    from devkit.rehearsal.scenario import Scenario

_MAX_MESSAGE = 240
_INDENT = " " * 12
_PATIENCE_S = 0.5


class Progress(Observer):
    """Writes what it hears to a console."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._hooks: tuple[str, ...] = ()
        self._said = threading.Condition()
        self._awaited: set[str] = set()

    def scenario_started(self, scenario: Scenario) -> None:
        """A scenario begins."""
        self._started = time.monotonic()
        self._hooks = tuple(sorted({stage for planned in scenario.deployments for stage in planned.hooks}))
        file = scenario.file
        self._write(Text(file.name, style="bold"))
        self._write(
            Text(
                f"  {file.platform}, {file.application}/{file.group}, a minute takes {file.minute} here", "bright_black"
            )
        )

    def scenario_ended(self, outcome: ScenarioOutcome) -> None:
        """A scenario is over."""
        for deployment in outcome.deployments:
            self._write(Text(f"  users   {_users(deployment)}"))
        if outcome.problem:
            self._write(Text(f"  not played: {outcome.problem}", "red"))
        elif outcome.expected:
            self._write(Text("  as expected: ", "green").append(_ending(outcome)))
        else:
            self._write(Text("  not as expected: ", "red").append(_ending(outcome)))
            for deployment in outcome.deployments:
                for sentence in deployment.mismatches():
                    self._write(Text(f"    {sentence}", "red"))
        self._write(Text(""))

    def blue_serves(self) -> None:
        """Say that everything stands."""
        self._line(Text("blue serves its users"))

    def deployment_started(self, record: Record) -> None:
        """Say which deployment begins."""
        what = "rollback deployment" if record.creator == ROLLBACK_CREATOR else "deployment"
        self._line(Text(f"{what} {record.id}, {record.config}"))

    def event_changed(self, record: Record, entry: Entry) -> None:
        """Say how a lifecycle event went; of one that calls a hook, also that it has begun."""
        if entry.status == "InProgress":
            if entry.name in self._hooks and record.creator != ROLLBACK_CREATOR:
                self._line(Text(f"{entry.name:<22} ").append("hook called", "bright_black"))
            return
        if record.creator == ROLLBACK_CREATOR and entry.name != "AllowTraffic":
            return
        if entry.answered_by:
            self._await_verdict(entry.name)
        line = Text(f"{entry.name:<22} ").append_text(styled(entry.status))
        if entry.ended - entry.started >= 0.05:
            line.append(f"  {entry.ended - entry.started:.1f} s", "bright_black")
        if entry.answered_by == LAST_RESORT_KEY:
            line.append("  answered by the last resort", "yellow")
        self._line(line)
        if entry.status == "Failed" and entry.message:
            for part in entry.message.splitlines():
                self._write(Text(f"{_INDENT}{part}"))

    def traffic_shifted(self, _record: Record, percent: int) -> None:
        """Say green's share."""
        self._line(Text(f"green has {percent} % of the users' traffic", "cyan"))

    def deployment_ended(self, record: Record) -> None:
        """Say how a deployment ended."""
        what = "rollback deployment" if record.creator == ROLLBACK_CREATOR else "deployment"
        line = Text(f"{what} {record.id} ").append_text(styled(record.status))
        if record.error_code:
            line.append(f" ({record.error_code})")
        self._line(line)

    def hook_said(self, stage: str, line: dict[str, Any]) -> None:
        """Show a hook's checks and its verdict."""
        message = line.get("message")
        with self._said:
            if message == "gate started":
                self._awaited.add(stage)
            elif message == "verdict":
                self._awaited.discard(stage)
                self._said.notify_all()
        if message == "check finished" and isinstance(line.get("check"), dict):
            check = line["check"]
            text = (
                Text(_INDENT).append_text(styled(f"{check.get('outcome')} ", 12)).append(_one_line(check.get("name")))
            )
            if check.get("outcome") != "PASS" and check.get("message"):
                text.append(f": {_one_line(check['message'])}")
            self._write(text)
        elif message == "verdict":
            self._write(Text(f"{_INDENT}verdict ").append_text(styled(str(line.get("verdict")))))
            for reason in line.get("reasons") or ():
                self._write(Text(f"{_INDENT}  {_reason(reason)}"))
        elif message == "answered" and (line.get("error") or not line.get("told", True)):
            told = "CodeDeploy was told" if line.get("told") else "CodeDeploy could not be told"
            self._write(Text(f"{_INDENT}{told} after {line.get('attempts')} attempts: {_one_line(line.get('error'))}"))

    def noted(self, sentence: str) -> None:
        """Pass a note on."""
        self._line(Text(f"note: {sentence}", "yellow"))

    def _await_verdict(self, stage: str) -> None:
        """A hook's last lines come by another way than its answer; let them be read first."""
        with self._said:
            self._said.wait_for(lambda: stage not in self._awaited, _PATIENCE_S)

    def _line(self, text: Text) -> None:
        self._write(Text(f"  {time.monotonic() - self._started:6.1f} s  ").append_text(text))

    def _write(self, text: Text) -> None:
        with self._lock:
            self._console.print(text)


def summary(outcomes: Sequence[ScenarioOutcome]) -> Table:
    """Put all scenarios into one table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "scenario", "ended", "green got", "users' errors", "time"):
        number = heading in ("green got", "users' errors", "time")
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for outcome in outcomes:
        table.add_row(
            Text("as expected", "green") if outcome.expected else Text("NOT as expected", "red"),
            outcome.scenario.file.name,
            _ending(outcome),
            str(sum(each.green_requests for each in outcome.deployments)),
            str(sum(each.errors for each in outcome.deployments)),
            f"{outcome.duration_s:.1f} s",
        )
    return table


def _ending(outcome: ScenarioOutcome) -> str:
    if outcome.problem:
        return "not played"
    endings = []
    for deployment in outcome.deployments:
        at = f" at {deployment.failed_at}" if deployment.failed_at else ""
        back = ", rolled back" if deployment.rolled_back else ""
        endings.append(f"{deployment.record.status}{at}{back}")
    return "; then ".join(endings)


def _users(deployment: DeploymentOutcome) -> str:
    total, green = deployment.requests, deployment.green_requests
    failed = f"{deployment.errors} failed" if deployment.errors else "none failed"
    return f"{total} requests, {failed}; green got {green}" + (
        f", of which {deployment.green_errors} failed" if deployment.green_errors else ""
    )


def _reason(reason: Any) -> str:
    if not isinstance(reason, dict):
        return _one_line(reason)
    check = f"{reason['check']}: " if reason.get("check") else ""
    return f"{reason.get('cause')}  {_one_line(check + str(reason.get('message')))}"


def _one_line(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"
