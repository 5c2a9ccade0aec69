"""What is being deployed, and how green is reached, found out from a deployment id alone."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.aws.client import Aws
from greenlight.core.deployment import Platform
from greenlight.core.errors import AwsError, DiscoveryError
from greenlight.discovery.deployment import DeploymentEndedError, DiscoveredDeployment, discover
from tests.support.account import Account

ID = "d-ABCDEF123"
LB = "arn:aws:elasticloadbalancing:mars-west-1:111122223333:loadbalancer/app/shop/1"
PROD, TEST = (f"arn:aws:elasticloadbalancing:mars-west-1:111122223333:listener/app/shop/1/{n}" for n in ("p", "t"))
ONE, TWO = (f"arn:aws:elasticloadbalancing:mars-west-1:111122223333:targetgroup/{n}/2" for n in ("one", "two"))
TASK = "arn:aws:ecs:mars-west-1:111122223333:task-definition/shop:{}"
CERTIFICATE = "arn:aws:acm:mars-west-1:111122223333:certificate/x"


def info(platform: str, **more: Any) -> dict[str, Any]:
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
    return [{"lifecycleEventName": name, "status": status} for name, status in states.items()]


def forwarding(*groups: tuple[str, int]) -> list[dict[str, Any]]:
    targets = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": targets}}]


def rule(actions: list[dict[str, Any]], *conditions: dict[str, Any], priority: str = "default") -> dict[str, Any]:
    return {
        "RuleArn": "r",
        "Priority": priority,
        "IsDefault": priority == "default",
        "Conditions": list(conditions),
        "Actions": actions,
    }


def listener(arn: str = TEST, port: int = 8080, protocol: str = "HTTP", **more: Any) -> dict[str, Any]:
    return {"ListenerArn": arn, "Port": port, "Protocol": protocol, "LoadBalancerArn": LB, "DefaultActions": [], **more}


class Ecs:
    """An ECS deployment in its test phase; green is group two, `shop:2`. What differs is said by keyword."""

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
        self.slept: list[float] = []

    @staticmethod
    def task_set(id: str, group: str, release: int, status: str, external: str) -> dict[str, Any]:  # noqa: A002
        found: dict[str, Any] = {
            "id": id,
            "status": status,
            "taskDefinition": TASK.format(release),
            "loadBalancers": [{"targetGroupArn": group}],
        }
        return found | ({"externalId": external} if external else {})

    @staticmethod
    def target(states: list[dict[str, Any]], *infos: dict[str, Any]) -> dict[str, Any]:
        member = {"deploymentId": ID, "targetId": "prod:shop", "lifecycleEvents": states, "taskSetsInfo": list(infos)}
        return {"deploymentTargets": [{"deploymentTargetType": "ECSTarget", "ecsTarget": member}]}

    @staticmethod
    def group(test: bool = True) -> dict[str, Any]:
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
        return {
            "TargetGroupName": name,
            "TargetGroupArn": arn,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPath": "/up",
            "Matcher": {"HttpCode": "200-299"},
        }

    def discovered(self) -> DiscoveredDeployment:
        return discover(Aws(self.account), ID, self.stage, self.slept.append)


def lambda_account(stage: str = "BeforeAllowTraffic", **table: Any) -> Account:
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
            "codedeploy.get_deployment_group": Ecs.group(),
            "codedeploy.list_tags_for_resource": {"Tags": [{"Key": "greenlight:plan", "Value": "file:a.yaml"}]},
        }
        | {name.replace("__", "."): answer for name, answer in table.items()}
    )


def seen(account: Account, stage: str = "BeforeAllowTraffic") -> DiscoveredDeployment:
    return discover(Aws(account), ID, stage, lambda _: None)


# ---- Lambda


def test_lambda_deployment_has_function_and_two_versions() -> None:
    found = seen(lambda_account())
    deployment = found.deployment
    assert (deployment.platform, deployment.application, deployment.group, deployment.creator) == (
        Platform.LAMBDA,
        "shop",
        "web",
        "user",
    )
    assert (deployment.function, deployment.alias) == ("orders", "live")
    assert (deployment.blue.version, deployment.green.version, deployment.region) == ("7", "8", "mars-west-1")
    assert "lambda_invoke" in deployment.green.no_url
    assert found.tags == {"greenlight:plan": "file:a.yaml"}
    assert deployment.notes == ()


def test_tags_are_read_in_the_groups_partition_to_the_last_page() -> None:
    pages: list[Any] = [
        {"Tags": [{"Key": "a", "Value": "1"}], "NextToken": "more"},
        {"Tags": [{"Key": "greenlight:plan", "Value": "ssm:/x"}]},
    ]
    account = lambda_account(codedeploy__list_tags_for_resource=pages)
    assert seen(account).tags == {"a": "1", "greenlight:plan": "ssm:/x"}
    asked = [asked for name, asked in account.calls if name == "codedeploy.list_tags_for_resource"]
    arn = "arn:aws-cn:codedeploy:mars-west-1:111122223333:deploymentgroup:shop/web"
    assert asked == [{"ResourceArn": arn}, {"ResourceArn": arn, "NextToken": "more"}]


@pytest.mark.parametrize("missing", ["functionName", "targetVersion"])
def test_target_without_function_or_version_is_an_error(missing: str) -> None:
    account = lambda_account()
    target: Any = account.table["codedeploy.batch_get_deployment_targets"]
    del target["deploymentTargets"][0]["lambdaTarget"]["lambdaFunctionInfo"][missing]
    with pytest.raises(DiscoveryError, match="which function and version"):
        seen(account)


# ---- Whatever the platform


def test_rollback_needs_no_further_call() -> None:
    account = lambda_account(codedeploy__get_deployment=info("ECS", creator="codeDeployRollback"))
    assert seen(account).deployment.creator == "codeDeployRollback"
    assert account.names() == ["codedeploy.get_deployment"]


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_ended_deployment_is_reported(status: str) -> None:
    with pytest.raises(DeploymentEndedError, match=f"already {status}"):
        seen(lambda_account(codedeploy__get_deployment=info("ECS", status=status)))


@pytest.mark.parametrize("status", ["Created", "Queued", "InProgress", "Baking", "Ready"])
def test_every_other_status_is_a_running_deployment(status: str) -> None:
    assert seen(lambda_account(codedeploy__get_deployment=info("Lambda", status=status))).deployment.id == ID


@pytest.mark.parametrize("platform", ["Server", "Kubernetes"])
def test_unsupported_platform_is_an_error(platform: str) -> None:
    with pytest.raises(DiscoveryError, match=f"compute platform is {platform}"):
        seen(lambda_account(codedeploy__get_deployment=info(platform)))


def test_missing_target_is_waited_for() -> None:
    slept: list[float] = []
    turns: list[Any] = ["DeploymentNotStartedException", {"targetIds": []}, {"targetIds": ["orders:live"]}]
    account = lambda_account(codedeploy__list_deployment_targets=turns)
    assert discover(Aws(account), ID, "BeforeAllowTraffic", slept.append).deployment.function == "orders"
    assert slept == [0.5, 1.0]


@pytest.mark.parametrize("turn", ["DeploymentNotStartedException", {"targetIds": []}])
def test_wait_for_a_missing_target_is_limited(turn: Any) -> None:
    slept: list[float] = []
    account = lambda_account(codedeploy__list_deployment_targets=turn)
    with pytest.raises((DiscoveryError, AwsError)):
        discover(Aws(account), ID, "BeforeAllowTraffic", slept.append)
    assert sum(slept) < 5


def test_stage_that_is_not_in_progress_yet_is_noted() -> None:
    account = lambda_account()
    target: Any = account.table["codedeploy.batch_get_deployment_targets"]
    target["deploymentTargets"][0]["lambdaTarget"]["lifecycleEvents"] = events(
        BeforeAllowTraffic="Pending", AfterAllowTraffic="Pending"
    )
    assert seen(account).deployment.notes == ("CodeDeploy did not show BeforeAllowTraffic as in progress yet",)


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"BeforeAllowTraffic": "Succeeded", "AfterAllowTraffic": "InProgress"}, "AfterAllowTraffic is in progress"),
        ({"BeforeAllowTraffic": "Pending", "AfterAllowTraffic": "InProgress"}, "AfterAllowTraffic is in progress"),
        (
            {"BeforeAllowTraffic": "Succeeded", "AfterAllowTraffic": "Pending"},
            "BeforeAllowTraffic is already Succeeded",
        ),
        ({"BeforeAllowTraffic": "Failed"}, "BeforeAllowTraffic is already Failed"),
    ],
)
def test_hook_of_another_stage_is_an_error(states: dict[str, str], said: str) -> None:
    account = lambda_account()
    target: Any = account.table["codedeploy.batch_get_deployment_targets"]
    target["deploymentTargets"][0]["lambdaTarget"]["lifecycleEvents"] = events(**states)
    with pytest.raises(
        DiscoveryError, match=rf"this is the hook for BeforeAllowTraffic, but CodeDeploy reports that {said}"
    ):
        seen(account)


def test_cloudformation_deployment_needs_a_target_in_the_plan() -> None:
    target = {
        "deploymentTargetType": "CloudFormationTarget",
        "cloudFormationTarget": {"targetId": "x", "lifecycleEvents": []},
    }
    account = lambda_account(
        codedeploy__get_deployment=info("ECS", externalId="arn:stack"),
        codedeploy__batch_get_deployment_targets={"deploymentTargets": [target]},
        codedeploy__get_deployment_group="DeploymentGroupDoesNotExistException",
    )
    deployment = seen(account, "AfterAllowTestTraffic").deployment
    assert "target: {url: …}" in deployment.green.no_url
    assert any("no deployment group" in note for note in deployment.notes)


def test_unsupported_target_type_is_an_error() -> None:
    target = {"deploymentTargetType": "InstanceTarget", "instanceTarget": {}}
    with pytest.raises(DiscoveryError, match="InstanceTarget"):
        seen(lambda_account(codedeploy__batch_get_deployment_targets={"deploymentTargets": [target]}))


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("codedeploy.get_deployment", "codedeploy:GetDeployment"),
        ("codedeploy.list_deployment_targets", "codedeploy:ListDeploymentTargets"),
        ("codedeploy.batch_get_deployment_targets", "codedeploy:BatchGetDeploymentTargets"),
        ("codedeploy.get_deployment_group", "codedeploy:GetDeploymentGroup"),
        ("codedeploy.list_tags_for_resource", "codedeploy:ListTagsForResource"),
        ("ecs.describe_services", "ecs:DescribeServices"),
        ("elbv2.describe_target_groups", "elasticloadbalancing:DescribeTargetGroups"),
    ],
)
def test_denied_call_names_the_missing_permission(operation: str, action: str) -> None:
    ecs = Ecs(**{operation.replace(".", "__"): "AccessDeniedException"})
    with pytest.raises(AwsError, match=rf"{action} was denied; you need that permission") as refused:
        ecs.discovered()
    assert refused.value.code == "AccessDeniedException"


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("elbv2.describe_listeners", "elasticloadbalancing:DescribeListeners"),
        ("elbv2.describe_rules", "elasticloadbalancing:DescribeRules"),
        ("elbv2.describe_load_balancers", "elasticloadbalancing:DescribeLoadBalancers"),
    ],
)
def test_denied_call_for_the_url_becomes_the_reason(operation: str, action: str) -> None:
    green = Ecs(**{operation.replace(".", "__"): "AccessDenied"}).discovered().deployment.green
    assert green.url == ""
    assert f"{action} was denied" in green.no_url
    assert green.target_group == TWO


# ---- ECS: blue and green


def test_green_is_the_task_set_with_the_deployments_id() -> None:
    deployment = Ecs().discovered().deployment
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
        Ecs.task_set("ecs-svc/1", TWO, 1, "PRIMARY", "d-OLDOLD123"),
        Ecs.task_set("ecs-svc/2", ONE, 2, "ACTIVE", ID),
    ]
    ecs = Ecs(
        ecs__describe_services={"services": [{"taskSets": sets}]},
        elbv2__describe_rules={"Rules": [rule(forwarding((ONE, 100), (TWO, 0)))]},
    )
    deployment = ecs.discovered().deployment
    assert (deployment.green.target_group, deployment.blue.target_group) == (ONE, TWO)
    assert deployment.green.url == "http://shop-1.elb.test:8080"


def told_apart(*infos: dict[str, Any], stage: str = "AfterAllowTestTraffic", count: int = 2) -> str:
    sets = [Ecs.task_set("ecs-svc/1", ONE, 1, "PRIMARY", ""), Ecs.task_set("ecs-svc/2", TWO, 2, "ACTIVE", "")][:count]
    ecs = Ecs(
        stage,
        ecs__describe_services={"services": [{"taskSets": sets}]},
        codedeploy__batch_get_deployment_targets=Ecs.target(events(**{stage: "InProgress"}), *infos),
    )
    return ecs.discovered().deployment.green.task_set


def test_label_identifies_green_without_ids() -> None:
    labels = [{"identifer": "ecs-svc/1", "taskSetLabel": "Green"}, {"identifer": "ecs-svc/2", "taskSetLabel": "Blue"}]
    assert told_apart(*labels) == "ecs-svc/1"


@pytest.mark.parametrize(
    ("stage", "green"),
    [("AfterInstall", "ecs-svc/2"), ("BeforeAllowTraffic", "ecs-svc/2"), ("AfterAllowTraffic", "ecs-svc/1")],
)
def test_primary_task_set_is_blue_until_the_shift_without_labels(stage: str, green: str) -> None:
    assert told_apart(stage=stage) == green


def test_single_task_set_without_id_is_not_green() -> None:
    with pytest.raises(DiscoveryError, match="green cannot be distinguished from blue"):
        told_apart(count=1)


def test_only_blue_exists_before_the_install() -> None:
    sets = [Ecs.task_set("ecs-svc/1", ONE, 1, "PRIMARY", "d-OLDOLD123")]
    deployment = Ecs("BeforeInstall", ecs__describe_services={"services": [{"taskSets": sets}]}).discovered().deployment
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
    task_sets = [Ecs.task_set(f"ecs-svc/{n}", ONE if n == 1 else TWO, n, "PRIMARY", ids[n]) for n in sets]
    target = Ecs.target(events(**{stage: "InProgress"}), *([{"taskSetLabel": label}] if label else []))
    table = {"ecs__describe_services": {"services": [{"taskSets": task_sets}]}}
    ecs = Ecs(stage, codedeploy__batch_get_deployment_targets=target, **table)
    if 2 not in sets and stage != "BeforeInstall":
        with pytest.raises(DiscoveryError):
            ecs.discovered()
        return

    assert ecs.discovered().deployment.first is first


@pytest.mark.parametrize(("current", "first"), [("7", False), ("$LATEST", False), ("", True)])
def test_lambda_deployment_without_a_current_version_is_first(current: str, first: bool) -> None:
    account = lambda_account()
    target = account.table["codedeploy.batch_get_deployment_targets"]["deploymentTargets"][0]
    target["lambdaTarget"]["lambdaFunctionInfo"]["currentVersion"] = current

    assert seen(account).deployment.first is first


def test_missing_service_is_an_error() -> None:
    with pytest.raises(DiscoveryError, match="ECS has no service shop in cluster prod"):
        Ecs(ecs__describe_services={"services": []}).discovered()


def test_target_names_the_service_if_the_group_does_not() -> None:
    group = Ecs.group()
    del group["deploymentGroupInfo"]["ecsServices"]
    ecs = Ecs(codedeploy__get_deployment_group=group)
    assert (ecs.discovered().deployment.cluster, ecs.discovered().deployment.service) == ("prod", "shop")


# ---- ECS: the way to green


def routed(*rules: dict[str, Any], found: dict[str, Any] | None = None, **table: Any) -> tuple[Any, Ecs]:
    ecs = Ecs(
        elbv2__describe_rules={"Rules": list(rules)},
        elbv2__describe_listeners={"Listeners": [found or listener()]},
        **table,
    )
    return ecs.discovered().deployment.green, ecs


def test_stage_decides_which_listener_routes_to_green() -> None:
    for stage, arn in (("AfterAllowTestTraffic", TEST), ("BeforeAllowTraffic", TEST), ("AfterAllowTraffic", PROD)):
        ecs = Ecs(stage)
        assert ecs.discovered().deployment.green.url == "http://shop-1.elb.test:8080"
        assert ("elbv2.describe_listeners", {"ListenerArns": [arn]}) in ecs.account.calls


@pytest.mark.parametrize("stage", ["BeforeInstall", "AfterInstall"])
def test_load_balancer_is_not_queried_before_test_traffic(stage: str) -> None:
    ecs = Ecs(stage)
    assert ecs.discovered().deployment.green.no_url.endswith((f"at {stage}", "AfterAllowTestTraffic"))
    assert "elbv2.describe_listeners" not in ecs.account.names()


def test_missing_test_listener_is_reported_with_advice() -> None:
    green = (
        Ecs("BeforeAllowTraffic", codedeploy__get_deployment_group=Ecs.group(test=False)).discovered().deployment.green
    )
    assert green.no_url.startswith("the deployment group has no test listener")


def test_scalar_form_of_a_target_group_is_supported() -> None:
    assert routed(rule([{"Type": "forward", "TargetGroupArn": TWO}]))[0].url


@pytest.mark.parametrize("weights", [((TWO, 100), (ONE, 0)), ((ONE, 0), (TWO, 1)), ((TWO, 0),)])
def test_group_with_weight_zero_is_ignored(weights: Any) -> None:
    assert routed(rule(forwarding(*weights)))[0].url == "http://shop-1.elb.test:8080"


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        (forwarding((TWO, 90), (ONE, 10)), "only 90% of its traffic"),
        (forwarding((TWO, 0), (ONE, 100)), "none of its 1 rules forwards to green's target group"),
        (forwarding((ONE, 1)), "none of its 1 rules forwards to green's target group (actions: forward)"),
        (forwarding((TWO, 0), (ONE, 0)), "none of its 1 rules"),
        ([{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}], "(actions: redirect)"),
        ([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}], "(actions: fixed-response)"),
    ],
)
def test_listener_that_may_route_to_blue_is_not_used(actions: Any, said: str) -> None:
    green, ecs = routed(rule(actions))
    assert green.url == ""
    assert said in green.no_url
    assert sum(ecs.slept) == 6, "CodeDeploy may just have changed it"


def test_listener_that_changes_late_is_waited_for() -> None:
    turns = [ONE, TWO]

    def rules(asked: dict[str, Any]) -> dict[str, Any]:
        leads_to = turns.pop(0) if asked["ListenerArn"] == TEST and len(turns) > 1 else TWO
        return {"Rules": [rule(forwarding((leads_to, 1)))]}

    ecs = Ecs(elbv2__describe_rules=rules)
    assert ecs.discovered().deployment.green.url
    assert ecs.slept == [1.0]


def hosts(*values: str, **more: Any) -> dict[str, Any]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values), **more}}


def test_conditions_of_the_rule_become_host_paths_and_headers() -> None:
    paths = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*", "/cart"]}}
    header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Tenant", "Values": ["smoke-*"]}}
    green, _ = routed(
        rule(forwarding((ONE, 1))),
        rule(forwarding((TWO, 1)), hosts("*.wild.test", "shop.test"), paths, header, priority="5"),
    )
    assert (green.host, green.path_patterns, green.headers) == (
        "shop.test",
        ("/shop/*", "/cart"),
        {"X-Tenant": "smoke-greenlight"},
    )


def test_wildcard_host_is_replaced_by_a_matching_one() -> None:
    assert routed(rule(forwarding((TWO, 1)), hosts("*.shop.t?st"), priority="1"))[0].host == "greenlight.shop.txst"


def test_old_form_of_a_condition_is_supported() -> None:
    assert (
        routed(rule(forwarding((TWO, 1)), {"Field": "host-header", "Values": ["old.test"]}, priority="1"))[0].host
        == "old.test"
    )


def test_rule_with_the_highest_priority_wins_before_the_default() -> None:
    green, _ = routed(
        rule(forwarding((TWO, 1))),
        rule(forwarding((TWO, 1)), hosts("ten.test"), priority="10"),
        rule(forwarding((TWO, 1)), hosts("nine.test"), priority="9"),
    )
    assert green.host == "nine.test"


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "green", "Value": "1"}]}}, "query-string"),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}, "source-ip"),
        ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}, "http-request-method"),
        ({"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^shop.*"]}}, "host-header"),
    ],
)
def test_rule_with_unsupported_conditions_is_not_used(condition: Any, field: str) -> None:
    hard = rule(forwarding((TWO, 1)), condition, priority="1")
    green, _ = routed(hard, rule(forwarding((ONE, 1))))
    assert green.url == ""
    assert f"its rule requires {field}, which a check cannot be certain to satisfy" in green.no_url
    assert routed(hard, rule(forwarding((TWO, 1)), hosts("easy.test"), priority="2"))[0].host == "easy.test"


def test_rules_are_read_to_the_last_page() -> None:
    first = [rule(forwarding((ONE, 1)), hosts(f"h{n}.test"), priority=str(n)) for n in range(1, 101)]

    def rules(asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("Marker") == "more":
            return {"Rules": [rule(forwarding((TWO, 1)), hosts("last.test"), priority="101")]}
        return {"Rules": first, "NextMarker": "more"}

    assert Ecs(elbv2__describe_rules=rules).discovered().deployment.green.host == "last.test"


# ---- TLS and the network load balancer


def https(**table: Any) -> tuple[Any, Ecs]:
    secure = listener(port=8443, protocol="HTTPS", Certificates=[{"CertificateArn": CERTIFICATE}])
    return routed(table.pop("rule", rule(forwarding((TWO, 1)))), found=secure, **table)


def certificate(*names: str) -> dict[str, Any]:
    return {"Certificate": {"DomainName": names[0], "SubjectAlternativeNames": list(names)}}


def test_host_of_a_tls_listener_comes_from_tag_rule_or_certificate() -> None:
    tagged = {"Tags": [{"Key": "greenlight:host", "Value": "tagged.test"}]}
    ruled = rule(forwarding((TWO, 1)), hosts("ruled.test"), priority="1")
    cert = certificate("*.certified.test", "certified.test")
    for options, host in (
        ({"codedeploy__list_tags_for_resource": tagged, "rule": ruled}, "tagged.test"),
        ({"rule": ruled}, "ruled.test"),
        ({"acm__describe_certificate": cert}, "certified.test"),
        ({"acm__describe_certificate": certificate("*.only.test")}, "greenlight.only.test"),
        ({"acm__describe_certificate": "AccessDeniedException"}, ""),
    ):
        green, _ = https(**options)
        assert (green.url, green.host) == ("https://shop-1.elb.test:8443", host)


def test_certificate_outside_acm_is_not_read() -> None:
    secure = listener(
        protocol="HTTPS", Certificates=[{"CertificateArn": "arn:aws:iam::111122223333:server-certificate/x"}]
    )
    assert routed(rule(forwarding((TWO, 1))), found=secure)[0].host == ""


@pytest.mark.parametrize(
    ("protocol", "port", "url"),
    [
        ("TCP", 80, "http://shop-1.elb.test:80"),
        ("TCP", 443, "https://shop-1.elb.test:443"),
        ("TLS", 9000, "https://shop-1.elb.test:9000"),
    ],
)
def test_rules_of_a_network_load_balancer_are_not_read(protocol: str, port: int, url: str) -> None:
    green, ecs = routed(found=listener(port=port, protocol=protocol, DefaultActions=forwarding((TWO, 1))))
    assert green.url == url
    assert "elbv2.describe_rules" not in ecs.account.names()


def test_network_load_balancer_that_routes_to_blue_is_not_used() -> None:
    green, _ = routed(found=listener(protocol="TCP", DefaultActions=forwarding((ONE, 1))))
    assert "does not send all its traffic to green" in green.no_url


def test_deleted_listener_is_reported() -> None:
    green = Ecs(elbv2__describe_listeners={"Listeners": []}).discovered().deployment.green
    assert "does not exist" in green.no_url


def test_target_group_with_tcp_health_check_has_no_path() -> None:
    groups = [
        Ecs.target_group("one", ONE),
        {"TargetGroupName": "two", "TargetGroupArn": TWO, "HealthCheckProtocol": "TCP"},
    ]
    green = Ecs(elbv2__describe_target_groups={"TargetGroups": groups}).discovered().deployment.green
    assert (green.target_group, green.health_check_path, green.health_check_codes) == (TWO, "", "")


def test_throttled_call_is_reported() -> None:
    with pytest.raises(AwsError, match="codedeploy:GetDeployment failed with ThrottlingException"):
        seen(lambda_account(codedeploy__get_deployment="ThrottlingException"))
