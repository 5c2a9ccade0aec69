"""Simulation of CodeDeploy's decisions during a blue/green deployment: order of events, waiting, stopping, rollback.

The engine does not depend on AWS or on processes. It acts on a `Platform`, invokes hooks through a function that
returns at once, and reads their status from the `CodeDeployState` only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.deployment import STAGES

from .codedeploy_state import (
    ROLLBACK_CREATOR,
    CodeDeployState,
    DeploymentRecord,
    HookExecution,
    LifecycleEvent,
    create_deployment_id,
)
from .configurations import Step
from .lifecycle import event_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .configurations import Configuration

HOOK_FAILED = "The deployment failed because one or more of the lifecycle event validation functions failed."
HOOK_TIMED_OUT = (
    "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback "
    "within one hour after a deployment hook is invoked."
)
_POLL_S = 0.02


class Halt(Exception):  # noqa: N818 - not an error of the rehearsal; it ends a deployment early
    """Early end of a deployment; `status` and `code` are values of CodeDeploy's API."""

    def __init__(self, code: str, message: str, status: str = "Failed") -> None:
        """Create it with the error that GetDeployment returns."""
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


class PlatformActions(Protocol):
    """Actions of CodeDeploy on a platform at the lifecycle events without hooks. Each may raise Halt."""

    def install(self, deployment_id: str, /) -> None:
        """Start green for this deployment, without traffic."""

    def allow_test_traffic(self) -> None:
        """Point the test listener at green."""

    def shift(self, percent: int, /) -> None:
        """Send this percentage of the users' traffic to green."""


class Platform(PlatformActions, Protocol):
    """Platform of the deployments: an ECS service or a Lambda function."""

    def restore_blue(self) -> None:
        """Send all traffic back to blue and retire green."""

    def promote_green(self) -> None:
        """Make green the new blue and retire the old blue."""

    def target(self) -> dict[str, Any]:
        """Return the deployment's target as in BatchGetDeploymentTargets, without its lifecycle events."""

    def rollback_target(self) -> dict[str, Any]:
        """Return the same target for the rollback deployment, in which blue is the replacement."""


class Observer:
    """Receiver of progress events that ignores all of them. Methods may be called from any thread."""

    def blue_ready(self) -> None:
        """Handle that blue is running and gets the users' traffic."""

    def deployment_started(self, record: DeploymentRecord) -> None:
        """Handle the start of a deployment."""

    def event_changed(self, record: DeploymentRecord, event: LifecycleEvent) -> None:
        """Handle the start or end of a lifecycle event."""

    def traffic_shifted(self, record: DeploymentRecord, percent: int) -> None:
        """Handle a change of green's percentage of the users' traffic."""

    def hook_logged(self, stage: str, line: dict[str, Any]) -> None:
        """Handle a line that a hook logged as JSON."""

    def note_added(self, sentence: str) -> None:
        """Handle a note for the reader."""

    def deployment_ended(self, record: DeploymentRecord) -> None:
        """Handle the final status of a deployment."""


@dataclass(frozen=True)
class DeploymentRequest:
    """Settings of one deployment.

    Attributes:
        hooks: Names of the hook functions, by lifecycle event.
        minute_s, hour_s: Seconds of the rehearsal for one minute of CodeDeploy, and for the hour it waits for a hook.
        rollback: Roll back automatically when the deployment fails or is stopped.
        rollback_hooks: Call the hooks in the rollback deployment as well.
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
    """Clock of the engine; tests replace it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = SYSTEM_CLOCK.sleep


