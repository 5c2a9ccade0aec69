"""The words of greenlight as frozen data: what flows from event to answer.

Everything here is plain and immutable, crosses the pipe between supervisor and worker as
JSON, and is what the report is made of. No behaviour lives here beyond reading itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

REPORT_SCHEMA = "greenlight.report/1"

DEFAULT_CHECKS = "default-checks"
"""What stands for the plan's URI where nobody wrote checks for the stage."""

STAGES = ("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")
"""The lifecycle events a hook can be called for, in the order CodeDeploy has them (ECS; Lambda has the last two)."""


class Platform(StrEnum):
    """CodeDeploy's compute platform, lower case."""

    ECS = "ecs"
    LAMBDA = "lambda"


class Outcome(StrEnum):
    """What one check found. FAIL: green is wrong. ERROR: the check could not be carried out. Different people fix them."""

    PASS = "PASS"  # noqa: S105 - a test result, not a password
    FAIL = "FAIL"
    ERROR = "ERROR"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIPPED = "SKIPPED"


class Severity(StrEnum):
    """Blocking findings decide; advisory findings are shown and never counted.

    Required-with-override blocks like blocking, until somebody answers for letting it pass (docs/overrides.md).
    """

    BLOCKING = "blocking"
    REQUIRED_WITH_OVERRIDE = "required-with-override"
    ADVISORY = "advisory"


class OnInconclusive(StrEnum):
    """What an INCONCLUSIVE of a blocking check means: not passed, or neither for green nor against it."""

    FAIL = "fail"
    TOLERATE = "tolerate"


class OnFirstDeployment(StrEnum):
    """What a check does where there is no blue yet: it runs, or it is SKIPPED."""

    RUN = "run"
    SKIP = "skip"


class Excuse(StrEnum):
    """Why a blocking finding that is no PASS does not close the gate; it is no evidence either."""

    NONE = ""
    OVERRIDDEN = "overridden"
    TOLERATED = "tolerated"


