"""synthetics: a CloudWatch Synthetics canary has passed, recently or in a run that the check starts.

Without `start`, the last completed run counts if it ended within `max_age`; an older run tested another release and
is INCONCLUSIVE. With `start`, the check starts the canary and waits for its run: the canary must be one that runs once,
and must not be running. A canary may change data of the service. Starting one needs synthetics:StartCanary in the
installation's CheckPolicyArn.

Example:
    checks:
      - name: the shop's canary passes
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
    """The canary, and which of its runs counts.

    Attributes:
        canary: Name of the canary.
        start: Start the canary now, and wait for the end of its run.
        max_age: Without `start`, the maximum age of the last run.
    """

    canary: Annotated[str, msgspec.Meta(min_length=1)]
    start: bool = False
    max_age: Duration = field_default(Duration(600))


def _iam_of(params: Synthetics) -> Iterator[IamRequirement]:
    """Yield the actions that the check needs, for its canary alone."""
    canary = f"arn:aws:synthetics:*:*:canary:{params.canary}"
    yield "synthetics:GetCanaryRuns", canary
    if params.start:
        yield "synthetics:StartCanary", canary


@validator(
    Synthetics,
    iam=("synthetics:GetCanaryRuns", "synthetics:StartCanary"),
    iam_for=_iam_of,
    unsafe=True,
    remediation=(
        "Open the canary's run in CloudWatch Synthetics: screenshot, HAR file and log show the step that failed. If "
        "the last run is too old, the canary is not running: use `start: true`, or schedule it during deployments."
    ),
    cost=(
        "A GetCanaryRuns request every 5 s while the check waits for a run; with `start` one run of the canary, billed "
        "as such, with every request that it makes to the service."
    ),
)
def synthetics(params: Synthetics, context: Context) -> Finding:
    """A CloudWatch Synthetics canary has passed."""
    canary = params.canary
    oldest = context.clock.now_utc() - datetime.timedelta(seconds=params.max_age)
    if params.start:
        earlier_ids = {run.get("Id") for run in _read_runs(canary, context)}
        context.aws_call("synthetics", "start_canary", Name=canary)
        run = _wait_for_new_run(canary, earlier_ids, context)
        if run is None:
            return error(f"the run of {canary} did not end within the check's time")
    else:
        run = max((run for run in _read_runs(canary, context) if _state(run) != "RUNNING"), key=_ended_at, default=None)
        if run is None:
            return inconclusive(f"{canary} has no completed run")
        if _ended_at(run) < oldest:
            return inconclusive(f"the last run of {canary} ended at {_ended_at(run)}, before {oldest}")
    return finding_from([_evidence(run, canary)], f"{canary} passed at {_ended_at(run)}")


def _read_runs(canary: str, context: Context) -> list[dict[str, Any]]:
    """Return the latest runs; the first hundred contain every run that matters here."""
    return list(context.aws_call("synthetics", "get_canary_runs", Name=canary, MaxResults=100).get("CanaryRuns", []))


def _wait_for_new_run(canary: str, earlier_ids: set[Any], context: Context) -> dict[str, Any] | None:
    """Wait for the end of a run that is not an earlier one; return None if the time ends first."""
    while True:
        for run in _read_runs(canary, context):
            if run.get("Id") not in earlier_ids and _state(run) != "RUNNING":
                return run
        if not context.sleep(POLL_S):
            return None


def _state(run: dict[str, Any]) -> str:
    return str(run.get("Status", {}).get("State", "unknown"))


def _ended_at(run: dict[str, Any]) -> datetime.datetime:
    completed = run.get("Timeline", {}).get("Completed")
    return completed if isinstance(completed, datetime.datetime) else datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _evidence(run: dict[str, Any], canary: str) -> Evidence:
    status = run.get("Status", {})
    actual = " ".join(str(status[key]) for key in ("State", "StateReasonCode", "StateReason") if status.get(key))
    place = f"{canary}, artifacts in {run.get('ArtifactS3Location', 'an unknown place')}"
    return Evidence(query="run", expected="PASSED", actual=actual, passed=_state(run) == "PASSED", where=place)
