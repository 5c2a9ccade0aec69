"""The plan key `shadow`: a time in which a gate reports its verdict, and CodeDeploy gets Succeeded.

The current day is always an argument.
"""

from __future__ import annotations

import datetime
from typing import Annotated

import msgspec

from greenlight.core.errors import WrongValueError
from greenlight.core.field_types import StrictStruct

SHADOW_DAYS = 90
"""Days ahead that a shadow may end: enough to get to know the gate, too few to forget that it is off."""

NOTICE_DAYS = 14
"""Days before its end in which reports and lint announce the end of a shadow."""

Date = Annotated[
    str,
    msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)", description="a date, such as 2026-12-31"),
]


class Shadow(StrictStruct, frozen=True, kw_only=True):
    """A time in which the gate reports its verdict and CodeDeploy gets Succeeded; the operator must allow it.

    Attributes:
        until: Its last day, to midnight UTC; from the next day on the gate decides.
        why: The reason for the shadow; every report repeats it.

    Example:
        version: 1
        shadow: {until: "2026-08-01", why: we are getting to know the gate}  # over: write a day within the next 90
        stages:
          AfterAllowTraffic:
            checks:
              - name: green answers
                http: {get: /health, expect: {status: 200}}
    """

    until: Date
    why: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]

    def __post_init__(self) -> None:
        """Reject a day that does not exist, and a blank reason."""
        try:
            datetime.date.fromisoformat(self.until)
        except ValueError as error:
            raise WrongValueError(
                f"{self.until} is not a day of the calendar; write for example 2026-12-31", ("until",)
            ) from error
        if not self.why.strip():
            raise WrongValueError("the reason is blank; write why the gate does not decide yet", ("why",))

    def in_force(self, today: datetime.date) -> bool:
        """Return whether the shadow is in force on a day (UTC). One that ends too far ahead never is."""
        return today <= self._end and not self.mistake(today)

    def mistake(self, today: datetime.date) -> str:
        """Return why a plan with this shadow is rejected today; "" if it is not."""
        last = today + datetime.timedelta(days=SHADOW_DAYS)
        if self._end <= last:
            return ""
        return f"{self.until} is more than {SHADOW_DAYS} days ahead; a shadow may end on {last} at the latest"

    def notice(self, today: datetime.date) -> str:
        """Return a notice that the shadow is over or ends within two weeks; "" if neither."""
        remaining = (self._end - today).days
        if remaining < 0:
            return f"the shadow ended on {self.until}, so the gate decides; take the key out"
        if remaining <= NOTICE_DAYS:
            days = "1 day" if remaining == 1 else f"{remaining} days"
            return f"the shadow ends on {self.until}, in {days}; the gate decides from the next day on"
        return ""

    @property
    def _end(self) -> datetime.date:
        return datetime.date.fromisoformat(self.until)
