"""Changes that let more releases pass are weakened, and no message repeats a value."""

from __future__ import annotations

import json

import msgspec
import pytest

from devkit.plans.diff import compare_plans
from greenlight.plan import parser as plans
from greenlight.plan.model import Plan

CHECK = (
    "name: a\nhttp: {get: /, expect: {status: 200, json: {x: 1, y: {lte: 5}}, latency: {lte: 500ms}, size: {lt: 1KiB}}}"
)


def plan(*checks: str, head: str = "", stage: str = "AfterInstall") -> Plan:
    """Parse a plan with these checks, which are written without indentation."""
    lines = ["version: 1", *head.splitlines(), "stages:", f"  {stage}:", "    checks:"]
    for check in checks:
        first, *rest = check.splitlines()
        lines += [f"      - {first}", *(f"        {line}" for line in rest)]
    return plans.parse("\n".join(lines))


def differences(old: Plan, new: Plan) -> list[str]:
    return [f"{change.kind} {change}" for change in compare_plans(old, new)]


def edited(old: str, new: str) -> list[str]:
    assert old in CHECK
    return differences(plan(CHECK), plan(CHECK.replace(old, new)))


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (f"{CHECK}\nseverity: advisory", "severity blocking is now advisory"),
        (f"{CHECK}\nseverity: required-with-override", "severity blocking is now required-with-override"),
        (f"{CHECK}\non_inconclusive: tolerate", "on_inconclusive fail is now tolerate"),
        (f"{CHECK}\non_first_deployment: skip", "on_first_deployment run is now skip"),
        (f"{CHECK}\nwhen: {{platform: ecs}}", "it runs only for some deployments now (when)"),
        (f"{CHECK}\nretry: {{attempts: 5}}", "5 attempts instead of 1 (retry)"),
        (f"{CHECK}\nrepeat: {{count: 5, failure_limit: 2}}", "it is measured repeatedly"),
        (CHECK.replace("status: 200, ", ""), "expectation expect.status is gone"),
        (CHECK.replace("x: 1, ", ""), "expectation expect.json.x is gone"),
        (CHECK.replace("lte: 5}}", "lte: 6}}"), "expect.json.y.lte is wider"),
        (CHECK.replace("500ms", "1s"), "expect.latency.lte is wider"),
        (CHECK.replace("1KiB", "1MiB"), "expect.size.lt is wider"),
    ],
    ids=lambda value: value if "\n" not in value else "",
)
def test_check_that_lets_more_pass_is_weakened(new: str, message: str) -> None:
    assert differences(plan(CHECK), plan(new)) == [f"weakened AfterInstall: a: {message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("status: 200", "status: 204", "expect.status is different"),
        ("status: 200", "status: {in: [200, 500]}", "expect.status is different"),
        ("500ms", "100ms", "expect.latency.lte is different"),
        ("get: /,", "get: /other,", "get is different"),
        ("x: 1,", "x: 1, z: 2,", "expect.json.z is new"),
        ("x: 1,", "x: true,", "expect.json.x is different"),
    ],
)
def test_unclear_difference_is_changed(old: str, new: str, message: str) -> None:
    assert edited(old, new) == [f"changed AfterInstall: a: {message}"]


def test_missing_blocking_check_is_weakened_and_a_missing_advisory_one_is_removed() -> None:
    blocking, advisory = "name: b\ntcp: {}", "name: c\nseverity: advisory\ntcp: {}"

    assert differences(plan(CHECK, blocking, advisory), plan(CHECK)) == [
        "weakened AfterInstall: b: the check is gone",
        "removed AfterInstall: c: the check is gone; it was advisory",
    ]
    assert differences(plan(CHECK), plan(CHECK, blocking)) == ["added AfterInstall: b: a check with tcp, blocking"]


def test_missing_row_is_weakened() -> None:
    rows = "name: a\neach: [/x, /y]\nhttp: {get: '${each}', expect: {status: 200}}"

    assert differences(plan(rows), plan(rows.replace("/x, ", ""))) == [
        "weakened AfterInstall: a [/x]: the check is gone"
    ]


def test_missing_stage_is_weakened_and_its_checks_are_not_listed() -> None:
    assert differences(plan(CHECK), plan(CHECK, stage="BeforeInstall")) == [
        "weakened AfterInstall: the stage is gone; OnMissingPlan decides there",
        "added BeforeInstall: a: a check with http, blocking",
    ]


def test_other_validator_under_the_same_name_is_changed() -> None:
    (line,) = differences(plan(CHECK), plan("name: a\ntcp: {}"))

    assert line == "changed AfterInstall: a: http is now tcp, which checks something else"


def test_missing_step_is_weakened() -> None:
    steps = "name: a\nhttp: {steps: [{get: /x, expect: {status: 200}}, {get: /y, expect: {status: 200}}]}"

    assert differences(plan(steps), plan(steps.replace(", {get: /y, expect: {status: 200}}", ""))) == [
        "weakened AfterInstall: a: steps has 1 entry instead of 2"
    ]
    assert differences(plan(steps), plan(steps.replace("{get: /y, expect: {status: 200}}", "{get: /y}"))) == [
        "weakened AfterInstall: a: expectation steps[1].expect is gone"
    ]


