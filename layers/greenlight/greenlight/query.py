"""JMESPath over JSON, with "found null" told apart from "found nothing" where the language allows it. Pure.

JMESPath (https://jmespath.org/specification.html) gives null for both. For a plain path of names and indexes,
which most expectations are, this module walks by itself and keeps the difference; for every other expression
a null counts as nothing found, so that a mistyped expression can never pass.
"""

from __future__ import annotations

from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from greenlight.errors import ExpectationError
from greenlight.expect import MISSING


def compiled(expression: str) -> Any:
    """Compile an expression; JMESPath keeps a cache of its own.

    Raises:
        ExpectationError: The expression is not JMESPath.
    """
    try:
        return jmespath.compile(expression)
    except JMESPathError as error:
        first = str(error).splitlines()[0]
        raise ExpectationError(f"{expression!r} is no JMESPath expression: {first}", expression) from error


def find(expression: str, data: Any) -> Any:
    """Find a value, or `MISSING`; a function called on the wrong type finds nothing.

    Raises:
        ExpectationError: The expression is not JMESPath.
    """
    parsed = compiled(expression)
    if _is_path(parsed.parsed):
        return _walk(parsed.parsed, data)
    try:
        value = parsed.search(data)
    except (JMESPathError, TypeError, ValueError, AttributeError):
        return MISSING
    return MISSING if value is None else value


def _is_path(node: dict[str, Any]) -> bool:
    if node["type"] in ("subexpression", "index_expression"):
        return all(map(_is_path, node["children"]))
    return node["type"] in ("field", "index")


def _walk(node: dict[str, Any], data: Any) -> Any:
    if node["type"] == "field":
        return data.get(node["value"], MISSING) if isinstance(data, dict) else MISSING
    if node["type"] == "index":
        index = node["value"]
        return data[index] if isinstance(data, list) and -len(data) <= index < len(data) else MISSING
    for child in node["children"]:
        data = _walk(child, data)
    return data
