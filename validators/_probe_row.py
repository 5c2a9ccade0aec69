"""Probe rows for `migration`: a row is written through one side, read through both, and deleted."""

from __future__ import annotations

from typing import Any, Literal

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    ExpectationError,
    Finding,
    HttpError,
    HttpRequest,
    NoAnswerError,
    Params,
    Response,
    ResponseExpectation,
    check_response,
    error,
    failed,
    field_default,
    finding_from,
    inconclusive,
    reject_body_expectations,
    send_request,
    unique_id,
    validate_capture,
)

from ._both_sides import require_paths
from ._captures import capture_values

SideName = Literal["green", "blue"]
POLL_S = 0.5


class Migration(Params, frozen=True, kw_only=True):
    """Requests for one row, and the expected answers.

    Attributes:
        write: Request that writes the row.
        read: Request that reads the row.
        clean_up: Request that deletes the row.
        expect: The expected answer to `read`.
        written: The expected answer to `write`; any status below 400 by default.
        capture: Names for values that later requests need.
        within: Maximum time until a row appears on the other side.
    """

    write: HttpRequest
    read: HttpRequest
    clean_up: HttpRequest
    expect: ResponseExpectation
    written: ResponseExpectation | None = None
    capture: dict[str, str] = {}
    within: Duration = field_default(Duration(2.0))

    def __post_init__(self) -> None:
        """Reject malformed captures, and expectations that an earlier row would meet as well."""
        require_paths((self.write, self.read, self.clean_up))
        for source in self.capture.values():
            validate_capture(source)
        if not any(getattr(self.expect, part) for part in ("json", "xml", "html", "body")):
            raise ValueError("expect does not compare the row's content; add json or body")
        for key, request, expect in (("expect", self.read, self.expect), ("written", self.write, self.written)):
            if expect is not None and request.head is not None:
                reject_body_expectations(expect, "a response to HEAD", (key,))
        if not self.capture:
            raise ValueError(
                "an earlier row would pass; capture a value that identifies the new one, "
                "such as capture: {probe: unique}"
            )


class ProbeRow:
    """One row that `writer` writes and `reader` reads."""

    def __init__(self, params: Migration, context: Context, writer: SideName, reader: SideName) -> None:
        """Choose the unique values of the row."""
        self._params, self._context, self._writer, self._reader = params, context, writer, reader
        self._sources = {name: source for name, source in params.capture.items() if source != "unique"}
        self._captured: dict[str, Any] = {name: unique_id() for name in params.capture.keys() - self._sources.keys()}

    def write_and_read(self, budget_s: float) -> Finding:
        """Write the row and read it through both sides within `budget_s`, so that time to clean up remains."""
        end_s = self._context.remaining_s() - budget_s
        results: list[Evidence] = []
        try:
            response = send_request(
                self._context, self._params.write, self._captured, self._writer, budget_s, expect=self._params.written
            )
            results += self._check_write(response)
            capture_values(self._sources, response, self._captured, self._context)
            if not all(result.passed for result in results):
                finding = finding_from(results, "")
                if self._writer == "green":
                    return finding
                # A row that blue itself rejects shows nothing about green.
                return inconclusive(f"blue rejects the row: {finding.message}", *finding.evidence)
            for side in (self._reader, self._writer):
                results += self._read(side, end_s)
                if not all(result.passed for result in results):
                    return finding_from(results, "")
        except NoAnswerError as problem:
            return failed(f"no answer while a row of {self._writer}'s was written and read: {problem}", *results)
        except (HttpError, ExpectationError) as problem:
            return error(str(problem), *results)
        except KeyError as problem:
            return error(f"${{{problem.args[0]}}} was not in the answer to `write`", *results)
        except Exception as problem:  # noqa: BLE001 - the row must be deleted whatever happens
            return error(f"the row could not be written and read: {type(problem).__name__}: {problem}", *results)
        return finding_from(results, f"a row of {self._writer}'s is read by {self._reader}")

    def _check_write(self, response: Response) -> list[Evidence]:
        place = f"written through {self._writer}"
        if self._params.written is not None:
            return check_response(self._params.written, response, place, self._captured)
        status = response.status
        return [Evidence(query="status", expected="below 400", actual=status, passed=status < 400, where=place)]

    def _read(self, side: SideName, end_s: float) -> list[Evidence]:
        """Read until the row is as expected, or until `within` or the budget ends."""
        params, context = self._params, self._context
        until_s = max(end_s, context.remaining_s() - params.within)
        place = f"written through {self._writer}, read through {side}"
        while True:
            budget_s = max(0.05, context.remaining_s() - end_s)
            response = send_request(context, params.read, self._captured, side, budget_s, expect=params.expect)
            results = check_response(params.expect, response, place, self._captured)
            if all(result.passed for result in results) or context.remaining_s() - POLL_S <= until_s:
                return results
            context.sleep(POLL_S)

    def clean_up(self) -> str:
        """Delete the row and return why that failed, or ""; 404 and 410 mean that it was never written."""
        budget_s = self._context.remaining_s() / 2
        try:
            response = send_request(self._context, self._params.clean_up, self._captured, self._writer, budget_s)
        except KeyError as problem:
            return f"${{{problem.args[0]}}} is missing, so the row cannot be named"
        except HttpError as problem:
            return str(problem)
        if response.status < 400 or response.status in (404, 410):
            return ""
        return f"clean_up through {self._writer} answered {response.status}"
