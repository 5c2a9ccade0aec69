"""The deployed state machine of the watcher on moto's Step Functions, with functions that fail as a test says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from devkit.rehearsal.aws.calls import Reply, json_error, json_reply
from devkit.rehearsal.aws.states import WATCH, WATCH_KEY, MachineSettings, StateMachines, machine_arn
from devkit.rehearsal.hooks import CONCLUDE, PLACEHOLDERS, PREPARE, PROBE, PROJECT

if TYPE_CHECKING:
    from devkit.rehearsal.aws.calls import Application, Call
    from devkit.rehearsal.aws.server import LocalAws
    from devkit.rehearsal.aws.states import MachineRun

DEPLOYMENT = "d-ABCDEF123"
STATE_BYTES = 16 * 1024
KILLED = json_reply(
    {"errorType": "Runtime.ExitError", "errorMessage": "killed"}, 200, (("X-Amz-Function-Error", "Unhandled"),)
)
THROTTLED = json_error("TooManyRequestsException", "Rate exceeded", 429)
DENIED = json_error("AccessDeniedException", "not authorized")
COMPLETED = json_error("DeploymentAlreadyCompletedException", "completed")


class WatchStand:
    """Local AWS with the watcher's machine.

    Attributes:
        actions: Actions that the looks return, in order; then `report`. A reply is the answer to that look itself.
        works: Work that each look received.
        failures: Replies to the first calls of `prepare`, `probe`, `watched` and `stop`, in order.
        calls: The calls, in order.
        is_alarm: The result of the last step.
    """

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self.actions: list[str | Reply] = []
        self.works: list[dict[str, Any]] = []
        self.failures: dict[str, list[Reply]] = {}
        self.calls: list[str] = []
        self.callers: dict[str, str] = {}
        self.is_alarm = False
        settings = MachineSettings(PROJECT / "machine", PLACEHOLDERS, minute_s=0.01, hour_s=5.0)
        self.machines = StateMachines(aws, settings, lambda _event: None)
        aws.reset([self._serve, self.machines])

    def close(self) -> None:
        self.machines.close()
        self._aws.reset()

    def run(self, *actions: str | Reply) -> list[MachineRun]:
        """Run a watch whose looks return these actions; return its executions."""
        self.actions = list(actions)
        gate = {"name": "watch", "deployment": DEPLOYMENT, "stage": "AllowTraffic"}
        self._aws.client("stepfunctions").start_execution(
            stateMachineArn=machine_arn(WATCH), name="watch", input=json.dumps({"gate": gate})
        )
        end = time.monotonic() + 60
        while not self.machines.wait_for_end(5) and time.monotonic() < end:
            pass
        return self.machines.runs(DEPLOYMENT)

    def _serve(self, call: Call, _moto: Application) -> Reply | None:
        if call.service == "codedeploy" and call.target == "StopDeployment":
            assert call.json == {"deploymentId": DEPLOYMENT, "autoRollbackEnabled": True}
            return self._answer("stop", call, lambda: {"status": "Pending", "statusMessage": "stopping"})
        if call.service != "lambda":
            return None
        function, payload = call.path.split("/")[3], call.json
        if function == PREPARE.name:
            return self._answer("prepare", call, lambda: {"document": {"key": "prepared"}, "probe": PROBE.name})
        if function == PROBE.name:
            assert payload["document"] == {"key": "round"}
            return self._answer("probe", call, lambda: {"again": False, "again_in_s": 0, "results": {"key": "results"}})
        assert function == CONCLUDE.name
        if payload["step"] == "watched":
            self.works.append(payload["work"])
            return self._answer("watched", call, lambda: {"report": "", "is_alarm": self.is_alarm})
        return self._look(payload["work"])

    def _answer(self, name: str, call: Call, make: Callable[[], dict[str, Any]]) -> Reply:
        self.calls.append(name)
        self.callers[name] = call.caller
        replies = self.failures.get(name, [])
        return replies.pop(0) if replies else json_reply(make())

    def _look(self, work: dict[str, Any]) -> Reply:
        self.calls.append("look")
        self.works.append(work)
        action = self.actions.pop(0) if self.actions else "report"
        if isinstance(action, Reply):
            return action
        document = {
            "action": action,
            "pause_s": 30,
            "watch": {"key": f"watch {len(self.works)}"},
            "prepared": work.get("prepared"),
            "probe": work.get("probe") or "",
            "round": {"key": "round"} if action == "probe" else None,
            "next_name": "watch-2",
        }
        return json_reply(document)


@pytest.fixture
def stand(aws: LocalAws) -> Iterator[WatchStand]:
    stand = WatchStand(aws)
    yield stand
    stand.close()


# ---- A watcher that fails stops nothing


@pytest.mark.parametrize("reply", [KILLED, DENIED])
def test_look_that_keeps_failing_ends_the_watch_with_an_alarm(stand: WatchStand, reply: Reply) -> None:
    stand.is_alarm = True

    (run,) = stand.run(*[reply] * 20)

    assert (run.status, run.states[-1]) == ("FAILED", "WatchFailed")
    assert "stop" not in stand.calls
    assert "error" in stand.works[-1]


def test_prepare_that_keeps_failing_ends_the_watch(stand: WatchStand) -> None:
    stand.failures = {"prepare": [KILLED] * 20}

    (run,) = stand.run("prepare", "probe")

    assert run.states[-3:] == ("Watched", "HasWatched", "Done")
    assert "probe" not in stand.calls


def test_report_that_cannot_be_written_fails_the_execution(stand: WatchStand) -> None:
    stand.failures = {"watched": [KILLED] * 20}

    (run,) = stand.run()

    assert run.status == "FAILED"


def test_killed_round_is_not_repeated_and_the_watch_goes_on(stand: WatchStand) -> None:
    stand.failures = {"probe": [KILLED]}

    (run,) = stand.run("prepare", "probe", "wait", "probe")

    assert stand.calls.count("probe") == 2
    assert run.states.count("Died") == 1
    assert stand.works[2]["earlier"] == {"shard": 0, "results": None, "error": "Runtime.ExitError"}
    assert stand.works[4]["earlier"] == {"shard": 0, "results": {"key": "results"}}


@pytest.mark.parametrize("reply", [DENIED, COMPLETED])
def test_refused_stop_is_shown_to_the_next_look(stand: WatchStand, reply: Reply) -> None:
    stand.failures = {"stop": [reply] * 20}

    stand.run("prepare", "stop")

    assert stand.calls.count("stop") == (1 if reply is COMPLETED else 11)
    assert stand.works[2]["stop_error"]["Error"].startswith("CodeDeploy.")


# ---- A watch


def test_throttled_calls_are_repeated(stand: WatchStand) -> None:
    stand.failures = {"probe": [THROTTLED, THROTTLED], "stop": [json_error("ThrottlingException", "Rate exceeded")]}

    (run,) = stand.run(THROTTLED, "prepare", "probe", "stop")

    assert run.status == "SUCCEEDED"
    assert (stand.calls.count("probe"), stand.calls.count("stop")) == (3, 2)
    assert "Died" not in run.states


def test_rounds_wait_between_them_and_the_machine_alone_stops(stand: WatchStand) -> None:
    (run,) = stand.run("wait", "prepare", "probe", "wait", "probe", "stop", "wait")

    assert stand.calls == [
        *("look", "look", "prepare", "look", "probe", "look", "look", "probe", "look", "stop", "look", "look"),
        "watched",
    ]
    assert stand.callers["stop"] == WATCH_KEY
    assert (run.status, run.states.count("Wait")) == ("SUCCEEDED", 3)
    assert run.largest_state_bytes < STATE_BYTES


def test_long_watch_goes_on_in_another_execution_with_its_work(stand: WatchStand) -> None:
    first, second = stand.run("prepare", "probe", "renew", "probe")

    assert (first.status, first.states[-2:]) == ("SUCCEEDED", ("Renew", "Done"))
    assert (second.name, second.states[:2]) == ("watch-2", ("Begin", "Look"))
    assert "BeginWork" not in second.states
    assert stand.works[3] == {"watch": {"key": "watch 3"}, "prepared": {"key": "prepared"}, "probe": PROBE.name}
