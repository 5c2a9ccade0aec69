"""Durations and sizes: a number needs its unit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.units import Duration, Size


@pytest.mark.parametrize(
    "value",
    [
        5, 5.0, True, None, "", "5", "s", "-5s", "+5s", "5 s", " 5s", "5s\n", "5S", "5sec", "1e3s", ".5s", "5.s",
        "\u0665s", "5d", "1234567890s", "1.1234567s", "infs", "nans", [], {}, "5s5s",
    ],
)  # fmt: skip
def test_invalid_duration_is_rejected_with_an_example(value: Any) -> None:
    with pytest.raises(
        ValueError, match="is not a valid duration; write a number with its unit, such as 500ms, 5s or 10m"
    ):
        Duration.parse(value)


@pytest.mark.parametrize(
    "value", [5, True, None, "", "5", "B", "-1B", "5 KB", "5kb", "5Kb", "1e3B", "5TB", "5B\n", [], {}]
)
def test_invalid_size_is_rejected_with_an_example(value: Any) -> None:
    with pytest.raises(
        ValueError, match="is not a valid size; write a number with its unit, such as 200B, 64KiB or 1MB"
    ):
        Size.parse(value)


def test_message_quotes_only_the_start_of_a_long_text() -> None:
    with pytest.raises(ValueError, match=r"^'aaa") as caught:
        Duration.parse("a" * 10_000)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("5s", 5), ("1.5s", 1.5), ("10m", 600), ("1h", 3600), ("0s", 0), ("0.5ms", 0.0005)],
)
def test_duration_is_in_seconds(text: str, seconds: float) -> None:
    assert Duration.parse(text) == seconds
    assert Duration.parse(Duration.parse(text)) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("200B", 200), ("1KB", 1000), ("1KiB", 1024), ("1.5MiB", 1572864), ("2GB", 2 * 10**9), ("0B", 0)]
)
def test_size_is_in_bytes(text: str, size: int) -> None:
    assert Size.parse(text) == size
    assert Size.parse(Size.parse(text)) == size


@pytest.mark.parametrize(("seconds", "text"), [(0.25, "250ms"), (1, "1s"), (90, "90s"), (600, "10m"), (0, "0ms")])
def test_duration_is_shown_in_a_readable_unit(seconds: float, text: str) -> None:
    assert str(Duration(seconds)) == text


@given(st.text())
def test_any_text_is_a_non_negative_duration_or_rejected(text: str) -> None:
    try:
        duration = Duration.parse(text)
    except ValueError:
        return

    assert duration >= 0


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h"]))
def test_larger_number_is_a_longer_duration(number: int, unit: str) -> None:
    assert Duration.parse(f"{number}{unit}") < Duration.parse(f"{number + 1}{unit}")
