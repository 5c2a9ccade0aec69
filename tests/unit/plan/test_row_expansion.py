"""`each`: the checks of its rows, and the places of their mistakes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import PlanError, Problem
from greenlight.plan.model import Check
from greenlight.plan.parser import parse
from greenlight.plan.row_expansion import MAX_CHECKS

SOMEWHERE = Deployment(id="d-LOCAL0000", platform=Platform.ECS, stage="")
REGISTRY = Registry()


def plan(*checks: str) -> str:
    return "version: 1\nvariables: {tenant: smoke}\nstages:\n  AfterAllowTraffic:\n    checks:\n" + "".join(
        "".join(f"{'      - ' if not number else '        '}{line}\n" for number, line in enumerate(check.splitlines()))
        for check in checks
    )


def checks(*raw_checks: str) -> tuple[Check, ...]:
    return parse(plan(*raw_checks), "plan.yaml").stages["AfterAllowTraffic"].checks


def problems_of(*raw_checks: str) -> tuple[Problem, ...]:
    with pytest.raises(PlanError) as caught:
        bind(parse(plan(*raw_checks), "plan.yaml"), SOMEWHERE, {}, REGISTRY)
    return caught.value.problems


def the_problem(*raw_checks: str) -> Problem:
    (problem,) = problems_of(*raw_checks)
    return problem


ITEMS = """\
name: an item is sold
each:
  - {sku: A1, status: 200}
  - {sku: B2, status: 404}
