"""JSON texts as plain data."""

from __future__ import annotations

from typing import Any

import msgspec

from greenlight.core.json_values import MISSING


def parse_json(text: bytes | str) -> Any:
    """Parse a JSON text; return MISSING if it is not valid JSON, or is nested too deeply."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return MISSING
