"""Checks of an installation: its settings are valid and complete, and its state machine exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core import settings
from greenlight.core.deployment import STAGES
from greenlight.core.errors import SettingsError

from . import machine
from .hook_names import hook_name, read_configuration, stage_of
from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.settings import Settings

    from .deployment_group import GroupState
    from .rules import Symptom

_NOT_IN_TEMPLATE = ("plan_folder", "allow_loopback")
"""Settings for tests and local runs, which the template does not set."""


def own_hooks(state: GroupState) -> dict[str, dict[str, Any]]:
    """Return greenlight's hooks by lifecycle event; without any in the AppSpec, one of the installation."""
    own = {event: hook for event, hook in state.hooks.items() if stage_of(hook)}
    if own or (state.appspec and state.appspec.hooks):
        return own
    stage = STAGES[-1]
    hook = read_configuration(state.reader, hook_name(state.installation, stage))
    return {stage: hook} if hook and stage_of(hook) else {}


def _variables(hook: dict[str, Any]) -> dict[str, str]:
    return dict(hook.get("Environment", {}).get("Variables", {}))


def check_settings(state: GroupState) -> Iterator[Symptom]:
    """Check that the installation's settings are valid and include every setting of this version."""
    for hook in list(own_hooks(state).values())[:1]:
        variables, name = _variables(hook), str(hook["FunctionName"])
        expected = {
            f"GREENLIGHT_{field.upper()}"
            for field in settings.Settings.__struct_fields__
            if field not in _NOT_IN_TEMPLATE
        }
        if missing := sorted(expected - variables.keys()):
            yield make_symptom(
                "installation-older",
                "the installation is older than this command: its hooks may reject plans that this command accepts",
                f"{name} has no {', '.join(missing)}",
                fix="deploy greenlight again: sam build && sam deploy",
            )
        try:
            settings.read(variables)
        except SettingsError as error:
            yield make_symptom(
                "installation-settings",
                f"the hooks answer Failed for every deployment, because a setting is not valid: {error}",
                name,
                fix="deploy greenlight again with a valid value of the parameter",
            )


def check_machine(state: GroupState) -> Iterator[Symptom]:
    """Check the state machine that the hooks start."""
    if (hook_settings := read_settings(state)) is not None:
        yield from machine.check_machine(state, hook_settings)


def read_settings(state: GroupState) -> Settings | None:
    """Return the settings of the hooks; None without a hook of greenlight, or if they are not valid."""
    for hook in own_hooks(state).values():
        try:
            return settings.read(_variables(hook))
        except SettingsError:
            return None
    return None
