"""The lifecycle events of a CodeDeploy deployment, in order, and which of them call a hook.

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
"""All of them, in the order of an ECS deployment. An AppSpec may name a hook for those of `STAGES`."""

_ECS: tuple[str, ...] = get_args(EventName)
_LAMBDA = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
_NEEDS_TEST_LISTENER = ("AllowTestTraffic", "AfterAllowTestTraffic")


def events(platform: str, *, test_listener: bool = True) -> tuple[str, ...]:
    """List the events a deployment goes through; without a test listener CodeDeploy leaves two out, silently."""
    if platform == "lambda":
        return _LAMBDA
    return tuple(event for event in _ECS if test_listener or event not in _NEEDS_TEST_LISTENER)


def hookable(platform: str) -> tuple[str, ...]:
    """List the events that can call a hook on `platform`."""
    return tuple(event for event in events(platform) if event in STAGES)
