"""Rules for the stage AllowTraffic: a watch that starts, and rounds that are shorter than the time between them."""

from __future__ import annotations

import pytest

from devkit.lint.limits import Limits
from tests.support.linting import lint

GATE = "  BeforeAllowTraffic:\n    checks: [{name: a, http: {get: /, expect: {status: 200}}}]\n"


def plan(check: str = "http: {get: /, expect: {status: 200}}", keys: str = "", gate: str = GATE) -> str:
    return f"version: 1\nstages:\n{gate}  AllowTraffic:\n{keys}    checks:\n      - name: w\n        {check}\n"


def found(text: str, limits: Limits | None = None) -> list[str]:
    return [problem.rule for problem in lint(text, limits)]


def test_watch_without_the_gate_that_starts_it_is_reported() -> None:
    assert found(plan(gate="")) == ["watch-without-gate"]
    assert found(plan()) == []


@pytest.mark.parametrize(("every", "rules"), [("20s", ["slow-rounds"]), ("1m", [])])
def test_round_that_may_take_longer_than_every_is_reported(every: str, rules: list[str]) -> None:
    text = plan("timeout: 30s\n        http: {get: /, expect: {status: 200}}", f"    every: {every}\n")

    assert found(text) == rules


def test_round_that_cannot_end_in_its_function_may_not_finish() -> None:
    text = plan("timeout: 14m\n        http: {get: /, expect: {status: 200}}")

    assert found(text) == ["may-not-finish"]


def test_budget_of_the_hook_does_not_apply_to_rounds() -> None:
    text = plan("timeout: 50s\n        http: {get: /, expect: {status: 200}}", "    every: 1m\n")

    assert found(text, Limits(conductor="inline", function_s=60)) == []


def test_metrics_of_green_are_evidence_while_users_reach_it_and_alarms_are_not() -> None:
    metrics = "metrics: {metric: m, namespace: n, statistic: Average, expect: {lte: 1}}"
    problems = lint(plan("alarms: {names: [a]}"))

    assert [problem.rule for problem in problems] == ["never-asks-green"]
    assert "no round of it shows how green serves its users" in problems[0].message
    assert "never-asks-green" not in found(plan(metrics))


def test_watch_of_advisory_checks_never_stops_a_release() -> None:
    (problem,) = lint(plan("severity: advisory\n        http: {get: /, expect: {status: 200}}"))

    assert (problem.rule, "the shift is never stopped" in problem.message) == ("no-blocking-check", True)
