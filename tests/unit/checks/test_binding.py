"""Checks bound to validators: what a plan says of them is right before any of them runs."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest

from greenlight.checks.binding import Bound, bind, deployment_values
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.errors import MAX_PROBLEMS, PlanError
from greenlight.plan.model import Check, Plan, Stage
from greenlight.plan.parser import parse

STAGE = "AfterAllowTraffic"
ECS = Deployment(
    id="d-1",
    platform=Platform.ECS,
    stage=STAGE,
    application="shop",
    green=Side(url="http://green", no_url="", task_definition="shop:8"),
    blue=Side(no_url="the listener has no test port"),
)
SECRET = "secretsmanager:shop/smoke#token"
VALUE = "hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2"


def plan_of(parameters: str, head: str = "", stage: str = STAGE, control: str = "") -> Plan:
    return parse(
        f"version: 1\n{head}stages:\n  {stage}:\n    checks:\n"
        f"      - name: check\n{control}        http: {parameters}\n"
    )


def bound(plan: Plan, deployment: Deployment = ECS, secrets: dict[str, str] | None = None) -> Bound:
    return bind(plan, deployment, secrets or {}, Registry())[next(iter(plan.stages))][0]


def refused(plan: Plan, secrets: dict[str, str] | None = None) -> PlanError:
    with pytest.raises(PlanError) as caught:
        bound(plan, secrets=secrets)
    return caught.value


@pytest.mark.parametrize(
    "parameters",
    [
        '{{get: /, expect: {{latency: "{0}"}}}}',
        '{{get: /, redirects: "{0}", expect: {{status: 200}}}}',
        '{{get: /, expect: {{body: {{matches: "({0}"}}}}}}',
        '{{get: /, expect: {{json: {{a: {{type: "{0}"}}}}}}}}',
        '{{get: /, expect: {{json: {{a: {{gt: "{0}"}}}}}}}}',
        '{{post: /, body: {{base64: "{0}"}}, expect: {{status: 200}}}}',
        '{{get: "{0}", expect: {{sttus: 200}}}}',
        '{{get: /, capture: {{a: "{0}"}}}}',
    ],
)
def test_a_secret_that_does_not_fit_is_not_repeated_by_the_message(parameters: str) -> None:
    plan = plan_of(parameters.format(f"${{secret:{SECRET}}}"))

    message = str(refused(plan, {SECRET: VALUE}))

    assert "hunter" not in message
    assert f"stages.{STAGE}.checks[0].http" in message


def test_a_secret_whose_own_value_is_the_mistake_is_still_a_mistake() -> None:
    plan = plan_of(f'{{get: /, expect: {{body: {{contains: "${{secret:{SECRET}}}"}}}}}}')

    assert "the value of a secret is not valid for this parameter" in str(refused(plan, {SECRET: ""}))


def test_references_in_a_secret_are_not_replaced() -> None:
    steps = "{steps: [{get: /, headers: {a: '${secret:ssm:/p}'}, expect: {status: 200}, capture: {id: status}}]}"

    once = bound(
        plan_of("{get: /, headers: {a: '${secret:ssm:/p}'}, expect: {status: 200}}"), secrets={"ssm:/p": "a${b}c"}
    )
    twice = bound(plan_of(steps), secrets={"ssm:/p": "a${b}c"})

    assert once.params.headers == {"a": "a${b}c"}
    assert twice.params.steps[0].headers == {"a": "a$${b}c"}  # the validator's own pass gives it back


def test_a_value_the_deployment_does_not_have_is_an_error_of_that_check_alone() -> None:
    check = bound(plan_of("{get: /, expect: {body: {contains: '${green.version}'}}}"))

    assert check.malformed == "this ecs deployment has no ${green.version} at AfterAllowTraffic"


def test_a_missing_url_is_explained() -> None:
    check = bound(plan_of("{get: '${blue.url}/x', expect: {status: 200}}"))

    assert check.malformed.endswith("has no ${blue.url} at AfterAllowTraffic: the listener has no test port")


def test_missing_value_is_not_a_mistake_if_the_check_does_not_run() -> None:
    elsewhere = plan_of("{get: /, expect: {body: {contains: '${green.version}'}}}", stage="AfterInstall")
    in_pattern = plan_of("{get: /, expect: {body: {matches: '^${green.version}$'}}}", stage="AfterInstall")
    skipped = plan_of(
        "{get: /, expect: {body: {contains: '${green.version}'}}}", control="        when: {platform: lambda}\n"
    )

    assert bound(elsewhere).malformed == ""
    assert bound(in_pattern).malformed == ""
    assert bound(skipped).malformed == ""


@pytest.mark.parametrize(
    ("parameters", "head", "message"),
    [
        ("{get: '/${tennant}', expect: {status: 200}}", "variables: {tenant: a}\n", "did you mean 'tenant'?"),
        ("{get: '${green.ulr}', expect: {status: 200}}", "", "did you mean 'green.url'?"),
        (
            "{get: /, expect: {status: '${code}'}, capture: {code: status}}",
            "variables: {code: 1}\n",
            "hide the capture",
        ),
        ("{get: /, expect: {status: 200}, capture: {'a b': status}}", "", "'a b' is not a valid name"),
        ("{get: /, redirects: '${n}', expect: {status: 200}}", "variables: {n: three}\n", "expected a whole number"),
    ],
)
def test_a_mistake_in_names_is_refused(parameters: str, head: str, message: str) -> None:
    assert message in str(refused(plan_of(parameters, head)))


def test_very_many_mistakes_are_not_all_collected() -> None:
    checks = tuple(Check(name=f"c{n}", validator="htp", params={}, path=("a", n)) for n in range(1000))
    plan = msgspec.structs.replace(plan_of("{get: /, expect: {status: 200}}"), stages={STAGE: Stage(checks=checks)})

    assert len(refused(plan).problems) == MAX_PROBLEMS + 1


def test_mistakes_in_names_and_in_parameters_come_together() -> None:
    error = refused(plan_of("\n          get: '/${nowhere}'\n          expect: {sttus: 200}"))

    assert [problem.line for problem in error.problems] == [7, 8]


def test_values_keep_their_type() -> None:
    check = bound(plan_of("{get: /, redirects: '${n}', expect: {status: 200}}", "variables: {n: 3}\n"))

    assert check.params.redirects == 3


def test_an_empty_variable_is_an_empty_text() -> None:
    assert bound(plan_of("{get: '/${t}x', expect: {status: 200}}", "variables: {t: ''}\n")).params.get == "/x"


def test_a_malformed_validator_is_an_error_of_its_check_alone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("site") / "plugins_with_a_mistake"
    folder.mkdir()
    (folder / "http.py").write_text("raise ImportError('no such thing')")
    monkeypatch.syspath_prepend(folder.parent)
    plan = plan_of("{get: /, expect: {status: 200}}")

    check = bind(plan, ECS, {}, Registry(folder.name))[STAGE][0]

    assert check.malformed == "plugins_with_a_mistake/http.py cannot be loaded: ImportError: no such thing"
    assert check.validator is None


def test_a_built_in_plan_that_is_wrong_is_a_defect_and_no_plan_error() -> None:
    plan = Plan(stages={STAGE: Stage(checks=(Check(name="x", validator="nowhere", params={}),))})

    with pytest.raises(AssertionError, match="a built-in plan is wrong"):
        bind(plan, ECS, {}, Registry())


def test_a_plan_may_use_every_value_of_its_deployment() -> None:
    names = deployment_values(ECS)

    assert names["green.url"] == "http://green"
    assert names["green.task_definition"] == "shop:8"
    assert names["deployment.platform"] == "ecs"
    assert names["deployment.stage"] == STAGE
    assert "blue.url" in names


@pytest.mark.parametrize(
    "parameters",
    [
        '{get: /, expect: {body: {contains: "' + "${v}" * 3000 + '"}}}',
        '{get: /, expect: {body: {contains: "' + "${v}${w}" * 1500 + '"}}}',
        "{get: /, headers: {" + ", ".join(f'h{n}: "x${{v}}"' for n in range(3000)) + "}, expect: {status: 200}}",
    ],
)
def test_variables_that_make_a_plan_too_large_are_refused_before_they_are_inserted(parameters: str) -> None:
    head = f"variables: {{v: {'a' * 100_000}, w: {'b' * 100_000}}}\n"
    tracemalloc.start()
    try:
        message = str(refused(plan_of(parameters, head)))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert "with their variables, the plan's texts up to here are larger than 8 MiB" in message
    assert f"stages.{STAGE}.checks[0].http" in message
    assert peak_bytes < 30 * 1024 * 1024


def test_all_checks_of_a_plan_together_have_one_limit() -> None:
    checks = "".join(f'      - {{name: c{n}, http: {{get: "/${{v}}", expect: {{status: 200}}}}}}\n' for n in range(20))
    plan = parse(f"version: 1\nvariables: {{v: {'a' * 500_000}}}\nstages:\n  {STAGE}:\n    checks:\n{checks}")

    assert f"stages.{STAGE}.checks[16].http" in str(refused(plan))


def test_a_variable_that_is_a_whole_value_costs_nothing() -> None:
    json = ", ".join(f'k{n}: "${{v}}"' for n in range(100))
    plan = plan_of(
        f"{{post: /, body: {{json: {{{json}}}}}, expect: {{status: 200}}}}", f"variables: {{v: {'a' * 500_000}}}\n"
    )

    assert bound(plan).params.body.json["k99"] == "a" * 500_000
