"""`when`: the deployments for which a check runs."""

from __future__ import annotations

import pytest

from greenlight.core.deployment import Deployment, Platform
from greenlight.plan.schema import When
from tests.support.plan_samples import SOMEWHERE


@pytest.mark.parametrize(
    ("when", "deployment", "message"),
    [
        (When(platform=Platform.LAMBDA), SOMEWHERE, "platform is lambda, and it is ecs"),
        (When(application="shop"), SOMEWHERE, "application is shop, and it is "),
        (When(group="canary"), SOMEWHERE, "group is canary"),
        (When(), SOMEWHERE, ""),
        (When(platform=Platform.ECS), SOMEWHERE, ""),
    ],
)
def test_when_explains_why_a_check_does_not_run(when: When, deployment: Deployment, message: str) -> None:
    assert message in when.skip_reason(deployment)
    assert bool(message) == bool(when.skip_reason(deployment))


@pytest.mark.parametrize(
    ("when", "message"),
    [
        (When(environment="prod"), ""),
        (When(environment=("dev", "prod")), ""),
        (When(environment="dev"), "only when environment is dev, and it is prod"),
        (When(region=("eu-west-1", "us-east-1")), "only when region is eu-west-1 or us-east-1, and it is unknown"),
        (When(application=("shop", "orders"), group="web"), "only when group is web, and it is blue-green"),
    ],
)
def test_when_accepts_a_name_or_a_list_of_names(when: When, message: str) -> None:
    deployment = Deployment(
        id="d-1", platform=Platform.ECS, stage="", application="shop", group="blue-green", environment="prod"
    )

    assert message in when.skip_reason(deployment)
    assert bool(message) == bool(when.skip_reason(deployment))
