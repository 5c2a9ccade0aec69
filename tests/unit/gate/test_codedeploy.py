"""The event with its two ids, and the latch that answers once."""

from __future__ import annotations

import random
import socket
import threading
import time
from typing import Any

import botocore.exceptions
import botocore.session
import pytest
from botocore.exceptions import ClientError

from greenlight.core.verdict import Status
from greenlight.gate.codedeploy import EventError, Execution, Reporter, parse

ID = "d-ABCDEF123"
EXECUTION = "eyJlbmNyeXB0ZWREYXRhIjoi+canary/" + "x" * 60 + "=="


def refusal(code: str, message: str = "no", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutLifecycleEventHookExecutionStatus")


class Fake:
    """A CodeDeploy client that does what it is told to, and a clock that only sleeping and its own slowness move."""

    def __init__(self, *does: BaseException | None, each_takes_s: float = 0.0) -> None:
        self._does = list(does)
        self._each_takes_s = each_takes_s
        self.calls: list[dict[str, str]] = []
        self.now = 1000.0
        self.slept: list[float] = []

    def put_lifecycle_event_hook_execution_status(self, **parameters: str) -> dict[str, str]:
        self.calls.append(parameters)
        self.now += self._each_takes_s
        does = self._does.pop(0) if len(self._does) > 1 else (self._does or [None])[0]
        if does is not None:
            raise does
        return {"lifecycleEventHookExecutionId": EXECUTION}

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def reporter(self) -> Reporter:
        return Reporter(
            Execution(deployment_id=ID, execution_id=EXECUTION), lambda: self, sleep=self.sleep, clock=lambda: self.now
        )


# ---- The event


def test_both_ids_are_passed_on_byte_for_byte() -> None:
    execution = parse({"DeploymentId": ID, "LifecycleEventHookExecutionId": EXECUTION, "Combined": 1})
    assert (execution.deployment_id, execution.execution_id) == (ID, EXECUTION)


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        7,
        {},
        {"DeploymentId": ID},
        {"LifecycleEventHookExecutionId": EXECUTION},
        {"DeploymentId": "", "LifecycleEventHookExecutionId": EXECUTION},
        {"DeploymentId": ID, "LifecycleEventHookExecutionId": ""},
        {"DeploymentId": None, "LifecycleEventHookExecutionId": EXECUTION},
        {"DeploymentId": [ID], "LifecycleEventHookExecutionId": EXECUTION},
        {"DeploymentId": 1, "LifecycleEventHookExecutionId": 2},
        {"DeploymentId": ID, "LifecycleEventHookExecutionId": {"id": EXECUTION}},
        {"DeploymentId": ID, "LifecycleEventHookExecutionId": "x" * 10_000},
        {"deploymentid": ID, "lifecycleeventhookexecutionid": EXECUTION},
    ],
)
def test_an_event_without_both_ids_is_refused_without_repeating_it(event: Any) -> None:
    with pytest.raises(EventError) as refused:
        parse(event)
    assert EXECUTION[:20] not in str(refused.value)


def test_an_event_of_a_native_deployment_is_named() -> None:
    with pytest.raises(EventError, match="ECS-native"):
        parse({"executionId": "x", "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT"})


def test_the_fingerprint_of_an_execution_does_not_show_it() -> None:
    digest = Execution(deployment_id=ID, execution_id=EXECUTION).digest()
    assert len(digest) == 12
    assert digest not in EXECUTION


# ---- The answer


@pytest.mark.parametrize("status", list(Status))
def test_one_call_is_enough(status: Status) -> None:
    fake = Fake()
    answer = fake.reporter().answer(status, 10)
    assert (answer.told, answer.superseded, answer.attempts, answer.error) == (True, False, 1, "")
    assert fake.calls == [{"deploymentId": ID, "lifecycleEventHookExecutionId": EXECUTION, "status": status.value}]


