"""Whatever a plan, a plugin, AWS or the installation does to a gate: CodeDeploy gets exactly one status, and in time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from greenlight.core.model import Answer, Status
from greenlight.gate import handler

from tests.support.codedeploy_fake import CodeDeploy
from tests.support.gate import ROOT, Gate, checks, new_deployment
from tests.support.wire import Peer, Server, answer, answering, hang

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = {"name": "good", "fine": {}}


def bad(how: str, **control: Any) -> dict[str, Any]:
    text = control.pop("text", "")
    return {"name": "bad", "misbehaves": {"how": how, "text": text}, "timeout": "20s", **control}


@pytest.fixture(scope="module")
def codedeploy() -> Iterator[CodeDeploy]:
    with CodeDeploy() as fake:
        yield fake


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, codedeploy: CodeDeploy) -> Iterator[Gate]:
    """One warm environment: what one case leaves behind meets the next, as in Lambda."""
    with Gate(tmp_path_factory.mktemp("gate"), codedeploy, timeout_s=16) as made:
        yield made


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, codedeploy: CodeDeploy) -> Iterator[Gate]:
    """A warm environment with little time, for what does not end."""
    with Gate(tmp_path_factory.mktemp("hasty"), codedeploy, timeout_s=3, GREENLIGHT_ALLOWED_HOSTS="127.0.0.1") as made:
        made.call()
        yield made


@pytest.fixture
def other(tmp_path: Path, codedeploy: CodeDeploy) -> Iterator[Callable[..., Gate]]:
    """Make environments that are configured in another way."""
    made: list[Gate] = []

    def make(**environment: Any) -> Gate:
        made.append(Gate(tmp_path, codedeploy, **environment))
        return made[-1]

    yield make
    for each in made:
        each.__exit__()


def children_of(pid: int) -> set[int]:
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1]) == pid:
                found.add(int(folder.name))
        except OSError:
            continue
    return found


# ---- The plain case


def test_a_good_release_is_let_through_and_everybody_is_told_in_order(gate: Gate) -> None:
    run = gate.call()
    assert (run.error, run.returned, run.answers) == ("", {"verdict": "Succeeded", "told": True}, ["Succeeded"])
    run.said("answered")
    messages = [line["message"] for line in run.log if "message" in line]
    assert messages == ["gate started", "check finished", "verdict", "answered"]
    for line in run.log:
        if "message" in line:
            assert (line["deployment_id"], line["stage"]) == (run.deployment_id, "BeforeAllowTraffic")
    assert run.metrics()
    metrics = {name for line in run.log if "_aws" in line for name in line if name.startswith("Gate")}
    assert {"GateStarted", "GateAnswered", "GateSucceeded", "GateFailed", "GateErrors", "GateDuration"} <= metrics


# ---- Validators


@pytest.mark.parametrize(
    ("how", "cause", "said"),
    [
        ("raises", "GATE_ERROR", "the validator raised ValueError: on purpose"),
        ("exits", "GATE_ERROR", "the validator raised SystemExit"),
        ("gives nothing", "GATE_ERROR", "the validator gave NoneType, not a Finding"),
        ("gives true", "GATE_ERROR", "the validator gave bool, not a Finding"),
        ("gives a word", "GATE_ERROR", "a Finding that cannot be read"),
        ("gives a generator", "GATE_ERROR", "the validator gave generator, not a Finding"),
        ("gives a coroutine", "GATE_ERROR", "the validator gave coroutine, not a Finding"),
        ("handles signals", "GATE_ERROR", "signal only works in main thread"),
        ("sets an alarm", "GATE_ERROR", "signal 14"),
        ("skips", "NO_EVIDENCE", "only a plan may do that"),
        ("recurses", "GATE_ERROR", "RecursionError"),
        ("patches", "GATE_ERROR", "after patching"),
        ("clears the environment", "GATE_ERROR", "on purpose"),
        ("exits at once", "GATE_ERROR", "exit code 0"),
        ("kills itself", "GATE_ERROR", "signal 9"),
        ("kills its group", "GATE_ERROR", "signal 9"),
        ("segfaults", "GATE_ERROR", "signal 11"),
        ("closes files", "GATE_ERROR", "the worker ended before it had finished"),
        ("eats memory", "GATE_ERROR", "MemoryError"),
    ],
)
def test_a_validator_that_breaks_fails_the_gate_and_says_how(gate: Gate, how: str, cause: str, said: str) -> None:
    run = gate.call(checks(GOOD, bad(how)))
    assert (run.error, run.answers) == ("", ["Failed"])
    reasons = [reason for reason in run.reasons() if reason[0] == cause and said in reason[1]]
    assert reasons, run.reasons()


@pytest.mark.parametrize("how", ["patches builtins", "poses as another"])
def test_a_validator_that_meddles_passes_no_other_check(gate: Gate, how: str) -> None:
    wrong = {"name": "wrong", "misbehaves": {"how": "fails"}, "needs": ["bad"]}
    run = gate.call(checks(GOOD, bad(how), wrong))
    assert (run.error, run.answers) == ("", ["Failed"])
    # Without its builtins the worker ends before it comes to the other check, which then has not passed either.
    assert {cause for cause, _ in run.reasons()} == {"GATE_ERROR" if how == "patches builtins" else "RELEASE_FAILED"}


@pytest.mark.parametrize(
    "how",
    [
        "spoils its place", "sleeps at its exit", "prints much", "shows what is no JSON", "shows very much",
        "empties the temporary folder",
    ],
)  # fmt: skip
def test_what_a_validator_does_beside_a_good_answer_harms_neither_this_gate_nor_the_next(
    other: Callable[..., Gate], gate: Gate, tmp_path: Path, how: str
) -> None:
    if how == "empties the temporary folder":
        (tmp_path / "tmp").mkdir()
        gate = other(TMPDIR=str(tmp_path / "tmp"))
    began = time.monotonic()
    run = gate.call(checks(GOOD, bad(how, text=str(tmp_path / "tmp"))))
    assert (run.error, run.answers) == ("", ["Succeeded"]), run.reasons()
    assert gate.call().answers == ["Succeeded"]
    assert time.monotonic() - began < 40, "an exit handler of a plugin keeps nobody waiting"
    assert len(run.raw) < 200_000


@pytest.mark.parametrize("how", ["hangs", "holds the interpreter", "prints without end"])
def test_a_validator_that_does_not_end_is_ended_and_codedeploy_told_with_time_to_spare(hasty: Gate, how: str) -> None:
    began = time.monotonic()
    run = hasty.call(
        checks({**GOOD, "fine": {}}, {"name": "bad", "misbehaves": {"how": how}, "timeout": "60s", "needs": ["good"]})
    )
    took_s = time.monotonic() - began
    assert (run.error, run.answers) == ("", ["Failed"])
    assert {cause for cause, _ in run.reasons()} == {"DEADLINE"}
    assert "bad" in str(run.said("verdict")["reasons"])
    assert took_s < 3
    finished = [line["check"] for line in run.log if line.get("message") == "check finished"]
    assert ("good", "PASS") in [(each["name"], each["outcome"]) for each in finished], "what was found before is kept"


def test_an_xpath_that_takes_very_long_is_ended_with_its_check(hasty: Gate) -> None:
    query = "count(//i[not(@id = preceding-sibling::i/@id)])"  # every element against every one before it
    slow = {"name": "slow", "timeout": "300ms", "http": {"get": "/", "expect": {"xml": {query: 30_000}}}}
    body = ("<l>" + "".join(f'<i id="{number}"/>' for number in range(30_000)) + "</l>").encode()
    with answering(answer(200, body, "content-type: application/xml")) as green:
        run = hasty.call(json.dumps({**json.loads(checks(GOOD, slow)), "target": {"url": green.url}}))
    assert (run.error, run.answers) == ("", ["Failed"])
    assert run.reasons() == [("DEADLINE", "no result within 0.3 s; the check was abandoned")]


@pytest.mark.parametrize("how", ["leaves a daemon", "leaves a thread"])
def test_nothing_of_a_gate_is_left_in_a_warm_environment(gate: Gate, how: str) -> None:
    gate.call()
    files = len(os.listdir(f"/proc/{gate.pid}/fd"))
    run = gate.call(checks(GOOD, bad(how)))
    assert run.answers in (["Succeeded"], ["Failed"])
    assert children_of(gate.pid) == set()
    assert len(os.listdir(f"/proc/{gate.pid}/fd")) <= files + 1
    assert gate.call().answers == ["Succeeded"]


def test_a_plugin_that_cannot_be_imported_is_an_error_under_its_name(gate: Gate) -> None:
    run = gate.call(checks(GOOD, {"name": "bad", "exits_at_import": {}}))
    assert run.answers == ["Failed"]
    assert "validators/exits_at_import.py cannot be loaded: SystemExit" in run.reasons()[0][1]
    assert len(run.reasons()) == 1


def test_a_plugin_that_answers_for_itself_is_found_out(gate: Gate) -> None:
    deployment, execution = new_deployment(gate.codedeploy)
    plan = checks(GOOD, bad("answers for itself", text=execution))
    run = gate.call(plan, event={"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution})
    assert run.said("answered")["superseded"] is True
    assert [status for _, known, status in gate.codedeploy.answers if known == execution] == ["Succeeded"]


def test_a_plugin_that_kills_the_supervisor_is_what_the_last_resort_is_for(
    other: Callable[..., Gate], gate: Gate
) -> None:
    run = other(timeout_s=4).call(checks(bad("kills its parent")))
    assert run.error
    assert run.answers == []
    record = {"requestPayload": {"DeploymentId": run.deployment_id, "LifecycleEventHookExecutionId": run.execution_id}}
    last = other(timeout_s=4).call(hook="last_resort", event=record)
    assert (last.error, last.returned["told"]) == ("", True)
    assert [status for _, known, status in gate.codedeploy.answers if known == run.execution_id] == ["Failed"]


# ---- Plans


@pytest.mark.parametrize(
    ("plan", "said"),
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
def test_a_wrong_plan_closes_the_gate_and_says_where(gate: Gate, plan: str, said: str) -> None:
    run = gate.call(plan or "# nothing\n")
    assert (run.error, run.answers) == ("", ["Failed"])
    assert {cause for cause, _ in run.reasons()} == {"PLAN_ERROR"}
    assert said in str(run.reasons())
    assert "shop.yaml" in str(run.reasons())


def test_without_a_plan_the_default_checks_run_and_a_denied_call_names_its_permission(gate: Gate) -> None:
    run = gate.call(None)
    assert run.answers == ["Failed"]
    assert run.reasons()[0][0] == "GATE_ERROR"
    assert "lambda:GetFunctionConfiguration" in run.reasons()[0][1]


def test_a_rollback_is_let_through_at_once_and_says_so(gate: Gate) -> None:
    run = gate.call(checks(bad("hangs")), creator="codeDeployRollback")
    assert (run.error, run.answers) == ("", ["Succeeded"])


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_a_deployment_that_is_over_is_not_checked(gate: Gate, status: str) -> None:
    run = gate.call(status=status)
    assert run.answers == ["Failed"]
    assert run.reasons() == [("SUPERSEDED", f"the deployment is already {status}; nobody waits for this gate any more")]


# ---- The event


@pytest.mark.parametrize(
    "event", [[], "text", {}, {"DeploymentId": "d-ABCDEF123"}, {"DeploymentId": 1, "LifecycleEventHookExecutionId": 2}]
)
def test_an_event_that_names_nobody_to_answer_raises(gate: Gate, event: Any) -> None:
    before = list(gate.codedeploy.answers)
    run = gate.call(event=event)
    assert run.error == "Unhandled"
    assert run.returned["errorType"] == "EventError"
    assert gate.codedeploy.answers == before


def test_an_event_of_an_unknown_deployment_raises_for_the_last_resort(gate: Gate) -> None:
    run = gate.call(event={"DeploymentId": "d-NOTTHERE1", "LifecycleEventHookExecutionId": "short"})
    assert run.error == "Unhandled"
    assert run.returned["errorType"] == "NotToldError"


def test_the_same_event_twice_is_answered_once(gate: Gate) -> None:
    run = gate.call()
    assert (run.error, run.answers, run.said("answered")["superseded"]) == ("", ["Succeeded"], False)
    event = {"DeploymentId": run.deployment_id, "LifecycleEventHookExecutionId": run.execution_id}
    again = gate.call(checks(bad("raises")), event=event)
    assert (again.error, again.said("answered")["superseded"]) == ("", True)
    assert [status for _, known, status in gate.codedeploy.answers if known == run.execution_id] == ["Succeeded"]


# ---- AWS


def test_a_role_that_may_not_answer_raises_for_the_last_resort(gate: Gate) -> None:
    gate.codedeploy.refusing = 3
    run = gate.call()
    assert (run.error, run.answers) == ("Unhandled", [])
    assert "AccessDenied" in run.returned["errorMessage"]
    assert run.execution_id not in json.dumps(run.returned) + run.raw
    assert run.said("answered")["told"] is False


def test_a_refusal_that_passes_is_waited_out(gate: Gate) -> None:
    gate.codedeploy.refusing = 2
    run = gate.call()
    assert (run.error, run.answers, run.said("answered")["attempts"]) == ("", ["Succeeded"], 3)


def test_discovery_that_never_comes_back_is_answered_in_time(other: Callable[..., Gate]) -> None:
    with Server(hang) as hanging:
        gate = other(timeout_s=4, AWS_ENDPOINT_URL_S3=hanging.url, GREENLIGHT_PLAN_BUCKET="plans")
        began = time.monotonic()
        run = gate.call()
        took_s = time.monotonic() - began
    assert (run.error, run.answers) == ("", ["Failed"])
    assert run.reasons()[0][0] == "DEADLINE"
    assert "is AWS reachable from the hook?" in run.reasons()[0][1]
    assert took_s < 5


def s3_refusing(peer: Peer) -> None:
    while True:
        peer.request()
        body = b"<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>"
        peer.send(
            b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/xml\r\ncontent-length: %d\r\n\r\n%s"
            % (len(body), body)
        )


@pytest.mark.parametrize(("script", "timeout_s"), [(s3_refusing, 16), (hang, 5)])
def test_a_report_that_cannot_be_stored_changes_nothing(
    other: Callable[..., Gate], script: Any, timeout_s: float
) -> None:
    with Server(script) as bucket:
        gate = other(timeout_s=timeout_s, AWS_ENDPOINT_URL_S3=bucket.url, GREENLIGHT_REPORT_BUCKET="reports")
        run = gate.call()
    assert (run.error, run.returned["verdict"], run.answers) == ("", "Succeeded", ["Succeeded"])
    assert run.said("failed: report stored")


def test_the_answer_is_given_before_anything_is_published(other: Callable[..., Gate], codedeploy: CodeDeploy) -> None:
    answered: list[int] = []

    def bucket(peer: Peer) -> None:
        peer.request()
        answered.append(len(codedeploy.answers))
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with Server(bucket) as server:
        gate = other(AWS_ENDPOINT_URL_S3=server.url, GREENLIGHT_REPORT_BUCKET="reports")
        before = len(codedeploy.answers)
        run = gate.call()
    assert set(answered) == {before + 1}
    assert run.said("page stored")["uri"].endswith(f"{run.deployment_id}/BeforeAllowTraffic.html")
    assert run.said("index written")["uri"].startswith("s3://reports/index/shop/web/")
    assert run.said("index written")["uri"].endswith(f"-{run.deployment_id}-BeforeAllowTraffic.json")
    assert run.said("report stored")["uri"] == f"s3://reports/shop/web/{run.deployment_id}/BeforeAllowTraffic.json"


def event_bus(peer: Peer) -> None:
    while True:
        peer.request()
        body = b'{"FailedEntryCount": 0, "Entries": [{"EventId": "told"}]}'
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


def test_a_channel_that_hangs_leaves_the_others_their_time_and_is_itself_told(other: Callable[..., Gate]) -> None:
    with Server(hang) as bucket, Server(event_bus) as bus, Server(hang) as topic:
        gate = other(
            timeout_s=8,
            AWS_ENDPOINT_URL_S3=bucket.url,
            AWS_ENDPOINT_URL_EVENTBRIDGE=bus.url,
            AWS_ENDPOINT_URL_SNS=topic.url,
            GREENLIGHT_REPORT_BUCKET="reports",
            GREENLIGHT_EVENT_BUS="default",
            GREENLIGHT_NOTICE_TOPIC="arn:aws:sns:eu-central-1:111122223333:releases",
            GREENLIGHT_NOTICE_ON="all",
        )
        run = gate.call()
    assert (run.error, run.returned["verdict"], run.answers) == ("", "Succeeded", ["Succeeded"])
    assert run.said("event put")["id"] == "told"
    assert run.said("failed: report stored")
    assert run.said("failed: notice sent")
    assert [line["ChannelFailures"] for line in run.log if "ChannelFailures" in line] == [[2.0]]


# ---- The installation


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GREENLIGHT_CONCURRENCY", "many"),
        ("GREENLIGHT_ON_MISSING_PLAN", "perhaps"),
    ],
)
def test_junk_in_a_setting_is_a_failed_gate_that_names_the_variable(
    other: Callable[..., Gate], name: str, value: str
) -> None:
    run = other(**{name: value}).call()
    assert (run.error, run.answers) == ("", ["Failed"])
    assert name in run.reasons()[0][1]


def test_junk_beside_the_settings_does_no_harm(other: Callable[..., Gate]) -> None:
    junk = {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "plenty",
        "GREENLIGHT_UNKNOWN": "x",
        "POWERTOOLS_LOG_LEVEL": "ALL",
        "LANG": "C",
    }
    assert other(**junk).call().answers == ["Succeeded"]


def test_a_closed_standard_output_does_not_keep_the_answer_back(codedeploy: CodeDeploy, tmp_path: Path) -> None:
    for closing in ("sys.stdout.close()", "os.close(1)", "sys.stdout = None"):
        deployment, execution = new_deployment(codedeploy)
        (tmp_path / "shop.yaml").write_text(checks(GOOD))
        code = f"""
