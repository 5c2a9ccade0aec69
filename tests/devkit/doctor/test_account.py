"""The doctor of an account: what is right has no finding, and what may not be seen hides nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from devkit.doctor import examination
from devkit.doctor.reader import Reader
from greenlight.core.errors import GreenlightError
from tests.support.doctor_world import TESTS, TWO, World, found_alone, ids, run

if TYPE_CHECKING:
    from tests.support.doctor_world import Change, Mistake


@pytest.mark.parametrize("platform", ["ECS", "Lambda"])
def test_a_wiring_that_is_right_has_no_finding(platform: str) -> None:
    assert [str(each) for each in World(platform).examined()] == []


MISTAKES: list[Mistake] = [
    ("could-not-look", "ECS", lambda w: (w.group.update(computePlatform="Server"))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "platform", "wrong"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, wrong: Change) -> None:
    found_alone(rule, platform, wrong)


OPERATIONS = [
    (platform, operation)
    for platform in ("ECS", "Lambda")
    for operation in World(platform).answers()
    if operation not in ("codedeploy.get_application", "codedeploy.list_deployment_groups", "codedeploy.get_deployment_group")
]  # fmt: skip


def asked(world: World) -> set[str]:
    account = world.account()
    examination.account(Reader(account), examination.Query(application="shop"), lambda _: None)
    return set(account.names())


@pytest.mark.parametrize(("platform", "operation"), OPERATIONS, ids=[" ".join(each) for each in OPERATIONS])
def test_a_missing_permission_is_named_and_hides_nothing_else(platform: str, operation: str) -> None:
    world = World(platform)
    del world.group["autoRollbackConfiguration"]
    world.hook["VpcConfig"] = {"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}
    account = world.account()
    (before,) = examination.account(Reader(account), examination.Query(application="shop"), lambda _: None)
    world.table[operation] = "AccessDeniedException"

    found = world.examined()

    if operation not in account.names():
        assert found == list(before.symptoms)  # who is not asked cannot refuse
        return
    unseen = [each for each in found if each.rule == "could-not-look"]
    action = "".join(part.capitalize() for part in operation.partition(".")[2].split("_"))
    assert unseen
    assert any(f"{action} to whoever runs this" in each.fix for each in unseen), unseen
    assert any(each.rule == "no-rollback" for each in found)


@pytest.mark.parametrize(("platform", "operation"), OPERATIONS, ids=[" ".join(each) for each in OPERATIONS])
def test_an_answer_that_lacks_everything_is_no_crash(platform: str, operation: str) -> None:
    world = World(platform)
    world.table[operation] = {}

    assert all(each.message and each.fix for each in world.examined())


def test_all_groups_are_examined_unless_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("Lambda")
    world.table["codedeploy.list_deployment_groups"] = {"deploymentGroups": ["live", "test"]}
    world.table["codedeploy.get_deployment_group"] = lambda asked: {
        "deploymentGroupInfo": {**world.group, "deploymentGroupName": asked["deploymentGroupName"]}
    }

    assert run(world, "--format", "json") == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["examined"]] == ["shop/live", "shop/test"]
    assert run(world, "--group", "test", "--format", "json") == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["examined"]] == ["shop/test"]


@pytest.mark.parametrize(
    ("table", "arguments", "said"),
    [
        ({"codedeploy.get_application": "ApplicationDoesNotExistException"}, [], "there is no application 'shop' in CodeDeploy here; did you mean 'shops'?"),
        ({}, ["--group", "lvie"], "has no deployment group 'lvie'; did you mean 'live'?"),
        ({"codedeploy.list_deployment_groups": {"deploymentGroups": []}}, [], "has no deployment groups"),
        ({"codedeploy.get_application": "AccessDeniedException"}, [], "you may not call codedeploy:GetApplication"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_sentence(table: dict[str, Any], arguments: list[str], said: str) -> None:
    world = World("Lambda")
    world.table = {"codedeploy.list_applications": {"applications": ["shops", "bills"]}, **table}

    with pytest.raises(GreenlightError) as raised:
        run(world, *arguments)

    assert said in str(raised.value)


def test_the_same_is_asked_once() -> None:
    account = World("ECS").account()
    examination.account(Reader(account), examination.Query(application="shop"), lambda _: None)
    calls = [json.dumps(each, default=str, sort_keys=True) for each in account.calls]

    assert sorted(calls) == sorted(set(calls))


def test_nothing_is_changed() -> None:
    reading = ("get_", "list_", "describe_")

    assert [
        each for each in asked(World("ECS")) | asked(World("Lambda")) if not each.split(".")[1].startswith(reading)
    ] == []


def test_progress_names_what_is_looked_at() -> None:
    told: list[str] = []
    examination.account(Reader(World("Lambda").account()), examination.Query(application="shop"), told.append)

    assert told[:3] == ["the application shop", "shop/live", "shop/live: automatic rollback"]


def test_while_a_deployment_runs_listeners_and_alias_are_not_judged() -> None:
    ecs, function = World("ECS"), World("Lambda")
    ecs.forwards[TESTS] = [(TWO, 100)]
    function.alias["RoutingConfig"] = {"AdditionalVersionWeights": {"8": 0.1}}
    for world in (ecs, function):
        world.group["lastAttemptedDeployment"]["status"] = "InProgress"

        assert world.found() == ["deployment-running"]
