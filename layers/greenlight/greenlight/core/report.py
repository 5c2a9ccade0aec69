"""The record of one gate run, from which every format is rendered."""

from __future__ import annotations

from greenlight.core.deployment import Deployment
from greenlight.core.finding import Finding
from greenlight.core.frozen import FrozenStruct
from greenlight.core.verdict import AppliedOverride, Reason, ShadowedVerdict, Status

REPORT_SCHEMA = "greenlight.report/1"


DEFAULT_CHECKS = "default-checks"
"""What stands for the plan's URI where nobody wrote checks for the stage."""


class IncludedFragment(FrozenStruct, frozen=True, kw_only=True):
    """A fragment that a plan includes: where it came from, exactly."""

    uri: str
    version_id: str = ""
    sha256: str = ""


class PlanSource(FrozenStruct, frozen=True, kw_only=True):
    """Where a plan came from, exactly.

    Attributes:
        uri: Its place.
        version_id: The store's version of it; "" if it keeps none.
        sha256: Of its text.
        digest: Of all that it runs: its text with its fragments and the environment it is in; `sha256` where it has
            neither. An override for a plan means this one.
        includes: The fragments that it includes.
    """

    uri: str = ""
    version_id: str = ""
    sha256: str = ""
    digest: str = ""
    includes: tuple[IncludedFragment, ...] = ()


class TrafficShare(FrozenStruct, frozen=True, kw_only=True):
    """From when on green had which share of the users' requests; `at_ms` counts from the gate's start."""

    at_ms: float
    green_percent: float


class Clock(FrozenStruct, frozen=True, kw_only=True):
    """The gate's own times, from its start, in milliseconds; 0 for what is not known or did not happen.

    Attributes:
        prepared_ms: When it was known what is being deployed, and which plan applies.
        baked_ms: When the wait before the checks was over.
        deadline_ms: When the checks had to be over.
    """

    prepared_ms: float = 0.0
    baked_ms: float = 0.0
    deadline_ms: float = 0.0


class Report(FrozenStruct, frozen=True, kw_only=True):
    """The record of one gate run; every other format is rendered from it.

    Attributes:
        verdict, reasons, checks: The judgement and what it rests on; `checks` keeps the plan's order.
        shadow: What the verdict would have been without the plan's shadow; null for a gate that decides.
        overrides: Those that were honoured, one for each check that did not close the gate because of one.
        started_at: ISO 8601, UTC.
        duration_ms: From the call of the hook to the verdict.
        output: The last lines that validators printed, redacted.
        clock: What else the gate did with its time.
        traffic: Who had the users' requests when; only a rehearsal can know.
        bucket: The bucket that is to keep it; "" for none.
        command: What makes it once more, of a stage that a person or a pipeline ran; "" for a hook.
    """

    schema: str = REPORT_SCHEMA
    verdict: Status
    reasons: tuple[Reason, ...]
    checks: tuple[Finding, ...]
    deployment: Deployment
    plan: PlanSource
    started_at: str
    duration_ms: float
    greenlight: str
    output: str = ""
    shadow: ShadowedVerdict | None = None
    overrides: tuple[AppliedOverride, ...] = ()
    clock: Clock = Clock()
    traffic: tuple[TrafficShare, ...] = ()
    bucket: str = ""
    command: str = ""

    @property
    def clean(self) -> bool:
        """The gate opened, and by itself: no shadow, no override."""
        return self.verdict is Status.SUCCEEDED and self.shadow is None and not self.overrides