def test_new_or_longer_shadow_is_weakened() -> None:
    shadows = [plan(CHECK, head=f"shadow: {{until: '2026-0{month}-01', why: we begin}}") for month in (1, 2)]

    assert differences(plan(CHECK), shadows[0])[0].startswith("weakened a shadow until 2026-01-01")
    assert differences(*shadows)[0].startswith("weakened a shadow until 2026-02-01")
    assert differences(shadows[1], plan(CHECK)) == ["changed the shadow is shorter, gone, or has another reason"]


def test_higher_limits_of_repeat_are_weakened() -> None:
    repeats = [f"{CHECK}\nrepeat: {{count: {count}, failure_limit: {limit}}}" for count, limit in ((5, 0), (4, 1))]

    assert differences(*map(plan, repeats)) == [
        "weakened AfterInstall: a: repeat.failure_limit 0 is now 1",
        "weakened AfterInstall: a: repeat.count 5 is now 4",
    ]


def test_same_plan_has_no_changes_and_no_message_repeats_a_value() -> None:
    assert differences(plan(CHECK), plan(CHECK)) == []
    old = plan("name: a\nhttp: {get: /, headers: {x: hush-1}, expect: {status: 200}}", head="variables: {v: hush-2}")
    new = plan("name: a\nhttp: {get: /, headers: {x: hush-3}, expect: {status: 200}}", head="variables: {v: hush-4}")

    assert "hush" not in json.dumps(differences(old, new))
    assert len(differences(old, new)) == 2


def accepting(evidence: str, reason: str = "a queue") -> Plan:
    text = '{"version": 1, "stages": {"AfterInstall": {"checks": [{"name": "a", "tcp": {}}]%s}}}'
    accepts = f', "accepts": {{"evidence": "{evidence}", "why": "{reason}"}}' if evidence else ""
    return plans.parse(text % accepts)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("", "readiness", "weakened"),
        ("", "environment", "weakened"),
        ("readiness", "environment", "weakened"),
        ("environment", "readiness", "changed"),
        ("readiness", "", "changed"),
    ],
)
def test_accepting_weaker_evidence_is_weakened(old: str, new: str, kind: str) -> None:
    (change,) = compare_plans(accepting(old), accepting(new))

    assert (change.kind, change.stage) == (kind, "AfterInstall")
    assert "(accepts)" in change.message


def test_new_stage_that_accepts_weaker_evidence_is_weakened() -> None:
    other = plans.parse('{"version": 1, "stages": {"AfterAllowTraffic": {"checks": [{"name": "a", "tcp": {}}]}}}')
    new = msgspec.structs.replace(other, stages={**other.stages, **accepting("environment").stages})

    assert [change.kind for change in compare_plans(other, new)] == ["weakened", "added"]


def test_another_reason_for_weaker_evidence_is_a_change_and_is_not_repeated() -> None:
    (change,) = compare_plans(accepting("readiness"), accepting("readiness", "s3cret"))

    assert change.kind == "changed"
    assert "s3cret" not in str(change)


def held(**hold: str) -> Plan:
    keys = {"within": "30m", "ask": "release managers", **hold}
    return plans.parse(
        json.dumps(
            {
                "version": 1,
                "stages": {"AfterInstall": {"checks": [{"name": "a", "tcp": {}}], **({"hold": keys} if hold else {})}},
            }
        )
    )


def test_a_hold_that_is_gone_or_open_to_the_deployer_is_weakened() -> None:
    strict = held(**{"not": "deployer"})

    assert differences(strict, held()) == ["weakened AfterInstall: it succeeds without the approval of a person (hold)"]
    assert differences(strict, held(within="30m")) == [
        "weakened AfterInstall: the deployer may approve the deployment (hold.not)"
    ]


def test_a_new_hold_is_added_and_other_people_are_changed() -> None:
    assert differences(held(), held(within="30m")) == [
        "added AfterInstall: it waits for the approval of a person (hold)"
    ]
    (change,) = differences(held(within="30m"), held(within="20m", ask="the on-call engineer"))
    assert change.startswith("changed AfterInstall: the people whom it asks")


# ---- The watch of the shift


def watched(**keys: object) -> Plan:
    """Parse a plan that watches the shift with these keys."""
    check = {"name": "a", "http": {"get": "/", "expect": {"status": 200}}}
    gate, shift = {"checks": [check]}, {"checks": [check], **keys}
    return plans.parse(json.dumps({"version": 1, "stages": {"BeforeAllowTraffic": gate, "AllowTraffic": shift}}))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ({}, {"tolerate": 2}, "2 bad rounds in a row are tolerated instead of 1 (tolerate)"),
        ({"every": "30s"}, {"every": "1m"}, "a round begins every 60 s instead of every 30 s (every)"),
        ({"stop_on": ["fail", "error"]}, {}, "a round is bad because of FAIL (stop_on)"),
    ],
)
def test_later_or_fewer_stops_weaken_a_plan(old: dict[str, object], new: dict[str, object], message: str) -> None:
    assert differences(watched(**old), watched(**new)) == [f"weakened AllowTraffic: {message}"]
    assert [line.split()[0] for line in differences(watched(**new), watched(**old))] == ["changed"]


def test_watch_that_is_gone_weakens_a_plan_and_a_new_one_does_not() -> None:
    gate = plan(CHECK, stage="BeforeAllowTraffic")
    both = watched()

    assert "weakened AllowTraffic: the stage is gone; no check runs while traffic shifts" in differences(both, gate)
    assert not any("AllowTraffic" in line and "weakened All" in line for line in differences(gate, both))
