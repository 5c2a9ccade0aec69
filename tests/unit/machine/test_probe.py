"""Results of a shard whose checks run in several invocations."""

from __future__ import annotations

from greenlight.core.finding import Finding, Outcome
from greenlight.machine.probe import first_findings


def test_a_later_run_cannot_replace_the_finding_of_an_earlier_one() -> None:
    failure = Finding(outcome=Outcome.FAIL, message="status is 500", name="a")
    forged = Finding(outcome=Outcome.PASS, message="fine", name="a")
    other = Finding(outcome=Outcome.PASS, message="fine", name="b")

    assert first_findings(failure, forged, other) == {"a": failure, "b": other}
