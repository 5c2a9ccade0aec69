"""URL of blue before the traffic shift; an error while finding it never fails a gate."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import AwsError
from greenlight.discovery.ecs import find_ecs_sides

BLUE, GREEN = (
    "arn:aws:elasticloadbalancing:mars-west-1:0:targetgroup/one/1",
    "arn:aws:elasticloadbalancing:mars-west-1:0:targetgroup/two/2",
)
PAIR = {
    "targetGroups": [{"name": "one"}, {"name": "two"}],
    "prodTrafficRoute": {"listenerArns": ["production"]},
    "testTrafficRoute": {"listenerArns": ["test"]},
}


def rule(*weights: tuple[str, int]) -> dict[str, Any]:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
    return {
        "IsDefault": True,
        "Priority": "default",
        "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    }


class Account:
    """Account whose production listener has the given rules, or raises an error."""

    def __init__(self, production: Any) -> None:
        self.production = production

    def call_for(self, service: str, operation: str, _member: str, /, **parameters: Any) -> dict[str, Any]:
        return self.call(service, operation, **parameters)

    def read(self, service: str, operation: str, member: str, /, **parameters: Any) -> Any:
        return self.call(service, operation, **parameters)[member]

    def call(self, _service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        if operation == "describe_services":
            sets = [
                {"id": "ecs-svc/1", "status": "PRIMARY", "loadBalancers": [{"targetGroupArn": BLUE}]},
                {
                    "id": "ecs-svc/2",
                    "externalId": "d-1",
                    "status": "ACTIVE",
                    "loadBalancers": [{"targetGroupArn": GREEN}],
                },
            ]
            return {"services": [{"taskSets": sets}]}
        if operation == "describe_target_groups":
            return {
                "TargetGroups": [
                    {"TargetGroupArn": BLUE, "TargetGroupName": "one"},
                    {"TargetGroupArn": GREEN, "TargetGroupName": "two"},
                ]
            }
        if operation == "describe_load_balancers":
            return {"LoadBalancers": [{"DNSName": "Shop.elb.example"}]}
        arn = parameters["ListenerArns"][0]
        if arn == "production" and isinstance(self.production, Exception):
            raise self.production
        return {
            "Listeners": [{"Protocol": "HTTP", "Port": 80 if arn == "production" else 9000, "LoadBalancerArn": "lb"}]
        }

    def pages(self, _service: str, _operation: str, _key: str, **parameters: Any) -> Any:
        return self.production if parameters["ListenerArn"] == "production" else [rule((GREEN, 1))]


def sides(production: Any, stage: str = "AfterAllowTestTraffic", pair: Any = None) -> Any:
    group = {
        "ecsServices": [{"clusterName": "c", "serviceName": "s"}],
        "loadBalancerInfo": {"targetGroupPairInfoList": [pair or PAIR]},
    }
    deployment = Deployment(id="d-1", platform=Platform.ECS, stage=stage)
    account: Any = Account(production)
    return find_ecs_sides(account, deployment, {}, group, {}, sleep=lambda _: None)


@pytest.mark.parametrize("error", [AwsError("denied"), KeyError("LoadBalancerArn"), RuntimeError("odd")])
def test_error_while_finding_blue_becomes_a_reason_and_does_not_affect_green(error: Exception) -> None:
    blue, green, _ = sides(error)
    assert (blue.url, green.url) == ("", "http://shop.elb.example:9000")
    assert blue.no_url.startswith("the URL of blue could not be determined")


@pytest.mark.parametrize("stage", ["AfterAllowTestTraffic", "BeforeAllowTraffic"])
def test_before_the_shift_blue_is_reached_through_the_production_listener(stage: str) -> None:
    blue, green, _ = sides([rule((BLUE, 100), (GREEN, 0))], stage)
    assert (blue.url, blue.no_url) == ("http://shop.elb.example:80", "")
    assert (green.url, green.protocol) == ("http://shop.elb.example:9000", "HTTP")


def test_after_the_shift_blue_has_no_url() -> None:
    blue, green, _ = sides([rule((GREEN, 100), (BLUE, 0))], "AfterAllowTraffic")
    assert (blue.url, green.url) == ("", "http://shop.elb.example:80")
    assert "AfterAllowTraffic" in blue.no_url


def test_listener_with_weighted_traffic_does_not_route_to_blue() -> None:
    blue, _, _ = sides([rule((BLUE, 90), (GREEN, 10))])
    assert "does not route to blue: it sends blue only 90%" in blue.no_url


def test_group_without_a_production_listener_is_reported() -> None:
    blue, _, _ = sides([], pair={**PAIR, "prodTrafficRoute": {}})
    assert blue.no_url == "the deployment group has no production listener"
