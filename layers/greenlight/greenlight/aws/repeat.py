"""Repetition of reads after transient errors: throttling, an internal error of AWS, a broken connection."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

from greenlight.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.core.clock import Clock

T = TypeVar("T")

FIRST_PAUSE_S = 0.4
MAX_PAUSE_S = 10.0

_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_INSIDE_AWS = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
_REPEATABLE = ("batch_get_", "describe_", "filter_", "get_", "head_", "list_", "start_execution")
"""Beginnings of operations that only read, and of one that changes nothing the second time."""


class TransientError(AwsError):
    """AWS throttled the call, had an internal error, or sent an incomplete response; another attempt may succeed."""

    @property
    def is_throttled(self) -> bool:
        """True if AWS did not perform the call, so that repeating it is safe whatever it does."""
        return self.code in _THROTTLED


def is_transient(code: str, status: int) -> bool:
    """Return whether a response with this error code and HTTP status is a transient error."""
    return code in _THROTTLED or code in _INSIDE_AWS or status >= 500 or status == 429


def is_repeatable(operation: str) -> bool:
    """Return whether an operation, spelled as in boto3, changes nothing when it is repeated."""
    return operation.startswith(_REPEATABLE)


def repeat_transient(call: Callable[[], T], until: float, clock: Clock, *, only_throttled: bool = False) -> T:
    """Return the result of `call`, which is repeated after a `TransientError`, with full jitter, until `until`.

    Full jitter spreads the calls of gates that started together.

    Args:
        call: The call.
        until: Moment of the clock after which no further attempt begins.
        clock: Waits between attempts.
        only_throttled: Repeat only what AWS did not perform; for calls that do more than read.

    Raises:
        TransientError: The last attempt's.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    longest_s = FIRST_PAUSE_S
    while True:
        try:
            return call()
        except TransientError as error:
            if only_throttled and not error.is_throttled:
                raise
            pause = random.uniform(0.05, longest_s)  # noqa: S311 - jitter needs no cryptography
            if clock.monotonic() + pause >= until:
                raise
        clock.sleep(pause)
        longest_s = min(MAX_PAUSE_S, longest_s * 2)
