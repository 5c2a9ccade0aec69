"""Run a call with a deadline, whatever it waits for."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from greenlight.core.errors import GreenlightError
from greenlight.core.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_thread_ids: set[int] = set()
"""The kernel's ids of threads that run calls or ran them; ids of ended threads are removed when they are counted."""


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

    try:
        thread = start_call_thread(run)
    except RuntimeError:  # no thread can be started; an AWS call ends by its own timeouts, so make it here
        return work()
    thread.join(max(0.0, deadline - time.monotonic()))
    if errors:
        raise errors[0]
    if not results:
        raise OverdueError(f"{otherwise} within the time the gate has; is AWS reachable from the hook?")
    return results[0]


def start_call_thread(run: Callable[[], None]) -> threading.Thread:
    """Start a thread of AWS calls, for which a fork waits.

    Raises:
        RuntimeError: No thread can be started.
    """
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if thread.native_id is not None:
        _thread_ids.add(thread.native_id)
    return thread


def count_call_threads() -> int:
    """Return how many threads of calls the kernel still has.

    Before Python 3.13 `Thread.join` returns while the kernel's thread still runs its destructors, OpenSSL's among them.
    """
    for thread_id in tuple(_thread_ids):
        if not os.path.exists(f"/proc/self/task/{thread_id}"):
            _thread_ids.discard(thread_id)
    return len(_thread_ids)
