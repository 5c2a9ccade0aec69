"""The JUnit report: Jenkins' schema, failures, errors and earlier attempts."""

from __future__ import annotations

import importlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from greenlight.core.finding import Cause, Outcome
from greenlight.core.verdict import Reason
from tests.support.report_readers import junit_of
from tests.support.report_samples import REPORTS, check, closed, hostile

# Jenkins' junit-10.xsd: elements with their required and optional attributes, and children.
GRAMMAR: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp"},
        {"properties", "testcase", "system-out"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname"},
        {"skipped", "error", "failure", "rerunFailure", "rerunError", "flakyFailure", "flakyError", "system-out"},
    ),
    **{name: (set(), {"type", "message"}, set()) for name in ("skipped", "error", "failure")},
    **{name: ({"type"}, {"message"}, set()) for name in ("rerunFailure", "rerunError", "flakyFailure", "flakyError")},
    "system-out": (set(), set(), set()),
}
SECONDS = re.compile(r"[0-9]*(\.[0-9]*)?")


@pytest.mark.parametrize("name", REPORTS)
def test_junit_conforms_to_the_schema(name: str) -> None:
    for element in junit_of(REPORTS[name]).iter():
        required, optional, children = GRAMMAR[element.tag]
        assert required <= element.attrib.keys() <= required | optional, element.tag
        assert {child.tag for child in element} <= children, element.tag
        assert SECONDS.fullmatch(element.get("time", "0"))


def test_junit_has_flaky_elements_for_earlier_attempts() -> None:
    case = junit_of(closed()).find("testsuite/testcase")

    assert case is not None
    assert [(element.tag, element.get("message")) for element in case] == [
        ("flakyFailure", "GET /health: status is 503, expected 200"),
        ("flakyError", "connection refused"),
    ]


def test_expired_deadline_is_an_error_and_not_a_failure() -> None:
    reason = Reason(cause=Cause.DEADLINE, check="a", message="late")
    report = closed(reasons=(reason,), checks=(check("a", "v", Outcome.ERROR, "late", cause=Cause.DEADLINE),))

    assert [element.get("type") for element in junit_of(report).iter("error")] == ["DEADLINE"]


@given(evil=st.text(st.characters(), min_size=1))
def test_junit_is_well_formed_with_any_text(evil: str) -> None:
    junit_of(hostile(evil))


@pytest.mark.parametrize("form", ["junit", "html"])
def test_printed_output_cannot_command_the_runner_of_a_pipeline(form: str) -> None:
    output = "ok\n::error::gh\n  ::add-mask::x\n##[error]x"
    rendered = importlib.import_module(f"greenlight.report.{form}").render(replace(REPORTS["closed"], output=output))

    assert "error::gh" in rendered
    assert not re.search(r"^\s*::|##\[", rendered, re.MULTILINE)
