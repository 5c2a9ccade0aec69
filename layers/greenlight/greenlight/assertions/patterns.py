"""Regular expressions of plans and documents, searched in bounded time."""

from __future__ import annotations

import re
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

_GROUP_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)"  # an escape, a set or a comment, in which ( opens no group
    r"|\(\?(?:P>|&)?(?P<call>(?<=[>&])\w+|R|[0-9]+)\)"
    r"|\(\?P?<(?P<name>\w+)>|(?P<group>\((?![?*]))|(?P<other>\()|(?P<end>\))",
    re.DOTALL,
)


class PatternTimeoutError(Exception):
    """A pattern took too long or too much memory, so it is unknown whether it matches; the message has the pattern."""


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
    if _calls_itself(source):
        raise ExpectationError(
            f"{truncate(repr(source), 60)} contains itself, by (?R), (?1) or (?&name), "
            "and may need any amount of memory; write out how deep it goes"
        )
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
    except (TimeoutError, MemoryError) as error:
        raise _timeout_error(compiled, error) from None


def replace(compiled: Any, new: str, text: str) -> str:
    """Replace every match with a text.

    Raises:
        PatternTimeoutError: The search took too long.
    """
    try:
        return str(compiled.sub(lambda _: new, text, timeout=PATTERN_TIMEOUT_S))
    except (TimeoutError, MemoryError) as error:
        raise _timeout_error(compiled, error) from None


def _timeout_error(compiled: Any, error: TimeoutError | MemoryError) -> PatternTimeoutError:
    source = truncate(compiled.pattern, 60)
    limit = "more memory than there is" if isinstance(error, MemoryError) else f"longer than {PATTERN_TIMEOUT_S:g} s"
    return PatternTimeoutError(f"the pattern {source!r} takes {limit}, so it shows nothing")


def _calls_itself(source: str) -> bool:
    """Return whether the pattern or one of its groups calls itself, directly or through other groups."""
    if "(?" not in source:
        return False
    numbers: dict[str, str] = {}
    calls: dict[str, set[str]] = {"0": set()}
    open_groups = ["0"]
    for match in _GROUP_TOKEN.finditer(source):
        if match["call"]:
            for group in open_groups:
                calls[group].add("0" if match["call"] == "R" else match["call"])
        elif match["end"]:
            open_groups = open_groups[:-1] or ["0"]
        elif match["name"] or match["group"]:
            number = numbers.setdefault(match["name"] or f"{len(calls)}", f"{len(calls)}")
            calls.setdefault(number, set())
            open_groups.append(number)
        elif match["other"]:
            open_groups.append(open_groups[-1])
    targets = {group: {numbers.get(call, call) for call in called} for group, called in calls.items()}
    return any(_is_reachable(group, targets) for group in targets)


def _is_reachable(group: str, targets: dict[str, set[str]]) -> bool:
    """Return whether calls from a group lead back to it."""
    seen: set[str] = set()
    pending = set(targets[group])
    while pending:
        target = pending.pop()
        seen.add(target)
        pending |= targets.get(target, set()) - seen
    return group in seen


def escape_pattern(text: str) -> str:
    """Return the pattern that matches `text` literally."""
    import regex

    return str(regex.escape(text))
