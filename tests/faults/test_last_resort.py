"""A hook that was killed or could not answer leaves one answer and one report, which the last resort writes."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bucket_server import BucketServer
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.gate import ARN, Gate, HookCall, checks
from tests.support.wire import Server, answer, answering, hang

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GOOD = {"name": "good", "fine": {}}
WRONG = {"name": "wrong", "misbehaves": {"fault": "fails"}}
HANGING = {"name": "hanging", "misbehaves": {"fault": "hangs"}, "timeout": "60s", "needs": ["good"]}
KILLED = {"errorType": "Runtime.ExitError", "errorMessage": "RequestId: r-1 Error: Runtime exited: signal: killed"}
STAGE = "BeforeAllowTraffic"


class Killer(CodeDeploy):
    """CodeDeploy that kills a hook when its answer arrives, before or after the answer is counted."""

    def __init__(self, *, counts: bool) -> None:
        super().__init__()
        self.counts, self.victim = counts, 0

    def reply(self, model: Any, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
        victim = self.victim
        if not victim or not target.endswith("PutLifecycleEventHookExecutionStatus"):
            return super().reply(model, target, body)
        self.victim = 0
        result = super().reply(model, target, body) if self.counts else (500, {})
        os.kill(victim, signal.SIGKILL)
        return result


@pytest.fixture
def bucket() -> Iterator[BucketServer]:
    """Start an S3 without objects."""
    with BucketServer() as server:
        yield server


@pytest.fixture
def make_hook(tmp_path: Path, codedeploy: CodeDeploy, bucket: BucketServer) -> Iterator[Callable[..., Gate]]:
    """Return a function that builds a hook which stores reports in the bucket."""
    gates: list[Gate] = []

    def make(fake: CodeDeploy = codedeploy, *, timeout_s: float = 30, **environment: str) -> Gate:
        folder = tmp_path / str(len(gates))
        folder.mkdir()
        settings = {"AWS_ENDPOINT_URL_S3": bucket.url, "GREENLIGHT_REPORT_BUCKET": "reports"} | environment
        gates.append(Gate(folder, fake, timeout_s=timeout_s, **settings))
        return gates[-1]

    yield make
    for gate in gates:
        gate.close()


def record_of(call: HookCall, response: Any = KILLED, **context: Any) -> dict[str, Any]:
    """Build Lambda's record of a hook's failed invocation."""
    return {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 1)),
        "requestContext": {"functionArn": f"{ARN}-{STAGE}:$LATEST", "requestId": "r-1", **context},
        "requestPayload": {"DeploymentId": call.deployment_id, "LifecycleEventHookExecutionId": call.execution_id},
        "responsePayload": response,
    }


def call_last_resort(gate: Gate, call: HookCall, **record: Any) -> HookCall:
    return gate.call(hook="last_resort", event=record_of(call, **record))


def report_of(bucket: BucketServer, call: HookCall, application: str = "shop/web") -> dict[str, Any]:
    """Return the only report that the last resort has stored for a hook's call, without a secret in any object."""
    (report,) = (
        json.loads(body)
        for key, body in bucket.named(f"{call.deployment_id}/{STAGE}.last-resort.json").items()
        if key.startswith(f"/reports/{application}/")
    )
    stored = b"".join(bucket.objects.values()).decode()
    assert call.execution_id not in stored
    assert "canary" not in stored
    return dict(report)


