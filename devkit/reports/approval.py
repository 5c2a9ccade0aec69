"""Decision about a hold: find it, sign the decision, send it, and wait until the gate has accepted or rejected it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from greenlight.aws.identity import sign_identity
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.deployment import STAGES
from greenlight.core.display import escape_controls, is_blank
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.hold import MAX_REASON_CHARACTERS, HoldDecision, Statement
from greenlight.report.content import DEPLOYMENT_ID
from greenlight.stores.holds import hold_key, read_hold, read_holds

from . import buckets

if TYPE_CHECKING:
    import argparse

    from greenlight.aws.client import Aws
    from greenlight.core.clock import Clock
    from greenlight.core.hold import Answer, HoldRecord

COUNTED, NOT_COUNTED, NOT_KNOWN = 0, 1, 3
WAIT_S, POLL_S = 60.0, 1.0
"""How long a command waits for the gate, and how often it looks."""

_ENDED = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
"""Errors of Step Functions for a token that has been used, or whose time is over."""


class NoOpenHoldError(GreenlightError):
    """There is no hold that waits for a decision."""


class HoldPlace(NamedTuple):
    """Place of a hold: the report bucket, the deployment, and the stage; "" for the only one."""

    bucket: str
    deployment: str
    stage: str = ""


class DecisionResult(NamedTuple):
    """Result of a decision: exit status, a sentence, and the hold afterwards."""

    status: int
    message: str
    record: HoldRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the hold and the reason."""
    parser.add_argument("deployment", metavar="DEPLOYMENT_ID", help="the deployment that waits")
    parser.add_argument("--why", required=True, help="the reason; it is shown in the report")
    parser.add_argument(
        "--stage",
        default="",
        choices=("", *STAGES),
        metavar="STAGE",
        help=f"the stage that waits, if several do: one of {', '.join(STAGES)}",
    )
    buckets.add_arguments(parser, "report")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="output format (default text)")


def run(arguments: argparse.Namespace, aws: Aws, decision: Answer, clock: Clock = SYSTEM_CLOCK) -> int:
    """Send a decision; return 0 if it counts, 1 if it does not, 3 if the gate has not said so within a minute."""
    _check_arguments(arguments)
    place = HoldPlace(buckets.resolve_bucket(aws, "report", arguments), arguments.deployment, arguments.stage)
    try:
        result = decide_hold(aws, place, decision, arguments.why, clock)
    except NoOpenHoldError as error:
        print(f"greenlight {arguments.command}: {escape_controls(str(error))}", file=sys.stderr)
        return NOT_COUNTED
    is_counted, record = result.status == COUNTED, result.record
    if arguments.format == "json":
        document = {"deployment": record.deployment, "stage": record.stage, "decision": decision, "hold": record.hold}
        print(json.dumps({**msgspec.to_builtins(document), "counted": is_counted, "message": result.message}, indent=2))
    else:
        print(escape_controls(result.message), file=sys.stdout if is_counted else sys.stderr)
    return result.status


def decide_hold(
    aws: Aws, place: HoldPlace, decision: Answer, reason: str, clock: Clock = SYSTEM_CLOCK
) -> DecisionResult:
    """Send a decision, and wait until the gate has accepted or rejected it.

    Raises:
        NoOpenHoldError: No hold waits.
        GreenlightError: Several holds wait, or an object is not a hold.
        AwsError: AWS denied a call or did not respond.
    """
    record = _find_open(aws, place, clock)
    _send(aws, record, decision, reason)
    ended = _wait_for_result(aws, place.bucket, record, clock)
    status, message = _describe_result(record, ended, decision)
    return DecisionResult(status, message, ended or record)


