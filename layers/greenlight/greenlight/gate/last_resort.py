"""Report of the last resort, for a hook that was killed or could not answer.

It is made from Lambda's record of the failed invocation and from the partial report that the hook stored. CodeDeploy
has its answer by then, so an error in here changes nothing.
"""

from __future__ import annotations

import datetime
import os
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from msgspec.structs import replace

from greenlight import __version__
from greenlight.aws.deadline import run_with_deadline
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.deployment import STAGES, Deployment, Platform
from greenlight.core.finding import Cause
from greenlight.core.frozen import FrozenStruct
from greenlight.core.redaction import Redactor
from greenlight.core.report import Answer, Author, PlanSource, Report
from greenlight.core.verdict import Reason, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws
    from greenlight.core.settings import Settings
    from greenlight.core.verdict import StatusDelivery
    from greenlight.gate.codedeploy import Execution
    from greenlight.gate.telemetry import GateLog
    from greenlight.publish.run_spool import PartialRun

T = TypeVar("T")

MAX_MESSAGE_LENGTH = 500
READ_S = 10.0
"""Longest time for each read before the report."""

_REQUEST_ID = re.compile(r"^RequestId: \S+ (?:Error: )?")
_UNKNOWN = "there is no partial report of the gate, so its plan and the results of its checks are not known"


class Failure(FrozenStruct, frozen=True, kw_only=True):
    """Failed invocation of a hook, from Lambda's record, without the execution id.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """

    function: str = ""
    request_id: str = ""
    condition: str = ""
    invoke_count: str = ""
    error: str = ""
    error_type: str = ""
    machine_stage: str = ""
    at: datetime.datetime

    @property
    def name(self) -> str:
        """Name of the function; "" if the record has no ARN of one."""
        parts = self.function.split(":")
        return parts[6] if len(parts) > 6 else ""

    @property
    def region(self) -> str:
        """Region of the function; "" if the record has no ARN of one."""
        return self.function.split(":")[3] if self.name else ""

    @property
    def stage(self) -> str:
        """Stage of the gate: the state machine's, or that with which the hook's name ends; "" for another name."""
        return self.machine_stage or next((stage for stage in STAGES if self.name.endswith(stage)), "")


def read_failure(record: dict[str, Any], execution: Execution) -> Failure:
    """Return the facts that Lambda's record has about the failed invocation of `execution`."""
    request, response = _section(record, "requestContext"), _section(record, "responsePayload")
    redactor = Redactor([execution.execution_id])

    def clean(value: Any) -> str:
        return " ".join(redactor.text(str(value or "")).split())[:MAX_MESSAGE_LENGTH]

    return Failure(
        function=clean(request.get("functionArn")),
        request_id=clean(request.get("requestId")),
        condition=clean(request.get("condition")),
        invoke_count=clean(request.get("approximateInvokeCount")),
        error=clean(response.get("errorMessage")),
        error_type=clean(response.get("errorType")),
        machine_stage=clean(record.get("stage")) if record.get("stage") in STAGES else "",
        at=_parse_time(record.get("timestamp")),
    )


def _section(record: dict[str, Any], key: str) -> dict[str, Any]:
    section = record.get(key)
    return section if isinstance(section, dict) else {}


def _parse_time(value: Any) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(value).astimezone(datetime.UTC)
    except (TypeError, ValueError, OverflowError):
        return SYSTEM_CLOCK.now_utc()


def publish(execution: Execution, failure: Failure, delivery: StatusDelivery, deadline: float, log: GateLog) -> None:
    """Publish the report of a hook that ended with `failure`, unless the hook has published one that counts.

    Args:
        execution: Execution that the last resort has answered.
        failure: The failed invocation.
        delivery: Delivery of the last resort's Failed.
        deadline: `time.monotonic()` by which all channels have ended.
        log: Log of the last resort.

    Raises:
        GreenlightError: The settings are not valid.
    """
    from greenlight.aws.client import Aws
    from greenlight.core import settings as settings_module
    from greenlight.publish.channels import publish_report
    from greenlight.publish.s3 import AlreadyStoredError

    settings = settings_module.read(os.environ)
    account = _Account(Aws(), settings, deadline, log)
    run = account.fetch_run(execution, failure)
    base = run.report if run else account.report_without_run(execution, failure)
    if delivery.superseded and account.has_report(base):
        log.info("the hook has published its report")
        return
    report = build_report(base, failure, delivery, is_judged=bool(run and run.judged))
    report = replace(report, bucket=settings.report_bucket)
    log.best_effort(lambda: log.verdict(report))
    try:
        failures = publish_report(account.aws, settings, report, deadline, log)
    except AlreadyStoredError as error:
        log.info("an earlier invocation has published the report", reason=str(error))
        return
    if failures:
        log.metrics({"ChannelFailures": float(failures)})


