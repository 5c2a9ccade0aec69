"""The result of one check: outcome, severity, cause, evidence, attempts and numbers to plot."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from greenlight.core.frozen import FrozenStruct


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


class ExcuseReason(StrEnum):
    """Why a blocking finding that is no PASS does not close the gate; it is no evidence either."""

    NONE = ""
    OVERRIDDEN = "overridden"
    TOLERATED = "tolerated"


class Cause(StrEnum):
    """Why a gate is closed, so that on-call knows whom to call."""

    RELEASE_FAILED = "RELEASE_FAILED"
    GATE_ERROR = "GATE_ERROR"
    PLAN_ERROR = "PLAN_ERROR"
    NO_EVIDENCE = "NO_EVIDENCE"
    DEADLINE = "DEADLINE"
    SUPERSEDED = "SUPERSEDED"


class Evidence(FrozenStruct, frozen=True, kw_only=True):
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


class AttemptRecord(FrozenStruct, frozen=True, kw_only=True):
    """One attempt of a check, or one measurement of a repeated one.

    Attributes:
        began_ms: From the gate's start to its own.
        message: Why it did not pass, cut short; "" when it did.
    """

    began_ms: float
    duration_ms: float
    outcome: Outcome
    message: str = ""


class Series(FrozenStruct, frozen=True, kw_only=True):
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


class Finding(FrozenStruct, frozen=True, kw_only=True):
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
    excused: ExcuseReason = ExcuseReason.NONE
    duration_ms: float = 0.0
    remediation: str = ""
    began_ms: float = 0.0
    tries: tuple[AttemptRecord, ...] = ()
    series: tuple[Series, ...] = ()
