"""CodeDeploy gets exactly one status, in time, whatever a plan, a plugin, AWS or the installation does to a gate."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.core.verdict import Status, StatusDelivery
from greenlight.gate import handler
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.gate import ROOT, Gate, checks, children_of, new_deployment
from tests.support.wire import Peer, Server, answer, answering, hang

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GOOD = {"name": "good", "fine": {}}


def bad(fault: str, text: str = "") -> dict[str, Any]:
    return {"name": "bad", "misbehaves": {"fault": fault, "text": text}, "timeout": "20s"}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, codedeploy: CodeDeploy) -> Iterator[Gate]:
    """Start one warm environment for all tests, as in Lambda: each call meets what the calls before left behind."""
    with Gate(tmp_path_factory.mktemp("gate"), codedeploy, timeout_s=16) as warm_gate:
        yield warm_gate


@pytest.fixture(scope="module")
def short_gate(tmp_path_factory: pytest.TempPathFactory, codedeploy: CodeDeploy) -> Iterator[Gate]:
    """Start a warm environment with a short timeout, for validators that never end."""
    folder = tmp_path_factory.mktemp("short")
    with Gate(folder, codedeploy, timeout_s=3, GREENLIGHT_ALLOWED_HOSTS="127.0.0.1") as warm_gate:
        warm_gate.call()
        yield warm_gate


# ---- A good release


def test_a_good_release_succeeds_and_is_logged_and_measured_in_order(gate: Gate) -> None:
    call = gate.call()
    assert (call.error, call.returned, call.answers) == ("", {"verdict": "Succeeded", "told": True}, ["Succeeded"])
    call.log_line("answered")
    messages = [line["message"] for line in call.log if "message" in line]
    assert messages == ["gate started", "check finished", "verdict", "answered"]
    for line in call.log:
        if "message" in line:
            assert (line["deployment_id"], line["stage"]) == (call.deployment_id, "BeforeAllowTraffic")
    assert call.metrics()
    metrics = {name for line in call.log if "_aws" in line for name in line if name.startswith("Gate")}
    assert {"GateStarted", "GateAnswered", "GateSucceeded", "GateFailed", "GateErrors", "GateDuration"} <= metrics


# ---- Validators


@pytest.mark.parametrize(
    ("fault", "cause", "message"),
    [
        ("raises", "GATE_ERROR", "the validator raised ValueError: on purpose"),
        ("exits", "GATE_ERROR", "the validator raised SystemExit"),
        ("returns None", "GATE_ERROR", "the validator returned NoneType, not a Finding"),
        ("returns True", "GATE_ERROR", "the validator returned bool, not a Finding"),
        ("returns an unknown outcome", "GATE_ERROR", "a Finding that is not valid"),
        ("returns a generator", "GATE_ERROR", "the validator returned generator, not a Finding"),
        ("returns a coroutine", "GATE_ERROR", "the validator returned coroutine, not a Finding"),
        ("handles signals", "GATE_ERROR", "signal only works in main thread"),
        ("sets an alarm", "GATE_ERROR", "signal 14"),
        ("skips", "NO_EVIDENCE", "only a plan may skip a check"),
        ("recurses", "GATE_ERROR", "RecursionError"),
        ("patches", "GATE_ERROR", "after patching"),
        ("clears the environment", "GATE_ERROR", "on purpose"),
        ("exits at once", "GATE_ERROR", "exit code 0"),
        ("kills itself", "GATE_ERROR", "signal 9"),
        ("kills its group", "GATE_ERROR", "signal 9"),
        ("segfaults", "GATE_ERROR", "signal 11"),
        ("closes files", "GATE_ERROR", "the worker exited before it finished"),
        ("exhausts memory", "GATE_ERROR", "MemoryError"),
    ],
)
def test_a_broken_validator_fails_the_gate_with_its_cause(gate: Gate, fault: str, cause: str, message: str) -> None:
    call = gate.call(checks(GOOD, bad(fault)))
    assert (call.error, call.answers) == ("", ["Failed"])
    reasons = [reason for reason in call.reasons() if reason[0] == cause and message in reason[1]]
    assert reasons, call.reasons()


@pytest.mark.parametrize(
    "check",
    [GOOD, bad("claims to have asked green")],
    ids=["asks nothing", "claims to have asked green"],
)
def test_a_passing_validator_that_asked_nothing_is_not_evidence(gate: Gate, check: dict[str, Any]) -> None:
    call = gate.call(checks(check, accepts=None))
    assert (call.error, call.answers) == ("", ["Failed"])
    ((cause, message),) = call.reasons()
    assert cause == "NO_EVIDENCE"
    assert message.startswith("1 check passed and none of them asked green: ")


@pytest.mark.parametrize("fault", ["patches builtins", "names another check"])
def test_a_validator_that_interferes_cannot_pass_another_check(gate: Gate, fault: str) -> None:
    wrong = {"name": "wrong", "misbehaves": {"fault": "fails"}, "needs": ["bad"]}
    call = gate.call(checks(GOOD, bad(fault), wrong))
    assert (call.error, call.answers) == ("", ["Failed"])
    # Without its builtins the worker ends before it starts the other check, so that one has not passed either.
    assert {cause for cause, _ in call.reasons()} == {"GATE_ERROR" if fault == "patches builtins" else "RELEASE_FAILED"}


@pytest.mark.parametrize(
    "fault",
    [
        "breaks its process state",
        "sleeps at exit",
        "prints 100 MB",
        "returns evidence that is not JSON",
        "returns 80 MB of evidence",
        "deletes the temporary folder",
    ],
)
def test_side_effects_of_a_passing_validator_harm_neither_this_gate_nor_the_next(
    make_gate: Callable[..., Gate], gate: Gate, tmp_path: Path, fault: str
) -> None:
    if fault == "deletes the temporary folder":
        (tmp_path / "tmp").mkdir()
        gate = make_gate(TMPDIR=str(tmp_path / "tmp"))
    began = time.monotonic()
    call = gate.call(checks(GOOD, bad(fault, text=str(tmp_path / "tmp"))))
    assert (call.error, call.answers) == ("", ["Succeeded"]), call.reasons()
    assert gate.call().answers == ["Succeeded"]
    assert time.monotonic() - began < 40, "the supervisor does not wait for the exit handlers of plugins"
    assert len(call.raw) < 200_000


@pytest.mark.parametrize("fault", ["hangs", "holds the GIL", "prints forever"])
def test_a_validator_that_never_ends_is_stopped_and_codedeploy_is_answered_in_time(
    short_gate: Gate, fault: str
) -> None:
    began = time.monotonic()
    never_ends = {"name": "bad", "misbehaves": {"fault": fault}, "timeout": "60s", "needs": ["good"]}
    call = short_gate.call(checks(GOOD, never_ends))
    took_s = time.monotonic() - began
    assert (call.error, call.answers) == ("", ["Failed"])
    assert {cause for cause, _ in call.reasons()} == {"DEADLINE"}
    assert "bad" in str(call.log_line("verdict")["reasons"])
    assert took_s < 3
    finished_checks = [line["check"] for line in call.log if line.get("message") == "check finished"]
    assert ("good", "PASS") in [(check["name"], check["outcome"]) for check in finished_checks], (
        "findings from before the deadline are kept"
    )


def test_a_slow_xpath_is_abandoned_at_the_timeout_of_its_check(short_gate: Gate) -> None:
    query = "count(//i[not(@id = preceding-sibling::i/@id)])"  # compares every element with all before it
    slow = {"name": "slow", "timeout": "300ms", "http": {"get": "/", "expect": {"xml": {query: 30_000}}}}
    body = ("<l>" + "".join(f'<i id="{number}"/>' for number in range(30_000)) + "</l>").encode()
    with answering(answer(200, body, "content-type: application/xml")) as green:
        call = short_gate.call(json.dumps({**json.loads(checks(GOOD, slow)), "target": {"url": green.url}}))
    assert (call.error, call.answers) == ("", ["Failed"])
    assert call.reasons() == [("DEADLINE", "no result within 0.3 s; the check was abandoned")]


@pytest.mark.parametrize("fault", ["leaves a daemon", "leaves a thread"])
def test_a_gate_leaves_no_process_and_no_open_file_in_a_warm_environment(gate: Gate, fault: str) -> None:
    gate.call()
    open_files = len(os.listdir(f"/proc/{gate.pid}/fd"))
    call = gate.call(checks(GOOD, bad(fault)))
    assert call.answers in (["Succeeded"], ["Failed"])
    assert children_of(gate.pid) == set()
    assert len(os.listdir(f"/proc/{gate.pid}/fd")) <= open_files + 1
    assert gate.call().answers == ["Succeeded"]


def test_a_plugin_that_cannot_be_imported_is_reported_under_its_name(gate: Gate) -> None:
    call = gate.call(checks(GOOD, {"name": "bad", "exits_at_import": {}}))
    assert call.answers == ["Failed"]
    assert "validators/exits_at_import.py cannot be loaded: SystemExit" in call.reasons()[0][1]
    assert len(call.reasons()) == 1


def test_an_answer_that_a_plugin_sent_is_logged_as_superseding_the_gates_own(gate: Gate) -> None:
    deployment, execution = new_deployment(gate.codedeploy)
    plan = checks(GOOD, bad("answers CodeDeploy itself", text=execution))
    call = gate.call(plan, event={"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution})
    assert call.log_line("answered")["superseded"] is True
    assert gate.statuses(execution) == ["Succeeded"]


def test_a_hook_that_is_killed_while_it_answers_has_logged_its_verdict_and_its_reasons(tmp_path: Path) -> None:
    class Killer(CodeDeploy):
        """CodeDeploy that kills the hook as soon as its answer arrives, and does not count the answer."""

        def reply(self, model: Any, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
            if target.endswith("PutLifecycleEventHookExecutionStatus"):
                os.kill(killed.pid, signal.SIGKILL)
                return 500, {}
            return super().reply(model, target, body)

    with Killer() as killer, Gate(tmp_path, killer) as killed:
        call = killed.call(checks(bad("raises")))
    assert (bool(call.error), call.answers) == (True, [])
    verdict = call.log_line("verdict")
    assert (verdict["verdict"], verdict["reasons"][0]["cause"]) == ("Failed", "GATE_ERROR")
    assert "on purpose" in verdict["summary"]
    assert not [line for line in call.log if line.get("message") == "answered"]


def test_the_last_resort_logs_the_error_of_the_failed_invocation_without_the_execution_id(
    make_gate: Callable[..., Gate], gate: Gate
) -> None:
    deployment, execution = new_deployment(gate.codedeploy)
    record = {
        "requestContext": {"requestId": "r-1", "condition": "RetriesExhausted", "approximateInvokeCount": 1},
        "requestPayload": {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution},
        "responsePayload": {
            "errorMessage": f"Task timed out\nwhile it sent {execution}",
            "errorType": "Sandbox.Timedout",
        },
    }
    call = make_gate(timeout_s=4).call(hook="last_resort", event=record)
    call = replace(call, deployment_id=deployment)  # the event has it in its requestPayload
    line = call.log_line("last resort called")
    assert (line["deployment_id"], line["stage"], line["invoke_count"]) == (deployment, "LastResort", "1")
    assert line["error"].startswith("Task timed out while it sent ")
    assert (line["error_type"], line["condition"], line["request_id"]) == (
        "Sandbox.Timedout",
        "RetriesExhausted",
        "r-1",
    )
    assert call.log_line("answered")["told"] is True
    assert "canary-execution" not in call.raw


@pytest.mark.parametrize("part", [None, [], "text", 7, {"errorMessage": {"a": [1]}, "approximateInvokeCount": None}])
def test_the_last_resort_answers_whatever_the_rest_of_the_record_holds(
    make_gate: Callable[..., Gate], gate: Gate, part: Any
) -> None:
    deployment, execution = new_deployment(gate.codedeploy)
    payload = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution}
    record = {"requestPayload": payload, "requestContext": part, "responsePayload": part}
    assert make_gate(timeout_s=4).call(hook="last_resort", event=record).error == ""
    assert gate.statuses(execution) == ["Failed"]


def test_the_last_resort_answers_for_a_supervisor_that_a_plugin_killed(
    make_gate: Callable[..., Gate], gate: Gate
) -> None:
    call = make_gate(timeout_s=4).call(checks(bad("kills its parent")))
    assert call.error
    assert call.answers == []
    record = {
        "requestPayload": {"DeploymentId": call.deployment_id, "LifecycleEventHookExecutionId": call.execution_id}
    }
    last_resort = make_gate(timeout_s=4).call(hook="last_resort", event=record)
    assert (last_resort.error, last_resort.returned["told"]) == ("", True)
    assert gate.statuses(call.execution_id) == ["Failed"]


# ---- Plans


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("version: [", "line"),
        ("", "shop"),
        ("just text", "a plan is a map"),
        ("version: 1\nstages: {}\n", "a plan without stages"),
        (checks({"name": "c", "no_such": {}}), "no validator 'no_such'"),
        (checks({"name": "c", "fine": {"aftr": 1}}), "unknown key 'aftr'"),
        (checks({"name": "c", "fine": {"after": "${no.such}"}}), "no.such"),
        (checks(GOOD, GOOD), "another check"),
        ("\ufeff\x00", ""),
        ("a: &a [*a]", ""),
    ],
)
def test_an_invalid_plan_fails_the_gate_and_its_file_is_named(gate: Gate, plan: str, message: str) -> None:
    call = gate.call(plan or "# empty\n")
    assert (call.error, call.answers) == ("", ["Failed"])
    assert {cause for cause, _ in call.reasons()} == {"PLAN_ERROR"}
    assert message in str(call.reasons())
    assert "shop.yaml" in str(call.reasons())


def test_without_a_plan_the_default_checks_run_and_a_denied_request_names_its_permission(gate: Gate) -> None:
    call = gate.call(None)
    assert call.answers == ["Failed"]
    assert call.reasons()[0][0] == "GATE_ERROR"
    assert "lambda:GetFunctionConfiguration" in call.reasons()[0][1]


@pytest.mark.parametrize("creator", ["codeDeployRollback", "CloudFormationRollback"])
def test_a_rollback_succeeds_without_running_its_checks(gate: Gate, creator: str) -> None:
    call = gate.call(checks(bad("hangs")), creator=creator)
    assert (call.error, call.answers) == ("", ["Succeeded"])


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_a_finished_deployment_is_not_checked(gate: Gate, status: str) -> None:
    call = gate.call(status=status)
    assert call.answers == ["Failed"]
    assert call.reasons() == [
        ("SUPERSEDED", f"the deployment is already {status}; CodeDeploy no longer waits for this gate")
    ]


# ---- The event


@pytest.mark.parametrize(
    "event", [[], "text", {}, {"DeploymentId": "d-ABCDEF123"}, {"DeploymentId": 1, "LifecycleEventHookExecutionId": 2}]
)
def test_an_event_without_both_ids_raises(gate: Gate, event: Any) -> None:
    answers_before = list(gate.codedeploy.answers)
    call = gate.call(event=event)
    assert call.error == "Unhandled"
    assert call.returned["errorType"] == "EventError"
    assert gate.codedeploy.answers == answers_before


def test_an_event_of_an_unknown_deployment_raises_for_the_last_resort(gate: Gate) -> None:
    call = gate.call(event={"DeploymentId": "d-NOTTHERE1", "LifecycleEventHookExecutionId": "short"})
    assert call.error == "Unhandled"
    assert call.returned["errorType"] == "AnswerNotAcceptedError"


def test_the_same_event_twice_is_answered_once(gate: Gate) -> None:
    call = gate.call()
    assert (call.error, call.answers, call.log_line("answered")["superseded"]) == ("", ["Succeeded"], False)
    event = {"DeploymentId": call.deployment_id, "LifecycleEventHookExecutionId": call.execution_id}
    second_call = gate.call(checks(bad("raises")), event=event)
    assert (second_call.error, second_call.log_line("answered")["superseded"]) == ("", True)
    assert gate.statuses(call.execution_id) == ["Succeeded"]


# ---- AWS


def test_a_role_without_permission_to_answer_raises_for_the_last_resort(gate: Gate) -> None:
    gate.codedeploy.refusing = 3
    call = gate.call()
    assert (call.error, call.answers) == ("Unhandled", [])
    assert "AccessDenied" in call.returned["errorMessage"]
    assert call.execution_id not in json.dumps(call.returned) + call.raw
    assert call.log_line("answered")["told"] is False


def test_every_channel_says_failed_if_codedeploy_does_not_confirm_succeeded(
    make_gate: Callable[..., Gate], codedeploy: CodeDeploy
) -> None:
    bodies: list[bytes] = []

    def store(peer: Peer) -> None:
        line, _, body = peer.request()
        if "/runs/" not in line:
            bodies.append(body)
        is_event = line.startswith("POST")  # S3 returns no body, and a JSON body would be a response that is not S3's
        peer.send(answer(200, b'{"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}' if is_event else b""))

    with Server(store) as server:
        gate = make_gate(
            GREENLIGHT_REPORT_BUCKET="reports",
            GREENLIGHT_EVENT_BUS="default",
            AWS_ENDPOINT_URL_S3=server.url,
            AWS_ENDPOINT_URL_EVENTBRIDGE=server.url,
        )
        codedeploy.refusing = 3
        call = gate.call()
        metrics = call.metrics()
    assert (call.error, call.answers) == ("Unhandled", [])
    answered = call.log_line("answered")
    assert (answered["status"], answered["told"]) == ("Succeeded", False)
    assert (answered["verdict"], answered["judged"]) == ("Failed", "Succeeded")
    assert (metrics["GateSucceeded"], metrics["GateFailed"], metrics["GateErrors"]) == ([0.0], [1.0], [1.0])
    stored = b"\n".join(bodies).decode()
    assert len(bodies) == 4, "report, event, index and page"
    assert "verdict: Succeeded" not in stored.replace('"', "").replace(":S", ": S").replace("\\", "")
    assert "did not confirm Succeeded" in stored
    assert '"judged": "Succeeded"' in stored
    assert call.execution_id not in stored


def test_an_answer_denied_for_a_while_is_retried(gate: Gate) -> None:
    gate.codedeploy.refusing = 2
    call = gate.call()
    assert (call.error, call.answers, call.log_line("answered")["attempts"]) == ("", ["Succeeded"], 3)


class Unreliable(CodeDeploy):
    """CodeDeploy that gives `reply_instead` to the next `count` calls of an operation."""

    operation, count = "GetDeployment", 0
    reply_instead: tuple[int, Any] = (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})

    def reply(self, model: Any, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.count > 0 and target.endswith(f".{self.operation}"):
            self.count -= 1
            return self.reply_instead
        return super().reply(model, target, body)


@pytest.fixture(scope="module")
def unreliable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Unreliable, Gate]]:
    """Start a CodeDeploy that fails on demand, and a warm environment that calls it."""
    codedeploy = Unreliable()
    with codedeploy, Gate(tmp_path_factory.mktemp("unreliable"), codedeploy, timeout_s=24) as gate:
        gate.call()
        yield codedeploy, gate


READS = (
    "GetDeployment",
    "ListDeploymentTargets",
    "BatchGetDeploymentTargets",
    "GetDeploymentGroup",
    "ListTagsForResource",
)


@pytest.mark.parametrize("operation", READS)
def test_a_gate_reads_on_while_codedeploy_throttles_it(unreliable: tuple[Unreliable, Gate], operation: str) -> None:
    codedeploy, gate = unreliable
    codedeploy.operation, codedeploy.count = operation, 4  # a client makes three attempts by itself
    codedeploy.reply_instead = Unreliable.reply_instead
    call = gate.call()
    assert (call.error, call.answers, codedeploy.count) == ("", ["Succeeded"], 0)


@pytest.mark.parametrize("malformed", [{}, {"x": 1}, {"deploymentInfo": None}, {"deploymentInfo": "text"}])
def test_a_malformed_response_of_codedeploy_is_read_again(unreliable: tuple[Unreliable, Gate], malformed: Any) -> None:
    codedeploy, gate = unreliable
    codedeploy.operation, codedeploy.count, codedeploy.reply_instead = "GetDeployment", 1, (200, malformed)
    assert gate.call().answers == ["Succeeded"]


@pytest.mark.parametrize("malformed", [{}, {"deploymentInfo": "text"}])
def test_a_response_that_stays_malformed_is_named_in_the_reason(
    unreliable: tuple[Unreliable, Gate], malformed: Any
) -> None:
    codedeploy, gate = unreliable
    codedeploy.operation, codedeploy.count, codedeploy.reply_instead = "GetDeployment", 10_000, (200, malformed)
    began = time.monotonic()
    call = gate.call()
    codedeploy.count = 0
    assert call.answers == ["Failed"]
    ((cause, message),) = call.reasons()
    assert cause == "GATE_ERROR"
    assert "codedeploy:GetDeployment" in message
    assert "crashed" not in message
    assert time.monotonic() - began < 24 / 3 + 3, "reads are repeated in a third of the time"


def test_codedeploy_is_answered_in_time_when_discovery_hangs(make_gate: Callable[..., Gate]) -> None:
    with Server(hang) as hanging:
        gate = make_gate(timeout_s=4, AWS_ENDPOINT_URL_S3=hanging.url, GREENLIGHT_PLAN_BUCKET="plans")
        began = time.monotonic()
        call = gate.call()
        took_s = time.monotonic() - began
    assert (call.error, call.answers) == ("", ["Failed"])
    assert call.reasons()[0][0] == "DEADLINE"
    assert "is AWS reachable from the hook?" in call.reasons()[0][1]
    assert took_s < 5


def s3_denying(peer: Peer) -> None:
    while True:
        peer.request()
        body = b"<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>"
        peer.send(
            b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/xml\r\ncontent-length: %d\r\n\r\n%s"
            % (len(body), body)
        )


@pytest.mark.parametrize(("script", "timeout_s"), [(s3_denying, 16), (hang, 5)])
def test_a_report_that_cannot_be_stored_does_not_change_the_verdict(
    make_gate: Callable[..., Gate], script: Any, timeout_s: float
) -> None:
    with Server(script) as bucket:
        gate = make_gate(timeout_s=timeout_s, AWS_ENDPOINT_URL_S3=bucket.url, GREENLIGHT_REPORT_BUCKET="reports")
        call = gate.call()
    assert (call.error, call.returned["verdict"], call.answers) == ("", "Succeeded", ["Succeeded"])
    assert call.log_line("failed: report stored")


def test_codedeploy_is_answered_before_anything_is_published(
    make_gate: Callable[..., Gate], codedeploy: CodeDeploy
) -> None:
    answer_counts: list[int] = []

    def bucket(peer: Peer) -> None:
        line, _, _ = peer.request()
        if "/runs/" not in line:  # the claim, which comes before the first check
            answer_counts.append(len(codedeploy.answers))
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with Server(bucket) as server:
        gate = make_gate(AWS_ENDPOINT_URL_S3=server.url, GREENLIGHT_REPORT_BUCKET="reports")
        count_before = len(codedeploy.answers)
        call = gate.call()
    assert set(answer_counts) == {count_before + 1}
    assert call.log_line("page stored")["uri"].endswith(f"{call.deployment_id}/BeforeAllowTraffic.html")
    assert call.log_line("index written")["uri"].startswith("s3://reports/index/shop/web/")
    assert call.log_line("index written")["uri"].endswith(f"-{call.deployment_id}-BeforeAllowTraffic.json")
    assert (
        call.log_line("report stored")["uri"] == f"s3://reports/shop/web/{call.deployment_id}/BeforeAllowTraffic.json"
    )


def event_bus(peer: Peer) -> None:
    while True:
        peer.request()
        body = b'{"FailedEntryCount": 0, "Entries": [{"EventId": "event-1"}]}'
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


def test_a_hanging_channel_leaves_time_for_the_others_and_is_logged_as_failed(make_gate: Callable[..., Gate]) -> None:
    with Server(hang) as bucket, Server(event_bus) as bus, Server(hang) as topic:
        gate = make_gate(
            timeout_s=8,
            AWS_ENDPOINT_URL_S3=bucket.url,
            AWS_ENDPOINT_URL_EVENTBRIDGE=bus.url,
            AWS_ENDPOINT_URL_SNS=topic.url,
            GREENLIGHT_REPORT_BUCKET="reports",
            GREENLIGHT_EVENT_BUS="default",
            GREENLIGHT_NOTICE_TOPIC="arn:aws:sns:eu-central-1:111122223333:releases",
            GREENLIGHT_NOTICE_ON="all",
        )
        call = gate.call()
    assert (call.error, call.returned["verdict"], call.answers) == ("", "Succeeded", ["Succeeded"])
    assert call.log_line("event put")["id"] == "event-1"
    assert call.log_line("failed: report stored")
    assert call.log_line("failed: notice sent")
    assert [line["ChannelFailures"] for line in call.log if "ChannelFailures" in line] == [[2.0]]


# ---- The installation


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GREENLIGHT_CONCURRENCY", "many"),
        ("GREENLIGHT_ON_MISSING_PLAN", "perhaps"),
    ],
)
def test_an_invalid_setting_fails_the_gate_and_the_reason_names_its_variable(
    make_gate: Callable[..., Gate], name: str, value: str
) -> None:
    call = make_gate(**{name: value}).call()
    assert (call.error, call.answers) == ("", ["Failed"])
    assert name in call.reasons()[0][1]


def test_gate_with_an_invalid_setting_has_a_report_and_commands(make_gate: Callable[..., Gate]) -> None:
    with answering(answer(200)) as bucket:
        gate = make_gate(
            GREENLIGHT_CONCURRENCY="many",
            GREENLIGHT_ON_ROLLBACK="perhaps",
            GREENLIGHT_REPORT_BUCKET="reports",
            AWS_ENDPOINT_URL_S3=bucket.url,
        )
        call = gate.call()
        stored = call.log_line("report stored")["uri"]
    ((_, message),) = call.reasons()
    assert "GREENLIGHT_CONCURRENCY" in message
    assert "GREENLIGHT_ON_ROLLBACK" in message
    assert stored == f"s3://reports/shop/web/{call.deployment_id}/BeforeAllowTraffic.json"
    assert "greenlight doctor --application shop --group web" in call.log_line("verdict")["commands"]


@pytest.mark.parametrize("remaining_ms", [0, -3_600_000, -86_400_000])
def test_wrong_clock_is_named_and_leaves_time_for_the_answer(
    remaining_ms: int, monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy, caplog: pytest.LogCaptureFixture
) -> None:
    variables = {"AWS_ENDPOINT_URL": codedeploy.url, "AWS_REGION": "mars-west-1"}
    for name, value in (variables | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}).items():
        monkeypatch.setenv(name, value)
    deployment, execution = new_deployment(codedeploy)

    class Context:
        @staticmethod
        def get_remaining_time_in_millis() -> int:
            return remaining_ms

    event = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution}
    assert handler.handle(event, Context(), "BeforeAllowTraffic") == {"verdict": "Failed", "told": True}
    ((reason,),) = [vars(record)["reasons"] for record in caplog.records if record.message == "verdict"]
    assert reason["cause"] == "DEADLINE"
    assert f"Lambda reported {remaining_ms // 1000} s of remaining time" in reason["message"]


def test_unknown_and_unrelated_variables_do_no_harm(make_gate: Callable[..., Gate]) -> None:
    variables = {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "plenty",
        "GREENLIGHT_UNKNOWN": "x",
        "POWERTOOLS_LOG_LEVEL": "ALL",
        "LANG": "C",
    }
    assert make_gate(**variables).call().answers == ["Succeeded"]


def test_a_closed_standard_output_does_not_prevent_the_answer(codedeploy: CodeDeploy, tmp_path: Path) -> None:
    gate = Gate(tmp_path, codedeploy)
    for statement in ("sys.stdout.close()", "os.close(1)", "sys.stdout = None"):
        deployment, execution = new_deployment(codedeploy)
        (tmp_path / "shop.yaml").write_text(checks(GOOD))
        code = f"""
