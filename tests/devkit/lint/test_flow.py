"""Rules for the flow of a stage: shadows and skipped needs."""

from __future__ import annotations

import datetime

from devkit.lint.limits import Limits
from tests.support.linting import checks, lint


def test_a_shadow_is_checked_against_the_current_day() -> None:
    text = "shadow: {until: '2026-06-30', why: we are getting to know the gate}\n" + checks("- {name: a, tcp: {}}")

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