def _check_arguments(arguments: argparse.Namespace) -> None:
    """Reject a deployment id and a reason that no gate accepts.

    Raises:
        GreenlightError: One of them is not valid.
    """
    if not DEPLOYMENT_ID.fullmatch(arguments.deployment):
        raise GreenlightError(f"{arguments.deployment!r} is not a deployment id, such as d-ABCDEF123")
    if is_blank(arguments.why) or len(arguments.why) > MAX_REASON_CHARACTERS:
        raise GreenlightError(f"--why needs a reason of 1 to {MAX_REASON_CHARACTERS} characters; the report shows it")


def _find_open(aws: Aws, place: HoldPlace, clock: Clock) -> HoldRecord:
    """Return the hold that waits for a decision.

    Raises:
        NoOpenHoldError: No hold waits.
        GreenlightError: Several holds wait.
    """
    bucket, deployment, stage = place
    records = [record for record in read_holds(aws, bucket, deployment) if stage in ("", record.stage)]
    waiting = [record for record in records if record.is_open and not _is_over(record, clock)]
    if len(waiting) > 1:
        stages = ", ".join(record.stage for record in waiting)
        raise GreenlightError(f"{deployment} waits at several stages ({stages}); name one with --stage")
    if waiting:
        return waiting[0]
    if records:
        raise NoOpenHoldError("; ".join(_describe_end(record) for record in records))
    at_stage = f" at {stage}" if stage else ""
    raise NoOpenHoldError(f"{deployment} does not wait for an approval{at_stage}: s3://{bucket} has no hold of it")


def _is_over(record: HoldRecord, clock: Clock) -> bool:
    return clock.now_utc().isoformat() >= record.hold.until


def _describe_end(record: HoldRecord) -> str:
    """Return how a hold ended."""
    hold, name = record.hold, f"{record.deployment} at {record.stage}"
    if hold.decision is HoldDecision.UNANSWERED:
        return f"{name} is no longer waiting: its time ended at {hold.until}"
    return f"{name} was {hold.decision.value} by {hold.who} at {hold.decided_at}: {hold.reason}"


def _send(aws: Aws, record: HoldRecord, decision: Answer, reason: str) -> None:
    """Sign the decision and send it to the state machine; `_wait_for_result` finds out what became of a used token.

    Raises:
        AwsError: There are no credentials, or Step Functions denied the call or did not respond.
    """
    statement = Statement(
        gate=record.gate,
        deployment=record.deployment,
        stage=record.stage,
        round=record.round,
        decision=decision,
        reason=reason,
    )
    identity = msgspec.to_builtins(sign_identity(aws, statement.digest()))
    output = json.dumps({"decision": decision, "reason": reason, "identity": identity})
    try:
        aws.call("stepfunctions", "send_task_success", taskToken=record.token, output=output)
    except AwsError as error:
        if error.code not in _ENDED:
            raise


def _wait_for_result(aws: Aws, bucket: str, sent: HoldRecord, clock: Clock) -> HoldRecord | None:
    """Return the hold after the gate has looked at a decision; None if it has not within a minute."""
    until = clock.monotonic() + WAIT_S
    while clock.monotonic() < until:
        record = read_hold(aws, bucket, hold_key(sent.deployment, sent.stage))
        if not record.is_open or record.round != sent.round:
            return record
        clock.sleep(POLL_S)
    return None


def _describe_result(sent: HoldRecord, ended: HoldRecord | None, decision: Answer) -> tuple[int, str]:
    """Return the exit status and a sentence."""
    name = f"{sent.deployment} at {sent.stage}"
    if ended is None:
        return NOT_KNOWN, f"sent, but the gate of {name} has not confirmed it; see greenlight report {sent.deployment}"
    expected = HoldDecision.APPROVED if decision == "approve" else HoldDecision.REFUSED
    if not ended.is_open and ended.hold.decision is expected:
        return COUNTED, _describe_end(ended)
    if not ended.is_open:
        return NOT_COUNTED, f"this decision does not count: {_describe_end(ended)}"
    rejected = ended.hold.rejected[-1].message if ended.hold.rejected else "the gate gives no reason"
    return NOT_COUNTED, f"this decision does not count, and {name} still waits until {ended.hold.until}: {rejected}"
