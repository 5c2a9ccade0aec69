"""Policies are evaluated as IAM evaluates them, and read in all forms in which IAM stores them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devkit.doctor import permissions
from devkit.doctor.reader import Reader
from tests.support.doctor_account import ACCOUNT_ID, TRUST_POLICY, allow

ANSWER, GROUP = "codedeploy:PutLifecycleEventHookExecutionStatus", "arn:aws:codedeploy:eu-west-1:1:deploymentgroup:a/b"


STATEMENTS: list[tuple[bool, list[dict[str, Any]]]] = [
    (False, []),
    (True, [allow("*", "*")]),
    (True, [allow("codedeploy:*", "*")]),
    (True, [allow("CODEDEPLOY:putlifecycle*", "arn:aws:codedeploy:*:*:deploymentgroup:*")]),
    (True, [{"Effect": "Allow", "Action": ["s3:*", ANSWER], "Resource": ["x", GROUP]}]),
    (True, [allow("codedeploy:Put?ifecycleEventHookExecutionStatus", "*")]),
    (True, [allow(ANSWER, "arn:aws:codedeploy:*:*:deploymentgroup:${aws:PrincipalTag/app}/*")]),
    (True, [{"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::*"}]),
    (False, [{"Effect": "Allow", "NotAction": "codedeploy:*", "Resource": "*"}]),
    (False, [{"Effect": "Allow", "Action": ANSWER, "NotResource": "*"}]),
    (False, [allow(ANSWER, "arn:aws:codedeploy:*:*:deploymentgroup:other/*")]),
    (False, [allow("codedeploy:Get*", "*")]),
    (False, [allow("*", "*"), {"Effect": "Deny", "Action": "codedeploy:Put*", "Resource": "*"}]),
    (True, [allow("*", "*"), {"Effect": "Deny", "Action": "codedeploy:Put*", "Resource": "arn:other"}]),
    (True, [allow("*", "*"), {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a": "b"}}}]),
    (False, [{"Effect": "Allow"}]),
    (False, [{"Action": "*", "Resource": "*"}]),
    (False, [{"Effect": "Allow", "Action": {"odd": 1}, "Resource": [1, None]}]),
]


@pytest.mark.parametrize(("is_allowed", "policy"), STATEMENTS, ids=range(len(STATEMENTS)))
def test_statements_are_evaluated_as_iam_does(is_allowed: bool, policy: list[dict[str, Any]]) -> None:
    assert permissions.allows(permissions.statements({"Statement": policy}), ANSWER, GROUP) is is_allowed


def test_permissions_boundary_limits_a_role() -> None:
    role = permissions.Role(name="r", statements=(allow("*", "*"),), boundary=(allow("s3:*", "*"),))

    assert role.may("s3:GetObject", "x")
    assert not role.may(ANSWER, GROUP)


def test_pattern_with_many_wildcards_is_matched_quickly() -> None:
    assert not permissions.allows((allow("*", "a*" * 200 + "c"),), "x", "a" * 2000 + "b")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Effect", "Action", "Statement"]), inner)
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(json_values)
def test_arbitrary_policy_document_does_not_crash(document: Any) -> None:
    policy = permissions.statements(document)

    assert permissions.allows(policy, ANSWER, GROUP) in (True, False)
    assert isinstance(permissions.trusted_services(document), tuple)


def test_policies_and_boundaries_are_read(moto: Reader) -> None:
    iam = moto.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow(ANSWER, "*")]})
    bounds = json.dumps({"Version": "2012-10-17", "Statement": [allow("lambda:*", "*")]})
    policy = iam.create_policy(PolicyName="answers", PolicyDocument=document)["Policy"]["Arn"]
    boundary = iam.create_policy(PolicyName="bounds", PolicyDocument=bounds)["Policy"]["Arn"]
    for name, more in {"free": {}, "bound": {"PermissionsBoundary": boundary}}.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST_POLICY, Path="/team/", **more)
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=bounds)

    free = permissions.read_role(moto, f"arn:aws:iam::{ACCOUNT_ID}:role/team/free")
    bound = permissions.read_role(moto, f"arn:aws:iam::{ACCOUNT_ID}:role/team/bound")

    assert free is not None
    assert bound is not None
    assert (free.trusts, free.policies) == (("codedeploy.amazonaws.com",), (policy, "own"))
    assert [role.may(ANSWER, GROUP) for role in (free, bound)] == [True, False]
    assert [role.may("lambda:InvokeFunction", "x") for role in (free, bound)] == [True, True]
    assert permissions.read_role(moto, f"arn:aws:iam::{ACCOUNT_ID}:role/gone") is None


def test_managed_policies_of_aws_allow_the_prefix_and_one_of_them_all_names(moto: Reader) -> None:
    expected = {
        "service-role/AWSCodeDeployRoleForLambda": [True, False],
        "service-role/AWSCodeDeployRoleForLambdaLimited": [True, False],
        "AWSCodeDeployRoleForECS": [True, True],
        "AWSCodeDeployRoleForECSLimited": [True, False],
    }
    may = {}
    for number, policy in enumerate(expected):
        name = f"role{number}"
        moto.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST_POLICY)
        moto.client("iam").attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        role = permissions.read_role(moto, f"arn:aws:iam::{ACCOUNT_ID}:role/{name}")
        functions = [
            f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:{name}" for name in ("CodeDeployHook_shop", "shop")
        ]
        may[policy] = [role is not None and role.may("lambda:InvokeFunction", arn) for arn in functions]

    assert may == expected
