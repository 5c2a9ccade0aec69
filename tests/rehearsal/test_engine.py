"""CodeDeploy's decisions, with a clock and a platform that are not real."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from devkit.rehearsal.codedeploy_state import ROLLBACK_CREATOR, Ledger, Record
from devkit.rehearsal.configurations import CONFIGURATIONS
from devkit.rehearsal.engine import Clock, Engine, Halt, Observer, Order

CANARY = CONFIGURATIONS["CodeDeployDefault.ECSCanary10Percent5Minutes"]


@dataclass
class Time:
    """A clock that moves when somebody sleeps."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Platform:
    """A platform that only remembers, with the second at which each thing happened."""

    time: Time
    moves: list[tuple[str, float]] = field(default_factory=list)
    refuses_install: bool = False

    def install(self, _deployment_id: str, /) -> None:
        if self.refuses_install:
            raise Halt("ECS_UPDATE_ERROR", "it does not come up")
        self._note("install")

    def allow_test_traffic(self) -> None:
        self._note("test traffic")

    def shift(self, percent: int, /) -> None:
        self._note(f"{percent} %")

    def restore(self) -> None:
        self._note("restore")

    def settle(self) -> None:
        self._note("settle")

    def target(self) -> dict[str, Any]:
        return {}

    def rollback_target(self) -> dict[str, Any]:
        return {}

    def names(self) -> list[str]:
        return [name for name, _ in self.moves]

    def _note(self, name: str) -> None:
        self.moves.append((name, round(self.time.seconds, 1)))


@dataclass
class Watcher(Observer):
    """Remembers deployments and shares."""

    ended: list[Record] = field(default_factory=list)

    def deployment_ended(self, record: Record) -> None:
        self.ended.append(record)


class Stand:
    """An engine with hooks that answer as told: a status, None for silence, an exception to raise."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.time = Time()
        self.platform = Platform(self.time)
        self.ledger = Ledger()
        self.answers = answers or {}
        self.called: list[str] = []
        self.alarms: list[str] = []
        self.alarm_at = float("inf")
        hooks = {stage: stage for stage in self.answers}
        self.order = Order("ecs", "shop", "web", CANARY, hooks, minute_s=1, hour_s=60)
        self.watcher = Watcher()

    def run(self, **changes: Any) -> tuple[Record, Record | None]:
        engine = Engine(self.ledger, self._invoke, self._alarms, self.watcher, Clock(self.time.now, self.time.sleep))
        return engine.run(replace(self.order, **changes), self.platform)

    def _alarms(self) -> list[str]:
        return self.alarms if self.time.seconds >= self.alarm_at else []

    def _invoke(self, name: str, event: dict[str, str]) -> None:
        assert set(event) == {"DeploymentId", "LifecycleEventHookExecutionId"}
        self.called.append(name)
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            self.ledger.put(event["DeploymentId"], event["LifecycleEventHookExecutionId"], answer)


def statuses(record: Record) -> dict[str, str]:
    return {entry.name: entry.status for entry in record.entries}


def test_a_failed_hook_ends_the_deployment_and_a_new_one_goes_back() -> None:
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


def test_a_good_deployment_goes_through_all_events_in_order() -> None:
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


def test_a_canary_waits_its_minutes_in_scaled_time() -> None:
    stand = Stand()
    stand.run(minute_s=0.5)
    moves = dict(stand.platform.moves)
    assert moves["100 %"] - moves["10 %"] == pytest.approx(2.5, abs=0.1)


def test_lambda_has_three_events() -> None:
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


def test_a_hook_that_never_answers_costs_an_hour_and_the_deployment() -> None:
    stand = Stand({"BeforeAllowTraffic": None})
    record, _ = stand.run(hour_s=60)
    assert record.error_code == "TIMEOUT"
    assert stand.time.seconds == pytest.approx(60, abs=0.5)


def test_a_hook_that_may_not_be_invoked_fails_the_deployment_at_once() -> None:
    stand = Stand({"AfterInstall": Halt("IAM_ROLE_PERMISSIONS", "no")})
    record, _ = stand.run()
    assert (record.status, record.error_code) == ("Failed", "IAM_ROLE_PERMISSIONS")
    assert stand.time.seconds < 1


def test_an_alarm_in_the_middle_of_the_shift_stops_and_rolls_back() -> None:
    stand = Stand()
    stand.alarms, stand.alarm_at = ["too many errors"], 2.0
    record, rollback = stand.run()
    assert (record.status, record.error_code) == ("Stopped", "ALARM_ACTIVE")
    assert "too many errors" in record.error_message
    assert stand.platform.names()[-2:] == ["10 %", "restore"]
    assert rollback is not None


def test_an_alarm_that_is_there_already_stops_at_the_first_event() -> None:
    stand = Stand({"BeforeInstall": "Succeeded"})
    stand.alarms, stand.alarm_at = ["old"], 0.0
    record, _ = stand.run()
    assert record.status == "Stopped"
    assert stand.called == []


def test_a_request_to_stop_is_heard_while_a_hook_runs() -> None:
    stand = Stand({"AfterAllowTestTraffic": None})
    stand.time.sleep = lambda seconds: _stop_at(stand, seconds)  # type: ignore[method-assign]
    record, rollback = stand.run()
    assert (record.status, record.error_code) == ("Stopped", "MANUAL_STOP")
    assert rollback is not None


def _stop_at(stand: Stand, seconds: float) -> None:
    stand.time.seconds += seconds
    for execution in list(stand.ledger._executions.values()):
        stand.ledger.find(execution.deployment_id).stop_requested = True


def test_without_automatic_rollback_everything_stays_as_it_is() -> None:
    stand = Stand({"AfterAllowTraffic": "Failed"})
    record, rollback = stand.run(rollback=False)
    assert record.status == "Failed"
    assert rollback is None
    assert "restore" not in stand.platform.names()


def test_before_install_there_is_nothing_to_go_back_from() -> None:
    stand = Stand({"BeforeInstall": "Failed"})
    record, rollback = stand.run()
    assert record.status == "Failed"
    assert rollback is None


def test_green_that_does_not_come_up_fails_the_install_event() -> None:
    stand = Stand()
    stand.platform.refuses_install = True
    record, rollback = stand.run()
    assert statuses(record)["Install"] == "Failed"
    assert record.error_message == "it does not come up"
    assert rollback is not None


def test_a_rollback_calls_no_hooks_unless_asked() -> None:
    stand = Stand({"AfterAllowTestTraffic": "Failed"})
    stand.run()
    assert stand.called == ["AfterAllowTestTraffic"]


def test_a_rollback_whose_hooks_fail_restores_all_the_same() -> None:
    stand = Stand({"AfterAllowTestTraffic": "Failed"})
    _, rollback = stand.run(rollback_hooks=True)
    assert stand.called == ["AfterAllowTestTraffic"] * 2
    assert rollback is not None
    assert rollback.status == "Failed"
    assert stand.platform.names()[-1] == "restore"
