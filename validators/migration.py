"""migration: blue reads the rows that green writes, and green reads blue's.

While traffic shifts, both revisions work on one database, and after a rollback blue must read green's rows. So the
check writes a probe row through each side's own endpoint and reads it through both sides. `capture` names the values
that later requests need: `unique` (a new text for each row), or `json.PATH`, `headers.NAME`, `status` or `body` of the
answer to `write`. If a row is not there at once, the check reads again until `within` is over. `clean_up` runs for
every row that may have been written, whatever happened, through the side that wrote it; if it fails, the check is an
ERROR.

Blue is called on the production listener, as long as no traffic has shifted; without one the check is INCONCLUSIVE.

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

import msgspec

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    Finding,
    HttpRequest,
    Outcome,
    Params,
    ResponseExpectation,
    error,
    failed,
    field_default,
    finding_from,
    inconclusive,
    validate_capture,
    validator,
)

from ._both_sides import require_paths
from ._probe_row import ProbeRow, SideName

DIRECTIONS: tuple[tuple[SideName, SideName], ...] = (("green", "blue"), ("blue", "green"))
CLEAN_UP_SHARE = 0.3
"""Share of the check's time that is reserved for cleaning up."""


class Migration(Params, frozen=True, kw_only=True):
    """Requests for one row, and the expected answers.

    Attributes:
        write: Request that writes the row.
        read: Request that reads the row.
        clean_up: Request that deletes the row.
        expect: The expected answer to `read`.
        written: The expected answer to `write`; any status below 400 by default.
        capture: Names for values that later requests need.
        within: How long a row may take to appear on the other side.
    """

    write: HttpRequest
    read: HttpRequest
    clean_up: HttpRequest
    expect: ResponseExpectation
    written: ResponseExpectation | None = None
    capture: dict[str, str] = {}
    within: Duration = field_default(Duration(2.0))

    def __post_init__(self) -> None:
        """Reject malformed captures, and expectations that an old row would meet, too."""
        require_paths((self.write, self.read, self.clean_up))
        for source in self.capture.values():
            validate_capture(source)
        if not any(getattr(self.expect, part) for part in ("json", "xml", "html", "body")):
            raise ValueError("expect says nothing of the row; add json or body, so that its content is compared")
        if not self.capture:
            raise ValueError("any old row would do; name what identifies the new one, such as capture: {probe: unique}")


@validator(
    Migration,
    platforms=("ecs",),
    stages=("AfterAllowTestTraffic", "BeforeAllowTraffic"),
    unsafe=True,
    remediation=(
        "Roll back before traffic shifts: one release cannot read what the other writes. Split the schema change into "
        "one that both releases understand and one that follows later. If `clean_up` failed, delete the probe row "
        "that the finding names."
    ),
    cost=(
        "For each of two rows one write, at least two reads and one delete through the service's own endpoints, "
        "half of them on blue; reads again twice a second until the row appears."
    ),
)
def migration(params: Migration, context: Context) -> Finding:
    """Blue reads the rows that green writes, and green reads blue's."""
    if not context.blue.url:
        return inconclusive(f"there is no blue to share rows with: {context.blue.no_url or 'it has no URL'}")
    reserved_s = context.remaining_s() * CLEAN_UP_SHARE
    results: list[Evidence] = []
    for number, (writer, reader) in enumerate(DIRECTIONS):
        row = ProbeRow(params, context, writer, reader)
        finding = row.write_and_read((context.remaining_s() - reserved_s) / (len(DIRECTIONS) - number))
        results += finding.evidence
        if problem := row.clean_up():
            place, expected = f"written through {writer}", "the row is deleted"
            results.append(Evidence(query="clean_up", expected=expected, actual=problem, where=place))
            message = f"a probe row may have been left behind: {problem}"
            if finding.outcome is not Outcome.PASS:
                message = f"{finding.message}; {message}"
            make_finding = failed if finding.outcome is Outcome.FAIL else error
            return make_finding(message, *results)
        if finding.outcome is not Outcome.PASS:
            return msgspec.structs.replace(finding, evidence=tuple(results))
    return finding_from(results, "green and blue read each other's rows")
