"""The nearest right name for a wrong one, as the tail of a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """Give `; did you mean 'x'?`, or "" when nothing is near."""
    import difflib  # only wrong names pay for it

    found = difflib.get_close_matches(name[:100], [str(each) for each in names], n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""
