"""The rules of lint: each one is broken by its example and by nothing else, and good plans break none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devkit.lint.rules import RULES, Rule, markdown, with_rule
from greenlight.core.errors import Problem
from tests.support.linting import lint

ROOT = Path(__file__).parents[3]
PLANS = sorted((Path(__file__).parent / "plans").glob("*.yaml"))
REFUSED = sorted((ROOT / "tests/unit/plan/plans").glob("*.yaml"))
BROKEN_ON_PURPOSE = ("examples/scenarios/plans/broken.plan.yaml",)
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").rglob("*.yaml")
    if ("plan" in path.name and path.parent.name != "scenarios") or path.name == "appspec.yaml"
)
EXCERPT = ("wrong-stage", "no-blocking-check", "never-asks-green")
"""Rules that an excerpt of a plan breaks only because it is an excerpt."""
BLOCKS = [
    (f"{path.name}:{number}", text)
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE))
]


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


def test_a_message_without_a_matching_rule_has_the_rule_value() -> None:
    assert with_rule(Problem("something else is wrong")).rule == "value"
