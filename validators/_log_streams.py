"""Log lines of green and blue in CloudWatch Logs, and Insights queries, for `logs`."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from greenlight.api import Context, GreenlightError, get_function_configuration, get_task_definition, list_service_tasks

POLL_S = 1.0

MAX_ROWS = 10_000
"""Rows that Logs Insights returns at most.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html
"""

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_VARYING = re.compile(
    r"\"[^\"]*\"|'[^']*'|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|0x[0-9a-fA-F]+|\b(?=\w*\d)[\w.:+-]+"
)


@dataclasses.dataclass(frozen=True)
class LogGroup:
    """A log group; a log stream is green's if its name contains one of `green_marks`."""

    context: Context
    name: str
    green_marks: list[str]

    def green_lines(self, pattern: str, window_s: float, stop_after: int = 0) -> list[str]:
        """Return green's lines that match `pattern`; read no further page after `stop_after` lines, if it is set."""
        return self._read(pattern, window_s, stop_after, is_green=True)

    def blue_lines(self, pattern: str, window_s: float, stop_after: int = 0) -> list[str]:
        """Return the lines of all other streams that match `pattern`; see `green_lines`."""
        return self._read(pattern, window_s, stop_after, is_green=False)

    def _read(self, pattern: str, window_s: float, stop_after: int, *, is_green: bool) -> list[str]:
        now_ms = int(self.context.clock.now_utc().timestamp() * 1000)
        start_ms = now_ms - int(window_s * 1000)
        query: dict[str, Any] = {"logGroupName": self.name, "startTime": start_ms, "endTime": now_ms}
        if pattern:
            query["filterPattern"] = pattern
        lines: list[str] = []
        for page in self.context.aws_pages("logs", "filter_log_events", **query):
            for event in page.get("events", []):
                stream = str(event.get("logStreamName", ""))
                if any(mark in stream for mark in self.green_marks) is is_green:
                    lines.append(str(event.get("message", "")))
            if stop_after and len(lines) >= stop_after:
                break
        return lines

    def run_query(self, query: str, window_s: float) -> list[dict[str, Any]]:
        """Run a Logs Insights query over the whole group and return its rows, with numbers as numbers.

        Raises:
            GreenlightError: The query failed, did not end in time and was stopped, or has more rows than are returned.
        """
        now_s = int(self.context.clock.now_utc().timestamp())
        times = {"startTime": now_s - int(window_s), "endTime": now_s}
        started = self.context.aws_call("logs", "start_query", logGroupName=self.name, queryString=query, **times)
        while True:
            response = self.context.aws_call("logs", "get_query_results", queryId=started["queryId"])
            status = response.get("status", "Unknown")
            if status == "Complete":
                rows = response.get("results", [])
                if len(rows) >= MAX_ROWS:
                    raise GreenlightError(f"the query of {self.name} has {MAX_ROWS} rows or more; let it count them")
                return [{field["field"]: _to_number(field.get("value", "")) for field in row} for row in rows]
            if status not in ("Scheduled", "Running"):
                raise GreenlightError(f"the query of {self.name} ended as {status}")
            if not self.context.sleep(POLL_S):
                self.context.aws_call("logs", "stop_query", queryId=started["queryId"])
                raise GreenlightError(f"the query of {self.name} did not end within the check's time")


def find_log_group(name: str, context: Context) -> LogGroup:
    """Return the log group `name`, or the one that green logs to.

    Raises:
        GreenlightError: Green logs to several groups or to none, or has no streams of its own.
    """
    if not name:
        name = _function_group(context) if context.deployment.platform == "lambda" else _task_group(context)
    return LogGroup(context, name, _green_marks(context))


def _function_group(context: Context) -> str:
    configuration = get_function_configuration(context)
    return str(configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{context.deployment.function}")


def _task_group(context: Context) -> str:
    containers = get_task_definition(context).get("containerDefinitions", [])
    options = [container.get("logConfiguration", {}).get("options", {}) for container in containers]
    groups = {option["awslogs-group"] for option in options if option.get("awslogs-group")}
    if len(groups) != 1:
        raise GreenlightError(f"green logs to {len(groups)} log groups of CloudWatch; write group: NAME")
    return str(groups.pop())


def _green_marks(context: Context) -> list[str]:
    if context.deployment.platform == "lambda":
        return [f"[{context.green.version}]"]
    tasks = [*list_service_tasks(context, "RUNNING"), *list_service_tasks(context, "STOPPED")]
    arns = [task["taskArn"] for task in tasks if task.get("startedBy") == context.green.task_set]
    if not context.green.task_set or not arns:
        raise GreenlightError("green has no tasks, so it has no log streams of its own")
    return [f"/{arn.rpartition('/')[2]}" for arn in arns]


def to_signature(line: str) -> str:
    """Return the first line of a log entry with its numbers, ids and quoted values replaced by *."""
    return " ".join(_VARYING.sub("*", line.strip().partition("\n")[0]).split())


def _to_number(value: str) -> float | str:
    return float(value) if _NUMBER.fullmatch(value) else value
