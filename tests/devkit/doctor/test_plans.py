"""Checks of the plan that the gate finds, and of the installation's settings."""

from __future__ import annotations

import datetime
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devkit.cli.main import build_full_parser
from tests.support.account import REGION
from tests.support.doctor_account import LAMBDA_PLAN, DoctorAccount, allow, appspec, assert_only_finding, ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.doctor_account import Change, Mistake


IN_FORTY_DAYS = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=40)


def with_absolute_url(host: str) -> str:
    """Return the plan with one more check, which asks a host by its absolute URL."""
    return LAMBDA_PLAN.replace(
        "    checks:\n",
        f"    checks:\n      - {{name: b, http: {{get: 'https://{host}/', expect: {{status: 200}}}}}}\n",
    )


SECRET_PATHS = "greenlight/{application},shared"


def with_secret(reference: str) -> str:
    """Return the plan with a secret in a header."""
    return LAMBDA_PLAN.replace("http: {get: /,", f"http: {{get: /, headers: {{x-key: '${{secret:{reference}}}'}},")


def change_variables(account: DoctorAccount, change: Callable[[dict[str, str]], object]) -> None:
    for function in account.functions.values():
        change(function["Environment"]["Variables"])


def watch_shift(account: DoctorAccount, machine: str = "arn:watch") -> None:
    """Use a plan that watches the shift, and this state machine of the installation."""
    check = "    checks:\n      - {name: w, http: {get: /, expect: {status: 200}}}\n"
    stages = f"stages:\n  BeforeAllowTraffic:\n{check}  AllowTraffic:\n{check}"
    account.plan = LAMBDA_PLAN.replace("stages:\n", stages)
    change_variables(account, lambda variables: variables.update(GREENLIGHT_WATCH_MACHINE=machine))


MISTAKES: list[Mistake] = [
    (
        "hook-may-be-too-short",
        "Lambda",
        lambda account: setattr(
            account, "plan", LAMBDA_PLAN.replace("name: a,", "name: a, timeout: 400s, retry: {attempts: 2},")
        ),
    ),
    (
        "hook-too-short",
        "Lambda",
        lambda account: setattr(account, "plan", LAMBDA_PLAN.replace("    checks:", "    bake: 11m\n    checks:")),
    ),
    ("plan", "Lambda", lambda account: setattr(account, "plan", LAMBDA_PLAN.replace("{status: 200}", "{staus: 200}"))),
    ("plan", "Lambda", lambda account: account.tags.update({"greenlight:plan": "ssm:/nowhere"})),
    ("plan", "Lambda", lambda account: account.tags.update({"greenlight:plan": "ftp://nowhere"})),
    (
        "plan-warning",
        "Lambda",
        lambda account: setattr(account, "plan", LAMBDA_PLAN.replace("{status: 200}", "{status: {ne: 500}}")),
    ),
    ("could-not-look", "Lambda", lambda account: account.tags.update({"greenlight:plan": "file:shop.yaml"})),
    (
        "stage-without-hook",
        "Lambda",
        lambda account: setattr(
            account,
            "appspec",
            appspec("Lambda", {"BeforeAllowTraffic": "CodeDeployHook_greenlight-BeforeAllowTraffic"}),
        ),
    ),
    (
        "stage-without-hook",
        "Lambda",
        lambda account: setattr(
            account,
            "plan",
            LAMBDA_PLAN.replace(
                "stages:\n",
                "stages:\n  AfterInstall:\n    checks:\n      - {name: b, when: {platform: ecs}, target_health: {}}\n",
            ),
        ),
    ),
    ("shift-not-watched", "Lambda", lambda account: watch_shift(account, machine="")),
    (
        "shift-not-watched",
        "Lambda",
        lambda account: (
            watch_shift(account),
            account.group.update(deploymentConfigName="CodeDeployDefault.LambdaAllAtOnce"),
        ),
    ),
    ("default-checks", "Lambda", lambda account: setattr(account, "plan", "")),
    (
        "no-plan",
        "Lambda",
        lambda account: (
            setattr(account, "plan", ""),
            change_variables(account, lambda variables: variables.update(GREENLIGHT_ON_MISSING_PLAN="fail")),
        ),
    ),
    (
        "missing-plan-passes",
        "Lambda",
        lambda account: (
            setattr(account, "plan", ""),
            change_variables(account, lambda variables: variables.update(GREENLIGHT_ON_MISSING_PLAN="pass")),
        ),
    ),
    (
        "installation-older",
        "Lambda",
        lambda account: change_variables(account, lambda variables: variables.pop("GREENLIGHT_NOTICE_ON")),
    ),
    (
        "installation-settings",
        "Lambda",
        lambda account: change_variables(account, lambda variables: variables.update(GREENLIGHT_CONCURRENCY="many")),
    ),
    (
        "shadow",
        "Lambda",
        lambda account: (
            setattr(
                account,
                "plan",
                f"shadow: {{until: '{IN_FORTY_DAYS}', why: new gate}}\n{LAMBDA_PLAN}",
            ),
            change_variables(account, lambda variables: variables.update(GREENLIGHT_ALLOW_SHADOW="true")),
        ),
    ),
    (
        "host-not-allowed",
        "Lambda",
        lambda account: setattr(account, "plan", with_absolute_url("other.example.com")),
    ),
    (
        "host-not-allowed",
        "Lambda",
        lambda account: setattr(
            account, "plan", LAMBDA_PLAN.replace(f"shop.{REGION}.elb.amazonaws.com", "green.example.com")
        ),
    ),
    (
        "secret-not-allowed",
        "Lambda",
        lambda account: (
            setattr(account, "plan", with_secret("ssm:/greenlight/billing/token")),
            account.policies["hook"].append(allow("ssm:GetParameter", "*")),
            change_variables(account, lambda variables: variables.update(GREENLIGHT_SECRET_PATHS=SECRET_PATHS)),
        ),
    ),
    (
        "check-not-allowed",
        "Lambda",
        lambda account: setattr(
            account,
            "plan",
            LAMBDA_PLAN.replace("http: {get: /, expect: {status: 200}}", "logs: {group: shop, expect: 0}"),
        ),
    ),
]


