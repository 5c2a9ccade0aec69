"""Rules for expectations: useless ones are reported, and useful ones are not."""

from __future__ import annotations

import pytest

from tests.support.linting import checks, expecting, lint


@pytest.mark.parametrize(
    "expect",
    [
        "{status: 503}",
        "{status: {in: [200, 404]}}",
        "{status: {lt: 500}}",
        "{status: {between: [200, 299]}}",
        "{status: {not: {gte: 400}}}",
        "{json: {status: ok}}",
        "{json: {count: {gte: 0}}}",
        "{json: {a: {exists: true}}}",
        "{body: {contains: ok}}",
        '{status: 200, version: "1.1"}',
        "{cookies: {session: {secure: true}}}",
        "{html: {title: [Shop]}}",
        "{status: 200, body: {not: {contains: Exception}}}",
        "{headers: {x-release: {exists: true}}}",
        '{headers: {content-length: "5"}}',
        "{status: 200, size: {gt: 0B}}",
        "{status: 200, size: {lte: 1MB}}",
        "{status: 200, latency: {lt: 1s}}",
        "{json: {a: {gt: 3, lt: 5}}}",
        "{json: {a: {eq: 4, lt: 5}}}",
        "{status: 404, body: {contains: no such order}}",
        '{json: {opens: "9:30"}}',
        '{json: {release: "1.10"}}',
        '{json: {"items[?a == @.b]": {empty: true}}}',
        "{json: {price: 9.5}}",
        "{json: {price: {lt: 9.50}}}",
        '{json: {country: "no"}}',
        "{json: {opened: 2026}}",
    ],
)
def test_a_useful_expectation_has_no_problem(expect: str) -> None:
    assert expecting(expect) == []


@pytest.mark.parametrize(
    ("expect", "rule"),
    [
        ("{status: {exists: true}}", "always-passes"),
        ("{status: {not: {eq: 99}}}", "always-passes"),
        ("{status: {type: integer}}", "always-passes"),
        ("{status: {ne: 500}}", "error-passes"),
        ("{status: {lte: 599, gte: 200}}", "error-passes"),
        ("{status: 2xx}", "never-passes"),
        ("{status: 700}", "never-passes"),
        ("{status: true}", "never-passes"),
        ("{status: 200, size: {gte: 0B}}", "always-passes"),
        ("{status: 200, latency: {gte: 0ms}}", "always-passes"),
        ("{status: 200, latency: {exists: true}}", "always-passes"),
        ("{status: 200, body: {length: {gte: 0}}}", "always-passes"),
        ("{status: 200, body: {exists: true}}", "always-passes"),
        ('{status: 200, body: {matches: ".*"}}', "always-passes"),
        ("{status: 200, body: 5}", "never-passes"),
        ("{status: 200, headers: {content-length: 5}}", "never-passes"),
        ("{status: 200, version: 1.1}", "never-passes"),
        ("{status: 200, version: 1.0}", "never-passes"),
        ("{status: 200, timings: {first_byte: {gte: 0ms}}}", "always-passes"),
        ("{timings: {first_byte: {lte: 200ms}}}", "error-passes"),
        ("{html: {h1: {exists: false}}}", "error-passes"),
        ('{status: 200, json: {"length(items)": {gte: 0}}}', "always-passes"),
        ("{status: 200, json: {a: {gt: 5, lt: 3}}}", "never-passes"),
        ("{body: {not: {contains: Exception}}}", "error-passes"),
        ("{headers: {content-type: {exists: true}}}", "error-passes"),
        ("{size: {gt: 0B}}", "error-passes"),
        ("{status: 401}", "only-refusals"),
        ("{status: {in: [403, 404]}}", "only-refusals"),
    ],
)  # fmt: skip
def test_a_useless_expectation_is_reported(expect: str, rule: str) -> None:
    assert expecting(expect) == [rule]


def test_a_captured_value_may_be_anything() -> None:
    text = checks(
        "- name: a\n  http:\n    steps:\n      - {get: /a, expect: {status: 200}, capture: {code: json.code}}\n"
        "      - get: /b\n        expect: {status: '${code}', json: {a: {gt: 5, lt: '${code}'}}}"
    )

    assert [str(problem) for problem in lint(text)] == []
