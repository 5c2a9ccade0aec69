"""Summary of a list of gates: closed gates by week, time to verdict, and the checks that closed them."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import TYPE_CHECKING

from greenlight.core.finding import ExcuseReason, Outcome, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.verdict import Status
from greenlight.toolkit.response_diff import percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.publish.index import Checked, Entry

_BLOCKS = "▁▂▃▄▅▆▇█"


class Week(FrozenStruct, frozen=True, kw_only=True):
    """The gates of one week; `begins` is its Monday, in UTC."""

    begins: datetime.date
    gates: int = 0
    closed: int = 0

    @property
    def share(self) -> float:
        """The share of closed gates, 0 to 1; 0 for a week without gates."""
        return self.closed / self.gates if self.gates else 0.0


class Check(FrozenStruct, frozen=True, kw_only=True):
    """Outcomes of the checks with one name.

    Attributes:
        runs: How often it ran or should have run. SKIPPED does not count.
        flaky: How often it passed after it had failed.
        failed: How often it was FAIL, ERROR or INCONCLUSIVE.
        closed: How often that closed the gate.
    """

    name: str
    runs: int = 0
    flaky: int = 0
    failed: int = 0
    closed: int = 0


class Summary(FrozenStruct, frozen=True, kw_only=True):
    """Summary of gates.

    Attributes:
        gates: Gates that ran checks.
        let_through: Gates that answered Succeeded without a check.
        closed: Gates with the verdict Failed, or that would have had it without a shadow.
        p50_ms, p95_ms: Time to verdict; None without a gate.
        weeks: From the oldest to the newest, without a gap.
        checks: Sorted by how often they closed a gate, then by how often they were flaky.
        causes: How often each cause closed a gate, by the first reason of its verdict.
    """

    gates: int
    closed: int
    let_through: int
    p50_ms: float | None
    p95_ms: float | None
    weeks: tuple[Week, ...]
    checks: tuple[Check, ...]
    causes: dict[str, int]


def is_closed(gate: Entry) -> bool:
    """Return whether the verdict of a gate is Failed, or would be without its shadow."""
    return gate.verdict is Status.FAILED or gate.hidden


def summarize(entries: Sequence[Entry]) -> Summary:
    """Summarize gates."""
    gates = [entry for entry in entries if not entry.let_through]
    times = [gate.duration_ms for gate in gates]
    return Summary(
        gates=len(gates),
        closed=sum(map(is_closed, gates)),
        let_through=len(entries) - len(gates),
        p50_ms=percentile(times, 50) if times else None,
        p95_ms=percentile(times, 95) if times else None,
        weeks=_weeks(gates),
        checks=_checks(gates),
        causes=dict(Counter(gate.reasons[0].cause.value for gate in gates if is_closed(gate) and gate.reasons)),
    )


def _weeks(gates: Sequence[Entry]) -> tuple[Week, ...]:
    total: Counter[datetime.date] = Counter()
    closed: Counter[datetime.date] = Counter()
    for gate in gates:
        day = started_at(gate).date()
        monday = day - datetime.timedelta(days=day.weekday())
        total[monday] += 1
        closed[monday] += is_closed(gate)
    if not total:
        return ()
    first, last = min(total), max(total)
    mondays = (first + datetime.timedelta(weeks=number) for number in range((last - first).days // 7 + 1))
    return tuple(Week(begins=monday, gates=total[monday], closed=closed[monday]) for monday in mondays)


def _checks(gates: Sequence[Entry]) -> tuple[Check, ...]:
    not_skipped = [check for gate in gates for check in gate.checks if check.outcome is not Outcome.SKIPPED]
    runs = Counter(check.name for check in not_skipped)
    flaky = Counter(check.name for check in not_skipped if check.flaky)
    failed = Counter(check.name for check in not_skipped if check.outcome is not Outcome.PASS)
    closed = Counter(check.name for gate in gates if is_closed(gate) for check in gate.checks if _closes_gate(check))
    checks = [
        Check(name=name, runs=runs[name], flaky=flaky[name], failed=failed[name], closed=closed[name]) for name in runs
    ]
    return tuple(sorted(checks, key=lambda check: (-check.closed, -check.flaky, -check.failed, check.name)))


def _closes_gate(check: Checked) -> bool:
    has_failed = check.outcome not in (Outcome.PASS, Outcome.SKIPPED)
    return has_failed and check.severity is not Severity.ADVISORY and check.excused is ExcuseReason.NONE


def started_at(gate: Entry) -> datetime.datetime:
    """Return the time when a gate started, in UTC."""
    return datetime.datetime.fromisoformat(gate.started_at).astimezone(datetime.UTC)


def sparkline(shares: Sequence[float]) -> str:
    """Return one block character for each share, from 0 to 1."""
    return "".join(_BLOCKS[min(7, int(share * 8))] for share in shares)
