"""The watch of a traffic shift: its rounds of checks, and how it ended."""

from __future__ import annotations

from enum import StrEnum

from greenlight.core.finding import Outcome
from greenlight.core.frozen import FrozenStruct


class RoundOutcome(StrEnum):
    """Outcome of one round of checks.

    A round without an answer (UNKNOWN) neither stops a deployment nor shows that green works.
    """

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class WatchEnd(StrEnum):
    """How a watch ended.

    SHIFTED: all traffic is on green. STOPPED: CodeDeploy accepted the watcher's request to stop the deployment.
    NOT_STOPPED: it did not accept it. ENDED: the deployment ended for another reason. ABANDONED: the watcher could not
    go on.
    """

    SHIFTED = "shifted"
    STOPPED = "stopped"
    NOT_STOPPED = "not-stopped"
    ENDED = "ended"
    ABANDONED = "abandoned"


class Round(FrozenStruct, frozen=True, kw_only=True):
    """One round of checks during a shift.

    Attributes:
        number: Counted from 1.
        at_ms: End of the round, from the moment at which the watcher saw the shift begin.
        green_percent: Green's share of the users' traffic at that moment; null if CodeDeploy did not show it.
        outcome: Outcome of the round.
        checks: Names of the checks that made it bad or unknown, the first three.
        message: Message of the first of them.
    """

    number: int
    at_ms: float
    green_percent: float | None = None
    outcome: RoundOutcome
    checks: tuple[str, ...] = ()
    message: str = ""


class ShiftWatch(FrozenStruct, frozen=True, kw_only=True):
    """The watch of a shift, for its report.

    Attributes:
        every_s: Time from the beginning of one round to the next.
        tolerate: Number of bad rounds in a row that do not stop the deployment yet.
        stop_on: Outcomes of a blocking check that make a round bad.
        rounds: The rounds, at most 1,000: of a longer watch the last ones.
        total: Number of all rounds.
        bad: Number of bad rounds.
        unknown: Number of rounds without an answer.
        end: How the watch ended.
        is_over: More rounds in a row were bad than the plan tolerates.
        stopped_percent: Green's share of the traffic at that moment; null if there was none, or it is not known.
        rollback: Id of the rollback deployment; "" if it is not known, or nothing was rolled back.
    """

    every_s: float
    tolerate: int
    stop_on: tuple[Outcome, ...]
    rounds: tuple[Round, ...] = ()
    total: int = 0
    bad: int = 0
    unknown: int = 0
    end: WatchEnd = WatchEnd.SHIFTED
    is_over: bool = False
    stopped_percent: float | None = None
    rollback: str = ""

    @property
    def good(self) -> int:
        """Number of good rounds."""
        return self.total - self.bad - self.unknown


def describe_watch(watch: ShiftWatch) -> str:
    """Return the watch in one sentence."""
    counts = [f"{watch.bad} bad"] if watch.bad else ["none bad"]
    counts += [f"{watch.unknown} without an answer"] if watch.unknown else []
    rounds = f"{format_rounds(watch.total)}, {', '.join(counts)}"
    share = format_share(watch.stopped_percent)
    if watch.end is WatchEnd.STOPPED:
        rollback = f"; rolled back by {watch.rollback}" if watch.rollback else ""
        return f"stopped{share} after {rounds}{rollback}"
    return {
        WatchEnd.SHIFTED: f"users moved over in {rounds}",
        WatchEnd.NOT_STOPPED: f"CodeDeploy did not accept the stop{share} after {rounds}",
        WatchEnd.ENDED: f"the deployment ended after {rounds}",
    }.get(watch.end, f"the watch ended early after {rounds}")


def format_rounds(number: int) -> str:
    """Return a number of rounds in words."""
    return "1 round" if number == 1 else f"{number} rounds"


def format_share(percent: float | None) -> str:
    """Return green's share of the traffic in words, with a blank before it; "" if it is not known."""
    return "" if percent is None else f" at {percent:.0f} %"
