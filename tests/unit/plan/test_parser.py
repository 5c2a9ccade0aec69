"""Plans: what is refused, at which place and with which words; and what a good plan becomes."""

from __future__ import annotations

import datetime
import hashlib
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import STAGES, Deployment, Platform
from greenlight.core.errors import MAX_PROBLEMS, PlanError
from greenlight.core.field_types import MAX_S
from greenlight.core.finding import OnFirstDeployment, OnInconclusive, Severity
from greenlight.core.report import PlanSource
from greenlight.core.units import Duration
from greenlight.plan.model import Check, Plan
from greenlight.plan.parser import parse
from greenlight.plan.repeat import Repeat
from greenlight.plan.retry import Retry
from greenlight.plan.schema import When
from greenlight.plan.shadow import Shadow

# JMESPath accepts texts between backticks, and says in a warning that it will not do so for ever.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated string literal")

PLANS = sorted((Path(__file__).parent / "plans").glob("*.yaml"))
SOMEWHERE = Deployment(id="d-LOCAL0000", platform=Platform.ECS, stage="")
REGISTRY = Registry()

GOOD = """\
version: 1
defaults: {timeout: 5s, retry: {attempts: 2, interval: 1s}}
variables: {tenant: smoke, shards: 3}
target: {host: shop.example.com, url: "https://green.example.com/shop"}
stages:
  AfterAllowTestTraffic:
    bake: 1m
    checks:
      - name: green answers
        http: {get: "/${tenant}/health", expect: {status: 200, latency: {lte: 500ms}}}
      - name: an order can be placed and read back
        severity: advisory
        timeout: 1m
        retry: {attempts: 3, backoff: 2, on: [error]}
        needs: [green answers]
        when: {platform: ecs, group: blue-green}
        tags: [orders]
        http:
          steps:
            - post: /orders
              body: {json: {sku: A1, note: null}}
              expect: {status: 201}
              capture: {id: json.id}
            - get: /orders/${id}
              expect: {json: {"items[0].sku": A1, "length(items)": {gte: 1}, gone: null}}
  AfterAllowTraffic:
    checks:
      - name: targets are well
        target_health:
"""


def bound(text: str) -> Plan:
    plan = parse(text, "s3://plans/shop.yaml", "v7")
    bind(plan, SOMEWHERE, {}, REGISTRY)
    return plan


def refused(text: str) -> PlanError:
    with pytest.raises(PlanError) as caught:
        bound(text)
    return caught.value


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_plan_with_one_mistake_is_refused_at_its_place(path: Path) -> None:
    text = path.read_text()
    wanted = dict(re.findall(r"^# (path|says): ?(.*)$", text, re.MULTILINE))
    line = 1 + next(i for i, content in enumerate(text.splitlines()) if "# <- here" in content)

    error = refused(text)

    assert [(problem.path, problem.line) for problem in error.problems] == [(wanted["path"], line)], str(error)
    assert wanted["says"] in error.problems[0].message


def test_the_corpus_of_mistakes_is_not_empty() -> None:
    assert len(PLANS) >= 50


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null", "[]", "5", "text"])
def test_a_file_that_is_no_map_is_refused_at_its_beginning(text: str) -> None:
    (problem,) = refused(text).problems

    assert (problem.message, problem.line) == ("a plan is a map with the keys version and stages", 1)


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    text = """\
version: 2
defaults: {timeot: 5s}
stages:
  AfterAllowTraffic:
    checks:
      - name: first
        severity: harmless
        http: {}
      - name: second
        http: {}
        tcp_: {}
      - 5
"""
    error = refused(text)

    assert [problem.line for problem in error.problems] == [1, 2, 7, 11, 12]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ndefaults: {" + "".join(f"key{n}: 1, " for n in range(20_000)) + "}\n",
        "version: 1\nstages:\n  AfterAllowTraffic:\n    checks:\n"
        + "".join(f"      - {{name: c{n}, htp: {{}}, needs: [c{n}x]}}\n" for n in range(3000)),
        "version: 1\nstages:\n  AfterAllowTraffic:\n    checks:\n"
        + "".join(f"      - {{name: c{n}, severity: never, http: {{}}}}\n" for n in range(3000)),
        "".join(f"a: {n}\n" for n in range(20_000)),
    ],
    ids=["keys", "checks", "controls", "repetitions"],
)
def test_thousands_of_mistakes_are_refused_quickly_and_only_the_first_are_named(text: str) -> None:
    error = refused(text)

    assert len(error.problems) == MAX_PROBLEMS + 1
    assert error.problems[-1].message == "and more, which are listed when these are fixed"