http: {get: "/items/${each.sku}", expect: {status: "${each.status}"}}"""


# ---- Rejected plans


@pytest.mark.parametrize(
    ("check", "line", "path", "message"),
    [
        ("name: a\neach: []\nhttp: {get: '/${each}'}", 7, "each", "the list of rows is empty, so there is no check"),
        ("name: a\neach: [1]\nhttp: {get: /}", 7, "each", "all rows would be the same check"),
        ("name: a\neach:\n  - {sku: A}\n  - {sk: B}\nhttp: {get: '/${each.sku}'}", 9, "each[1]", "did you mean 'sk'?"),
        (
            "name: a\neach:\n  - {sku: A}\n  - {sku: B, qty: 2}\nhttp: {get: '/${each.sku}'}",
            9,
            "each[1].qty",
            "the check does not use ${each.qty}",
        ),
        ("name: a\neach:\n  - {sku: A}\n  - B\nhttp: {get: '/${each.sku}'}", 9, "each[1]", "is a plain value"),
        ("name: a\neach:\n  - A\n  - {sku: B}\nhttp: {get: '/${each}'}", 9, "each[1]", "this row is a map"),
        ("name: a\neach:\n  - A\n  - '${each}'\nhttp: {get: '/${each}'}", 9, "each[1]", "cannot refer to a row"),
        ("name: a\neach:\n  - A\n  - [B]\nhttp: {get: '/${each}'}", 9, "each[1]", "or a map, got"),
        ("name: a\neach:\n  - A\n  -\nhttp: {get: '/${each}'}", 9, "each[1]", "or a map, got"),
        ("name: a\neach: A\nhttp: {get: '/${each}'}", 7, "each", "write it in brackets"),
        (
            "name: a\neach:\n  - {p: [1]}\nhttp: {get: '/${each.p}'}",
            8,
            "each[0].p",
            "only a text, a number, true or false can be inserted into a text",
        ),
        ("name: a\neach:\n  - {name: 5, p: 1}\nhttp: {get: '/${each.p}'}", 8, "each[0].name", "must be a text"),
        (
            "name: a\neach:\n  - {name: x, p: 1}\n  - {name: x, p: 2}\nhttp: {get: '/${each.p}'}",
            9,
            "each[1].name",
            "an earlier row has the name 'x'",
        ),
        ("name: a\neach: [1]\nhttp: {get: '/${each}', '${each}': 1}", 8, "http.${each}", "not replaced in keys"),
        ("name: a ${each}\neach: [1]\nhttp: {get: '/${each}'}", 6, "name", "parameters of validators only"),
        ("name: a\nhttp: {get: '/${each.sku}', expect: {status: 200}}", 7, "http.get", "this check has no rows"),
        ("name: a\nneeds: [a]\neach: [1]\nhttp: {get: '/${each}'}", 7, "needs[0]", "cannot need itself"),
    ],
    ids=[
        "no rows", "no reference", "key missing", "key unused", "plain among maps", "map among plain", "row of a row",
        "list as a row", "nothing as a row", "rows as a text", "list in a text", "name no text", "names alike",
        "reference in a key", "reference in the name", "reference without rows", "needs itself",
    ],
)  # fmt: skip
def test_a_mistake_in_rows_is_reported_at_its_place(check: str, line: int, path: str, message: str) -> None:
    problem = the_problem(check)

    assert message in problem.message
    assert (problem.line, problem.path) == (line, f"stages.AfterAllowTraffic.checks[0].{path}")


def test_a_wrong_value_is_reported_at_its_row() -> None:
    problem = the_problem(ITEMS.replace("status: 404", "status: {gtt: 1}"))

    assert (problem.line, problem.path) == (9, "stages.AfterAllowTraffic.checks[0].each[1].status.gtt")
    assert "did you mean 'gt'?" in problem.message


def test_a_mistake_of_the_check_itself_is_reported_once() -> None:
    problem = the_problem(ITEMS.replace("expect:", "expct:"))

    assert (problem.line, problem.path) == (10, "stages.AfterAllowTraffic.checks[0].http.expct")


def test_another_reference_beside_that_of_a_row_is_reported_at_its_own_place() -> None:
    problem = the_problem(ITEMS.replace("/items/", "/${tennant}/"))

    assert (problem.line, problem.path) == (10, "stages.AfterAllowTraffic.checks[0].http.get")
    assert "did you mean 'tenant'?" in problem.message


def test_a_check_cannot_have_the_name_of_a_check_with_rows() -> None:
    problem = the_problem(ITEMS, "name: an item is sold\nhttp: {get: /}")

    assert (problem.line, problem.message) == (
        11,
        "another check of this stage has the name 'an item is sold'; names must be unique",
    )


def test_a_check_cannot_have_the_name_of_a_row() -> None:
    assert "names must be unique" in the_problem(ITEMS, "name: an item is sold [A1, 200]\nhttp: {get: /}").message


def test_the_number_of_checks_by_rows_is_limited() -> None:
    rows = f"each: {json.dumps(list(range(MAX_CHECKS)))}\nhttp: {{get: '/${{each}}'}}"
    assert len(checks(f"name: a\n{rows}")) == MAX_CHECKS

    problem = the_problem("name: one\nhttp: {get: /}", f"name: a\n{rows}")

    assert "more than 10,000 checks" in problem.message
    assert problem.path == "stages.AfterAllowTraffic.checks[1].each"


def test_rows_that_are_too_large_are_rejected() -> None:
    long = f"name: a\neach: ['{'x' * 200_000}', 2]\nhttp: {{get: '{'${each}' * 100}'}}"

    assert "write fewer or smaller rows" in the_problem(long).message


# ---- Expanded checks


def test_a_check_becomes_one_for_each_row() -> None:
    first, second = checks(ITEMS)

    assert [first.name, second.name] == ["an item is sold [A1, 200]", "an item is sold [B2, 404]"]
    assert first.params == {"get": "/items/A1", "expect": {"status": 200}}
    assert second.params == {"get": "/items/B2", "expect": {"status": 404}}
    assert {first.rows_of, second.rows_of} == {"an item is sold"}


def test_a_plain_row_keeps_its_type_if_it_is_the_whole_text() -> None:
    expanded = checks("name: a\neach: [1, true, 2.5, x]\nhttp: {get: '/${each}', query: {q: '${each}'}}")

    assert [check.params["get"] for check in expanded] == ["/1", "/true", "/2.5", "/x"]
    assert [check.params["query"]["q"] for check in expanded] == [1, True, 2.5, "x"]
    assert [check.name for check in expanded] == ["a [1]", "a [true]", "a [2.5]", "a [x]"]


def test_a_row_may_have_a_name_and_equal_rows_get_different_names() -> None:
    expanded = checks("name: a\neach: [{name: first, p: 1}, {p: 1}, {p: 1}]\nhttp: {get: '/${each.p}'}")

    assert [check.name for check in expanded] == ["a [first]", "a [1]", "a [1, row 3]"]


def test_names_have_no_references_and_shortened_values() -> None:
    token = "${secret:ssm:/token}"
    expanded = checks(
        f"name: {'n' * 190}\neach: [{{p: '{token}', q: '{'y' * 100}'}}]\n"
        f"http: {{get: '/${{each.q}}', host: '${{each.p}}'}}"
    )

    assert len(expanded[0].name) == 200
    assert "secret" not in expanded[0].name
    assert expanded[0].params["host"] == token


def test_the_value_of_a_row_may_be_a_part_of_a_reference() -> None:
    (check,) = checks("name: a\neach: [blue]\nhttp: {get: '/${${each}.version}'}")

    assert check.params == {"get": "/${blue.version}"}


def test_a_literal_reference_stays_literal() -> None:
    (check,) = checks("name: a\neach: [1]\nhttp: {get: '/$${each}/${each}'}")

    assert check.params == {"get": "/$${each}/1"}


def test_a_check_can_need_all_rows_or_one_row() -> None:
    expanded = checks(
        ITEMS,
        "name: all\nneeds: [an item is sold]\nhttp: {get: /}",
        "name: one\nneeds: ['an item is sold [B2, 404]']\nhttp: {get: /}",
    )

    assert expanded[2].needs == ("an item is sold [A1, 200]", "an item is sold [B2, 404]")
    assert expanded[3].needs == ("an item is sold [B2, 404]",)


def test_a_check_with_wrong_rows_is_not_reported_as_missing_by_checks_that_need_it() -> None:
    problem = the_problem(ITEMS.replace("sku: B2", "sk: B2"), "name: all\nneeds: [an item is sold]\nhttp: {get: /}")

    assert problem.path.endswith("each[1]")


TEXTS = st.text(st.sampled_from("ab${}. x"), max_size=12)


@given(st.lists(st.one_of(TEXTS, st.integers(), st.booleans()), min_size=1, max_size=4), TEXTS)
def test_any_rows_become_checks_with_unique_names_or_are_rejected(rows: list[object], text: str) -> None:
    raw_checks = f"name: a\neach: {json.dumps(rows)}\nhttp: {{get: {json.dumps(text + '${each}')}}}"
    try:
        expanded = checks(raw_checks)
    except PlanError:
        return

    assert len({check.name for check in expanded}) == len(rows)
