"""CodeDeploy's fourteen predefined configurations, with their real names and steps."""

from __future__ import annotations

import pytest

from devkit.rehearsal.configurations import CONFIGURATIONS, DEFAULT, names

TENTHS = (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
EXPECTED = {
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


def test_exactly_these_fourteen_configurations_exist() -> None:
    assert set(CONFIGURATIONS) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_configuration_has_its_steps_and_minutes(name: str) -> None:
    percents, minutes = EXPECTED[name]
    configuration = CONFIGURATIONS[name]
    assert tuple(step.percent for step in configuration.steps) == percents
    assert sum(step.minutes for step in configuration.steps) == minutes
    assert configuration.all_at_once == name.endswith("AllAtOnce")


def test_each_platform_has_configurations_of_its_own_and_one_is_the_default() -> None:
    assert len(names("lambda")) == 9
    assert len(names("ecs")) == 5
    assert all(DEFAULT[platform] in names(platform) for platform in ("ecs", "lambda"))
