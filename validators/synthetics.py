"""synthetics: a CloudWatch Synthetics canary has passed, lately or in a run started now.

Without `start` the last run that ended counts, if it ended within `max_age`; an older one saw another release and is
inconclusive. With `start` the canary is started and its run waited for: it must be one that runs once, and not be
running. A canary may change data of the service. Starting one needs synthetics:StartCanary by the installation's
CheckPolicyArn. moto has canaries and no runs, so the tests use answers written down.

Example:
    checks:
      - name: the shop's canary sings
        timeout: 3m
        synthetics: {canary: shop-checkout, start: true}

Source: https://docs.aws.amazon.com/AmazonSynthetics/latest/APIReference/API_CanaryRun.html
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    Finding,
    GreenlightError,
    IamRequirement,
    Params,
    error,
    field_default,
    finding_from,
    inconclusive,
    validator,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

POLL_S = 5.0


class Synthetics(Params, frozen=True, kw_only=True):
    """`canary` by name; `start` runs it now; else its last run must be no older than `max_age`."""

    canary: Annotated[str, msgspec.Meta(min_length=1)]
    start: bool = False
    max_age: Duration = field_default(Duration(600))


def _needs(params: Synthetics) -> Iterator[IamRequirement]:
    """Give what is asked of AWS, for this canary alone."""
    canary = f"arn:aws:synthetics:*:*:canary:{params.canary}"
    yield "synthetics:GetCanaryRuns", canary
    if params.start:
        yield "synthetics:StartCanary", canary


@validator(
    Synthetics,
    iam=("synthetics:GetCanaryRuns", "synthetics:StartCanary"),
    iam_for=_needs,
    unsafe=True,
    remediation=(
        "Open the canary's run in CloudWatch Synthetics: screenshot, HAR and log show the step that failed. A run "
        "that is too old means that the canary does not run; start it with `start: true`, or let its schedule run "
        "during deployments."
    ),
    cost=(
        "A GetCanaryRuns request every 5 s while a run is waited for; with `start` one run of the canary, billed "
        "as such, with all that it asks of the service."
    ),
)
def synthetics(params: Synthetics, context: Context) -> Finding:
    """A CloudWatch Synthetics canary has passed."""
    now = datetime.datetime.now(datetime.UTC)
    since = now - datetime.timedelta(seconds=params.max_age)
    try:
        if params.start:
            before = {_id(each) for each in _runs(params, context)}
            context.aws_call("synthetics", "start_canary", Name=params.canary)
            run = _started(params, before, context)
            if run is None:
                return error(f"the run of {params.canary} did not end within the check's time")
        else:
            ended = [each for each in _runs(params, context) if _state(each) != "RUNNING"]
            run = next(iter(sorted(ended, key=_completed, reverse=True)), None)
            if run is None:
                return inconclusive(f"{params.canary} has no run that has ended")
            if _completed(run) < since:
                return inconclusive(f"the last run of {params.canary} ended at {_completed(run)}, before {since}")
    except GreenlightError as problem:
        return error(str(problem))
    shown = _evidence(run, params.canary)
    return finding_from([shown], f"{params.canary} passed at {_completed(run)}")


def _runs(params: Synthetics, context: Context) -> list[dict[str, Any]]:
    """Give the latest runs; those that count are among the first hundred."""
    answer = context.aws_call("synthetics", "get_canary_runs", Name=params.canary, MaxResults=100)
    return list(answer.get("CanaryRuns", []))


def _started(params: Synthetics, before: set[str], context: Context) -> dict[str, Any] | None:
    """Wait for a run that was not there before; None when time is over first."""
    while True:
        fresh = [each for each in _runs(params, context) if _id(each) not in before and _state(each) != "RUNNING"]
        if fresh:
            return fresh[0]
        if not context.sleep(POLL_S):
            return None


def _id(run: dict[str, Any]) -> str:
    return str(run.get("Id", ""))


def _state(run: dict[str, Any]) -> str:
    return str(run.get("Status", {}).get("State", "unknown"))


def _completed(run: dict[str, Any]) -> datetime.datetime:
    found = run.get("Timeline", {}).get("Completed")
    return found if isinstance(found, datetime.datetime) else datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _evidence(run: dict[str, Any], canary: str) -> Evidence:
    status = run.get("Status", {})
    said = " ".join(str(status[key]) for key in ("State", "StateReasonCode", "StateReason") if status.get(key))
    place = f"{canary}, artifacts in {run.get('ArtifactS3Location', 'an unknown place')}"
    return Evidence(query="run", expected="PASSED", actual=said, passed=_state(run) == "PASSED", where=place)
