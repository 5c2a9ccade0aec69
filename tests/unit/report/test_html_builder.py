"""Builder of HTML: markup stays, text is escaped."""

from __future__ import annotations

import pytest

from greenlight.report.html_builder import MAX_TEXT_LENGTH, Html, escape_block, escape_line, join, tag


def test_text_in_children_and_attributes_is_escaped() -> None:
    element = tag("p", "<b>", Html("<i></i>"), title='"')

    assert element == '<p title="&quot;">&lt;b&gt;<i></i></p>'


def test_attributes_are_renamed_and_none_is_omitted() -> None:
    assert tag("line", class_="axis", stroke_width=2, id=None) == '<line class="axis" stroke-width="2"></line>'


@pytest.mark.parametrize("element", ["meta", "link", "br"])
def test_void_element_has_no_end_tag(element: str) -> None:
    assert tag(element) == f"<{element}>"


def test_long_line_is_truncated_with_its_length() -> None:
    line = escape_line("x" * (MAX_TEXT_LENGTH + 1))

    assert line == f"{'x' * MAX_TEXT_LENGTH}… ({MAX_TEXT_LENGTH + 1} characters)"


def test_long_block_keeps_its_end_and_its_lines() -> None:
    assert escape_block("first\n<second>\x1b", length=10) == "\n&lt;second&gt;\\x1b"


def test_joined_parts_are_markup() -> None:
    assert isinstance(join(("a", Html("<br>"))), Html)
    assert join(("&", Html("<br>"))) == "&amp;<br>"
