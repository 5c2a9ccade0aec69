"""JSON texts as plain data."""

from __future__ import annotations

from typing import Any

from greenlight.core.json_decoding import InvalidJsonError, decode_json
from greenlight.core.json_values import MISSING


def parse_json(text: bytes | str) -> Any:
    """Parse a JSON text; return MISSING if it is not valid JSON, is nested too deep, or repeats a key."""
    try:
        return decode_json(text)
    except InvalidJsonError:
        return MISSING
