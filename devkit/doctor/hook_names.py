"""Names, handlers and configurations of hook functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import STAGES

if TYPE_CHECKING:
    from .reader import Reader

ANSWER_ACTION = "codedeploy:PutLifecycleEventHookExecutionStatus"
"""The action by which a hook reports its status to CodeDeploy."""
NOT_FOUND = ("ResourceNotFoundException",)
"""Lambda's error code for a function that does not exist."""
_STAGES_BY_HANDLER = {
    "".join(f"_{c.lower()}" if c.isupper() else c for c in stage).lstrip("_") + ".handler": stage for stage in STAGES
}


def function_name(function: str) -> str:
    """Return the name of a function from its name or ARN, qualified or not."""
    return function.split(":function:")[-1].split(":")[0]


def hook_name(installation: str, stage: str) -> str:
    """Return the function name of an installation's hook."""
    return f"CodeDeployHook_{installation}-{stage}"


def stage_of(configuration: dict[str, Any]) -> str:
    """Return the stage of one of greenlight's hooks; "" for any other function."""
    variables = configuration.get("Environment", {}).get("Variables", {})
    if not any(str(name).startswith("GREENLIGHT_") for name in variables):
        return ""
    return _STAGES_BY_HANDLER.get(str(configuration.get("Handler")), "")


def read_configuration(reader: Reader, function: str) -> dict[str, Any] | None:
    """Read a function's configuration; return None if the function does not exist.

    Raises:
        UnseenError: Lambda refused.
    """
    return reader.find("lambda", "get_function_configuration", NOT_FOUND, FunctionName=function_name(function))