@pytest.mark.parametrize(("rule", "platform", "change"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, change: Change) -> None:
    assert_only_finding(rule, platform, change)


def test_hooks_of_others_need_no_plan() -> None:
    account = DoctorAccount("Lambda")
    account.appspec, account.plan = appspec("Lambda", {"AfterAllowTraffic": "CodeDeployHook_mine"}), ""
    own = {**account.hook, "FunctionName": "CodeDeployHook_mine", "Environment": {}, "Handler": "mine.handler"}
    account.functions = {"CodeDeployHook_mine": own, "greenlight-LastResort": {}}

    assert account.broken_rules() == []


def test_host_in_allowed_hosts_is_accepted() -> None:
    account = DoctorAccount("Lambda")
    account.plan = with_absolute_url("api.example.com")
    for function in account.functions.values():
        function["Environment"]["Variables"]["GREENLIGHT_ALLOWED_HOSTS"] = "*.example.com"

    assert account.broken_rules() == []


@pytest.mark.parametrize(
    ("reference", "paths"),
    [
        ("ssm:/greenlight/shop/token", SECRET_PATHS),
        ("ssm:/shared/token", SECRET_PATHS),
        ("ssm:/greenlight/billing/token", ""),
    ],
)
def test_secret_of_the_application_is_accepted(reference: str, paths: str) -> None:
    account = DoctorAccount("Lambda")
    account.plan = with_secret(reference)
    account.policies["hook"].append(allow("ssm:GetParameter", "*"))
    change_variables(account, lambda variables: variables.update(GREENLIGHT_SECRET_PATHS=paths))

    assert account.broken_rules() == []


def test_plan_file_replaces_the_plan_that_the_gate_finds(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(LAMBDA_PLAN.replace("{status: 200}", "{status: {ne: 500}}"))

    assert DoctorAccount("Lambda").broken_rules(plan=str(path)) == ["plan-warning"]
    assert DoctorAccount("Lambda").broken_rules(plan=str(tmp_path / "none.yaml")) == ["plan"]


def test_plan_is_parsed_for_the_environment_of_its_group() -> None:
    account = DoctorAccount("Lambda")
    account.plan = LAMBDA_PLAN.replace("stages:", "environments:\n  prod: {}\nstages:")

    assert set(account.broken_rules()) == {"plan"}
    account.tags["greenlight:environment"] = "prod"
    assert account.broken_rules() == []


def test_tag_on_a_later_page_names_the_plan() -> None:
    account = DoctorAccount("Lambda")
    page = {"Tags": [{"Key": "greenlight:plan", "Value": "ftp://nowhere"}]}
    account.table["codedeploy.list_tags_for_resource"] = lambda request: (
        page if "NextToken" in request else {"Tags": [], "NextToken": "2"}
    )

    assert account.broken_rules() == ["plan"]


@pytest.mark.parametrize(
    ("bucket", "prefix", "place"),
    [
        ("plans", "/plans", "s3://plans/shop/live.yaml"),
        ("", "/plans", "ssm:/plans/shop/live"),
        ("", "", ""),
    ],
    ids=["bucket", "parameter", "neither"],
)
def test_suggested_push_command_is_valid(bucket: str, prefix: str, place: str) -> None:
    account = DoctorAccount("Lambda")
    account.plan = ""
    for function in account.functions.values():
        function["Environment"]["Variables"] |= {
            "GREENLIGHT_PLAN_BUCKET": bucket,
            "GREENLIGHT_PLAN_PARAMETER_PREFIX": prefix,
        }

    (symptom,) = account.examine()

    command = re.search("greenlight (plan push [^;]*);", symptom.fix)
    assert (build_full_parser().parse_args(shlex.split(command[1])).at if command else "") == place
