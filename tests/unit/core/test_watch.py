"""The watch of a shift in words."""

from __future__ import annotations

import pytest

from greenlight.core.finding import Outcome
from greenlight.core.watch import ShiftWatch, WatchEnd, describe_watch, format_rounds, format_share


def watch(end: WatchEnd, *, total: int = 3, bad: int = 0, unknown: int = 0, percent: float | None = None) -> ShiftWatch:
    return ShiftWatch(
        every_s=30.0,
        tolerate=1,
        stop_on=(Outcome.FAIL,),
        total=total,
        bad=bad,
        unknown=unknown,
        end=end,
        stopped_percent=percent,
        rollback="d-2" if end is WatchEnd.STOPPED else "",
    )


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (watch(WatchEnd.SHIFTED, total=1), "users moved over in 1 round, none bad"),
        (watch(WatchEnd.SHIFTED, bad=1, unknown=1), "users moved over in 3 rounds, 1 bad, 1 without an answer"),
        (watch(WatchEnd.STOPPED, bad=2, percent=30.0), "stopped at 30 % after 3 rounds, 2 bad; rolled back by d-2"),
        (watch(WatchEnd.STOPPED, bad=2), "stopped after 3 rounds, 2 bad; rolled back by d-2"),
        (
            watch(WatchEnd.NOT_STOPPED, bad=2, percent=20.0),
            "CodeDeploy did not accept the stop at 20 % after 3 rounds, 2 bad",
        ),
        (watch(WatchEnd.ENDED), "the deployment ended after 3 rounds, none bad"),
        (watch(WatchEnd.ABANDONED, total=0), "the watch ended early after 0 rounds, none bad"),
    ],
)
def test_watch_is_described_by_its_end_and_its_rounds(item: ShiftWatch, sentence: str) -> None:
    assert describe_watch(item) == sentence


def test_good_rounds_are_those_that_are_neither_bad_nor_unknown() -> None:
    assert watch(WatchEnd.SHIFTED, total=9, bad=2, unknown=3).good == 4


def test_unknown_share_is_not_named() -> None:
    assert (format_share(None), format_share(12.5), format_rounds(2)) == ("", " at 12 %", "2 rounds")
