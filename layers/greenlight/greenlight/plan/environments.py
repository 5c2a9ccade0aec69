"""The plan key `environments`: what differs in one environment, such as `prod`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.suggestions import did_you_mean, join_sorted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.plan.decoder import PathProblem
    from greenlight.plan.model import Check

DEFAULT = "default"
"""The environment of every installation that the plan does not name."""

SECTIONS = ("variables", "target", "defaults")
"""The sections of a plan that an environment may override, each key by key."""


def select_environment(data: dict[str, Any], environment: str, mistakes: list[PathProblem]) -> dict[str, Any]:
    """Return the sections of a plan as they are in one environment.

    Args:
        data: The plan as plain data, already validated.
        environment: Name of the installation's environment; "" if it has none.
        mistakes: Receives a problem if the plan does not have the environment.
    """
    environments = data["environments"]
    path = ("environments",)
    if not environments:
        mistakes.append((path, "there are no environments in it; write one, or take the key out"))
        return {}
    name = environment if environment in environments else DEFAULT
    if name not in environments:
        mistakes.append((path, _describe_missing(environment, environments)))
        return {}
    return {section: data.get(section, {}) | environments[name].get(section, {}) for section in SECTIONS}


def _describe_missing(environment: str, valid_names: Iterable[str]) -> str:
    names = join_sorted(valid_names)
    if environment:
        hint = did_you_mean(environment, valid_names)
        message = f"there is no environment {environment!r}{hint}; there are {names}; add it"
    else:
        message = (
            f"there are {names}, and this installation has no environment: set the parameter Environment of the "
            "installation, the tag greenlight:environment of the deployment group, or --environment; or add one"
        )
    return f"{message} called {DEFAULT} for all others"


def unknown_environments(checks: Iterable[Check], environments: Iterable[str]) -> list[PathProblem]:
    """Return a problem for every environment in a `when` that the plan does not have."""
    valid_names = set(environments)
    if DEFAULT in valid_names:
        return []
    return [
        ((*check.path, "when", "environment"), f"the plan has no environment {name!r}{did_you_mean(name, valid_names)}")
        for check in checks
        for name in check.when.names("environment")
        if name not in valid_names
    ]


def environment_names(data: Any) -> list[str]:
    """Return the names of the environments in a plan's plain data; [""] if it has none."""
    environments = data.get("environments") if isinstance(data, dict) else None
    return list(environments) if isinstance(environments, dict) and environments else [""]
