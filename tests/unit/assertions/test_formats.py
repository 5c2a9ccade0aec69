"""Text formats: texts that are not valid, and the moments that valid ones mean."""

from __future__ import annotations

import datetime

import pytest

from greenlight.assertions.formats import FORMATS, parse_date, parse_datetime, parse_instant


@pytest.mark.parametrize("text", ["", "2026-02-30", "2026-1-02", "2026-11-02 ", "20261102", "\u0662026-11-02"])
def test_invalid_date_is_not_parsed(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-02",
        "2026-11-02T10:00:00",
        "2026-11-02 10:00:00Z",
        "2026-11-02T24:00:00Z",
        "2026-11-02T10:60:00Z",
        "2026-11-02T10:00:00+24:00",
        "2026-11-02T10:00:60Z",
        "9999-12-31T23:59:60Z",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_invalid_date_time_is_not_parsed(text: str) -> None:
    assert parse_datetime(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-02T10:00:00Z", "2026-11-02T10:00:00+00:00"),
        ("2026-11-02t10:00:00.5z", "2026-11-02T10:00:00.500000+00:00"),
        ("2026-11-02T00:30:00+01:00", "2026-11-01T23:30:00+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("2016-12-31T15:59:60-08:00", "2017-01-01T00:00:00+00:00"),
    ],
)
def test_date_time_is_converted_to_utc(text: str, expected: str) -> None:
    moment = parse_datetime(text)

    assert moment is not None
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    ("text", "form"), [("yesterday", ""), ("02.11.2026", ""), ("2026-11-02", "%d.%m.%Y"), ("2" * 101, "")]
)
def test_invalid_instant_is_not_parsed(text: str, form: str) -> None:
    assert parse_instant(text, form) is None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-11-02", ""),
        ("2026-11-02T01:00:00+01:00", ""),
        ("Mon, 02 Nov 2026 00:00:00 GMT", ""),
        ("02.11.2026", "%d.%m.%Y"),
        ("02.11.2026 +0000", "%d.%m.%Y %z"),
    ],
)
def test_instant_is_in_utc(text: str, form: str) -> None:
    assert parse_instant(text, form) == datetime.datetime(2026, 11, 2, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("date", "2026-02-30"),
        ("date-time", "2026-11-02T10:00:00"),
        ("uuid", "123e4567e89b12d3a456426614174000"),
        ("ipv4", "256.1.1.1"),
        ("ipv4", "::1"),
        ("ipv6", "127.0.0.1"),
        ("ipv6", "fe80::1%eth0"),
        ("ip", "localhost"),
        ("url", "/orders"),
        ("url", "ftp://example.org/"),
        ("url", "https://"),
        ("url", "https://example.org:0/"),
        ("url", "https://example.org/a b"),
    ],
)
def test_text_does_not_have_the_format(name: str, text: str) -> None:
    assert not FORMATS[name](text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("date", "2024-02-29"),
        ("date-time", "2026-11-02T10:00:00Z"),
        ("uuid", "123E4567-e89b-12d3-a456-426614174000"),
        ("ipv4", "192.0.2.1"),
        ("ipv6", "::1"),
        ("ip", "192.0.2.1"),
        ("ip", "2001:db8::1"),
        ("url", "https://example.org:8443/a?b=c#d"),
    ],
)
def test_text_has_the_format(name: str, text: str) -> None:
    assert FORMATS[name](text)
