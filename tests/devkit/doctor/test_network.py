"""The doctor looks for a way out of the VPC for a hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.account import REGION
from tests.support.doctor_world import World, found_alone, ids

if TYPE_CHECKING:
    from tests.support.doctor_world import Change, Mistake


MISTAKES: list[Mistake] = [
    ("hook-without-way-out", "Lambda", lambda w: w.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"})),
    ("hook-without-way-out", "Lambda", lambda w: (w.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}), w.routes.append({"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}))),
    ("hook-without-way-out", "Lambda", lambda w: (w.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}), w.routes.append({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "blackhole"}))),
    ("hook-without-way-out", "Lambda", lambda w: (w.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}), w.endpoints.append({"ServiceName": f"com.amazonaws.{REGION}.codedeploy", "State": "pending", "PrivateDnsEnabled": True}))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "platform", "wrong"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, wrong: Change) -> None:
    found_alone(rule, platform, wrong)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ("routes", {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}),
        ("routes", {"DestinationCidrBlock": "0.0.0.0/0", "TransitGatewayId": "tgw-1"}),
        ("endpoints", {"ServiceName": f"com.amazonaws.{REGION}.codedeploy", "State": "available", "PrivateDnsEnabled": True}),
    ],
)  # fmt: skip
def test_a_hook_in_a_vpc_with_a_way_out_is_right(way: str, value: dict[str, Any]) -> None:
    world = World("Lambda")
    world.hook["VpcConfig"] = {"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}
    getattr(world, way).append(value)

    assert world.found() == []


def test_a_subnet_has_its_own_routes_before_those_of_its_vpc() -> None:
    world = World("Lambda")
    world.hook["VpcConfig"] = {"SubnetIds": ["subnet-1", "subnet-2"], "VpcId": "vpc-1"}
    out = [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}]
    own = {"RouteTables": [{"Associations": [{"Main": True}], "Routes": out}, {"Associations": [{"SubnetId": "subnet-2"}], "Routes": []}]}  # fmt: skip
    world.table["ec2.describe_route_tables"] = own

    (found,) = world.examined()

    assert found.rule == "hook-without-way-out"
    assert "from the subnets subnet-2 of vpc-1, and Lambda may run it there" in found.message
