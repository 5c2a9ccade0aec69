"""The YAML reader: surprising constructs are rejected at their place, and the rest has the types of YAML 1.2."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.errors import MAX_PROBLEMS, PlanError
from greenlight.plan.yaml_reader import MAX_BYTES, MAX_DEPTH, MAX_VALUES, display_path, read


def refused(text: str) -> PlanError:
    with pytest.raises(PlanError) as caught:
        read(text, "plan.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "column", "path", "message"),
    [
        ("a: 1\nb: 2\na: 3", 3, 1, "a", "the key 'a' occurs twice, so the first value would be lost"),
        ("x:\n  a: 1\n  'a': 2", 3, 3, "x.a", "occurs twice"),
        ("{a: 1, a: 2}", 1, 8, "a", "occurs twice"),
        ("a: &x 1", 1, 4, "a", "anchors and aliases are not allowed"),
        ("a: &x 1\nb: *x", 2, 4, "b", "anchors and aliases are not allowed"),
        ("a: *x", 1, 4, "a", "anchors and aliases are not allowed"),
        ("&k a: 1", 1, 1, "", "a key cannot have an anchor or a tag"),
        ("&a [*a]", 1, 1, "", "anchors and aliases are not allowed"),
        ("*a : 1", 1, 1, "", "a key must be a text"),
        ("base: {a: 1}\nx:\n  <<: {a: 2}", 3, 3, "x", "merge keys are not allowed"),
        ("a: !!str 5", 1, 4, "a", "the tag tag:yaml.org,2002:str is not allowed"),
        ("a: ! 5", 1, 4, "a", "the tag ! is not allowed"),
        ("a: !!python/object/apply:os.system [ls]", 1, 4, "a", "the tag"),
        ("!!binary a: 1", 1, 1, "", "a key cannot have an anchor or a tag"),
        ("a: !Ref x", 1, 4, "a", "the tag !Ref is not allowed; remove it"),
        ("a: 010", 1, 4, "a", "010 may mean an octal number"),
        ("a: -007", 1, 4, "a", "-007 may mean an octal number"),
        ("a: 0o17", 1, 4, "a", "may mean a number; write it in plain digits, or in quotes"),
        ("a: 0xC8", 1, 4, "a", "may mean a number"),
        ("a: 0b11", 1, 4, "a", "may mean a number"),
        ("a: 1_000", 1, 4, "a", "may mean a number"),
        ("a: .nan", 1, 4, "a", ".nan is not a finite number"),
        ("a: -.INF", 1, 4, "a", "-.INF is not a finite number"),
        ("a: 1e999", 1, 4, "a", "too large for a number"),
        ("a: 18446744073709551616", 1, 4, "a", "too long for a number; text needs quotes"),
        ("a: " + "9" * 500, 1, 4, "a", "too long for a number"),
        ("a: 0." + "1" * 500, 1, 4, "a", "too long for a number"),
        ("a: 1e1234", 1, 4, "a", "too long for a number"),
        ("? [a]\n: 1", 1, 3, "", "a key must be a text"),
        ("? {a: b}\n: 1", 1, 3, "", "a key must be a text"),
        ("a: 1\n---\nb: 2", 2, 1, "", "a second document begins here, but a plan is a single document"),
        ("a:\n\tb: 1", 2, 1, "", "there is a tab here; indent with spaces"),
        ("a: @x", 1, 4, "", "a text that begins with '@' needs quotes"),
        ("a: `x`", 1, 4, "", "a text that begins with '`' needs quotes"),
        ("a: [1, 2", 2, 1, "", "not valid YAML"),
        ("a: {b: 1\nc: 2", 2, 2, "", "not valid YAML"),
        ("a: 'x", 1, 6, "", "found unexpected end of stream (while scanning a quoted scalar that begins on line 1)"),
        ("a: b: c", 1, 5, "", "mapping values are not allowed in this context"),
        ("a: x\n b: y", 2, 3, "", "not valid YAML"),
        ("a: \x00", 1, 4, "", "the character U+0000 is not allowed in a plan"),
        (
            "a: 1\nbcd: \x1b[2J",
            2,
            6,
            "",
            "the character U+001B is not allowed in a plan; write it as an escape in quotes",
        ),
        ("a: \ud800", 1, 4, "", "the character U+D800 is not allowed in a plan"),
        ("a: b\n\tc: 1", 2, 1, "", "indent with spaces"),
        ("a: {{ b }}", 1, 5, "a", "a text that begins with {{ needs quotes"),
        ("a: {b: ${c}}", 1, 9, "", "inside { } and [ ] a text with ${…} needs quotes"),
        ("a: b: c", 1, 5, "", "a text that contains a colon and a space needs quotes"),
        ("%YAML 3.0\n---\na: 1", 1, 1, "", "not valid YAML"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, str) else None,
)
def test_a_surprising_construct_is_rejected_at_its_place(
    text: str, line: int, column: int, path: str, message: str
) -> None:
    error = refused(text)

    first = error.problems[0] if "*x" not in text else error.problems[-1]
    assert message in first.message
    assert (first.line, first.column, first.path) == (line, column, path)
    assert error.source == "plan.yaml"


def test_all_rejected_constructs_are_reported_at_once() -> None:
    error = refused("a: 010\nb: [.nan, &x 1]\nc: 1\nc: 0x1\nd: [")

    assert [problem.line for problem in error.problems] == [1, 2, 2, 4, 4, 6]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 400_000,
        "? " * 400_000,
        "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2),
        "a:\n" + "".join(" " * n + "- b:\n" for n in range(0, 200, 2)),
    ],
    ids=["[", "{", "-", "?", "just too deep", "blocks"],
)
def test_a_file_with_endless_nesting_is_rejected_without_a_crash(text: str) -> None:
    # In a process of its own: without the guard the interpreter crashes, and the tests would crash with it.
    code = "import sys; from greenlight.plan.yaml_reader import read; read(sys.stdin.read())"

    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=False)

    assert f"nested deeper than {MAX_DEPTH} levels" in done.stderr
    assert done.returncode == 1


def test_a_file_one_level_too_deep_is_rejected_at_that_level() -> None:
    deep = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)

    assert read(deep).data
    assert [(problem.line, problem.column) for problem in refused(f"[{deep}]").problems] == [(1, MAX_DEPTH + 2)]


def test_a_file_that_is_too_large_is_rejected_unread() -> None:
    assert str(refused("a" * (MAX_BYTES + 1))) == "the file is larger than 1024 KiB"


@pytest.mark.parametrize(
    "text", ["- 1\n" * 200_000, "[" + "1," * 300_000 + "1]", "\n".join(f"a{n}: 1" for n in range(90_000))]
)
def test_a_file_of_very_many_values_is_rejected_early(text: str) -> None:
    began = time.process_time()

    assert f"the file has more than {MAX_VALUES} values; write fewer" in str(refused(text))
    assert time.process_time() - began < 5


def test_an_alias_bomb_is_rejected_at_once() -> None:
    layers = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    began = time.process_time()

    error = refused(f"a0: &a0 [x]\n{layers}")

    assert len(error.problems) == MAX_PROBLEMS + 1
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("1e3", 1000.0),
        ("0", 0),
        ("-0", 0),
        ("+5", 5),
        ("-5", -5),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("0e0", 0.0),
        ("1.0", 1.0),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ('"5"', "5"),
        ("'010'", "010"),
        ("''", ""),
        ("|\n  010", "010"),
        (">-\n  a\n  b", "a b"),
        ("'<<'", "<<"),
        ("5s", "5s"),
        ("12e456x", "12e456x"),
        ("9223372036854775807", 2**63 - 1),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ('"\\e[2J"', "\x1b[2J"),
        ("Ünïcödé", "Ünïcödé"),
    ],
)
def test_a_plain_scalar_has_the_type_of_the_core_schema(text: str, value: Any) -> None:
    read_back = read(f"a: {text}").data["a"]

    assert read_back == value
    assert type(read_back) is type(value)


def test_plain_scalars_are_yielded_with_their_paths() -> None:
    document = read("a: no\nb: ['no', 1.10, \"x\"]\nc:\n  - |\n    on\n  - 9:30\n  -\n")

    assert sorted(document.plain_scalars()) == [(("a",), "no"), (("b", 1), "1.10"), (("c", 1), "9:30")]


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "---", "---\n...", "\ufeff"])
def test_an_empty_file_is_null(text: str) -> None:
    assert read(text).data is None


def test_keys_are_always_texts() -> None:
    assert read("1: a\ntrue: b\n~: c\n'<<': d\non: e").data == {"1": "a", "true": "b", "~": "c", "<<": "d", "on": "e"}


def test_a_problem_has_the_place_of_the_deepest_existing_part_of_its_path() -> None:
    document = read("a:\n  - b: 1\n  - c:\n      d: 2\n")

    def place(*path: str | int) -> tuple[int, int, str]:
        problem = document.problem("wrong", path)
        return problem.line, problem.column, problem.path

    assert place("a", 1, "c", "d") == (4, 10, "a[1].c.d")
    assert place("a", 1, "c", "gone", "deeper") == (4, 7, "a[1].c.gone.deeper")
    assert place("a", 7) == (2, 3, "a[7]")
    assert place("nowhere") == (1, 1, "nowhere")
    assert place() == (1, 1, "")


def test_a_problem_of_an_empty_file_has_no_place() -> None:
    problem = read("").problem("wrong", ("a",))

    assert (problem.line, problem.column) == (0, 0)


def test_a_path_is_displayed_with_dots_and_brackets() -> None:
    assert display_path(("stages", "AfterInstall", "checks", 0, "http")) == "stages.AfterInstall.checks[0].http"
    assert display_path(()) == ""


# JSON writes other characters as two escapes, which YAML does not know: it is refused, with a sentence.
BASIC = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])
# A key has at most 1024 signs in YAML, its escapes counted.
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(BASIC),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(BASIC, max_size=50), inner, max_size=4),
    max_leaves=10,
)


@given(plain)
def test_json_has_the_same_value_as_with_a_json_parser(data: Any) -> None:
    assert read(json.dumps(data)).data == data


@given(st.text() | st.text(alphabet="[]{}:,-?!&*'\"|>%@`#\n\t ab01.~<"))
def test_any_text_is_data_or_a_readable_error(text: str) -> None:
    try:
        read(text)
        message = ""
    except PlanError as error:
        message = str(error)

    assert message.isprintable()
