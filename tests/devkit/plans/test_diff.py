"""What a plan checks less than before is called weakened, and nothing that is said repeats a value."""

from __future__ import annotations

import json

import pytest

from devkit.plans.diff import compare_plans
from greenlight.plan import parser as plans
from greenlight.plan.model import Plan

CHECK = (
    "name: a\nhttp: {get: /, expect: {status: 200, json: {x: 1, y: {lte: 5}}, latency: {lte: 500ms}, size: {lt: 1KiB}}}"
)


def plan(*checks: str, head: str = "", stage: str = "AfterInstall") -> Plan:
    """Read a plan of these checks, each without its indentation."""
    lines = ["version: 1", *head.splitlines(), "stages:", f"  {stage}:", "    checks:"]
    for check in checks:
        first, *rest = check.splitlines()
        lines += [f"      - {first}", *(f"        {line}" for line in rest)]
    return plans.parse("\n".join(lines))


def said(old: Plan, new: Plan) -> list[str]:
    return [f"{each.kind} {each}" for each in compare_plans(old, new)]


def edited(old: str, new: str) -> list[str]:
    assert old in CHECK
    return said(plan(CHECK), plan(CHECK.replace(old, new)))


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (f"{CHECK}\nseverity: advisory", "severity blocking is now advisory"),
        (f"{CHECK}\nseverity: required-with-override", "severity blocking is now required-with-override"),
        (f"{CHECK}\non_inconclusive: tolerate", "on_inconclusive fail is now tolerate"),
        (f"{CHECK}\non_first_deployment: skip", "on_first_deployment run is now skip"),
        (f"{CHECK}\nwhen: {{platform: ecs}}", "it runs only for some deployments now"),
        (f"{CHECK}\nretry: {{attempts: 5}}", "tried 5 times, and not 1"),
        (f"{CHECK}\nrepeat: {{count: 5, failure_limit: 2}}", "it is measured repeatedly"),
        (CHECK.replace("status: 200, ", ""), "expectation expect.status is gone"),
        (CHECK.replace("x: 1, ", ""), "expectation expect.json.x is gone"),
        (CHECK.replace("lte: 5}}", "lte: 6}}"), "expect.json.y.lte is wider"),
        (CHECK.replace("500ms", "1s"), "expect.latency.lte is wider"),
        (CHECK.replace("1KiB", "1MiB"), "expect.size.lt is wider"),
    ],
    ids=lambda value: value if "\n" not in value else "",
)
def test_what_lets_more_pass_is_weakened(new: str, what: str) -> None:
    assert said(plan(CHECK), plan(new)) == [f"weakened AfterInstall: a: {what}"]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("status: 200", "status: 204", "expect.status is another"),
        ("status: 200", "status: {in: [200, 500]}", "expect.status is another"),
        ("500ms", "100ms", "expect.latency.lte is another"),
        ("get: /,", "get: /other,", "get is another"),
        ("x: 1,", "x: 1, z: 2,", "expect.json.z is new"),
        ("x: 1,", "x: true,", "expect.json.x is another"),
    ],
)
def test_of_what_may_be_either_it_is_said_that_it_changed(old: str, new: str, what: str) -> None:
    assert edited(old, new) == [f"changed AfterInstall: a: {what}"]


def test_a_blocking_check_that_is_gone_is_weakened_and_an_advisory_one_is_removed() -> None:
    blocking, advisory = "name: b\ntcp: {}", "name: c\nseverity: advisory\ntcp: {}"

    assert said(plan(CHECK, blocking, advisory), plan(CHECK)) == [
        "weakened AfterInstall: b: the check is gone",
        "removed AfterInstall: c: the check is gone; it was advisory",
    ]
    assert said(plan(CHECK), plan(CHECK, blocking)) == ["added AfterInstall: b: a check with tcp, blocking"]


def test_a_row_that_is_gone_is_weakened() -> None:
    rows = "name: a\neach: [/x, /y]\nhttp: {get: '${each}', expect: {status: 200}}"

    assert said(plan(rows), plan(rows.replace("/x, ", ""))) == ["weakened AfterInstall: a [/x]: the check is gone"]


def test_a_stage_that_is_gone_is_weakened_and_its_checks_are_not_listed() -> None:
    assert said(plan(CHECK), plan(CHECK, stage="BeforeInstall")) == [
        "weakened AfterInstall: the stage is gone; OnMissingPlan decides there",
        "added BeforeInstall: a: a check with http, blocking",
    ]


def test_another_validator_under_the_same_name_is_said() -> None:
    (line,) = said(plan(CHECK), plan("name: a\ntcp: {}"))

    assert line == "changed AfterInstall: a: http is now tcp, which looks at something else"


def test_a_step_less_is_weakened() -> None:
    steps = "name: a\nhttp: {steps: [{get: /x, expect: {status: 200}}, {get: /y, expect: {status: 200}}]}"

    assert said(plan(steps), plan(steps.replace(", {get: /y, expect: {status: 200}}", ""))) == [
        "weakened AfterInstall: a: steps has 1 entries, and not 2"
    ]
    assert said(plan(steps), plan(steps.replace("{get: /y, expect: {status: 200}}", "{get: /y}"))) == [
        "weakened AfterInstall: a: expectation steps[1].expect is gone"
    ]


def test_a_shadow_that_comes_or_grows_is_weakened() -> None:
    shadows = [plan(CHECK, head=f"shadow: {{until: '2026-0{month}-01', why: we begin}}") for month in (1, 2)]

    assert said(plan(CHECK), shadows[0])[0].startswith("weakened a shadow until 2026-01-01")
    assert said(*shadows)[0].startswith("weakened a shadow until 2026-02-01")
    assert said(shadows[1], plan(CHECK)) == ["changed the shadow is shorter, gone, or has another reason"]


def test_limits_of_repetition_that_bear_more_are_weakened() -> None:
    repeats = [f"{CHECK}\nrepeat: {{count: {count}, failure_limit: {limit}}}" for count, limit in ((5, 0), (4, 1))]

    assert said(*map(plan, repeats)) == [
        "weakened AfterInstall: a: repeat.failure_limit 0 is now 1",
        "weakened AfterInstall: a: repeat.count 5 is now 4",
    ]


def test_the_same_plan_has_no_changes_and_no_value_is_repeated() -> None:
    assert said(plan(CHECK), plan(CHECK)) == []
    old = plan("name: a\nhttp: {get: /, headers: {x: hush-1}, expect: {status: 200}}", head="variables: {v: hush-2}")
    new = plan("name: a\nhttp: {get: /, headers: {x: hush-3}, expect: {status: 200}}", head="variables: {v: hush-4}")

    assert "hush" not in json.dumps(said(old, new))
    assert len(said(old, new)) == 2
