"""Checks that may change data of the service under test.

A replay leaves them out, and an invocation that takes a gate over does not run them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenlight.checks.binding import Bound

_WRITING_METHODS = ("post", "put", "patch", "delete")


def describe_change(bound: Bound) -> str:
    """Return why a check may change data, such as `it sends POST`; "" if it only reads."""
    if bound.validator is not None and bound.validator.unsafe:
        return f"{bound.check.validator} may change data"
    method = _writing_method(bound.check.params)
    return f"it sends {method.upper()}" if method else ""


def _writing_method(params: Any) -> str:
    """Return the method of the first request in the parameters that is not only for reading, or ""."""
    if not isinstance(params, dict):
        return ""
    lists = [value for value in params.values() if isinstance(value, list)]
    requests = [params, *(item for items in lists for item in items if isinstance(item, dict))]
    return next((method for request in requests for method in _WRITING_METHODS if method in request), "")
