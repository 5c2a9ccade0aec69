"""Texts that all formats of a report share: headline, target, remarks, untested parts, commands to run next."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import msgspec

from greenlight.core.finding import AFTER_REDIRECT, Cause, EvidenceKind, Outcome, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.hold import HoldDecision
from greenlight.core.report import DEFAULT_CHECKS
from greenlight.core.verdict import Reason, Status
from greenlight.core.watch import RoundOutcome, describe_watch, format_share

if TYPE_CHECKING:
    from greenlight.core.finding import Evidence, Finding
    from greenlight.core.report import Report
    from greenlight.core.watch import Round

OWNERS = {
    Cause.RELEASE_FAILED: "Green is wrong: the team that wrote the release has to act.",
    Cause.GATE_ERROR: (
        "The gate could not do its work: the operator of greenlight has to act. Green may be right or wrong."
    ),
    Cause.PLAN_ERROR: "The plan is wrong: its author has to act. Green was not tested.",
    Cause.NO_EVIDENCE: "Nothing shows that green works: the author of the plan has to act.",
    Cause.DEADLINE: (
        "The time ran out: the author of the plan has to act, or the team that wrote the release if green is slow."
    ),
    Cause.NOT_APPROVED: "The checks passed, and the release was not approved: the people who were asked have to act.",
    Cause.SUPERSEDED: "CodeDeploy has already received another answer: find out what stopped the deployment.",
}
"""Owner of the problem, for each cause."""

_ACCEPTED = {
    EvidenceKind.READINESS: "so no check needs to have asked green",
    EvidenceKind.ENVIRONMENT: "so no check needs to have asked green or read its state",
}

DEPLOYMENT_ID = re.compile(r"d-[A-Z0-9]{1,40}", re.ASCII)
"""Format of CodeDeploy's deployment ids."""

MAX_NAMES = 10
"""Most checks that one line names."""

NOT_COVERED = "not covered: "
"""Words in a message after which a check that passed lists what it did not look at; `openapi` writes them."""

ROUND_WORDS = {
    RoundOutcome.GOOD: "good",
    RoundOutcome.BAD: "bad",
    RoundOutcome.UNKNOWN: "without an answer",
}

BROKEN = (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE)


class Result(FrozenStruct, frozen=True, kw_only=True):
    """One line of a test report.

    Attributes:
        name: Of the check, or of the gate.
        broken: It closed the gate.
        message: Why it closed the gate, or why it did not although it did not pass; "" for a check that passed.
        finding: None for a line that is not about a check.
        cause: Of the reason that closed the gate.
    """

    name: str
    broken: bool
    message: str = ""
    finding: Finding | None = None
    cause: Cause = Cause.GATE_ERROR


def format_headline(report: Report) -> str:
    """Return the verdict in a few words."""
    if shadow := report.shadow:
        return f"{report.verdict.value} (shadow: would have {shadow.would_have_been.value} until {shadow.until})"
    count = len(report.overrides)
    overridden = f" ({count} check{'s' * (count > 1)} overridden)" if count else ""
    return f"{report.verdict.value}{overridden}"


def format_subject(report: Report) -> str:
    """Return application and deployment group."""
    deployment = report.deployment
    return "/".join(part for part in (deployment.application, deployment.group) if part) or "unknown application"


def format_target(report: Report) -> str:
    """Return what was tested; "" if discovery did not get that far."""
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
    """Return the Lambda function with the version that was tested; "" for an ECS service."""
    version = report.deployment.green.version
    return f"{report.deployment.function}:{version}" if version else report.deployment.function


def format_plan(report: Report) -> str:
    """Return the plan's location, version and digests; "" without a plan."""
    plan = report.plan
    if not plan.uri:
        return ""
    version = f" version {plan.version_id}" if plan.version_id else ""
    digest = f" digest {distinct}" if (distinct := distinct_digest(report)) else ""
    return f"{plan.uri}{version} sha256 {plan.sha256 or 'none'}{digest}"


def distinct_digest(report: Report) -> str:
    """Return the digest of the plan with its includes and environment; "" if it equals that of the plan's text."""
    return report.plan.digest if report.plan.digest != report.plan.sha256 else ""


