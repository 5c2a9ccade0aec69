"""Every error greenlight raises by itself.

GreenlightError
├── PlanError        the plan is wrong: where, what, and what to do
├── DiscoveryError   what is being deployed could not be found out
├── AwsError         an AWS call was denied, throttled away or not answered
├── SettingsError    an environment variable of the installation is wrong
├── HttpError        an HTTP exchange that did not take place
│   ├── GuardError       the address is out of bounds for checks
│   ├── UnreachableError name resolution, connect or TLS failed
│   └── NoAnswerError    connected, but no whole answer came in time
└── WrongValueError  a value in a plan cannot be (becomes a PlanError with its place)
    └── ExpectationError an expectation is written wrongly
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from greenlight.core.display import truncate
from greenlight.core.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.core.report import PlanSource

MAX_PROBLEMS = 50
"""Problems that one refusal names; they must fit the worker's pipe, and a person's patience."""


class GreenlightError(Exception):
    """Base class; `str()` of every one is a sentence for a person."""

    cause = Cause.GATE_ERROR


class Problem:
    """One mistake in a plan: its place and what to do about it."""

    __slots__ = ("column", "line", "message", "path", "rule", "severity", "source")

    def __init__(
        self,
        message: str,
        path: str = "",
        line: int = 0,
        column: int = 0,
        rule: str = "",
        severity: Literal["error", "warning"] = "error",
        source: str = "",
    ) -> None:
        """Keep the place: `path` as in stages.X.checks[0].http, `line` and `column` counted from 1, 0 if unknown.

        All texts repeat what a plan says, and go to terminals and logs: they become one clean line each. `rule` and
        `severity` are for lint: gates refuse a plan for errors and hear of nothing else. `source` is the URI of the
        fragment that the mistake is in; "" for the plan itself.
        """
        self.message, self.path, self.source = truncate(message, 600), truncate(path, 200), truncate(source, 300)
        self.line, self.column = line, column
        self.rule, self.severity = rule, severity

    def __str__(self) -> str:
        """Say path and message, as a report does; lint puts file:line:column in front."""
        return f"{self.path}: {self.message}" if self.path else self.message


class PlanError(GreenlightError):
    """A plan that is refused, with every problem found in it."""

    cause = Cause.PLAN_ERROR

    def __init__(
        self, problems: Sequence[Problem], source: str = "", so_far: Any = None, plan: PlanSource | None = None
    ) -> None:
        """Collect `problems` (at least one) of the plan at `source`; the first 50 are named.

        `so_far` is what could be read in spite of them: a gate is closed, but lint goes on to find the rest. `plan` is
        which text it was, exactly, where one was read.
        """
        self.so_far, self.plan = so_far, plan
        kept = tuple(problems)
        if len(kept) > MAX_PROBLEMS:
            kept = (*kept[:MAX_PROBLEMS], Problem("and more, which are named when these are mended"))
        self.problems = kept
        self.source = truncate(source, 300)
        super().__init__("; ".join(map(_placed, self.problems)))


def _placed(problem: Problem) -> str:
    place = ", ".join(filter(None, (problem.source, f"line {problem.line}" if problem.line else "")))
    return f"{problem} ({place})" if place else str(problem)


class DiscoveryError(GreenlightError):
    """What is being deployed could not be found out from the deployment id."""


class AwsError(GreenlightError):
    """An AWS call that gave no result; the sentence names the call, the reason and the permission where one is missing."""

    def __init__(self, message: str, code: str = "") -> None:
        """Keep AWS's error code beside the sentence."""
        self.code = code
        super().__init__(message)


class SettingsError(GreenlightError):
    """An environment variable of this installation has an impossible value."""


class HttpError(GreenlightError):
    """An HTTP exchange that did not take place."""


class GuardError(HttpError):
    """The address is out of bounds: not the deployment's own, not allowed by the operator, or never allowed."""


class UnreachableError(HttpError):
    """No connection: name resolution, connecting or TLS failed."""


class NoAnswerError(HttpError):
    """A connection was made, but no whole answer came within the time allowed."""


class WrongValueError(GreenlightError, ValueError):
    """A value in a plan that cannot be; `path` leads to it from where it was read.

    A ValueError, too, because that is what `msgspec` takes for a wrong value and gives a place.
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        """Keep the place beside the sentence."""
        self.path = path
        super().__init__(message)


class ExpectationError(WrongValueError):
    """An expectation in a plan that means nothing."""
