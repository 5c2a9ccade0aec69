"""Preparation of a gate: the plan, the default checks without one, and the URL of green."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from greenlight.aws.client import Aws
from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import ROLLBACK_CREATORS, STAGES, Deployment, Platform, Side
from greenlight.core.errors import AwsError, DiscoveryError, PlanError
from greenlight.core.routing_rules import RoutingRule, RuleCondition
from greenlight.core.settings import Settings
from greenlight.gate.conductor import machine_reason
from greenlight.gate.prepare import (
    REACHABLE_STAGES,
    Prepared,
    apply_plan_target,
    default_stage,
    prepare,
    with_secrets,
)
from greenlight.plan.model import Plan, Stage
from greenlight.plan.parser import parse
from greenlight.plan.schema import Accepts

GROUP = "arn:aws:elasticloadbalancing:mars-west-1:000000000000:targetgroup/green/1"
ECS = Deployment(
    id="d-1",
    platform=Platform.ECS,
    stage="AfterAllowTestTraffic",
    application="shop",
    group="bg",
    green=Side(
        url="http://alb:8080", host="shop.test", headers={"x": "1"}, path_patterns=("/shop/*",),
        target_group=GROUP, health_check_path="/health", health_check_codes="200-202,301",
    ),
    blue=Side(target_group=GROUP),
)  # fmt: skip
LAMBDA = Deployment(id="d-2", platform=Platform.LAMBDA, stage="BeforeAllowTraffic", function="orders")


class NoAws(Aws):
    """An account in which nothing may be called."""

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        raise AssertionError(f"{service}.{operation} was called")


class NoSecrets(Aws):
    """An account without secrets."""

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        raise AwsError(f"{operation} failed", "ResourceNotFoundException")


def prepared(tmp_path: Any, deployment: Deployment, plan: str = "", **choices: Any) -> Prepared:
    if plan:
        (tmp_path / "shop.yaml").write_text(plan)
    return prepare(NoAws(), Settings(plan_folder=str(tmp_path), **choices), deployment, {})


OTHER_STAGE = """\
version: 1
target: {url: "https://shop.example.com/", host: shop.example.com}
stages:
  AfterAllowTraffic:
    checks:
      - {name: x, http: {get: /, expect: {status: 200}}}
