"""Figures of the benchmarks: every one is a ratio, some have a goal."""

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
        section: Kind of the measurement.
        name: greenlight's quantity, and the quantity that it is compared with.
        ratios: greenlight's value divided by the other's, pair by pair.
        ours: Median of greenlight's values, in `unit`; `theirs` of the other's.
        goal: Upper limit of the ratio; None for a figure without a goal.
    """

    section: str
    name: str
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
        """Whether the goal is met; None without a goal."""
        return None if self.goal is None else self.ratio <= self.goal

    def document(self) -> dict[str, Any]:
        """Return the figure as it is in the JSON file."""
        return {
            "section": self.section,
            "what": self.name,
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
    section: str, name: str, pairs: Sequence[tuple[float, float]], *, goal: float | None = None, unit: str = "ms"
) -> Figure:
    """Build a figure from pairs of greenlight's and the other's value; seconds become milliseconds."""
    factor = 1000 if unit == "ms" else 1
    return Figure(
        section,
        name,
        [ours / theirs for ours, theirs in pairs],
        statistics.median(ours for ours, _ in pairs) * factor,
        statistics.median(theirs for _, theirs in pairs) * factor,
        unit,
        goal,
    )
