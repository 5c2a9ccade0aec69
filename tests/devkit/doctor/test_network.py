"""Checks of the route from a hook in a VPC to CodeDeploy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.account import REGION
from tests.support.doctor_account import DoctorAccount, assert_only_finding, ids

if TYPE_CHECKING:
    from tests.support.doctor_account import Change, Mistake


MISTAKES: list[Mistake] = [
    (
        "hook-without-way-out",
        "Lambda",
        lambda account: account.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}),
    ),
    (
        "hook-without-way-out",
        "Lambda",
        lambda account: (
            account.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}),
            account.routes.append({"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}),
        ),
    ),
    (
        "hook-without-way-out",
        "Lambda",
        lambda account: (
            account.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}),
            account.routes.append({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "blackhole"}),
        ),
    ),
    (
        "hook-without-way-out",
        "Lambda",
        lambda account: (
            account.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}),
            account.endpoints.append(
                {"ServiceName": f"com.amazonaws.{REGION}.codedeploy", "State": "pending", "PrivateDnsEnabled": True}
            ),
        ),
    ),
]


@pytest.mark.parametrize(("rule", "platform", "change"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, change: Change) -> None:
    assert_only_finding(rule, platform, change)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("routes", {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}),
        ("routes", {"DestinationCidrBlock": "0.0.0.0/0", "TransitGatewayId": "tgw-1"}),
        (
            "endpoints",
            {"ServiceName": f"com.amazonaws.{REGION}.codedeploy", "State": "available", "PrivateDnsEnabled": True},
        ),
    ],
)
def test_hook_in_a_vpc_with_a_route_or_endpoint_has_no_finding(attribute: str, value: dict[str, Any]) -> None:
    account = DoctorAccount("Lambda")
    account.hook["VpcConfig"] = {"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}
    getattr(account, attribute).append(value)

    assert account.broken_rules() == []


def test_route_table_of_a_subnet_precedes_the_main_one() -> None:
    account = DoctorAccount("Lambda")
    account.hook["VpcConfig"] = {"SubnetIds": ["subnet-1", "subnet-2"], "VpcId": "vpc-1"}
    out = [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}]
    own = {
        "RouteTables": [
            {"Associations": [{"Main": True}], "Routes": out},
            {"Associations": [{"SubnetId": "subnet-2"}], "Routes": []},
        ]
    }
    account.table["ec2.describe_route_tables"] = own

    (symptom,) = account.examine()

    assert symptom.rule == "hook-without-way-out"
    assert "from the subnets subnet-2 of vpc-1, and Lambda may run it there" in symptom.message
