"""Verdict of a gate with its reasons and exceptions, and the delivery of the status to CodeDeploy."""

from __future__ import annotations

from enum import StrEnum

from greenlight.core.finding import Cause
from greenlight.core.frozen import FrozenStruct


class Status(StrEnum):
    """The two statuses that CodeDeploy accepts from a hook."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Reason(FrozenStruct, frozen=True, kw_only=True):
    """One reason for a verdict.

    Attributes:
        check: Name of the check; "" if the reason is not about a single check.
        root: The failure behind the message if other checks may share it (`Finding.root`).
    """

    cause: Cause
    message: str
    check: str = ""
    root: str = ""


class ShadowedVerdict(FrozenStruct, frozen=True, kw_only=True):
    """Verdict that the plan's shadow replaced by Succeeded.

    Attributes:
        would_have_been: Status without the shadow.
        until: Last day of the shadow, UTC.
        why: The plan's reason for the shadow.
    """

    would_have_been: Status
    until: str
    why: str


class Verdict(FrozenStruct, frozen=True, kw_only=True):
    """Verdict of one gate.

    Attributes:
        status: Status for CodeDeploy.
        reasons: Reasons for a failure; empty exactly if the gate is Succeeded, with or without a shadow.
        shadow: Verdict that the plan's shadow replaced; None without a shadow.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()
    shadow: ShadowedVerdict | None = None


class AppliedOverride(FrozenStruct, frozen=True, kw_only=True):
    """An override that was applied to a check.

    Attributes:
        check: Name of the check.
        who: Person who is responsible for the override.
        why: Reason for the override.
        created: ISO 8601, UTC.
        expires: ISO 8601, UTC.
        scope: `deployment d-…` or `plan sha256 …`.
        uri: Place of the stored override.
        version_id: Version of the stored override; "" if the store has no versions.
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
    """Delivery of the status to CodeDeploy.

    Attributes:
        told: CodeDeploy has a status for this execution, from this gate or an earlier caller.
        superseded: CodeDeploy had a status before the first attempt, from another caller.
        attempts: Number of calls.
        error: Last error, as a sentence; "" if the status was accepted.
    """

    told: bool = False
    superseded: bool = False
    attempts: int = 0
    error: str = ""
