"""Reasons of a verdict, grouped by the failure that they share: one refused connection closes many checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.core.finding import Cause
from greenlight.core.frozen import FrozenStruct
from greenlight.core.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_NAMES = 12
"""Most checks that a group names."""


class ReasonGroup(FrozenStruct, frozen=True, kw_only=True):
    """Reasons with the same cause and the same failure; most groups have one reason.

    Attributes:
        cause: Of all reasons.
        message: Of the only reason, or the failure that all reasons share.
        checks: Names of the checks, in the order of the reasons; empty for a reason that is not about a check.
    """

    cause: Cause
    message: str
    checks: tuple[str, ...]

    @property
    def is_shared(self) -> bool:
        """True if several checks have this reason."""
        return len(self.checks) > 1

    @property
    def label(self) -> str:
        """The name of the check, or their number; "" for a reason that is not about a check."""
        return f"{len(self.checks)} checks" if self.is_shared else "".join(self.checks)

    @property
    def names(self) -> str:
        """The names of the checks, of very many only the first."""
        more = f" and {len(self.checks) - MAX_NAMES} more" if len(self.checks) > MAX_NAMES else ""
        return ", ".join(self.checks[:MAX_NAMES]) + more


def group_reasons(reasons: Iterable[Reason]) -> list[ReasonGroup]:
    """Group reasons by cause and failure, in the order of the first reason of each group.

    Reasons share a failure if they have the same root, or the same message where there is no root. Reasons that are not
    about a check stay alone.
    """
    groups: dict[tuple[str, ...], list[Reason]] = {}
    for number, reason in enumerate(reasons):
        key = (reason.cause.value, reason.root or reason.message) if reason.check else (str(number),)
        groups.setdefault(key, []).append(reason)
    return [_build_group(members) for members in groups.values()]


def _build_group(reasons: Sequence[Reason]) -> ReasonGroup:
    first = reasons[0]
    is_same = all(reason.message == first.message for reason in reasons)
    return ReasonGroup(
        cause=first.cause,
        message=first.message if is_same else first.root,
        checks=tuple(reason.check for reason in reasons if reason.check),
    )
