"""Checks of an ECS service, its task definition, target groups and listeners."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from devkit.doctor.revision import parse_revision
from tests.support.doctor_account import ELB, NOW, ONE, PRODUCTION, TEST, TWO, DoctorAccount, assert_only_finding, ids

if TYPE_CHECKING:
    from tests.support.doctor_account import Change, Mistake


def stack_of(listener: str, group: str) -> dict[str, Any]:
    """Return the answers about a stack whose template sets a listener's target group."""
    tags = [
        {"Key": f"aws:cloudformation:{key}", "Value": value}
        for key, value in (("stack-name", "net"), ("logical-id", "Tests"))
    ]
    properties = {"DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "First"}}]}
    return {
        "elbv2.describe_tags": {"TagDescriptions": [{"ResourceArn": listener, "Tags": tags}]},
        "cloudformation.get_template": {
            "TemplateBody": json.dumps({"Resources": {"Tests": {"Type": "T", "Properties": properties}}})
        },
        "cloudformation.describe_stack_resources": {
            "StackResources": [
                {
                    "LogicalResourceId": "First",
                    "PhysicalResourceId": group,
                    "ResourceType": "T",
                    "Timestamp": NOW,
                    "ResourceStatus": "CREATE_COMPLETE",
                }
            ]
        },
    }


MISTAKES: list[Mistake] = [
    ("test-is-production", "ECS", lambda account: account.pair["testTrafficRoute"].update(listenerArns=[PRODUCTION])),
    (
        "target-groups",
        "ECS",
        lambda account: account.target_group_settings.update(one={"TargetType": "ip"}, two={"TargetType": "instance"}),
    ),
    (
        "target-groups",
        "ECS",
        lambda account: (
            account.target_groups.append("three"),
            account.pair.update(targetGroups=[{"name": "two"}, {"name": "three"}]),
            account.target_groups.remove("one"),
        ),
    ),
    ("service", "ECS", lambda account: account.service.clear()),
    ("service", "ECS", lambda account: account.service.update(status="INACTIVE")),
    ("controller", "ECS", lambda account: account.service.update(deploymentController={"type": "ECS"})),
    ("first-deployment", "ECS", lambda account: account.service.update(taskSets=[])),
    ("target-groups", "ECS", lambda account: account.target_groups.remove("two")),
    ("target-groups", "ECS", lambda account: account.pair["targetGroups"].pop()),
    ("targets-unhealthy", "ECS", lambda account: account.health.append(("10.0.0.3", "unhealthy"))),
    ("targets-unhealthy", "ECS", lambda account: account.health.clear()),
    ("no-test-listener", "ECS", lambda account: account.pair.pop("testTrafficRoute")),
    ("listener", "ECS", lambda account: account.load_balancer_arns.pop(TEST)),
    ("listener-elsewhere", "ECS", lambda account: account.forwards.update({TEST: [(ONE, 0), (TWO, 100)]})),
    ("listener-elsewhere", "ECS", lambda account: account.forwards.update({PRODUCTION: [(TWO, 1)]})),
    ("listener-split", "ECS", lambda account: account.forwards.update({TEST: [(ONE, 50), (TWO, 50)]})),
    (
        "listener-rule",
        "ECS",
        lambda account: (
            account.pair.pop("prodTrafficRoute"),
            account.conditions.append({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}),
        ),
    ),
    ("rule-above", "ECS", lambda account: rules_above("/api/*", path="/api/version")(account)),
    ("listener-of-stack", "ECS", lambda account: account.table.update(stack_of(TEST, TWO))),
    (
        "listeners-apart",
        "ECS",
        lambda account: account.load_balancer_arns.update({TEST: f"{ELB}:loadbalancer/app/other/9"}),
    ),
    (
        "network-balancer",
        "ECS",
        lambda account: account.load_balancer_arns.update(
            dict.fromkeys((PRODUCTION, TEST), f"{ELB}:loadbalancer/net/shop/9")
        ),
    ),
]


@pytest.mark.parametrize(("rule", "platform", "change"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, change: Change) -> None:
    assert_only_finding(rule, platform, change)


def rules_above(pattern: str, **more: Any) -> Change:
    def change(account: DoctorAccount) -> None:
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": [pattern]}}
        first = {
            "RuleArn": "first",
            "Priority": "5",
            "IsDefault": False,
            "Conditions": [condition],
            "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
        }
        own = {
            "RuleArn": "own",
            "Priority": "default",
            "IsDefault": True,
            "Actions": [{"Type": "forward", "TargetGroupArn": ONE}],
        }
        account.table["elbv2.describe_rules"] = {"Rules": [first, own]}
        account.plan = account.plan.replace("get: /", f"get: {more.get('path', '/')}")

    return change


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (
            rules_above("/api/*", path="/api/version"),
            [
                "the production listener: rule 5 (/api/*) takes GET /api/version before green's rule, so the check 'a' "
                "of AfterAllowTraffic ends as an error"
            ],
        ),
        (rules_above("/api/*", path="/health"), []),
        (
            rules_above("/*"),
            [
                f"the {name} listener: the listener on port 80 does not route to the primary task set: rule 5 (/*) "
                "takes every request before the primary task set's rule"
                for name in ("production", "test")
            ],
        ),
    ],
    ids=["path", "other path", "everything"],
)
def test_rule_above_the_services_is_reported_before_a_deployment(change: Change, messages: list[str]) -> None:
    account = DoctorAccount("ECS")
    change(account)

    symptoms = account.examine()

    assert [(symptom.rule, symptom.message) for symptom in symptoms] == [("rule-above", text) for text in messages]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"status": "INACTIVE"}, "is INACTIVE"),
        ({}, "does not exist"),
        ({"containerDefinitions": [{"name": "web", "portMappings": [{"containerPort": 80}]}]}, "no container shop"),
        ({"containerDefinitions": [{"name": "shop", "portMappings": [{"containerPort": 8080}]}]}, "no port 80"),
    ],
    ids=["inactive", "gone", "container", "port"],
)
def test_next_appspec_is_compared_with_its_task_definition(task: dict[str, Any], message: str) -> None:
    account = DoctorAccount("ECS")
    account.task_definition = {**account.task_definition, **task} if task else {}

    symptoms = account.examine(appspec=parse_revision(account.appspec, "appspec.yaml", is_next=True))

    assert [symptom.rule for symptom in symptoms] == ["task-definition"]
    assert message in symptoms[0].message
