"""Errors: messages of one line with their place, limited in number."""

from __future__ import annotations

import inspect

import pytest

import greenlight.core.errors
from greenlight.core.errors import (
    MAX_PROBLEMS,
    AwsError,
    ExpectationError,
    GreenlightError,
    PlanError,
    Problem,
    WrongValueError,
)
from greenlight.core.finding import Cause

ERRORS = [
    member
    for _, member in inspect.getmembers(greenlight.core.errors, inspect.isclass)
    if issubclass(member, Exception) and member.__module__ == "greenlight.core.errors"
]


def test_problem_quotes_a_plan_on_one_clean_line_of_bounded_length() -> None:
    problem = Problem("unknown key '\x1b[2J\n'" + "a" * 10_000, "a.\r\n" + "b" * 10_000)

    assert problem.message.isprintable()
    assert problem.path.isprintable()
    assert len(str(problem)) < 1000


def test_problem_shows_path_and_message() -> None:
    assert str(Problem("it is wrong", "a.b")) == "a.b: it is wrong"
    assert str(Problem("it is wrong")) == "it is wrong"


@pytest.mark.parametrize("count", [1, MAX_PROBLEMS, MAX_PROBLEMS + 1, 10_000])
def test_plan_error_lists_the_first_problems_and_can_be_rebuilt_from_them(count: int) -> None:
    first = PlanError([Problem(f"problem {number}") for number in range(count)], "plan.yaml")
    again = PlanError(first.problems, first.source)

    assert len(first.problems) == min(count, MAX_PROBLEMS + 1)
    assert str(again) == str(first)
    assert ("and more" in str(first)) == (count > MAX_PROBLEMS)


def test_plan_error_shows_the_place() -> None:
    assert str(PlanError([Problem("a"), Problem("b", "p", 3, 1)])) == "a; p: b (line 3)"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_is_in_the_tree_of_the_docstring_and_has_the_base_class(error: type[Exception]) -> None:
    assert issubclass(error, GreenlightError)
    assert error.__name__ in (greenlight.core.errors.__doc__ or "")
    assert error.__name__.endswith("Error")


def test_every_error_has_its_cause() -> None:
    assert PlanError([Problem("a")]).cause is Cause.PLAN_ERROR
    assert AwsError("denied", "AccessDenied").cause is Cause.GATE_ERROR
    assert AwsError("denied", "AccessDenied").code == "AccessDenied"


def test_wrong_value_is_a_value_error_as_msgspec_requires() -> None:
    error = ExpectationError("it means nothing", ("a", 1))

    assert isinstance(error, ValueError)
    assert isinstance(error, WrongValueError)
    assert (str(error), error.path) == ("it means nothing", ("a", 1))
