"""Substitution of captured values in the parameters of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.assertions.expectation import Expectation, parse
from greenlight.assertions.patterns import escape_pattern
from greenlight.core import references
from greenlight.core.display import display_value
from greenlight.core.errors import ExpectationError

if TYPE_CHECKING:
    from collections.abc import Mapping


def substitute_captures(value: Any, captured: Mapping[str, Any] | None) -> Any:
    """Replace references to captured values in a text, a tree of data or an expectation.

    Args:
        value: A parameter or a part of one.
        captured: Values captured so far; None for a check that captures nothing, whose texts are already final.

    Raises:
        KeyError: A name that was not captured.
        ExpectationError: A captured value does not fit where it is used.
    """
    if captured is None:
        return value
    raw = value.raw if isinstance(value, Expectation) else value
    if references.replaced_size(raw, captured) > references.MAX_REPLACED:
        raise ExpectationError("it is too large once the captured values are inserted; insert smaller ones, or fewer")
    if not isinstance(value, Expectation):
        return references.replace(value, captured)
    if not references.reference_paths(value.raw, ()):
        return value

    def fill(argument: Any, predicate: str) -> Any:
        if predicate != "matches":
            return references.replace(argument, captured)
        # A value from green's response is a text to find, not a pattern.
        patterns = {name: escape_pattern(_to_text(captured_value)) for name, captured_value in captured.items()}
        return references.replace(argument, patterns)

    parsed = parse(value.raw, fill=fill)
    return type(value)(parsed.raw, parsed.predicates, parsed.filters)


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else display_value(value)
