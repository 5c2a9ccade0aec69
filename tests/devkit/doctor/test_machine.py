"""Checks of the state machine, of plans that need it, and of the functions that run their checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.account import REGION
from tests.support.doctor_account import (
    ACCOUNT_ID,
    LAMBDA_PLAN,
    NOW,
    PLAN,
    DoctorAccount,
    assert_only_finding,
    function,
    ids,
)

if TYPE_CHECKING:
    from tests.support.doctor_account import Mistake

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:greenlight-Guardian"
VPC_PLAN = f"{PLAN}network: vpc\n"
MANY_CHECKS = LAMBDA_PLAN.replace(
    "    checks:\n",
    "    checks:\n"
    + "".join(f"      - {{name: n{n}, http: {{get: /{n}, expect: {{status: 200}}}}}}\n" for n in range(500)),
)


def with_machine(account: DoctorAccount, status: str = "ACTIVE", **variables: str) -> None:
    """Add the state machine and its probes to an account; the probe in the VPC has a route to S3 and its own group."""
    settings = {"MACHINE": MACHINE, "PROBE_FUNCTION": "greenlight-Probe", **variables}
    for hook in account.functions.values():
        hook["Environment"]["Variables"] |= {f"GREENLIGHT_{name}": value for name, value in settings.items()}
    for name in ("greenlight-Probe", "greenlight-VpcProbe"):
        account.functions[name] = function(name, "GateProbe")
    account.functions["greenlight-VpcProbe"]["VpcConfig"] = {
        "SubnetIds": ["subnet-1"],
        "SecurityGroupIds": ["sg-probe"],
        "VpcId": "vpc-1",
    }
    account.endpoints.append(
        {"ServiceName": f"com.amazonaws.{REGION}.s3", "State": "available", "PrivateDnsEnabled": True}
    )
    account.table["stepfunctions.describe_state_machine"] = (
        {
            "stateMachineArn": MACHINE,
            "name": "greenlight-Guardian",
            "status": status,
            "definition": "{}",
            "roleArn": "arn:aws:iam::111122223333:role/guardian",
            "type": "STANDARD",
            "creationDate": NOW,
        }
        if status
        else "StateMachineDoesNotExist"
    )


def with_vpc_plan(account: DoctorAccount) -> None:
    """Set a plan whose checks run in the operator's subnets, beside an internal load balancer."""
    with_machine(account, VPC_PROBE_FUNCTION="greenlight-VpcProbe")
    account.plan = VPC_PLAN
    account.load_balancer["Scheme"] = "internal"
    account.ingress = {"UserIdGroupPairs": [{"GroupId": "sg-probe"}]}


MISTAKES: list[Mistake] = [
    ("state-machine-missing", "ECS", lambda account: with_machine(account, "")),
    ("state-machine-missing", "Lambda", lambda account: with_machine(account, "DELETING")),
    ("plan-needs-machine", "ECS", lambda account: setattr(account, "plan", VPC_PLAN)),
    ("plan-needs-machine", "Lambda", lambda account: setattr(account, "plan", MANY_CHECKS)),
    (
        "plan-needs-subnets",
        "ECS",
        lambda account: (with_machine(account), setattr(account, "plan", VPC_PLAN)),
    ),
    ("probe-without-way-out", "ECS", lambda account: (with_vpc_plan(account), account.endpoints.clear())),
    (
        "probe-without-way-out",
        "ECS",
        lambda account: (
            with_vpc_plan(account),
            account.endpoints.clear(),
            account.endpoints.append(
                {"ServiceName": f"com.amazonaws.{REGION}.s3", "State": "available", "RouteTableIds": ["rtb-other"]}
            ),
        ),
    ),
    (
        "hook-shut-out",
        "ECS",
        lambda account: (
            with_vpc_plan(account),
            setattr(account, "ingress", {"UserIdGroupPairs": [{"GroupId": "sg-hooks"}]}),
        ),
    ),
    (
        "hook-outside",
        "ECS",
        lambda account: (
            with_machine(account, CONDUCTOR="machine"),
            account.load_balancer.update(Scheme="internal"),
        ),
    ),
]


@pytest.mark.parametrize(("rule", "platform", "change"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, change: Any) -> None:
    assert_only_finding(rule, platform, change)


@pytest.mark.parametrize("conductor", ["auto", "machine"])
def test_plan_for_the_subnets_of_the_operator_has_no_finding(conductor: str) -> None:
    account = DoctorAccount("ECS")
    with_vpc_plan(account)
    account.hook["Environment"]["Variables"]["GREENLIGHT_CONDUCTOR"] = conductor

    assert account.broken_rules() == []


def test_gateway_endpoint_of_the_route_table_is_a_route_to_s3() -> None:
    account = DoctorAccount("ECS")
    with_vpc_plan(account)
    table = {"RouteTableId": "rtb-1", "Associations": [{"SubnetId": "subnet-1"}], "Routes": []}
    account.table["ec2.describe_route_tables"] = {"RouteTables": [table]}
    account.endpoints = [
        {"ServiceName": f"com.amazonaws.{REGION}.s3", "State": "available", "RouteTableIds": ["rtb-1"]}
    ]

    assert account.broken_rules() == []


def test_long_plan_of_an_installation_without_the_state_machine_is_reported_by_its_duration_alone() -> None:
    account = DoctorAccount("Lambda")
    account.plan = LAMBDA_PLAN.replace("    checks:", "    bake: 11m\n    checks:")

    assert account.broken_rules() == ["hook-too-short"]


def test_probe_is_asked_for_the_permissions_of_checks_that_it_runs() -> None:
    account = DoctorAccount("ECS")
    with_machine(account, CONDUCTOR="machine")
    account.functions["greenlight-Probe"]["Role"] = f"arn:aws:iam::{ACCOUNT_ID}:role/probe"
    account.policies["probe"] = []
    account.policies["hook"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    account.plan = PLAN + "      - {name: b, logs: {pattern: ERROR, window: 10m, expect: {lte: 2}}}\n"

    symptoms = account.examine()

    assert [symptom.rule for symptom in symptoms if symptom.rule == "check-not-allowed"], symptoms
    assert "greenlight-Probe does not have" in str(symptoms)


def test_event_whose_probe_does_not_exist_is_not_examined_further() -> None:
    account = DoctorAccount("ECS")
    with_machine(account, CONDUCTOR="machine")
    del account.functions["greenlight-Probe"]
    account.load_balancer["Scheme"] = "internal"

    assert account.broken_rules() == []
