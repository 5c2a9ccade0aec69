"""JMESPath over JSON, with "found null" told apart from "found nothing" where the language allows it. Pure.

JMESPath (https://jmespath.org/specification.html) gives null for both. For a plain path of names and indexes,
which most expectations are, this module walks by itself and keeps the difference; for every other expression
a null counts as nothing found, so that a mistyped expression can never pass.
"""

from __future__ import annotations

import re
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from greenlight.core.display import truncate
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import MISSING
from greenlight.core.suggestions import did_you_mean

MAX_LENGTH = 2000
"""Characters of an expression."""

_HYPHENATED = re.compile(r"(?<![\w\"'`-])[A-Za-z_]\w*(-[A-Za-z_]\w*)+(?![\w\"'`-])")
_LOOKING = ("field", "index", "slice", "current", "identity")


def compile_query(expression: str, *path: str | int) -> Any:
    """Compile an expression; JMESPath keeps a cache of its own.

    Args:
        expression: What the plan says.
        path: Where it stands, from the struct that holds it, for the message.

    Raises:
        ExpectationError: The expression is not JMESPath.
    """
    if len(expression) > MAX_LENGTH:
        raise ExpectationError(f"a JMESPath expression has at most {MAX_LENGTH} characters", path)
    try:
        parsed = jmespath.compile(expression)
        wrong = _wrong_call(parsed.parsed)
        if not wrong and not _looks(parsed.parsed):
            wrong = "it looks at nothing of the answer, so its value is always the same"
    except RecursionError as error:
        raise ExpectationError(
            f"{truncate(expression, 60)!r} is no JMESPath expression: nested too deep", path
        ) from error
    except (JMESPathError, ValueError) as error:
        raise ExpectationError(
            f"{truncate(expression, 60)!r} is no JMESPath expression: {_why(error, expression)}", path
        ) from error
    if wrong:
        raise ExpectationError(f"{truncate(expression, 60)!r}: {wrong}", path)
    return parsed


def _why(error: Exception, expression: str) -> str:
    """Say what JMESPath says, as far as it is about the expression, and what is written instead of the commonest."""
    if expression.startswith("$"):
        return f"it has no $ for the whole; write {expression.lstrip('$').lstrip('.') or '@'}"
    if expression.startswith((".", "/")) or "/" in expression.partition("[")[0]:
        return "names are joined by dots, as in data.id"
    if name := _HYPHENATED.search(expression):
        return f"a name with a hyphen stands in double quotes: '\"{name[0]}\"'"
    # The first line of its own message repeats the expression over several; the rest points at it.
    said = str(error).splitlines()[0]
    for ahead in ("Invalid jmespath expression: ", "Bad jmespath expression: ", "invalid token: Parse error "):
        said = said.removeprefix(ahead)
    said = said.removesuffix(", for expression:").rstrip(":")
    if "(NUMBER)" in said:
        return f"{said}; a number to compare with stands in backticks, as in [?price > `5`]"
    return f"{said}; a bracket or a quote is not closed" if said.startswith("Incomplete") else said


def _wrong_call(node: Any) -> str:
    """Say which function of an expression does not exist or takes other arguments; "" when none is wrong.

    JMESPath itself says so only when it comes to the call, and then a query that is wrong looks like one that found
    nothing.
    """
    if not isinstance(node, dict):
        return ""
    if node["type"] == "function_expression":
        function = Functions.FUNCTION_TABLE.get(node["value"])
        if function is None:
            return f"there is no function {node['value']!r}{did_you_mean(node['value'], Functions.FUNCTION_TABLE)}"
        wanted, given = function["signature"], len(node["children"])
        variadic = bool(wanted) and bool(wanted[-1].get("variadic"))
        if given < len(wanted) if variadic else given != len(wanted):
            plural = "s" if variadic or len(wanted) != 1 else ""
            return f"{node['value']} takes {len(wanted)}{' or more' if variadic else ''} argument{plural}, not {given}"
    return next(filter(None, map(_wrong_call, node["children"])), "")


def run_query(expression: str, data: Any) -> Any:
    """Find a value, or `MISSING`; a function called on the wrong type finds nothing.

    Raises:
        ExpectationError: The expression is not JMESPath.
    """
    parsed = compile_query(expression)
    if _is_path(parsed.parsed):
        return _walk(parsed.parsed, data)
    try:
        value = parsed.search(data)
    except (JMESPathError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RecursionError):
        return MISSING
    # An expression such as `&name` gives JMESPath's own object, which is nothing that was found.
    return value if isinstance(value, (str, int, float, list, dict)) else MISSING


def _looks(node: Any) -> bool:
    """Tell whether an expression reads its data at all, or is made of literals alone."""
    return node["type"] in _LOOKING or any(map(_looks, node["children"]))


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
