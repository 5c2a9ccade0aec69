"""CodeDeploy's predefined configurations: all fourteen, by their real names and with their real steps."""

from __future__ import annotations

import pytest

from devkit.rehearsal.configurations import CONFIGURATIONS, DEFAULT, names

TENTHS = (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
KNOWN = {
    "CodeDeployDefault.LambdaCanary10Percent5Minutes": ((10, 100), 5),
    "CodeDeployDefault.LambdaCanary10Percent10Minutes": ((10, 100), 10),
    "CodeDeployDefault.LambdaCanary10Percent15Minutes": ((10, 100), 15),
    "CodeDeployDefault.LambdaCanary10Percent30Minutes": ((10, 100), 30),
    "CodeDeployDefault.LambdaLinear10PercentEvery1Minute": (TENTHS, 9),
    "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes": (TENTHS, 18),
    "CodeDeployDefault.LambdaLinear10PercentEvery3Minutes": (TENTHS, 27),
    "CodeDeployDefault.LambdaLinear10PercentEvery10Minutes": (TENTHS, 90),
    "CodeDeployDefault.LambdaAllAtOnce": ((100,), 0),
    "CodeDeployDefault.ECSLinear10PercentEvery1Minutes": (TENTHS, 9),
    "CodeDeployDefault.ECSLinear10PercentEvery3Minutes": (TENTHS, 27),
    "CodeDeployDefault.ECSCanary10Percent5Minutes": ((10, 100), 5),
    "CodeDeployDefault.ECSCanary10Percent15Minutes": ((10, 100), 15),
    "CodeDeployDefault.ECSAllAtOnce": ((100,), 0),
}


def test_there_are_these_fourteen_and_no_others() -> None:
    assert set(CONFIGURATIONS) == set(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_a_configuration_shifts_in_its_steps_and_takes_its_minutes(name: str) -> None:
    percents, minutes = KNOWN[name]
    configuration = CONFIGURATIONS[name]
    assert tuple(step.percent for step in configuration.steps) == percents
    assert sum(step.minutes for step in configuration.steps) == minutes
    assert configuration.all_at_once == name.endswith("AllAtOnce")


def test_each_platform_has_its_own_and_a_default_among_them() -> None:
    assert len(names("lambda")) == 9
    assert len(names("ecs")) == 5
    assert all(DEFAULT[platform] in names(platform) for platform in ("ecs", "lambda"))
