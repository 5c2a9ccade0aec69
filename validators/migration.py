"""migration: rows that green writes are read by blue, and the other way round.

While traffic shifts both revisions work on one database, and a rollback leaves green's rows to blue. So a probe row is
written through each side's own endpoint and read through the other's, and back through its own. `capture` names what
later requests need: `unique` (a fresh text, for each row), `json.PATH`, `headers.NAME`, `status` or `body` of the answer to
`write`. A row that is not there at once is asked for again until `within` is over. `clean_up` runs for every row that may
have been written, whatever happened, through the side that wrote it; if it fails, the check is an ERROR that says so.

Blue is asked on the production listener, as long as no traffic has shifted; without one the check is INCONCLUSIVE.

Example:
    checks:
      - name: both releases understand each other's rows
        migration:
          capture: {probe: unique, id: json.id}
          write: {post: /notes, body: {json: {text: "${probe}"}}}
          written: {status: 201}
          read: {get: "/notes/${id}"}
          expect: {status: 200, json: {text: "${probe}"}}
          clean_up: {delete: "/notes/${id}"}

Source: https://martinfowler.com/bliki/ParallelChange.html
"""

from __future__ import annotations

from typing import Any, Literal

from greenlight.api import (
    MISSING,
    Context,
    Duration,
    Evidence,
    ExpectationError,
    Finding,
    HttpError,
    HttpRequest,
    NoAnswerError,
    Outcome,
    Params,
    ResponseExpectation,
    capture_value,
    check_response,
    error,
    failed,
    field_default,
    finding_from,
    inconclusive,
    is_sensitive,
    send_request,
    unique_id,
    validate_capture,
    validator,
)

Name = Literal["green", "blue"]

WAYS: tuple[tuple[Name, Name], ...] = (("green", "blue"), ("blue", "green"))
POLL_S = 0.5
FOR_CLEANING_UP = 0.3
"""Share of the check's time that is kept for cleaning up."""


class Migration(Params, frozen=True, kw_only=True):
    """How to `write`, `read` and `clean_up` a row; what is `written` must be answered, and read (`expect`).

    Attributes:
        capture: Names for values that later requests need.
        within: How long a row may take to show on the other side.
    """

    write: HttpRequest
    read: HttpRequest
    clean_up: HttpRequest
    expect: ResponseExpectation
    written: ResponseExpectation | None = None
    capture: dict[str, str] = {}
    within: Duration = field_default(Duration(2.0))

    def __post_init__(self) -> None:
        """Refuse captures of nothing, and expectations that an old row would meet, too."""
        for source in self.capture.values():
            validate_capture(source)
        if not any(getattr(self.expect, part) for part in ("json", "xml", "html", "body")):
            raise ValueError("expect says nothing of the row; add json or body, so that it is read and not just found")
        if not self.capture:
            raise ValueError("any old row would do; name what tells the new one, such as capture: {probe: unique}")


@validator(
    Migration,
    platforms=("ecs",),
    stages=("AfterAllowTestTraffic", "BeforeAllowTraffic"),
    unsafe=True,
    remediation=(
        "Roll back before traffic shifts: one release cannot read what the other writes. Split the change of the "
        "schema into one that both understand and one that follows later; where `clean_up` failed, delete the "
        "probe row that the finding names."
    ),
    cost=(
        "For each of two rows one write, at least two reads and one delete through the service's own endpoints, "
        "half of them on blue; reads again twice a second until the row is seen."
    ),
)
def migration(params: Migration, context: Context) -> Finding:
    """Rows that green writes are read by blue, and the other way round."""
    if not context.blue.url:
        return inconclusive(f"there is no blue to share rows with: {context.blue.no_url or 'it has no URL'}")
    keep_s = context.remaining_s() * FOR_CLEANING_UP
    found: list[Evidence] = []
    for number, (writer, reader) in enumerate(WAYS):
        captured: dict[str, Any] = {name: unique_id() for name, source in params.capture.items() if source == "unique"}
        budget_s = (context.remaining_s() - keep_s) / (2 - number)
        finding = _written_and_read(params, context, writer, reader, captured, budget_s)
        left = _cleaned_up(params, context, writer, captured)
        found += [*finding.evidence, *left]
        if left:
            message = f"a probe row may have been left behind: {left[0].actual}"
            said = message if finding.outcome is Outcome.PASS else f"{finding.message}; {message}"
            return (failed if finding.outcome is Outcome.FAIL else error)(said, *found)
        if finding.outcome is not Outcome.PASS:
            return Finding(outcome=finding.outcome, message=finding.message, evidence=tuple(found))
    return finding_from(found, "green and blue read each other's rows")


