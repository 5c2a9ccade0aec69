"""The record of one gate run, from which every format is rendered."""

from __future__ import annotations

from enum import StrEnum

from greenlight.core.deployment import Deployment
from greenlight.core.finding import EvidenceKind, Finding
from greenlight.core.frozen import FrozenStruct
from greenlight.core.hold import HoldResult
from greenlight.core.verdict import AppliedOverride, Reason, ShadowedVerdict, Status
from greenlight.core.watch import ShiftWatch

REPORT_SCHEMA = "greenlight.report/1"


DEFAULT_CHECKS = "default-checks"
"""URI of the plan if the stage has no checks of its own."""


class IncludedFragment(FrozenStruct, frozen=True, kw_only=True):
    """Exact source of a fragment that a plan includes."""

    uri: str
    version_id: str = ""
    sha256: str = ""


class PlanSource(FrozenStruct, frozen=True, kw_only=True):
    """Exact source of a plan.

    Attributes:
        uri: Place of the plan.
        version_id: Version in its store; "" if the store has no versions.
        sha256: SHA-256 of the text.
        digest: SHA-256 of the text, its fragments and its environment; equals `sha256` if it has neither. An override
            for a plan refers to this digest.
        includes: Fragments that the plan includes.
    """

    uri: str = ""
    version_id: str = ""
    sha256: str = ""
    digest: str = ""
    includes: tuple[IncludedFragment, ...] = ()


class TrafficShare(FrozenStruct, frozen=True, kw_only=True):
    """Share of the users' requests that went to green from a moment on; `at_ms` counts from the start of the gate."""

    at_ms: float
    green_percent: float


class Clock(FrozenStruct, frozen=True, kw_only=True):
    """Times of a gate, in milliseconds from its start; 0 if unknown or not reached.

    Attributes:
        prepared_ms: End of the preparation: the deployment and the plan are known.
        baked_ms: End of the wait before the checks.
        deadline_ms: Deadline of the checks.
    """

    prepared_ms: float = 0.0
    baked_ms: float = 0.0
    deadline_ms: float = 0.0


class Author(StrEnum):
    """Function that sent an answer or wrote a report.

    `caller` is the state machine, for a caller other than CodeDeploy.
    """

    HOOK = "hook"
    LAST_RESORT = "last-resort"
    CALLER = "caller"


class Answer(FrozenStruct, frozen=True, kw_only=True):
    """Answer to CodeDeploy.

    Attributes:
        status: Status that was sent.
        told: CodeDeploy confirmed that it has a status for this execution.
        superseded: CodeDeploy had a status before the first attempt, from another caller.
        attempts: Number of calls.
        at: End of the last attempt, ISO 8601, UTC.
        by: Function that sent the status.
    """

    status: Status
    told: bool
    superseded: bool = False
    attempts: int = 0
    at: str = ""
    by: Author = Author.HOOK


class GreenAsked(FrozenStruct, frozen=True, kw_only=True):
    """How often green answered the checks of a gate, and how many checks it answered."""

    times: int
    checks: int


class AcceptedEvidence(FrozenStruct, frozen=True, kw_only=True):
    """Weaker evidence that the plan accepts at the stage, and its reason."""

    evidence: EvidenceKind
    why: str


def counts_before(answer: Answer | None, author: Author) -> int:
    """Return the rank of a report among those of its gate: the report with the least one has the answer that counts.

    A hook's report counts unless CodeDeploy did not confirm its answer; then that of the last resort does. The report
    for another caller has no answer to CodeDeploy.
    """
    if author is Author.CALLER:
        return 3
    if author is Author.LAST_RESORT:
        return 1
    return 0 if answer is None or answer.told else 2


class Report(FrozenStruct, frozen=True, kw_only=True):
    """Record of one gate run; every format is rendered from it.

    Attributes:
        verdict: Status that CodeDeploy received; Failed if it did not confirm the status of the hook, because the last
            resort then answers Failed.
        reasons: Reasons for a failed verdict.
        checks: Findings in the order of the plan.
        shadow: Verdict that the plan's shadow replaced; null without a shadow.
        overrides: Applied overrides, one for each check that did not fail the gate because of one.
        started_at: ISO 8601, UTC.
        duration_ms: Time from the call of the hook to the verdict.
        output: The last lines that validators printed, redacted.
        clock: Further times of the gate.
        traffic: Share of the users' requests over time; only a rehearsal and the watch of a shift know it.
        bucket: Bucket to store the report in; "" for none.
        command: Command that repeats the run, if a person or a pipeline started it; "" for a hook.
        answer: Answer to CodeDeploy; null for a run without one.
        judged: Verdict of the hook if CodeDeploy did not confirm it and `verdict` differs; else null.
        green_asked: How often and by how many checks green was asked; null if no check ran, and in reports of versions
            that did not count it.
        accepted: Weaker evidence that the plan accepts; null if it accepts none.
        watch: The rounds of checks during the shift of the traffic; null at stages other than AllowTraffic.
        written_by: Function that wrote the report: the last resort writes one for a hook that could not. The state
            machine writes one beside that of the hook for a caller that is not CodeDeploy.
        hold: Wait for the approval of a person; null if the gate did not wait for one.
    """

    schema: str = REPORT_SCHEMA
    verdict: Status
    reasons: tuple[Reason, ...]
    green_asked: GreenAsked | None = None
    accepted: AcceptedEvidence | None = None
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
    answer: Answer | None = None
    judged: Status | None = None
    watch: ShiftWatch | None = None
    written_by: Author = Author.HOOK
    hold: HoldResult | None = None

    @property
    def name(self) -> str:
        """Name of the report among those of its deployment: the stage, and the author unless it is the hook."""
        suffix = "" if self.written_by is Author.HOOK else f".{self.written_by.value}"
        return f"{self.deployment.stage}{suffix}"

    @property
    def clean(self) -> bool:
        """True if the gate succeeded without a shadow and without an override."""
        return self.verdict is Status.SUCCEEDED and self.shadow is None and not self.overrides
