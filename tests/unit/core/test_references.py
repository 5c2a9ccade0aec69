"""References: replaced in values, rejected elsewhere, and never searched for in the values themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.references import (
    capture_mistakes,
    captured_names,
    has_references,
    malformed_references,
    reference_names,
    reference_paths,
    replace,
    secret_names,
    unknown_references,
)

NAMES = {"tenant": "smoke", "shards": 3, "on": True, "rate": 0.5, "green.url": "http://green", "map": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${", "'${' is not a valid reference; write ${name}, or $${ for the text itself"),
        ("a ${} b", "is not a valid reference"),
        ("${ }", "is not a valid reference"),
        ("${tenant", "is not a valid reference"),
        ("${a${tenant}}", "'${a${tenant}}' is not a valid reference"),
        ("${a{b}}", "is not a valid reference"),
        ("${secret:}", "${secret:} is not a valid reference to a secret; write ${secret:secretsmanager:NAME}"),
        ("${secret:vault:x}", "is not a valid reference to a secret"),
        ("${secret:secretsmanager:}", "is not a valid reference to a secret"),
        ("${secret:secretsmanager:x#}", "is not a valid reference to a secret"),
        ("${secret:ssm:}", "is not a valid reference to a secret"),
    ],
)
def test_malformed_reference_is_reported(text: str, message: str) -> None:
    ((place, reported),) = malformed_references({"a": [text]}, ("http",))

    assert place == ("http", "a", 0)
    assert message in reported


@pytest.mark.parametrize(
    "text",
    [
        "", "$", "{}", "$ {a}", "$${", "$${a", "${tenant}", "${ tenant }",
        "${secret:secretsmanager:orders/smoke#token}", "${secret:secretsmanager:a}", "${secret:ssm:/a/b}",
        "$$${tenant}",
    ],
)  # fmt: skip
def test_valid_reference_and_plain_text_are_accepted(text: str) -> None:
    assert malformed_references(text, ()) == []


def test_reference_in_a_key_is_reported_at_any_depth() -> None:
    mistakes = malformed_references([{"a": {"${x}": 1}}, {"$${": 2}], ())

    assert [place for place, _ in mistakes] == [(0, "a", "${x}"), (1, "$${")]
    assert "is not replaced in keys" in mistakes[0][1]


def test_unknown_name_gets_a_suggestion_or_the_list() -> None:
    near, far = unknown_references(["${tennant}", "${zzz}", "${tenant}", "$${zzz}", 5], NAMES, ("a",))

    assert near == (("a", 0), "nothing is called ${tennant}; did you mean 'tenant'?")
    assert far[0] == ("a", 1)
    assert "valid names are green.url, map, on, rate, shards, tenant" in far[1]


def test_an_unknown_name_cannot_be_replaced() -> None:
    with pytest.raises(KeyError, match="zzz"):
        replace("a ${zzz}", NAMES)
    with pytest.raises(KeyError, match="zzz"):
        replace("${zzz}", NAMES)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("${tenant}", "smoke"),
        ("${ tenant }", "smoke"),
        ("${shards}", 3),
        ("${on}", True),
        ("${map}", {"a": 1}),
        ("/${tenant}/${shards}", "/smoke/3"),
        ("is ${on}, ${rate}, ${map}", 'is true, 0.5, {"a": 1}'),
        ("${green.url}/x", "http://green/x"),
        ("$${tenant}", "${tenant}"),
        ("$$${tenant}", "$${tenant}"),
        ("$", "$"),
        ("{tenant}", "{tenant}"),
        ({"${tenant}": ["${tenant}", 5, None]}, {"${tenant}": ["smoke", 5, None]}),
    ],
)
def test_references_are_replaced(source: Any, value: Any) -> None:
    assert replace(source, NAMES) == value


def test_names_and_secrets_are_collected_from_everywhere() -> None:
    data = {"a": "${x} ${secret:ssm:/p}", "b": [{"c": "${secret:secretsmanager:n#k}"}], "d": "$${no}", "e": 5}

    assert list(reference_names(data)) == ["x", "secret:ssm:/p", "secret:secretsmanager:n#k"]
    assert secret_names(data) == {"ssm:/p", "secretsmanager:n#k"}
    assert has_references(data)
    assert not has_references({"a": [1, "$", {"${x}": None}]})
    assert reference_paths(data, ("p",)) == [("p", "a"), ("p", "b", 0, "c"), ("p", "d")]


@pytest.mark.parametrize(
    "data", [None, 5, "x", [], {}, {"capture": "x"}, {"steps": 5}, {"body": {"capture": {"a": "b"}}}]
)
def test_data_without_captures_has_no_captured_names(data: Any) -> None:
    assert captured_names(data) == {}


def test_captures_of_the_parameters_and_their_steps_are_collected() -> None:
    data = {"capture": {"a": "json.a"}, "steps": [{"capture": {"b": "json.b"}}, 5, {"get": "/"}]}

    assert captured_names(data) == {"a": ("capture", "a"), "b": ("steps", 0, "capture", "b")}


def test_capture_with_an_unusable_name_is_reported() -> None:
    captured = {"good": ("capture", "good"), "not good": ("capture", "not good"), "tenant": ("capture", "tenant")}

    first, second = capture_mistakes(captured, NAMES, ("http",))

    assert first == (("http", "capture", "not good"), "'not good' is not a valid name; write letters, digits and _")
    assert second == (("http", "capture", "tenant"), "a variable is called 'tenant', too, and would hide the capture")


def test_a_first_pass_keeps_captures_for_the_second() -> None:
    first_pass = replace({"a": "/${tenant}/${id}", "b": "${id}", "c": "$${x}"}, NAMES, keep=True)

    assert first_pass == {"a": "/smoke/${id}", "b": "${id}", "c": "$${x}"}
    assert replace(first_pass, {"id": 7}) == {"a": "/smoke/7", "b": 7, "c": "${x}"}


texts = st.text(alphabet="${}ab", max_size=8)


@given(texts)
def test_value_is_never_searched_for_references(value: str) -> None:
    assert replace("<${v}>", {"v": value}) == f"<{value}>"
    assert replace("${v}", {"v": value}) == value


@given(st.lists(st.sampled_from(["${v}", "${w}", "{", "}", "a", "$${", " "]), max_size=6), texts, texts)
def test_two_passes_have_the_same_result_as_one(parts: list[str], value: str, other: str) -> None:
    source = "".join(parts)
    once = replace(source, {"v": value, "w": other})

    assert replace(replace(source, {"v": value, "w": other}, keep=True), {}) == once


@given(st.text(alphabet="${}ab: ", max_size=12))
def test_any_text_is_malformed_unknown_or_replaced(text: str) -> None:
    if not malformed_references(text, ()) and not unknown_references(text, NAMES, ()):
        replace(text, NAMES)