@dataclass
class Engine:
    """Simulated CodeDeploy that runs deployments.

    Attributes:
        invoke: Invokes a hook function by name with its event and returns at once. Raises Halt without permission.
        alarms: Returns the names of the group's alarms that are in ALARM now.
    """

    state: CodeDeployState
    invoke: Callable[[str, dict[str, str]], None]
    alarms: Callable[[], list[str]] = list
    observer: Observer = field(default_factory=Observer)
    clock: Clock = field(default_factory=Clock)

    def run(self, request: DeploymentRequest, platform: Platform) -> tuple[DeploymentRecord, DeploymentRecord | None]:
        """Run a deployment, and its rollback if it is needed.

        Returns:
            The deployment, and the rollback deployment or None.
        """
        record = self._add_record(request, platform.target)
        self._start(record)
        try:
            for event in record.events:
                self._run_event(request, platform, record, event)
        except Halt as halt:
            self._end(record, halt.status, halt.code, halt.message)
            # Before Install there is no green, so there is nothing to roll back.
            reached_install = request.platform == "lambda" or record.event("Install").started > 0
            rollback = self._roll_back(request, platform, record) if request.rollback and reached_install else None
            return record, rollback
        platform.promote_green()
        self._end(record, "Succeeded")
        return record, None

    def _add_record(
        self, request: DeploymentRequest, target: Callable[[], dict[str, Any]], **fields: Any
    ) -> DeploymentRecord:
        names = event_names(request.platform, test_listener=request.test_listener)
        record = DeploymentRecord(
            id=create_deployment_id(),
            platform=request.platform,
            application=request.application,
            group=request.group,
            config=request.config.name,
            events=[LifecycleEvent(name) for name in names],
            target=target,
            **fields,
        )
        self.state.add(record)
        return record

    def _start(self, record: DeploymentRecord) -> None:
        record.status = "InProgress"
        self.observer.deployment_started(record)

    def _end(self, record: DeploymentRecord, status: str, code: str = "", message: str = "") -> None:
        for event in record.events:
            if event.status == "Pending":
                event.status = "Skipped"
        record.status, record.error_code, record.error_message = status, code, message
        record.completed = time.time()
        self.observer.deployment_ended(record)

    def _run_event(
        self, request: DeploymentRequest, platform: PlatformActions, record: DeploymentRecord, event: LifecycleEvent
    ) -> None:
        event.status, event.started = "InProgress", time.time()
        self.observer.event_changed(record, event)
        try:
            self._check_stop(record)
            self._perform(request, platform, record, event)
            self._check_stop(record)
        except Halt as halt:
            event.status, event.ended, event.message = "Failed", time.time(), halt.message
            self.observer.event_changed(record, event)
            raise
        event.status, event.ended = "Succeeded", time.time()
        self.observer.event_changed(record, event)

    def _perform(
        self, request: DeploymentRequest, platform: PlatformActions, record: DeploymentRecord, event: LifecycleEvent
    ) -> None:
        if event.name in STAGES:
            if event.name in request.hooks:
                self._call_hook(request, record, event)
        elif event.name == "Install":
            platform.install(record.id)
        elif event.name == "AllowTestTraffic":
            platform.allow_test_traffic()
        else:
            self._shift(request, platform, record)

    def _shift(self, request: DeploymentRequest, platform: PlatformActions, record: DeploymentRecord) -> None:
        for step in request.config.steps:
            platform.shift(step.percent)
            self.observer.traffic_shifted(record, step.percent)
            self._wait(record, step.minutes * request.minute_s)

    def _call_hook(self, request: DeploymentRequest, record: DeploymentRecord, event: LifecycleEvent) -> None:
        execution = self.state.open_execution(record.id, event.name)
        payload = {"DeploymentId": record.id, "LifecycleEventHookExecutionId": execution.id}
        try:
            self.invoke(request.hooks[event.name], payload)
            self._wait(record, request.hour_s, execution)
        finally:
            self.state.close_execution(execution)
            event.answered_by = execution.answered_by
        if not execution.status:
            raise Halt("TIMEOUT", HOOK_TIMED_OUT)
        if execution.status == "Failed":
            raise Halt("HOOK_EXECUTION_FAILURE", HOOK_FAILED)

    def _wait(self, record: DeploymentRecord, seconds: float, execution: HookExecution | None = None) -> None:
        """Wait for a time or for the status of an execution; raise Halt on an alarm or a request to stop."""
        end = self.clock.now() + seconds
        while (remaining_s := end - self.clock.now()) > 0:
            self._check_stop(record)
            if execution is not None and execution.answered.is_set():
                return
            self.clock.sleep(min(_POLL_S, remaining_s))

    def _check_stop(self, record: DeploymentRecord) -> None:
        if record.is_rollback:
            return  # an alarm that stopped the deployment must not stop its rollback
        if record.stop_requested:
            raise Halt("MANUAL_STOP", "The deployment was stopped by a StopDeployment request.", "Stopped")
        if alarms := self.alarms():
            raise Halt(
                "ALARM_ACTIVE",
                f"One or more alarms have been activated according to Amazon CloudWatch: {', '.join(alarms)}",
                "Stopped",
            )

    def _roll_back(self, request: DeploymentRequest, platform: Platform, failed: DeploymentRecord) -> DeploymentRecord:
        """Roll back as CodeDeploy does: with a new deployment that has its own creator and is linked both ways."""
        record = self._add_record(request, platform.rollback_target, creator=ROLLBACK_CREATOR, rollback_of=failed.id)
        failed.rolled_back_by = record.id
        rollback_request = replace(
            request,
            hooks=request.hooks if request.rollback_hooks else {},
            config=request.config._replace(steps=(Step(0, 0),)),
        )
        self._start(record)
        try:
            for event in record.events:
                self._run_event(rollback_request, _RollbackActions(platform), record, event)
        except Halt as halt:
            platform.restore_blue()
            self._end(record, halt.status, halt.code, halt.message)
            return record
        self._end(record, "Succeeded")
        return record


class _RollbackActions:
    """Actions of a rollback: nothing is installed, and all traffic goes back to blue in one step."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def install(self, _deployment_id: str, /) -> None:
        pass

    def allow_test_traffic(self) -> None:
        pass

    def shift(self, _percent: int, /) -> None:
        self._platform.restore_blue()