@pytest.mark.parametrize("does", [None, refusal("InvalidDeploymentIdException")])
def test_the_first_answer_is_the_only_one_ever_sent(does: BaseException | None) -> None:
    fake = Fake(does)
    reporter = fake.reporter()
    first = reporter.answer(Status.FAILED, 10)
    assert reporter.answer(Status.SUCCEEDED, 10) is first
    assert [call["status"] for call in fake.calls] == ["Failed"]


def test_throttling_is_waited_out_with_jitter() -> None:
    fake = Fake(*[refusal("ThrottlingException")] * 6, None)
    answer = fake.reporter().answer(Status.SUCCEEDED, 60)
    assert (answer.told, answer.attempts) == (True, 7)
    assert len(set(fake.slept)) == 6
    assert all(0.05 <= pause <= 5 for pause in fake.slept)


@pytest.mark.parametrize(
    "code",
    [
        "DeploymentDoesNotExistException",
        "DeploymentIdRequiredException",
        "InvalidDeploymentIdException",
        "InvalidLifecycleEventHookExecutionIdException",
        "InvalidLifecycleEventHookExecutionStatusException",
        "UnsupportedActionForDeploymentTypeException",
    ],
)
def test_an_error_that_no_attempt_can_change_is_not_repeated(code: str) -> None:
    fake = Fake(refusal(code))
    answer = fake.reporter().answer(Status.SUCCEEDED, 60)
    assert (answer.told, answer.attempts) == (False, 1)
    assert code in answer.error


def test_every_error_of_codedeploys_model_is_known_here() -> None:
    model = botocore.session.Session().get_service_model("codedeploy")
    for shape in model.operation_model("PutLifecycleEventHookExecutionStatus").error_shapes:
        answer = Fake(refusal(shape.name)).reporter().answer(Status.FAILED, 60)
        assert answer.attempts == 1, shape.name
        assert answer.told is (shape.name == "LifecycleEventAlreadyCompletedException")


def test_a_denial_is_tried_three_times_since_permissions_spread_slowly() -> None:
    fake = Fake(refusal("AccessDeniedException"))
    answer = fake.reporter().answer(Status.SUCCEEDED, 600)
    assert (answer.told, answer.attempts) == (False, 3)
    assert Fake(refusal("AccessDeniedException"), None).reporter().answer(Status.SUCCEEDED, 600).told


# ---- Already completed

ALREADY = refusal("LifecycleEventAlreadyCompletedException")


def test_completed_before_the_first_attempt_means_that_somebody_else_answered() -> None:
    answer = Fake(ALREADY).reporter().answer(Status.SUCCEEDED, 10)
    assert (answer.told, answer.superseded) == (True, True)


@pytest.mark.parametrize(
    "lost",
    [
        botocore.exceptions.ReadTimeoutError(endpoint_url="https://x"),
        botocore.exceptions.ConnectionClosedError(endpoint_url="https://x"),
        refusal("InternalFailure", status=500),
        refusal("502", status=502),
        ClientError({}, "Put"),
        OSError("reset"),
    ],
)
def test_completed_after_an_attempt_whose_receipt_was_lost_is_our_own_answer(lost: BaseException) -> None:
    answer = Fake(lost, ALREADY).reporter().answer(Status.SUCCEEDED, 10)
    assert (answer.told, answer.superseded, answer.attempts) == (True, False, 2)


@pytest.mark.parametrize("refused", ["ThrottlingException", "AccessDeniedException", "ExpiredTokenException"])
def test_completed_after_an_attempt_that_was_surely_refused_is_somebody_elses(refused: str) -> None:
    answer = Fake(refusal(refused), ALREADY).reporter().answer(Status.SUCCEEDED, 10)
    assert (answer.told, answer.superseded) == (True, True)


# ---- Errors of every shape


def _strange() -> list[BaseException]:
    made: list[BaseException] = [
        refusal(""),
        OSError(),
        TypeError("a bug"),
        RecursionError(),
        MemoryError(),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ]
    for response in ({}, None, ["x"], {"Error": None}, {"Error": {}}, {"Error": {"Code": None}}, {"Error": "text"}):
        odd = ClientError({}, "Put")
        odd.response = response  # type: ignore[assignment]
        made.append(odd)
    return made


