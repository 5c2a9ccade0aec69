"""Many gates at once under one limit of calls: all of them find their deployment, in virtual time."""

from __future__ import annotations

import datetime
import heapq
import itertools
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.discovery.deployment import discover
from greenlight.gate.handler import READ_SHARE
from tests.support.account import Account

if TYPE_CHECKING:
    from collections.abc import Callable

GATES = 100
CALL_S = 0.03


class VirtualClock:
    """Clock of threads of which one runs at a time: the one whose sleep ends first."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, threading.Event]] = []
        self._paused = threading.Event()

    def monotonic(self) -> float:
        return self._now_s

    def now_utc(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self._now_s, datetime.UTC)

    def sleep(self, seconds: float) -> None:
        turn = threading.Event()
        heapq.heappush(self._sleepers, (self._now_s + max(0.0, seconds), next(self._order), turn))
        self._paused.set()
        turn.wait()

    def run(self, *tasks: Callable[[], None]) -> None:
        """Run all tasks to their end."""

        def begin(task: Callable[[], None]) -> None:
            self.sleep(0)
            task()
            self._paused.set()

        for task in tasks:
            self._wait_for_pause(threading.Thread(target=begin, args=(task,), daemon=True).start)
        while self._sleepers:
            self._now_s, _, turn = heapq.heappop(self._sleepers)
            self._wait_for_pause(turn.set)

    def _wait_for_pause(self, resume: Callable[[], None]) -> None:
        self._paused.clear()
        resume()
        assert self._paused.wait(60)


class Limit:
    """A limit of calls a second for a whole account; a throttled call is not counted."""

    def __init__(self, clock: VirtualClock, calls_per_s: float) -> None:
        self._clock, self._calls_per_s = clock, calls_per_s
        self._tokens, self._filled_s = calls_per_s, 0.0
        self.throttled = 0

    def answer(self, response: dict[str, Any]) -> Callable[[Any], Any]:
        def respond(_: Any) -> Any:
            self._clock.sleep(CALL_S)
            now_s = self._clock.monotonic()
            self._tokens = min(self._calls_per_s, self._tokens + (now_s - self._filled_s) * self._calls_per_s)
            self._filled_s = now_s
            if self._tokens < 1:
                self.throttled += 1
                return "ThrottlingException"
            self._tokens -= 1
            return response

        return respond


INFO = {
    "applicationName": "shop",
    "deploymentGroupName": "web",
    "computePlatform": "Lambda",
    "status": "InProgress",
}
TARGET = {
    "deploymentTargetType": "LambdaTarget",
    "lambdaTarget": {
        "lifecycleEvents": [{"lifecycleEventName": "BeforeAllowTraffic", "status": "InProgress"}],
        "lambdaFunctionInfo": {"functionName": "orders", "functionAlias": "live", "targetVersion": "8"},
    },
}


def table(limit: Limit) -> dict[str, Any]:
    responses: dict[str, dict[str, Any]] = {
        "get_deployment": {"deploymentInfo": INFO},
        "list_deployment_targets": {"targetIds": ["t"]},
        "batch_get_deployment_targets": {"deploymentTargets": [TARGET]},
        "get_deployment_group": {"deploymentGroupInfo": {"serviceRoleArn": "arn:aws:iam::111122223333:role/deploys"}},
        "list_tags_for_resource": {"Tags": []},
    }
    return {f"codedeploy.{name}": limit.answer(response) for name, response in responses.items()}


def discover_at_once(seed: int, calls_per_s: float, hook_timeout_s: float) -> tuple[list[float], list[str]]:
    """Start all gates at once; return when each had its deployment, and the errors of the others."""
    random.seed(seed)
    clock = VirtualClock()
    limit = Limit(clock, calls_per_s)
    ends: list[float] = []
    errors: list[str] = []

    def gate() -> None:
        aws = Aws(Account(table(limit))).repeating(hook_timeout_s * READ_SHARE, clock)
        try:
            discovered = discover(aws, "d-ABCDEF123", "BeforeAllowTraffic", clock.sleep)
        except AwsError as error:
            errors.append(str(error))
            return
        assert discovered.deployment.green.version == "8"
        ends.append(clock.monotonic())

    clock.run(*[gate] * GATES)
    assert limit.throttled > GATES
    return ends, errors


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_gates_under_twenty_calls_a_second_all_find_their_deployment(seed: int) -> None:
    ends, errors = discover_at_once(seed, calls_per_s=20, hook_timeout_s=600)
    assert (len(ends), errors) == (GATES, [])
    assert max(ends) < 600 * READ_SHARE


def test_a_gate_that_is_throttled_for_its_whole_share_names_the_call() -> None:
    ends, errors = discover_at_once(1, calls_per_s=1, hook_timeout_s=60)
    assert len(ends) + len(errors) == GATES
    assert errors
    assert all("codedeploy:" in error and "ThrottlingException" in error for error in errors)
