"""CloudWatch alarms by name or by a pattern with `*` and `?`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.api import Context


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
    alarms = [alarm for page in pages for kind in kinds for alarm in page.get(f"{kind}s", [])]
    return [alarm for alarm in alarms if pattern.fullmatch(alarm["AlarmName"])]
