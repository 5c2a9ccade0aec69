"""Suggestions for a mistyped name, as the tail of an error message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NAMES = 500
"""Valid names that a wrong one is compared with; a comparison takes about 20 microseconds."""

MAX_LISTED = 30
"""Valid names that a message lists."""


def did_you_mean(name: str, valid_names: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or "" if no valid name is similar. Only the first 500 valid names are compared."""
    import difflib  # imported here because most plans have no wrong name
    from itertools import islice

    candidates = [str(candidate) for candidate in islice(valid_names, MAX_NAMES)]
    matches = difflib.get_close_matches(name[:100], candidates, n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def suggest_or_list(name: str, valid_names: Iterable[str], introduction: str = "there are") -> str:
    """Return the most similar valid name, or the list of all valid names if none is similar.

    Args:
        name: The wrong name.
        valid_names: The names to choose from.
        introduction: Words in front of the list.
    """
    names = [*valid_names]
    return did_you_mean(name, names) or f"; {introduction} {join_sorted(names)}"


def join_sorted(names: Iterable[str]) -> str:
    """Return the names as a sorted, comma-separated list; after the first 30 only the number of the others."""
    listed = sorted(names)
    more = f" and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    return (", ".join(listed[:MAX_LISTED]) or "none") + more
