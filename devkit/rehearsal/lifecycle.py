"""Lifecycle events of a CodeDeploy deployment, in order, and which of them can call a hook.

Source: CodeDeploy user guide, "AppSpec 'hooks' section" for Lambda and for Amazon ECS.
"""

from __future__ import annotations

from typing import Literal, get_args

from greenlight.core.deployment import STAGES

EventName = Literal[
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
]
"""All lifecycle events, in the order of an ECS deployment. An AppSpec may name a hook for those in `STAGES`."""

_ECS: tuple[str, ...] = get_args(EventName)
_LAMBDA = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
_NEEDS_TEST_LISTENER = ("AllowTestTraffic", "AfterAllowTestTraffic")


def event_names(platform: str, *, test_listener: bool = True) -> tuple[str, ...]:
    """Return the events of a deployment; without a test listener CodeDeploy skips two of them without a message."""
    if platform == "lambda":
        return _LAMBDA
    return tuple(event for event in _ECS if test_listener or event not in _NEEDS_TEST_LISTENER)


def hook_event_names(platform: str) -> tuple[str, ...]:
    """Return the events that can call a hook on `platform`."""
    return tuple(event for event in event_names(platform) if event in STAGES)
