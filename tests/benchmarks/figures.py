"""Figures as they are printed and kept: every one is a ratio, with its goal where it has one."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        section: What kind of thing was measured.
        what: greenlight's quantity, and beside what.
        ratios: greenlight's value by the other's, pair by pair.
        ours: Median of greenlight's values, in `unit`; `theirs` of the other's.
        goal: The ratio may be at most this; None for a figure that is only shown.
    """

    section: str
    what: str
    ratios: Sequence[float]
    ours: float
    theirs: float
    unit: str = "ms"
    goal: float | None = None
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """The median of the pairwise ratios."""
        return statistics.median(self.ratios)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.ratio <= self.goal

    def document(self) -> dict[str, Any]:
        """Write it for the JSON file."""
        return {
            "section": self.section,
            "what": self.what,
            "ratio": round(self.ratio, 4),
            "ratio_min": round(min(self.ratios), 4),
            "ratio_max": round(max(self.ratios), 4),
            "pairs": len(self.ratios),
            "goal": self.goal,
            "met": self.met,
            "greenlight": round(self.ours, 3),
            "other": round(self.theirs, 3),
            "unit": self.unit,
            **({"notes": self.notes} if self.notes else {}),
        }


def beside(
    section: str, what: str, pairs: Sequence[tuple[float, float]], *, goal: float | None = None, unit: str = "ms"
) -> Figure:
    """Make a figure of pairs of greenlight's and the other's value; seconds become milliseconds."""
    factor = 1000 if unit == "ms" else 1
    return Figure(
        section,
        what,
        [ours / theirs for ours, theirs in pairs],
        statistics.median(ours for ours, _ in pairs) * factor,
        statistics.median(theirs for _, theirs in pairs) * factor,
        unit,
        goal,
    )
