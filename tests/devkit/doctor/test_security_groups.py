"""Checks of the route from a hook to green."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doctor_account import PLAN, DoctorAccount, appspec, assert_only_finding, ids

if TYPE_CHECKING:
    from tests.support.doctor_account import Change, Mistake


MISTAKES: list[Mistake] = [
    ("green-out-of-reach", "Lambda", lambda account: setattr(account, "plan", PLAN)),
    (
        "green-out-of-reach",
        "ECS",
        lambda account: (
            setattr(account, "appspec", appspec("ECS", {"AfterInstall": "CodeDeployHook_greenlight-AfterInstall"})),
            setattr(account, "plan", PLAN.replace("AfterAllowTraffic", "AfterInstall")),
        ),
    ),
    (
        "green-out-of-reach",
        "ECS",
        lambda account: (
            account.pair.pop("testTrafficRoute"),
            setattr(
                account,
                "appspec",
                appspec("ECS", {"BeforeAllowTraffic": "CodeDeployHook_greenlight-BeforeAllowTraffic"}),
            ),
            setattr(account, "plan", PLAN.replace("AfterAllowTraffic", "BeforeAllowTraffic")),
        ),
    ),
    ("hook-outside", "ECS", lambda account: account.load_balancer.update(Scheme="internal")),
    (
        "hook-shut-out",
        "ECS",
        lambda account: setattr(account, "ingress", {"UserIdGroupPairs": [{"GroupId": "sg-users"}]}),
    ),
    (
        "hook-shut-out",
        "ECS",
        lambda account: setattr(
            account, "ingress", {"IpRanges": [{"CidrIp": "203.0.113.0/24"}, {"CidrIp": "10.0.0.0/8"}]}
        ),
    ),
    ("hook-shut-out", "ECS", lambda account: account.ingress.update(FromPort=443, ToPort=443)),
]


@pytest.mark.parametrize(("rule", "platform", "change"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, change: Change) -> None:
    assert_only_finding(rule, platform, change)


def test_security_group_of_a_hook_in_the_vpc_is_allowed() -> None:
    account = DoctorAccount("ECS")
    account.load_balancer["Scheme"] = "internal"
    account.routes.append({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"})
    account.ingress = {"UserIdGroupPairs": [{"GroupId": "sg-hooks"}]}
    rules = {}
    for group in ("sg-hooks", "sg-other"):
        account.hook["VpcConfig"] = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": [group], "VpcId": "vpc-1"}
        rules[group] = account.broken_rules()

    assert rules == {"sg-hooks": [], "sg-other": ["hook-shut-out"]}
