"""One run for each execution: the first invocation of a gate claims it, and a duplicate waits for the answer.

Lambda may deliver an event twice. The first invocation creates the gate's claim and runs. Another one finds the claim,
runs nothing, and asks CodeDeploy until it has the answer. It takes the claim over only if Lambda has ended the holder
and CodeDeploy still waits. At its own deadline it answers Failed, which CodeDeploy rejects if it already has an answer.

The claim never costs an answer: without a bucket, a permission or a response in time, the gate runs without a claim.
"""

from __future__ import annotations

import datetime
import enum
import os
import random
import secrets
import time
from typing import TYPE_CHECKING, Any, TypeVar

from greenlight.aws.deadline import run_with_deadline
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.errors import GreenlightError, SettingsError
from greenlight.core.frozen import FrozenStruct
from greenlight.gate.conductor import is_started
from greenlight.gate.run_state import Turn
from greenlight.stores.run_claim import MAX_TIME_LEFT_S, ClaimStore, RunClaim, StoredClaim

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.core.clock import Clock
    from greenlight.gate.codedeploy import Execution
    from greenlight.gate.run_state import RunState
    from greenlight.gate.telemetry import GateLog

T = TypeVar("T")

CLAIM_S = 5.0
"""Longest time for the claim; a quarter of the whole where the whole is short."""

MARGIN_S = 15.0
"""Time from the end of the holder to a takeover, in which the last resort answers for it; an eighth of the whole."""

USEFUL_RUN_S = 20.0
"""Time that a takeover must have for the checks; an eighth of the whole where the whole is short."""

POLL_S = 6.0
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 10.0


class UnansweredError(GreenlightError):
    """Another invocation claimed the gate, and CodeDeploy still has no answer when this one must end."""


class Schedule(FrozenStruct, frozen=True, kw_only=True):
    """Moments (monotonic) of one invocation.

    Attributes:
        ends_at: Lambda ends the invocation.
        claim_until: The gate is claimed, or runs without a claim.
        take_over_until: A takeover still has time to run checks.
        give_up_at: A duplicate answers Failed itself. A holder that began at about the same time has answered before.
        poll_until: The last request to CodeDeploy has ended.
        margin_s: Time from the end of the holder to a takeover.
    """

    ends_at: float
    claim_until: float
    take_over_until: float
    give_up_at: float
    poll_until: float
    margin_s: float


def plan_schedule(started: float, remaining_s: float, reserve_s: float) -> Schedule:
    """Return the schedule of an invocation.

    Args:
        started: `time.monotonic()` at its start.
        remaining_s: Time from then until Lambda ends it.
        reserve_s: Time at its end that a run keeps for answering and publishing.
    """
    ends_at, eighth_s = started + remaining_s, remaining_s / 8
    return Schedule(
        ends_at=ends_at,
        claim_until=started + min(CLAIM_S, remaining_s / 4),
        take_over_until=ends_at - reserve_s - min(USEFUL_RUN_S, eighth_s),
        give_up_at=ends_at - reserve_s / 4,
        poll_until=ends_at - reserve_s / 6,
        margin_s=min(MARGIN_S, eighth_s),
    )


class Step(enum.Enum):
    """The next step of a duplicate."""

    END = enum.auto()
    WAIT = enum.auto()
    TAKE_OVER = enum.auto()
    GIVE_UP = enum.auto()


def next_step(schedule: Schedule, now: float, holder_ends_at: float | None, *, answered: bool | None) -> Step:
    """Return the next step of a duplicate.

    Args:
        schedule: Its schedule.
        now: The time (monotonic).
        holder_ends_at: When Lambda ends the invocation that holds the claim (monotonic); None if unknown.
        answered: Whether CodeDeploy has an answer; None if it could not be asked.
    """
    if answered:
        return Step.END
    if now >= schedule.give_up_at:
        return Step.GIVE_UP
    holder_has_ended = holder_ends_at is not None and now >= holder_ends_at + schedule.margin_s
    if answered is False and holder_has_ended and now < schedule.take_over_until:
        return Step.TAKE_OVER
    return Step.WAIT


