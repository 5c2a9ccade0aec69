"""`retry`: a check that is tried again, and how long it waits before. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from greenlight.core.errors import WrongValueError
from greenlight.core.field_types import MAX_S, StrictStruct, require_within_one_hour
from greenlight.core.units import Duration, field_default


class Retry(StrictStruct, frozen=True, kw_only=True):
    """When to try a check again; the last attempt counts, and a pass after a failure or an error is shown as flaky.

    Attributes:
        attempts: Tries in all.
        interval: Wait between two tries.
        backoff: Multiplies the wait after each try.
        max_interval: The longest wait that `backoff` makes.
        jitter: Share of each wait that is left to chance, so that many gates do not come back together; 1 is the "full
            jitter" of https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
        on: Which outcomes are tried again.

    Example:
        checks:
          - name: green answers
            retry: {attempts: 5, interval: 100ms, backoff: 2, max_interval: 1s, jitter: 0.5, on: [fail, error]}
            http: {get: /health, expect: {status: 200}}
    """

    attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    interval: Duration = field_default(Duration(1))
    backoff: Annotated[float, msgspec.Meta(ge=1, le=10)] = 1.0
    max_interval: Duration | None = None
    jitter: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    on: tuple[Literal["fail", "error", "inconclusive"], ...] = ("fail", "error", "inconclusive")

    def __post_init__(self) -> None:
        """Refuse a wait that CodeDeploy would not live to see, and a retry on nothing."""
        require_within_one_hour(self.interval, "interval")
        require_within_one_hour(self.max_interval, "max_interval")
        if self.max_interval is not None and self.max_interval < self.interval:
            what = f"{self.max_interval} is shorter than the interval, {self.interval}, which it would cut; write a longer one"
            raise WrongValueError(what, ("max_interval",))
        if not self.on:
            raise WrongValueError(
                "an empty list tries nothing again; take the key out to try again on everything", ("on",)
            )

    def wait_s(self, attempt: int, chance: float = 0.0) -> float:
        """Give the wait after `attempt` (counted from 1), in seconds; never more than without a `chance`.

        Args:
            attempt: How many tries there were.
            chance: From 0 to 1, drawn by the caller: how much of the jitter is taken off.
        """
        longest = MAX_S if self.max_interval is None else self.max_interval
        try:
            wait_s = min(self.interval * self.backoff ** (attempt - 1), longest)
        except OverflowError:
            wait_s = longest if self.interval else 0.0
        return wait_s * (1 - self.jitter * chance)
