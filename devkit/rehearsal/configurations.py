"""CodeDeploy's predefined deployment configurations, and the steps in which they shift traffic.

Source: AWS CodeDeploy user guide, "Working with deployment configurations" (Lambda and ECS).
"""

from __future__ import annotations

from typing import NamedTuple

PREFIX = "CodeDeployDefault."


class Step(NamedTuple):
    """One step of a traffic shift: green gets `percent` of the traffic, then CodeDeploy waits `minutes`."""

    percent: int
    minutes: int


class Configuration(NamedTuple):
    """One predefined configuration."""

    name: str
    platform: str
    steps: tuple[Step, ...]

    @property
    def all_at_once(self) -> bool:
        """Whether all traffic is shifted in one step."""
        return len(self.steps) == 1


def _canary(percent: int, minutes: int) -> tuple[Step, ...]:
    return (Step(percent, minutes), Step(100, 0))


def _linear(percent: int, minutes: int) -> tuple[Step, ...]:
    return tuple(Step(share, minutes if share < 100 else 0) for share in range(percent, 101, percent))


_ALL_AT_ONCE = (Step(100, 0),)

# AWS writes ECSLinear10PercentEvery1Minutes with a plural and LambdaLinear10PercentEvery1Minute without.
_TABLE: dict[str, dict[str, tuple[Step, ...]]] = {
    "lambda": {
        "LambdaCanary10Percent5Minutes": _canary(10, 5),
        "LambdaCanary10Percent10Minutes": _canary(10, 10),
        "LambdaCanary10Percent15Minutes": _canary(10, 15),
        "LambdaCanary10Percent30Minutes": _canary(10, 30),
        "LambdaLinear10PercentEvery1Minute": _linear(10, 1),
        "LambdaLinear10PercentEvery2Minutes": _linear(10, 2),
        "LambdaLinear10PercentEvery3Minutes": _linear(10, 3),
        "LambdaLinear10PercentEvery10Minutes": _linear(10, 10),
        "LambdaAllAtOnce": _ALL_AT_ONCE,
    },
    "ecs": {
        "ECSLinear10PercentEvery1Minutes": _linear(10, 1),
        "ECSLinear10PercentEvery3Minutes": _linear(10, 3),
        "ECSCanary10Percent5Minutes": _canary(10, 5),
        "ECSCanary10Percent15Minutes": _canary(10, 15),
        "ECSAllAtOnce": _ALL_AT_ONCE,
    },
}

CONFIGURATIONS = {
    PREFIX + name: Configuration(PREFIX + name, platform, steps)
    for platform, names in _TABLE.items()
    for name, steps in names.items()
}

DEFAULT = {"ecs": f"{PREFIX}ECSAllAtOnce", "lambda": f"{PREFIX}LambdaAllAtOnce"}
"""Configuration that CodeDeploy uses when a deployment names none, by platform."""


def names(platform: str) -> tuple[str, ...]:
    """Return the names of the configurations for `platform`."""
    return tuple(name for name, configuration in CONFIGURATIONS.items() if configuration.platform == platform)
