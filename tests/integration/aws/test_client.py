"""Calls to AWS: timeouts, readable errors and no logged requests."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from greenlight.aws import client as aws_module
from greenlight.aws.client import Aws, iam_action
from greenlight.core.errors import AwsError
from tests.support.account import Account
from tests.support.wire import Server, answer, answering, hang, unused_port


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("elbv2", "describe_rules", "elasticloadbalancing:DescribeRules"),
        ("lambda", "invoke", "lambda:InvokeFunction"),
        ("s3", "get_object", "s3:GetObject"),
        ("codedeploy", "list_tags_for_resource", "codedeploy:ListTagsForResource"),
    ],
)
def test_iam_action_of_an_operation(service: str, operation: str, action: str) -> None:
    assert iam_action(service, operation) == action


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
@pytest.mark.parametrize(
    ("function", "principal"), [("", "you need"), ("CodeDeployHook_x", "the function's role needs")]
)
def test_denied_call_names_the_permission_and_the_principal(
    code: str, function: str, principal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", function)
    with pytest.raises(AwsError, match=f"ecs:DescribeServices was denied; {principal} that permission") as refused:
        Aws(Account({"ecs.describe_services": code})).call("ecs", "describe_services", services=["x"])
    assert refused.value.code == code


def test_invalid_parameters_are_reported_in_one_line() -> None:
    with pytest.raises(AwsError, match="Parameter validation failed") as refused:
        Aws(Account({})).call("ecs", "describe_services", services="text")
    assert "\n" not in str(refused.value)


def test_missing_region_is_reported_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(AwsError, match=r"You must specify a region\. Set AWS_REGION, or AWS_PROFILE"):
        Aws().call("ecs", "list_clusters")


def test_region_is_read_from_aws_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert Aws().client("ecs").meta.region_name == "eu-central-1"


def test_missing_credentials_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsError, match="ecs:ListClusters got no response: Unable to locate credentials"):
        Aws().call("ecs", "list_clusters")


def test_unavailable_endpoint_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port()}")
    client = Aws().client("ecs", attempts=1)
    with pytest.raises(AwsError, match="got no response: Could not connect"):
        aws_module.call_aws("ecs", "list_clusters", client.list_clusters)


def test_hanging_endpoint_takes_one_read_timeout_per_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(hang) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        client = Aws().client("ecs", read_timeout_s=0.3, attempts=1)
        began = time.monotonic()
        with pytest.raises(AwsError, match="got no response: Read timeout") as refused:
            aws_module.call_aws("ecs", "list_clusters", client.list_clusters)
    assert refused.value.code == "ReadTimeoutError"
    assert time.monotonic() - began < aws_module.READ_TIMEOUT_S


@pytest.mark.parametrize("body", [b"<html>Service Unavailable</html>", b"", b"{", b'{"__type": "ThrottlingException"}'])
def test_malformed_error_response_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    with answering(answer(503, body, "connection: close")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        client = Aws().client("ecs", attempts=1)
        with pytest.raises(AwsError, match="ecs:ListClusters") as refused:
            aws_module.call_aws("ecs", "list_clusters", client.list_clusters)
    assert "\n" not in str(refused.value)


def test_too_many_pages_are_an_error() -> None:
    def rules(parameters: dict[str, Any]) -> dict[str, Any]:
        return {"Rules": [], "NextMarker": str(int(parameters.get("Marker", "0")) + 1)}

    with pytest.raises(AwsError, match="more than 50 pages"):
        Aws(Account({"elbv2.describe_rules": rules})).pages("elbv2", "describe_rules", "Rules", ListenerArn="x")


def test_clients_are_shared_per_service_timeout_and_attempts() -> None:
    aws = Aws()
    assert aws.client("ecs") is aws.client("ecs")
    assert aws.client("ecs", attempts=1) is not aws.client("ecs")
    assert aws.client("ecs", read_timeout_s=5.0) is not aws.client("ecs")


def test_botocore_does_not_log_requests(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        Aws(Account({"secretsmanager.get_secret_value": {"SecretString": "canary"}})).call(
            "secretsmanager", "get_secret_value", SecretId="canary-name"
        )
    assert "canary" not in caplog.text
