"""CloudWatch alarms by name or by a pattern with `*` and `?`, and the evidence of their states."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.api import Evidence

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from greenlight.api import Context


_UNKNOWN = {"AlarmName": "", "StateValue": "unknown"}
"""Members of an alarm that a response lacks: it has none of the names and none of the states that checks ask for."""


def find_alarms(names: Sequence[str], context: Context) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the alarms with these names, each once, and the names without an alarm.

    Raises:
        GreenlightError: AWS refused or did not answer.
    """
    alarms: dict[str, dict[str, Any]] = {}
    missing = []
    for name in names:
        matches = {alarm["AlarmName"]: alarm for alarm in _matches(name, context)}
        alarms |= matches
        if not matches:
            missing.append(name)
    return list(alarms.values()), missing


def _matches(name: str, context: Context) -> list[dict[str, Any]]:
    """Return the alarms with this name; CloudWatch itself only searches for a prefix."""
    pattern = re.compile(re.escape(name).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
    prefix = re.split(r"[*?]", name)[0]
    filters: dict[str, Any] = {"AlarmNamePrefix": prefix} if prefix else {}
    if prefix == name:
        filters = {"AlarmNames": [name]}
    kinds = ("MetricAlarm", "CompositeAlarm")
    pages = context.aws_pages("cloudwatch", "describe_alarms", AlarmTypes=list(kinds), **filters)
    alarms = [{**_UNKNOWN, **alarm} for page in pages for kind in kinds for alarm in page.get(f"{kind}s", [])]
    return [alarm for alarm in alarms if pattern.fullmatch(alarm["AlarmName"])]


def alarm_evidence(alarms: Sequence[dict[str, Any]], passing_states: Collection[str]) -> list[Evidence]:
    """Build the evidence of each alarm's state, with its time and reason."""
    return [
        Evidence(
            query=alarm["AlarmName"],
            expected="OK",
            actual=alarm["StateValue"],
            passed=alarm["StateValue"] in passing_states,
            where=f"since {alarm.get('StateUpdatedTimestamp', 'unknown')}: {alarm.get('StateReason', 'no reason')}",
        )
        for alarm in alarms
    ]
