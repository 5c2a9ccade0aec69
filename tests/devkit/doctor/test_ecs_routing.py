"""The doctor looks at the ECS service, its target groups and its listeners."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from devkit.doctor.revision import parse_revision
from tests.support.doctor_world import LB, NOW, ONE, TESTS, TWO, USERS, World, found_alone, ids

if TYPE_CHECKING:
    from tests.support.doctor_world import Change, Mistake


def stack_of(listener: str, group: str) -> dict[str, Any]:
    """Give the answers about a stack whose template leads a listener to a target group."""
    tags = [
        {"Key": f"aws:cloudformation:{key}", "Value": value}
        for key, value in (("stack-name", "net"), ("logical-id", "Tests"))
    ]
    properties = {"DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "First"}}]}
    return {
        "elbv2.describe_tags": {"TagDescriptions": [{"ResourceArn": listener, "Tags": tags}]},
        "cloudformation.get_template": {"TemplateBody": json.dumps({"Resources": {"Tests": {"Type": "T", "Properties": properties}}})},
        "cloudformation.describe_stack_resources": {
            "StackResources": [{"LogicalResourceId": "First", "PhysicalResourceId": group, "ResourceType": "T", "Timestamp": NOW, "ResourceStatus": "CREATE_COMPLETE"}]
        },
    }  # fmt: skip


MISTAKES: list[Mistake] = [
    ("test-is-production", "ECS", lambda w: w.pair["testTrafficRoute"].update(listenerArns=[USERS])),
    ("target-groups", "ECS", lambda w: w.kinds.update(one={"TargetType": "ip"}, two={"TargetType": "instance"})),
    ("target-groups", "ECS", lambda w: (w.groups.append("three"), w.pair.update(targetGroups=[{"name": "two"}, {"name": "three"}]), w.groups.remove("one"))),
    ("service", "ECS", lambda w: w.service.clear()),
    ("service", "ECS", lambda w: w.service.update(status="INACTIVE")),
    ("controller", "ECS", lambda w: w.service.update(deploymentController={"type": "ECS"})),
    ("first-deployment", "ECS", lambda w: w.service.update(taskSets=[])),
    ("target-groups", "ECS", lambda w: w.groups.remove("two")),
    ("target-groups", "ECS", lambda w: w.pair["targetGroups"].pop()),
    ("targets-unhealthy", "ECS", lambda w: w.health.append(("10.0.0.3", "unhealthy"))),
    ("targets-unhealthy", "ECS", lambda w: w.health.clear()),
    ("no-test-listener", "ECS", lambda w: w.pair.pop("testTrafficRoute")),
    ("listener", "ECS", lambda w: w.balancers.pop(TESTS)),
    ("listener-elsewhere", "ECS", lambda w: w.forwards.update({TESTS: [(ONE, 0), (TWO, 100)]})),
    ("listener-elsewhere", "ECS", lambda w: w.forwards.update({USERS: [(TWO, 1)]})),
    ("listener-split", "ECS", lambda w: w.forwards.update({TESTS: [(ONE, 50), (TWO, 50)]})),
    ("listener-rule", "ECS", lambda w: (w.pair.pop("prodTrafficRoute"), w.conditions.append({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}))),
    ("listener-of-stack", "ECS", lambda w: w.table.update(stack_of(TESTS, TWO))),
    ("listeners-apart", "ECS", lambda w: w.balancers.update({TESTS: f"{LB}:loadbalancer/app/other/9"})),
    ("network-balancer", "ECS", lambda w: w.balancers.update(dict.fromkeys((USERS, TESTS), f"{LB}:loadbalancer/net/shop/9"))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "platform", "wrong"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, wrong: Change) -> None:
    found_alone(rule, platform, wrong)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"status": "INACTIVE"}, "is INACTIVE"),
        ({}, "does not exist"),
        ({"containerDefinitions": [{"name": "web", "portMappings": [{"containerPort": 80}]}]}, "no container shop"),
        ({"containerDefinitions": [{"name": "shop", "portMappings": [{"containerPort": 8080}]}]}, "no port 80"),
    ],
    ids=["inactive", "gone", "container", "port"],
)
def test_another_appspec_is_held_against_its_task_definition(task: dict[str, Any], said: str) -> None:
    world = World("ECS")
    world.task = {**world.task, **task} if task else {}

    found = world.examined(appspec=parse_revision(world.appspec, "appspec.yaml", is_next=True))

    assert [each.rule for each in found] == ["task-definition"]
    assert said in found[0].message
