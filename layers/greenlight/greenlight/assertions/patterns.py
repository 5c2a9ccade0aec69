"""Patterns of a plan or of a document, searched for in bounded time. Pure."""

from __future__ import annotations

from typing import Any

from greenlight.core.display import truncate
from greenlight.core.errors import ExpectationError

PATTERN_TIMEOUT_S = 1.0
"""Processor time that a pattern may take on one text; an expectation whose pattern takes longer does not hold."""

PATTERN_LENGTH = 2000
"""Characters of a pattern; compiling one takes time that no time-out ends."""


_INSTEAD = {
    "nothing to repeat": "; for any text write .*, and \\* for the character itself",
    "multiple repeat": "; one of *, + and ? is enough, and \\+ is the character itself",
    "missing )": "; for the character itself write \\(",
    "unbalanced parenthesis": "; for the character itself write \\)",
    "unterminated character set": "; for the character itself write \\[",
    "bad character range": "; write the lower end first, as in [a-z]",
    "bad escape": "; a backslash at the end is written twice",
}
"""What the engine says of the commonest mistakes, and what to write instead."""


class GaveUpError(Exception):
    """Something took longer than it may, so nothing is shown; the sentence says what."""


def pattern(written: Any, name: str = "matches") -> Any:
    """Compile a pattern, for what `name` stands for in the message.

    Raises:
        ExpectationError: It is none.
    """
    if not isinstance(written, str):
        plain = isinstance(written, int | float) and not isinstance(written, bool)
        hint = f'; write it in quotes, as in "{written}"' if plain else ""
        raise ExpectationError(f"{name} takes a pattern, a text, not {truncate(repr(written), 60)}{hint}")
    if not 0 < len(written) <= PATTERN_LENGTH:
        raise ExpectationError(f"a pattern has 1 to {PATTERN_LENGTH} characters, and this has {len(written)}")
    import regex  # 15 ms, and only plans with patterns need it

    try:
        return regex.compile(written)
    except (regex.error, RecursionError, OverflowError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else str(error)
        hint = next((hint for part, hint in _INSTEAD.items() if part in why), "")
        raise ExpectationError(f"{truncate(repr(written), 60)} is no pattern: {why}{hint}") from error


def search(compiled: Any, text: str) -> Any:
    """Give the first match in a text, or None.

    Raises:
        GaveUpError: It took too long.
    """
    try:
        return compiled.search(text, timeout=PATTERN_TIMEOUT_S)
    except TimeoutError:
        raise _took_too_long(compiled) from None


def replace(compiled: Any, new: str, text: str) -> str:
    """Replace every match by a text.

    Raises:
        GaveUpError: It took too long.
    """
    try:
        return str(compiled.sub(lambda _: new, text, timeout=PATTERN_TIMEOUT_S))
    except TimeoutError:
        raise _took_too_long(compiled) from None


def _took_too_long(compiled: Any) -> GaveUpError:
    said = truncate(compiled.pattern, 60)
    return GaveUpError(f"the pattern {said!r} takes longer than {PATTERN_TIMEOUT_S:g} s, so it shows nothing")


def escaped(text: str) -> str:
    """Give the pattern that matches `text` and nothing else."""
    import regex

    return str(regex.escape(text))
