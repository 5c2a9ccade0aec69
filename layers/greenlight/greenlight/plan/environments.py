"""`environments`: what is otherwise in one installation than in another. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.suggestions import did_you_mean, join_sorted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.plan.decoder import Mistake
    from greenlight.plan.model import Check

DEFAULT = "default"
"""The environment of every installation that the plan does not name."""

SECTIONS = ("variables", "target", "defaults")
"""What an environment may say otherwise, each key by key."""


def select_environment(data: dict[str, Any], environment: str, mistakes: list[Mistake]) -> dict[str, Any]:
    """Give a plan's sections as they are in one environment.

    Args:
        data: The plan as written, which its types have found right.
        environment: What the installation says it is; "" for nothing.
        mistakes: Takes an environment that the plan does not have.
    """
    written = data["environments"]
    place = ("environments",)
    if not written:
        mistakes.append((place, "there are no environments in it; write one, or take the key out"))
        return {}
    name = environment if environment in written else DEFAULT
    if name not in written:
        what = (
            f"there is no environment {environment!r}{did_you_mean(environment, written)}; there are {join_sorted(written)}; add it"
            if environment
            else f"there are {join_sorted(written)}, and nothing says which this is: set the parameter Environment of the "
            "installation, the tag greenlight:environment of the deployment group, or --environment; or add one"
        )
        mistakes.append((place, f"{what} called {DEFAULT} for all others"))
        return {}
    return {section: data.get(section, {}) | written[name].get(section, {}) for section in SECTIONS}


def unused_needs(checks: Iterable[Check], environments: Iterable[str]) -> list[Mistake]:
    """Name the environments that a check waits for and the plan does not have."""
    known = set(environments)
    if DEFAULT in known:
        return []
    return [
        ((*check.path, "when", "environment"), f"the plan has no environment {name!r}{did_you_mean(name, known)}")
        for check in checks
        for name in check.when.names("environment")
        if name not in known
    ]


def environment_names(data: Any) -> list[str]:
    """Give the environments that a plan as written has; one, "", where it has none."""
    written = data.get("environments") if isinstance(data, dict) else None
    return list(written) if isinstance(written, dict) and written else [""]
