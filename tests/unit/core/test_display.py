"""Display of values: control characters are escaped, long texts are truncated."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.display import escape_controls, is_blank, neutralize_commands, truncate


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\r\nb", "a\\r\\nb"),
        ("a\u2028b", "a\\u2028b"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud800", "\\ud800"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("plain, ünïcödé 🟢", "plain, ünïcödé 🟢"),
        ("", ""),
    ],
)
def test_control_characters_are_escaped(text: str, line: str) -> None:
    assert escape_controls(text) == line


@given(st.text(st.characters()))
def test_any_text_becomes_one_printable_line_that_is_stable(text: str) -> None:
    assert escape_controls(text).isprintable()
    assert escape_controls(escape_controls(text)) == escape_controls(text)


@given(st.text(st.characters()), st.integers(1, 50))
def test_truncated_line_has_at_most_its_length_and_is_stable(text: str, length: int) -> None:
    line = truncate(text, length)

    assert line.isprintable()
    assert len(line) <= length
    assert truncate(line, length) == line


def test_cut_is_marked() -> None:
    assert truncate("abcdef", 4) == "abc…"
    assert truncate("abcd", 4) == "abcd"


@pytest.mark.parametrize("text", ["a", " ä ", "字", "!", "5", "😀", "\u200ba"])
def test_text_with_a_visible_character_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize(
    "line",
    ["::error::gh", "  ::add-mask::x", "##[error]x", "x ##[set-env name=A]b", "##vso[task.setvariable]x", "::::"],
)
def test_line_of_a_service_cannot_command_the_runner(line: str) -> None:
    neutral = neutralize_commands(f"first\n{line}\nlast")

    assert neutral.replace("\u200b", "") == f"first\n{line}\nlast"
    assert not re.search(r"^\s*::|##\[|##vso\[", neutral, re.MULTILINE)


@pytest.mark.parametrize("line", ["a::b", ":: in the middle ::"[3:], "# heading", ":", "std::string"])
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert neutralize_commands(line) == line
