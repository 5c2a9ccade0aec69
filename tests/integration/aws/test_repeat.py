"""Reads after a throttle, an error inside AWS, a broken connection or a response that is not AWS's."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.aws.client import ATTEMPTS, Aws, call_aws
from greenlight.aws.repeat import TransientError, is_repeatable
from greenlight.core.errors import AwsError
from greenlight.stores import s3
from tests.support.raw_server import RawAnswer, RawServer

if TYPE_CHECKING:
    from collections.abc import Callable

DEPLOYMENT = RawAnswer(json.dumps({"deploymentInfo": {"deploymentId": "d-ABCDEF123"}}).encode())
THROTTLED = RawAnswer(b'{"__type": "ThrottlingException", "message": "Rate exceeded"}', "400 Bad Request")
DENIED = RawAnswer(b'{"__type": "AccessDeniedException", "message": "no"}', "400 Bad Request")
BROKEN = {
    "throttled": THROTTLED,
    "throttled with status 429": RawAnswer(b"", "429 Too Many Requests"),
    "an error inside AWS": RawAnswer(b'{"__type": "InternalFailure"}', "500 Internal Server Error"),
    "a gateway's page": RawAnswer(b"<html>", "502 Bad Gateway"),
    "a cut body": RawAnswer(DEPLOYMENT.body[:20], length=len(DEPLOYMENT.body)),
    "no body": RawAnswer(b"", length=100),
    "a proxy's page": RawAnswer(b"<html>sign in</html>"),
    "an empty body": RawAnswer(b""),
    "an empty object": RawAnswer(b"{}"),
    "a member of another type": RawAnswer(b'{"deploymentInfo": "text"}'),
    "a null": RawAnswer(b'{"deploymentInfo": null}'),
    "half of the JSON": RawAnswer(DEPLOYMENT.body[:-3]),
    "not UTF-8": RawAnswer(b'{"deploymentInfo": "\xff\xfe"}'),
}


@pytest.fixture
def at(no_aws_account: pytest.MonkeyPatch) -> Callable[[RawServer], Aws]:
    """Return a function that makes an account whose endpoint is a server."""

    def account(server: RawServer) -> Aws:
        no_aws_account.setenv("AWS_ENDPOINT_URL", server.url)
        return Aws()

    return account


def get_deployment(aws: Aws) -> dict[str, Any]:
    info: dict[str, Any] = aws.read("codedeploy", "get_deployment", "deploymentInfo", deploymentId="d-ABCDEF123")
    return info


# ---- Reads that stay broken


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_read_that_stays_broken_names_service_and_call(answer: RawAnswer, at: Any) -> None:
    with RawServer(answer) as server, pytest.raises(TransientError, match="codedeploy:GetDeployment") as error:
        get_deployment(at(server).repeating(time.monotonic() + 0.5))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a proxy's page", "an empty body", "an empty object", "a null"])
def test_a_response_without_its_member_names_the_member(name: str, at: Any) -> None:
    with RawServer(BROKEN[name]) as server, pytest.raises(AwsError, match=r"lacks deploymentInfo|cannot be parsed"):
        get_deployment(at(server))


@pytest.mark.parametrize("answer", [DENIED, RawAnswer(b'{"__type": "DeploymentDoesNotExistException"}', "400 Bad")])
def test_a_refusal_is_not_repeated(answer: RawAnswer, at: Any) -> None:
    with RawServer(answer) as server:
        with pytest.raises(AwsError):
            get_deployment(at(server).repeating(time.monotonic() + 20))
        assert len(server.requests) == 1


def test_without_a_deadline_a_read_has_only_the_attempts_of_its_client(at: Any) -> None:
    with RawServer(THROTTLED) as server:
        with pytest.raises(TransientError):
            get_deployment(at(server))
        assert len(server.requests) == ATTEMPTS


# ---- Errors that pass


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_read_that_fails_for_a_while_is_repeated_until_it_succeeds(answer: RawAnswer, at: Any) -> None:
    failures = ATTEMPTS  # all that the client makes by itself
    with RawServer(*[answer] * failures, DEPLOYMENT) as server:
        assert get_deployment(at(server).repeating(time.monotonic() + 60))["deploymentId"] == "d-ABCDEF123"
        assert len(server.requests) == failures + 1


# ---- Bodies of objects

PLAN = b"version: 1\n" + b"# all of it\n" * 50
WHOLE = RawAnswer(PLAN)
CUT = RawAnswer(PLAN[:200], length=len(PLAN))


@pytest.mark.parametrize("cuts", [1, 5])
def test_an_object_whose_body_is_cut_is_read_again(cuts: int, at: Any) -> None:
    with RawServer(*[CUT] * cuts, WHOLE) as server:
        aws = at(server).repeating(time.monotonic() + 60)
        assert s3.read(aws, "plans/shop.yaml") == (PLAN.decode(), "")
        assert len(server.requests) == cuts + 1


def test_half_of_an_object_is_never_taken_for_the_whole(at: Any) -> None:
    with RawServer(CUT) as server, pytest.raises(TransientError, match="s3:GetObject"):
        s3.read(at(server), "plans/shop.yaml")


def test_an_object_is_read_up_to_the_limit(at: Any) -> None:
    with RawServer(WHOLE) as server:
        data, _ = at(server).read_object("plans", "shop.yaml", 100)
    assert data == PLAN[:101]


# ---- Errors that are not AWS's


@pytest.mark.parametrize("problem", [KeyError("DescribeRulesResult"), AttributeError("no get"), ValueError("bad")])
def test_an_error_of_a_parser_becomes_one_that_names_the_call(problem: Exception) -> None:
    def call() -> None:
        raise problem

    with pytest.raises(TransientError, match=rf"elasticloadbalancing:DescribeRules.*{type(problem).__name__}"):
        call_aws("elbv2", "describe_rules", call)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("describe_target_health", True),
        ("get_alias", True),
        ("invoke", False),
        ("put_object", False),
        ("publish", False),
    ],
)
def test_only_reads_are_repeated_for_a_check(operation: str, expected: bool) -> None:
    assert is_repeatable(operation) is expected
