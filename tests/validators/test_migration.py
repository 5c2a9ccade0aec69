"""migration against two services on loopback that share one set of rows, and misunderstand it in every way."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome, Side
from greenlight.testing import FakeClock, HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

PLAN = {
    "capture": {"probe": "unique", "id": "json.id"},
    "write": {"post": "/notes", "body": {"json": {"text": "${probe}"}}},
    "written": {"status": 201},
    "read": {"get": "/notes/${id}"},
    "expect": {"status": 200, "json": {"text": "${probe}"}},
    "clean_up": {"delete": "/notes/${id}"},
    "within": "300ms",
}


def notes(rows: dict[str, dict[str, str]], column: str = "text", wrong: str = "", hang: str = "") -> Callable[..., Any]:
    """Keep notes in `rows` under `column`; the method `wrong` answers 500, the method `hang` takes too long."""

    def answer(method: str, path: str, body: bytes) -> Any:
        if method == hang:
            time.sleep(1.5)
        if method == wrong:
            return 500, {}, {}
        key = path.rpartition("/")[2]
        if method == "POST":
            key = str(len(rows) + 1)
            rows[key] = {column: json.loads(body)["text"]}
            return 201, {}, {"id": key}
        if method == "DELETE":
            return (204 if rows.pop(key, None) else 404), {}, b""
        if key not in rows:
            return 404, {}, {}
        return 200, {}, {"text": rows[key].get(column, "")}

    return answer


def run_check(check: Check, blue: Any, green: Any, raw_params: Any = None, timeout_s: float = 3.0) -> Finding:
    with HttpServer(blue) as old, HttpServer(green) as new:
        return check(
            "migration", raw_params or PLAN, new.url, blue=Side(url=old.url), timeout_s=timeout_s, clock=FakeClock()
        )


def test_a_renamed_column_fails_and_is_cleaned_up(check: Check) -> None:
    rows: dict[str, dict[str, str]] = {}
    finding = run_check(check, notes(rows), notes(rows, column="content"))
    assert finding.outcome is Outcome.FAIL
    assert 'written through green, read through blue: json text is ""' in finding.message
    assert rows == {}


def test_a_green_that_rejects_rows_fails_and_a_blue_that_rejects_them_is_inconclusive(check: Check) -> None:
    rows: dict[str, dict[str, str]] = {}
    finding = run_check(check, notes(rows), notes(rows, wrong="POST"))
    assert finding.outcome is Outcome.FAIL
    assert "status is 500" in finding.message
    only = {**PLAN, "clean_up": {"delete": "/notes/1"}}
    finding = run_check(check, notes(rows, wrong="POST"), notes(rows), only)
    assert (finding.outcome, "blue rejects the row" in finding.message) == (Outcome.INCONCLUSIVE, True)


def test_a_row_that_is_left_behind_is_an_error(check: Check) -> None:
    rows: dict[str, dict[str, str]] = {}
    finding = run_check(check, notes(rows), notes(rows, wrong="DELETE"))
    assert finding.outcome is Outcome.ERROR
    assert "a probe row may have been left behind: clean_up through green answered 500" in finding.message


def test_a_failure_stays_one_when_cleaning_up_fails_too(check: Check) -> None:
    rows: dict[str, dict[str, str]] = {}
    finding = run_check(check, notes(rows), notes(rows, column="content", wrong="DELETE"))
    assert finding.outcome is Outcome.FAIL
    assert "left behind" in finding.message


def test_a_read_that_hangs_leaves_time_to_clean_up(check: Check) -> None:
    rows: dict[str, dict[str, str]] = {}
    finding = run_check(check, notes(rows, hang="GET"), notes(rows), timeout_s=1.2)
    assert (finding.outcome, "no answer" in finding.message) == (Outcome.FAIL, True)
    assert rows == {}


def test_without_blue_nothing_is_shown_and_nothing_written(check: Check) -> None:
    rows: dict[str, dict[str, str]] = {}
    with HttpServer(notes(rows)) as green:
        finding = check("migration", PLAN, green.url, blue=Side(no_url="no production listener"))
    assert (finding.outcome, green.requests) == (Outcome.INCONCLUSIVE, [])


def test_rows_that_both_understand_pass_and_are_gone(check: Check) -> None:
    rows: dict[str, dict[str, str]] = {}
    finding = run_check(check, notes(rows), notes(rows))
    assert finding.outcome is Outcome.PASS, finding.message
    assert (len(finding.evidence), rows) == (10, {})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"expect": {"status": 200}}, "does not compare the row's content"),
        ({"capture": {"id": "id"}}, "captures nothing"),
        ({"capture": {}}, "an earlier row would pass"),
        ({"write": {}}, "exactly one of"),
    ],
)
def test_invalid_parameters_are_rejected_with_a_reason(check: Check, change: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check("migration", {**PLAN, **change})
