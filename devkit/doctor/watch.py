"""Doctor of the stage AllowTraffic: whether there is a watcher, and a shift that lasts long enough for it.

A missing hook of BeforeAllowTraffic, which starts the watcher, has a rule of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.core.deployment import SHIFT

from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.settings import Settings
    from greenlight.plan.model import Plan

    from .deployment_group import GroupState
    from .rules import Symptom


def check_watch(state: GroupState, uri: str, plan: Plan, hook_settings: Settings | None) -> Iterator[Symptom]:
    """Check that the plan's watch of the shift can run."""
    if SHIFT not in plan.stages:
        return
    if hook_settings is not None and not hook_settings.watch_machine:
        yield make_symptom(
            "shift-not-watched",
            f"the plan has checks at {SHIFT}, and this installation has no state machine that runs them",
            uri,
            fix="deploy greenlight again with this version's template",
        )
    if state.deployment_config.endswith("AllAtOnce"):
        yield make_symptom(
            "shift-not-watched",
            f"the plan has checks at {SHIFT}, and all traffic shifts to green at once, before a round of them ends",
            f"deploymentConfigName: {state.deployment_config}",
            fix="use a canary or linear deployment configuration, or remove the stage from the plan",
        )
