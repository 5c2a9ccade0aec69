"""The plan key `hold`: the gate waits for the approval of a person after its checks have passed."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from greenlight.core.display import is_blank
from greenlight.core.errors import WrongValueError
from greenlight.core.field_types import StrictStruct
from greenlight.core.units import Duration

MIN_WITHIN_S, MAX_WITHIN_S = 60.0, 45 * 60.0
"""A person needs time to read the notice; the rest of CodeDeploy's hour is for the checks and the answer."""

Asked = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Hold(StrictStruct, frozen=True, kw_only=True):
    """A wait for the approval of a person, after the checks have passed and before CodeDeploy gets Succeeded.

    `greenlight approve` and `greenlight refuse` end it. A hold that is refused, or not approved in time, is Failed.
    Gates with a hold need the state machine.

    Attributes:
        within: Time for the approval, from 1m to 45m. It ends earlier if the checks have left less time.
        ask: The people to ask, or a list of them; the notice shows it. IAM decides who may approve.
        not: `deployer` does not accept the approval of the principal that created the deployment.
        why: Information for the approver, such as the page to look at; the notice shows it.

    Example:
        checks:
          - name: green answers
            http: {get: /health, expect: {status: 200}}
        hold: {within: 30m, ask: release managers, not: deployer, why: look at the checkout page of green}
    """

    within: Duration
    ask: Asked | Annotated[tuple[Asked, ...], msgspec.Meta(max_length=20)]
    not_: Literal["deployer"] | None = msgspec.field(default=None, name="not")
    why: Annotated[str, msgspec.Meta(max_length=500)] = ""

    def __post_init__(self) -> None:
        """Reject impossible times, and holds for which no one is asked."""
        if not MIN_WITHIN_S <= self.within <= MAX_WITHIN_S:
            limits = f"from {Duration(MIN_WITHIN_S)} to {Duration(MAX_WITHIN_S)}"
            raise WrongValueError(f"{self.within} is not a valid time for an approval; write {limits}", ("within",))
        if not self.people or any(map(is_blank, self.people)):
            raise WrongValueError("it names no one to ask; write for example release managers", ("ask",))

    @property
    def people(self) -> tuple[str, ...]:
        """The people to ask."""
        return (self.ask,) if isinstance(self.ask, str) else self.ask

    @property
    def needs_other(self) -> bool:
        """Whether the approver must not be the deployer."""
        return self.not_ == "deployer"
