"""What a list of gates shows together: how many were closed, week by week; how long they took; which checks did it."""

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

    from greenlight.publish.index import CheckSummary, Entry

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
    """What became of the checks of one name.

    Attributes:
        runs: How often it was carried out or should have been; a SKIPPED is none.
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
    """What gates show together.

    Attributes:
        gates: Those that judged something; `let_through` are those that had nothing to judge.
        closed: Those that were Failed, or would have been without a shadow.
        p50_ms, p95_ms: Time to verdict; None where there was no gate.
        weeks: From the oldest to the newest, without a gap.
        checks: Those that closed gates most first, then those that are flaky most.
        causes: Why gates were closed, by the first reason.
    """

    gates: int
    closed: int
    let_through: int
    p50_ms: float | None
    p95_ms: float | None
    weeks: tuple[Week, ...]
    checks: tuple[Check, ...]
    causes: dict[str, int]


def closed(gate: Entry) -> bool:
    """Say whether a gate was Failed, or would have been without its shadow."""
    return gate.verdict is Status.FAILED or gate.hidden


def summary(entries: Sequence[Entry]) -> Summary:
    """Put gates together."""
    gates = [each for each in entries if not each.let_through]
    times = [each.duration_ms for each in gates]
    return Summary(
        gates=len(gates),
        closed=sum(map(closed, gates)),
        let_through=len(entries) - len(gates),
        p50_ms=percentile(times, 50) if times else None,
        p95_ms=percentile(times, 95) if times else None,
        weeks=_weeks(gates),
        checks=_checks(gates),
        causes=dict(Counter(each.reasons[0].cause.value for each in gates if closed(each) and each.reasons)),
    )


def _weeks(gates: Sequence[Entry]) -> tuple[Week, ...]:
    found: Counter[datetime.date] = Counter()
    shut: Counter[datetime.date] = Counter()
    for each in gates:
        day = at(each).date()
        monday = day - datetime.timedelta(days=day.weekday())
        found[monday] += 1
        shut[monday] += closed(each)
    if not found:
        return ()
    first, last = min(found), max(found)
    mondays = (first + datetime.timedelta(weeks=number) for number in range((last - first).days // 7 + 1))
    return tuple(Week(begins=monday, gates=found[monday], closed=shut[monday]) for monday in mondays)


def _checks(gates: Sequence[Entry]) -> tuple[Check, ...]:
    ran = [each for gate in gates for each in gate.checks if each.outcome is not Outcome.SKIPPED]
    runs = Counter(each.name for each in ran)
    flaky = Counter(each.name for each in ran if each.flaky)
    failed = Counter(each.name for each in ran if each.outcome is not Outcome.PASS)
    shut = Counter(each.name for gate in gates if closed(gate) for each in gate.checks if _closes(each))
    checks = [
        Check(name=name, runs=runs[name], flaky=flaky[name], failed=failed[name], closed=shut[name]) for name in runs
    ]
    return tuple(sorted(checks, key=lambda each: (-each.closed, -each.flaky, -each.failed, each.name)))


def _closes(check: CheckSummary) -> bool:
    broken = check.outcome not in (Outcome.PASS, Outcome.SKIPPED)
    return broken and check.severity is not Severity.ADVISORY and check.excused is ExcuseReason.NONE


def at(gate: Entry) -> datetime.datetime:
    """Give the time at which a gate began, in UTC."""
    return datetime.datetime.fromisoformat(gate.started_at).astimezone(datetime.UTC)


def sparkline(shares: Sequence[float]) -> str:
    """Draw shares, each 0 to 1, as one character each."""
    return "".join(_BLOCKS[min(7, int(share * 8))] for share in shares)
