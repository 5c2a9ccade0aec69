"""Conversion to typed structs: every problem is reported at its path, in plain words."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.assertions.expectation import DurationExpectation, Expectation, SizeExpectation
from greenlight.core.errors import MAX_PROBLEMS, WrongValueError
from greenlight.core.units import Duration, Size
from greenlight.plan.decoder import convert


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Circle(msgspec.Struct, tag="circle", tag_field="kind", forbid_unknown_fields=True):
    radius: int


class Square(msgspec.Struct, tag="square", tag_field="kind", forbid_unknown_fields=True):
    side: int


class Flag(msgspec.Struct):
    enabled: bool = False


class Open(msgspec.Struct):
    known: int = 0


class Typed(TypedDict):
    first: int


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    count: int
    note: str | None = None


class Outer(msgspec.Struct, forbid_unknown_fields=True, rename={"class_": "class"}):
    inner: Inner | None = None
    several: list[Inner] = []
    by_name: dict[str, Inner] = {}
    pair: tuple[int, str] = (1, "")
    numbers: tuple[int, ...] = ()
    unique: set[int] = set()
    color: Color = Color.RED
    mode: Literal["on", "off"] | None = None
    wait: Duration = Duration(1)
    limit: Size | None = None
    expect: Expectation | None = None
    latency: DurationExpectation | None = None
    size: SizeExpectation | None = None
    name: Annotated[str, msgspec.Meta(pattern="^[a-z]+$", description="a word in small letters")] | None = None
    code: Annotated[str, msgspec.Meta(pattern="^[0-9]+$")] | None = None
    shape: Circle | Square | None = None
    loose: Open | None = None
    typed: Typed | None = None
    anything: Any = None
    mixed: str | int | list[str] = ""
    flag: bool = False
    ratio: float = 0.0
    class_: str = ""

    def __post_init__(self) -> None:
        if self.ratio > 1:
            raise WrongValueError("a ratio is at most 1", ("ratio",))
        if self.ratio < 0:
            raise KeyError("no such ratio")


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ([], (), "expected a map, got a list"),
        (5, (), "expected a map, got a whole number"),
        ({"iner": {}}, ("iner",), "unknown key 'iner'; did you mean 'inner'?"),
        ({"qqq": 1}, ("qqq",), "unknown key 'qqq'; valid keys are anything, by_name, class, code"),
        ({"class_": "a"}, ("class_",), "did you mean 'class'?"),
        ({"inner": {}}, ("inner",), "the key 'count' is missing"),
        ({"inner": {"count": "1"}}, ("inner", "count"), "expected a whole number, got a text"),
        ({"inner": {"count": True}}, ("inner", "count"), "expected a whole number, got true or false"),
        ({"inner": {"count": None}}, ("inner", "count"), "expected a whole number, got nothing"),
        ({"inner": None}, ("inner",), "'inner' has no value; write a value, or remove the key"),
        ({"expect": None}, ("expect",), "to expect null, write {eq: null}"),
        ({"latency": None}, ("latency",), "to expect null, write {eq: null}"),
        ({"several": [{"count": 1}, {"count": 1.5}]}, ("several", 1, "count"), "expected a whole number"),
        ({"several": {"count": 1}}, ("several",), "expected a list, got a map"),
        ({"by_name": {"a": {"count": 1, "nte": ""}}}, ("by_name", "a", "nte"), "did you mean 'note'?"),
        ({"pair": [1, 2]}, ("pair", 1), "expected a text, got a whole number; write it in quotes: \"2\""),
        ({"pair": ["1", "a"]}, ("pair", 0), "expected a whole number, got a text"),
        ({"pair": [1]}, ("pair",), "length 2"),
        ({"pair": [1, "a", 3]}, ("pair",), "length 2"),
        ({"numbers": [1, "2"]}, ("numbers", 1), "expected a whole number, got a text"),
        ({"numbers": "1"}, ("numbers",), "expected a list, got a text; write it in brackets"),
        ({"unique": [1, True]}, ("unique", 1), "expected a whole number, got true or false"),
        ({"color": "rde"}, ("color",), "'rde' is not one of red, blue; did you mean 'red'?"),
        ({"color": 5}, ("color",), "5 is not one of red, blue"),
        ({"mode": True}, ("mode",), "true is not one of on, off"),
        ({"mode": ["on"]}, ("mode",), "['on'] is not one of on, off"),
        ({"wait": 5}, ("wait",), "5 is not a valid duration"),
        ({"limit": "5"}, ("limit",), "'5' is not a valid size"),
        ({"expect": {"gtt": 1}}, ("expect", "gtt"), "did you mean 'gt'?"),
        ({"latency": {"lte": 5}}, ("latency", "lte"), "5 is not a valid duration"),
        ({"size": {"between": ["1B", 2]}}, ("size", "between"), "2 is not a valid size"),
        ({"name": "Words"}, ("name",), "'Words' is not a word in small letters"),
        ({"code": "x"}, ("code",), "expected a text matching regex '^[0-9]+$'"),
        ({"code": 7}, ("code",), "write it in quotes: \"7\""),
        ({"code": False}, ("code",), "write it in quotes: \"false\""),
        ({"shape": {"kind": "circle", "radius": 1, "side": 1}}, ("shape", "side"), "unknown key 'side'"),
        ({"shape": {"kind": "square", "side": "1"}}, ("shape", "side"), "expected a whole number"),
        ({"shape": {"kind": "star"}}, ("shape", "kind"), "invalid value 'star'"),
        ({"loose": {"known": "x", "more": 1}}, ("loose", "known"), "expected a whole number"),
        ({"typed": {"first": "x"}}, ("typed", "first"), "expected a whole number, got a text"),
        ({"mixed": {}}, ("mixed",), "expected a whole number or a text or a list, got a map"),
        ({"mixed": ["a", 5]}, ("mixed", 1), "expected a text, got a whole number"),
        ({"flag": "true"}, ("flag",), "expected true or false, got a text"),
        ({"flag": 1}, ("flag",), "expected true or false, got a whole number"),
        ({"ratio": "1"}, ("ratio",), "expected a number, got a text"),
        ({"ratio": 2}, ("ratio",), "a ratio is at most 1"),
        ({"ratio": -1}, (), "cannot be read: KeyError: 'no such ratio'"),
    ],
    ids=str,
)  # fmt: skip
def test_a_problem_is_reported_at_its_path(data: Any, path: tuple[Any, ...], message: str) -> None:
    value, mistakes = convert(data, Outer, ("http",))

    assert value is None
    assert [place for place, _ in mistakes] == [("http", *path)], mistakes
    assert message in mistakes[0][1]


def test_all_problems_are_reported_at_once() -> None:
    data = {"inner": {"count": "x", "cunt": 1}, "color": "green", "wait": "5", "numbers": ["a", 1, "b"], "flag": None}

    value, mistakes = convert(data, Outer)

    assert value is None
    assert [place for place, _ in mistakes] == [
        ("inner", "count"),
        ("inner", "cunt"),
        ("color",),
        ("wait",),
        ("numbers", 0),
        ("numbers", 2),
        ("flag",),
    ]


def test_the_number_of_collected_problems_is_limited() -> None:
    _, mistakes = convert({f"k{n}": n for n in range(100_000)}, Outer)

    assert MAX_PROBLEMS < len(mistakes) <= MAX_PROBLEMS + 2


def test_the_number_of_collected_problems_in_one_list_is_limited() -> None:
    _, mistakes = convert({"numbers": ["x"] * 100_000, "color": "rde"}, Outer)

    assert len(mistakes) == MAX_PROBLEMS + 1


def test_data_nested_too_deep_is_a_problem() -> None:
    data: Any = []
    for _ in range(100_000):
        data = [data]

    assert convert({"anything": data}, Outer)[1] == [((), "nested too deeply")]


def test_a_type_that_msgspec_cannot_read_is_a_problem_and_not_a_crash() -> None:
    class Strange(msgspec.Struct):
        strange: complex

    assert "cannot be read" in convert({"strange": 1}, Strange)[1][0][1]


def test_correct_data_is_converted_to_its_type() -> None:
    data = {
        "inner": {"count": 1},
        "by_name": {"a": {"count": 2, "note": "x"}},
        "pair": [3, "c"],
        "color": "blue",
        "wait": "10m",
        "limit": "1KiB",
        "expect": {"exists": True},
        "latency": {"lte": "1s"},
        "size": "2KB",
        "shape": {"kind": "square", "side": 4},
        "loose": {"known": 5, "more": None},
        "anything": None,
        "class": "first",
    }

    value, mistakes = convert(data, Outer)

    assert mistakes == []
    assert value is not None
    assert value.by_name["a"] == Inner(count=2, note="x")
    assert (value.pair, value.color, value.wait, value.limit) == ((3, "c"), Color.BLUE, 600.0, 1024)
    assert value.latency is not None
    assert value.latency.holds(1000)
    assert value.size is not None
    assert value.size.holds(2000)
    assert (value.shape, value.anything, value.class_) == (Square(side=4), None, "first")


def test_a_map_may_contain_an_expectation_of_null() -> None:
    class Held(msgspec.Struct):
        json: dict[str, Expectation]

    value, mistakes = convert({"json": {"gone": None}}, Held)

    assert mistakes == []
    assert value is not None
    assert value.json["gone"].holds(None)
    assert not value.json["gone"].holds(0)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from([field.encode_name for field in msgspec.structs.fields(Outer)]), plain, max_size=4)
)
def test_any_data_becomes_either_a_value_or_problems(data: dict[str, Any]) -> None:
    value, mistakes = convert(data, Outer)

    assert (value is None) == bool(mistakes)
    assert all(message for _, message in mistakes)


@pytest.mark.parametrize(("word", "meant"), [("yes", "true"), ("No", "false"), ("on", "true"), ("OFF", "false")])
def test_a_boolean_of_yaml_1_1_is_explained(word: str, meant: str) -> None:
    _, mistakes = convert({"enabled": word}, Flag)

    assert mistakes == [
        (("enabled",), f"expected true or false, got a text; in YAML 1.2 {word} is a text: write {meant}")
    ]
