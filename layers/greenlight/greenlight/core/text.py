"""Any text as one harmless line: what a terminal or a log would obey is shown as an escape. Pure."""

from __future__ import annotations


def escape_controls(text: str) -> str:
    """Make a text one line without control characters; the escapes shown in their place are those of Python."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def truncate(text: str, length: int) -> str:
    """Make a text one clean line of at most `length` characters; what is cut off is shown by `…`."""
    line = escape_controls(text[: length + 1])
    return line if len(line) <= length and len(text) <= length else f"{line[: length - 1]}…"
