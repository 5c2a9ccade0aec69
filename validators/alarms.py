"""alarms: the named CloudWatch alarms are not in ALARM, now or, with `for`, during the whole watch.

Names may contain `*` and `?`. Metric alarms and composite alarms count alike. A name without an alarm is an ERROR.
INSUFFICIENT_DATA is INCONCLUSIVE unless the plan says otherwise.

Example:
    checks:
      - name: alarms stay quiet
        timeout: 6m
        alarms: {names: ["orders-*", checkout-5xx], for: 5m}

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import Context, Duration, Finding, Params, error, failed, inconclusive, passed, validator

from ._alarms import alarm_evidence, find_alarms

POLL_S = 5.0
_STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")


class Alarms(Params, frozen=True, kw_only=True):
    """Alarms to check.

    Attributes:
        names: Names of alarms, or patterns with `*` and `?`.
        insufficient_data: Outcome of an alarm in INSUFFICIENT_DATA.
        for: How long to watch; the check's `timeout` must be longer.
    """

    names: Annotated[list[str], msgspec.Meta(min_length=1)]
    insufficient_data: Literal["inconclusive", "pass", "fail"] = "inconclusive"
    for_: Duration | None = msgspec.field(default=None, name="for")

    def __post_init__(self) -> None:
        """Reject empty names."""
        if not all(name.strip() for name in self.names):
            raise ValueError("a name of an alarm is empty; write the alarm's name, or a pattern such as orders-*")


@validator(
    Alarms,
    iam=("cloudwatch:DescribeAlarms",),
    remediation=(
        "Open the alarm in CloudWatch and read its reason and its metric's graph. An alarm that went off before the "
        "deployment must be fixed first; one that went off with green is caused by the release. For a name that is "
        "not found run `aws cloudwatch describe-alarms --alarm-name-prefix NAME` in the gate's region."
    ),
    cost="One DescribeAlarms request for each name, and again every 5 s while `for` is watched; no load on green.",
)
def alarms(params: Alarms, context: Context) -> Finding:
    """The named alarms are not in ALARM."""
    watch, start_s = params.for_ or Duration(0), context.remaining_s()
    if watch >= start_s:
        return error(
            f"watching for {watch} does not fit into the check's time of {start_s:.0f} s; give it a longer timeout"
        )
    is_first_poll = True
    while True:
        states, missing = find_alarms(params.names, context)
        if missing:
            region = context.deployment.region or "this region"
            return error(f"there is no alarm {', '.join(map(repr, missing))} in {region}")
        if (finding := _check_for_alarm(states, params, is_first_poll=is_first_poll)) is not None:
            return finding
        if (remaining_s := watch - (start_s - context.remaining_s())) <= 0:
            return _check_for_data(states, params, f", watched for {watch}" if watch else "")
        if not context.sleep(min(POLL_S, remaining_s)):
            return error(
                f"the check's time ended before the alarms were watched for {watch}",
                *alarm_evidence(states, _passing_states(params)),
            )
        is_first_poll = False


def _check_for_alarm(states: list[dict[str, Any]], params: Alarms, *, is_first_poll: bool) -> Finding | None:
    """Return the finding that ends the check at once: an alarm in ALARM, or in a state that is not documented."""
    for alarm in states:
        if alarm.get("StateValue") not in _STATES:
            return error(f"{alarm['AlarmName']} is in the unknown state {alarm.get('StateValue')}")
    names = [alarm["AlarmName"] for alarm in states if alarm["StateValue"] == "ALARM"]
    if not names:
        return None
    verb = "is" if len(names) == 1 else "are"
    event = f"{verb} already in ALARM" if is_first_poll else "went into ALARM while being watched"
    return failed(f"{', '.join(names)} {event}, expected OK", *alarm_evidence(states, _passing_states(params)))


def _check_for_data(states: list[dict[str, Any]], params: Alarms, watched: str) -> Finding:
    """Return the finding of alarms none of which is in ALARM."""
    names = [alarm["AlarmName"] for alarm in states if alarm["StateValue"] == "INSUFFICIENT_DATA"]
    evidence = alarm_evidence(states, _passing_states(params))
    if names and params.insufficient_data != "pass":
        make_finding = failed if params.insufficient_data == "fail" else inconclusive
        return make_finding(f"{', '.join(names)}: INSUFFICIENT_DATA, expected OK", *evidence)
    return passed(f"{len(states)} {'alarm is' if len(states) == 1 else 'alarms are'} quiet{watched}", *evidence)


def _passing_states(params: Alarms) -> tuple[str, ...]:
    return ("OK", "INSUFFICIENT_DATA") if params.insufficient_data == "pass" else ("OK",)
