"""What every format says of a report, and how: headline, target, remarks, what was not tested. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from greenlight.model import DEFAULT_CHECKS, Cause, Frozen, Outcome, Reason, Severity, Status

if TYPE_CHECKING:
    from greenlight.model import Evidence, Finding, Report

WHO = {
    Cause.RELEASE_FAILED: "Green is wrong: this is for the team that wrote the release.",
    Cause.GATE_ERROR: "The gate could not do its work: this is for whoever runs greenlight here. Green may be right or wrong.",
    Cause.PLAN_ERROR: "The plan is wrong: this is for whoever wrote it. Green was not tested.",
    Cause.NO_EVIDENCE: "Nothing shows that green works: this is for the team that wrote the plan.",
    Cause.DEADLINE: "The time was over: this is for the team that wrote the plan, and for green's if it answers slowly.",
    Cause.SUPERSEDED: "Somebody else has answered CodeDeploy: look at what stopped the deployment.",
}
"""Who acts, for each cause."""

BROKEN = (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE)


class Result(Frozen, frozen=True, kw_only=True):
    """One line of a test report: `broken` says that it closed the gate, `said` why it did, or does not count."""

    name: str
    broken: bool
    said: str = ""
    finding: Finding | None = None
    cause: Cause = Cause.GATE_ERROR


def headline(report: Report) -> str:
    """Give the verdict in a few words."""
    if shadow := report.shadow:
        return f"{report.verdict.value} (shadow: would have {shadow.would_have_been.value} until {shadow.until})"
    count = len(report.overrides)
    overridden = f" ({count} check{'s' * (count > 1)} overridden)" if count else ""
    return f"{report.verdict.value}{overridden}"


def subject(report: Report) -> str:
    """Give what is being deployed: application and group."""
    deployment = report.deployment
    return "/".join(part for part in (deployment.application, deployment.group) if part) or "unknown application"


def target(report: Report) -> str:
    """Give what was tested; "" where that was not found out."""
    green = report.deployment.green
    return " ".join(
        part
        for part in (function(report), green.task_definition, green.url, f"host {green.host}" if green.host else "")
        if part
    )


def function(report: Report) -> str:
    """Give the Lambda function with the version that was tested; "" for a service."""
    version = report.deployment.green.version
    return f"{report.deployment.function}:{version}" if version else report.deployment.function


def plan(report: Report) -> str:
    """Give the plan's place, version and the start of its digest; "" for a gate without one."""
    if not report.plan.uri:
        return ""
    version = f" version {report.plan.version_id}" if report.plan.version_id else ""
    return f"{report.plan.uri}{version} sha256 {report.plan.sha256[:12] or 'none'}"


def remarks(finding: Finding) -> list[str]:
    """Give what is special about a finding: that it is advisory, excused, flaky."""
    said = (
        "advisory" if finding.severity is Severity.ADVISORY else "",
        finding.excused.value,
        f"flaky: passed at attempt {finding.attempts}" if finding.flaky else "",
    )
    return [remark for remark in said if remark]


def passed(report: Report) -> int:
    """Count the checks that passed."""
    return sum(finding.outcome is Outcome.PASS for finding in report.checks)


def untested(report: Report) -> list[str]:
    """Say what this gate does not show, as sentences."""
    said = [f"{each.name}: skipped, {each.message}" for each in report.checks if each.outcome is Outcome.SKIPPED]
    said += [f"{each.name}: {each.message}" for each in report.checks if each.outcome in BROKEN and not each.attempts]
    if not report.checks:
        said.append("No check was run at this stage.")
    if report.plan.uri == DEFAULT_CHECKS:
        said.append("Nobody wrote checks for this stage; only the default checks ran.")
    return said


def results(report: Report) -> list[Result]:
    """Give what a test report lists; one of them is broken exactly when the verdict is Failed.

    Every check has its line; what no check is to blame for has lines of its own, after them.
    """
    closed = report.verdict is not Status.SUCCEEDED
    blamed = {reason.check: reason for reason in report.reasons if reason.check} if closed else {}
    names = {finding.name for finding in report.checks}
    rest = [reason for reason in report.reasons if reason.check not in names] if closed else []
    if closed and not rest and not blamed.keys() & names:
        rest = [Reason(cause=Cause.GATE_ERROR, message="the verdict is Failed, and no reason was given")]
    return [_result(finding, blamed.get(finding.name), report) for finding in report.checks] + [
        Result(name=each.check or "the gate", broken=True, said=f"{each.cause.value}: {each.message}", cause=each.cause)
        for each in rest
    ]


def _result(finding: Finding, blamed: Reason | None, report: Report) -> Result:
    if blamed is not None:
        said = f"{blamed.cause.value}: {finding.message}"
        return Result(name=finding.name, broken=True, said=said, finding=finding, cause=blamed.cause)
    if finding.outcome is Outcome.PASS:
        return Result(name=finding.name, broken=False, finding=finding)
    notes = [*remarks(finding), *(("shadow",) if report.shadow else ()), finding.outcome.value]
    return Result(name=finding.name, broken=False, said=f"{', '.join(notes)}: {finding.message}", finding=finding)


def place(each: Evidence) -> str:
    """Name what was looked at, and where."""
    return f"{each.where}: {each.query}" if each.where else each.query


def held(each: Evidence) -> str:
    """Say of one piece of evidence what was expected, what was seen, and why that is not it."""
    why = f" ({each.why})" if each.why else ""
    return f"{place(each)}: expected {inline(each.expected)}, got {inline(each.actual)}{why}"


def inline(value: object) -> str:
    """Write any value as JSON on one line; what has no JSON is named by its type."""
    try:
        return msgspec.json.encode(value, enc_hook=repr).decode()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return f"({type(value).__name__} that cannot be shown)"


def milliseconds(duration_ms: float) -> str:
    """Write a duration the way a person says it: 12 ms, 3.4 s, 2 min 5 s."""
    if duration_ms < 999.5:
        return f"{duration_ms:.0f} ms"
    if duration_ms < 59_950:
        return f"{duration_ms / 1000:.1f} s"
    minutes, seconds = divmod(round(min(duration_ms, 1e15) / 1000), 60)
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
