"""The steps of a duplicate: waiting, takeover and giving up, by a clock that only waiting moves."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from greenlight.core.errors import AwsError
from greenlight.gate.codedeploy import Execution
from greenlight.gate.duplicate import Delivery, Step, next_step, plan_schedule
from greenlight.gate.run_state import Turn
from greenlight.gate.telemetry import GateLog
from greenlight.stores.run_claim import RunClaim, StoredClaim
from greenlight.testing import FakeClock

TOTAL_S, RESERVE_S = 600.0, 30.0


class Store:
    """Claim in memory.

    Attributes:
        stored: The claim; None for none.
        errors: Raised in turn by writes.
        is_lost: Whether writes succeed without a response, so that a repeated one is refused.
    """

    def __init__(self, stored: StoredClaim | None = None, *errors: AwsError, is_lost: bool = False) -> None:
        self.stored, self.errors, self.is_lost = stored, list(errors), is_lost
        self.writes = 0

    def create(self, claim: RunClaim, until: float) -> bool:
        return self._write(claim, self.stored is None)

    def replace(self, claim: RunClaim, etag: str, until: float) -> bool:
        return self._write(claim, self.stored is not None and self.stored.etag == etag)

    def read(self) -> StoredClaim:
        assert self.stored is not None
        return self.stored

    def _write(self, claim: RunClaim, is_allowed: bool) -> bool:
        if self.errors:
            raise self.errors.pop(0)
        if is_allowed:
            self.writes += 1
            self.stored = StoredClaim(claim=claim, etag=f"e{self.writes}", ends_in_s=claim.time_left_s)
        return is_allowed and not self.is_lost


def held(ends_in_s: float | None = 590.0, request_id: str = "r-1") -> StoredClaim:
    claim = RunClaim(token="of-another", request_id=request_id, stage="AfterInstall", time_left_s=590, deadline="")
    return StoredClaim(claim=claim, etag="e0", ends_in_s=ends_in_s)


class CodeDeployAnswers:
    """Answers of CodeDeploy, in turn; the last one repeats."""

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self) -> bool:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def deliver(store: Any, codedeploy: CodeDeployAnswers, clock: FakeClock | None = None) -> tuple[Turn, float]:
    """Return the turn of a delivery of ten minutes, and the seconds that it waited."""
    clock = clock or FakeClock()
    began = clock.monotonic()
    log = GateLog(Execution(deployment_id="d-ABCDEF123", execution_id="e" * 40), "AfterInstall")
    delivery = Delivery(store, codedeploy, plan_schedule(began, TOTAL_S, RESERVE_S), log, clock)
    return delivery.wait_for_turn("r-2", "AfterInstall"), clock.monotonic() - began


DENIED = AwsError("codedeploy:GetDeployment was denied", "AccessDenied")


@pytest.mark.parametrize(
    ("answered", "state"),
    [(False, "CodeDeploy shows no answer of it"), (DENIED, "CodeDeploy could not be asked for its answer")],
)
def test_a_duplicate_gives_up_just_before_its_end(answered: Any, state: str) -> None:
    codedeploy = CodeDeployAnswers(answered)
    turn, waited_s = deliver(Store(held()), codedeploy)
    assert state in turn.failure
    assert (turn.holder, turn.is_answered) == ("r-1", False)
    assert TOTAL_S - RESERVE_S / 4 <= waited_s < TOTAL_S - RESERVE_S / 6, "after a holder that began later has answered"
    assert codedeploy.asked < 130


@pytest.mark.parametrize("ends_in_s", [None, -1000.0])
def test_a_duplicate_does_not_take_over_while_codedeploy_cannot_be_asked(ends_in_s: float | None) -> None:
    turn, _ = deliver(Store(held(ends_in_s)), CodeDeployAnswers(DENIED))
    assert "could not be asked" in turn.failure


def test_a_duplicate_does_not_take_over_if_the_end_of_the_holder_is_unknown() -> None:
    turn, _ = deliver(Store(held(None)), CodeDeployAnswers(False))
    assert turn.failure


def test_a_gate_that_cannot_be_claimed_raises() -> None:
    with pytest.raises(AwsError, match="denied"):
        deliver(Store(None, DENIED), CodeDeployAnswers(False))


def test_the_first_delivery_runs_at_once_and_asks_nothing() -> None:
    codedeploy, store = CodeDeployAnswers(False), Store()
    turn, waited_s = deliver(store, codedeploy)
    assert (turn, waited_s < 1) == (Turn(), True)
    assert store.stored is not None
    assert store.stored.claim.time_left_s == pytest.approx(TOTAL_S, abs=1)
    assert codedeploy.asked == 0


def test_a_claim_whose_first_attempt_got_no_response_is_recognized_as_its_own() -> None:
    turn, waited_s = deliver(Store(is_lost=True), CodeDeployAnswers(False))
    assert (turn, waited_s < 1) == (Turn(), True)


def test_the_same_request_id_in_another_claim_is_a_duplicate() -> None:
    turn, _ = deliver(Store(held(request_id="r-2")), CodeDeployAnswers(True))
    assert (turn.holder, turn.is_answered) == ("r-2", True)


def test_a_duplicate_ends_soon_after_the_answer_although_single_requests_fail() -> None:
    turn, waited_s = deliver(Store(held()), CodeDeployAnswers(False, DENIED, ValueError("not JSON"), True))
    assert (turn.is_answered, turn.failure) == (True, "")
    assert waited_s < 5


def test_a_takeover_waits_for_the_end_of_the_holder_and_a_margin() -> None:
    store = Store(held(100.0))
    turn, waited_s = deliver(store, CodeDeployAnswers(False))
    assert (turn.holder, turn.failure, turn.is_answered) == ("r-1", "", False)
    assert "invocation r-1 claimed this gate first and ended without an answer" in turn.notes[0]
    assert 115 <= waited_s < 117
    assert store.stored is not None
    assert store.stored.claim.request_id == "r-2"
    assert store.stored.claim.time_left_s == pytest.approx(TOTAL_S - waited_s, abs=1)


def test_a_takeover_that_another_duplicate_won_waits_for_that_one() -> None:
    class Contested(Store):
        def replace(self, claim: RunClaim, etag: str, until: float) -> bool:
            self.stored = replace(held(ends_in_s=1000.0, request_id="r-3"), etag="other")
            return super().replace(claim, etag, until)

    turn, _ = deliver(Contested(held(-100.0)), CodeDeployAnswers(False, False, True))
    assert (turn.holder, turn.is_answered) == ("r-3", True)


def test_a_takeover_whose_write_got_no_response_is_recognized_as_its_own() -> None:
    turn, _ = deliver(Store(held(-100.0), is_lost=True), CodeDeployAnswers(False))
    assert (turn.holder, turn.failure, turn.is_answered) == ("r-1", "", False)


def test_a_takeover_that_s3_refuses_is_tried_again_after_codedeploy_was_asked() -> None:
    store, codedeploy = Refusing(held(-100.0)), CodeDeployAnswers(False)
    turn, waited_s = deliver(store, codedeploy)
    assert (turn.failure, store.refusals, codedeploy.asked) == ("", 0, 3)
    assert waited_s < 5


class Refusing(Store):
    """Store whose first replacements are refused."""

    refusals = 2

    def replace(self, claim: RunClaim, etag: str, until: float) -> bool:
        if self.refusals:
            self.refusals -= 1
            raise AwsError("s3:PutObject failed with SlowDown", "SlowDown")
        return super().replace(claim, etag, until)


@pytest.mark.parametrize(
    ("now", "holder_ends_at", "answered", "step"),
    [
        (0, 590, False, Step.WAIT),
        (0, None, None, Step.WAIT),
        (300, 200, None, Step.WAIT),
        (214, 200, False, Step.WAIT),
        (215, 200, False, Step.TAKE_OVER),
        (549, 200, False, Step.TAKE_OVER),
        (550, 200, False, Step.WAIT),  # too late to run checks
        (592, 200, False, Step.WAIT),
        (592.5, 200, False, Step.GIVE_UP),
        (592.5, None, None, Step.GIVE_UP),
        (592.5, 590, True, Step.END),
        (0, 590, True, Step.END),
    ],
)
def test_the_next_step_follows_from_the_time_the_holder_and_the_answer(
    now: float, holder_ends_at: float | None, answered: bool | None, step: Step
) -> None:
    assert next_step(plan_schedule(0, TOTAL_S, RESERVE_S), now, holder_ends_at, answered=answered) is step
