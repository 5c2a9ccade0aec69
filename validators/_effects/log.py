"""Lines of log groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Marker, Place, to_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.api import Context, IamRequirement

MAX_PAGES = 10


class Log(Place, frozen=True, kw_only=True):
    """A line of a log group since the cause that matches CloudWatch's filter `pattern`; JSON is parsed.

    Attributes:
        group: The log group's name.
        pattern: A filter pattern of CloudWatch that only the expected line matches.
    """

    group: str
    pattern: Marker

    def find(self, context: Context, start: float) -> list[Any]:
        """Read the first page with matching lines since `start`."""
        query = {
            "logGroupName": self.group,
            "filterPattern": self.pattern,
            "startTime": int(start * 1000),
            "limit": 100,
        }
        token: dict[str, str] = {}
        for _ in range(MAX_PAGES):  # a page may be empty without being the last
            page = context.aws_call("logs", "filter_log_events", **query, **token)
            lines = [to_data(event["message"]) for event in page.get("events", [])]
            if lines or not page.get("nextToken"):
                return lines
            token = {"nextToken": page["nextToken"]}
        return []

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the action that `find` needs."""
        yield "logs:FilterLogEvents", f"arn:aws:logs:*:*:log-group:{self.group}:*"
