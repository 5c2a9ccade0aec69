"""The nearest right name for a wrong one, as the tail of a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NAMES = 500
MAX_LISTED = 30


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Give `; did you mean 'x'?`, or "" when nothing is near.

    Comparing costs some 20 microseconds for each name, so of very many only the first few hundred are looked at.
    """
    import difflib  # only wrong names pay for it
    from itertools import islice

    found = difflib.get_close_matches(name[:100], [str(each) for each in islice(names, MAX_NAMES)], n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def suggest_or_list(name: str, names: Iterable[str], all_of_them: str = "there are") -> str:
    """Give the nearest right name, or all there are where none is near, as the tail of a sentence.

    Args:
        name: The wrong one.
        names: The right ones.
        all_of_them: What stands before the whole list.
    """
    every = [*names]
    return did_you_mean(name, every) or f"; {all_of_them} {join_sorted(every)}"


def join_sorted(names: Iterable[str]) -> str:
    """Write names as a sorted list for a sentence; of very many only the first."""
    every = sorted(names)
    more = f" and {len(every) - MAX_LISTED} more" if len(every) > MAX_LISTED else ""
    return (", ".join(every[:MAX_LISTED]) or "none") + more
