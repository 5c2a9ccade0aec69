"""A bounded burst of HTTP requests over parallel connections, for `load`."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from greenlight.api import Context, GreenlightError, HttpError, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.api import Expectation, Response

MARGIN_S = 0.3
"""Part of the attempt's time that is reserved for the evaluation."""


@dataclasses.dataclass(frozen=True)
class Target:
    """Requests of a burst: the `paths` in turn, over `concurrency` connections; `status` is not an error."""

    method: str
    paths: Sequence[str]
    headers: Mapping[str, str]
    concurrency: int
    status: Expectation | None

    def accepts(self, status: int) -> bool:
        """Check whether a response with this status is not an error."""
        return self.status.holds(status) if self.status is not None else 200 <= status < 400


class Burst:
    """One burst and its results; its threads only append to them, and end at `end` (monotonic).

    Attributes:
        latencies: Duration of every request in milliseconds, with an answer or without.
        statuses: Number of requests by class of status, or "none" without an answer.
        errors: Descriptions of failed requests.
        impossible: Reasons why requests could not be made at all; the first one ends the burst.
        sent: Number of requests that were begun.
    """

    def __init__(self, target: Target, context: Context, end: float) -> None:
        self._target, self._context, self._end = target, context, end
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.errors: list[str] = []
        self.impossible: list[str] = []
        self.sent = 0
        self._lock = threading.Lock()
        self._next_number = 0

    @property
    def answered(self) -> int:
        """The number of requests with an answer, whatever its status."""
        return self.statuses.total() - self.statuses["none"]

    def run(self, count: int, rate: float | None) -> float:
        """Send at most `count` requests, `rate` a second, until the end; return the seconds it took."""
        started = time.monotonic()
        workers = min(self._target.concurrency, count)
        threads = [
            threading.Thread(target=self._send_requests, args=(count, rate, started), daemon=True)
            for _ in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, self._context.remaining_s() - MARGIN_S / 2))
        return time.monotonic() - started

    def _send_requests(self, count: int, rate: float | None, started: float) -> None:
        while (number := self._take_number(count)) is not None and not self.impossible:
            due = started + number / rate if rate else 0.0
            if max(due, time.monotonic()) >= self._end:
                return
            if due > time.monotonic() and not self._context.sleep(due - time.monotonic()):
                return
            self._send_request(self._target.paths[number % len(self._target.paths)])

    def _take_number(self, count: int) -> int | None:
        with self._lock:
            self._next_number += 1
            return self._next_number - 1 if self._next_number <= count else None

    def _send_request(self, path: str) -> None:
        with self._lock:
            self.sent += 1
        started = time.perf_counter()
        try:
            response = self._context.request(self._target.method, path, headers=self._target.headers)
        except HttpError as problem:
            # Green is at fault when it does not answer or cannot be reached; anything else is wrong with the plan.
            if isinstance(problem, NoAnswerError) or type(problem).__name__ == "UnreachableError":
                self._record_no_answer(str(problem), (time.perf_counter() - started) * 1000)
            else:
                self.impossible.append(str(problem))
        except GreenlightError as problem:
            self.impossible.append(str(problem))
        else:
            self._record_response(path, response)

    def _record_no_answer(self, reason: str, elapsed_ms: float) -> None:
        with self._lock:
            self.latencies.append(elapsed_ms)
            self.statuses["none"] += 1
            self.errors.append(reason)

    def _record_response(self, path: str, response: Response) -> None:
        is_accepted = self._target.accepts(response.status)
        with self._lock:
            self.latencies.append(response.latency_ms)
            self.statuses[f"{response.status // 100}xx"] += 1
            if not is_accepted:
                self.errors.append(f"{self._target.method} {path} answered {response.status}")
