"""Findings are redacted first and then cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from greenlight.api import Context, failed, passed
from greenlight.checks.redact_finding import MAX_EVIDENCE, MAX_POINTS, MAX_SERIES
from greenlight.core.finding import (
    Evidence,
    Finding,
    Outcome,
    Series,
)
from tests.support.check_run import SECRET, Run, check

if TYPE_CHECKING:
    pass


def test_secrets_are_redacted_before_texts_are_cut() -> None:
    def leaking(context: Context) -> Finding:
        long = "x" * 150 + SECRET
        return failed(
            f"{context.excerpt(long)} {'y' * 990}{SECRET}",
            Evidence(query=f"header {SECRET}", expected=SECRET, actual={"deep": ["z" * 395 + SECRET]}, where=SECRET),
        )

    def raising(_context: Context) -> Finding:
        raise ValueError("v" * 295 + SECRET)

    run = Run(check("leaks", leaking), check("raises", raising))
    report = msgspec.json.encode(run.findings).decode()
    assert not [size for size in range(4, len(SECRET) + 1) if SECRET[:size] in report]


def test_evidence_and_messages_are_cut_to_a_readable_length() -> None:
    many = Finding(
        outcome=Outcome.FAIL,
        message="m" * 9000,
        evidence=tuple(Evidence(query="q" * 900, actual="a" * 9000) for _ in range(200)),
    )
    (finding,) = Run(check("c", lambda _: many)).findings
    assert len(finding.evidence) == MAX_EVIDENCE
    assert len(finding.message) < 1100
    assert len(msgspec.json.encode(finding)) < 60_000


def test_series_are_cut_and_contain_no_secret() -> None:
    plot = Series(name=SECRET, unit=SECRET, side=SECRET, values=(1.5,) * 5000, limits={SECRET: 2.0})

    kept = Run(check("plotted", lambda _: replace(passed("seen"), series=(plot,) * 50))).findings[0].series

    assert len(kept) == MAX_SERIES
    assert (len(kept[0].values), SECRET in repr(kept)) == (MAX_POINTS, False)


def test_number_that_is_a_secret_is_in_no_series() -> None:
    plot = Series(name="pin", values=(1.0, 90210.0), limits={"lte": 90210.0})

    kept = Run(check("plotted", lambda _: replace(passed("seen"), series=(plot,))), secrets=["90210"]).findings[0]

    assert (kept.series[0].values, kept.series[0].limits) == ((), {})