def build_report(base: Report, failure: Failure, delivery: StatusDelivery, *, is_judged: bool) -> Report:
    """Return the report with the end of the hook and the answer that CodeDeploy has.

    Args:
        base: The partial report of the hook.
        failure: The failed invocation.
        delivery: Delivery of the last resort's Failed.
        is_judged: `base` has the gate's verdict.
    """
    sentence = _describe_end(base, failure)
    answer = base.answer
    if delivery.superseded and answer and answer.told and not answer.superseded:
        note = (
            f"{sentence}. CodeDeploy had accepted its {answer.status.value} before; the last resort wrote this report"
        )
        return _with_note(replace(base, written_by=Author.LAST_RESORT), note)
    has_succeeded = is_judged and base.verdict is Status.SUCCEEDED
    unsent = "; its verdict was Succeeded, of which CodeDeploy did not know" * (
        has_succeeded and not delivery.superseded
    )
    reasons = [Reason(cause=Cause.GATE_ERROR, message=f"{sentence}{unsent}; {_advise(failure)}")]
    if answer and not answer.told:  # the reasons of the hook say so already
        base, reasons = _with_note(base, sentence), []
    if delivery.superseded:
        reasons.append(Reason(cause=Cause.SUPERSEDED, message=_describe_superseded(base, is_judged)))
    if not delivery.told:
        reasons.append(Reason(cause=Cause.GATE_ERROR, message=_describe_unanswered(base, delivery)))
    has_failed = is_judged and base.verdict is Status.FAILED and base.judged is None
    return replace(
        base,
        verdict=Status.FAILED,
        judged=base.judged or (Status.SUCCEEDED if has_succeeded else None),
        reasons=(*base.reasons, *reasons) if has_failed else (*reasons, *base.reasons),
        duration_ms=base.duration_ms if is_judged else max(base.duration_ms, _elapsed_ms(base, failure)),
        answer=Answer(
            status=Status.FAILED,
            told=delivery.told,
            superseded=delivery.superseded,
            attempts=delivery.attempts,
            at=SYSTEM_CLOCK.now_utc().isoformat(timespec="milliseconds"),
            by=Author.LAST_RESORT,
        ),
        written_by=Author.LAST_RESORT,
    )


def _with_note(report: Report, note: str) -> Report:
    deployment = report.deployment
    return replace(report, deployment=replace(deployment, notes=(*deployment.notes, note)))


def _describe_end(base: Report, failure: Failure) -> str:
    """Return how the hook ended, as a sentence."""
    error = _REQUEST_ID.sub("", failure.error) or failure.error_type or failure.condition or "Lambda gave no reason"
    elapsed_s = _elapsed_ms(base, failure) / 1000
    after = f", after {elapsed_s:.0f} s" if elapsed_s >= 1 else ""
    return f"{_name_end(failure)}: {error}{after}"


def _name_end(failure: Failure) -> str:
    if failure.machine_stage:
        return "the state machine ended without an answer"
    if _is_timeout(failure):
        return "the hook timed out"
    if failure.error_type == "AnswerNotAcceptedError":
        return "the hook could not answer CodeDeploy"
    if _is_killed(failure):
        return "the hook was killed"
    return "the hook did not run" if not failure.error else "the hook failed"


def _advise(failure: Failure) -> str:
    """Return the operator's next step."""
    if failure.machine_stage:
        return f"read the execution {failure.request_id} of the state machine"
    log_group = f"/aws/lambda/{failure.name}" if failure.name else "the hook's log"
    if _is_timeout(failure):
        return f"increase HookTimeout or run fewer checks, and read {log_group}"
    if failure.error_type == "AnswerNotAcceptedError":
        return f"read `answered` in {log_group}: the hook needs its permission, and a route to CodeDeploy"
    if _is_killed(failure):
        return f"increase MemorySize or run fewer checks at once, and read {log_group}"
    if not failure.error:
        return f"look for throttles of the function {failure.name or 'of the hook'}"
    return f"read {log_group}"