def next_commands(report: Report) -> dict[str, str]:
    """Return commands to run next, by what they show: the report, the plan, the wiring, another judgement.

    A run from the command line has only the command that repeats it.
    """
    deployment = report.deployment
    if report.command:
        return {"check again": report.command}
    is_rehearsed = bool(report.traffic) and report.watch is None
    if not report.bucket or is_rehearsed or not DEPLOYMENT_ID.fullmatch(deployment.id):
        return {}
    values = {
        "--stage": deployment.stage,
        "--application": deployment.application,
        "--group": deployment.group if deployment.application else "",
        "--bucket": report.bucket,
    }
    options = " ".join(f"{name} {shlex.quote(value)}" for name, value in values.items() if value)
    commands = {"this report": f"greenlight report {deployment.id} {options} --format html -o report.html"}
    is_rejected = any(reason.cause is Cause.PLAN_ERROR for reason in report.reasons)
    if is_rejected and report.plan.uri.startswith("s3://"):
        commands["the plan"] = f"aws s3 cp {shlex.quote(report.plan.uri)} plan.yaml && greenlight lint plan.yaml"
    if (
        any(reason.cause is Cause.GATE_ERROR for reason in report.reasons)
        and deployment.application
        and deployment.group
    ):
        application, group = shlex.quote(deployment.application), shlex.quote(deployment.group)
        commands["the wiring"] = f"greenlight doctor --application {application} --group {group}"
    if (report.checks or report.reasons) and report.watch is None:
        commands["judge again"] = f"greenlight replay {deployment.id} {options}{_plan_option(report, is_rejected)}"
    return commands


def _plan_option(report: Report, is_rejected: bool) -> str:
    """Return the option for another plan if the report's own was rejected or cannot be fetched."""
    is_available = report.plan.uri == DEFAULT_CHECKS or report.plan.uri.startswith(("s3://", "ssm:"))
    return "" if is_available and not is_rejected else " --plan plan.yaml"


def list_remarks(finding: Finding) -> list[str]:
    """Return the remarks on a finding: advisory, excused, flaky."""
    remarks = (
        "advisory" if finding.severity is Severity.ADVISORY else "",
        finding.excused.value,
        f"flaky: passed at attempt {finding.attempts}" if finding.flaky else "",
    )
    return [remark for remark in remarks if remark]


def list_owners(report: Report) -> list[str]:
    """Return a sentence for each owner of a reason.

    A check that did not run because another one did not pass is only considered if there is no other reason.
    """
    not_run = {finding.name for finding in report.checks if not finding.attempts}
    reasons = [reason for reason in report.reasons if reason.check not in not_run] or report.reasons
    return [owner_sentence(report, cause) for cause in dict.fromkeys(reason.cause for reason in reasons)]


def owner_sentence(report: Report, cause: Cause) -> str:
    """Return who has to act for a cause; checks without evidence are counted if others passed."""
    if cause is Cause.SUPERSEDED and report.watch is not None:
        return "Something else stopped the deployment: find out what it was."
    silent = {reason.check for reason in report.reasons if reason.cause is Cause.NO_EVIDENCE and reason.check}
    if cause is not Cause.NO_EVIDENCE or not silent or not count_passed(report):
        return OWNERS[cause]
    checks = "One check shows" if len(silent) == 1 else f"{len(silent)} checks show"
    return f"{checks} nothing: the author of the plan has to act."


def count_passed(report: Report) -> int:
    """Count the checks that passed."""
    return sum(finding.outcome is Outcome.PASS for finding in report.checks)


def describe_asked(report: Report) -> str:
    """Return how often and by how many checks green was asked, as a sentence; "" if that is not known."""
    asked = report.green_asked
    if asked is None:
        return ""
    if not asked.times:
        return "no check asked green"
    times, checks = (
        f"{count} {noun}{'s' * (count > 1)}" for count, noun in ((asked.times, "time"), (asked.checks, "check"))
    )
    return f"green was asked {times} by {checks}"


def describe_accepted(report: Report) -> str:
    """Return the weaker evidence that the plan accepts, and its reason; "" if it accepts none."""
    accepted = report.accepted
    return f"{accepted.evidence.value} as evidence, {_ACCEPTED[accepted.evidence]}: {accepted.why}" if accepted else ""


def list_hold(report: Report) -> dict[str, str]:
    """Return sentences about the wait for an approval, by how it ended; empty if the gate did not wait."""
    hold = report.hold
    if hold is None:
        return {}
    waited, asked = format_duration(hold.waited_ms), f"asked: {', '.join(hold.asked)}"
    if hold.decision is HoldDecision.UNANSWERED:
        sentence = f"for {waited}, from {hold.asked_at}; {asked}"
    else:
        sentence = f"by {hold.who} after {waited}: {hold.reason} ({asked})"
    sentences = {hold.decision.value: sentence}
    if hold.deployer:
        sentences["deployed"] = f"by {hold.deployer}"
    if hold.rejected:
        sentences["not accepted"] = "; ".join(rejected.message for rejected in hold.rejected)
    return sentences


def describe_shift(report: Report) -> str:
    """Return how the traffic shift was watched, as a sentence; "" at other stages."""
    watch = report.watch
    if watch is None:
        return ""
    tolerated = "no bad round" if not watch.tolerate else f"{watch.tolerate} bad in a row"
    return f"{describe_watch(watch)} (a round every {watch.every_s:g} s, {tolerated} tolerated)"


def list_bad_rounds(report: Report) -> list[str]:
    """Return the rounds that were not good, the last ten, one sentence each."""
    rounds = report.watch.rounds if report.watch else ()
    return [describe_round(item) for item in rounds if item.outcome is not RoundOutcome.GOOD][-MAX_NAMES:]


