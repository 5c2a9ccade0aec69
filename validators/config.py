"""config: green's configuration is as it should be, and what should not change has not changed since blue.

Rules are JMESPath queries with expectations: for Lambda into the version's configuration as AWS gives it, with
`Concurrency` (reserved) and `LogGroup` (`retentionInDays`) added where a query asks for them; for ECS into the task
definition. Values of environment variables are compared, but never shown. moto's functions have no LoggingConfig, so the
tests use answers written down.

Example:
    checks:
      - name: nobody turned a knob
        config:
          expect: {"containerDefinitions[0].image": {matches: "^[0-9]+[.]dkr[.]ecr[.]"}, cpu: "256"}
          unchanged: [memory, "containerDefinitions[].environment[].name"]

Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html;
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from greenlight.api import (
    MISSING,
    Context,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    Params,
    Side,
    check_value,
    compile_query,
    error,
    finding_from,
    inconclusive,
    run_query,
    validator,
)

HIDDEN = "(not shown)"


class Config(Params, frozen=True, kw_only=True):
    """`expect` by JMESPath into green's configuration; `unchanged` are queries that find the same in blue and green."""

    expect: dict[str, Expectation] = {}
    unchanged: list[str] = []

    def __post_init__(self) -> None:
        """Refuse a check of nothing, and queries that are none."""
        if not self.expect and not self.unchanged:
            raise ValueError("config looks at nothing; write expect: {QUERY: VALUE} or unchanged: [QUERY]")
        for query in self.expect:
            compile_query(query, "expect", query)
        for number, query in enumerate(self.unchanged):
            compile_query(query, "unchanged", number)

    def asks(self, key: str) -> bool:
        """Tell whether any query is about `key`."""
        return any(key in query for query in (*self.expect, *self.unchanged))


@validator(
    Config,
    stages=("AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=(
        "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionConcurrency",
        "logs:DescribeLogGroups",
        "ecs:DescribeTaskDefinition",
    ),
    remediation=(
        "Compare the setting named in the finding with the template that was deployed: `aws lambda "
        "get-function-configuration --qualifier VERSION` or `aws ecs describe-task-definition`. Correct the "
        "template and deploy again; if the change is wanted, change the rule in the plan in the same commit."
    ),
    cost=(
        "One or two read requests for each side (configuration, and concurrency or log group where asked); "
        "nothing reaches green."
    ),
)
def config(params: Config, context: Context) -> Finding:
    """Green's configuration is as it should be, and has not drifted from blue's."""
    deployment = context.deployment
    try:
        green = _configuration(deployment.green, params, context)
        blue = (
            _configuration(deployment.blue, params, context) if params.unchanged and _exists(deployment.blue) else None
        )
    except GreenlightError as problem:
        return error(str(problem))
    found = [_ruled(query, expectation, green) for query, expectation in params.expect.items()]
    if blue is not None:
        found += [_kept(query, blue, green) for query in params.unchanged]
    finding = finding_from(found, f"{len(found)} settings are as they should be") if found else None
    if params.unchanged and blue is None and (finding is None or finding.outcome == "PASS"):
        return inconclusive("there is no blue to hold green's configuration against; this is the first version", *found)
    return finding or inconclusive("nothing was looked at")


def _exists(side: Side) -> bool:
    return bool(side.version or side.task_definition)


def _configuration(side: Side, params: Config, context: Context) -> dict[str, Any]:
    if not _exists(side):
        raise GreenlightError(f"green has no configuration that can be read at {context.deployment.stage}")
    if context.deployment.platform == "ecs":
        answer = context.aws_call("ecs", "describe_task_definition", taskDefinition=side.task_definition)
        return dict(answer["taskDefinition"])
    name = context.deployment.function
    found = context.aws_call("lambda", "get_function_configuration", FunctionName=name, Qualifier=side.version)
    if params.asks("Concurrency"):
        found["Concurrency"] = context.aws_call("lambda", "get_function_concurrency", FunctionName=name)
    if params.asks("LogGroup"):
        group = found.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
        groups = context.aws_call("logs", "describe_log_groups", logGroupNamePrefix=group).get("logGroups", [])
        found["LogGroup"] = next((each for each in groups if each.get("logGroupName") == group), {})
    return found


def _ruled(query: str, expectation: Expectation, green: dict[str, Any]) -> Evidence:
    held = check_value(query, expectation, run_query(query, green), "green")
    told = check_value(query, expectation, run_query(query, _masked(green)))  # why it does not hold may repeat it, too
    return msgspec.structs.replace(held, actual=told.actual, why=told.why)


def _kept(query: str, blue: dict[str, Any], green: dict[str, Any]) -> Evidence:
    """Hold green against blue; a query that finds nothing in either shows nothing, and does not pass.

    A projection (`[].name`) gives an empty list for a name that nothing has.
    """
    was, now = run_query(query, blue), run_query(query, green)
    nothing = was == now == [] and any(sign in query for sign in ("[", "*"))
    same = was is not MISSING and now is not MISSING and not nothing and _plain(was) == _plain(now)
    shown = [
        repr(each) if each is MISSING else json.loads(_plain(each))
        for each in (_seen(query, blue), _seen(query, green))
    ]
    if not same and _plain(shown[0]) == _plain(shown[1]) and was is not MISSING:
        shown = [f"{HIDDEN}, as in blue", f"{HIDDEN}, another than blue's"]
    why = "nothing was found in either, so nothing is shown" if nothing else ""
    return Evidence(query=query, expected=shown[0], actual=shown[1], passed=same, where="blue to green", why=why)


def _seen(query: str, configuration: dict[str, Any]) -> Any:
    return run_query(query, _masked(configuration))


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _masked(configuration: dict[str, Any]) -> dict[str, Any]:
    """Give the configuration with the values of environment variables hidden: they are secrets often enough."""
    copy = json.loads(_plain(configuration))
    variables = copy.get("Environment", {}).get("Variables", {})
    variables.update(dict.fromkeys(variables, HIDDEN))
    for container in copy.get("containerDefinitions", []):
        for each in container.get("environment", []):
            each["value"] = HIDDEN
    return dict(copy)
