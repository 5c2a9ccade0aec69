"""The partial report of a running gate: its size, what it leaves out, and what is not one."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from greenlight.core.finding import Evidence, Finding, Outcome
from greenlight.core.report import Report
from greenlight.publish import run_spool
from greenlight.publish.run_spool import PartialRun
from tests.support.report_samples import closed, hostile, large

ID = "execution-" + "x" * 60


def decode(data: bytes) -> Report:
    return msgspec.json.decode(data, type=PartialRun).report


def finding(name: str, evidence: int) -> Finding:
    items = (Evidence(query="q", actual="y" * 1000),) * evidence
    return Finding(outcome=Outcome.FAIL, message="is wrong", name=name, evidence=items)


@pytest.mark.parametrize("report", [closed(), hostile(), large()])
def test_run_is_decoded_as_it_was(report: Report) -> None:
    run = PartialRun(report=report, judged=True)

    assert msgspec.json.decode(run_spool.encode(run, ID), type=PartialRun) == run


def test_execution_id_is_not_in_a_run() -> None:
    run = PartialRun(report=closed(output=f"printed {ID}"))

    assert decode(run_spool.encode(run, ID)).output == "printed ***"


def test_short_text_that_is_not_an_execution_id_changes_nothing() -> None:
    run = PartialRun(report=closed())

    assert msgspec.json.decode(run_spool.encode(run, "verdict"), type=PartialRun) == run


def test_largest_findings_lose_their_details_first() -> None:
    report = closed(checks=(finding("small", 1), finding("large", 40), finding("middle", 20)))
    data = run_spool.encode(PartialRun(report=report), ID, max_bytes=40_000)

    assert len(data) <= 40_000
    small, large_one, middle = decode(data).checks
    assert (len(small.evidence), len(large_one.evidence), len(middle.evidence)) == (1, 0, 20)
    assert large_one.message == "is wrong (evidence is not in the partial report)"


def test_run_of_too_many_checks_says_that_they_are_left_out() -> None:
    report = closed(checks=tuple(finding(str(number), 0) for number in range(500)))
    data = run_spool.encode(PartialRun(report=report), ID, max_bytes=20_000)

    assert len(data) <= 20_000
    assert decode(data).checks == ()
    assert decode(data).deployment.notes[-1].startswith("the 500 checks of this gate are not in its partial report")


def test_run_at_the_limit_takes_a_moment_and_not_more() -> None:
    checks = tuple(finding(str(number), 50) for number in range(500))
    data = run_spool.encode(PartialRun(report=closed(checks=checks)), ID)

    assert len(data) <= run_spool.MAX_BYTES
    assert len(decode(data).checks) == 500


def test_key_names_the_execution_by_its_digest() -> None:
    assert run_spool.spool_key("ab12") == "runs/ab12.partial.json"
    assert replace(PartialRun(report=closed()), judged=True).schema == "greenlight.run/1"
