"""Field types of plans: values that they reject, and time spans within the hour of a hook."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from greenlight.core.errors import WrongValueError
from greenlight.core.field_types import (
    MAX_S,
    BaseUrl,
    Digest,
    EnvironmentName,
    FragmentUri,
    HostName,
    Name,
    VariableName,
    require_within_one_hour,
)
from greenlight.core.units import Duration

VALID: list[tuple[Any, str]] = [
    (Name, "health of green"),
    (VariableName, "_base_url1"),
    (EnvironmentName, "prod-eu.1"),
    (FragmentUri, "s3://plans/shared/health.yaml"),
    (FragmentUri, "ssm:/greenlight/health"),
    (FragmentUri, "file:../health.yaml"),
    (Digest, "0123456789abcdef" * 4),
    (HostName, "shop.example.com:8443"),
    (HostName, "localhost"),
    (BaseUrl, "https://green.example.com/shop"),
    (BaseUrl, "http://10.0.0.1:8080"),
]
INVALID: list[tuple[Any, str]] = [
    (Name, ""),
    (Name, "a" * 201),
    (VariableName, "1st"),
    (VariableName, "base-url"),
    (EnvironmentName, "-prod"),
    (EnvironmentName, "prod/eu"),
    (FragmentUri, "health.yaml"),
    (FragmentUri, "s3://plans"),
    (FragmentUri, "https://plans.example/health.yaml"),
    (Digest, "0123456789ABCDEF" * 4),
    (Digest, "0123456789abcdef" * 3),
    (HostName, "https://shop.example.com"),
    (HostName, "shop.example.com/"),
    (HostName, "-shop"),
    (BaseUrl, "green.example.com"),
    (BaseUrl, "https://user@green.example.com"),
    (BaseUrl, "https://green.example.com/?a=1"),
    (BaseUrl, "https://green.example.com\\@elsewhere"),
]


@pytest.mark.parametrize(("field_type", "value"), INVALID)
def test_invalid_value_is_rejected(field_type: Any, value: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, field_type)


@pytest.mark.parametrize(("field_type", "value"), VALID)
def test_valid_value_is_accepted_but_not_with_a_line_break_after_it(field_type: Any, value: str) -> None:
    assert msgspec.convert(value, field_type) == value
    if field_type is not Name:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(value + "\n", field_type)


def test_time_span_beyond_one_hour_is_rejected_with_its_place() -> None:
    with pytest.raises(WrongValueError, match="longer than the hour") as caught:
        require_within_one_hour(Duration(MAX_S + 1), "retry", "interval")

    assert caught.value.path == ("retry", "interval")


def test_time_span_below_the_least_is_rejected() -> None:
    with pytest.raises(WrongValueError, match="write a longer time"):
        require_within_one_hour(Duration(0.0), "timeout", min_s=0.001)


@pytest.mark.parametrize("value", [None, Duration(0.0), Duration(MAX_S)])
def test_time_span_within_one_hour_is_accepted(value: Duration | None) -> None:
    require_within_one_hour(value)
