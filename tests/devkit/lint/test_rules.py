"""The rules of lint: each finds what it is for and nothing else, at its place; what people write rightly is left alone."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devkit.lint.limits import Limits
from devkit.lint.linter import problems
from devkit.lint.rules import RULES, Rule, markdown, with_rule
from greenlight.checks.registry import Registry
from greenlight.core.errors import PlanError, Problem
from greenlight.plan import yaml_reader

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
REGISTRY = Registry()
TODAY = datetime.date(2026, 6, 1)
PLANS = sorted((Path(__file__).parent / "plans").glob("*.yaml"))
REFUSED = sorted((ROOT / "tests/unit/plan/plans").glob("*.yaml"))
BROKEN_ON_PURPOSE = ("examples/scenarios/plans/broken.plan.yaml",)
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").rglob("*.yaml")
    if ("plan" in path.name and path.parent.name != "scenarios") or path.name == "appspec.yaml"
)
EXCERPT = ("wrong-stage", "no-blocking-check")
"""What is wrong with an excerpt of a plan only because it is one."""
BLOCKS = [
    (f"{path.name}:{number}", text)
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE))
]


def lint(text: str, limits: Limits | None = None) -> list[Problem]:
    return problems(text, "plan.yaml", REGISTRY, limits or Limits(today=TODAY))


def checks(text: str, stage: str = "AfterAllowTestTraffic") -> str:
    """Return the plan of one stage with the checks of `text`."""
    lines = "\n".join(f"      {line}" for line in text.strip("\n").split("\n"))
    return f"version: 1\nstages:\n  {stage}:\n    checks:\n{lines}\n"


def expecting(expect: str) -> list[str]:
    return [problem.rule for problem in lint(checks(f"- name: a\n  http: {{get: /, expect: {expect}}}"))]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.bad], ids=lambda rule: rule.id)
def test_the_example_of_a_rule_breaks_it_and_no_other(rule: Rule) -> None:
    assert [(problem.rule, problem.severity) for problem in lint(rule.bad)] == [(rule.id, rule.severity)]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.bad], ids=lambda rule: rule.id)
def test_the_corrected_example_of_a_rule_has_no_problem(rule: Rule) -> None:
    assert [str(problem) for problem in lint(rule.good)] == []


def test_only_rules_that_no_text_can_show_have_no_example() -> None:
    assert [rule.id for rule in RULES if not rule.bad] == ["file", "malformed-validator"]


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_plan_with_one_mistake_has_one_problem_at_its_place(path: Path) -> None:
    text = path.read_text()
    expected = dict(re.findall(r"^# (at|rule|says): ?(.*)$", text, re.MULTILINE))

    found_problems = lint(text)

    assert [(f"{problem.line}:{problem.column}", problem.rule) for problem in found_problems] == [
        (expected["at"], expected["rule"])
    ], found_problems
    assert expected["says"] in found_problems[0].message


def test_the_corpus_of_mistakes_is_not_empty() -> None:
    assert len(PLANS) >= 100


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_a_plan_that_the_engine_rejects_has_one_error_with_a_rule(path: Path) -> None:
    (problem,) = lint(path.read_text())

    assert problem.severity == "error"
    assert problem.rule in {rule.id for rule in RULES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_have_no_problem(path: Path) -> None:
    messages = [str(problem) for problem in lint(path.read_text())]

    assert (messages == []) is (path.relative_to(ROOT).as_posix() not in BROKEN_ON_PURPOSE), messages


@pytest.mark.parametrize("text", [text for _, text in BLOCKS], ids=[name for name, _ in BLOCKS])
def test_a_plan_in_the_documentation_has_no_problem(text: str) -> None:
    if text.startswith("checks:\n"):
        stages = ("BeforeAllowTraffic", "AfterAllowTestTraffic", "AfterAllowTraffic")
        plans = [f"version: 1\nstages:\n  {stage}:\n" + re.sub("(?m)^", "    ", text) for stage in stages]
        messages = [[str(problem) for problem in lint(plan) if problem.rule not in EXCERPT] for plan in plans]
        assert messages == [[], [], []]
    elif re.search(r"^(version: 1|stages:)$", text, re.MULTILINE):
        assert [str(problem) for problem in lint(text)] == []


def test_the_documentation_contains_plans() -> None:
    assert len(BLOCKS) > 30


def test_the_list_of_rules_is_up_to_date() -> None:
    assert (ROOT / "docs/lint.md").read_text() == markdown() + "\n"


@pytest.mark.parametrize(
    "expect",
    [
        "{status: 503}", "{status: {in: [200, 404]}}", "{status: {lt: 500}}", "{status: {between: [200, 299]}}",
        "{status: {not: {gte: 400}}}", "{json: {status: ok}}", "{json: {count: {gte: 0}}}", "{json: {a: {exists: true}}}",
        "{body: {contains: ok}}", "{status: 200, version: \"1.1\"}", "{cookies: {session: {secure: true}}}", "{html: {title: [Shop]}}", "{status: 200, body: {not: {contains: Exception}}}", "{headers: {x-release: {exists: true}}}",
        '{headers: {content-length: "5"}}', "{status: 200, size: {gt: 0B}}", "{status: 200, size: {lte: 1MB}}",
        "{status: 200, latency: {lt: 1s}}", "{json: {a: {gt: 3, lt: 5}}}", "{json: {a: {eq: 4, lt: 5}}}",
        "{status: 404, body: {contains: no such order}}", "{json: {opens: \"9:30\"}}", "{json: {release: \"1.10\"}}",
        '{json: {"items[?a == @.b]": {empty: true}}}', "{json: {price: 9.5}}", "{json: {price: {lt: 9.50}}}", "{json: {country: \"no\"}}", "{json: {opened: 2026}}",
    ],
)  # fmt: skip
def test_a_useful_expectation_has_no_problem(expect: str) -> None:
    assert expecting(expect) == []


@pytest.mark.parametrize(
    ("expect", "rule"),
    [
        ("{status: {exists: true}}", "always-passes"),
        ("{status: {not: {eq: 99}}}", "always-passes"),
        ("{status: {type: integer}}", "always-passes"),
        ("{status: {ne: 500}}", "error-passes"),
        ("{status: {lte: 599, gte: 200}}", "error-passes"),
        ("{status: 2xx}", "never-passes"),
        ("{status: 700}", "never-passes"),
        ("{status: true}", "never-passes"),
        ("{status: 200, size: {gte: 0B}}", "always-passes"),
        ("{status: 200, latency: {gte: 0ms}}", "always-passes"),
        ("{status: 200, latency: {exists: true}}", "always-passes"),
        ("{status: 200, body: {length: {gte: 0}}}", "always-passes"),
        ("{status: 200, body: {exists: true}}", "always-passes"),
        ('{status: 200, body: {matches: ".*"}}', "always-passes"),
        ("{status: 200, body: 5}", "never-passes"),
        ("{status: 200, headers: {content-length: 5}}", "never-passes"),
        ("{status: 200, version: 1.1}", "never-passes"),
        ("{status: 200, version: 1.0}", "never-passes"),
        ("{status: 200, timings: {first_byte: {gte: 0ms}}}", "always-passes"),
        ("{timings: {first_byte: {lte: 200ms}}}", "error-passes"),
        ("{html: {h1: {exists: false}}}", "error-passes"),
        ('{status: 200, json: {"length(items)": {gte: 0}}}', "always-passes"),
        ("{status: 200, json: {a: {gt: 5, lt: 3}}}", "never-passes"),
        ("{body: {not: {contains: Exception}}}", "error-passes"),
        ("{headers: {content-type: {exists: true}}}", "error-passes"),
        ("{size: {gt: 0B}}", "error-passes"),
        ("{status: 401}", "only-refusals"),
        ("{status: {in: [403, 404]}}", "only-refusals"),
    ],
)  # fmt: skip
def test_a_useless_expectation_is_reported(expect: str, rule: str) -> None:
    assert expecting(expect) == [rule]


def test_a_captured_value_may_be_anything() -> None:
    text = checks(
        "- name: a\n  http:\n    steps:\n      - {get: /a, expect: {status: 200}, capture: {code: json.code}}\n"
        "      - get: /b\n        expect: {status: '${code}', json: {a: {gt: 5, lt: '${code}'}}}"
    )

    assert [str(problem) for problem in lint(text)] == []


def test_a_stage_that_fits_its_function_fits_no_shorter_one() -> None:
    text = checks("- name: a\n  timeout: 50s\n  target_health: {}")

    assert lint(text, Limits(function_s=90)) == []
    assert [problem.rule for problem in lint(text, Limits(function_s=60))] == ["may-not-finish"]


def test_independent_checks_run_in_parallel_up_to_the_concurrency() -> None:
    text = checks(
        "\n".join(f"- name: c{n}\n  timeout: 50s\n  http: {{get: /{n}, expect: {{status: 200}}}}" for n in range(4))
    )

    assert lint(text, Limits(function_s=120, concurrency=4)) == []
    assert lint(text, Limits(function_s=150, concurrency=2)) == []
    (problem,) = lint(text, Limits(function_s=120, concurrency=2))
    assert "takes 100s" in problem.message


def test_the_times_of_checks_that_need_each_other_add_up() -> None:
    text = checks(
        "- name: a\n  timeout: 50s\n  target_health: {}\n"
        "- name: b\n  needs: [a]\n  timeout: 1m\n  http: {get: /, expect: {status: 200}}"
    )

    (problem,) = lint(text, Limits(function_s=120))

    assert "takes 110s" in problem.message
    assert "of the function's 2m, 90s are left" in problem.message


def test_unavoidable_intervals_can_make_a_budget_impossible() -> None:
    text = checks("- name: a\n  repeat: {count: 70, interval: 10s}\n  target_health: {}")

    assert [problem.rule for problem in lint(text)] == ["impossible-budget"]
    early = text.replace("interval: 10s", "interval: 10s, consecutive_success_limit: 3")
    assert [problem.rule for problem in lint(early)] == ["may-not-finish"]


def test_a_comment_suppresses_a_warning_but_not_an_error() -> None:
    text = checks(
        "- name: a\n  # lint: allow error-passes, plain-secret\n  http: {get: /, expect: {status: {ne: 500}}}"
    )

    assert lint(text) == []
    assert [problem.rule for problem in lint(text.replace("error-passes", "always-passes"))] == ["error-passes"]
    never = text.replace("{ne: 500}", "'200'").replace("error-passes", "never-passes")
    assert [problem.rule for problem in lint(never)] == ["never-passes"]


def test_a_warning_does_not_repeat_an_error_in_the_same_place() -> None:
    text = checks("- name: a\n  timeout: 1:30\n  http: {get: /, expect: {status: 200, json: {open: no}}}")

    assert [problem.rule for problem in lint(text)] == ["unit", "yaml-boolean"]


@pytest.mark.parametrize("value", ["eyJhbGciOi.eyJzdWIi.abc", "hunter22", "AKIAABCDEFGHIJKLMNOP"])
def test_a_secret_is_not_repeated_in_the_message(value: str) -> None:
    text = checks(
        f"- name: a\n  http: {{post: /login, body: {{json: {{password: '{value}'}}}}, expect: {{status: 200}}}}"
    )

    (problem,) = lint(text)

    assert problem.rule == "plain-secret"
    assert value not in str(problem)


@pytest.mark.parametrize(
    "line",
    [
        "http: {get: /, headers: {authorization: 'Bearer ${secret:ssm:/token}'}, expect: {status: 200}}",
        "http: {get: /, expect: {json: {password: null-and-void, token: {exists: true}}}}",
        "http: {post: /login, body: {json: {password: '${secret:ssm:/password}'}}, expect: {status: 200}}",
        "http: {post: /login, body: {json: {password: ''}}, expect: {status: 400}}",
    ],
)
def test_a_harmless_value_is_not_reported_as_a_secret(line: str) -> None:
    assert [str(problem) for problem in lint(checks(f"- name: a\n  {line}"))] == []


def test_windows_line_endings_and_byte_order_marks_are_accepted() -> None:
    assert lint("\ufeff" + checks("- name: a\n  target_health: {}").replace("\n", "\r\n")) == []


def test_a_message_without_a_matching_rule_has_the_rule_value() -> None:
    assert with_rule(Problem("something else is wrong")).rule == "value"


def test_a_mistake_in_one_check_does_not_hide_those_in_others() -> None:
    text = """\
