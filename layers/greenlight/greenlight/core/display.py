"""Functions that turn values and texts into safe, readable text for messages, logs and terminals."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import msgspec

from greenlight.core.json_values import MISSING

_INVISIBLE_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Characters that Unicode counts as letters or symbols, and that have no glyph."""

_RUNNER_COMMAND = re.compile(r"^(\s*:)(?=:)|(#)(?=#\[|#vso\[)", re.MULTILINE)
"""The beginning of a line that the runner of GitHub or Azure executes; it may stand anywhere for `##`."""

_PLAN_WORDS = {None: "nothing", True: "true", False: "false"}


def escape_controls(text: str) -> str:
    """Return the text as one line without control characters, which become Python's escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_blank(text: str) -> bool:
    """Return whether a text has no visible character."""
    return not any(unicodedata.category(c)[0] in "LNPS" and c not in _INVISIBLE_LETTERS for c in text)


def neutralize_commands(text: str) -> str:
    """Return lines that the runner of a pipeline does not take as commands, such as `::error::`.

    A zero-width space goes into the sign of a command, where a reader does not see it.
    """
    return _RUNNER_COMMAND.sub("\\g<0>\u200b", text)


def truncate(text: str, length: int) -> str:
    """Return the text as one clean line of at most `length` characters; `…` marks a cut."""
    line = escape_controls(text[: length + 1])
    return line if len(line) <= length and len(text) <= length else f"{line[: length - 1]}…"


def to_json_text(value: Any) -> str:
    """Return a text as it is, and any other value as JSON (`true`, not Python's `True`)."""
    return value if isinstance(value, str) else json.dumps(value)


def to_plan_text(value: Any) -> str:
    """Return a value as a plan writes it, on one line of at most 60 characters, for an error message."""
    return _PLAN_WORDS[value] if value is None or isinstance(value, bool) else truncate(repr(value), 60)


def for_message(value: Any) -> str:
    """Return a value as JSON at full length; the runner truncates it after it has redacted secrets."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return f"({type(value).__name__} that cannot be shown)"


def display_value(value: Any) -> str:
    """Return observed data as compact JSON at full length; `(nothing found)` stays as it is.

    Unlike `for_message` it knows the types that AWS's clients return, such as dates and bytes.
    """
    if isinstance(value, str) and value.startswith(repr(MISSING)):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return for_message(value)
