"""The checks of the HTML report: their outcome in words, their evidence and their attempts."""

from __future__ import annotations

import re

from greenlight.core.finding import Evidence, Outcome
from greenlight.report.html_checks import render_checks
from tests.support.report_samples import check, closed, opened


def test_only_checks_that_did_not_pass_are_expanded() -> None:
    details = re.findall(r"<details[^>]*>", "".join(render_checks(closed())))

    assert ["open" in element for element in details] == [True, True, True, False, False, False, False, False]


def test_mismatch_is_labelled_in_addition_to_its_colour() -> None:
    finding = check("c", "v", Outcome.FAIL, "m", evidence=(Evidence(query="q", expected=1, actual=2),))

    assert 'aria-label="failed"' in "".join(render_checks(closed(checks=(finding,))))


def test_comparison_shows_blue_and_green_side_by_side() -> None:
    heads = re.findall(r"<th [^>]*>([^<]*)</th>", "".join(render_checks(closed())))

    assert heads[3:7] == ["Where", "Blue", "Green", "How often"]


def test_flaky_check_and_its_attempts_are_shown() -> None:
    rendered = "".join(render_checks(opened()))

    assert "flaky: passed at attempt 3" in rendered
    assert "GET /health: status is 503, expected 200" in rendered
