"""The check key `retry`: which outcomes are retried, and the wait between attempts."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from greenlight.core.errors import WrongValueError
from greenlight.core.field_types import MAX_S, StrictStruct, require_within_one_hour
from greenlight.core.units import Duration, field_default


class Retry(StrictStruct, frozen=True, kw_only=True):
    """When to retry a check; the last attempt counts, and a pass after a failure or an error is reported as flaky.

    Attributes:
        attempts: Total number of attempts.
        interval: Wait between two attempts.
        backoff: Factor by which the wait grows after each attempt.
        max_interval: Upper limit of the wait.
        jitter: Random share of each wait, so that many gates do not retry at the same moment; 1 is the "full jitter" of
            https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
        on: Outcomes that are retried.

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
        """Reject waits over one hour, after which CodeDeploy stops waiting for the hook, and an empty `on` list."""
        require_within_one_hour(self.interval, "interval")
        require_within_one_hour(self.max_interval, "max_interval")
        if self.max_interval is not None and self.max_interval < self.interval:
            message = f"{self.max_interval} is shorter than the interval, {self.interval}; write a longer one"
            raise WrongValueError(message, ("max_interval",))
        if not self.on:
            raise WrongValueError("an empty list retries nothing; remove the key to retry on every outcome", ("on",))

    def wait_s(self, attempt: int, chance: float = 0.0) -> float:
        """Return the wait after `attempt`, in seconds; jitter only shortens it.

        Args:
            attempt: Number of attempts so far, counted from 1.
            chance: Random number from 0 to 1; the share of `jitter` that is subtracted.
        """
        longest = MAX_S if self.max_interval is None else self.max_interval
        try:
            wait_s = min(self.interval * self.backoff ** (attempt - 1), longest)
        except OverflowError:
            wait_s = longest if self.interval else 0.0
        return wait_s * (1 - self.jitter * chance)