def _written_and_read(
    params: Migration, context: Context, writer: Name, reader: Name, captured: dict[str, Any], budget_s: float
) -> Finding:
    end_s = context.remaining_s() - budget_s
    found: list[Evidence] = []
    try:
        answer = send_request(context, params.write, captured, writer, budget_s, expect=params.written)
        where = f"written through {writer}"
        if params.written is not None:
            found += check_response(params.written, answer, where, captured)
        else:
            fine = answer.status < 400
            found.append(Evidence(query="status", expected="below 400", actual=answer.status, passed=fine, where=where))
        for name, source in params.capture.items():
            if source != "unique" and (value := capture_value(source, answer)) is not MISSING:
                captured[name] = value
                if is_sensitive(name, source):
                    context.add_secret(value)
        if not all(each.passed for each in found):
            return _wrong(writer, finding_from(found, ""))
        for side in (reader, writer):
            read = _read(params, context, side, writer, captured, end_s)
            found += read
            if not all(each.passed for each in read):
                return finding_from(found, "")
    except NoAnswerError as problem:
        return failed(f"no answer while a row of {writer}'s was written and read: {problem}", *found)
    except (HttpError, ExpectationError) as problem:
        return error(str(problem), *found)
    except KeyError as problem:
        return error(f"${{{problem.args[0]}}} was not in the answer to write", *found)
    except Exception as problem:  # noqa: BLE001 - whatever it is, the row is taken away first
        return error(f"the row could not be followed: {type(problem).__name__}: {problem}", *found)
    return finding_from(found, f"a row of {writer}'s is read by {reader}")


def _wrong(writer: Name, finding: Finding) -> Finding:
    """A row that blue itself does not take says nothing about green."""
    return finding if writer == "green" else inconclusive(f"blue takes no row: {finding.message}", *finding.evidence)


def _read(
    params: Migration, context: Context, side: Name, writer: Name, captured: dict[str, Any], end_s: float
) -> list[Evidence]:
    """Read until the row is as expected, or `within` or the budget is over."""
    until_s = max(end_s, context.remaining_s() - params.within)
    while True:
        left_s = max(0.05, context.remaining_s() - end_s)
        answer = send_request(context, params.read, captured, side, left_s, expect=params.expect)
        found = check_response(params.expect, answer, f"written through {writer}, read through {side}", captured)
        if all(each.passed for each in found) or context.remaining_s() - POLL_S <= until_s:
            return found
        context.sleep(POLL_S)


def _cleaned_up(params: Migration, context: Context, writer: Name, captured: dict[str, Any]) -> list[Evidence]:
    """Take the row away; give evidence where that failed. What was never written (404, 410) need not be."""
    try:
        answer = send_request(context, params.clean_up, captured, writer, context.remaining_s() / 2)
    except KeyError as problem:
        said = f"${{{problem.args[0]}}} is not known, so the row cannot be named"
    except HttpError as problem:
        said = str(problem)
    else:
        if answer.status < 400 or answer.status in (404, 410):
            return []
        said = f"clean_up through {writer} answered {answer.status}"
    return [
        Evidence(query="clean_up", expected="the row is taken away", actual=said, where=f"written through {writer}")
    ]
