"""Sizes of what is published: a service that answers with many bytes cannot suppress the notice of its own verdict.

Limits are in bytes, and a character has up to four; escaped three times over it has many more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from greenlight.core.finding import Cause, Evidence, Finding, Outcome
from greenlight.core.verdict import AppliedOverride, Reason
from greenlight.gate.codedeploy import Execution
from greenlight.gate.telemetry import GateLog
from greenlight.publish import eventbridge, sns
from tests.support.channels import failed_report

if TYPE_CHECKING:
    from greenlight.core.report import Report

LIMIT_BYTES = 256 * 1024
CHARACTERS = {
    "letters": "a",
    "umlauts": "ä",
    "CJK": "字",
    "emoji": "😀",
    "quotes": '"',
    "backslashes": "\\",
    "controls": "\x1b",
    "markup": "<",
    "half of a pair": "\ud83d",
}
URI = "s3://reports/x.json"


def report_of(character: str, count: int = 500) -> Report:
    """Return the report of a gate whose checks all failed, with the longest texts that a finding may have."""
    message = character * 1000
    name = (character if character.isprintable() else "n") * 190  # a plan's names have no control characters
    override = AppliedOverride(
        check=name, who=character * 300, why=message, created="", expires="", scope="", uri="s3://b/k"
    )
    evidence = (Evidence(query=message[:400], expected=message[:400], actual=message[:400], passed=False),) * 50
    return failed_report(
        reasons=tuple(Reason(cause=Cause.RELEASE_FAILED, check=f"{name}{n}", message=message) for n in range(count)),
        checks=tuple(
            Finding(
                outcome=Outcome.FAIL,
                message=message,
                name=f"{name}{n}",
                remediation=message,
                flaky=True,
                evidence=evidence if n < 5 else (),
            )
            for n in range(count)
        ),
        overrides=(override,) * 20,
    )


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS)
def test_notice_of_five_hundred_failing_checks_fits(character: str) -> None:
    message = sns.build_message(report_of(character), URI)

    assert len(message.encode()) <= sns.MAX_MESSAGE_BYTES < LIMIT_BYTES
    body = json.loads(message)
    event = json.loads(body["sqs"])
    assert event["reasons"][0]["message"]
    assert event["report"] == URI
    assert URI in body["default"]
    assert json.loads(body["https"])["content"]["nextSteps"]


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS)
def test_event_of_five_hundred_failing_checks_fits(character: str) -> None:
    detail = eventbridge.encode_detail(report_of(character), URI)

    assert len(detail.encode()) <= eventbridge.MAX_DETAIL_BYTES < LIMIT_BYTES
    assert json.loads(detail)["reasons_left_out"] == 490


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS)
@pytest.mark.parametrize("count", [500, 5000])
def test_verdict_line_fits_into_one_log_event(character: str, count: int, caplog: pytest.LogCaptureFixture) -> None:
    log = GateLog(Execution(deployment_id="d-ABCDEF123", execution_id="execution"), "AfterAllowTraffic")

    log.verdict(report_of(character, count))

    (verdict,) = [vars(record) for record in caplog.records if record.getMessage() == "verdict"]
    fields = {key: verdict[key] for key in ("summary", "verdict", "reasons", "application", "group", "commands")}
    whole = json.dumps(fields, ensure_ascii=False).encode(errors="backslashreplace")
    assert len(whole) < LIMIT_BYTES - 4096, "the logger adds its own keys"
    assert verdict["reasons"][0]["message"]
    assert len(verdict["reasons"]) + verdict.get("reasons_left_out", 0) == count


def test_short_reasons_are_not_shortened() -> None:
    message = sns.build_message(failed_report(), "")

    assert json.loads(json.loads(message)["lambda"])["reasons"][0]["message"] == "status is 500"
    assert "…" not in message


def test_letters_beyond_ascii_are_published_as_they_are() -> None:
    report = failed_report(reasons=(Reason(cause=Cause.RELEASE_FAILED, check="größe", message="😀"),))

    assert '"message":"😀"' in eventbridge.encode_detail(report, "")
    assert "größe" in sns.build_message(report, "")
