"""JSON texts as plain data."""

from __future__ import annotations

import re
from typing import Any

from greenlight.core.json_decoding import InvalidJsonError, decode_json
from greenlight.core.json_values import MISSING

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`")
_KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a text", type(None): "null"}


def describe_gap(query: str, data: Any) -> str:
    """Return why the result of a query shows nothing: plain data other than objects and lists has no fields.

    "" if the query may show something: of an object or a list, or of the data as a whole (`@`).
    """
    if isinstance(data, (dict, list)) or data is MISSING or "@" in _QUOTED.sub("", query):
        return ""
    return f"{_KINDS.get(type(data), type(data).__name__)} has no fields"


def parse_json(text: bytes | str) -> Any:
    """Parse a JSON text; return MISSING if it is not valid JSON, is nested too deep, or repeats a key."""
    try:
        return decode_json(text)
    except InvalidJsonError:
        return MISSING
