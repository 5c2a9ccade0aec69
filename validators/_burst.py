"""A bounded burst of HTTP requests over parallel connections, for `load`."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from greenlight.api import Context, GreenlightError, HttpError, NoAnswerError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.api import Expectation, Response

MARGIN_S = 0.3
"""Part of the attempt's time that is reserved for the evaluation."""


@dataclasses.dataclass(frozen=True)
class Target:
    """Requests of a burst.

    Attributes:
        method, headers: Method and headers of every request.
        paths: Paths that are requested in turn.
        concurrency: Number of parallel connections.
        status: Statuses that are not errors; 200 to 399 by default.
    """

    method: str
    paths: Sequence[str]
    headers: Mapping[str, str]
    concurrency: int
    status: Expectation | None

    def accepts(self, status: int) -> bool:
        """Check whether a response with this status is not an error."""
        return self.status.holds(status) if self.status is not None else 200 <= status < 400


class Burst:
    """One burst and its results; its threads only append to them, and start no request after `end` (monotonic).

    Attributes:
        latencies: Duration of every request in milliseconds, with an answer or without.
        statuses: Number of requests by class of status, or "none" without an answer.
        errors: Descriptions of failed requests.
        unsent: Reasons why requests could not be sent, which are not green's fault; the first one ends the burst.
        unanswered: Number of requests that were sent and had no answer when the check's time ended.
        sent: Number of requests that were sent.
        unreachable: Number of requests for which there was no connection.
    """

    def __init__(self, target: Target, context: Context, end: float) -> None:
        self._target, self._context, self._clock, self._end = target, context, context.clock, end
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.errors: list[str] = []
        self.unsent: list[str] = []
        self.unanswered = 0
        self.unreachable = 0
        self._in_flight = 0
        self.sent = 0
        self._lock = threading.Lock()
        self._next_number = 0

    @property
    def answered(self) -> int:
        """The number of requests with an answer, whatever its status."""
        return self.statuses.total() - self.statuses["none"]

    def run(self, count: int, rate: float | None) -> float:
        """Send at most `count` requests, `rate` a second, until the end; return the seconds it took."""
        started = self._clock.monotonic()
        workers = min(self._target.concurrency, count)
        threads = [
            threading.Thread(target=self._send_requests, args=(count, rate, started), daemon=True)
            for _ in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, self._context.remaining_s() - MARGIN_S / 2))
        with self._lock:
            self.unanswered = self._in_flight
        return self._clock.monotonic() - started

    def _send_requests(self, count: int, rate: float | None, started: float) -> None:
        while (number := self._take_number(count)) is not None and not self.unsent:
            due = started + number / rate if rate else 0.0
            if max(due, self._clock.monotonic()) >= self._end:
                return
            wait_s = due - self._clock.monotonic()
            if wait_s > 0 and not self._context.sleep(wait_s):
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
        with self._lock:
            self._in_flight += 1
        try:
            response = self._context.request(self._target.method, path, headers=self._target.headers)
        except HttpError as problem:
            # Green does not answer, or not to all of the burst; any other error is the plan's.
            if isinstance(problem, (NoAnswerError, UnreachableError)):
                self._record_no_answer(problem, (time.perf_counter() - started) * 1000)
            else:
                self.unsent.append(str(problem))
        except GreenlightError as problem:
            self.unsent.append(str(problem))
        else:
            self._record_response(path, response)
        finally:
            with self._lock:
                self._in_flight -= 1

    def _record_no_answer(self, problem: HttpError, elapsed_ms: float) -> None:
        with self._lock:
            self.latencies.append(elapsed_ms)
            self.statuses["none"] += 1
            self.errors.append(str(problem))
            self.unreachable += not isinstance(problem, NoAnswerError)

    def _record_response(self, path: str, response: Response) -> None:
        is_accepted = self._target.accepts(response.status)
        with self._lock:
            self.latencies.append(response.latency_ms)
            self.statuses[f"{response.status // 100}xx"] += 1
            if not is_accepted:
                self.errors.append(f"{self._target.method} {path} answered {response.status}")
