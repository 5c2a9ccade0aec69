"""Exceptions that greenlight raises.

GreenlightError
├── PlanError        the plan has mistakes, each with its place and what to do
├── DiscoveryError   the revisions of the deployment could not be determined
│   └── DeploymentEndedError the deployment has ended, so its verdict no longer counts
├── AwsError         an AWS call was denied, throttled or not answered
├── SettingsError    an environment variable of the installation is not valid
├── HttpError        an HTTP exchange did not complete
│   ├── GuardError       checks may not connect to the address
│   ├── UnreachableError name resolution or connect failed
│   └── NoAnswerError    connected, but no complete response came in time
│       └── TlsError     connected, but TLS failed (an UnreachableError, too)
└── WrongValueError  a value in a plan is not valid (becomes a PlanError with its place)
    └── ExpectationError an expectation is not valid
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from greenlight.core.display import truncate
from greenlight.core.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.core.report import PlanSource

MAX_PROBLEMS = 50
"""Problems that one PlanError lists. They must fit into the worker's pipe, and a longer list is not read."""


class GreenlightError(Exception):
    """Base class of all errors of greenlight; `str()` is a sentence for users.

    Attributes:
        root: The failure without what belongs to a single check, such as the path of its request; checks that met the
            same failure have the same root. "" if the error belongs to one check alone.
    """

    cause = Cause.GATE_ERROR
    root = ""


class Problem:
    """One mistake in a plan, with its place and what to do about it."""

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
        """Store the message and the place, each as one clean line: both quote the plan and go to terminals and logs.

        Args:
            message: The mistake and what to do about it.
            path: Place in the plan, such as stages.X.checks[0].http.
            line: Line of the place, counted from 1; 0 if unknown.
            column: Column of the place, counted from 1; 0 if unknown.
            rule: Id of the lint rule. Only lint sets it.
            severity: Only lint reports warnings; a gate rejects a plan for errors.
            source: URI of the fragment that has the mistake; "" for the plan itself.
        """
        self.message, self.path, self.source = truncate(message, 600), truncate(path, 200), truncate(source, 300)
        self.line, self.column = line, column
        self.rule, self.severity = rule, severity

    def __str__(self) -> str:
        """Return path and message as a report shows them; lint prefixes file:line:column."""
        return f"{self.path}: {self.message}" if self.path else self.message


class PlanError(GreenlightError):
    """A plan was rejected; the error lists its problems."""

    cause = Cause.PLAN_ERROR

    def __init__(
        self, problems: Sequence[Problem], source: str = "", partial: Any = None, plan: PlanSource | None = None
    ) -> None:
        """Store the problems; only the first 50 are listed.

        Args:
            problems: At least one problem.
            source: URI of the plan.
            partial: The parts that could be read in spite of the problems. A gate fails, but lint continues with it.
            plan: Exact source of the text, if one was read.
        """
        self.partial, self.plan = partial, plan
        listed = tuple(problems)
        if len(listed) > MAX_PROBLEMS:
            listed = (*listed[:MAX_PROBLEMS], Problem("and more, which are listed when these are fixed"))
        self.problems = listed
        self.source = truncate(source, 300)
        super().__init__("; ".join(map(_with_place, self.problems)))


def _with_place(problem: Problem) -> str:
    place = ", ".join(filter(None, (problem.source, f"line {problem.line}" if problem.line else "")))
    return f"{problem} ({place})" if place else str(problem)


class DiscoveryError(GreenlightError):
    """The revisions of a deployment could not be determined from its id."""


class DeploymentEndedError(DiscoveryError):
    """The deployment has already ended, so its verdict no longer counts."""


class AwsError(GreenlightError):
    """An AWS call failed; the message has the call, the reason and the missing permission, if any."""

    def __init__(self, message: str, code: str = "", root: str = "") -> None:
        """Store AWS's error code and the root with the message."""
        self.code, self.root = code, root
        super().__init__(message)


class SettingsError(GreenlightError):
    """An environment variable of the installation has a value that is not valid."""

    def __init__(self, message: str, partial: Any = None) -> None:
        """Store the settings of the valid variables, by which a gate that fails can publish its report."""
        self.partial = partial
        super().__init__(message)


class HttpError(GreenlightError):
    """An HTTP exchange did not complete."""

    def __init__(self, message: str, root: str = "") -> None:
        """Store the root with the message."""
        self.root = root
        super().__init__(message)


class GuardError(HttpError):
    """Checks may not connect to the address.

    It does not belong to the deployment, the operator did not allow it, or it is always blocked.
    """


class UnreachableError(HttpError):
    """No connection was made: name resolution, connect or TLS failed."""


class NoAnswerError(HttpError):
    """A connection was made, but no complete response came in time."""


class TlsError(NoAnswerError, UnreachableError):
    """A connection was made, but TLS failed, as it does for every client of this server.

    The side that answers has the wrong certificate or does not speak TLS, so it is at fault as for every other
    incomplete answer. Only a certificate of a private authority may be right; the message then names SSL_CERT_FILE.
    """


class WrongValueError(GreenlightError, ValueError):
    """A value in a plan is not valid; `path` is its place below the struct that was being read.

    It is also a ValueError, because `msgspec` converts that into a validation error with a place.
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        """Store the place with the message."""
        self.path = path
        super().__init__(message)


class ExpectationError(WrongValueError):
    """An expectation in a plan is not valid."""
