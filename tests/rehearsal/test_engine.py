"""Decisions of the simulated CodeDeploy, with a simulated clock and platform."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from devkit.rehearsal.codedeploy_state import ROLLBACK_CREATOR, CodeDeployState, DeploymentRecord
from devkit.rehearsal.configurations import CONFIGURATIONS
from devkit.rehearsal.engine import Clock, DeploymentRequest, Engine, Halt, Observer

CANARY = CONFIGURATIONS["CodeDeployDefault.ECSCanary10Percent5Minutes"]


@dataclass
class Time:
    """Clock that advances only by `sleep`."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Platform:
    """Platform that records each call with the second of the call."""

    time: Time
    calls: list[tuple[str, float]] = field(default_factory=list)
    refuses_install: bool = False

    def install(self, _deployment_id: str, /) -> None:
        if self.refuses_install:
            raise Halt("ECS_UPDATE_ERROR", "it does not come up")
        self._record("install")

    def allow_test_traffic(self) -> None:
        self._record("test traffic")

    def shift(self, percent: int, /) -> None:
        self._record(f"{percent} %")

    def restore_blue(self) -> None:
        self._record("restore")

    def promote_green(self) -> None:
        self._record("settle")

    def target(self) -> dict[str, Any]:
        return {}

    def rollback_target(self) -> dict[str, Any]:
        return {}

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _record(self, name: str) -> None:
        self.calls.append((name, round(self.time.seconds, 1)))


@dataclass
class Watcher(Observer):
    """Observer that records the deployments that ended."""

    ended: list[DeploymentRecord] = field(default_factory=list)

    def deployment_ended(self, record: DeploymentRecord) -> None:
        self.ended.append(record)


