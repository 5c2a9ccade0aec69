"""The release that a rollback would restore: the previous version, or blue's task set; for `rollback_ready`."""

from __future__ import annotations

from greenlight.api import Context, Evidence, GreenlightError, get_function_configuration

from ._lambda_wake import INACTIVE, wake
from ._task_set import find_task_set

_POLL_S = 2.0


def check_rollback_target(context: Context) -> Evidence:
    """Check that the previous release still exists."""
    if context.deployment.platform == "lambda":
        return _check_previous_version(context)
    return _check_blue_task_set(context)


def _check_previous_version(context: Context) -> Evidence:
    function, version = context.deployment.function, context.deployment.blue.version
    state = _version_state(context, version) if version else "none: this is the first version"
    if state == INACTIVE:
        wake(context, version)
        state = _wait_for_version(context, version)
    return Evidence(
        query=f"previous version {version}".strip(),
        expected="Active",
        actual=state,
        passed=state == "Active",
        where=function,
    )


def _wait_for_version(context: Context, version: str) -> str:
    """Wait until a version that was woken is ready, and return its last state."""
    while context.sleep(_POLL_S):
        if (state := _version_state(context, version)) not in (INACTIVE, "Pending"):
            return state
    return f"{INACTIVE}, and not yet woken when the check's time ended"


def _version_state(context: Context, version: str) -> str:
    try:
        return str(get_function_configuration(context, version).get("State", "Active"))
    except GreenlightError as problem:
        if getattr(problem, "code", "") != "ResourceNotFoundException":
            raise
        return "deleted"


def _check_blue_task_set(context: Context) -> Evidence:
    deployment, blue = context.deployment, context.deployment.blue.task_set
    actual, running_count = "none: there is no blue task set", 0
    if blue:
        task_set = find_task_set(context, blue)
        running_count = 0 if task_set is None else task_set.get("runningCount", 0)
        actual = "deleted" if task_set is None else f"{running_count} tasks running"
    return Evidence(
        query=f"blue task set {blue}".strip(),
        expected="with running tasks",
        actual=actual,
        passed=running_count > 0,
        where=deployment.service,
    )
