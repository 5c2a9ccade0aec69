"""What every format says of a report, and how: headline, target, remarks, what was not tested, what to type. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import msgspec

from greenlight.core.finding import Cause, Outcome, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import DEFAULT_CHECKS
from greenlight.core.verdict import Reason, Status

if TYPE_CHECKING:
    from greenlight.core.finding import Evidence, Finding
    from greenlight.core.report import Report

OWNERS = {
    Cause.RELEASE_FAILED: "Green is wrong: this is for the team that wrote the release.",
    Cause.GATE_ERROR: "The gate could not do its work: this is for whoever runs greenlight here. Green may be right or wrong.",
    Cause.PLAN_ERROR: "The plan is wrong: this is for whoever wrote it. Green was not tested.",
    Cause.NO_EVIDENCE: "Nothing shows that green works: this is for the team that wrote the plan.",
    Cause.DEADLINE: "The time was over: this is for the team that wrote the plan, and for green's if it answers slowly.",
    Cause.SUPERSEDED: "Somebody else has answered CodeDeploy: look at what stopped the deployment.",
}
"""Who acts, for each cause."""

DEPLOYMENT_ID = re.compile(r"d-[A-Z0-9]{1,40}", re.ASCII)
"""A deployment's id as CodeDeploy gives it."""

MAX_NAMES = 10
"""Checks that one line names."""

BROKEN = (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE)


class Result(FrozenStruct, frozen=True, kw_only=True):
    """One line of a test report: `broken` says that it closed the gate, `said` why it did, or does not count."""

    name: str
    broken: bool
    said: str = ""
    finding: Finding | None = None
    cause: Cause = Cause.GATE_ERROR


def format_headline(report: Report) -> str:
    """Give the verdict in a few words."""
    if shadow := report.shadow:
        return f"{report.verdict.value} (shadow: would have {shadow.would_have_been.value} until {shadow.until})"
    count = len(report.overrides)
    overridden = f" ({count} check{'s' * (count > 1)} overridden)" if count else ""
    return f"{report.verdict.value}{overridden}"


def format_subject(report: Report) -> str:
    """Give what is being deployed: application and group."""
    deployment = report.deployment
    return "/".join(part for part in (deployment.application, deployment.group) if part) or "unknown application"


def format_target(report: Report) -> str:
    """Give what was tested; "" where that was not found out."""
    green = report.deployment.green
    return " ".join(
        part
        for part in (
            format_function(report),
            green.task_definition,
            green.url,
            f"host {green.host}" if green.host else "",
        )
        if part
    )


def format_function(report: Report) -> str:
    """Give the Lambda function with the version that was tested; "" for a service."""
    version = report.deployment.green.version
    return f"{report.deployment.function}:{version}" if version else report.deployment.function


def format_plan(report: Report) -> str:
    """Give the plan's place, version and digests; "" for a gate without one."""
    plan = report.plan
    if not plan.uri:
        return ""
    version = f" version {plan.version_id}" if plan.version_id else ""
    return f"{plan.uri}{version} sha256 {plan.sha256 or 'none'}{f' digest {own}' if (own := distinct_digest(report)) else ''}"


def distinct_digest(report: Report) -> str:
    """Give the digest of all that the plan runs, where it is another than that of the plan's text alone."""
    return report.plan.digest if report.plan.digest != report.plan.sha256 else ""


def next_commands(report: Report) -> dict[str, str]:
    """Give what to type next, by what it gives: the page, the plan, the wiring, another judgement; of a laptop's run itself."""
    deployment = report.deployment
    if report.command:
        return {"check again": report.command}
    if not report.bucket or report.traffic or not DEPLOYMENT_ID.fullmatch(deployment.id):
        return {}
    known = {
        "--stage": deployment.stage,
        "--application": deployment.application,
        "--group": deployment.group if deployment.application else "",
        "--bucket": report.bucket,
    }
    options = " ".join(f"{name} {shlex.quote(value)}" for name, value in known.items() if value)
    said = {"this report": f"greenlight report {deployment.id} {options} --format html -o report.html"}
    refused = any(reason.cause is Cause.PLAN_ERROR for reason in report.reasons)
    if refused and report.plan.uri.startswith("s3://"):
        said["the plan"] = f"aws s3 cp {shlex.quote(report.plan.uri)} plan.yaml && greenlight lint plan.yaml"
    if (
        any(reason.cause is Cause.GATE_ERROR for reason in report.reasons)
        and deployment.application
        and deployment.group
    ):
        said["the wiring"] = (
            f"greenlight doctor --application {shlex.quote(deployment.application)} --group {shlex.quote(deployment.group)}"
        )
    if report.checks or report.reasons:
        said["judge again"] = f"greenlight replay {deployment.id} {options}{_other_plan(report, refused)}"
    return said