def describe_round(item: Round) -> str:
    """Return a round as a sentence."""
    checks = f"{', '.join(item.checks)}: " if item.checks else ""
    message = f": {checks}{item.message}" if item.message else ""
    return f"round {item.number}{format_share(item.green_percent)} {ROUND_WORDS[item.outcome]}{message}"


def describe_untested(report: Report) -> list[str]:
    """Return what this gate did not test, one sentence each."""
    skipped = [f"{finding.name}: skipped, {finding.message}" for finding in _skipped(report)]
    not_run = [f"{finding.name}: {finding.message}" for finding in _not_run(report)]
    uncovered = [
        f"{finding.name}: {description}" for finding in report.checks if (description := describe_uncovered(finding))
    ]
    return [*skipped, *not_run, *uncovered, *_describe_gaps(report)]


def summarize_untested(report: Report) -> list[str]:
    """Return the same in a few lines, which only name the checks."""
    names = [finding.name for finding in (*_skipped(report), *_not_run(report))]
    more = f" (and {len(names) - MAX_NAMES} more)" if len(names) > MAX_NAMES else ""
    checks = [", ".join(names[:MAX_NAMES]) + more] if names else []
    return [*checks, *_describe_gaps(report)]


def _skipped(report: Report) -> list[Finding]:
    return [finding for finding in report.checks if finding.outcome is Outcome.SKIPPED]


def _not_run(report: Report) -> list[Finding]:
    return [finding for finding in report.checks if finding.outcome in BROKEN and not finding.attempts]


def _describe_gaps(report: Report) -> list[str]:
    """Return what the gate as a whole did not test."""
    gaps = []
    if not report.checks:
        gaps.append("No check ran at this stage.")
    if report.plan.uri == DEFAULT_CHECKS:
        gaps.append("No plan covers this stage; only the default checks ran.")
    return gaps


def list_results(report: Report) -> list[Result]:
    """Return the lines of a test report; a line is broken exactly when the verdict is Failed.

    Every check has a line. Reasons that belong to no check have lines of their own at the end.
    """
    closed = report.verdict is not Status.SUCCEEDED
    reasons = {reason.check: reason for reason in report.reasons if reason.check} if closed else {}
    names = {finding.name for finding in report.checks}
    others = [reason for reason in report.reasons if reason.check not in names] if closed else []
    if closed and not others and not reasons.keys() & names:
        others = [Reason(cause=Cause.GATE_ERROR, message="the verdict is Failed without a reason")]
    results = [_build_result(finding, reasons.get(finding.name), report) for finding in report.checks]
    for reason in others:
        message = f"{reason.cause.value}: {reason.message}"
        results.append(Result(name=reason.check or "the gate", broken=True, message=message, cause=reason.cause))
    return results


def _build_result(finding: Finding, reason: Reason | None, report: Report) -> Result:
    if reason is not None:
        message = f"{reason.cause.value}: {finding.message}"
        return Result(name=finding.name, broken=True, message=message, finding=finding, cause=reason.cause)
    if finding.outcome is Outcome.PASS:
        return Result(name=finding.name, broken=False, finding=finding)
    notes = [*list_remarks(finding), *(("shadow",) if report.shadow else ()), finding.outcome.value]
    return Result(name=finding.name, broken=False, message=f"{', '.join(notes)}: {finding.message}", finding=finding)


def format_place(evidence: Evidence) -> str:
    """Return the query of a piece of evidence, and where it was evaluated."""
    return f"{evidence.where}: {evidence.query}" if evidence.where else evidence.query


def describe_uncovered(finding: Finding) -> str:
    """Return what a check that passed did not cover, and who answered in place of green; "" without either."""
    message, redirect, urls = finding.message.partition(AFTER_REDIRECT)
    _, mark, uncovered = message.partition(NOT_COVERED)
    return f"{mark}{uncovered}{redirect}{urls}".removeprefix("; ") if finding.outcome is Outcome.PASS else ""


def describe_evidence(evidence: Evidence) -> str:
    """Return a piece of evidence as a sentence: expected value, actual value, and why they do not match."""
    expected, actual = to_inline_json(evidence.expected), to_inline_json(evidence.actual)
    why = f" ({evidence.why})" if evidence.why else ""
    return f"{format_place(evidence)}: expected {expected}, got {actual}{why}"


def to_inline_json(value: object) -> str:
    """Return any value as JSON on one line; a value that has no JSON is replaced by its type."""
    try:
        return msgspec.json.encode(value, enc_hook=repr).decode()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return f"({type(value).__name__} that cannot be displayed)"


def format_duration(duration_ms: float) -> str:
    """Format a duration for people: 12 ms, 3.4 s, 2 min 5 s."""
    if duration_ms < 999.5:
        return f"{duration_ms:.0f} ms"
    if duration_ms < 59_950:
        return f"{duration_ms / 1000:.1f} s"
    minutes, seconds = divmod(round(min(duration_ms, 1e15) / 1000), 60)
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
