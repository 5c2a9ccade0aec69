"""The doctor looks for a way to green for the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doctor_world import PLAN, World, appspec, found_alone, ids

if TYPE_CHECKING:
    from tests.support.doctor_world import Change, Mistake


MISTAKES: list[Mistake] = [
    ("green-out-of-reach", "Lambda", lambda w: setattr(w, "plan", PLAN)),
    ("green-out-of-reach", "ECS", lambda w: (setattr(w, "appspec", appspec("ECS", {"AfterInstall": "CodeDeployHook_greenlight-AfterInstall"})), setattr(w, "plan", PLAN.replace("AfterAllowTraffic", "AfterInstall")))),
    ("green-out-of-reach", "ECS", lambda w: (w.pair.pop("testTrafficRoute"), setattr(w, "appspec", appspec("ECS", {"BeforeAllowTraffic": "CodeDeployHook_greenlight-BeforeAllowTraffic"})), setattr(w, "plan", PLAN.replace("AfterAllowTraffic", "BeforeAllowTraffic")))),
    ("hook-outside", "ECS", lambda w: w.balancer.update(Scheme="internal")),
    ("hook-shut-out", "ECS", lambda w: setattr(w, "admits", {"UserIdGroupPairs": [{"GroupId": "sg-users"}]})),
    ("hook-shut-out", "ECS", lambda w: setattr(w, "admits", {"IpRanges": [{"CidrIp": "203.0.113.0/24"}, {"CidrIp": "10.0.0.0/8"}]})),
    ("hook-shut-out", "ECS", lambda w: w.admits.update(FromPort=443, ToPort=443)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "platform", "wrong"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, wrong: Change) -> None:
    found_alone(rule, platform, wrong)


def test_a_hook_in_the_vpc_is_let_in_by_its_own_security_group() -> None:
    world = World("ECS")
    world.balancer["Scheme"] = "internal"
    world.routes.append({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"})
    world.admits = {"UserIdGroupPairs": [{"GroupId": "sg-hooks"}]}
    found = {}
    for group in ("sg-hooks", "sg-other"):
        world.hook["VpcConfig"] = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": [group], "VpcId": "vpc-1"}
        found[group] = world.found()

    assert found == {"sg-hooks": [], "sg-other": ["hook-shut-out"]}
