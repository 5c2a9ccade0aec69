"""JMESPath queries that distinguish "found null" from "found nothing" where the language allows it.

JMESPath (https://jmespath.org/specification.html) returns null for both. A plain path of names and indexes, which most
expectations use, is evaluated by this module, so that the difference is kept. For every other expression null counts as
nothing found, so that a mistyped expression can never pass.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from greenlight.core.display import truncate
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import MISSING
from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from greenlight.core.plan_path import PlanPath

MAX_LENGTH = 2000
"""Longest expression, in characters."""

_HYPHENATED = re.compile(r"(?<![\w\"'`-])[A-Za-z_]\w*(-[A-Za-z_]\w*)+(?![\w\"'`-])")
_READING_NODES = ("field", "index", "slice", "current", "identity")


def compile_query(expression: str, *path: str | int) -> Any:
    """Compile an expression; JMESPath caches the result.

    Args:
        expression: The expression as the plan has it.
        path: Place of the expression in its struct, for the message.

    Raises:
        ExpectationError: The expression is not JMESPath.
    """
    if len(expression) > MAX_LENGTH:
        raise ExpectationError(f"a JMESPath expression has at most {MAX_LENGTH} characters", path)
    try:
        parsed = jmespath.compile(expression)
        mistake = _find_wrong_call(parsed.parsed)
        if not mistake and not _reads_data(parsed.parsed):
            mistake = "it looks at nothing of the answer, so its value is always the same"
    except RecursionError as error:
        raise _invalid_error(expression, "nested too deeply", path) from error
    except (JMESPathError, ValueError) as error:
        raise _invalid_error(expression, _describe_error(error, expression), path) from error
    if mistake:
        raise ExpectationError(f"{truncate(expression, 60)!r}: {mistake}", path)
    return parsed


def _invalid_error(expression: str, reason: str, path: PlanPath) -> ExpectationError:
    message = f"{truncate(expression, 60)!r} is not a valid JMESPath expression: {reason}"
    return ExpectationError(message, path)


def _describe_error(error: Exception, expression: str) -> str:
    """Return JMESPath's error message plus a hint for common mistakes."""
    if expression.startswith("$"):
        return f"JMESPath has no $ for the document; write {expression.lstrip('$').lstrip('.') or '@'}"
    if expression.startswith((".", "/")) or "/" in expression.partition("[")[0]:
        return "names are joined by dots, as in data.id"
    if name := _HYPHENATED.search(expression):
        return f"write a name with a hyphen in double quotes: '\"{name[0]}\"'"
    # Only the first line has the reason; the others repeat the expression and point at the mistake.
    reason = str(error).splitlines()[0]
    for prefix in ("Invalid jmespath expression: ", "Bad jmespath expression: ", "invalid token: Parse error "):
        reason = reason.removeprefix(prefix)
    reason = reason.removesuffix(", for expression:").rstrip(":")
    if "(NUMBER)" in reason:
        return f"{reason}; write a number to compare with in backticks, as in [?price > `5`]"
    return f"{reason}; a bracket or a quote is not closed" if reason.startswith("Incomplete") else reason


def _find_wrong_call(node: Any) -> str:
    """Return the first call of an unknown function or with a wrong number of arguments, as a sentence; "" if none is.

    JMESPath reports it only when it evaluates the call. A wrong query would then look like one that found nothing.
    """
    if not isinstance(node, dict):
        return ""
    if node["type"] == "function_expression":
        function = Functions.FUNCTION_TABLE.get(node["value"])
        if function is None:
            return f"there is no function {node['value']!r}{did_you_mean(node['value'], Functions.FUNCTION_TABLE)}"
        signature, count = function["signature"], len(node["children"])
        is_variadic = bool(signature) and bool(signature[-1].get("variadic"))
        if count < len(signature) or (count > len(signature) and not is_variadic):
            more = " or more" if is_variadic else ""
            plural = "s" if is_variadic or len(signature) != 1 else ""
            return f"{node['value']} takes {len(signature)}{more} argument{plural}, not {count}"
    return next(filter(None, map(_find_wrong_call, node["children"])), "")


def run_query(expression: str, data: Any) -> Any:
    """Return the value that a query finds, or `MISSING`; a function on a value of the wrong type finds nothing.

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
    # An expression such as `&name` returns an object of JMESPath, which is not a value of the data.
    return value if isinstance(value, (str, int, float, list, dict)) else MISSING


def _reads_data(node: Any) -> bool:
    """Check whether an expression reads its data, or consists of literals only."""
    return node["type"] in _READING_NODES or any(map(_reads_data, node["children"]))


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