class Stand:
    """Engine with configured hooks: a status to answer, None for no answer, or an exception to raise."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.time = Time()
        self.platform = Platform(self.time)
        self.state = CodeDeployState()
        self.answers = answers or {}
        self.called: list[str] = []
        self.alarms: list[str] = []
        self.alarm_at = float("inf")
        hooks = {stage: stage for stage in self.answers}
        self.request = DeploymentRequest("ecs", "shop", "web", CANARY, hooks, minute_s=1, hour_s=60)
        self.watcher = Watcher()

    def run(self, **changes: Any) -> tuple[DeploymentRecord, DeploymentRecord | None]:
        engine = Engine(self.state, self._invoke, self._alarms, self.watcher, Clock(self.time.now, self.time.sleep))
        return engine.run(replace(self.request, **changes), self.platform)

    def _alarms(self) -> list[str]:
        return self.alarms if self.time.seconds >= self.alarm_at else []

    def _invoke(self, name: str, event: dict[str, str]) -> None:
        assert set(event) == {"DeploymentId", "LifecycleEventHookExecutionId"}
        self.called.append(name)
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            self.state.put_status(event["DeploymentId"], event["LifecycleEventHookExecutionId"], answer)


def statuses(record: DeploymentRecord) -> dict[str, str]:
    return {event.name: event.status for event in record.events}


def test_failed_hook_ends_the_deployment_and_starts_a_rollback() -> None:
    stand = Stand({"AfterAllowTestTraffic": "Failed", "AfterAllowTraffic": "Succeeded"})
    record, rollback = stand.run()
    assert (record.status, record.error_code) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert statuses(record)["AfterAllowTestTraffic"] == "Failed"
    assert statuses(record)["AllowTraffic"] == "Skipped"
    assert rollback is not None
    assert (rollback.creator, rollback.status) == (ROLLBACK_CREATOR, "Succeeded")
    assert (rollback.rollback_of, record.rolled_back_by) == (record.id, rollback.id)
    assert stand.called == ["AfterAllowTestTraffic"]
    assert stand.platform.names() == ["install", "test traffic", "restore"]


def test_good_deployment_runs_all_events_in_order() -> None:
    stages = ["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"]
    stand = Stand(dict.fromkeys(stages, "Succeeded"))
    record, rollback = stand.run()
    assert rollback is None
    assert record.status == "Succeeded"
    assert stand.called == stages
    assert list(statuses(record).items()) == [
        (name, "Succeeded")
        for name in (
            "BeforeInstall",
            "Install",
            "AfterInstall",
            "AllowTestTraffic",
            "AfterAllowTestTraffic",
            "BeforeAllowTraffic",
            "AllowTraffic",
            "AfterAllowTraffic",
        )
    ]


def test_canary_waits_in_scaled_minutes() -> None:
    stand = Stand()
    stand.run(minute_s=0.5)
    seconds = dict(stand.platform.calls)
    assert seconds["100 %"] - seconds["10 %"] == pytest.approx(2.5, abs=0.1)


def test_lambda_deployment_has_three_events() -> None:
    stand = Stand({"BeforeAllowTraffic": "Succeeded"})
    configuration = CONFIGURATIONS["CodeDeployDefault.LambdaLinear10PercentEvery1Minute"]
    record, _ = stand.run(platform="lambda", config=configuration)
    assert list(statuses(record)) == ["BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"]
    assert [name for name in stand.platform.names() if "%" in name] == [f"{share} %" for share in range(10, 101, 10)]


def test_without_a_test_listener_its_events_and_its_hook_are_left_out() -> None:
    stand = Stand({"AfterAllowTestTraffic": "Failed", "BeforeAllowTraffic": "Succeeded"})
    record, _ = stand.run(test_listener=False)
    assert record.status == "Succeeded"
    assert "AfterAllowTestTraffic" not in statuses(record)
    assert stand.called == ["BeforeAllowTraffic"]


def test_hook_that_never_answers_times_out_after_an_hour_and_fails_the_deployment() -> None:
    stand = Stand({"BeforeAllowTraffic": None})
    record, _ = stand.run(hour_s=60)
    assert record.error_code == "TIMEOUT"
    assert stand.time.seconds == pytest.approx(60, abs=0.5)


def test_hook_that_may_not_be_invoked_fails_the_deployment_at_once() -> None:
    stand = Stand({"AfterInstall": Halt("IAM_ROLE_PERMISSIONS", "no")})
    record, _ = stand.run()
    assert (record.status, record.error_code) == ("Failed", "IAM_ROLE_PERMISSIONS")
    assert stand.time.seconds < 1


def test_alarm_during_the_shift_stops_the_deployment_and_rolls_back() -> None:
    stand = Stand()
    stand.alarms, stand.alarm_at = ["too many errors"], 2.0
    record, rollback = stand.run()
    assert (record.status, record.error_code) == ("Stopped", "ALARM_ACTIVE")
    assert "too many errors" in record.error_message
    assert stand.platform.names()[-2:] == ["10 %", "restore"]
    assert rollback is not None


def test_alarm_before_the_deployment_stops_it_at_the_first_event() -> None:
    stand = Stand({"BeforeInstall": "Succeeded"})
    stand.alarms, stand.alarm_at = ["old"], 0.0
    record, _ = stand.run()
    assert record.status == "Stopped"
    assert stand.called == []


def test_stop_request_is_handled_while_a_hook_runs() -> None:
    stand = Stand({"AfterAllowTestTraffic": None})
    stand.time.sleep = lambda seconds: _stop_at(stand, seconds)  # type: ignore[method-assign]
    record, rollback = stand.run()
    assert (record.status, record.error_code) == ("Stopped", "MANUAL_STOP")
    assert rollback is not None


def _stop_at(stand: Stand, seconds: float) -> None:
    stand.time.seconds += seconds
    for execution in list(stand.state._executions.values()):
        stand.state.find(execution.deployment_id).stop_requested = True


def test_without_automatic_rollback_nothing_is_restored() -> None:
    stand = Stand({"AfterAllowTraffic": "Failed"})
    record, rollback = stand.run(rollback=False)
    assert record.status == "Failed"
    assert rollback is None
    assert "restore" not in stand.platform.names()


def test_failure_before_install_needs_no_rollback() -> None:
    stand = Stand({"BeforeInstall": "Failed"})
    record, rollback = stand.run()
    assert record.status == "Failed"
    assert rollback is None


def test_green_that_does_not_start_fails_the_install_event() -> None:
    stand = Stand()
    stand.platform.refuses_install = True
    record, rollback = stand.run()
    assert statuses(record)["Install"] == "Failed"
    assert record.error_message == "it does not come up"
    assert rollback is not None


def test_rollback_calls_hooks_only_on_request() -> None:
    stand = Stand({"AfterAllowTestTraffic": "Failed"})
    stand.run()
    assert stand.called == ["AfterAllowTestTraffic"]


def test_rollback_restores_traffic_although_its_hooks_fail() -> None:
    stand = Stand({"AfterAllowTestTraffic": "Failed"})
    _, rollback = stand.run(rollback_hooks=True)
    assert stand.called == ["AfterAllowTestTraffic"] * 2
    assert rollback is not None
    assert rollback.status == "Failed"
    assert stand.platform.names()[-1] == "restore"