@pytest.mark.parametrize("problem", _strange(), ids=lambda problem: repr(problem)[:60])
def test_an_error_of_any_shape_is_tried_again_and_never_raised(problem: BaseException) -> None:
    answer = Fake(problem, None).reporter().answer(Status.FAILED, 10)
    assert (answer.told, answer.attempts) == (True, 2)


def test_every_error_that_botocore_can_raise_is_survived() -> None:
    kinds = [
        kind
        for kind in vars(botocore.exceptions).values()
        if isinstance(kind, type) and issubclass(kind, botocore.exceptions.BotoCoreError)
    ]
    assert len(kinds) > 80
    for kind in kinds:
        problem = kind.__new__(kind)
        Exception.__init__(problem, "said")
        answer = Fake(problem, None).reporter().answer(Status.FAILED, 10)
        assert answer.told, kind


def test_a_client_that_cannot_be_made_is_made_again() -> None:
    made: list[int] = []
    fake = Fake(ALREADY)

    def client() -> Fake:
        made.append(1)
        if len(made) < 3:
            raise botocore.exceptions.NoRegionError
        return fake

    reporter = Reporter(
        Execution(deployment_id=ID, execution_id=EXECUTION), client, sleep=fake.sleep, clock=lambda: fake.now
    )
    answer = reporter.answer(Status.FAILED, 10)
    assert (answer.told, len(made)) == (True, 3)
    assert answer.superseded, "nothing of ours was ever sent before"


# ---- The budget


@pytest.mark.parametrize("budget_s", [0.5, 3, 20, 60])
def test_no_attempt_begins_after_the_budget_is_spent(budget_s: float) -> None:
    for seed in range(50):
        random.seed(seed)
        fake = Fake(OSError("down"), each_takes_s=0.1)
        answer = fake.reporter().answer(Status.FAILED, budget_s)
        assert not answer.told
        assert fake.now - 1000 <= budget_s + 0.1
        assert answer.attempts >= min(4, budget_s / 6)


@pytest.mark.parametrize("budget_s", [0.0, -30.0])
def test_one_attempt_is_made_even_when_the_time_is_over(budget_s: float) -> None:
    assert Fake().reporter().answer(Status.FAILED, budget_s).told
    fake = Fake(OSError("down"))
    answer = fake.reporter().answer(Status.FAILED, budget_s)
    assert (answer.told, answer.attempts, fake.slept) == (False, 1, [])


def test_an_endpoint_that_hangs_costs_one_time_out_an_attempt(no_aws_account: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        no_aws_account.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{hanging.getsockname()[1]}")
        accepted: list[socket.socket] = []
        threading.Thread(target=lambda: accepted.append(hanging.accept()[0]), daemon=True).start()
        began = time.monotonic()
        answer = Reporter(Execution(deployment_id=ID, execution_id=EXECUTION)).answer(Status.FAILED, 0.5)
        took_s = time.monotonic() - began
    for each in accepted:
        each.close()
    assert (answer.told, answer.attempts) == (False, 1)
    assert 2.9 < took_s < 5.9  # two attempts take 6
    assert "ReadTimeout" in answer.error
    assert EXECUTION not in answer.error


# ---- Secrecy


@pytest.mark.parametrize(
    "message",
    [
        f"the id {EXECUTION} is wrong",
        "x" * 470 + EXECUTION,
        f'{{"lifecycleEventHookExecutionId": "{EXECUTION}"}}',
        f"lifecycleEventHookExecutionId={EXECUTION.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}",
        repr(EXECUTION),
    ],
)
def test_the_execution_id_is_in_no_error(message: str) -> None:
    for problem in (refusal("InvalidLifecycleEventHookExecutionIdException", message), OSError(message)):
        answer = Fake(problem).reporter().answer(Status.FAILED, 0)
        assert "canary" not in answer.error
        assert "x" * 20 + "=" not in answer.error
        assert "xxx=" not in answer.error
        assert len(answer.error) <= 500
