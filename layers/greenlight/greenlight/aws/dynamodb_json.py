"""Plain values as DynamoDB writes them, and back. Pure.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

import base64
import re
from typing import Any


def to_dynamodb(value: Any) -> dict[str, Any]:
    """Write a plain value the way DynamoDB does."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float)):
        return {"N": str(value)}
    if isinstance(value, dict):
        return {"M": {name: to_dynamodb(each) for name, each in value.items()}}
    return {"L": [to_dynamodb(each) for each in value]} if isinstance(value, list) else {"S": str(value)}


def from_dynamodb(value: dict[str, Any]) -> Any:
    """Read a value the way DynamoDB writes it; numbers become numbers, sets lists, bytes base64."""
    (kind, inner), *_ = value.items()
    if kind == "NULL":
        return None
    if kind == "N":
        return _number(inner)
    if kind == "M":
        return {name: from_dynamodb(each) for name, each in inner.items()}
    if kind == "L":
        return [from_dynamodb(each) for each in inner]
    if kind == "NS":
        return [_number(each) for each in inner]
    if kind in ("B", "BS"):
        return [_base64(each) for each in inner] if kind == "BS" else _base64(inner)
    return inner


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else float(text)


def _base64(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else base64.b64encode(raw).decode()