TODAY = datetime.date(2026, 11, 23)


def shadow(until: str) -> Shadow:
    return Shadow(until=until, why="getting to know it")


@pytest.mark.parametrize(
    ("until", "in_force", "refused_today", "notice"),
    [
        ("2026-11-22", False, False, "the shadow ended on 2026-11-22"),
        ("2026-11-23", True, False, "in 0 days"),
        ("2026-11-24", True, False, "in 1 day;"),
        ("2026-12-07", True, False, "in 14 days"),
        ("2026-12-08", True, False, ""),
        ("2027-02-21", True, False, ""),
        ("2027-02-22", False, True, ""),
        ("9999-12-31", False, True, ""),
        ("0001-01-01", False, False, "the shadow ended"),
    ],
)
def test_a_shadow_is_in_force_to_the_end_of_its_last_day_and_never_far_ahead(
    until: str, in_force: bool, refused_today: bool, notice: str
) -> None:
    made = shadow(until)

    assert (made.in_force(TODAY), bool(made.mistake(TODAY))) == (in_force, refused_today)
    assert notice in made.notice(TODAY)
    assert bool(notice) == bool(made.notice(TODAY))


def test_a_plan_with_a_shadow_far_ahead_is_refused_at_its_place() -> None:
    text = GOOD.replace("version: 1\n", "version: 1\nshadow: {until: 2027-02-22, why: getting to know it}\n")

    with pytest.raises(PlanError) as caught:
        parse(text, today=TODAY)

    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("shadow.until", 2)
    assert problem.message == "2027-02-22 is more than 90 days ahead; a shadow may end on 2027-02-21 at the latest"
    assert parse(text.replace("02-22", "02-21"), today=TODAY).shadow == shadow("2027-02-21")


@pytest.mark.parametrize("why", ["' '", "''", '"\\t"', "[a]"])
def test_a_shadow_without_a_reason_is_refused(why: str) -> None:
    text = GOOD.replace("version: 1\n", f"version: 1\nshadow: {{until: 2026-12-31, why: {why}}}\n")

    assert refused(text).problems[0].path == "shadow.why"


def test_a_plan_has_no_exceptions_unless_it_says_so() -> None:
    checks = [check for stage in bound(GOOD).stages.values() for check in stage.checks]

    assert bound(GOOD).shadow is None
    assert {(check.on_inconclusive.value, check.on_first_deployment.value) for check in checks} == {("fail", "run")}


def test_exceptions_are_read_where_a_plan_has_them() -> None:
    keys = "severity: required-with-override\n        on_inconclusive: tolerate\n        on_first_deployment: skip"
    check = bound(GOOD.replace("severity: advisory", keys)).stages["AfterAllowTestTraffic"].checks[1]

    assert check.severity is Severity.REQUIRED_WITH_OVERRIDE
    assert (check.on_inconclusive, check.on_first_deployment) == (OnInconclusive.TOLERATE, OnFirstDeployment.SKIP)
    assert "no blue" in check.left_out(msgspec.structs.replace(SOMEWHERE, first=True, group="blue-green"))


def test_a_refusal_carries_the_plans_source() -> None:
    assert refused("version: 2").source == "s3://plans/shop.yaml"


