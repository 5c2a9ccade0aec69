"""The digest of a statement is that of all its parts, and the same for all who compute it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from greenlight.core.hold import HoldRecord, HoldResult, Statement, format_utc

STATEMENT = Statement(
    gate="0" * 40, deployment="d-ABCDEF123", stage="AfterInstall", round=0, decision="approve", reason="it works"
)


@pytest.mark.parametrize(
    "change",
    [
        {"gate": "1" * 40},
        {"deployment": "d-ABCDEF124"},
        {"stage": "AfterAllowTraffic"},
        {"round": 1},
        {"decision": "refuse"},
        {"reason": "it works "},
    ],
    ids=repr,
)
def test_another_statement_has_another_digest(change: dict[str, Any]) -> None:
    assert replace(STATEMENT, **change).digest() != STATEMENT.digest()


def test_the_digest_is_a_contract_between_versions() -> None:
    assert STATEMENT.digest() == "ee8e431f3bba9617c3b070008adcd3751ce0fec22c7ccefded8519f38c1aab6f"


def test_a_hold_is_open_as_long_as_it_has_a_token() -> None:
    hold = HoldResult(asked=("a",), asked_at="", until="", asked_ms=0.0)
    record = HoldRecord(
        gate="g", deployment="d-1", stage="s", application="a", group="g", region="r", round=0, hold=hold, token="t"
    )
    assert record.is_open
    assert not replace(record, token="").is_open


def test_times_are_in_utc() -> None:
    assert format_utc(0.9) == "1970-01-01T00:00:00+00:00"