import os, sys
class Context:
    get_remaining_time_in_millis = staticmethod(lambda: 8000)
import before_allow_traffic
{statement}
event = {{"DeploymentId": {deployment!r}, "LifecycleEventHookExecutionId": {execution!r}}}
assert before_allow_traffic.handler(event, Context)["told"] is True
os._exit(42)
"""
        environment = gate.environment | {"GREENLIGHT_PLAN_FOLDER": str(tmp_path)}
        process = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert process.returncode == 42, process.stderr
        assert gate.statuses(execution) == ["Succeeded"]


@pytest.mark.parametrize("limit_s", [3, 10, 60, 600, 900])
def test_time_is_reserved_for_the_answer_and_for_publishing(limit_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLIGHT_CONCURRENCY", "junk")  # makes the gate fail at once
    budgets: list[float] = []

    class Reporter:
        def answer(self, _status: Status, budget_s: float) -> StatusDelivery:
            budgets.append(budget_s)
            return StatusDelivery(told=True, attempts=1)

    class Context:
        @staticmethod
        def get_remaining_time_in_millis() -> int:
            return limit_s * 1000

    event = {"DeploymentId": "d-ABCDEF123", "LifecycleEventHookExecutionId": "x" * 60}
    returned = handler.handle(event, Context(), "BeforeAllowTraffic", lambda _: Reporter())  # type: ignore[arg-type,return-value]
    assert returned == {"verdict": "Failed", "told": True}
    reserved_s = limit_s - budgets[0]
    assert min(5, limit_s / 15) <= reserved_s <= 12, "enough for one more attempt that hangs, and no more"


# ---- A killed environment


def test_a_killed_environment_fails_the_call_and_answers_nothing(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate(timeout_s=4)
    gate.call()
    pid = gate.pid
    threading.Timer(0.5, os.kill, (pid, signal.SIGKILL)).start()
    call = gate.call(checks(bad("hangs")))
    assert call.error
    assert call.answers == []


# ---- Secrets


def test_no_canary_is_in_any_log_or_error(gate: Gate) -> None:
    calls = [
        gate.call(),
        gate.call(checks(bad("raises"))),
        gate.call(checks(bad("prints its environment"))),
        gate.call("version: ["),
        gate.call(
            event={"DeploymentId": "d-NOTTHERE1", "LifecycleEventHookExecutionId": "canary-execution-" + "x" * 50}
        ),
    ]
    gate.codedeploy.refusing = 3
    calls.append(gate.call())
    assert calls[-1].metrics()  # waits for the last line
    for call in calls:
        output = call.raw + json.dumps(call.returned)
        assert "canary" not in output.replace("test_no_canary", "")


@pytest.mark.parametrize("canary", ["s3cr3t-canary/+=&?", 'quoted "canary" \'s \\ back', "canary-" + "long" * 300])
def test_a_secret_of_a_plan_is_in_no_log_report_or_return_value(make_gate: Callable[..., Gate], canary: str) -> None:
    stored: list[bytes] = []
    parameter = json.dumps({"Parameter": {"Name": "/canary", "Value": canary, "Version": 1}}).encode()

    def bucket(peer: Peer) -> None:
        stored.append(peer.request()[2])
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    leaking = checks(bad("prints its text", text="${secret:ssm:/canary}"), {"name": "mistyped", "fine": {"after": 0}})
    invalid = checks({"name": "mistyped", "fine": {"after": "${secret:ssm:/canary}"}})
    with answering(answer(200, parameter, "content-type: application/x-amz-json-1.1")) as ssm, Server(bucket) as s3:
        gate = make_gate(AWS_ENDPOINT_URL_SSM=ssm.url, AWS_ENDPOINT_URL_S3=s3.url, GREENLIGHT_REPORT_BUCKET="reports")
        calls = [gate.call(plan) for plan in (leaking, invalid)]
    assert [call.answers for call in calls] == [["Failed"], ["Failed"]]
    for call in calls:
        call.log_line("report stored")
    output = "".join(call.raw + json.dumps(call.returned) for call in calls) + b"".join(stored).decode()
    assert "***" in output, "the secret was printed and then redacted"
    for size in range(8, len(canary)):
        assert canary[:size] not in output
        if size > 100:
            break
    assert canary[-12:] not in output


def test_a_runtime_at_debug_level_does_not_log_requests_to_aws(make_gate: Callable[..., Gate]) -> None:
    call = make_gate(AWS_LAMBDA_LOG_LEVEL="DEBUG", AWS_LAMBDA_LOG_FORMAT="JSON", POWERTOOLS_LOG_LEVEL="DEBUG").call()
    assert call.answers == ["Succeeded"]
    assert call.execution_id not in call.raw
    assert "canary" not in call.raw


# ---- Cold start


ANSWERING = sorted(
    path.stem for path in (ROOT / "hooks").glob("*.py") if path.stem != "__init__" and not path.stem.startswith("gate_")
)
"""Functions that answer CodeDeploy; those of the state machine do not, and parse plans anyway."""


@pytest.mark.parametrize("hook", ANSWERING)
def test_importing_a_hook_loads_no_slow_module(hook: str) -> None:
    code = f"import sys; before = set(sys.modules); import {hook}; print(*sorted(set(sys.modules) - before))"
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{ROOT / 'hooks'}:{ROOT / 'layers/greenlight'}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(process.stdout.split())
    slow = {
        "boto3",
        "botocore",
        "aws_lambda_powertools",
        "yaml",
        "jmespath",
        "regex",
        "requests",
        "urllib3",
        "validators",
        "ssl",
        "http.client",
        "ctypes",
        "asyncio",
        "greenlight.api",
        "greenlight.checks.runner",
        "greenlight.gate.run_checks",
    }
    assert [name for name in slow if importlib.util.find_spec(name) is None] == []  # a module that moved has a new name
    assert loaded & slow == set()
