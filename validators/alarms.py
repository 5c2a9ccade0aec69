"""alarms: the named CloudWatch alarms are not in ALARM, now or, with `for`, for as long as they are watched.

Names may hold `*` and `?`; metric and composite alarms count alike. A name that finds no alarm is an error, since an
alarm nobody has watches nothing. An alarm with too little data shows neither and is inconclusive unless the plan says
what it means. moto keeps alarms in the state they are set to and never evaluates them; it has no composite alarms.

Example:
    checks:
      - name: alarms stay quiet
        timeout: 6m
        alarms: {names: ["orders-*", checkout-5xx], for: 5m}

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    Finding,
    GreenlightError,
    Params,
    error,
    failed,
    inconclusive,
    passed,
    validator,
)

POLL_S = 5.0
_STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")


class Alarms(Params, frozen=True, kw_only=True):
    """`names` of alarms, with wildcards; `insufficient_data` says what that state means; `for` how long to watch.

    A watch needs a `timeout` of the check that is longer than it.
    """

    names: Annotated[list[str], msgspec.Meta(min_length=1)]
    insufficient_data: Literal["inconclusive", "pass", "fail"] = "inconclusive"
    for_: Duration | None = msgspec.field(default=None, name="for")

    def __post_init__(self) -> None:
        """Refuse names that are empty."""
        if not all(name.strip() for name in self.names):
            raise ValueError("a name of an alarm is empty; write the alarm's name, or a pattern such as orders-*")


@validator(
    Alarms,
    iam=("cloudwatch:DescribeAlarms",),
    remediation=(
        "Open the alarm in CloudWatch and read its reason and its metric's graph: one that rang before the "
        "deployment is to be mended first, one that began to ring with green is the release. For a name that is "
        "not found run `aws cloudwatch describe-alarms --alarm-name-prefix NAME` in the gate's region."
    ),
    cost="One DescribeAlarms request for each name, and again every 5 s while `for` is watched; no load on green.",
)
def alarms(params: Alarms, context: Context) -> Finding:
    """The named alarms are not in ALARM."""
    watch, began = params.for_ or Duration(0), context.remaining_s()
    if watch >= began:
        return error(
            f"watching for {watch} does not fit into the check's time of {began:.0f} s; give it a longer timeout"
        )
    polls = 0
    while True:
        try:
            found, missing = _named(params.names, context)
        except GreenlightError as problem:
            return error(str(problem))
        if missing:
            return error(
                f"there is no alarm {', '.join(map(repr, missing))} in {context.deployment.region or 'this region'}"
            )
        polls += 1
        wrong = _wrong(found, params, already=polls == 1)
        if wrong is not None:
            return wrong
        if (left := watch - (began - context.remaining_s())) <= 0:
            return _settled(found, params, f", watched for {watch}" if watch else "")
        if not context.sleep(min(POLL_S, left)):
            return error(
                f"the check's time was over before the alarms were watched for {watch}", *_shown(found, params)
            )


def _named(names: list[str], context: Context) -> tuple[list[dict[str, Any]], list[str]]:
    """Give every alarm that is meant, once, and the names that mean none."""
    found: dict[str, dict[str, Any]] = {}
    missing = []
    for name in names:
        pattern = re.compile(re.escape(name).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
        prefix = re.split(r"[*?]", name)[0]
        asked: dict[str, Any] = {"AlarmNamePrefix": prefix} if prefix else {}
        if prefix == name:
            asked = {"AlarmNames": [name]}
        mine = {each["AlarmName"]: each for each in _described(asked, context) if pattern.fullmatch(each["AlarmName"])}
        found |= mine
        if not mine:
            missing.append(name)
    return list(found.values()), missing


def _described(asked: dict[str, Any], context: Context) -> list[dict[str, Any]]:
    kinds = ("MetricAlarm", "CompositeAlarm")
    pages = context.aws_pages("cloudwatch", "describe_alarms", AlarmTypes=list(kinds), **asked)
    return [each for page in pages for kind in kinds for each in page.get(f"{kind}s", [])]


def _wrong(found: list[dict[str, Any]], params: Alarms, *, already: bool) -> Finding | None:
    """Say what is wrong at once: alarms that ring, and states that AWS has not had so far."""
    unknown = [each for each in found if each.get("StateValue") not in _STATES]
    if unknown:
        return error(f"{unknown[0]['AlarmName']} is in the unknown state {unknown[0].get('StateValue')}")
    ringing = [each["AlarmName"] for each in found if each["StateValue"] == "ALARM"]
    if ringing:
        verb = "is" if len(ringing) == 1 else "are"
        when = f"{verb} already in ALARM" if already else "went into ALARM while being watched"
        return failed(f"{', '.join(ringing)} {when}, expected OK", *_shown(found, params))
    return None


def _settled(found: list[dict[str, Any]], params: Alarms, watched: str) -> Finding:
    quiet = [each["AlarmName"] for each in found if each["StateValue"] == "INSUFFICIENT_DATA"]
    seen = _shown(found, params)
    if quiet and params.insufficient_data != "pass":
        said = f"{', '.join(quiet)}: INSUFFICIENT_DATA, expected OK"
        return failed(said, *seen) if params.insufficient_data == "fail" else inconclusive(said, *seen)
    return passed(f"{len(found)} {'alarm is' if len(found) == 1 else 'alarms are'} quiet{watched}", *seen)


def _shown(found: list[dict[str, Any]], params: Alarms) -> list[Evidence]:
    fine = ("OK", "INSUFFICIENT_DATA") if params.insufficient_data == "pass" else ("OK",)
    return [
        Evidence(
            query=each["AlarmName"],
            expected="OK",
            actual=each["StateValue"],
            passed=each["StateValue"] in fine,
            where=f"since {each.get('StateUpdatedTimestamp', 'unknown')}: {each.get('StateReason', 'no reason given')}",
        )
        for each in found
    ]
