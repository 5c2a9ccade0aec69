"""`repeat`: a check measured several times, and what its measurements come to. Pure.

The limits are those of Argo Rollouts' analysis (https://argo-rollouts.readthedocs.io/en/stable/features/analysis/),
with its open corners closed: a failure outweighs everything, measurements that only erred are no success, and a
run that ended before its count proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from greenlight.core.errors import WrongValueError
from greenlight.core.finding import Outcome
from greenlight.core.units import Duration, field_default

if TYPE_CHECKING:
    from collections.abc import Sequence

Limit = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class Repeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often to measure, and what is borne.

    Attributes:
        count: Measurements in all.
        interval: Wait between the end of one and the start of the next.
        failure_limit: Failed measurements that are borne.
        inconclusive_limit: Inconclusive measurements that are borne.
        consecutive_error_limit: Measurements in a row that may err.
        consecutive_success_limit: Passes in a row that end it early, and that are needed; 0 asks for none.

    Example:
        checks:
          - name: green answers most of the time
            repeat:
              count: 5
              interval: 100ms
              failure_limit: 1
              inconclusive_limit: 0
              consecutive_error_limit: 1
              consecutive_success_limit: 3
            http: {get: /health, expect: {status: 200}}
    """

    count: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    interval: Duration = field_default(Duration(10))
    failure_limit: Limit = 0
    inconclusive_limit: Limit = 0
    consecutive_error_limit: Limit = 4
    consecutive_success_limit: Limit = 0

    def __post_init__(self) -> None:
        """Refuse limits that no run of `count` measurements can keep or break."""
        if self.consecutive_success_limit > self.count:
            what = f"{self.consecutive_success_limit} passes in a row cannot be had from {self.count} measurements"
            raise WrongValueError(what, ("consecutive_success_limit",))
        if self.failure_limit >= self.count:
            what = f"with {self.failure_limit} of {self.count} measurements borne, nothing could fail"
            raise WrongValueError(what, ("failure_limit",))


def decide_outcome(repeat: Repeat, outcomes: Sequence[Outcome]) -> Outcome | None:
    """Give what the measurements so far come to; None while another one is needed."""
    if outcomes.count(Outcome.FAIL) > repeat.failure_limit:
        return Outcome.FAIL
    if _in_a_row(outcomes, Outcome.ERROR) > repeat.consecutive_error_limit:
        return Outcome.ERROR
    if outcomes.count(Outcome.INCONCLUSIVE) > repeat.inconclusive_limit:
        return Outcome.INCONCLUSIVE
    wanted = repeat.consecutive_success_limit
    if wanted and _in_a_row(outcomes, Outcome.PASS) >= wanted:
        return Outcome.PASS
    if len(outcomes) < repeat.count:
        return None
    if wanted:
        return Outcome.INCONCLUSIVE
    for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.ERROR):
        if outcome in outcomes:
            return outcome
    return Outcome.INCONCLUSIVE


def _in_a_row(outcomes: Sequence[Outcome], wanted: Outcome) -> int:
    """Count how many of the last outcomes are `wanted` without a break."""
    return next((back for back, outcome in enumerate(reversed(outcomes)) if outcome is not wanted), len(outcomes))
