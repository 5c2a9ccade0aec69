"""Captured values put where the parameters of a check name them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.assertions.expectation import Expectation, parse
from greenlight.assertions.patterns import escape_pattern
from greenlight.core import references
from greenlight.core.display import display_value

if TYPE_CHECKING:
    from collections.abc import Mapping


def substitute_captures(value: Any, captured: Mapping[str, Any] | None) -> Any:
    """Fill captured values into a text, a tree of data or an expectation.

    Args:
        value: As the parameters have it.
        captured: What was captured so far; None for a check that captures nothing, whose texts are final already.

    Raises:
        KeyError: A name that was not captured.
        ExpectationError: A captured value cannot stand where it is used.
    """
    if captured is None:
        return value
    if not isinstance(value, Expectation):
        return references.replace(value, captured)
    if not references.reference_paths(value.raw, ()):
        return value

    def fill(argument: Any, predicate: str) -> Any:
        if predicate == "matches":  # what green answered is a text to find, not a pattern
            return references.replace(
                argument,
                {
                    name: escape_pattern(each if isinstance(each, str) else display_value(each))
                    for name, each in captured.items()
                },
            )
        return references.replace(argument, captured)

    fresh = parse(value.raw, fill=fill)
    return type(value)(fresh.raw, fresh.predicates, fresh.filters)
