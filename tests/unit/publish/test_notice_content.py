"""Short texts about a verdict."""

from __future__ import annotations

import json
import re
from pathlib import Path

from greenlight.core.finding import Cause, Finding, Outcome
from greenlight.core.verdict import Reason
from greenlight.publish import notice_content
from tests.support.channels import failed_report

DOCUMENT = Path(__file__).parents[3] / "docs" / "notifications.md"


def test_text_from_a_service_cannot_add_a_line() -> None:
    hostile = failed_report(reasons=(Reason(cause=Cause.RELEASE_FAILED, message="a\nFailed: b\x1b[31m"),))
    assert "\n" not in notice_content.verdict_sentence(hostile)
    assert "\x1b" not in notice_content.verdict_sentence(hostile)


def test_sentence_has_verdict_deployment_and_first_reason() -> None:
    reasons = tuple(
        Reason(cause=Cause.RELEASE_FAILED, check=name, message=f"no {name}") for name in ("one", "two", "three")
    )
    sentence = "Failed: shop/web at AfterAllowTraffic; RELEASE_FAILED, one: no one (and 2 more)"
    assert notice_content.verdict_sentence(failed_report(reasons=reasons)) == sentence


def test_sentence_has_a_shared_failure_once() -> None:
    shared = [Reason(cause=Cause.RELEASE_FAILED, check=name, message=f"{name}: no", root="no") for name in "abc"]
    other = Reason(cause=Cause.GATE_ERROR, message="denied")
    sentence = notice_content.verdict_sentence(failed_report(reasons=(*shared, other)))
    assert sentence.endswith("; RELEASE_FAILED, 3 checks: no (and 1 more)")


def test_deployment_without_an_application_is_named_by_its_id() -> None:
    assert notice_content.format_subject(failed_report(deployment={"application": "", "group": ""})) == (
        "Failed: d-ABCDEF123 at AfterAllowTraffic"
    )


def test_event_is_small_with_any_number_of_reasons() -> None:
    reasons = tuple(Reason(cause=Cause.GATE_ERROR, check=f"c{n}", message="x" * 100_000) for n in range(2000))
    checks = tuple(Finding(outcome=Outcome.ERROR, message="x" * 1000, name=f"c{n}") for n in range(2000))
    event = notice_content.build_event(failed_report(reasons=reasons, checks=checks), "")
    assert len(json.dumps(event)) < 20_000
    assert event["reasons_left_out"] == 2000 - notice_content.MAX_REASONS
    assert event["checks"]["ERROR"] == 2000


def test_documented_fields_equal_those_of_the_event() -> None:
    table = DOCUMENT.read_text().partition("Fields of `detail`")[2].partition("\n\nThe verdicts")[0]
    assert re.findall(r"^\| `(\w+)` ", table, re.MULTILINE) == list(notice_content.build_event(failed_report(), ""))
