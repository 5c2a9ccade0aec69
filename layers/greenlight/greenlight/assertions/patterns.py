"""Regular expressions of plans and documents, searched in bounded time."""

from __future__ import annotations

from typing import Any

from greenlight.core.display import truncate
from greenlight.core.errors import ExpectationError

PATTERN_TIMEOUT_S = 1.0
"""Processor time that a pattern may take on one text. If it takes longer, its expectation does not hold."""

PATTERN_LENGTH = 2000
"""Longest pattern, in characters: no time-out limits the time to compile one."""

_HINTS = {
    "nothing to repeat": "; for any text write .*, and \\* for the character itself",
    "multiple repeat": "; one of *, + and ? is enough, and \\+ is the character itself",
    "missing )": "; for the character itself write \\(",
    "unbalanced parenthesis": "; for the character itself write \\)",
    "unterminated character set": "; for the character itself write \\[",
    "bad character range": "; write the lower end first, as in [a-z]",
    "bad escape": "; a backslash at the end is written twice",
}
"""Hints for common mistakes, by a part of the engine's message."""


class PatternTimeoutError(Exception):
    """A pattern took too long, so it is unknown whether it matches; the message has the pattern."""


def compile_pattern(source: Any, name: str = "matches") -> Any:
    """Compile a pattern.

    Args:
        source: The pattern as the plan has it.
        name: Name of the predicate or filter, for the message.

    Raises:
        ExpectationError: The pattern is not valid.
    """
    if not isinstance(source, str):
        is_number = isinstance(source, int | float) and not isinstance(source, bool)
        hint = f'; write it in quotes, as in "{source}"' if is_number else ""
        raise ExpectationError(f"{name} takes a pattern, a text, not {truncate(repr(source), 60)}{hint}")
    if not 0 < len(source) <= PATTERN_LENGTH:
        raise ExpectationError(f"a pattern has 1 to {PATTERN_LENGTH} characters, and this has {len(source)}")
    import regex  # takes 15 ms, and only plans with patterns need it

    try:
        return regex.compile(source)
    except (regex.error, RecursionError, OverflowError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        hint = next((hint for part, hint in _HINTS.items() if part in reason), "")
        raise ExpectationError(f"{truncate(repr(source), 60)} is not a valid pattern: {reason}{hint}") from error


def search(compiled: Any, text: str) -> Any:
    """Return the first match in a text, or None.

    Raises:
        PatternTimeoutError: The search took too long.
    """
    try:
        return compiled.search(text, timeout=PATTERN_TIMEOUT_S)
    except TimeoutError:
        raise _timeout_error(compiled) from None


def replace(compiled: Any, new: str, text: str) -> str:
    """Replace every match with a text.

    Raises:
        PatternTimeoutError: The search took too long.
    """
    try:
        return str(compiled.sub(lambda _: new, text, timeout=PATTERN_TIMEOUT_S))
    except TimeoutError:
        raise _timeout_error(compiled) from None


def _timeout_error(compiled: Any) -> PatternTimeoutError:
    source = truncate(compiled.pattern, 60)
    return PatternTimeoutError(f"the pattern {source!r} takes longer than {PATTERN_TIMEOUT_S:g} s, so it shows nothing")


def escape_pattern(text: str) -> str:
    """Return the pattern that matches `text` literally."""
    import regex

    return str(regex.escape(text))
