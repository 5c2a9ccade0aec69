"""The plan key `environments`: settings that differ between environments, such as `prod` and `staging`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.suggestions import did_you_mean, join_sorted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.plan.decoder import PathProblem
    from greenlight.plan.model import Check

DEFAULT = "default"
"""The environment for installations whose environment is not in the plan."""

SECTIONS = ("variables", "target", "defaults")
"""The sections of a plan that an environment may override, key by key."""


def select_environment(data: dict[str, Any], environment: str, mistakes: list[PathProblem]) -> dict[str, Any]:
    """Return a plan's sections for one environment.

    Args:
        data: The plan as plain data, already validated.
        environment: Name of the installation's environment; "" if the installation has no environment.
        mistakes: Receives a problem if the plan does not define the environment.
    """
    environments = data["environments"]
    path = ("environments",)
    if not environments:
        mistakes.append((path, "the map is empty; define an environment, or remove the key"))
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
        message = f"the plan has no environment {environment!r}{hint}; it has {names}; define {environment!r}"
    else:
        message = (
            f"the plan has the environments {names}, and this installation has no environment; set the parameter "
            "Environment of the installation, the tag greenlight:environment of the deployment group, or --environment"
        )
    return f"{message}, or define {DEFAULT!r} for all other installations"


def unknown_environments(checks: Iterable[Check], environments: Iterable[str]) -> list[PathProblem]:
    """Return a problem for every environment in a `when` that the plan does not define."""
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
    """Return the names of the environments in a plan's plain data; [""] for a plan without environments."""
    environments = data.get("environments") if isinstance(data, dict) else None
    return list(environments) if isinstance(environments, dict) and environments else [""]
