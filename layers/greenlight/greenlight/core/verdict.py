"""The verdict on one gate, its reasons and exceptions, and how CodeDeploy took the answer."""

from __future__ import annotations

from enum import StrEnum

from greenlight.core.finding import Cause
from greenlight.core.frozen import FrozenStruct


class Status(StrEnum):
    """The only two answers CodeDeploy accepts from a hook."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Reason(FrozenStruct, frozen=True, kw_only=True):
    """One reason for a verdict; `check` is "" where no single check is meant."""

    cause: Cause
    message: str
    check: str = ""


class ShadowedVerdict(FrozenStruct, frozen=True, kw_only=True):
    """A verdict that its plan's shadow hid from CodeDeploy: what it would have been, until when (inclusive, UTC), and why."""

    would_have_been: Status
    until: str
    why: str


class Verdict(FrozenStruct, frozen=True, kw_only=True):
    """The judgement over one gate's findings.

    Attributes:
        status: What CodeDeploy is told.
        reasons: What is wrong; empty exactly when the gate is Succeeded, in its shadow or without one.
        shadow: What the status would have been without the plan's shadow; None for a gate that decides.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()
    shadow: ShadowedVerdict | None = None


class AppliedOverride(FrozenStruct, frozen=True, kw_only=True):
    """An override that was honoured: which check it let pass, who answers for it, why, and where it is kept.

    Attributes:
        created, expires: ISO 8601, UTC.
        scope: `deployment d-…` or `plan sha256 …`.
        uri, version_id: The object that was read.
    """

    check: str
    who: str
    why: str
    created: str
    expires: str
    scope: str
    uri: str
    version_id: str = ""


class StatusDelivery(FrozenStruct, frozen=True, kw_only=True):
    """How CodeDeploy took the answer.

    Attributes:
        told: CodeDeploy holds a status for this execution, ours or an earlier one.
        superseded: It held one before our first attempt: somebody else answered.
        attempts: Calls made.
        error: The last error, as a sentence; "" when accepted.
    """

    told: bool = False
    superseded: bool = False
    attempts: int = 0
    error: str = ""
