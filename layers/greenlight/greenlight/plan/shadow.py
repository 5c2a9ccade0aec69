"""`shadow`: a time in which a gate says what it would do and decides nothing. Pure; the day is an argument."""

from __future__ import annotations

import datetime
from typing import Annotated

import msgspec

from greenlight.core.errors import WrongValueError
from greenlight.core.field_types import StrictStruct

SHADOW_DAYS = 90
"""How far ahead a shadow may end: long enough to get to know the gate, too short to forget it."""

NOTICE_DAYS = 14

Date = Annotated[
    str,
    msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)", description="a date, such as 2026-12-31"),
]


class Shadow(StrictStruct, frozen=True, kw_only=True):
    """A time in which the gate says what it would do, and CodeDeploy is told Succeeded; the operator must allow it.

    Attributes:
        until: The last day of it, the whole of it in UTC; from the next day on the gate decides.
        why: What the shadow is for; every report repeats it.

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
        """Refuse a day that no calendar has, and a reason that is none."""
        try:
            datetime.date.fromisoformat(self.until)
        except ValueError as error:
            raise WrongValueError(
                f"{self.until} is no day of the calendar; write for example 2026-12-31", ("until",)
            ) from error
        if not self.why.strip():
            raise WrongValueError("say in words why the gate does not decide yet", ("why",))

    def in_force(self, today: datetime.date) -> bool:
        """Say whether the gate is in its shadow on a day (UTC); never more than 90 days before its end."""
        return today <= self._end and not self.mistake(today)

    def mistake(self, today: datetime.date) -> str:
        """Say why a plan with this shadow is refused today; "" when it is not."""
        last = today + datetime.timedelta(days=SHADOW_DAYS)
        if self._end <= last:
            return ""
        return f"{self.until} is more than {SHADOW_DAYS} days ahead; a shadow may end on {last} at the latest"

    def notice(self, today: datetime.date) -> str:
        """Say, for people, that the shadow is over or ends within two weeks; "" while there is time."""
        left = (self._end - today).days
        if left < 0:
            return f"the shadow ended on {self.until}, so the gate decides; take the key out"
        if left <= NOTICE_DAYS:
            return f"the shadow ends on {self.until}, in {left} day{'s' * (left != 1)}; the gate decides from the next day on"
        return ""

    @property
    def _end(self) -> datetime.date:
        return datetime.date.fromisoformat(self.until)
