"""Work that ends in time, or is left alone."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from greenlight.core.errors import GreenlightError
from greenlight.core.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class OverdueError(GreenlightError):
    """Something before or beside the checks took all the time there was."""

    cause = Cause.DEADLINE


def run_with_deadline(deadline: float, work: Callable[[], T], otherwise: str) -> T:
    """Give what `work` gives if that is before `deadline` (monotonic); it is left alone otherwise.

    Every call to AWS has a time-out, but many slow ones have none together, and name resolution has none at all.

    Raises:
        OverdueError: The time is over; `otherwise` says what is missing.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if errors:
        raise errors[0]
    if not results:
        raise OverdueError(f"{otherwise} within the time the gate has; is AWS reachable from the hook?")
    return results[0]