def test_a_check_broken_by_itself_is_not_missed_by_those_that_need_it() -> None:
    text = GOOD.replace("      - name: green answers\n", "      - name: green answers\n        severity: never\n")

    (problem,) = refused(text).problems

    assert problem.path.endswith("checks[0].severity")


def test_a_good_plan_becomes_its_checks() -> None:
    plan = bound(GOOD)

    stage = plan.stages["AfterAllowTestTraffic"]
    first, second = stage.checks
    assert stage.bake_s == 60.0
    assert (first.name, first.validator, first.severity, first.timeout_s) == (
        "green answers",
        "http",
        Severity.BLOCKING,
        5.0,
    )
    assert (first.retry.attempts, first.retry.interval) == (2, Duration(1))
    assert (second.severity, second.timeout_s, second.needs) == (Severity.ADVISORY, 60.0, ("green answers",))
    assert second.retry == Retry(attempts=3, backoff=2.0, on=("error",))
    assert second.when == When(platform=Platform.ECS, group="blue-green")
    assert plan.variables == {"tenant": "smoke", "shards": 3}
    assert (plan.target.host, plan.target.url) == ("shop.example.com", "https://green.example.com/shop")


def test_a_repeated_check_is_not_tried_again_by_default() -> None:
    (check,) = (
        bound(
            GOOD.replace("        target_health:", "        repeat: {count: 3, interval: 1s}\n        target_health:")
        )
        .stages["AfterAllowTraffic"]
        .checks
    )

    assert check.repeat == Repeat(count=3, interval=Duration(1))
    assert check.retry.attempts == 1


def test_a_validator_without_parameters_may_stand_alone() -> None:
    (check,) = bound(GOOD).stages["AfterAllowTraffic"].checks

    assert check.params == {}