def _other_plan(report: Report, refused: bool) -> str:
    """Name a plan to judge by, where the one of then is wrong or nobody can fetch it."""
    can_be_had = report.plan.uri == DEFAULT_CHECKS or report.plan.uri.startswith(("s3://", "ssm:"))
    return "" if can_be_had and not refused else " --plan plan.yaml"


def list_remarks(finding: Finding) -> list[str]:
    """Give what is special about a finding: that it is advisory, excused, flaky."""
    said = (
        "advisory" if finding.severity is Severity.ADVISORY else "",
        finding.excused.value,
        f"flaky: passed at attempt {finding.attempts}" if finding.flaky else "",
    )
    return [remark for remark in said if remark]


def list_owners(report: Report) -> list[str]:
    """Say who acts; that a check was not run, because another one did not pass, is nobody's fault besides."""
    not_run = {each.name for each in report.checks if not each.attempts}
    by_themselves = [reason for reason in report.reasons if reason.check not in not_run] or report.reasons
    return [OWNERS[cause] for cause in dict.fromkeys(reason.cause for reason in by_themselves)]


def count_passed(report: Report) -> int:
    """Count the checks that passed."""
    return sum(finding.outcome is Outcome.PASS for finding in report.checks)


def describe_untested(report: Report) -> list[str]:
    """Say what this gate does not show, as sentences."""
    said = [f"{each.name}: skipped, {each.message}" for each in report.checks if each.outcome is Outcome.SKIPPED]
    said += [f"{each.name}: {each.message}" for each in report.checks if each.outcome in BROKEN and not each.attempts]
    return said + describe_gaps(report)


def summarize_untested(report: Report) -> list[str]:
    """Say the same in a few lines: of the checks their names alone."""
    names = [each.name for each in report.checks if each.outcome is Outcome.SKIPPED]
    names += [each.name for each in report.checks if each.outcome in BROKEN and not each.attempts]
    more = f" (and {len(names) - MAX_NAMES} more)" if len(names) > MAX_NAMES else ""
    return [*([", ".join(names[:MAX_NAMES]) + more] if names else []), *describe_gaps(report)]


def describe_gaps(report: Report) -> list[str]:
    """Say of the whole gate what it does not show."""
    said = []
    if not report.checks:
        said.append("No check was run at this stage.")
    if report.plan.uri == DEFAULT_CHECKS:
        said.append("Nobody wrote checks for this stage; only the default checks ran.")
    return said


def list_results(report: Report) -> list[Result]:
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
    notes = [*list_remarks(finding), *(("shadow",) if report.shadow else ()), finding.outcome.value]
    return Result(name=finding.name, broken=False, said=f"{', '.join(notes)}: {finding.message}", finding=finding)


def format_place(each: Evidence) -> str:
    """Name what was looked at, and where."""
    return f"{each.where}: {each.query}" if each.where else each.query


def describe_evidence(each: Evidence) -> str:
    """Say of one piece of evidence what was expected, what was seen, and why that is not it."""
    why = f" ({each.why})" if each.why else ""
    return f"{format_place(each)}: expected {to_inline_json(each.expected)}, got {to_inline_json(each.actual)}{why}"


def to_inline_json(value: object) -> str:
    """Write any value as JSON on one line; what has no JSON is named by its type."""
    try:
        return msgspec.json.encode(value, enc_hook=repr).decode()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return f"({type(value).__name__} that cannot be shown)"


def format_duration(duration_ms: float) -> str:
    """Write a duration the way a person says it: 12 ms, 3.4 s, 2 min 5 s."""
    if duration_ms < 999.5:
        return f"{duration_ms:.0f} ms"
    if duration_ms < 59_950:
        return f"{duration_ms / 1000:.1f} s"
    minutes, seconds = divmod(round(min(duration_ms, 1e15) / 1000), 60)
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
