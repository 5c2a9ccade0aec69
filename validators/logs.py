"""logs: green's log has no more lines of a pattern than expected, and no error that blue never wrote.

Green's lines are identified by their log stream: Lambda writes the version into its name, and ECS the task's id. If
green wrote fewer lines than `green_lines` in the window, the check is INCONCLUSIVE. `new_errors` compares signatures:
lines without their numbers, ids and quoted values. An Insights `query` sees the whole group; restrict it to green's
streams yourself, as in `filter @logStream like "[${green.version}]"`.

Reading logs needs logs:FilterLogEvents in the installation's CheckPolicyArn; a `query` also needs logs:StartQuery,
logs:GetQueryResults and logs:StopQuery.

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

from typing import TYPE_CHECKING, Annotated

import msgspec

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    Expectation,
    Finding,
    IamRequirement,
    Params,
    check_value,
    compile_query,
    field_default,
    finding_from,
    inconclusive,
    run_query,
    validator,
)

from ._log_streams import LogGroup, find_log_group, to_signature

if TYPE_CHECKING:
    from collections.abc import Iterator


class NewErrors(Params, frozen=True, kw_only=True):
    """How far back blue's lines are read.

    Attributes:
        baseline: The window of blue's lines; an error in it is not new.
    """

    baseline: Duration = field_default(Duration(3600))


class Logs(Params, frozen=True, kw_only=True):
    """The lines of green that are counted or compared, and a Logs Insights query.

    Attributes:
        pattern: CloudWatch's filter pattern.
        expect: Expected number of green's lines that match the pattern.
        new_errors: Fail for matching lines that blue never wrote.
        query: A Logs Insights query; it needs `rows`.
        rows: Expectations of the query's rows, by JMESPath into their list.
        group: The log group. It is found for Lambda, and for ECS if all containers log to one group with awslogs.
        window: How far back green's lines are read.
        green_lines: Minimum number of lines of any kind that green must have written.
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
        """Reject a check without expectations, and an incomplete Insights query."""
        if self.expect is None and self.new_errors is None and not self.rows:
            raise ValueError("logs expects nothing; write expect: 0, new_errors: {}, or query and rows")
        if bool(self.query) != bool(self.rows):
            raise ValueError("query and rows belong together: the query, and what to expect of its rows")
        for path in self.rows:
            compile_query(path, "rows", path)


def _iam_of(params: Logs) -> Iterator[IamRequirement]:
    """Yield the actions that the check needs: for one log group if the plan names it, and Insights only for a query."""
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
    stages=("AfterAllowTestTraffic", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
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
    iam_for=_iam_of,
    remediation=(
        "Open the log group in the finding and look for the example line in green's streams. A new error of green "
        "comes from the release; exclude a known one with the pattern or the limit. If green wrote no lines, the group "
        "is wrong, or the service has not answered any request yet."
    ),
    cost=(
        "FilterLogEvents requests for two to four listings of at most 50 pages each; an Insights `query` is billed by "
        "the data it scans. No load on green."
    ),
)
def logs(params: Logs, context: Context) -> Finding:
    """Green's log is as quiet as expected, with no error that blue never wrote."""
    group = find_log_group(params.group, context)
    line_count = len(group.green_lines("", params.window, stop_after=params.green_lines))
    if line_count < params.green_lines:
        count = f"green wrote {line_count} lines to {group.name} in the last {params.window}"
        return inconclusive(f"{count}, expected at least {params.green_lines}")
    matches = group.green_lines(params.pattern, params.window)
    results = []
    if params.expect is not None:
        place = f"{group.name}, for example {context.excerpt(matches[0])!r}" if matches else group.name
        results.append(check_value(f"lines with {params.pattern}", params.expect, len(matches), place))
    if params.query:
        rows = group.run_query(params.query, params.window)
        for path, expectation in params.rows.items():
            results.append(check_value(f"rows {path}", expectation, run_query(path, rows), group.name))
    if params.new_errors is not None:
        baseline = params.new_errors.baseline
        if not group.blue_lines("", baseline, stop_after=1):
            finding = finding_from(results, "")
            message = f"blue wrote nothing to {group.name} in the last {baseline}, so no error can be called new"
            return finding if finding.outcome == "FAIL" else inconclusive(message, *results)
        results.append(_check_new_errors(params.pattern, baseline, matches, group))
    return finding_from(results, f"{group.name}: {len(matches)} of green's lines have {params.pattern}")


def _check_new_errors(pattern: str, baseline: Duration, matches: list[str], group: LogGroup) -> Evidence:
    blue_signatures = {to_signature(line) for line in group.blue_lines(pattern, baseline)}
    new_lines = {to_signature(line): line for line in matches if to_signature(line) not in blue_signatures}
    excerpts = [group.context.excerpt(line) for line in new_lines.values()]
    return Evidence(query="new errors", expected=[], actual=excerpts[:10], passed=not new_lines, where=group.name)
