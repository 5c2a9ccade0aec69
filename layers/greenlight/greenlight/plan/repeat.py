"""The check key `repeat`: several measurements with one outcome.

The limits are those of Argo Rollouts' analysis (https://argo-rollouts.readthedocs.io/en/stable/features/analysis/). Its
undefined cases are defined as follows: too many failures take precedence over everything else, errors alone are not a
success, and a run that ended before its count is inconclusive.
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
    """How often to measure, and how many bad measurements are tolerated.

    Attributes:
        count: Total number of measurements.
        interval: Wait between the end of one measurement and the start of the next.
        failure_limit: Failed measurements that are tolerated.
        inconclusive_limit: Inconclusive measurements that are tolerated.
        consecutive_error_limit: Consecutive errors that are tolerated.
        consecutive_success_limit: Consecutive passes that are required, and that end the check early; 0 requires none.

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
        """Reject limits that `count` measurements can never reach or never exceed."""
        if self.consecutive_success_limit > self.count:
            message = f"{self.count} measurements cannot have {self.consecutive_success_limit} passes in a row"
            raise WrongValueError(message, ("consecutive_success_limit",))
        if self.failure_limit >= self.count:
            message = f"{self.failure_limit} of {self.count} measurements may fail, so the check could never fail"
            raise WrongValueError(message, ("failure_limit",))


def decide_outcome(repeat: Repeat, outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the outcome of the measurements so far; None while another one is needed."""
    if outcomes.count(Outcome.FAIL) > repeat.failure_limit:
        return Outcome.FAIL
    if _in_a_row(outcomes, Outcome.ERROR) > repeat.consecutive_error_limit:
        return Outcome.ERROR
    if outcomes.count(Outcome.INCONCLUSIVE) > repeat.inconclusive_limit:
        return Outcome.INCONCLUSIVE
    needed_passes = repeat.consecutive_success_limit
    if needed_passes and _in_a_row(outcomes, Outcome.PASS) >= needed_passes:
        return Outcome.PASS
    if len(outcomes) < repeat.count:
        return None
    if needed_passes:
        return Outcome.INCONCLUSIVE
    for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.ERROR):
        if outcome in outcomes:
            return outcome
    return Outcome.INCONCLUSIVE


def _in_a_row(outcomes: Sequence[Outcome], expected: Outcome) -> int:
    """Count the consecutive outcomes at the end that are `expected`."""
    return next((count for count, outcome in enumerate(reversed(outcomes)) if outcome is not expected), len(outcomes))
