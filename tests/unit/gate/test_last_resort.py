"""The report of the last resort: which verdict, reasons and answer it has for each way in which a hook ends."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from greenlight.core.finding import Cause
from greenlight.core.report import Answer, Author, Report
from greenlight.core.verdict import Reason, Status, StatusDelivery
from greenlight.gate.codedeploy import Execution
from greenlight.gate.last_resort import Failure, build_report, read_failure
from greenlight.report import html, text
from tests.support.report_samples import IN_SHADOW, STARTED, closed, opened

EXECUTION = Execution(deployment_id="d-A1B2C3D4E", execution_id="a secret of CodeDeploy " + "x" * 40)
ARN = "arn:aws:lambda:eu-central-1:111122223333:function:CodeDeployHook_greenlight-AfterAllowTestTraffic:$LATEST"
AT = datetime.datetime.fromisoformat(STARTED) + datetime.timedelta(seconds=412)
KILLED = Failure(
    function=ARN, error="RequestId: 1-2 Error: Runtime exited: signal: killed", error_type="Runtime.ExitError", at=AT
)
TOLD = StatusDelivery(told=True, attempts=1)
SUPERSEDED = StatusDelivery(told=True, superseded=True, attempts=1)
PARTIAL = closed(reasons=())
ANSWERED = Answer(status=Status.SUCCEEDED, told=True, attempts=1, at=STARTED)


def reason_of(failure: Failure, base: Report = PARTIAL) -> str:
    """Return the reason that the last resort adds to a report."""
    return build_report(base, failure, TOLD, is_judged=False).reasons[0].message


# ---- Lambda's record


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"requestContext": None, "responsePayload": None, "timestamp": None},
        {"requestContext": [], "responsePayload": "text", "timestamp": 7},
        {"requestContext": {"functionArn": 7}, "responsePayload": {"errorMessage": {"a": [1]}}, "timestamp": "never"},
        {"timestamp": "9999-99-99", "requestContext": {"functionArn": "arn:aws:lambda"}},
    ],
)
def test_any_record_has_a_report(record: dict[str, Any]) -> None:
    failure = read_failure(record, EXECUTION)
    report = build_report(PARTIAL, failure, TOLD, is_judged=False)

    assert (failure.stage, report.verdict) == ("", Status.FAILED)
    assert text.render(report)
    assert html.render(report)


def test_execution_id_is_not_in_the_facts_of_the_record() -> None:
    failure = read_failure({"responsePayload": {"errorMessage": f"sent {EXECUTION.execution_id}"}}, EXECUTION)

    assert failure.error == "sent ***"


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("CodeDeployHook_greenlight-BeforeAllowTraffic", "BeforeAllowTraffic"),
        ("CodeDeployHook_my-AfterInstall-BeforeInstall", "BeforeInstall"),
        ("CodeDeployHook_greenlight_AfterAllowTraffic", "AfterAllowTraffic"),
        ("another-function", ""),
    ],
)
def test_name_of_the_function_gives_the_stage(name: str, stage: str) -> None:
    arn = f"arn:aws:lambda:eu-central-1:111122223333:function:{name}"

    assert (Failure(function=arn, at=AT).stage, Failure(function=arn, at=AT).region) == (stage, "eu-central-1")


@pytest.mark.parametrize(
    ("failure", "beginning", "advice"),
    [
        (KILLED, "the hook was killed: Runtime exited: signal: killed, after 412 s; ", "increase MemorySize"),
        (
            replace(KILLED, error_type="Sandbox.Timedout", error="Task timed out after 600.00 seconds"),
            "the hook timed out: Task timed out after 600.00 seconds, after 412 s; ",
            "increase HookTimeout",
        ),
        (
            replace(KILLED, error_type="Runtime.ImportModuleError", error="No module named 'greenlight'"),
            "the hook failed: No module named 'greenlight', after 412 s; ",
            "read /aws/lambda/CodeDeployHook_greenlight-AfterAllowTestTraffic",
        ),
        (
            Failure(function=ARN, condition="EventAgeExceeded", at=AT),
            "the hook did not run: EventAgeExceeded, after 412 s; ",
            "look for throttles of the function CodeDeployHook_greenlight-AfterAllowTestTraffic",
        ),
        (Failure(at=datetime.datetime.fromisoformat(STARTED)), "the hook did not run: Lambda gave no reason; ", "look"),
    ],
)  # fmt: skip
def test_reason_says_how_the_hook_ended_and_what_to_do(failure: Failure, beginning: str, advice: str) -> None:
    assert reason_of(failure).startswith(beginning + advice)


# ---- The row of each end


def test_hook_killed_during_its_checks_is_failed_and_its_failed_checks_are_reasons() -> None:
    base = closed()
    report = build_report(base, KILLED, TOLD, is_judged=False)

    assert (report.verdict, report.judged, report.written_by) == (Status.FAILED, None, Author.LAST_RESORT)
    assert [reason.cause for reason in report.reasons] == [Cause.GATE_ERROR, Cause.RELEASE_FAILED]
    assert (report.checks, report.plan, report.duration_ms) == (base.checks, base.plan, 412_000.0)
    assert report.answer is not None
    assert (report.answer.status, report.answer.told, report.answer.by) == (Status.FAILED, True, Author.LAST_RESORT)


def test_hook_killed_after_its_verdict_failed_has_its_own_reasons_first() -> None:
    report = build_report(closed(), KILLED, TOLD, is_judged=True)

    assert [reason.cause for reason in report.reasons] == [Cause.RELEASE_FAILED, Cause.GATE_ERROR]
    assert (report.judged, report.duration_ms) == (None, closed().duration_ms)


@pytest.mark.parametrize("base", [opened(), IN_SHADOW])
def test_hook_killed_after_its_verdict_succeeded_is_failed_and_says_what_it_judged(base: Report) -> None:
    report = build_report(base, KILLED, TOLD, is_judged=True)

    assert (report.verdict, report.judged) == (Status.FAILED, Status.SUCCEEDED)
    assert report.reasons[0].cause is Cause.GATE_ERROR
    assert "; its verdict was Succeeded, of which CodeDeploy did not know; increase" in report.reasons[0].message


def test_hook_killed_after_an_accepted_answer_keeps_its_verdict() -> None:
    report = build_report(opened(answer=ANSWERED), KILLED, SUPERSEDED, is_judged=True)

    assert (report.verdict, report.reasons, report.answer) == (Status.SUCCEEDED, (), ANSWERED)
    assert report.written_by is Author.LAST_RESORT
    note = report.deployment.notes[-1]
    assert note.startswith("the hook was killed: Runtime exited: signal: killed, after 412 s. ")
    assert "had accepted its Succeeded before" in note


@pytest.mark.parametrize("answer", [None, replace(ANSWERED, superseded=True)])
def test_answer_that_the_hook_did_not_record_is_not_known(answer: Answer | None) -> None:
    report = build_report(opened(answer=answer), KILLED, SUPERSEDED, is_judged=True)

    assert (report.verdict, report.judged) == (Status.FAILED, Status.SUCCEEDED)
    assert [reason.cause for reason in report.reasons] == [Cause.GATE_ERROR, Cause.SUPERSEDED]
    assert "it is not known which. The hook's verdict was Succeeded." in report.reasons[1].message


def test_denied_answer_keeps_the_reasons_of_the_hook() -> None:
    reasons = (Reason(cause=Cause.GATE_ERROR, message="CodeDeploy did not confirm Succeeded (AccessDenied)"),)
    base = closed(reasons=reasons, judged=Status.SUCCEEDED, answer=replace(ANSWERED, told=False))
    failure = Failure(function=ARN, error_type="AnswerNotAcceptedError", error="CodeDeploy did not accept", at=AT)
    report = build_report(base, failure, TOLD, is_judged=True)

    assert (report.reasons, report.judged) == (reasons, Status.SUCCEEDED)
    assert report.answer is not None
    assert report.answer.told
    assert report.deployment.notes[-1].startswith("the hook could not answer CodeDeploy: CodeDeploy did not accept")


def test_last_resort_that_could_not_answer_says_how_to_stop_the_deployment() -> None:
    delivery = StatusDelivery(told=False, attempts=3, error="AccessDenied")
    report = build_report(PARTIAL, KILLED, delivery, is_judged=False)

    assert report.answer is not None
    assert not report.answer.told
    assert "aws deploy stop-deployment --deployment-id d-A1B2C3D4E" in report.reasons[1].message