def kill_when(gate: Gate, is_due: Callable[[], bool]) -> threading.Thread:
    """Start a thread that kills the hook's process as soon as `is_due` returns True."""

    def kill() -> None:
        deadline = time.monotonic() + 20
        while not is_due() and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(gate.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


# ---- The partial report never matters to the answer


@pytest.mark.parametrize("script", ["denies", "hangs", "closes"])
def test_bucket_that_takes_no_partial_report_delays_no_answer(
    make_hook: Callable[..., Gate], bucket: BucketServer, script: str
) -> None:
    def close(peer: Any) -> None:
        peer.raw.close()

    bucket.on_write = lambda key: "AccessDenied" if key.endswith(".partial.json") else ""
    with Server(hang if script == "hangs" else close) as broken:
        environment = {} if script == "denies" else {"AWS_ENDPOINT_URL_S3": broken.url}
        gate = make_hook(timeout_s=8, **environment)
        gate.call()
        began = time.monotonic()
        call = gate.call()
        took_s = time.monotonic() - began
    assert (call.error, call.answers) == ("", ["Succeeded"])
    assert took_s < 8
    if script == "denies":
        assert call.log_line("failed: partial report stored")
        assert call.log_line("report stored")


def test_worker_is_forked_while_no_thread_stores_a_partial_report(
    make_hook: Callable[..., Gate], bucket: BucketServer
) -> None:
    gate = make_hook()
    for _ in range(3):
        call = gate.call(checks({"name": "alone", "fine": {}}))
        assert call.answers == ["Succeeded"]
    assert len(bucket.named(".partial.json")) == 3
    tasks = os.listdir(f"/proc/{gate.pid}/task")
    assert len(tasks) == 1, "a thread of this gate would run at the fork of the next one"


# ---- A killed hook


def test_hook_that_is_killed_during_its_checks_leaves_the_results_so_far(
    make_hook: Callable[..., Gate], bucket: BucketServer
) -> None:
    gate = make_hook()
    gate.call()
    thread = kill_when(gate, lambda: b"RELEASE_FAILED" in b"".join(bucket.named(".partial.json").values()))
    call = gate.call(checks(GOOD, WRONG, HANGING))
    thread.join()
    assert (bool(call.error), call.answers) == (True, [])

    last = call_last_resort(make_hook(), call)
    assert (last.error, last.returned["told"], gate.statuses(call.execution_id)) == ("", True, ["Failed"])
    report = report_of(bucket, call)
    assert (report["verdict"], report["judged"], report["written_by"]) == ("Failed", None, "last-resort")
    assert [check["outcome"] for check in report["checks"]] == ["PASS", "FAIL", "ERROR"]
    assert report["checks"][2]["message"].startswith("not finished: ")
    kill, failure = report["reasons"]
    assert kill["cause"] == "GATE_ERROR"
    assert kill["message"].startswith("the hook was killed: Runtime exited: signal: killed, after ")
    assert "increase MemorySize" in kill["message"]
    assert f"/aws/lambda/CodeDeployHook_greenlight-{STAGE}" in kill["message"]
    assert (failure["cause"], failure["check"]) == ("RELEASE_FAILED", "wrong")
    answered = report["answer"]
    assert (answered["status"], answered["told"], answered["by"], answered["superseded"]) == (
        "Failed", True, "last-resort", False,
    )  # fmt: skip
    assert '"page stored"' in last.raw
    assert bucket.named(f"{call.deployment_id}-{STAGE}.last-resort.json")


def test_hook_that_is_killed_between_verdict_and_answer_leaves_its_reasons(
    make_hook: Callable[..., Gate], bucket: BucketServer
) -> None:
    with Killer(counts=False) as killer:
        gate = make_hook(killer)
        call = call_killed(gate, killer, checks(GOOD, WRONG))
        assert (bool(call.error), call.answers) == (True, [])
        call_last_resort(make_hook(killer), call)
        assert gate.statuses(call.execution_id) == ["Failed"]
    report = report_of(bucket, call)
    assert [reason["cause"] for reason in report["reasons"]] == ["RELEASE_FAILED", "GATE_ERROR"]
    assert [check["outcome"] for check in report["checks"]] == ["PASS", "FAIL"]


def call_killed(gate: Gate, killer: Killer, plan: str = "") -> HookCall:
    """Call a warm hook that is killed when it answers."""
    gate.call()
    killer.victim = gate.pid
    return gate.call(plan)


def test_verdict_succeeded_that_was_never_sent_is_in_the_report_as_judged(
    make_hook: Callable[..., Gate], bucket: BucketServer
) -> None:
    with Killer(counts=False) as killer:
        call = call_killed(make_hook(killer), killer)
        call_last_resort(make_hook(killer), call)
    report = report_of(bucket, call)
    assert (report["verdict"], report["judged"]) == ("Failed", "Succeeded")
    assert [reason["cause"] for reason in report["reasons"]] == ["GATE_ERROR"]


def test_answer_of_which_the_killed_hook_left_no_trace_is_not_known(
    make_hook: Callable[..., Gate], bucket: BucketServer
) -> None:
    with Killer(counts=True) as killer:
        gate = make_hook(killer)
        call = call_killed(gate, killer)
        last = call_last_resort(make_hook(killer), call)
        assert gate.statuses(call.execution_id) == ["Succeeded"]
    assert last.returned["superseded"] is True
    report = report_of(bucket, call)
    assert [reason["cause"] for reason in report["reasons"]] == ["GATE_ERROR", "SUPERSEDED"]
    assert "it is not known which. The hook's verdict was Succeeded." in report["reasons"][1]["message"]
    assert (report["answer"]["superseded"], report["judged"]) == (True, "Succeeded")


def test_accepted_answer_of_a_hook_that_was_killed_before_it_published_is_the_verdict(
    make_hook: Callable[..., Gate], bucket: BucketServer
) -> None:
    gate = make_hook()
    gate.call()
    killed: list[str] = []

    def kill(key: str) -> str:
        if key.endswith(f"/{STAGE}.json"):
            while b'"told":true' not in b"".join(bucket.named(".partial.json").values()):
                time.sleep(0.005)
            os.kill(gate.pid, signal.SIGKILL)
            killed.append(key)
            return "SlowDown"
        return ""

    bucket.objects.clear()
    bucket.on_write = kill
    call = gate.call()
    assert (bool(call.error), bool(killed), call.answers) == (True, True, ["Succeeded"])
    bucket.on_write = lambda _key: ""
    call_last_resort(make_hook(), call)
    report = report_of(bucket, call)
    assert (report["verdict"], report["reasons"], report["answer"]["by"]) == ("Succeeded", [], "hook")
    assert "CodeDeploy had accepted its Succeeded before" in report["deployment"]["notes"][-1]


def test_last_resort_writes_nothing_beside_a_report_that_counts(
    make_hook: Callable[..., Gate], bucket: BucketServer
) -> None:
    gate = make_hook()
    call = gate.call()
    call.log_line("page stored")
    last = call_last_resort(make_hook(), call)
    assert (last.error, last.returned["superseded"]) == ("", True)
    assert last.raw.count("the hook has published its report") == 1
    assert not bucket.named(".last-resort.json")


def test_hook_that_stored_nothing_is_reported_under_its_application_with_what_lambda_says(
    make_hook: Callable[..., Gate], bucket: BucketServer
) -> None:
    bucket.on_write = lambda key: "AccessDenied" if key.endswith(".partial.json") else ""
    gate = make_hook()
    gate.call()
    threading.Timer(0.5, os.kill, (gate.pid, signal.SIGKILL)).start()
    call = gate.call(checks(GOOD, HANGING))
    response = {"errorType": "Sandbox.Timedout", "errorMessage": f"Task timed out after 3.00 s {call.execution_id}"}
    call_last_resort(make_hook(), call, response=response)
    report = report_of(bucket, call)
    assert (report["deployment"]["stage"], report["checks"]) == (STAGE, [])
    (reason,) = report["reasons"]
    assert reason["message"].startswith("the hook timed out: Task timed out after 3.00 s ***; increase HookTimeout")
    assert "there is no partial report" in report["deployment"]["notes"][0]


def test_hook_that_lambda_never_ran_is_reported_with_the_condition(
    make_hook: Callable[..., Gate], bucket: BucketServer, codedeploy: CodeDeploy
) -> None:
    gate = make_hook()
    call = gate.call()  # only its ids are used, with another execution
    call.execution_id = "canary-execution-" + "y" * 60
    call_last_resort(gate, call, response=None, condition="EventAgeExceeded")
    gate.close()
    last = call_last_resort(make_hook(), call, response=None, condition="EventAgeExceeded")
    assert last.error == ""
    report = report_of(bucket, call)
    assert report["reasons"][0]["message"].startswith("the hook did not run: EventAgeExceeded; look for throttles")


# ---- An answer that CodeDeploy did not accept


def test_denied_answer_leaves_the_hooks_report_and_one_with_the_answer_of_the_last_resort(
    make_hook: Callable[..., Gate], bucket: BucketServer, codedeploy: CodeDeploy
) -> None:
    gate = make_hook()
    codedeploy.refusing = 3
    call = gate.call()
    call.log_line("page stored")
    call_last_resort(make_hook(), call, response=call.returned)
    report = report_of(bucket, call)
    (body,) = bucket.named(f"{call.deployment_id}/{STAGE}.json").values()
    of_hook = json.loads(body)
    assert (of_hook["answer"]["told"], of_hook["written_by"]) == (False, "hook")
    assert (report["answer"]["told"], report["judged"]) == (True, "Succeeded")
    assert report["reasons"] == of_hook["reasons"]
    assert report["deployment"]["notes"][-1].startswith("the hook could not answer CodeDeploy: ")


def test_last_resort_that_cannot_answer_says_so_and_its_retry_replaces_that_report_once(
    make_hook: Callable[..., Gate], bucket: BucketServer, codedeploy: CodeDeploy
) -> None:
    gate = make_hook()
    codedeploy.refusing = 6
    call = gate.call()
    call.log_line("page stored")
    last_resort = make_hook()
    record = record_of(call)
    first = last_resort.call(hook="last_resort", event=record)
    assert first.returned["errorType"] == "AnswerNotAcceptedError"
    report = report_of(bucket, call)
    assert report["answer"]["told"] is False
    assert "aws deploy stop-deployment" in report["reasons"][0]["message"]

    second = last_resort.call(hook="last_resort", event=record)
    assert second.error == ""
    report = report_of(bucket, call)
    assert (report["answer"]["told"], report["answer"]["superseded"]) == (True, False)

    third = last_resort.call(hook="last_resort", event=record)
    assert (third.error, third.returned["superseded"]) == ("", True)
    assert report_of(bucket, call) == report
    assert len(bucket.named(".last-resort.json")) == 2, "one report and one entry of the index"


# ---- Channels of the last resort


def test_event_and_notice_of_a_killed_hook_are_sent_once(make_hook: Callable[..., Gate], bucket: BucketServer) -> None:
    gate = make_hook()
    gate.call()
    threading.Timer(0.5, os.kill, (gate.pid, signal.SIGKILL)).start()
    call = gate.call(checks(GOOD, HANGING))
    event_reply = answer(200, b'{"FailedEntryCount": 0, "Entries": [{"EventId": "event-1"}]}')
    result = b"<PublishResult><MessageId>m-1</MessageId></PublishResult>"
    notice_reply = answer(200, b"<PublishResponse>%s</PublishResponse>" % result)
    with answering(event_reply, event_reply) as bus, answering(notice_reply, notice_reply) as topic:
        last_resort = make_hook(
            AWS_ENDPOINT_URL_EVENTBRIDGE=bus.url,
            AWS_ENDPOINT_URL_SNS=topic.url,
            GREENLIGHT_EVENT_BUS="default",
            GREENLIGHT_NOTICE_TOPIC="arn:aws:sns:eu-central-1:111122223333:releases",
        )
        first = call_last_resort(last_resort, call)
        second = call_last_resort(last_resort, call)
        assert (first.error, second.error) == ("", "")
        assert second.raw.count("an earlier invocation has published the report") == 1
        assert first.raw.count('"event put"') == 1
        assert first.raw.count('"notice sent"') == 1


@pytest.mark.parametrize("script", ["denies", "hangs"])
def test_channels_that_fail_do_not_fail_the_last_resort(
    make_hook: Callable[..., Gate], bucket: BucketServer, script: str
) -> None:
    gate = make_hook()
    gate.call()
    threading.Timer(0.5, os.kill, (gate.pid, signal.SIGKILL)).start()
    call = gate.call(checks(GOOD, HANGING))
    bucket.on_write = lambda _key: "AccessDenied"
    with Server(hang) as hanging:
        environment = {} if script == "denies" else {"AWS_ENDPOINT_URL_S3": hanging.url}
        last = call_last_resort(make_hook(timeout_s=8, **environment), call)
    assert (last.error, last.returned["told"]) == ("", True)
    assert gate.statuses(call.execution_id) == ["Failed"]


# ---- Any moment


def test_hook_killed_at_any_moment_leaves_one_answer_and_one_report(
    make_hook: Callable[..., Gate], bucket: BucketServer
) -> None:
    gate, last_resort, chance = make_hook(), make_hook(), random.Random(20)
    parameter = json.dumps(
        {"Parameter": {"Name": "/canary", "Value": "canary-secret-of-a-plan", "Version": 1}}
    ).encode()
    leaking = {"name": "leaking", "misbehaves": {"fault": "prints its text", "text": "${secret:ssm:/canary}"}}
    json_type = "content-type: application/x-amz-json-1.1"
    with answering(*[answer(200, parameter, json_type)] * 100) as ssm:
        gate.environment["AWS_ENDPOINT_URL_SSM"] = ssm.url
        whole_s = _measure(gate, leaking)
        for _ in range(12):
            gate.call()  # a warm environment
            timer = threading.Timer(chance.uniform(0, 1.2 * whole_s), os.kill, (gate.pid, signal.SIGKILL))
            timer.start()
            call = gate.call(checks(GOOD, leaking, WRONG))
            timer.cancel()
            last = call_last_resort(last_resort, call) if call.error else None
            assert last is None or last.error == ""
            assert len(gate.statuses(call.execution_id)) == 1
            reports = [
                body
                for ending in (f"{call.deployment_id}/{STAGE}.json", f"{call.deployment_id}/{STAGE}.last-resort.json")
                for body in bucket.named(ending).values()
            ]
            assert len(reports) == 1
            report = json.loads(reports[0])
            assert (report["verdict"], report["answer"]["told"]) == (gate.statuses(call.execution_id)[0], True)
            stored = b"".join(bucket.objects.values()).decode()
            assert call.execution_id not in stored
            assert "canary" not in stored


def _measure(gate: Gate, leaking: dict[str, Any]) -> float:
    gate.call()
    began = time.monotonic()
    gate.call(checks(GOOD, leaking, WRONG)).log_line("page stored")
    return time.monotonic() - began
