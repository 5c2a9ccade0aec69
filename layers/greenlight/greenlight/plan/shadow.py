"""The plan key `shadow`: a period in which a gate reports its verdict, but CodeDeploy always gets Succeeded."""

from __future__ import annotations

import datetime
from typing import Annotated

import msgspec

from greenlight.core.errors import WrongValueError
from greenlight.core.field_types import StrictStruct

SHADOW_DAYS = 90
"""Maximum number of days until a shadow ends: long enough to try the gate, too short to forget the shadow."""

NOTICE_DAYS = 14
"""Number of days before a shadow ends from which reports and lint announce its end."""

Date = Annotated[
    str,
    msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)", description="a date, such as 2026-12-31"),
]


class Shadow(StrictStruct, frozen=True, kw_only=True):
    """A period in which the gate reports its verdict, but CodeDeploy always gets Succeeded. The operator must allow it.

    Attributes:
        until: Last day of the shadow, until midnight UTC. From the next day on, the gate's verdict counts.
        why: Reason for the shadow; every report shows it.

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
                f"{self.until} is not a valid date; write for example 2026-12-31", ("until",)
            ) from error
        if not self.why.strip():
            raise WrongValueError("the reason is blank; explain why the gate's verdict does not count yet", ("why",))

    def in_force(self, today: datetime.date) -> bool:
        """Return whether the shadow is in force on a day (UTC); a shadow that ends too late is never in force."""
        return today <= self._end and not self.mistake(today)

    def mistake(self, today: datetime.date) -> str:
        """Return why a plan with this shadow is rejected today; "" if it is accepted."""
        last = today + datetime.timedelta(days=SHADOW_DAYS)
        if self._end <= last:
            return ""
        return f"{self.until} is more than {SHADOW_DAYS} days ahead; a shadow must end on {last} at the latest"

    def notice(self, today: datetime.date) -> str:
        """Return a notice that the shadow has ended or ends within two weeks; "" if neither is the case."""
        remaining = (self._end - today).days
        if remaining < 0:
            return f"the shadow ended on {self.until}, so the gate's verdict counts; remove the key"
        if remaining <= NOTICE_DAYS:
            days = "1 day" if remaining == 1 else f"{remaining} days"
            return f"the shadow ends on {self.until}, in {days}; after that day the gate's verdict counts"
        return ""

    @property
    def _end(self) -> datetime.date:
        return datetime.date.fromisoformat(self.until)
