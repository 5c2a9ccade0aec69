"""logs: green's log has no more lines of a pattern than expected, and no error that blue never wrote.

Green's lines are told from blue's by the log stream: Lambda writes the version into its name, ECS the task's id. Green
must have written something in the window (`green_lines`), or the log shows nothing and the check is inconclusive.
`new_errors` compares signatures: a line with its numbers, ids and quoted values taken out. Reading logs needs
logs:FilterLogEvents by the installation's CheckPolicyArn. moto understands words as patterns, but neither `?a ?b` nor
`{ $.level = ... }`, and no Insights queries, so the tests use answers written down. An Insights `query` sees the whole
group: narrow it to green's streams by itself, as with `filter @logStream like "[${green.version}]"`; it needs
logs:StartQuery, logs:GetQueryResults and logs:StopQuery, too.

Example:
    checks:
      - name: the log is quiet
        logs:
          pattern: "?ERROR ?Exception"
          window: 10m
          expect: {lte: 2}
          new_errors: {baseline: 6h}

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    IamRequirement,
    Params,
    check_value,
    compile_query,
    error,
    field_default,
    finding_from,
    inconclusive,
    list_service_tasks,
    run_query,
    validator,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

POLL_S = 1.0
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_VARYING = re.compile(
    r"\"[^\"]*\"|'[^']*'|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|0x[0-9a-fA-F]+|\b(?=\w*\d)[\w.:+-]+"
)

Line = tuple[str, str]


class NewErrors(Params, frozen=True, kw_only=True):
    """How far back blue's lines are looked for.

    Attributes:
        baseline: The window in which blue's lines are known.
    """

    baseline: Duration = field_default(Duration(3600))


class Logs(Params, frozen=True, kw_only=True):
    """`pattern` is CloudWatch's filter pattern, `expect` how many of green's lines may match it in the `window`.

    `group` is found by itself for Lambda, and for ECS where containers log by awslogs to one group; `green_lines` is
    the least of lines of any kind that green must have written; `new_errors` refuses matching lines new with green.
    `query` is one of Logs Insights, and `rows` what to expect, by JMESPath into the list of its rows.
    """

    pattern: Annotated[str, msgspec.Meta(min_length=1)] = "?ERROR ?Error ?Exception ?FATAL ?Traceback"
    expect: Expectation | None = None
    new_errors: NewErrors | None = None
    query: str = ""
    rows: dict[str, Expectation] = {}
    group: str = ""
    window: Duration = field_default(Duration(600))
    green_lines: Annotated[int, msgspec.Meta(ge=1)] = 1

    def __post_init__(self) -> None:
        """Refuse a check of nothing, and half of an Insights query."""
        if self.expect is None and self.new_errors is None and not self.rows:
            raise ValueError("logs looks at nothing; write expect: 0, new_errors: {}, or query and rows")
        if bool(self.query) != bool(self.rows):
            raise ValueError("query and rows belong together: what to ask, and what to expect of the answer")
        for path in self.rows:
            compile_query(path, "rows", path)


def _needs(params: Logs) -> Iterator[IamRequirement]:
    """Give what is asked of AWS: of one log group where the plan names it, and of Insights only for a query."""
    group = f"arn:aws:logs:*:*:log-group:{params.group or '*'}:*"
    yield "logs:FilterLogEvents", group
    if params.query:
        yield "logs:StartQuery", group
        yield from ("logs:GetQueryResults", "logs:StopQuery")
    if not params.group:
        yield from ("lambda:GetFunctionConfiguration", "ecs:DescribeTaskDefinition")
    yield from ("ecs:ListTasks", "ecs:DescribeTasks")


@validator(
    Logs,
    stages=("AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=(
        "logs:FilterLogEvents",
        "logs:StartQuery",
        "logs:GetQueryResults",
        "logs:StopQuery",
        "lambda:GetFunctionConfiguration",
        "ecs:DescribeTaskDefinition",
        "ecs:ListTasks",
        "ecs:DescribeTasks",
    ),
    iam_for=_needs,
    remediation=(
        "Open the log group named in the finding and look for the example line in green's streams. A new error of "
        "green is the release's; an old one belongs into the pattern or the limit. No lines of green at all mean "
        "the wrong group, or a service that has not answered anything yet."
    ),
    cost=(
        "FilterLogEvents requests for the window, once or up to three times over, 100 pages at most each; an "
        "Insights `query` is billed by the data it scans. No load on green."
    ),
)
def logs(params: Logs, context: Context) -> Finding:
    """Green's log is as quiet as expected, with no error that blue never wrote."""
    try:
        group, marks = _group(params, context), _marks(context)
        written = _lines(context, group, "", params.window, marks, enough=params.green_lines)
        if len(written) < params.green_lines:
            wanted = f"expected at least {params.green_lines}"
            return inconclusive(f"green wrote {len(written)} lines to {group} in the last {params.window}, {wanted}")
        wrong = _lines(context, group, params.pattern, params.window, marks)
        found = []
        if params.expect is not None:
            where = f"{group}, for example {context.excerpt(wrong[0][1])!r}" if wrong else group
            found.append(check_value(f"lines with {params.pattern}", params.expect, len(wrong), where))
        if params.query:
            rows = _insights(params, context, group)
            found += [
                check_value(f"rows {path}", each, run_query(path, rows), group) for path, each in params.rows.items()
            ]
        if params.new_errors is not None:
            baseline = params.new_errors.baseline
            if not _lines(context, group, "", baseline, marks, others=True, enough=1):
                said = f"blue wrote nothing to {group} in the last {baseline}, so no error can be called new"
                finding = finding_from(found, "")
                return finding if finding.outcome == "FAIL" else inconclusive(said, *found)
            found.append(_new(params.pattern, baseline, context, group, wrong, marks))
    except GreenlightError as problem:
        return error(str(problem))
    return finding_from(found, f"{group}: {len(wrong)} of green's lines have {params.pattern}")


