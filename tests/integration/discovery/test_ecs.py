"""Blue and green of an ECS deployment, and the listener of a stage."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.core.errors import DiscoveryError
from tests.support.deployment_accounts import (
    ID,
    ONE,
    PROD,
    TASK,
    TEST,
    TWO,
    EcsAccount,
    events,
    forwarding,
    rule,
)


def test_green_is_the_task_set_with_the_deployments_id() -> None:
    deployment = EcsAccount().discover().deployment
    assert (deployment.cluster, deployment.service) == ("prod", "shop")
    assert (deployment.green.task_set, deployment.green.task_definition, deployment.green.target_group) == (
        "ecs-svc/2",
        TASK.format(2),
        TWO,
    )
    assert (deployment.blue.task_set, deployment.blue.target_group) == ("ecs-svc/1", ONE)
    assert (deployment.green.health_check_path, deployment.green.health_check_codes) == ("/up", "200-299")


def test_target_groups_may_swap_roles() -> None:
    sets = [
        EcsAccount.task_set("ecs-svc/1", TWO, 1, "PRIMARY", "d-OLDOLD123"),
        EcsAccount.task_set("ecs-svc/2", ONE, 2, "ACTIVE", ID),
    ]
    ecs = EcsAccount(
        ecs__describe_services={"services": [{"taskSets": sets}]},
        elbv2__describe_rules={"Rules": [rule(forwarding((ONE, 100), (TWO, 0)))]},
    )
    deployment = ecs.discover().deployment
    assert (deployment.green.target_group, deployment.blue.target_group) == (ONE, TWO)
    assert deployment.green.url == "http://shop-1.elb.test:8080"


def green_task_set(*infos: dict[str, Any], stage: str = "AfterAllowTestTraffic", count: int = 2) -> str:
    sets = [
        EcsAccount.task_set("ecs-svc/1", ONE, 1, "PRIMARY", ""),
        EcsAccount.task_set("ecs-svc/2", TWO, 2, "ACTIVE", ""),
    ][:count]
    ecs = EcsAccount(
        stage,
        ecs__describe_services={"services": [{"taskSets": sets}]},
        codedeploy__batch_get_deployment_targets=EcsAccount.target(events(**{stage: "InProgress"}), *infos),
    )
    return ecs.discover().deployment.green.task_set


def test_label_identifies_green_without_ids() -> None:
    labels = [{"identifer": "ecs-svc/1", "taskSetLabel": "Green"}, {"identifer": "ecs-svc/2", "taskSetLabel": "Blue"}]
    assert green_task_set(*labels) == "ecs-svc/1"


@pytest.mark.parametrize(
    ("stage", "green"),
    [("AfterInstall", "ecs-svc/2"), ("BeforeAllowTraffic", "ecs-svc/2"), ("AfterAllowTraffic", "ecs-svc/1")],
)
def test_primary_task_set_is_blue_until_the_shift_without_labels(stage: str, green: str) -> None:
    assert green_task_set(stage=stage) == green


def test_single_task_set_without_id_is_not_green() -> None:
    with pytest.raises(DiscoveryError, match="green cannot be distinguished from blue"):
        green_task_set(count=1)


def test_only_blue_exists_before_the_install() -> None:
    sets = [EcsAccount.task_set("ecs-svc/1", ONE, 1, "PRIMARY", "d-OLDOLD123")]
    deployment = (
        EcsAccount("BeforeInstall", ecs__describe_services={"services": [{"taskSets": sets}]}).discover().deployment
    )
    assert (deployment.blue.task_set, deployment.green.task_set) == ("ecs-svc/1", "")
    assert "does not exist yet" in deployment.green.no_url


@pytest.mark.parametrize("stage", ["BeforeInstall", "AfterInstall", "AfterAllowTraffic"])
@pytest.mark.parametrize(
    ("sets", "label", "first"),
    [((1, 2), "", False), ((1,), "", False), ((2,), "", True), ((2,), "Blue", False), ((2,), "Green", True)],
    ids=["both", "blue alone", "green alone", "green seen, blue known", "green seen, green known"],
)
def test_ecs_deployment_is_first_only_without_any_blue(
    stage: str, sets: tuple[int, ...], label: str, first: bool
) -> None:
    ids = {1: "d-OLDOLD123", 2: ID}
    task_sets = [EcsAccount.task_set(f"ecs-svc/{n}", ONE if n == 1 else TWO, n, "PRIMARY", ids[n]) for n in sets]
    target = EcsAccount.target(events(**{stage: "InProgress"}), *([{"taskSetLabel": label}] if label else []))
    table = {"ecs__describe_services": {"services": [{"taskSets": task_sets}]}}
    ecs = EcsAccount(stage, codedeploy__batch_get_deployment_targets=target, **table)
    if 2 not in sets and stage != "BeforeInstall":
        with pytest.raises(DiscoveryError):
            ecs.discover()
        return

    assert ecs.discover().deployment.first is first


def test_missing_service_is_an_error() -> None:
    with pytest.raises(DiscoveryError, match="ECS has no service shop in cluster prod"):
        EcsAccount(ecs__describe_services={"services": []}).discover()


def test_target_names_the_service_if_the_group_does_not() -> None:
    group = EcsAccount.group()
    del group["deploymentGroupInfo"]["ecsServices"]
    ecs = EcsAccount(codedeploy__get_deployment_group=group)
    assert (ecs.discover().deployment.cluster, ecs.discover().deployment.service) == ("prod", "shop")


def test_stage_decides_which_listener_routes_to_green() -> None:
    for stage, arn in (("AfterAllowTestTraffic", TEST), ("BeforeAllowTraffic", TEST), ("AfterAllowTraffic", PROD)):
        ecs = EcsAccount(stage)
        assert ecs.discover().deployment.green.url == "http://shop-1.elb.test:8080"
        assert ("elbv2.describe_listeners", {"ListenerArns": [arn]}) in ecs.account.calls


@pytest.mark.parametrize("stage", ["BeforeInstall", "AfterInstall"])
def test_load_balancer_is_not_queried_before_test_traffic(stage: str) -> None:
    ecs = EcsAccount(stage)
    assert ecs.discover().deployment.green.no_url.endswith((f"at {stage}", "AfterAllowTestTraffic"))
    assert "elbv2.describe_listeners" not in ecs.account.names()


def test_missing_test_listener_is_reported_with_advice() -> None:
    green = (
        EcsAccount("BeforeAllowTraffic", codedeploy__get_deployment_group=EcsAccount.group(test=False))
        .discover()
        .deployment.green
    )
    assert green.no_url.startswith("the deployment group has no test listener")


def test_target_group_with_tcp_health_check_has_no_path() -> None:
    groups = [
        EcsAccount.target_group("one", ONE),
        {"TargetGroupName": "two", "TargetGroupArn": TWO, "HealthCheckProtocol": "TCP"},
    ]
    green = EcsAccount(elbv2__describe_target_groups={"TargetGroups": groups}).discover().deployment.green
    assert (green.target_group, green.health_check_path, green.health_check_codes) == (TWO, "", "")
