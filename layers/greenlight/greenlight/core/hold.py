"""A wait for the approval of a person: its result in the report, its record in the bucket, and a person's statement."""

from __future__ import annotations

import datetime
import hashlib
from enum import StrEnum
from typing import Literal

import msgspec

from greenlight.core.frozen import FrozenStruct

HOLD_SCHEMA = "greenlight.hold/1"
STATEMENT_SCHEMA = "greenlight.decision/1"

MAX_REASON_CHARACTERS = 1000

Answer = Literal["approve", "refuse"]


class HoldDecision(StrEnum):
    """How a hold ended."""

    APPROVED = "approved"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


class RejectedDecision(FrozenStruct, frozen=True, kw_only=True):
    """A decision that did not count.

    Attributes:
        message: Why it did not count.
        at: ISO 8601, UTC.
        who: Principal that sent it; "" if that could not be proved.
    """

    message: str
    at: str
    who: str = ""


class HoldResult(FrozenStruct, frozen=True, kw_only=True):
    """A wait for an approval, in the report.

    Attributes:
        asked: The people whom the plan asks.
        asked_at: Begin of the wait, ISO 8601, UTC.
        until: End of the time for a decision, ISO 8601, UTC.
        asked_ms: The same begin, in milliseconds from the start of the gate.
        why: Reason in the plan.
        not_deployer: The plan does not accept the approval of the principal that created the deployment.
        decision: How it ended.
        who: ARN of the principal that decided, as STS has confirmed it; "" without a decision.
        reason: The reason that this principal gave.
        decided_at: End of the wait, ISO 8601, UTC; "" while it lasts.
        waited_ms: Duration of the wait.
        deployer: ARN of the principal that created the deployment, if the plan made the gate find it.
        rejected: The last decisions that did not count.
    """

    asked: tuple[str, ...]
    asked_at: str
    until: str
    asked_ms: float
    why: str = ""
    not_deployer: bool = False
    decision: HoldDecision = HoldDecision.UNANSWERED
    who: str = ""
    reason: str = ""
    decided_at: str = ""
    waited_ms: float = 0.0
    deployer: str = ""
    rejected: tuple[RejectedDecision, ...] = ()


class HoldRecord(FrozenStruct, frozen=True, kw_only=True):
    """A hold in the report bucket, for the people who decide.

    Attributes:
        gate: Name of the gate.
        deployment: CodeDeploy's deployment id.
        stage: Lifecycle event.
        application: CodeDeploy application.
        group: Deployment group.
        region: AWS region of the gate.
        round: Number of earlier decisions that did not count. A statement is about one round.
        hold: The hold.
        token: Task token with which Step Functions accepts a decision; "" after the end.
    """

    gate: str
    deployment: str
    stage: str
    application: str
    group: str
    region: str
    round: int
    hold: HoldResult
    token: str = ""
    schema: str = HOLD_SCHEMA

    @property
    def is_open(self) -> bool:
        """Whether the gate waits for a decision, if its time is not over."""
        return bool(self.token)


class Statement(FrozenStruct, frozen=True, kw_only=True):
    """The decision of a person about one round of one hold; the signature of its digest proves who made it."""

    gate: str
    deployment: str
    stage: str
    round: int
    decision: Answer
    reason: str
    schema: str = STATEMENT_SCHEMA

    def digest(self) -> str:
        """Return the SHA-256 of the statement."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


def format_utc(unix_s: float) -> str:
    """Return a Unix time as ISO 8601 in UTC, with seconds."""
    return datetime.datetime.fromtimestamp(unix_s, datetime.UTC).isoformat(timespec="seconds")
