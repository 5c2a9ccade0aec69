"""Examination of an account: a valid setup has no finding, and a missing permission hides nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from devkit.doctor import examination
from devkit.doctor.reader import Reader
from greenlight.core.errors import GreenlightError
from tests.support.doctor_account import TEST, TWO, DoctorAccount, assert_only_finding, ids, run

if TYPE_CHECKING:
    from tests.support.doctor_account import Change, Mistake


@pytest.mark.parametrize("platform", ["ECS", "Lambda"])
def test_valid_setup_has_no_finding(platform: str) -> None:
    assert [str(symptom) for symptom in DoctorAccount(platform).examine()] == []


MISTAKES: list[Mistake] = [
    ("could-not-look", "ECS", lambda account: account.group.update(computePlatform="Server")),
]


@pytest.mark.parametrize(("rule", "platform", "change"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, change: Change) -> None:
    assert_only_finding(rule, platform, change)


OPERATIONS = [
    (platform, operation)
    for platform in ("ECS", "Lambda")
    for operation in DoctorAccount(platform).answers()
    if operation
    not in ("codedeploy.get_application", "codedeploy.list_deployment_groups", "codedeploy.get_deployment_group")
]


def operations_called_for(account: DoctorAccount) -> set[str]:
    session = account.session()
    examination.examine_account(Reader(session), examination.Query(application="shop"), lambda _: None)
    return set(session.names())


@pytest.mark.parametrize(("platform", "operation"), OPERATIONS, ids=[" ".join(operation) for operation in OPERATIONS])
def test_missing_permission_is_named_and_hides_nothing_else(platform: str, operation: str) -> None:
    account = DoctorAccount(platform)
    del account.group["autoRollbackConfiguration"]
    account.hook["VpcConfig"] = {"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}
    session = account.session()
    (before,) = examination.examine_account(Reader(session), examination.Query(application="shop"), lambda _: None)
    account.table[operation] = "AccessDeniedException"

    symptoms = account.examine()

    if operation not in session.names():
        assert symptoms == list(before.symptoms)  # an operation that is not called cannot be denied
        return
    unseen = [symptom for symptom in symptoms if symptom.rule == "could-not-look"]
    action = "".join(part.capitalize() for part in operation.partition(".")[2].split("_"))
    assert unseen
    assert any(f"{action} for the identity that runs this command" in symptom.fix for symptom in unseen), unseen
    assert any(symptom.rule == "no-rollback" for symptom in symptoms)


@pytest.mark.parametrize(("platform", "operation"), OPERATIONS, ids=[" ".join(operation) for operation in OPERATIONS])
def test_empty_response_does_not_crash(platform: str, operation: str) -> None:
    account = DoctorAccount(platform)
    account.table[operation] = {}

    assert all(symptom.message and symptom.fix for symptom in account.examine())


def test_all_groups_are_examined_unless_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    account = DoctorAccount("Lambda")
    account.table["codedeploy.list_deployment_groups"] = {"deploymentGroups": ["live", "test"]}
    account.table["codedeploy.get_deployment_group"] = lambda request: {
        "deploymentGroupInfo": {**account.group, "deploymentGroupName": request["deploymentGroupName"]}
    }

    assert run(account, "--format", "json") == 0
    assert [group["name"] for group in json.loads(capsys.readouterr().out)["examined"]] == ["shop/live", "shop/test"]
    assert run(account, "--group", "test", "--format", "json") == 0
    assert [group["name"] for group in json.loads(capsys.readouterr().out)["examined"]] == ["shop/test"]


@pytest.mark.parametrize(
    ("table", "arguments", "message"),
    [
        (
            {"codedeploy.get_application": "ApplicationDoesNotExistException"},
            [],
            "CodeDeploy has no application 'shop' in this account and Region; did you mean 'shops'?",
        ),
        ({}, ["--group", "lvie"], "has no deployment group 'lvie'; did you mean 'live'?"),
        ({"codedeploy.list_deployment_groups": {"deploymentGroups": []}}, [], "has no deployment groups"),
        ({"codedeploy.get_application": "AccessDeniedException"}, [], "access denied to codedeploy:GetApplication"),
    ],
)
def test_missing_application_or_group_is_an_error_with_a_suggestion(
    table: dict[str, Any], arguments: list[str], message: str
) -> None:
    account = DoctorAccount("Lambda")
    account.table = {"codedeploy.list_applications": {"applications": ["shops", "bills"]}, **table}

    with pytest.raises(GreenlightError) as raised:
        run(account, *arguments)

    assert message in str(raised.value)


def test_each_request_is_sent_once() -> None:
    session = DoctorAccount("ECS").session()
    examination.examine_account(Reader(session), examination.Query(application="shop"), lambda _: None)
    calls = [json.dumps(call, default=str, sort_keys=True) for call in session.calls]

    assert sorted(calls) == sorted(set(calls))


def test_only_reading_operations_are_called() -> None:
    reading = ("get_", "list_", "describe_")

    assert [
        operation
        for operation in operations_called_for(DoctorAccount("ECS")) | operations_called_for(DoctorAccount("Lambda"))
        if not operation.split(".")[1].startswith(reading)
    ] == []


def test_progress_names_the_subject_of_each_step() -> None:
    subjects: list[str] = []
    examination.examine_account(
        Reader(DoctorAccount("Lambda").session()), examination.Query(application="shop"), subjects.append
    )

    assert subjects[:3] == ["the application shop", "shop/live", "shop/live: automatic rollback"]


def test_listeners_and_alias_are_not_checked_while_a_deployment_runs() -> None:
    ecs, function = DoctorAccount("ECS"), DoctorAccount("Lambda")
    ecs.forwards[TEST] = [(TWO, 100)]
    function.alias["RoutingConfig"] = {"AdditionalVersionWeights": {"8": 0.1}}
    for account in (ecs, function):
        account.group["lastAttemptedDeployment"]["status"] = "InProgress"

        assert account.broken_rules() == ["deployment-running"]