version: 1
defaults: {timeot: 5s}
variables: {tenant: smoke}
stages:
  AfterAllowTestTraffic:
    checks:
      - name: one
        severity: harmless
        http: {get: "/${tenant}", expect: {status: 200}}
      - name: two
        htpp: {}
      - name: three
        needs: [one]
        http: {get: /, expect: {status: {gte: 100}}}
      - name: four
        http: {get: "/${tenat}", expect: {status: {lss: 2}}}
  AfterAllowTraffic:
    checks:
      - {name: five, severity: advisory, target_health: {}}
"""

    assert [(problem.line, problem.rule) for problem in lint(text)] == [
        (2, "unknown-key"),
        (8, "unknown-choice"),
        (11, "unknown-validator"),
        (14, "always-passes"),
        (16, "unknown-name"),
        (16, "unknown-predicate"),
        (19, "no-blocking-check"),
    ]


def test_a_shadow_is_checked_against_the_current_day() -> None:
    text = "shadow: {until: '2026-06-30', why: we are getting to know the gate}\n" + checks(
        "- {name: a, target_health: {}}"
    )

    assert lint(text) == []
    assert [problem.rule for problem in lint(text, Limits(today=datetime.date(2026, 6, 20)))] == ["shadow-ends"]
    assert [problem.rule for problem in lint(text, Limits(today=datetime.date(2026, 1, 1)))] == ["shadow-too-far"]


def test_a_need_that_is_skipped_on_a_first_deployment_is_reported() -> None:
    text = checks(
        "- {name: a, on_first_deployment: skip, target_health: {}}\n"
        "- {name: b, needs: [a], http: {get: /, expect: {status: 200}}}"
    )

    assert [problem.rule for problem in lint(text)] == ["need-skipped"]
    assert lint(text.replace("needs: [a]", "needs: [a], on_first_deployment: skip")) != []


def test_a_mistake_in_a_row_is_reported_at_the_row_and_one_in_all_rows_once() -> None:
    text = checks("""\
