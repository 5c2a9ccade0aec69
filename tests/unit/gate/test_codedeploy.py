"""The event with its two ids, and the reporter that answers once."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import botocore.session
import pytest
from botocore.exceptions import ClientError

from greenlight.core.verdict import Status
from greenlight.gate.codedeploy import UNREACHED_S, EventError, Execution, Reporter, parse
from tests.support.raw_server import RawAnswer, RawServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.core.verdict import StatusDelivery

ID = "d-ABCDEF123"
EXECUTION = "eyJlbmNyeXB0ZWREYXRhIjoi+canary/" + "x" * 60 + "=="


def refusal(code: str, message: str = "no", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutLifecycleEventHookExecutionStatus")


class Fake:
    """A CodeDeploy client that raises the given errors in turn, and a clock that only its calls and sleeps move."""

    def __init__(self, *errors: BaseException | None, call_s: float = 0.0) -> None:
        self._errors = list(errors)
        self._call_s = call_s
        self.calls: list[dict[str, str]] = []
        self.now = 1000.0
        self.slept: list[float] = []

    def put_lifecycle_event_hook_execution_status(self, **parameters: str) -> dict[str, str]:
        self.calls.append(parameters)
        self.now += self._call_s
        error = self._errors.pop(0) if len(self._errors) > 1 else (self._errors or [None])[0]
        if error is not None:
            raise error
        return {"lifecycleEventHookExecutionId": EXECUTION}

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def reporter(self) -> Reporter:
        return Reporter(
            Execution(deployment_id=ID, execution_id=EXECUTION), lambda: self, sleep=self.sleep, clock=lambda: self.now
        )


# ---- The event


def test_both_ids_are_sent_unchanged() -> None:
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
def test_an_event_without_both_ids_is_rejected_without_repeating_it(event: Any) -> None:
    with pytest.raises(EventError) as error:
        parse(event)
    assert EXECUTION[:20] not in str(error.value)


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
    delivery = fake.reporter().answer(status, 10)
    assert (delivery.told, delivery.superseded, delivery.attempts, delivery.error) == (True, False, 1, "")
    assert fake.calls == [{"deploymentId": ID, "lifecycleEventHookExecutionId": EXECUTION, "status": status.value}]


@pytest.mark.parametrize("error", [None, refusal("InvalidDeploymentIdException")])
def test_the_first_answer_is_the_only_one_ever_sent(error: BaseException | None) -> None:
    fake = Fake(error)
    reporter = fake.reporter()
    first = reporter.answer(Status.FAILED, 10)
    assert reporter.answer(Status.SUCCEEDED, 10) is first
    assert [call["status"] for call in fake.calls] == ["Failed"]


UNREACHABLE = (
    botocore.exceptions.EndpointConnectionError(endpoint_url="https://codedeploy"),
    botocore.exceptions.ConnectTimeoutError(endpoint_url="https://codedeploy"),
    botocore.exceptions.SSLError(endpoint_url="https://codedeploy", error="certificate"),
    botocore.exceptions.NoCredentialsError(),
    refusal("503", status=503),  # the page of a proxy
)


@pytest.mark.parametrize("error", UNREACHABLE, ids=lambda error: type(error).__name__)
def test_hook_that_never_reaches_codedeploy_leaves_time_for_the_last_resort(error: BaseException) -> None:
    fake = Fake(error, call_s=2.0)
    delivery = fake.reporter().answer(Status.SUCCEEDED, 560)
    assert not delivery.told
    assert UNREACHED_S - 10 < fake.now - 1000 <= UNREACHED_S + 5


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("InternalFailure", status=500),
        botocore.exceptions.ReadTimeoutError(endpoint_url="https://codedeploy"),
        botocore.exceptions.ConnectionClosedError(endpoint_url="https://codedeploy"),
    ],
    ids=["throttled", "internal", "no response", "closed"],
)
def test_hook_that_reaches_codedeploy_uses_its_whole_time(error: BaseException) -> None:
    fake = Fake(error, call_s=2.0)
    assert not fake.reporter().answer(Status.SUCCEEDED, 560).told
    assert fake.now - 1000 > 540


def test_codedeploy_that_was_reached_once_is_tried_to_the_end() -> None:
    outage = [UNREACHABLE[0]] * 80
    fake = Fake(UNREACHABLE[0], refusal("ThrottlingException"), *outage, None, call_s=2.0)
    delivery = fake.reporter().answer(Status.SUCCEEDED, 560)
    assert (delivery.told, delivery.attempts) == (True, 83)
    assert fake.now - 1000 > UNREACHED_S


def test_throttling_is_retried_with_jitter() -> None:
    fake = Fake(*[refusal("ThrottlingException")] * 6, None)
    delivery = fake.reporter().answer(Status.SUCCEEDED, 60)
    assert (delivery.told, delivery.attempts) == (True, 7)
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
def test_a_final_error_is_not_retried(code: str) -> None:
    fake = Fake(refusal(code))
    delivery = fake.reporter().answer(Status.SUCCEEDED, 60)
    assert (delivery.told, delivery.attempts) == (False, 1)
    assert code in delivery.error


def test_every_error_of_the_codedeploy_model_is_classified() -> None:
    model = botocore.session.Session().get_service_model("codedeploy")
    for shape in model.operation_model("PutLifecycleEventHookExecutionStatus").error_shapes:
        delivery = Fake(refusal(shape.name)).reporter().answer(Status.FAILED, 60)
        assert delivery.attempts == 1, shape.name
        assert delivery.told is (shape.name == "LifecycleEventAlreadyCompletedException")


def test_a_denial_is_tried_three_times_because_permissions_propagate_slowly() -> None:
    fake = Fake(refusal("AccessDeniedException"))
    delivery = fake.reporter().answer(Status.SUCCEEDED, 600)
    assert (delivery.told, delivery.attempts) == (False, 3)
    assert Fake(refusal("AccessDeniedException"), None).reporter().answer(Status.SUCCEEDED, 600).told


# ---- The receipt

RECEIPT = json.dumps({"lifecycleEventHookExecutionId": EXECUTION}).encode()
ALREADY_COMPLETED = RawAnswer(b'{"__type": "LifecycleEventAlreadyCompletedException"}', "400 Bad Request")
NOT_RECEIPTS = {
    "a proxy's page": RawAnswer(b"<html>sign in</html>", headers=("Content-Type: text/html",)),
    "an empty body": RawAnswer(b""),
    "an empty object": RawAnswer(b"{}"),
    "an empty id": RawAnswer(b'{"lifecycleEventHookExecutionId": ""}'),
    "no id": RawAnswer(b'{"lifecycleEventHookExecutionId": null}'),
    "an id in a list": RawAnswer(json.dumps({"lifecycleEventHookExecutionId": [EXECUTION]}).encode()),
    "another execution's id": RawAnswer(b'{"lifecycleEventHookExecutionId": "another"}'),
    "half of the id": RawAnswer(json.dumps({"lifecycleEventHookExecutionId": EXECUTION[:40]}).encode()),
    "an array": RawAnswer(b"[]"),
    "a page of a proxy that says 204": RawAnswer(b"", "204 No Content"),
}


@pytest.fixture
def answer_from(no_aws_account: pytest.MonkeyPatch) -> Callable[..., tuple[StatusDelivery, int, float]]:
    """Send Succeeded to a server with these answers; return the delivery, the number of requests and the seconds."""

    def answer(*answers: RawAnswer, budget_s: float = 5.0) -> tuple[StatusDelivery, int, float]:
        with RawServer(*answers) as server:
            no_aws_account.setenv("AWS_ENDPOINT_URL", server.url)
            reporter = Reporter(Execution(deployment_id=ID, execution_id=EXECUTION))
            began = time.monotonic()
            delivery = reporter.answer(Status.SUCCEEDED, budget_s)
            return delivery, len(server.requests), time.monotonic() - began

    return answer


@pytest.mark.parametrize("answer", NOT_RECEIPTS.values(), ids=NOT_RECEIPTS)
def test_a_200_without_the_execution_id_is_not_a_receipt(answer: RawAnswer, answer_from: Any) -> None:
    delivery, requests, _ = answer_from(answer, budget_s=0.6)
    assert not delivery.told
    assert 1 <= requests <= delivery.attempts  # the budget may end an attempt before it has reached the server
    assert delivery.error
    assert "canary" not in delivery.error


@pytest.mark.parametrize("answer", NOT_RECEIPTS.values(), ids=NOT_RECEIPTS)
def test_the_status_is_sent_again_until_a_receipt_comes(answer: RawAnswer, answer_from: Any) -> None:
    delivery, requests, _ = answer_from(answer, RawAnswer(RECEIPT))
    assert (delivery.told, delivery.superseded, delivery.attempts, requests) == (True, False, 2, 2)


@pytest.mark.parametrize("answer", NOT_RECEIPTS.values(), ids=NOT_RECEIPTS)
def test_already_completed_settles_an_answer_that_was_not_a_receipt(answer: RawAnswer, answer_from: Any) -> None:
    delivery, requests, _ = answer_from(answer, ALREADY_COMPLETED)
    assert (delivery.told, delivery.superseded, delivery.attempts, requests) == (True, False, 2, 2)


# ---- Already completed

ALREADY = refusal("LifecycleEventAlreadyCompletedException")


def test_already_completed_at_the_first_attempt_means_that_another_run_answered() -> None:
    delivery = Fake(ALREADY).reporter().answer(Status.SUCCEEDED, 10)
    assert (delivery.told, delivery.superseded) == (True, True)


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
def test_already_completed_after_an_attempt_with_a_lost_response_is_our_own_answer(lost: BaseException) -> None:
    delivery = Fake(lost, ALREADY).reporter().answer(Status.SUCCEEDED, 10)
    assert (delivery.told, delivery.superseded, delivery.attempts) == (True, False, 2)


@pytest.mark.parametrize("refused", ["ThrottlingException", "AccessDeniedException", "ExpiredTokenException"])
def test_already_completed_after_a_refused_attempt_is_the_answer_of_another_run(refused: str) -> None:
    delivery = Fake(refusal(refused), ALREADY).reporter().answer(Status.SUCCEEDED, 10)
    assert (delivery.told, delivery.superseded) == (True, True)


# ---- Errors of every shape


def _malformed_errors() -> list[BaseException]:
    errors: list[BaseException] = [
        refusal(""),
        OSError(),
        TypeError("a bug"),
        RecursionError(),
        MemoryError(),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ]
    for response in ({}, None, ["x"], {"Error": None}, {"Error": {}}, {"Error": {"Code": None}}, {"Error": "text"}):
        error = ClientError({}, "Put")
        error.response = response  # type: ignore[assignment]
        errors.append(error)
    return errors


@pytest.mark.parametrize("problem", _malformed_errors(), ids=lambda problem: repr(problem)[:60])
def test_an_error_of_any_shape_is_retried_and_never_raised(problem: BaseException) -> None:
    delivery = Fake(problem, None).reporter().answer(Status.FAILED, 10)
    assert (delivery.told, delivery.attempts) == (True, 2)


def test_no_error_that_botocore_can_raise_escapes() -> None:
    kinds = [
        kind
        for kind in vars(botocore.exceptions).values()
        if isinstance(kind, type) and issubclass(kind, botocore.exceptions.BotoCoreError)
    ]
    assert len(kinds) > 80
    for kind in kinds:
        problem = kind.__new__(kind)
        Exception.__init__(problem, "said")
        delivery = Fake(problem, None).reporter().answer(Status.FAILED, 10)
        assert delivery.told, kind


def test_a_client_that_cannot_be_made_is_made_again() -> None:
    attempts: list[int] = []
    fake = Fake(ALREADY)

    def client() -> Fake:
        attempts.append(1)
        if len(attempts) < 3:
            raise botocore.exceptions.NoRegionError
        return fake

    reporter = Reporter(
        Execution(deployment_id=ID, execution_id=EXECUTION), client, sleep=fake.sleep, clock=lambda: fake.now
    )
    delivery = reporter.answer(Status.FAILED, 10)
    assert (delivery.told, len(attempts)) == (True, 3)
    assert delivery.superseded, "nothing of ours was ever sent before"


# ---- The budget


@pytest.mark.parametrize("budget_s", [0.5, 3, 20, 60])
def test_no_attempt_starts_after_the_budget_is_spent(budget_s: float) -> None:
    for seed in range(50):
        random.seed(seed)
        fake = Fake(OSError("down"), call_s=0.1)
        delivery = fake.reporter().answer(Status.FAILED, budget_s)
        assert not delivery.told
        assert fake.now - 1000 <= budget_s + 0.1
        assert delivery.attempts >= min(4, budget_s / 6)


@pytest.mark.parametrize("budget_s", [0.0, -30.0])
def test_one_attempt_is_made_even_when_the_time_is_over(budget_s: float) -> None:
    assert Fake().reporter().answer(Status.FAILED, budget_s).told
    fake = Fake(OSError("down"))
    delivery = fake.reporter().answer(Status.FAILED, budget_s)
    assert (delivery.told, delivery.attempts, fake.slept) == (False, 1, [])


def test_an_endpoint_that_hangs_costs_one_time_out_for_each_attempt(no_aws_account: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        no_aws_account.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{hanging.getsockname()[1]}")
        accepted: list[socket.socket] = []
        threading.Thread(target=lambda: accepted.append(hanging.accept()[0]), daemon=True).start()
        began = time.monotonic()
        delivery = Reporter(Execution(deployment_id=ID, execution_id=EXECUTION)).answer(Status.FAILED, 0.5)
        took_s = time.monotonic() - began
    for connection in accepted:
        connection.close()
    assert (delivery.told, delivery.attempts) == (False, 1)
    assert 2.9 < took_s < 5.9  # two attempts take 6
    assert "ReadTimeout" in delivery.error
    assert EXECUTION not in delivery.error


DRIP = RawAnswer(b" " * 200 + RECEIPT, pause_s=0.2)


def test_a_response_that_drips_is_abandoned_within_the_budget(answer_from: Any) -> None:
    delivery, requests, took_s = answer_from(DRIP, budget_s=5)
    assert not delivery.told
    assert delivery.attempts == requests == 1, "the budget ended the first attempt"
    assert 4.5 < took_s < 6.5
    assert "did not end within" in delivery.error


def test_an_abandoned_attempt_is_repeated_with_a_new_client(answer_from: Any) -> None:
    delivery, requests, took_s = answer_from(DRIP, RawAnswer(RECEIPT), budget_s=20)
    assert (delivery.told, delivery.superseded, delivery.attempts, requests) == (True, False, 2, 2)
    assert took_s < 9, took_s


def test_already_completed_after_an_abandoned_attempt_is_our_own_answer(answer_from: Any) -> None:
    delivery, _, _ = answer_from(DRIP, ALREADY_COMPLETED, budget_s=20)
    assert (delivery.told, delivery.superseded, delivery.attempts) == (True, False, 2)


def test_a_client_that_waits_for_ever_is_abandoned_and_made_again() -> None:
    """Name resolution and the credentials of a container have no time-out of their own."""
    stuck, clients = threading.Event(), []

    def client() -> Fake:
        clients.append(Fake())
        if len(clients) == 1:
            stuck.wait(60)
        return clients[-1]

    began = time.monotonic()
    delivery = Reporter(Execution(deployment_id=ID, execution_id=EXECUTION), client).answer(Status.FAILED, 20)
    stuck.set()
    assert (delivery.told, delivery.attempts, len(clients)) == (True, 2, 2)
    assert time.monotonic() - began < 9


def test_the_status_is_sent_even_if_no_thread_can_be_started() -> None:
    stack_bytes = threading.stack_size(1 << 46)
    try:
        with pytest.raises(RuntimeError):
            threading.Thread(target=int).start()
        fake = Fake()
        assert fake.reporter().answer(Status.FAILED, 5).told
    finally:
        threading.stack_size(stack_bytes)


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
def test_no_error_contains_the_execution_id(message: str) -> None:
    for problem in (refusal("InvalidLifecycleEventHookExecutionIdException", message), OSError(message)):
        delivery = Fake(problem).reporter().answer(Status.FAILED, 0)
        assert "canary" not in delivery.error
        assert "x" * 20 + "=" not in delivery.error
        assert "xxx=" not in delivery.error
        assert len(delivery.error) <= 500