class Delivery:
    """One delivery of a gate's event, which claims the gate or waits for the invocation that has claimed it."""

    def __init__(
        self,
        store: ClaimStore,
        is_answered: Callable[[], bool],
        schedule: Schedule,
        log: GateLog,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Prepare a delivery.

        Args:
            store: The claim of the gate.
            is_answered: Asks whether CodeDeploy has an answer, or the state machine will answer; may raise.
            schedule: From `plan_schedule`, by `clock`.
            log: Log of the gate.
            clock: Waits between the requests.
        """
        self._store, self._is_answered, self._schedule = store, is_answered, schedule
        self._log, self._clock = log, clock
        self._token, self._has_logged = secrets.token_hex(16), False

    def wait_for_turn(self, request_id: str, stage: str) -> Turn:
        """Return this invocation's turn: it claims the gate, or waits until CodeDeploy is answered or it has to act.

        Raises:
            GreenlightError: The gate could not be claimed, so its checks run without a claim.
        """
        stored = self._before(
            self._schedule.claim_until, lambda: self._claim(request_id, stage), "S3 did not store the claim"
        )
        if stored is None:
            return Turn()
        return self._watch(stored, request_id, stage)

    def _claim(self, request_id: str, stage: str) -> StoredClaim | None:
        """Store a claim; return None, or the claim of the invocation that claimed the gate before."""
        repeat_until = (self._clock.monotonic() + self._schedule.claim_until) / 2  # the rest is for the last attempt
        if self._store.create(self._build_claim(request_id, stage), repeat_until):
            return None
        return self._read_other()

    def _read_other(self) -> StoredClaim | None:
        """Return the stored claim; None if it is this invocation's, whose first attempt had no response."""
        stored = self._store.read()
        return None if stored.claim.token == self._token else stored

    def _watch(self, stored: StoredClaim, request_id: str, stage: str) -> Turn:
        holder, holder_ends_at = stored.claim.request_id, self._holder_end(stored)
        self._log.info("duplicate delivery", holder=holder)
        pause_s = FIRST_PAUSE_S
        while True:
            answered = self._ask_codedeploy()
            step = next_step(self._schedule, self._clock.monotonic(), holder_ends_at, answered=answered)
            if step is Step.END:
                self._log.info("answered by another invocation", holder=holder)
                return Turn(holder=holder, is_answered=True)
            if step is Step.GIVE_UP:
                return Turn(holder=holder, failure=_describe_giving_up(holder, answered=answered))
            if step is Step.TAKE_OVER:
                other = self._take_over(stored, request_id, stage)
                if other is None:
                    self._log.info("gate taken over", holder=holder)
                    return Turn(holder=holder, notes=(_describe_takeover(holder),))
                stored, holder, holder_ends_at = other, other.claim.request_id, self._holder_end(other)
            self._pause(pause_s, holder_ends_at)
            pause_s = min(MAX_PAUSE_S, pause_s * 2)

    def _take_over(self, stored: StoredClaim, request_id: str, stage: str) -> StoredClaim | None:
        """Replace a claim; return None if this invocation holds it now, or the claim that is stored.

        If S3 does not respond, the claim counts as not replaced, and the next request to CodeDeploy comes first.
        """
        now = self._clock.monotonic()
        limit_s = min(CLAIM_S, self._schedule.margin_s)

        def replace() -> StoredClaim | None:
            if self._store.replace(self._build_claim(request_id, stage), stored.etag, now + limit_s / 2):
                return None
            return self._read_other()

        try:
            return self._before(now + limit_s, replace, "S3 did not replace the claim")
        except GreenlightError as error:
            self._log.failed("the claim of the gate was not taken over", error)
            return stored

    def _build_claim(self, request_id: str, stage: str) -> RunClaim:
        time_left_s = self._schedule.ends_at - self._clock.monotonic()
        deadline = self._clock.now_utc() + datetime.timedelta(seconds=time_left_s)
        return RunClaim(
            token=self._token,
            request_id=request_id,
            stage=stage,
            time_left_s=round(min(MAX_TIME_LEFT_S, max(0.0, time_left_s)), 3),
            deadline=deadline.isoformat(timespec="seconds"),
        )

    def _holder_end(self, stored: StoredClaim) -> float | None:
        return None if stored.ends_in_s is None else self._clock.monotonic() + stored.ends_in_s

    def _ask_codedeploy(self) -> bool | None:
        """Return whether CodeDeploy has an answer; None if it did not respond in time."""
        until = min(self._clock.monotonic() + POLL_S, self._schedule.poll_until)
        try:
            return self._before(until, self._is_answered, "CodeDeploy did not respond")
        except Exception as error:  # noqa: BLE001 - the next request may succeed, and the deadline is kept without it
            if not self._has_logged:  # once, because a duplicate may ask for minutes
                self._log.failed("CodeDeploy was asked whether the gate is answered", error)
            self._has_logged = True
            return None

    def _pause(self, longest_s: float, holder_ends_at: float | None) -> None:
        """Wait until the next request, or until the moment of the takeover or of giving up, if that comes first."""
        now, schedule = self._clock.monotonic(), self._schedule
        moments = [now + random.uniform(longest_s / 2, longest_s), schedule.give_up_at]  # noqa: S311 - jitter
        if holder_ends_at is not None and holder_ends_at + schedule.margin_s > now:
            moments.append(holder_ends_at + schedule.margin_s)
        self._clock.sleep(min(moments) - now)

    def _before(self, until: float, work: Callable[[], T], otherwise: str) -> T:
        limit_s = until - self._clock.monotonic()
        return run_with_deadline(time.monotonic() + limit_s, work, otherwise)


def wait_for_turn(state: RunState, execution: Execution, context: Any, schedule: Schedule, log: GateLog) -> Turn:
    """Return the part of this invocation in its gate; never raises.

    Args:
        state: Receives settings and AWS clients.
        execution: The ids of the event.
        context: Lambda's context, for the id of the request.
        schedule: Schedule of the invocation.
        log: Log of the gate.
    """
    from greenlight.aws.client import Aws
    from greenlight.core import settings as settings_module
    from greenlight.discovery.deployment import is_answered

    try:
        settings = state.settings = settings_module.read(os.environ)
        if settings.conductor == "machine":
            return Turn()  # the state machine is started once, whatever Lambda delivers twice
        if not settings.report_bucket:
            return _without_claim("this installation has no report bucket")
        aws = state.aws = Aws()
        store = ClaimStore(aws, settings.report_bucket, execution.execution_id)
        stage = state.deployment.stage

        def ends() -> bool:
            if is_answered(aws, execution.deployment_id, stage):
                return True
            return bool(settings.machine) and is_started(aws, settings.machine, execution)

        delivery = Delivery(store, ends, schedule, log)
        return delivery.wait_for_turn(str(getattr(context, "aws_request_id", "") or "unknown"), stage)
    except SettingsError:
        return Turn()  # the run ends with this error
    except BaseException as error:  # noqa: BLE001 - a gate without a claim is better than a gate without an answer
        return _without_claim(" ".join(f"{error or type(error).__name__}".split()))


def _without_claim(reason: str) -> Turn:
    return Turn(
        notes=(f"this gate was not claimed: {reason}; a second delivery of its event would have run the checks again",)
    )


def _describe_takeover(holder: str) -> str:
    return (
        f"invocation {holder} claimed this gate first and ended without an answer; "
        "another invocation ran the checks that only read"
    )


def _describe_giving_up(holder: str, *, answered: bool | None) -> str:
    state = "CodeDeploy shows no answer of it" if answered is False else "CodeDeploy could not be asked for its answer"
    return (
        f"Lambda delivered this event twice: invocation {holder} runs the gate, and {state}, "
        "so this invocation answers Failed at its own deadline"
    )