def _is_timeout(failure: Failure) -> bool:
    return failure.error_type == "Sandbox.Timedout" or "Task timed out" in failure.error


def _is_killed(failure: Failure) -> bool:
    return failure.error_type in ("Runtime.ExitError", "Runtime.OutOfMemory") or "signal: killed" in failure.error


def _elapsed_ms(base: Report, failure: Failure) -> float:
    """Return the time from the start of the hook to Lambda's record; 0 if the clocks do not agree."""
    started_at = datetime.datetime.fromisoformat(base.started_at)
    return round(max(0.0, (failure.at - started_at).total_seconds() * 1000), 3)


def _describe_superseded(base: Report, is_judged: bool) -> str:
    judged = f"The hook's verdict was {(base.judged or base.verdict).value}. " if is_judged else ""
    return (
        "CodeDeploy had an answer already, and it is not known which. "
        f"{judged}See aws deploy get-deployment --deployment-id {base.deployment.id}"
    )


def _describe_unanswered(base: Report, delivery: StatusDelivery) -> str:
    return (
        f"CodeDeploy did not accept the last resort's Failed ({delivery.error}), so it waits for up to an hour; "
        f"stop it with aws deploy stop-deployment --deployment-id {base.deployment.id} --auto-rollback-enabled"
    )


class _Account(NamedTuple):
    """AWS account as far as the last resort reads it. A read that fails is logged, and its result is None."""

    aws: Aws
    settings: Settings
    deadline: float
    log: GateLog

    def fetch_run(self, execution: Execution, failure: Failure) -> PartialRun | None:
        """Fetch the partial report of the hook; return None if it is missing or about another gate."""
        from greenlight.publish import run_spool

        bucket, digest = self.settings.report_bucket, execution.full_digest()
        run = self._read(lambda: run_spool.fetch(self.aws, bucket, digest), "partial report read") if bucket else None
        if run is None or run.report.deployment.id != execution.deployment_id:
            return None
        return run if failure.stage in ("", run.report.deployment.stage) else None

    def has_report(self, base: Report) -> bool:
        """Return whether the hook has stored a report with an answer that CodeDeploy accepted."""
        from greenlight.publish import s3

        bucket, key = self.settings.report_bucket, s3.report_key(replace(base, written_by=Author.HOOK))
        report = self._read(lambda: s3.fetch(self.aws, bucket, key), "report of the hook read") if bucket else None
        return s3.is_answered(report)

    def report_without_run(self, execution: Execution, failure: Failure) -> Report:
        """Return the report of a hook that stored no partial report, with the deployment's application and group."""
        deployment_id = execution.deployment_id
        response = self._read(
            lambda: self.aws.read("codedeploy", "get_deployment", "deploymentInfo", deploymentId=deployment_id),
            "deployment read",
        )
        info = response if isinstance(response, dict) else {}
        is_lambda = info.get("computePlatform") == "Lambda"
        deployment = Deployment(
            id=deployment_id,
            platform=Platform.LAMBDA if is_lambda else Platform.ECS,
            stage=failure.stage or "unknown",
            application=str(info.get("applicationName") or ""),
            group=str(info.get("deploymentGroupName") or ""),
            config=str(info.get("deploymentConfigName") or ""),
            creator=str(info.get("creator") or ""),
            region=failure.region,
            notes=(_UNKNOWN,),
        )
        return Report(
            verdict=Status.FAILED,
            reasons=(),
            checks=(),
            deployment=deployment,
            plan=PlanSource(),
            started_at=failure.at.isoformat(timespec="milliseconds"),
            duration_ms=0.0,
            greenlight=__version__,
        )

    def _read(self, work: Callable[[], T], step: str) -> T | None:
        try:
            return run_with_deadline(min(self.deadline, time.monotonic() + READ_S), work, f"not done: {step}")
        except Exception as error:  # noqa: BLE001 - CodeDeploy has its answer, and a report with less is still a report
            self.log.failed(step, error)
            return None
