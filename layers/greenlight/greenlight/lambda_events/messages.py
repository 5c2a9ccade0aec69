"""Messages and records as plans write them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec

Items = Annotated[list[Any], msgspec.Meta(min_length=1, max_length=100)]


def text(value: Any) -> str:
    """Give a text as it is, and anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