class Status(StrEnum):
    """The only two answers CodeDeploy accepts from a hook."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Cause(StrEnum):
    """Why a gate is closed, so that on-call knows whom to call."""

    RELEASE_FAILED = "RELEASE_FAILED"
    GATE_ERROR = "GATE_ERROR"
    PLAN_ERROR = "PLAN_ERROR"
    NO_EVIDENCE = "NO_EVIDENCE"
    DEADLINE = "DEADLINE"
    SUPERSEDED = "SUPERSEDED"


class Frozen(msgspec.Struct, frozen=True, omit_defaults=False, kw_only=True):
    """Base of all data here: immutable, keyword-only."""


class Side(Frozen, frozen=True, kw_only=True):
    """Blue or green: one of the two revisions of a deployment.

    Attributes:
        url: Base URL under which the side answers HTTP at this stage, without a trailing slash; "" when it has none.
        no_url: Why there is no URL, as a sentence; "" when there is one.
        host: Host name for the Host header, SNI and certificate verification; "" means the URL's own.
        headers: Request headers that the listener's rule asks for.
        path_patterns: The rule's path patterns; a request path outside all of them is put under the first.
        version: Lambda version.
        task_set: ECS task set id.
        task_definition: ECS task definition ARN.
        target_group: ARN of the target group.
        health_check_path: Path of the target group's own health check; "" for one without HTTP.
        health_check_codes: HTTP codes the target group calls healthy, as AWS writes them ("200", "200-299", "200,301").
    """

    url: str = ""
    no_url: str = ""
    host: str = ""
    headers: dict[str, str] = {}
    path_patterns: tuple[str, ...] = ()
    version: str = ""
    task_set: str = ""
    task_definition: str = ""
    target_group: str = ""
    health_check_path: str = ""
    health_check_codes: str = ""


class Deployment(Frozen, frozen=True, kw_only=True):
    """One gate's view of one deployment: what is being deployed, and at which stage it stands.

    Attributes:
        id: CodeDeploy's deployment id.
        platform: What is deployed, `ecs` or `lambda`.
        stage: The lifecycle event at which the hook was called.
        application: CodeDeploy's application.
        region: AWS region of the deployment.
        group: Deployment group; `config` is the deployment configuration's name.
        environment: What the installation says it is, such as prod; "" for nothing.
        creator: Who started it, in CodeDeploy's words; `codeDeployRollback` for a rollback.
        first: There is surely no blue: nothing was deployed before this.
        function: Name of the Lambda function (platform lambda).
        alias: Its alias that traffic goes to (platform lambda).
        cluster: The ECS cluster (platform ecs).
        service: The ECS service (platform ecs).
        notes: What discovery noticed and the report should say.
    """

    id: str
    platform: Platform
    stage: str
    application: str = ""
    group: str = ""
    config: str = ""
    creator: str = ""
    region: str = ""
    environment: str = ""
    blue: Side = Side()
    green: Side = Side()
    first: bool = False
    function: str = ""
    alias: str = ""
    cluster: str = ""
    service: str = ""
    notes: tuple[str, ...] = ()


class Evidence(Frozen, frozen=True, kw_only=True):
    """One thing a check looked at: what was asked, expected and seen, cut to a readable length.

    Attributes:
        of_blue: What is expected is what blue gave, and what was seen is green's.
        why: Why it did not pass, where expected and actual do not say it by themselves.
    """

    query: str
    expected: Any = None
    actual: Any = None
    passed: bool = False
    where: str = ""
    of_blue: bool = False
    why: str = ""


class Try(Frozen, frozen=True, kw_only=True):
    """One attempt of a check, or one measurement of a repeated one.

    Attributes:
        began_ms: From the gate's start to its own.
        message: Why it did not pass, cut short; "" when it did.
    """

    began_ms: float
    duration_ms: float
    outcome: Outcome
    message: str = ""


class Series(Frozen, frozen=True, kw_only=True):
    """Numbers that a report can plot: a sample of durations, or one metric over time.

    Attributes:
        name: What was measured.
        unit: Of the values; "" for a plain number.
        side: "blue" or "green" where that means something.
        values: In order of time where there are `at_s`; otherwise a sample, or of a large one its quantiles.
        at_s: When each value was seen, in seconds from the check's start; empty for a sample.
        count: How many values there were.
        limits: What the values, or a figure made of them, are held against: a label ("p95 lte") and the number.
    """

    name: str
    values: tuple[float, ...]
    unit: str = ""
    side: str = ""
    at_s: tuple[float, ...] = ()
    count: int = 0
    limits: dict[str, float] = {}


class Share(Frozen, frozen=True, kw_only=True):
    """From when on green had which share of the users' requests; `at_ms` counts from the gate's start."""

    at_ms: float
    green_percent: float


class Clock(Frozen, frozen=True, kw_only=True):
    """The gate's own times, from its start, in milliseconds; 0 for what is not known or did not happen.

    Attributes:
        prepared_ms: When it was known what is being deployed, and which plan applies.
        baked_ms: When the wait before the checks was over.
        deadline_ms: When the checks had to be over.
    """

    prepared_ms: float = 0.0
    baked_ms: float = 0.0
    deadline_ms: float = 0.0


class Finding(Frozen, frozen=True, kw_only=True):
    """What one check found. A validator fills outcome, message and evidence; the runner fills in the rest.

    Attributes:
        cause: Overrides the cause that the outcome alone would give (a time-out is an ERROR with cause DEADLINE).
        attempts: How often the check was tried; 0 for one that was not run.
        flaky: It passed, but an earlier attempt or a measurement had failed or erred.
        excused: Why it does not close the gate although it is no PASS; said by the conclusion, never by a validator.
        duration_ms: Wall time of the last attempt, in milliseconds.
        remediation: What to look at next, by the validator; "" for PASS, SKIPPED and what was not run.
        began_ms: From the gate's start to the check's first attempt; 0 for one that had none.
        tries: Every attempt or measurement; of very many the first and the last.
        series: Numbers for plots.
    """

    outcome: Outcome
    message: str
    evidence: tuple[Evidence, ...] = ()
    cause: Cause | None = None
    name: str = ""
    validator: str = ""
    severity: Severity = Severity.BLOCKING
    on_inconclusive: OnInconclusive = OnInconclusive.FAIL
    attempts: int = 1
    flaky: bool = False
    excused: Excuse = Excuse.NONE
    duration_ms: float = 0.0
    remediation: str = ""
    began_ms: float = 0.0
    tries: tuple[Try, ...] = ()
    series: tuple[Series, ...] = ()


class Reason(Frozen, frozen=True, kw_only=True):
    """One reason for a verdict; `check` is "" where no single check is meant."""

    cause: Cause
    message: str
    check: str = ""


class Shadowed(Frozen, frozen=True, kw_only=True):
    """A verdict that its plan's shadow hid from CodeDeploy: what it would have been, until when (inclusive, UTC), and why."""

    would_have_been: Status
    until: str
    why: str


class Verdict(Frozen, frozen=True, kw_only=True):
    """The judgement over one gate's findings.

    Attributes:
        status: What CodeDeploy is told.
        reasons: What is wrong; empty exactly when the gate is Succeeded, in its shadow or without one.
        shadow: What the status would have been without the plan's shadow; None for a gate that decides.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()
    shadow: Shadowed | None = None


class Overridden(Frozen, frozen=True, kw_only=True):
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


class Included(Frozen, frozen=True, kw_only=True):
    """A fragment that a plan includes: where it came from, exactly."""

    uri: str
    version_id: str = ""
    sha256: str = ""


class PlanSource(Frozen, frozen=True, kw_only=True):
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
    includes: tuple[Included, ...] = ()


class Answer(Frozen, frozen=True, kw_only=True):
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


class Report(Frozen, frozen=True, kw_only=True):
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
    shadow: Shadowed | None = None
    overrides: tuple[Overridden, ...] = ()
    clock: Clock = Clock()
    traffic: tuple[Share, ...] = ()
    bucket: str = ""
    command: str = ""

    @property
    def clean(self) -> bool:
        """The gate opened, and by itself: no shadow, no override."""
        return self.verdict is Status.SUCCEEDED and self.shadow is None and not self.overrides
