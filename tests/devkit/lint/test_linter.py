"""The linter: order, suppressed and merged problems, and any input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devkit.lint.rules import RULES
from greenlight.core.errors import PlanError
from greenlight.plan import yaml_reader
from tests.support.linting import checks, lint

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def test_windows_line_endings_and_byte_order_marks_are_accepted() -> None:
    assert lint("\ufeff" + checks("- name: a\n  tcp: {}").replace("\n", "\r\n")) == []


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


PLANS = sorted((Path(__file__).parent / "plans").glob("*.yaml"))
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
