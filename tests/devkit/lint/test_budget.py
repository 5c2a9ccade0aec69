"""Rules for time: the shortest and the longest duration of a stage."""

from __future__ import annotations

from typing import Any

from devkit.lint.limits import Limits
from tests.support.linting import checks, lint

INLINE = Limits(conductor="inline")
"""An installation without the state machine."""


def test_a_stage_that_fits_its_function_fits_no_shorter_one() -> None:
    text = checks("- name: a\n  timeout: 50s\n  tcp: {}")

    assert lint(text, Limits(conductor="inline", function_s=90)) == []
    assert [problem.rule for problem in lint(text, Limits(conductor="inline", function_s=60))] == ["may-not-finish"]


def test_independent_checks_run_in_parallel_up_to_the_concurrency() -> None:
    text = checks(
        "\n".join(f"- name: c{n}\n  timeout: 50s\n  http: {{get: /{n}, expect: {{status: 200}}}}" for n in range(4))
    )

    assert lint(text, Limits(conductor="inline", function_s=120, concurrency=4)) == []
    assert lint(text, Limits(conductor="inline", function_s=150, concurrency=2)) == []
    (problem,) = lint(text, Limits(conductor="inline", function_s=120, concurrency=2))
    assert "takes 100s" in problem.message


def test_the_times_of_checks_that_need_each_other_add_up() -> None:
    text = checks(
        "- name: a\n  timeout: 50s\n  target_health: {}\n"
        "- name: b\n  needs: [a]\n  timeout: 1m\n  http: {get: /, expect: {status: 200}}"
    )

    (problem,) = lint(text, Limits(conductor="inline", function_s=120))

    assert "takes 110s" in problem.message
    assert "the function's timeout of 2m leaves 90s" in problem.message


def test_unavoidable_intervals_can_make_a_budget_impossible() -> None:
    text = checks("- name: a\n  repeat: {count: 70, interval: 10s}\n  tcp: {}")

    assert [problem.rule for problem in lint(text, INLINE)] == ["impossible-budget"]
    early = text.replace("interval: 10s", "interval: 10s, consecutive_success_limit: 3")
    assert [problem.rule for problem in lint(early, INLINE)] == ["may-not-finish"]


def test_the_state_machine_has_the_time_that_a_hook_has_not() -> None:
    text = checks("- name: a\n  repeat: {count: 70, interval: 10s}\n  tcp: {}")

    assert lint(text) == []
    (problem,) = lint(text.replace("count: 70", "count: 310"))
    assert problem.rule == "impossible-budget"
    assert "the state machine has 50m for checks" in problem.message
    assert "HookTimeout" not in problem.message


def hold(within: str, **limits: Any) -> list[tuple[str, str]]:
    """Lint a stage that takes 10 minutes and waits for an approval."""
    stage = "- name: a\n  repeat: {count: 61, interval: 10s}\n  tcp: {}"
    text = checks(stage) + f"    hold: {{within: {within}, ask: release managers}}\n"
    return [(problem.rule, problem.message) for problem in lint(text, Limits(**limits))]


def test_a_hold_that_can_never_have_its_time_is_impossible() -> None:
    ((rule, message),) = hold("45m")

    assert rule == "impossible-budget"
    assert "a hold ends 53m after the gate has begun, so it never has 45m" in message


def test_a_hold_that_slow_checks_shorten_may_not_finish() -> None:
    ((rule, message),) = hold("35m")

    assert rule == "may-not-finish"
    assert "so it has less than 35m then" in message


def test_a_hold_that_fits_is_not_reported() -> None:
    assert hold("20m") == []


def test_a_hold_without_a_state_machine_is_impossible() -> None:
    ((rule, message),) = hold("20m", conductor="inline", function_s=3600)

    assert rule == "impossible-budget"
    assert "a hold needs the state machine" in message
