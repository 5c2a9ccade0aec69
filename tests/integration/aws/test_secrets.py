"""Secrets are fetched by reference; a message names the reference and never contains the value."""

from __future__ import annotations

import json

import pytest

from greenlight.aws.client import Aws
from greenlight.aws.secrets import fetch_secrets
from greenlight.core.errors import AwsError, PlanError
from tests.support.account import Account

CANARY = "canary-value-7f3a"


@pytest.fixture
def stored(aws: Aws) -> Aws:
    manager = aws.client("secretsmanager")
    manager.create_secret(Name="plain", SecretString=CANARY)
    manager.create_secret(
        Name="orders/smoke", SecretString=json.dumps({"token": CANARY, "pin": 4711, "on": True, "deep": {"a": CANARY}})
    )
    manager.create_secret(Name="binary", SecretBinary=CANARY.encode())
    aws.client("ssm").put_parameter(Name="/orders/token", Value=CANARY, Type="SecureString")
    return aws


def test_every_kind_of_reference_is_fetched(stored: Aws) -> None:
    arn = stored.client("secretsmanager").describe_secret(SecretId="orders/smoke")["ARN"]
    expected = {
        "secretsmanager:plain": CANARY,
        "secretsmanager:orders/smoke#token": CANARY,
        "secretsmanager:orders/smoke#pin": "4711",
        f"secretsmanager:{arn}#token": CANARY,
        "ssm:/orders/token": CANARY,
    }
    assert fetch_secrets(expected, stored) == expected


def test_no_references_make_no_calls() -> None:
    assert fetch_secrets([], Aws(Account({}))) == {}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("", "write secret:secretsmanager:NAME"),
        ("plain", "write secret:secretsmanager:NAME"),
        ("vault:plain", "write secret:secretsmanager:NAME"),
        ("secretsmanager:", "write secret:secretsmanager:NAME"),
        ("secretsmanager:none", "there is no such secret"),
        ("ssm:/none", "there is no such secret"),
        ("secretsmanager:plain#key", "the secret is not JSON"),
        ("secretsmanager:orders/smoke#none", "no such key"),
        ("secretsmanager:orders/smoke#deep", "no such key with a text value"),
        ("secretsmanager:orders/smoke#on", "no such key with a text value"),
        ("secretsmanager:binary", "the secret is binary"),
    ],
)
def test_invalid_reference_is_a_plan_error(stored: Aws, reference: str, reason: str) -> None:
    with pytest.raises(PlanError, match=reason) as refused:
        fetch_secrets([reference], stored)
    assert f"${{secret:{reference}}}" in str(refused.value)
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    ("operation", "reference", "action"),
    [
        ("secretsmanager.get_secret_value", "secretsmanager:x", "secretsmanager:GetSecretValue"),
        ("ssm.get_parameter", "ssm:/x", "ssm:GetParameter"),
    ],
)
def test_denied_secret_names_the_permission(operation: str, reference: str, action: str) -> None:
    with pytest.raises(AwsError, match=f"{action} was denied"):
        fetch_secrets([reference], Aws(Account({operation: "AccessDeniedException"})))
