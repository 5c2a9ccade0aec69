"""What CodeDeploy decides during a blue/green deployment: order, waiting, stopping, rolling back.

The engine knows no AWS and no processes. It moves a `Ground` (what the platform does at each event),
calls hooks through a function that returns at once, and learns their status from the ledger alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from devkit.rehearsal.codedeploy_state import ROLLBACK_CREATOR, Entry, Execution, Ledger, Record, new_deployment_id
from devkit.rehearsal.configurations import Step
from devkit.rehearsal.lifecycle import events
from greenlight.core.deployment import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from devkit.rehearsal.configurations import Configuration

HOOK_FAILED = "The deployment failed because one or more of the lifecycle event validation functions failed."
HOOK_TIMED_OUT = (
    "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback "
    "within one hour after a deployment hook is invoked."
)
_POLL_S = 0.02


class Halt(Exception):  # noqa: N818 - not an error of the rehearsal: the way a deployment ends early
    """A deployment does not go on; `status` and `code` in CodeDeploy's words."""

    def __init__(self, code: str, message: str, status: str = "Failed") -> None:
        """Keep what GetDeployment will say."""
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


class Moves(Protocol):
    """What CodeDeploy does to a platform at its own lifecycle events. Each may raise Halt."""

    def install(self, deployment_id: str, /) -> None:
        """Bring green up for this deployment, without traffic."""

    def allow_test_traffic(self) -> None:
        """Point the test listener at green."""

    def shift(self, percent: int, /) -> None:
        """Give green this share of the users' traffic."""


class Ground(Moves, Protocol):
    """A platform on which deployments happen."""

    def restore(self) -> None:
        """Put everything back to blue; green has had its day."""

    def settle(self) -> None:
        """Green is the new blue; the old one has had its day."""

    def target(self) -> dict[str, Any]:
        """Describe the deployment's target as BatchGetDeploymentTargets does, without its lifecycle events."""

    def rollback_target(self) -> dict[str, Any]:
        """Describe the same target as the rollback deployment sees it: the way back to blue."""


class Observer:
    """Hears what happens, as it happens; every method may be called from any thread. This one does nothing."""

    def blue_serves(self) -> None:
        """Blue is up and users call it."""

    def deployment_started(self, record: Record) -> None:
        """A deployment begins."""

    def event_changed(self, record: Record, entry: Entry) -> None:
        """A lifecycle event began or ended."""

    def traffic_shifted(self, record: Record, percent: int) -> None:
        """Green's share of the users' traffic changed."""

    def hook_said(self, stage: str, line: dict[str, Any]) -> None:
        """A hook logged a line (JSON)."""

    def noted(self, sentence: str) -> None:
        """Something worth a sentence happened."""

    def deployment_ended(self, record: Record) -> None:
        """A deployment has its final status."""


@dataclass(frozen=True)
class Order:
    """One deployment as ordered.

    Attributes:
        hooks: Lifecycle event to hook function's name.
        minute_s, hour_s: How long CodeDeploy's minute and the hour it waits for a hook take here, in seconds.
        rollback: Roll back automatically when the deployment fails or is stopped.
        rollback_hooks: Call the hooks in the rollback deployment too.
    """

    platform: str
    application: str
    group: str
    config: Configuration
    hooks: Mapping[str, str]
    test_listener: bool = True
    minute_s: float = 1.0
    hour_s: float = 60.0
    rollback: bool = True
    rollback_hooks: bool = False