- name: pages
  each:
    - {path: /a, status: 200}
    - {path: /b, status: "200"}
  http: {get: "${each.path}", expect: {status: "${each.status}"}}
- name: orders
  each: [A1, B2]
  http: {get: "/orders/${each}", expect: {status: {exists: true}}}
""")

    assert [(problem.line, problem.rule) for problem in lint(text)] == [(8, "never-passes"), (12, "always-passes")]


SEEDS = [rule.good for rule in RULES if rule.good] + [
    path.read_text() for path in PLANS if "yaml-" not in path.read_text()
]
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 700)
    | st.sampled_from(["", "${id}", "${", "a", "200", "1m", "{id}", "http"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["get", "steps", "expect", "status", "a", "capture"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from places(value, (*path, key))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_value_anywhere_in_a_plan_results_in_readable_problems(data: st.DataObject) -> None:
    try:
        plan = yaml_reader.read(data.draw(st.sampled_from(SEEDS))).data
    except PlanError:
        return
    *way, last = data.draw(st.sampled_from(list(places(plan))[1:]))
    holder = plan
    for step in way:
        holder = holder[step]
    holder[last] = data.draw(anything)

    for problem in lint(json.dumps(plan)):
        assert problem.rule in {rule.id for rule in RULES}
        assert problem.message.isprintable()