"""


def test_an_operator_can_require_a_plan(tmp_path: Any) -> None:
    with pytest.raises(PlanError, match=r"no plan was found for shop/bg, and this installation requires one"):
        prepared(tmp_path, ECS, on_missing_plan="fail")


def test_a_plan_without_this_stage_counts_as_a_missing_plan(tmp_path: Any) -> None:
    with pytest.raises(
        PlanError, match="has no stage AfterAllowTestTraffic, and this installation requires one"
    ) as error:
        prepared(tmp_path, ECS, OTHER_STAGE, on_missing_plan="fail")

    assert error.value.source.endswith("shop.yaml")


def test_a_deployment_without_an_application_is_named_by_its_id(tmp_path: Any) -> None:
    unnamed = msgspec.structs.replace(ECS, application="", group="")

    with pytest.raises(PlanError, match="no plan was found for d-1"):
        prepared(tmp_path, unnamed, on_missing_plan="fail")


def test_an_operator_can_let_deployments_without_a_plan_pass(tmp_path: Any) -> None:
    gate = prepared(tmp_path, ECS, on_missing_plan="pass")

    assert gate.checks == ()
    assert "OnMissingPlan is pass" in gate.plan.waived


def test_without_a_plan_the_default_checks_run_and_a_note_says_so(tmp_path: Any) -> None:
    gate = prepared(tmp_path, ECS)

    assert [check.validator for check in gate.checks] == ["target_health", "http"]
    assert gate.deployment.notes == ("no plan was found for shop/bg, so the default checks ran",)
    assert (gate.plan.source.uri, gate.plan.source.sha256, gate.bake_s) == ("default-checks", "", 0.0)


def test_default_checks_use_the_url_of_green_from_the_plan(tmp_path: Any) -> None:
    gate = prepared(tmp_path, ECS, OTHER_STAGE)

    assert (gate.deployment.green.url, gate.deployment.green.host) == ("https://shop.example.com", "shop.example.com")
    assert "has no stage AfterAllowTestTraffic, so the default checks ran" in gate.deployment.notes[0]


def test_default_checks_run_in_the_network_of_a_plan_without_this_stage(tmp_path: Any) -> None:
    stages = "stages: {AfterInstall: {checks: [{name: a, targets: {}}]}}"
    gates = [prepared(tmp_path, ECS, f"version: 1\nnetwork: {network}\n{stages}\n") for network in ("vpc", "hook")]
    assert [gate.plan.network for gate in gates] == ["vpc", "hook"]
    assert [gate.plan.source.uri for gate in gates] == ["default-checks", "default-checks"]
    assert machine_reason(gates[0].plan, ECS.stage, 16, 600) == "its plan says network: vpc"


def test_default_checks_keep_the_shadow_of_a_plan_without_this_stage(tmp_path: Any) -> None:
    shadow = 'version: 1\nshadow: {until: "2020-01-01", why: getting to know it}\n'

    assert prepared(tmp_path, ECS).plan.shadow is None
    gate = prepared(tmp_path, ECS, OTHER_STAGE.replace("version: 1\n", shadow))
    assert gate.plan.shadow is not None
    assert gate.plan.source.uri == "default-checks"


def test_health_check_path_of_another_rule_is_not_asked_and_the_note_names_the_rule(tmp_path: Any) -> None:
    def below(pattern: str, **more: Any) -> Deployment:
        rules = (RoutingRule(priority="5", conditions=(RuleCondition(field="path-pattern", values=(pattern,)),)),)
        return msgspec.structs.replace(ECS, green=msgspec.structs.replace(ECS.green, rules_above=rules, **more))

    for path, patterns in (("/shop/health", ("/shop/*",)), ("/health", ())):
        gate = prepared(tmp_path, below(path, path_patterns=patterns))
        assert [check.validator for check in gate.checks] == ["target_health"]
        assert gate.plan.stages[gate.deployment.stage].accepts == Accepts(
            evidence="readiness", why=f"rule 5 ({path}) takes GET {path} before green's rule"
        )
        assert gate.deployment.notes[1] == (
            f"rule 5 ({path}) takes GET {path} before green's rule, so the default checks did not request it"
        )
    assert [check.validator for check in prepared(tmp_path, below("/api/*")).checks] == ["target_health", "http"]
    assert [check.validator for check in prepared(tmp_path, below("*", path_patterns=("/x",))).checks][1:] == ["http"]


@pytest.mark.parametrize("creator", ROLLBACK_CREATORS)
def test_a_rollback_is_let_through_without_a_plan_or_a_call(tmp_path: Any, creator: str) -> None:
    gate = prepared(tmp_path, msgspec.structs.replace(ECS, creator=creator), "not: a plan")

    assert "is a rollback" in gate.plan.waived


@pytest.mark.parametrize("creator", ROLLBACK_CREATORS)
def test_a_rollback_is_checked_if_the_operator_chose_so(tmp_path: Any, creator: str) -> None:
    gate = prepared(tmp_path, msgspec.structs.replace(ECS, creator=creator), on_rollback="check")

    assert gate.checks


def test_a_stage_with_a_plan_has_its_checks(tmp_path: Any) -> None:
    plan = OTHER_STAGE.replace("  AfterAllowTraffic:\n", "  AfterAllowTestTraffic:\n    bake: 30s\n")

    gate = prepared(tmp_path, ECS, plan)

    assert ([check.name for check in gate.checks], gate.bake_s, gate.deployment.notes) == (["x"], 30.0, ())


@pytest.mark.parametrize(
    ("tags", "environment"),
    [({}, "prod"), ({"greenlight:environment": " staging "}, "staging"), ({"greenlight:environment": ""}, "prod")],
    ids=["installation", "tag", "empty tag"],
)
def test_the_environment_tag_of_the_group_overrides_the_installations(
    tmp_path: Any, tags: dict[str, str], environment: str
) -> None:
    gate = prepare(NoAws(), Settings(plan_folder=str(tmp_path), environment="prod"), ECS, tags)

    assert gate.deployment.environment == environment


def test_secrets_of_a_check_that_does_not_run_are_not_fetched(tmp_path: Any) -> None:
    plan = OTHER_STAGE.replace("  AfterAllowTraffic:", "  AfterAllowTestTraffic:").replace(
        "http: {get: /", 'when: {environment: staging}, http: {headers: {a: "${secret:ssm:/a}"}, get: /'
    )

    prod, staging = (prepared(tmp_path, ECS, plan, environment=name) for name in ("prod", "staging"))

    assert with_secrets(prod, NoAws(), Settings()).secrets == {}
    with pytest.raises(AssertionError, match="ssm"):
        with_secrets(staging, NoAws(), Settings())


SECRETS_OF_TWO_APPLICATIONS = OTHER_STAGE.replace("  AfterAllowTraffic:", "  AfterAllowTestTraffic:").replace(
    "http: {get: /",
    'http: {headers: {a: "${secret:ssm:/g/shop/a}", b: "${secret:secretsmanager:g/billing/b#c}"}, get: /',
)


def test_no_secret_is_read_if_one_of_them_belongs_to_another_application(tmp_path: Any) -> None:
    gate = prepared(tmp_path, ECS, SECRETS_OF_TWO_APPLICATIONS)

    with pytest.raises(PlanError) as caught:
        with_secrets(gate, NoAws(), Settings(secret_paths=("g/{application}",)))

    assert [str(problem) for problem in caught.value.problems] == [
        "${secret:secretsmanager:g/billing/b#c}: plans of shop may refer to secrets below g/shop/ only (SecretPaths); "
        "use a secret with such a name, or ask the operator of greenlight to add its path"
    ]
    assert caught.value.source.endswith("shop.yaml")
    assert caught.value.plan == gate.plan.source


def test_secrets_below_the_paths_of_the_application_are_read(tmp_path: Any) -> None:
    gate = prepared(tmp_path, ECS, SECRETS_OF_TWO_APPLICATIONS)

    with pytest.raises(AssertionError, match="was called"):
        with_secrets(gate, NoAws(), Settings(secret_paths=("g/{application}", "g/billing")))


def test_error_of_a_secret_names_the_plan_that_refers_to_it(tmp_path: Any) -> None:
    gate = prepared(tmp_path, ECS, SECRETS_OF_TWO_APPLICATIONS)

    with pytest.raises(PlanError, match="there is no such secret") as caught:
        with_secrets(gate, NoSecrets(), Settings())

    assert caught.value.source.endswith("shop.yaml")


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "BeforeInstall"])
def test_blues_health_is_not_evidence_for_green(stage: str) -> None:
    bare = msgspec.structs.replace(ECS, stage=stage, green=Side())

    with pytest.raises(DiscoveryError, match=f"green has no target group at {stage}"):
        default_stage(bare)


def test_before_green_is_installed_blue_must_be_healthy() -> None:
    (check,) = default_stage(msgspec.structs.replace(ECS, stage="BeforeInstall", green=Side())).checks

    assert check.params == {"side": "blue"}


def test_a_deployment_without_anything_to_check_is_an_error() -> None:
    with pytest.raises(DiscoveryError, match="blue has no target group at BeforeInstall"):
        default_stage(Deployment(id="d", platform=Platform.ECS, stage="BeforeInstall"))


@pytest.mark.parametrize(("path", "last"), [("/health", "http"), ("", "tcp")], ids=["http", "no path"])
def test_default_checks_of_a_green_with_a_url_ask_it(path: str, last: str) -> None:
    green = msgspec.structs.replace(ECS.green, url="http://green.test", target_group="arn:x", health_check_path=path)

    checks = default_stage(msgspec.structs.replace(ECS, green=green)).checks

    assert [check.validator for check in checks] == ["target_health", last]


@pytest.mark.parametrize("deployment", [ECS, LAMBDA], ids=["ecs", "lambda"])
def test_default_checks_are_at_least_one_and_fit_their_validators(deployment: Deployment) -> None:
    checks = default_stage(deployment).checks
    plan = Plan(stages={deployment.stage: Stage(checks=checks)})

    bound = bind(plan, deployment, {}, Registry())[deployment.stage]

    assert len(bound) >= 1
    assert all(check.params is not None and not check.malformed for check in bound)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ("", [200]),
        ("200", [200]),
        ("200-202", [200, 201, 202]),
        ("200,301", [200, 301]),
        (" 200 , 204-205 ", [200, 204, 205]),
        ("200,", [200]),
        ("0-99", [200]),
        ("12", [200]),
        ("what", [200]),
    ],
)
def test_the_default_health_check_expects_the_codes_of_the_target_group(codes: str, expected: list[int]) -> None:
    green = msgspec.structs.replace(ECS.green, health_check_codes=codes)

    check = default_stage(msgspec.structs.replace(ECS, green=green)).checks[1]

    assert check.params == {"get": "/health", "expect": {"status": {"in": expected}}}


def plan_with(target: str) -> Plan:
    return parse(OTHER_STAGE.replace(OTHER_STAGE.splitlines()[1], f"target: {target}"))


@pytest.mark.parametrize("stage", STAGES)
def test_a_plans_own_url_counts_only_where_green_can_be_reached(stage: str) -> None:
    green = apply_plan_target(
        msgspec.structs.replace(ECS, stage=stage), plan_with("{url: 'https://shop.example.com/base/'}")
    ).green

    assert (green.url == "https://shop.example.com/base") == (stage in REACHABLE_STAGES)


def test_a_plans_own_url_replaces_everything_from_the_rule() -> None:
    green = apply_plan_target(ECS, plan_with("{url: 'https://shop.example.com'}")).green

    assert (green.host, green.headers, green.path_patterns, green.no_url) == ("", {}, (), "")


def test_a_plans_own_host_keeps_the_rest() -> None:
    green = apply_plan_target(ECS, plan_with("{host: other.example.com}")).green

    assert green == msgspec.structs.replace(ECS.green, host="other.example.com")


def test_without_a_target_nothing_changes() -> None:
    assert apply_plan_target(ECS, plan_with("{}")) == ECS
