"""JMESPath queries: nothing found differs from null, and a query that cannot work is rejected."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.assertions.jmespath_query import compile_query, run_query
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import MISSING

# JMESPath accepts texts between backticks with a deprecation warning.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated string literal")

DATA = {"status": "ok", "none": None, "items": [{"sku": "A1", "n": 1}, {"sku": "B2", "n": None}], "deep": {"a": [[5]]}}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "cannot be empty"),
        ("items[", "Incomplete expression"),
        ("a b", "Unexpected token"),
        ("'open", "Unclosed"),
        ("lenght(items)", "there is no function 'lenght'; did you mean 'length'?"),
        ("items[?zzzzz(@)]", "there is no function 'zzzzz'"),
        ("length()", "length takes 1 argument, not 0"),
        ("{n: length(items, items)}", "length takes 1 argument, not 2"),
        ("join(`,`)", "join takes 2 arguments, not 1"),
        ("not_null()", "not_null takes 1 or more arguments, not 0"),
        ("'ok'", "looks at nothing"),
        ("`5`", "looks at nothing"),
        ("length('ok')", "looks at nothing"),
        ("[`1`, 'a']", "looks at nothing"),
        ("(" * 1000 + "a", "nested too deeply"),
        ("!" * 1900 + "a", "nested too deeply"),
        ("a[" + "9" * 1990 + "]x", "Unexpected token"),
        ("a" * 2001, "at most 2000 characters"),
    ],
    ids=lambda text: text[:30],
)
def test_expression_that_cannot_work_is_rejected(expression: str, message: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        compile_query(expression, "json", 0)

    assert message in str(caught.value)
    assert caught.value.path == ("json", 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    [
        "nowhere", "status.nowhere", "items[2]", "items[-3]", "items.sku", "status[0]", "none.below", "deep.a[0][1]",
        "length(none)", "length(nowhere)", "items[?sku=='C3'] | [0]", "sum(items[*].sku)", "to_number(status)",
        "items[0:1:0]", "&status", "avg(nowhere)", "max(status)",
    ],
)  # fmt: skip
def test_query_finds_nothing(expression: str) -> None:
    assert run_query(expression, DATA) is MISSING


@pytest.mark.parametrize("data", [None, "text", 5, [], True])
def test_query_finds_nothing_in_other_data_than_an_object(data: Any) -> None:
    assert run_query("status", data) is MISSING


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("status", "ok"),
        ("none", None),
        ("items[1].n", None),
        ("items[-2].sku", "A1"),
        ("deep.a[0][0]", 5),
        ("length(items)", 2),
        ("items[*].sku", ["A1", "B2"]),
        ("items[?n==`1`].sku | [0]", "A1"),
        ("@", DATA),
        ("nowhere || 'else'", "else"),
        ("nowhere == `null`", True),
        ("length(items) > `5`", False),
        ("nowhere[*]", MISSING),
        ("items[5:]", []),
    ],
)
def test_query_finds_the_value(expression: str, value: Any) -> None:
    assert run_query(expression, DATA) == value


@given(st.text(alphabet="abc.[]*'`\"|&!@(){}:,?<>=0123456789 -\\", max_size=30))
def test_any_expression_finds_plain_data_or_is_rejected_with_a_message(expression: str) -> None:
    try:
        value = run_query(expression, DATA)
    except ExpectationError as error:
        value = str(error)
        refused = True
    else:
        refused = False

    assert not refused or value.isprintable()
    assert value is MISSING or value is None or isinstance(value, (str, int, float, list, dict))