def test_the_source_names_the_plans_bytes() -> None:
    source = bound(GOOD).source

    assert (source.uri, source.version_id, len(source.sha256)) == ("s3://plans/shop.yaml", "v7", 64)


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "version: 1\nstages: {AfterInstall: {checks: 1}}"])
def test_a_refusal_names_the_very_text_it_refused(text: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse(text, "s3://plans/shop.yaml", "v7")

    sha256 = hashlib.sha256(text.encode()).hexdigest()
    assert caught.value.plan == PlanSource(uri="s3://plans/shop.yaml", version_id="v7", sha256=sha256, digest=sha256)


@pytest.mark.parametrize(
    ("when", "deployment", "said"),
    [
        (When(platform=Platform.LAMBDA), SOMEWHERE, "platform is lambda, and it is ecs"),
        (When(application="shop"), SOMEWHERE, "application is shop, and it is "),
        (When(group="canary"), SOMEWHERE, "group is canary"),
        (When(), SOMEWHERE, ""),
        (When(platform=Platform.ECS), SOMEWHERE, ""),
    ],
)
def test_when_says_why_a_check_does_not_run(when: When, deployment: Deployment, said: str) -> None:
    assert said in when.refuses(deployment)
    assert bool(said) == bool(when.refuses(deployment))


def test_waits_grow_by_their_factor() -> None:
    retry = Retry(attempts=4, interval=Duration(2), backoff=3)

    assert [retry.wait_s(attempt) for attempt in (1, 2, 3)] == [2.0, 6.0, 18.0]


@pytest.mark.parametrize(("interval", "wait"), [(1.0, MAX_S), (0.0, 0.0)])
def test_a_thousand_attempts_of_growing_waits_overflow_nothing(interval: float, wait: float) -> None:
    retry = Retry(attempts=1000, interval=Duration(interval), backoff=10)

    assert retry.wait_s(999) == wait
    assert Check(name="x", validator="http", params={}, retry=retry).worst_case_s() <= 1000 * (MAX_S + 10)


def test_a_longest_interval_cuts_what_backoff_makes() -> None:
    retry = Retry(attempts=5, interval=Duration(1), backoff=2, max_interval=Duration(3))

    assert [retry.wait_s(attempt) for attempt in (1, 2, 3, 999)] == [1.0, 2.0, 3.0, 3.0]


@given(st.floats(0, 3600), st.floats(1, 10), st.floats(0, 1), st.floats(0, 1), st.integers(1, 1000), st.floats(0, 3600))
def test_jitter_takes_off_its_share_of_a_wait_and_never_adds_to_it(
    interval_s: float, backoff: float, jitter: float, chance: float, attempt: int, longest_s: float
) -> None:
    longest = Duration(max(interval_s, longest_s))
    retry = Retry(interval=Duration(interval_s), backoff=backoff, jitter=jitter, max_interval=longest)

    wait_s = retry.wait_s(attempt, chance)

    whole_s = retry.wait_s(attempt)
    assert whole_s * (1 - jitter) <= wait_s + 1e-9 <= whole_s + 2e-9
    assert whole_s <= longest


def test_the_worst_case_counts_attempts_and_the_waits_between() -> None:
    check = Check(
        name="x", validator="http", params={}, timeout_s=5.0, retry=Retry(attempts=3, interval=Duration(1), backoff=2)
    )

    assert check.worst_case_s() == 18.0


def test_the_worst_case_counts_measurements_and_the_waits_between() -> None:
    check = Check(name="x", validator="http", params={}, timeout_s=5.0, repeat=Repeat(count=3, interval=Duration(10)))

    assert check.worst_case_s() == 35.0


# ---- Any text ends in a plan or in a refusal that a person can read --------------------------------------------------


def ends_well(text: str) -> None:
    try:
        plan = bound(text)
    except PlanError as error:
        problems = error.problems
    else:
        problems = ()
    for problem in problems:
        assert problem.message
        assert problem.message.isprintable()
        assert problem.path.isprintable()
        assert len(problem.message) <= 600
    if not problems:
        assert plan.stages
        assert set(plan.stages) <= set(STAGES)
        assert all(stage.checks for stage in plan.stages.values())
        assert all(check.timeout_s > 0 for stage in plan.stages.values() for check in stage.checks)


@given(st.text())
def test_any_text_ends_well(text: str) -> None:
    ends_well(text)


@given(st.text(alphabet="[]{}:,-?!&*'\"|>%@`#\n\t ${}ab01.~<"))
def test_any_heap_of_yamls_signs_ends_well(text: str) -> None:
    ends_well(text)


PIECES = [
    "null", "true", "0", "-1", "1.5", "''", "[]", "{}", "[{}]", "{a: 1}", "'${x}'", "'${'", "'$${'", "0s", "5", "1e9",
    "*a", "&a 1", "!!str 5", ".nan", "~", "x", "'\\u0000'", '"\\0"', "{eq: null}", "{not: {not: {}}}", "{matches: '('}",
    "{type: [x]}", "{in: []}", "{between: [1, a]}", "'a['", "99999999999999999999", "{exists: maybe}", "[[[[[[]]]]]]",
]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_good_plan_with_its_values_changed_ends_well(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        parts = re.split(r"([{}\[\],]| (?=[^ ])|: )", lines[index])
        position = data.draw(st.integers(0, len(parts) - 1))
        parts[position] = data.draw(st.sampled_from(PIECES) | st.text(max_size=5))
        lines[index] = "".join(parts)
    ends_well("\n".join(lines))


@given(st.data())
def test_a_good_plan_with_a_key_misspelt_is_never_accepted(data: st.DataObject) -> None:
    keys = [
        match
        for match in re.finditer(r"([a-z_]+)(?=:)", GOOD)
        if match[1] not in ("tenant", "shards", "id", "sku", "note", "gone", "https", "gte", "lte")
    ]
    key = data.draw(st.sampled_from(keys))
    letter = data.draw(st.integers(key.start(), key.end() - 1))
    text = GOOD[:letter] + GOOD[letter + 1 :]

    assert refused(text).problems
