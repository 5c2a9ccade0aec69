"""The result of one check: outcome, severity, cause, evidence, attempts and numbers to plot."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from greenlight.core.frozen import FrozenStruct

AFTER_REDIRECT = "; after a redirect the answer came from "
"""Words in a message before the URLs that answered in place of green."""


class Outcome(StrEnum):
    """Outcome of one check.

    FAIL means that green is wrong, ERROR that the check could not be run. They are kept apart because different people
    fix them.
    """

    PASS = "PASS"  # noqa: S105 - a test result, not a password
    FAIL = "FAIL"
    ERROR = "ERROR"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIPPED = "SKIPPED"


class Severity(StrEnum):
    """Blocking findings decide the verdict; advisory findings are reported only.

    Required-with-override blocks like blocking, unless an override lets it pass (docs/overrides.md).
    """

    BLOCKING = "blocking"
    REQUIRED_WITH_OVERRIDE = "required-with-override"
    ADVISORY = "advisory"


class OnInconclusive(StrEnum):
    """Effect of an INCONCLUSIVE outcome of a blocking check: it fails the gate, or it is ignored."""

    FAIL = "fail"
    TOLERATE = "tolerate"


class OnFirstDeployment(StrEnum):
    """Effect of a first deployment, which has no blue, on a check: it runs, or it is SKIPPED."""

    RUN = "run"
    SKIP = "skip"


class ExcuseReason(StrEnum):
    """Why a blocking finding other than PASS does not fail the gate. Such a finding never counts as evidence."""

    NONE = ""
    OVERRIDDEN = "overridden"
    TOLERATED = "tolerated"


class EvidenceKind(StrEnum):
    """Kind of evidence that a passed check is, by what it asked; from the strongest to the weakest.

    ASKED: green itself answered. OBSERVED: metrics, logs or traces of green under users' traffic. READINESS: the state
    of a resource that is green's alone. ENVIRONMENT: everything else, such as blue, other hosts and alarms.
    """

    ASKED = "asked"
    OBSERVED = "observed"
    READINESS = "readiness"
    ENVIRONMENT = "environment"


class Cause(StrEnum):
    """Why a gate failed, so that the engineer on call knows which team to call."""

    RELEASE_FAILED = "RELEASE_FAILED"
    GATE_ERROR = "GATE_ERROR"
    PLAN_ERROR = "PLAN_ERROR"
    NO_EVIDENCE = "NO_EVIDENCE"
    DEADLINE = "DEADLINE"
    SUPERSEDED = "SUPERSEDED"
    NOT_APPROVED = "NOT_APPROVED"


class Evidence(FrozenStruct, frozen=True, kw_only=True):
    """One observation of a check, truncated to a readable length.

    Attributes:
        query: The question, such as a JMESPath expression.
        expected: The expected value.
        actual: The observed value.
        passed: Whether the observed value is as expected.
        where: Where it was observed, such as a request.
        baseline_is_blue: True if `expected` was observed on blue and `actual` on green.
        why: Reason why it did not pass, if `expected` and `actual` do not show it by themselves.
    """

    query: str
    expected: Any = None
    actual: Any = None
    passed: bool = False
    where: str = ""
    baseline_is_blue: bool = msgspec.field(default=False, name="of_blue")
    why: str = ""


class AttemptRecord(FrozenStruct, frozen=True, kw_only=True):
    """One attempt of a check, or one measurement of a repeated check.

    Attributes:
        began_ms: Time from the start of the gate to the start of the attempt.
        message: Truncated reason why it did not pass; "" if it passed.
    """

    began_ms: float
    duration_ms: float
    outcome: Outcome
    message: str = ""


class Series(FrozenStruct, frozen=True, kw_only=True):
    """Numbers for a plot in a report: a sample of durations, or one metric over time.

    Attributes:
        name: Name of the measured quantity.
        unit: Unit of the values; "" for a plain number.
        side: "blue" or "green"; "" if the numbers belong to neither.
        values: In order of time if `at_s` is set; otherwise a sample, or the quantiles of a large sample.
        at_s: Time of each value, in seconds from the start of the check; empty for a sample.
        count: Number of measured values.
        limits: Limits for the values or a statistic of them, by label, such as "p95 lte".
    """

    name: str
    values: tuple[float, ...]
    unit: str = ""
    side: str = ""
    at_s: tuple[float, ...] = ()
    count: int = 0
    limits: dict[str, float] = {}


class Asked(FrozenStruct, frozen=True, kw_only=True):
    """Whom a check asked: the number of exchanges that were answered. A redirect counts where it ended.

    Attributes:
        green: Responses of green, connections that it accepted or sent data on, invocations of its version.
        balancer: Responses that green's load balancer made, or may have made, and connections without data of green.
        blue: Responses of blue, connections to it, invocations of its version.
        other: The same of any other host or version.
        green_resource: AWS calls that read a resource of green alone: its target group, task set, version or image.
        green_metrics: AWS calls that read metrics, logs or traces of green alone.
        aws: All other AWS calls.
    """

    green: int = 0
    balancer: int = 0
    blue: int = 0
    other: int = 0
    green_resource: int = 0
    green_metrics: int = 0
    aws: int = 0


class Finding(FrozenStruct, frozen=True, kw_only=True):
    """Result of one check. A validator sets outcome, message and evidence; the runner sets the other fields.

    Attributes:
        cause: Overrides the cause that follows from the outcome (a time-out is an ERROR with cause DEADLINE).
        attempts: Number of attempts; 0 if the check was not run.
        flaky: True if it passed, but an earlier attempt or a measurement ended with FAIL or ERROR.
        excused: Why it does not fail the gate although it did not pass. Set by the verdict, never by a validator.
        duration_ms: Wall time of the last attempt, in milliseconds.
        remediation: The validator's advice what to look at next; "" for PASS, SKIPPED and checks that were not run.
        began_ms: Time from the start of the gate to the first attempt; 0 if there was none.
        tries: The attempts or measurements; of a very large number only the first and the last.
        series: Numbers for plots.
        asked: Whom the attempt that decided asked. The engine counts; a value that a validator sets is replaced.
        root: The failure behind the message, such as a refused connection, which other checks of the gate may share;
            "" if it belongs to this check alone. The engine sets it.
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
    excused: ExcuseReason = ExcuseReason.NONE
    duration_ms: float = 0.0
    remediation: str = ""
    began_ms: float = 0.0
    tries: tuple[AttemptRecord, ...] = ()
    series: tuple[Series, ...] = ()
    asked: Asked = Asked()
    root: str = ""
