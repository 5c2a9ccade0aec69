"""`environments`: selection, effects, and rejected plans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import PlanError, Problem
from greenlight.plan.environments import environment_names
from greenlight.plan.model import Plan
from greenlight.plan.parser import parse

PLAN = """\
version: 1
variables: {tenant: smoke, shards: 3}
target: {host: shop.example.com, url: "https://green.example.com"}
defaults: {timeout: 5s, retry: {attempts: 2}}
environments:
  prod: {}
  staging:
    variables: {tenant: smoke-staging}
    target: {host: shop.staging.example.com}
    defaults: {timeout: 20s}
stages:
  AfterAllowTraffic:
    checks:
      - name: green answers
        http: {get: "/${tenant}", expect: {status: 200}}
"""
REGISTRY = Registry()


def read(environment: str, text: str = PLAN) -> Plan:
    plan = parse(text, "plan.yaml", environment=environment)
    bind(plan, Deployment(id="d-LOCAL0000", platform=Platform.ECS, stage=""), {}, REGISTRY)
    return plan


def the_problem(environment: str, text: str = PLAN) -> Problem:
    with pytest.raises(PlanError) as caught:
        read(environment, text)
    (problem,) = caught.value.problems
    return problem


# ---- Rejected plans


def test_a_plan_with_environments_is_rejected_for_an_installation_without_one() -> None:
    problem = the_problem("")

    assert (problem.path, problem.line) == ("environments", 6)
    assert "the plan has the environments prod, staging, and this installation has no environment" in problem.message
    assert "the parameter Environment" in problem.message
    assert "the tag greenlight:environment" in problem.message
    assert "--environment" in problem.message


def test_an_unknown_environment_is_rejected_with_the_nearest_known_one() -> None:
    problem = the_problem("stagin")

    assert problem.path == "environments"
    assert "the plan has no environment 'stagin'; did you mean 'staging'?" in problem.message
    assert "define 'stagin'" in problem.message


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        ("  prod: {}", "  prod:", "environments.prod", "expected a map"),
        ("  prod: {}", "  prod: {timeout: 5s}", "environments.prod.timeout", "unknown key 'timeout'"),
        ("  prod: {}", "  prod: {variables: {tenant: [a]}}", "environments.prod.variables.tenant", "got a list"),
        ("  prod: {}", "  prod: {target: {url: shop}}", "environments.prod.target.url", "is not a base URL"),
        ("  prod: {}", "  prod: {variables: {a: '${b}'}}", "environments.prod.variables.a", "write out the value"),
        ("  prod: {}", "  pr od: {}", "environments.pr od", "is not a name of letters, digits, dots and hyphens"),
    ],
    ids=["nothing", "unknown key", "list as a value", "target", "reference", "name"],
)
def test_a_mistake_in_one_environment_is_reported_in_all(old: str, new: str, path: str, message: str) -> None:
    problem = the_problem("staging", PLAN.replace(old, new))

    assert (problem.path, problem.line) == (path, 6)
    assert message in problem.message


def test_an_empty_map_of_environments_is_rejected() -> None:
    text = PLAN[: PLAN.index("environments:")] + "environments: {}\n" + PLAN[PLAN.index("stages:") :]

    assert "define an environment, or remove the key" in the_problem("prod", text).message


def test_a_variable_of_one_environment_is_unknown_in_the_others() -> None:
    text = PLAN.replace("tenant: smoke,", "")

    assert read("staging", text).variables == {"shards": 3, "tenant": "smoke-staging"}
    assert "nothing is called ${tenant}" in the_problem("prod", text).message


def test_when_with_an_unknown_environment_is_rejected() -> None:
    text = PLAN.replace("        http:", "        when: {environment: [prod, stagin]}\n        http:")
    problem = the_problem("prod", text)

    assert (problem.line, problem.path) == (15, "stages.AfterAllowTraffic.checks[0].when.environment")
    assert "no environment 'stagin'; did you mean 'staging'?" in problem.message


# ---- Effects of an environment


def test_an_empty_environment_uses_the_plan_unchanged() -> None:
    plan = read("prod")

    assert plan.variables == {"tenant": "smoke", "shards": 3}
    assert plan.target.host == "shop.example.com"
    assert plan.stages["AfterAllowTraffic"].checks[0].timeout_s == 5.0


def test_an_environment_overrides_key_by_key() -> None:
    plan = read("staging")

    assert plan.variables == {"tenant": "smoke-staging", "shards": 3}
    assert (plan.target.host, plan.target.url) == ("shop.staging.example.com", "https://green.example.com")
    (check,) = plan.stages["AfterAllowTraffic"].checks
    assert (check.timeout_s, check.retry.attempts) == (20.0, 2)


@pytest.mark.parametrize("environment", ["", "dev", "default"])
def test_default_applies_to_every_other_environment(environment: str) -> None:
    text = PLAN.replace("  prod: {}", "  prod: {}\n  default: {variables: {tenant: other}}")

    assert read(environment, text).variables["tenant"] == "other"


def test_a_plan_without_environments_applies_to_all() -> None:
    text = PLAN[: PLAN.index("environments:")] + PLAN[PLAN.index("stages:") :]

    assert read("prod", text).variables == read("", text).variables


def test_environment_names_are_read_from_plain_data() -> None:
    assert environment_names({"environments": {"prod": {}, "staging": {}}}) == ["prod", "staging"]
    assert environment_names({"environments": 5}) == environment_names([]) == environment_names({}) == [""]


@given(st.text(max_size=20))
def test_any_other_environment_is_rejected(environment: str) -> None:
    if environment in ("prod", "staging"):
        assert read(environment)
    else:
        assert the_problem(environment).path == "environments"


# ---- when


def test_when_with_an_empty_list_of_names_is_rejected() -> None:
    text = PLAN.replace("        http:", "        when: {region: []}\n        http:")

    assert "an empty list matches no deployment" in the_problem("prod", text).message


def test_the_digest_of_a_plan_differs_between_its_environments() -> None:
    prod, staging = read("prod").source, read("staging").source

    assert prod.sha256 == staging.sha256
    assert len({prod.digest, staging.digest, prod.sha256}) == 3
