"""Conversion between plain values and DynamoDB's JSON format.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

import base64
import re
from typing import Any


def to_dynamodb(value: Any) -> dict[str, Any]:
    """Convert a plain value to DynamoDB's format."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float)):
        return {"N": str(value)}
    if isinstance(value, dict):
        return {"M": {name: to_dynamodb(member) for name, member in value.items()}}
    if isinstance(value, list):
        return {"L": [to_dynamodb(item) for item in value]}
    return {"S": str(value)}


def from_dynamodb(value: dict[str, Any]) -> Any:
    """Convert a value from DynamoDB's format: numbers become numbers, sets become lists, bytes become base64."""
    (kind, inner), *_ = value.items()
    if kind == "NULL":
        return None
    if kind == "N":
        return _parse_number(inner)
    if kind == "M":
        return {name: from_dynamodb(member) for name, member in inner.items()}
    if kind == "L":
        return [from_dynamodb(item) for item in inner]
    if kind == "NS":
        return [_parse_number(item) for item in inner]
    if kind == "B":
        return _to_base64(inner)
    if kind == "BS":
        return [_to_base64(item) for item in inner]
    return inner


def _parse_number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else float(text)


def _to_base64(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else base64.b64encode(raw).decode()
