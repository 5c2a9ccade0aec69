"""Rule for secrets: they are found, not repeated, and not suspected everywhere."""

from __future__ import annotations

import pytest

from tests.support.linting import checks, lint


@pytest.mark.parametrize("value", ["eyJhbGciOi.eyJzdWIi.abc", "hunter22", "AKIAABCDEFGHIJKLMNOP"])
def test_a_secret_is_not_repeated_in_the_message(value: str) -> None:
    text = checks(
        f"- name: a\n  http: {{post: /login, body: {{json: {{password: '{value}'}}}}, expect: {{status: 200}}}}"
    )

    (problem,) = lint(text)

    assert problem.rule == "plain-secret"
    assert value not in str(problem)


@pytest.mark.parametrize(
    "line",
    [
        "http: {get: /, headers: {authorization: 'Bearer ${secret:ssm:/token}'}, expect: {status: 200}}",
        "http: {get: /, expect: {json: {password: null-and-void, token: {exists: true}}}}",
        "http: {post: /login, body: {json: {password: '${secret:ssm:/password}'}}, expect: {status: 200}}",
        "http: {post: /login, body: {json: {password: ''}}, expect: {status: 400}}",
    ],
)
def test_a_harmless_value_is_not_reported_as_a_secret(line: str) -> None:
    assert [str(problem) for problem in lint(checks(f"- name: a\n  {line}"))] == []