@dataclass
class Clock:
    """Time, as the engine sees it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Engine:
    """Carries deployments out.

    Attributes:
        invoke: Calls a hook function by name with its event and returns at once; raises Halt if it may not.
        alarms: Names of the group's alarms that are in ALARM now.
    """

    ledger: Ledger
    invoke: Callable[[str, dict[str, str]], None]
    alarms: Callable[[], list[str]] = list
    observer: Observer = field(default_factory=Observer)
    clock: Clock = field(default_factory=Clock)

    def run(self, order: Order, ground: Ground) -> tuple[Record, Record | None]:
        """Carry a deployment out, and its rollback if it comes to that.

        Returns:
            The deployment and, if there was one, the rollback deployment.
        """
        record = self._record(order, ground.target)
        self._start(record)
        try:
            for entry in record.entries:
                self._play(order, ground, record, entry)
        except Halt as halt:
            self._end(record, halt.status, halt.code, halt.message)
            # Before Install there is no green yet, so there is nothing to go back from.
            reached_install = order.platform == "lambda" or record.entry("Install").started > 0
            rollback = self._roll_back(order, ground, record) if order.rollback and reached_install else None
            return record, rollback
        ground.settle()
        self._end(record, "Succeeded")
        return record, None

    def _record(self, order: Order, target: Callable[[], dict[str, Any]], **more: Any) -> Record:
        names = events(order.platform, test_listener=order.test_listener)
        record = Record(
            id=new_deployment_id(),
            platform=order.platform,
            application=order.application,
            group=order.group,
            config=order.config.name,
            entries=[Entry(name) for name in names],
            target=target,
            **more,
        )
        self.ledger.add(record)
        return record

    def _start(self, record: Record) -> None:
        record.status = "InProgress"
        self.observer.deployment_started(record)

    def _end(self, record: Record, status: str, code: str = "", message: str = "") -> None:
        for entry in record.entries:
            if entry.status == "Pending":
                entry.status = "Skipped"
        record.status, record.error_code, record.error_message = status, code, message
        record.completed = time.time()
        self.observer.deployment_ended(record)

    def _play(self, order: Order, ground: Moves, record: Record, entry: Entry) -> None:
        entry.status, entry.started = "InProgress", time.time()
        self.observer.event_changed(record, entry)
        try:
            self._watch(record)
            self._act(order, ground, record, entry)
            self._watch(record)
        except Halt as halt:
            entry.status, entry.ended, entry.message = "Failed", time.time(), halt.message
            self.observer.event_changed(record, entry)
            raise
        entry.status, entry.ended = "Succeeded", time.time()
        self.observer.event_changed(record, entry)

    def _act(self, order: Order, ground: Moves, record: Record, entry: Entry) -> None:
        if entry.name in STAGES:
            if entry.name in order.hooks:
                self._call_hook(order, record, entry)
        elif entry.name == "Install":
            ground.install(record.id)
        elif entry.name == "AllowTestTraffic":
            ground.allow_test_traffic()
        else:
            self._shift(order, ground, record)

    def _shift(self, order: Order, ground: Moves, record: Record) -> None:
        for step in order.config.steps:
            ground.shift(step.percent)
            self.observer.traffic_shifted(record, step.percent)
            self._wait(record, step.minutes * order.minute_s)

    def _call_hook(self, order: Order, record: Record, entry: Entry) -> None:
        execution = self.ledger.open(record.id, entry.name)
        event = {"DeploymentId": record.id, "LifecycleEventHookExecutionId": execution.id}
        try:
            self.invoke(order.hooks[entry.name], event)
            self._wait(record, order.hour_s, execution)
        finally:
            self.ledger.close(execution)
            entry.answered_by = execution.answered_by
        if not execution.status:
            raise Halt("TIMEOUT", HOOK_TIMED_OUT)
        if execution.status == "Failed":
            raise Halt("HOOK_EXECUTION_FAILURE", HOOK_FAILED)

    def _wait(self, record: Record, seconds: float, execution: Execution | None = None) -> None:
        """Let time pass, or an execution be answered, while alarms and requests to stop are watched."""
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 0:
            self._watch(record)
            if execution is not None and execution.answered.is_set():
                return
            self.clock.sleep(min(_POLL_S, left))

    def _watch(self, record: Record) -> None:
        if record.creator == ROLLBACK_CREATOR:
            return  # what made the deployment fail must not stop the way back
        if record.stop_requested:
            raise Halt("MANUAL_STOP", "The deployment was stopped by a StopDeployment request.", "Stopped")
        if alarms := self.alarms():
            raise Halt(
                "ALARM_ACTIVE",
                f"One or more alarms have been activated according to Amazon CloudWatch: {', '.join(alarms)}",
                "Stopped",
            )

    def _roll_back(self, order: Order, ground: Ground, failed: Record) -> Record:
        """Go back, as CodeDeploy does: with a new deployment of its own creator, linked both ways."""
        record = self._record(order, ground.rollback_target, creator=ROLLBACK_CREATOR, rollback_of=failed.id)
        failed.rolled_back_by = record.id
        way_back = replace(
            order,
            hooks=order.hooks if order.rollback_hooks else {},
            config=order.config._replace(steps=(Step(0, 0),)),
        )
        self._start(record)
        try:
            for entry in record.entries:
                self._play(way_back, _Back(ground), record, entry)
        except Halt as halt:
            ground.restore()
            self._end(record, halt.status, halt.code, halt.message)
            return record
        self._end(record, "Succeeded")
        return record


class _Back:
    """The ground seen by a rollback: everything stands already, and all traffic goes back in one step."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def install(self, _deployment_id: str, /) -> None:
        pass

    def allow_test_traffic(self) -> None:
        pass

    def shift(self, _percent: int, /) -> None:
        self._ground.restore()