import os, sys
class Context:
    get_remaining_time_in_millis = staticmethod(lambda: 8000)
import before_allow_traffic
{closing}
done = before_allow_traffic.handler({{"DeploymentId": {deployment!r}, "LifecycleEventHookExecutionId": {execution!r}}}, Context)
assert done["told"] is True
os._exit(42)
"""
        environment = Gate(tmp_path, codedeploy)._environment | {"GREENLIGHT_PLAN_FOLDER": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 42, done.stderr
        assert [status for _, known, status in codedeploy.answers if known == execution] == ["Succeeded"]


@pytest.mark.parametrize("limit_s", [3, 10, 60, 600, 900])
def test_time_is_kept_for_the_answer_and_for_what_comes_after_it(limit_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLIGHT_CONCURRENCY", "junk")  # the gate is over at once
    budgets: list[float] = []

    class Latch:
        def answer(self, _status: Status, budget_s: float) -> Answer:
            budgets.append(budget_s)
            return Answer(told=True, attempts=1)

    class Context:
        @staticmethod
        def get_remaining_time_in_millis() -> int:
            return limit_s * 1000

    event = {"DeploymentId": "d-ABCDEF123", "LifecycleEventHookExecutionId": "x" * 60}
    done = handler.handle(event, Context(), "BeforeAllowTraffic", lambda _: Latch())  # type: ignore[arg-type,return-value]
    assert done == {"verdict": "Failed", "told": True}
    left_s = limit_s - budgets[0]
    assert min(5, limit_s / 15) <= left_s <= 12, "for one attempt more that hangs, and no more than that is lost"


# ---- Being killed, frozen, and called again


def test_an_environment_that_is_killed_leaves_the_answer_to_the_last_resort(other: Callable[..., Gate]) -> None:
    gate = other(timeout_s=4)
    gate.call()
    pid = gate.pid
    threading.Timer(0.5, os.kill, (pid, signal.SIGKILL)).start()
    run = gate.call(checks(bad("hangs")))
    assert run.error
    assert run.answers == []


# ---- Secrets


def test_no_canary_is_in_any_log_or_error(gate: Gate) -> None:
    outcomes = [
        gate.call(),
        gate.call(checks(bad("raises"))),
        gate.call(checks(bad("tells its environment"))),
        gate.call("version: ["),
        gate.call(
            event={"DeploymentId": "d-NOTTHERE1", "LifecycleEventHookExecutionId": "canary-execution-" + "x" * 50}
        ),
    ]
    gate.codedeploy.refusing = 3
    outcomes.append(gate.call())
    assert outcomes[-1].metrics()  # the last line of all
    for run in outcomes:
        everything = run.raw + json.dumps(run.returned)
        assert "canary" not in everything.replace("test_no_canary", "")


@pytest.mark.parametrize("canary", ["s3cr3t-canary/+=&?", 'quoted "canary" \'s \\ back', "canary-" + "long" * 300])
def test_a_secret_of_a_plan_is_nowhere_it_could_be_read(other: Callable[..., Gate], canary: str) -> None:
    stored: list[bytes] = []
    parameter = json.dumps({"Parameter": {"Name": "/canary", "Value": canary, "Version": 1}}).encode()

    def bucket(peer: Peer) -> None:
        stored.append(peer.request()[2])
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    leaking = checks(bad("leaks", text="${secret:ssm:/canary}"), {"name": "mistyped", "fine": {"after": 0}})
    refused = checks({"name": "mistyped", "fine": {"after": "${secret:ssm:/canary}"}})
    with answering(answer(200, parameter, "content-type: application/x-amz-json-1.1")) as ssm, Server(bucket) as s3:
        gate = other(AWS_ENDPOINT_URL_SSM=ssm.url, AWS_ENDPOINT_URL_S3=s3.url, GREENLIGHT_REPORT_BUCKET="reports")
        runs = [gate.call(plan) for plan in (leaking, refused)]
    assert [run.answers for run in runs] == [["Failed"], ["Failed"]]
    for run in runs:
        run.said("report stored")
    everything = "".join(run.raw + json.dumps(run.returned) for run in runs) + b"".join(stored).decode()
    assert "***" in everything, "the secret was there, and was taken out"
    for size in range(8, len(canary)):
        assert canary[:size] not in everything
        if size > 100:
            break
    assert canary[-12:] not in everything


def test_a_debugging_runtime_does_not_log_requests_to_aws(other: Callable[..., Gate]) -> None:
    run = other(AWS_LAMBDA_LOG_LEVEL="DEBUG", AWS_LAMBDA_LOG_FORMAT="JSON", POWERTOOLS_LOG_LEVEL="DEBUG").call()
    assert run.answers == ["Succeeded"]
    assert run.execution_id not in run.raw
    assert "canary" not in run.raw


# ---- Cold start


@pytest.mark.parametrize("hook", sorted(path.stem for path in (ROOT / "hooks").glob("*.py") if path.stem != "__init__"))
def test_importing_a_hook_loads_nothing_heavy(hook: str) -> None:
    code = f"import sys; before = set(sys.modules); import {hook}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{ROOT / 'hooks'}:{ROOT / 'layers/greenlight'}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    heavy = {
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
    }
    assert loaded & heavy == set()
    assert not [
        name for name in loaded if name.startswith(("greenlight.runner", "greenlight.api", "greenlight.steps.probe"))
    ]
