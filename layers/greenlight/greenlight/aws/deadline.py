"""Run a call with a deadline, whatever it waits for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from greenlight.core.errors import GreenlightError
from greenlight.core.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

CALL_THREAD = "greenlight call"
"""Name of the threads that run calls; a fork waits for them."""


class OverdueError(GreenlightError):
    """A step outside the checks, such as discovery, took all the time the gate has."""

    cause = Cause.DEADLINE


def run_with_deadline(deadline: float, work: Callable[[], T], otherwise: str) -> T:
    """Return the result of `work`, which runs in a thread that is abandoned at `deadline`.

    Every AWS call has a timeout, but a sequence of slow calls has no common timeout, and name resolution has none.

    Args:
        deadline: `time.monotonic()` by which the result must be available.
        work: The call; its exceptions are raised here.
        otherwise: Beginning of the error message after the deadline.

    Raises:
        OverdueError: The deadline passed.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            errors.append(error)

    thread = threading.Thread(target=run, name=CALL_THREAD, daemon=True)
    try:
        thread.start()
    except (
        RuntimeError
    ):  # no thread can be started; every AWS call has time-outs, and without a call there is no answer
        return work()
    thread.join(max(0.0, deadline - time.monotonic()))
    if errors:
        raise errors[0]
    if not results:
        raise OverdueError(f"{otherwise} within the time the gate has; is AWS reachable from the hook?")
    return results[0]
