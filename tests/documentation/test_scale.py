"""The numbers of docs/scale.md that are counted are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from devkit.lint.conductors import count_transitions
from greenlight.machine.shards import divide
from greenlight.plan.model import Check, Stage

SCALE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
STAGES = tuple(
    Stage(checks=tuple(Check(name=str(number), validator="tcp", params={}) for number in range(size)))
    for size in (100, 1_000, 10_000)
)


def cells(first: str) -> list[str]:
    """Return the three figures of the row that begins with `first`."""
    (row,) = re.findall(rf"^\| {re.escape(first)}[^|]*\|(.*)\|$", SCALE, re.MULTILINE)
    return [cell.strip() for cell in row.split("|")][:3]


def test_page_has_the_number_of_transitions() -> None:
    assert [int(cell) for cell in cells("transitions of the guardian")] == [
        count_transitions(stage) for stage in STAGES
    ]


def test_page_has_the_number_and_size_of_shards() -> None:
    divisions = [divide(stage.checks) for stage in STAGES]
    counts = [f"{len(division.shards)} of {len(division.shards[0])}" for division in divisions]
    assert [cell.split(",")[0] for cell in cells("shards, each an invocation")] == counts
