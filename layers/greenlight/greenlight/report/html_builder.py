"""HTML and SVG from plain calls; every text that is not markup already is cleaned, cut and escaped. Pure."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from greenlight.core.display import escape_controls

if TYPE_CHECKING:
    from collections.abc import Iterable

LENGTH = 2000
"""Characters of one text that a page shows."""

_VOID = frozenset({"meta", "link", "br"})


class Html(str):
    """Text that is markup already; only this module makes it of texts."""

    __slots__ = ()


def tag(element: str, /, *children: str, **attributes: object) -> Html:
    """Make an element.

    Args:
        element: Its name.
        children: Markup as it is; any other text escaped.
        attributes: By name, `class_` for class, `stroke_width` for stroke-width; None leaves one out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{element}{written}>" if element in _VOID else f"<{element}{written}>{join(children)}</{element}>")


def join(parts: Iterable[str]) -> Html:
    """Put parts together; those that are no markup are escaped."""
    return Html("".join(part if isinstance(part, Html) else text(part) for part in parts))


def text(value: str, length: int = LENGTH) -> Html:
    """Make any text at most `length` characters on one line that mean nothing but themselves."""
    line = escape_controls(value[:length])
    return Html(html.escape(line if len(value) <= length else f"{line}… ({len(value)} characters)"))


def block(value: str, length: int = 5 * LENGTH) -> Html:
    """Make any text lines that mean nothing but themselves; of a long one its end."""
    return Html(html.escape("\n".join(map(escape_controls, value[-length:].split("\n")))))
