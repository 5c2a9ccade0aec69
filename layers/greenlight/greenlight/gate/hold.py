"""The hold of a gate: begin it, check a person's decision, end it. Without a valid approval the gate is Failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec.structs import replace

from greenlight.aws.identity import IdentityError, Principal, SignedIdentity, verify_identity
from greenlight.core.display import is_blank, truncate
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.finding import Cause
from greenlight.core.frozen import FrozenStruct
from greenlight.core.hold import (
    MAX_REASON_CHARACTERS,
    Answer,
    HoldDecision,
    HoldResult,
    RejectedDecision,
    Statement,
    format_utc,
)
from greenlight.core.units import Duration
from greenlight.core.verdict import Status
from greenlight.discovery.deployer import UnknownDeployerError, find_deployer
from greenlight.gate.conductor import HOLD_END_S
from greenlight.gate.result import GateResult
from greenlight.verdict.judge import failed_verdict

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.plan.hold import Hold

MAX_REJECTED = 20
"""Decisions that did not count, of which the report has the last ones."""

_IN_SHADOW = (
    "the plan holds this stage for an approval; in shadow the gate does not wait, because its verdict does not count"
)


class RejectedDecisionError(GreenlightError):
    """A decision does not count, so the hold goes on."""

    def __init__(self, message: str, who: str = "") -> None:
        """Store the principal with the message; "" if it is not known."""
        self.who = who
        super().__init__(message)


class OpenHold(FrozenStruct, frozen=True, kw_only=True):
    """A hold while it waits.

    Attributes:
        gate: Name of the gate.
        result: Result of the checks, which counts only with an approval.
        started_at: Unix time of the start of the gate, in seconds.
        asked_at: Unix time of the begin of the wait.
        until: Unix time of its end.
        round: Number of decisions that did not count.
    """

    gate: str
    result: GateResult
    started_at: float
    asked_at: float
    until: float
    round: int = 0

    @property
    def hold(self) -> HoldResult:
        """The hold in the report."""
        if self.result.hold is None:
            raise AssertionError("the result of an open hold has the hold")
        return self.result.hold

    def statement(self, decision: Answer, reason: str) -> Statement:
        """Return a statement about the current round."""
        deployment = self.result.deployment
        return Statement(
            gate=self.gate,
            deployment=deployment.id,
            stage=deployment.stage,
            round=self.round,
            decision=decision,
            reason=reason,
        )


class Decision(FrozenStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision as `greenlight approve` sends it; nothing of it is trusted but what STS confirms."""

    decision: Answer
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_REASON_CHARACTERS)]
    identity: SignedIdentity


def apply_hold(result: GateResult, hold: Hold | None, started_at: float, now: float) -> GateResult:
    """Return the result of the checks with the stage's hold, if it has to wait for an approval.

    A gate that has failed needs none, and one in shadow does not wait.

    Args:
        result: Result of the checks, with the plan's shadow.
        hold: The hold of the stage; None for none.
        started_at: Unix time of the start of the gate, in seconds.
        now: Unix time of the begin of the wait.
    """
    if hold is None or result.verdict.status is not Status.SUCCEEDED:
        return result
    if result.verdict.shadow is not None:
        return result.with_notes(_IN_SHADOW)
    waiting = HoldResult(
        asked=hold.people,
        asked_at=format_utc(now),
        until=format_utc(min(now + hold.within, started_at + HOLD_END_S)),
        asked_ms=round((now - started_at) * 1000, 3),
        why=hold.why,
        not_deployer=hold.needs_other,
    )
    return replace(result, hold=waiting)


def end_unanswered(held: OpenHold, now: float) -> GateResult:
    """Return the result of a hold whose time is over."""
    within = Duration(round(held.until - held.asked_at))
    message = f"not approved within {within}; asked: {', '.join(held.hold.asked)}"
    if held.hold.rejected:
        message += f"; the last decision did not count: {held.hold.rejected[-1].message}"
    return _failed(held, Cause.NOT_APPROVED, message, now)


def end_undecided(held: OpenHold, message: str, now: float) -> GateResult:
    """Return the result of a hold that ended by a fault."""
    return _failed(held, Cause.GATE_ERROR, message, now)


def _failed(held: OpenHold, cause: Cause, message: str, now: float) -> GateResult:
    return replace(held.result, verdict=failed_verdict(cause, message), hold=_ended(held, now))


def _ended(held: OpenHold, now: float) -> HoldResult:
    waited_ms = round((now - held.asked_at) * 1000, 3)
    return replace(held.hold, decided_at=format_utc(now), waited_ms=waited_ms)


def with_rejected(held: OpenHold, error: RejectedDecisionError, now: float) -> OpenHold:
    """Return the hold after a decision that did not count; it waits for another one."""
    rejected = RejectedDecision(message=truncate(str(error), 300), at=format_utc(now), who=error.who)
    hold = replace(held.hold, rejected=(*held.hold.rejected, rejected)[-MAX_REJECTED:])
    return replace(held, result=replace(held.result, hold=hold), round=held.round + 1)


def decide(aws: Aws, held: OpenHold, data: Any, now: float) -> GateResult:
    """Return the result of a hold with a decision.

    Args:
        aws: AWS clients.
        held: The hold.
        data: The decision as it was sent, in plain data.
        now: Unix time at which it arrived.

    Raises:
        RejectedDecisionError: The decision does not count.
    """
    decision = _parse(data)
    who = _identify(aws, held, decision)
    hold = replace(_ended(held, now), who=who.arn, reason=decision.reason)
    if decision.decision == "refuse":
        message = f"{who.arn} refused the release: {decision.reason}"
        refused = replace(hold, decision=HoldDecision.REFUSED)
        return replace(held.result, verdict=failed_verdict(Cause.NOT_APPROVED, message), hold=refused)
    if held.hold.not_deployer:
        hold = replace(hold, deployer=_check_other(aws, held, who))
    return replace(held.result, hold=replace(hold, decision=HoldDecision.APPROVED))


def _parse(data: Any) -> Decision:
    try:
        decision = msgspec.convert(data, Decision)
    except msgspec.ValidationError as error:
        message = f"the decision is malformed ({truncate(str(error), 100)}); send it with greenlight approve"
        raise RejectedDecisionError(message) from error
    if is_blank(decision.reason):
        raise RejectedDecisionError("the decision has no reason")
    return decision


def _identify(aws: Aws, held: OpenHold, decision: Decision) -> Principal:
    """Return the principal that signed the decision; it has to be one of this account."""
    statement = held.statement(decision.decision, decision.reason)
    try:
        who = verify_identity(aws, statement.digest(), decision.identity)
        own = str(aws.call("sts", "get_caller_identity")["Account"])
    except (AwsError, IdentityError) as error:
        raise RejectedDecisionError(f"the identity of its sender could not be verified: {error}") from error
    if who.account != own:
        message = f"{who.arn} is not a principal of this account ({own}); use a role of it"
        raise RejectedDecisionError(message, who.arn)
    return who


def _check_other(aws: Aws, held: OpenHold, who: Principal) -> str:
    """Return the ARN of the deployer, who is not the approver."""
    try:
        deployer = find_deployer(aws, held.result.deployment.id)
    except (AwsError, UnknownDeployerError) as error:
        message = f"the deployer is not known, so `not: deployer` cannot be checked: {error}"
        raise RejectedDecisionError(message, who.arn) from error
    if deployer.is_same(who.arn, who.user_id):
        message = f"{who.arn} created this deployment, and the plan says `not: deployer`"
        raise RejectedDecisionError(message, who.arn)
    return deployer.arn
