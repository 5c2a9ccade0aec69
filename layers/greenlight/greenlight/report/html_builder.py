"""Builder of HTML and SVG; every text that is not markup is cleaned, truncated and escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from greenlight.core.display import escape_controls, neutralize_commands

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TEXT_LENGTH = 2000
"""Most characters of a text that a page shows."""

_VOID = frozenset({"meta", "link", "br"})


class Html(str):
    """Markup; only this module converts text to it."""

    __slots__ = ()


def tag(element: str, /, *children: str, **attributes: object) -> Html:
    """Build an element.

    Args:
        element: Its name.
        children: Markup, or text to escape.
        attributes: By name, `class_` for class, `stroke_width` for stroke-width; None omits one.
    """
    attribute_text = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape_line(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    start = f"<{element}{attribute_text}>"
    return Html(start if element in _VOID else f"{start}{join(children)}</{element}>")


def join(parts: Iterable[str]) -> Html:
    """Join parts; those that are not markup are escaped."""
    return Html("".join(part if isinstance(part, Html) else escape_line(part) for part in parts))


def escape_line(value: str, length: int = MAX_TEXT_LENGTH) -> Html:
    """Escape any text to one line of at most `length` characters."""
    line = escape_controls(value[:length])
    return Html(html.escape(line if len(value) <= length else f"{line}… ({len(value)} characters)"))


def escape_block(value: str, length: int = 5 * MAX_TEXT_LENGTH) -> Html:
    """Escape any text to lines; only the end of a long one is used."""
    return Html(html.escape(neutralize_commands("\n".join(map(escape_controls, value[-length:].split("\n"))))))
