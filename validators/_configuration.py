"""Configuration of a side, as AWS returns it, and the evidence of its rules without values of environment variables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.api import (
    MISSING,
    Evidence,
    GreenlightError,
    check_value,
    get_function_configuration,
    get_task_definition,
    run_query,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.api import Context, Expectation, Side

HIDDEN = "(not shown)"


def has_configuration(side: Side) -> bool:
    """Return whether the side has a configuration; blue has none in a first deployment."""
    return bool(side.version or side.task_definition)


def read_configuration(side: Side, queries: Iterable[str], context: Context) -> dict[str, Any]:
    """Return the task definition, or the version's configuration with `Concurrency` and `LogGroup` where queried.

    Raises:
        GreenlightError: The side has no configuration, or AWS refused or did not answer.
    """
    if not has_configuration(side):
        raise GreenlightError(f"green has no configuration that can be read at {context.deployment.stage}")
    if context.deployment.platform == "ecs":
        return get_task_definition(context, side.task_definition)
    name = context.deployment.function
    queried = "\n".join(queries)
    configuration = get_function_configuration(context, side.version)
    if "Concurrency" in queried:
        configuration["Concurrency"] = context.aws_call("lambda", "get_function_concurrency", FunctionName=name)
    if "LogGroup" in queried:
        group = configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
        groups = context.aws_call("logs", "describe_log_groups", logGroupNamePrefix=group).get("logGroups", [])
        configuration["LogGroup"] = next((item for item in groups if item.get("logGroupName") == group), {})
    return configuration


def check_rule(query: str, expectation: Expectation, green: dict[str, Any]) -> Evidence:
    """Check the real value, but show the value and the reason of the masked copy."""
    real = check_value(query, expectation, run_query(query, green), "green")
    masked = check_value(query, expectation, run_query(query, _mask(green)))
    return msgspec.structs.replace(real, actual=masked.actual, why=masked.why)


def check_unchanged(query: str, blue: dict[str, Any], green: dict[str, Any]) -> Evidence:
    """Compare green with blue; a query without a result in both shows nothing, and does not pass.

    A projection (`[].name`) has an empty list as its result for a name that does not exist.
    """
    before, after = run_query(query, blue), run_query(query, green)
    is_empty = before == after == [] and any(sign in query for sign in ("[", "*"))
    is_same = before is not MISSING and after is not MISSING and not is_empty and _to_json(before) == _to_json(after)
    expected, actual = (_display(run_query(query, _mask(side))) for side in (blue, green))
    if not is_same and _to_json(expected) == _to_json(actual) and before is not MISSING:
        expected, actual = f"{HIDDEN}, as in blue", f"{HIDDEN}, different from blue's"
    reason = "the query has no result in either, so it shows nothing" if is_empty else ""
    return Evidence(query=query, expected=expected, actual=actual, passed=is_same, where="blue to green", why=reason)


def _display(value: Any) -> Any:
    return repr(value) if value is MISSING else json.loads(_to_json(value))


def _to_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _mask(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return a copy without the values of environment variables, which are often secrets."""
    masked: dict[str, Any] = json.loads(_to_json(configuration))
    variables = masked.get("Environment", {}).get("Variables", {})
    variables.update(dict.fromkeys(variables, HIDDEN))
    for container in masked.get("containerDefinitions", []):
        for variable in container.get("environment", []):
            variable["value"] = HIDDEN
    return masked
