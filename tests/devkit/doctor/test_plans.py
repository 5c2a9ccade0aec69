"""The doctor looks at the plan that the gate would find, and at the settings of the installation."""

from __future__ import annotations

import datetime
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devkit.cli.main import build_full_parser
from tests.support.account import REGION
from tests.support.doctor_world import OF_LAMBDA, PLAN, World, appspec, found_alone, ids

if TYPE_CHECKING:
    from tests.support.doctor_world import Change, Mistake


MISTAKES: list[Mistake] = [
    ("hook-may-be-too-short", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("name: a,", "name: a, timeout: 400s, retry: {attempts: 2},"))),
    ("hook-too-short", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("    checks:", "    bake: 11m\n    checks:"))),
    ("plan", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("{status: 200}", "{staus: 200}"))),
    ("plan", "Lambda", lambda w: w.tags.update({"greenlight:plan": "ssm:/nowhere"})),
    ("plan", "Lambda", lambda w: w.tags.update({"greenlight:plan": "ftp://nowhere"})),
    ("plan-warning", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("{status: 200}", "{status: {ne: 500}}"))),
    ("could-not-look", "Lambda", lambda w: w.tags.update({"greenlight:plan": "file:shop.yaml"})),
    ("stage-without-hook", "Lambda", lambda w: setattr(w, "appspec", appspec("Lambda", {"BeforeAllowTraffic": "CodeDeployHook_greenlight-BeforeAllowTraffic"}))),
    ("stage-without-hook", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("stages:\n", "stages:\n  AfterInstall:\n    checks:\n      - {name: b, when: {platform: ecs}, target_health: {}}\n"))),
    ("default-checks", "Lambda", lambda w: setattr(w, "plan", "")),
    ("no-plan", "Lambda", lambda w: (setattr(w, "plan", ""), [each["Environment"]["Variables"].update(GREENLIGHT_ON_MISSING_PLAN="fail") for each in w.functions.values()])),
    ("missing-plan-passes", "Lambda", lambda w: (setattr(w, "plan", ""), [each["Environment"]["Variables"].update(GREENLIGHT_ON_MISSING_PLAN="pass") for each in w.functions.values()])),
    ("installation-older", "Lambda", lambda w: [each["Environment"]["Variables"].pop("GREENLIGHT_NOTICE_ON") for each in w.functions.values()]),
    ("installation-settings", "Lambda", lambda w: [each["Environment"]["Variables"].update(GREENLIGHT_CONCURRENCY="many") for each in w.functions.values()]),
    ("shadow", "Lambda", lambda w: (setattr(w, "plan", f"shadow: {{until: '{datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=40)}', why: we begin}}\n{OF_LAMBDA}"), [each["Environment"]["Variables"].update(GREENLIGHT_ALLOW_SHADOW="true") for each in w.functions.values()])),
    ("host-not-allowed", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("get: /", "get: 'https://other.example.com/'"))),
    ("host-not-allowed", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace(f"shop.{REGION}.elb.amazonaws.com", "green.example.com"))),
    ("check-not-allowed", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("http: {get: /, expect: {status: 200}}", "logs: {group: shop, expect: 0}"))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "platform", "wrong"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, wrong: Change) -> None:
    found_alone(rule, platform, wrong)


def test_hooks_that_are_not_greenlights_are_asked_for_no_plan() -> None:
    world = World("Lambda")
    world.appspec, world.plan = appspec("Lambda", {"AfterAllowTraffic": "CodeDeployHook_mine"}), ""
    mine = {**world.hook, "FunctionName": "CodeDeployHook_mine", "Environment": {}, "Handler": "mine.handler"}
    world.functions = {"CodeDeployHook_mine": mine, "greenlight-LastResort": {}}

    assert world.found() == []


def test_a_host_that_the_installation_or_the_group_names_is_allowed() -> None:
    world = World("Lambda")
    world.plan = PLAN.replace("get: /", "get: 'https://api.example.com/'")
    for each in world.functions.values():
        each["Environment"]["Variables"]["GREENLIGHT_ALLOWED_HOSTS"] = "*.example.com"

    assert world.found() == []


def test_a_plan_on_this_machine_stands_for_the_one_that_the_gate_would_find(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(OF_LAMBDA.replace("{status: 200}", "{status: {ne: 500}}"))

    assert World("Lambda").found(plan=str(path)) == ["plan-warning"]
    assert World("Lambda").found(plan=str(tmp_path / "none.yaml")) == ["plan"]


def test_a_plan_is_read_for_the_environment_of_its_group() -> None:
    world = World("Lambda")
    world.plan = OF_LAMBDA.replace("stages:", "environments:\n  prod: {}\nstages:")

    assert set(world.found()) == {"plan"}
    world.tags["greenlight:environment"] = "prod"
    assert world.found() == []


def test_a_tag_on_a_later_page_names_the_plan_as_well() -> None:
    world = World("Lambda")
    page = {"Tags": [{"Key": "greenlight:plan", "Value": "ftp://nowhere"}]}
    world.table["codedeploy.list_tags_for_resource"] = lambda asked: (
        page if "NextToken" in asked else {"NextToken": "2"}
    )

    assert world.found() == ["plan"]


@pytest.mark.parametrize(
    ("bucket", "prefix", "place"),
    [
        ("plans", "/plans", "s3://plans/shop/live.yaml"),
        ("", "/plans", "ssm:/plans/shop/live"),
        ("", "", ""),
    ],
    ids=["bucket", "parameter", "neither"],
)
def test_where_a_first_plan_is_to_be_put_is_typed_as_it_stands(bucket: str, prefix: str, place: str) -> None:
    world = World("Lambda")
    world.plan = ""
    for each in world.functions.values():
        each["Environment"]["Variables"] |= {"GREENLIGHT_PLAN_BUCKET": bucket, "GREENLIGHT_PLAN_PARAMETER_PREFIX": prefix}  # fmt: skip

    (found,) = world.examined()

    typed = re.search("greenlight (plan push [^;]*);", found.fix)
    assert (build_full_parser().parse_args(shlex.split(typed[1])).at if typed else "") == place
