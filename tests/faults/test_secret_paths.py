"""A hook reads no secret of another application, however its plan refers to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.gate import Gate, checks
from tests.support.wire import answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.wire import Server

PARAMETER = json.dumps({"Parameter": {"Name": "/a", "Value": "canary-of-billing", "Version": 1}}).encode()


@pytest.fixture
def store() -> Iterator[Server]:
    """Start a Parameter Store that returns one value for every name and records the requests."""
    with answering(answer(200, PARAMETER, "content-type: application/x-amz-json-1.1")) as server:
        yield server


def plan_with(*references: str) -> str:
    """Return a plan with a check that prints secrets."""
    text = " ".join(f"${{secret:{reference}}}" for reference in references)
    return checks({"name": "prints", "misbehaves": {"fault": "prints its text", "text": text}})


@pytest.mark.parametrize("application", ["shop", "billing2", "Billing", "bill+=,@-"])
def test_plan_of_another_application_is_rejected_and_no_secret_is_read(
    make_gate: Callable[..., Gate], store: Server, application: str
) -> None:
    gate = make_gate(AWS_ENDPOINT_URL_SSM=store.url, GREENLIGHT_SECRET_PATHS="greenlight/{application},shared")
    plan = plan_with("ssm:/greenlight/billing/token", "ssm:/shared/token")
    (gate.plans / f"{application}.yaml").write_text(plan)

    call = gate.call(plan, applicationName=application)

    assert call.answers == ["Failed"]
    assert store.requests == []
    ((cause, message),) = call.reasons()
    assert cause == "PLAN_ERROR"
    assert f".yaml: ${{secret:ssm:/greenlight/billing/token}}: plans of {application} may refer to secrets" in message


@pytest.mark.parametrize("paths", [",", "/", "greenlight/*", "greenlight/{name}"])
def test_invalid_paths_do_not_allow_every_secret(make_gate: Callable[..., Gate], store: Server, paths: str) -> None:
    gate = make_gate(AWS_ENDPOINT_URL_SSM=store.url, GREENLIGHT_SECRET_PATHS=paths)

    call = gate.call(plan_with("ssm:/greenlight/shop/token"))

    assert call.answers == ["Failed"]
    assert [cause for cause, _ in call.reasons()] == ["GATE_ERROR"]
    assert "GREENLIGHT_SECRET_PATHS" in call.reasons()[0][1]
    assert store.requests == []


def test_secrets_of_the_application_and_of_all_applications_are_read(
    make_gate: Callable[..., Gate], store: Server
) -> None:
    gate = make_gate(AWS_ENDPOINT_URL_SSM=store.url, GREENLIGHT_SECRET_PATHS="greenlight/{application},shared")

    call = gate.call(plan_with("ssm:/greenlight/shop/token", "ssm:/shared/token"))

    assert '"*** ***"' in call.reasons()[0][1].replace("\\", ""), "the check has raised an error with both secrets"
    assert [json.loads(body)["Name"] for _, _, body in store.requests] == ["/greenlight/shop/token", "/shared/token"]