def _insights(params: Logs, context: Context, group: str) -> list[dict[str, Any]]:
    """Ask Logs Insights and give its rows, numbers as numbers."""
    now = int(time.time())
    times = {"startTime": now - int(params.window), "endTime": now}
    begun = context.aws_call("logs", "start_query", logGroupName=group, queryString=params.query, **times)["queryId"]
    while True:
        answer = context.aws_call("logs", "get_query_results", queryId=begun)
        status = answer.get("status", "Unknown")
        if status == "Complete":
            return [
                {each["field"]: _number(each.get("value", "")) for each in row} for row in answer.get("results", [])
            ]
        if status not in ("Scheduled", "Running"):
            raise GreenlightError(f"the query of {group} ended as {status}")
        if not context.sleep(POLL_S):
            context.aws_call("logs", "stop_query", queryId=begun)
            raise GreenlightError(f"the query of {group} did not end within the check's time")


def _number(value: str) -> Any:
    return float(value) if _NUMBER.fullmatch(value) else value


def _new(
    pattern: str, baseline: Duration, context: Context, group: str, wrong: list[Line], marks: list[str]
) -> Evidence:
    """Show the lines whose signature only green has."""
    known = {_signature(line) for _, line in _lines(context, group, pattern, baseline, marks, others=True)}
    fresh = {_signature(line): line for _, line in wrong if _signature(line) not in known}
    shown = [context.excerpt(line) for line in fresh.values()]
    return Evidence(query="new errors", expected=[], actual=shown[:10], passed=not fresh, where=group)


def _signature(line: str) -> str:
    return " ".join(_VARYING.sub("*", line.strip().partition("\n")[0]).split())


def _group(params: Logs, context: Context) -> str:
    """Give the log group to look into."""
    if params.group:
        return params.group
    deployment = context.deployment
    if deployment.platform == "lambda":
        asked = {"FunctionName": deployment.function, "Qualifier": context.green.version}
        answer = context.aws_call("lambda", "get_function_configuration", **asked)
        return str(answer.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{deployment.function}")
    answer = context.aws_call("ecs", "describe_task_definition", taskDefinition=context.green.task_definition)
    options = [
        each.get("logConfiguration", {}).get("options", {})
        for each in answer["taskDefinition"].get("containerDefinitions", [])
    ]
    groups = {each["awslogs-group"] for each in options if each.get("awslogs-group")}
    if len(groups) != 1:
        raise GreenlightError(f"green logs to {len(groups)} log groups of CloudWatch; write group: NAME")
    return str(groups.pop())


def _marks(context: Context) -> list[str]:
    """Give what the names of green's log streams hold or end with, and no other stream's."""
    if context.deployment.platform == "lambda":
        return [f"[{context.green.version}]"]
    tasks = [*list_service_tasks(context, "RUNNING"), *list_service_tasks(context, "STOPPED")]
    found = [each["taskArn"] for each in tasks if each.get("startedBy") == context.green.task_set]
    if not context.green.task_set or not found:
        raise GreenlightError("green has no tasks, so no log stream can be called its own")
    return [f"/{arn.rpartition('/')[2]}" for arn in found]


def _lines(
    context: Context,
    group: str,
    pattern: str,
    window: float,
    marks: list[str],
    *,
    others: bool = False,
    enough: int = 0,
) -> list[Line]:
    """Give stream and text of green's lines, or of the others; all of them, or as soon as there are `enough`.

    Raises:
        GreenlightError: There are more than can be read: what was not read may hold anything.
    """
    found: list[Line] = []
    now = int(time.time() * 1000)
    asked: dict[str, Any] = {"logGroupName": group, "startTime": now - int(window * 1000), "endTime": now}
    if pattern:
        asked["filterPattern"] = pattern
    for page in context.aws_pages("logs", "filter_log_events", **asked):
        for each in page.get("events", []):
            stream = str(each.get("logStreamName", ""))
            if any(mark in stream for mark in marks) is not others:
                found.append((stream, str(each.get("message", ""))))
        if enough and len(found) >= enough:
            break
    return found
