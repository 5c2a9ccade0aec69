"""AWS accounts with a deployment, described as tables of responses."""

from __future__ import annotations

from typing import Any

from greenlight.aws.client import Aws
from greenlight.discovery.deployment import DiscoveredDeployment, discover
from tests.support.account import Account

ID = "d-ABCDEF123"
LB = "arn:aws:elasticloadbalancing:mars-west-1:111122223333:loadbalancer/app/shop/1"
PROD, TEST = (f"arn:aws:elasticloadbalancing:mars-west-1:111122223333:listener/app/shop/1/{n}" for n in ("p", "t"))
ONE, TWO = (f"arn:aws:elasticloadbalancing:mars-west-1:111122223333:targetgroup/{n}/2" for n in ("one", "two"))
TASK = "arn:aws:ecs:mars-west-1:111122223333:task-definition/shop:{}"
CERTIFICATE = "arn:aws:acm:mars-west-1:111122223333:certificate/x"


def info(platform: str, **more: Any) -> dict[str, Any]:
    """Return the response of GetDeployment."""
    return {
        "deploymentInfo": {
            "deploymentId": ID,
            "applicationName": "shop",
            "deploymentGroupName": "web",
            "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
            "computePlatform": platform,
            "status": "InProgress",
            "creator": "user",
            **more,
        }
    }


def events(**states: str) -> list[dict[str, Any]]:
    """Return lifecycle events with these states."""
    return [{"lifecycleEventName": name, "status": status} for name, status in states.items()]


def forwarding(*groups: tuple[str, int]) -> list[dict[str, Any]]:
    """Return the actions that forward to target groups with weights."""
    targets = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": targets}}]


def rule(actions: list[dict[str, Any]], *conditions: dict[str, Any], priority: str = "default") -> dict[str, Any]:
    """Return a listener's rule."""
    return {
        "RuleArn": "r",
        "Priority": priority,
        "IsDefault": priority == "default",
        "Conditions": list(conditions),
        "Actions": actions,
    }


def listener(arn: str = TEST, port: int = 8080, protocol: str = "HTTP", **more: Any) -> dict[str, Any]:
    """Return a listener."""
    return {"ListenerArn": arn, "Port": port, "Protocol": protocol, "LoadBalancerArn": LB, "DefaultActions": [], **more}


class EcsAccount:
    """Account with an ECS deployment; green is target group two, `shop:2`. Keywords replace responses."""

    def __init__(self, stage: str = "AfterAllowTestTraffic", **table: Any) -> None:
        self.stage = stage
        task_sets = [
            self.task_set("ecs-svc/1", ONE, 1, "PRIMARY", "d-OLDOLD123"),
            self.task_set("ecs-svc/2", TWO, 2, "ACTIVE", ID),
        ]
        self.table: dict[str, Any] = {
            "codedeploy.get_deployment": info("ECS"),
            "codedeploy.list_deployment_targets": {"targetIds": ["prod:shop"]},
            "codedeploy.batch_get_deployment_targets": self.target(events(**{stage: "InProgress"})),
            "codedeploy.get_deployment_group": self.group(),
            "codedeploy.list_tags_for_resource": {"Tags": []},
            "ecs.describe_services": {"services": [{"serviceName": "shop", "taskSets": task_sets}]},
            "elbv2.describe_target_groups": {
                "TargetGroups": [self.target_group("one", ONE), self.target_group("two", TWO)]
            },
            "elbv2.describe_listeners": {"Listeners": [listener()]},
            "elbv2.describe_rules": {"Rules": [rule(forwarding((TWO, 1)))]},
            "elbv2.describe_load_balancers": {
                "LoadBalancers": [{"LoadBalancerArn": LB, "DNSName": "Shop-1.elb.test", "Type": "application"}]
            },
        } | {name.replace("__", "."): answer for name, answer in table.items()}
        self.account = Account(self.table)
        self.pauses: list[float] = []

    @staticmethod
    def task_set(id: str, group: str, release: int, status: str, external_id: str) -> dict[str, Any]:  # noqa: A002
        """Return a task set."""
        task_set: dict[str, Any] = {
            "id": id,
            "status": status,
            "taskDefinition": TASK.format(release),
            "loadBalancers": [{"targetGroupArn": group}],
        }
        return task_set | ({"externalId": external_id} if external_id else {})

    @staticmethod
    def target(states: list[dict[str, Any]], *infos: dict[str, Any]) -> dict[str, Any]:
        """Return the response of BatchGetDeploymentTargets."""
        member = {"deploymentId": ID, "targetId": "prod:shop", "lifecycleEvents": states, "taskSetsInfo": list(infos)}
        return {"deploymentTargets": [{"deploymentTargetType": "ECSTarget", "ecsTarget": member}]}

    @staticmethod
    def group(test: bool = True) -> dict[str, Any]:
        """Return the response of GetDeploymentGroup."""
        pair: dict[str, Any] = {
            "targetGroups": [{"name": "one"}, {"name": "two"}],
            "prodTrafficRoute": {"listenerArns": [PROD]},
        }
        if test:
            pair["testTrafficRoute"] = {"listenerArns": [TEST]}
        return {
            "deploymentGroupInfo": {
                "serviceRoleArn": "arn:aws-cn:iam::111122223333:role/deploys",
                "ecsServices": [{"serviceName": "shop", "clusterName": "prod"}],
                "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
            }
        }

    @staticmethod
    def target_group(name: str, arn: str) -> dict[str, Any]:
        """Return a target group."""
        return {
            "TargetGroupName": name,
            "TargetGroupArn": arn,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPath": "/up",
            "Matcher": {"HttpCode": "200-299"},
        }

    def discover(self) -> DiscoveredDeployment:
        """Discover the deployment of the account; `pauses` records the waits."""
        return discover(Aws(self.account), ID, self.stage, self.pauses.append)


def lambda_account(stage: str = "BeforeAllowTraffic", **table: Any) -> Account:
    """Return an account with a Lambda deployment; keywords replace responses."""
    function = {"functionName": "orders", "functionAlias": "live", "currentVersion": "7", "targetVersion": "8"}
    target = {
        "deploymentTargetType": "LambdaTarget",
        "lambdaTarget": {"lifecycleEvents": events(**{stage: "InProgress"}), "lambdaFunctionInfo": function},
    }
    return Account(
        {
            "codedeploy.get_deployment": info("Lambda"),
            "codedeploy.list_deployment_targets": {"targetIds": ["orders:live"]},
            "codedeploy.batch_get_deployment_targets": {"deploymentTargets": [target]},
            "codedeploy.get_deployment_group": EcsAccount.group(),
            "codedeploy.list_tags_for_resource": {"Tags": [{"Key": "greenlight:plan", "Value": "file:a.yaml"}]},
        }
        | {name.replace("__", "."): answer for name, answer in table.items()}
    )


def discover_at_once(account: Account, stage: str = "BeforeAllowTraffic") -> DiscoveredDeployment:
    """Discover the deployment of an account without waiting."""
    return discover(Aws(account), ID, stage, lambda _: None)
