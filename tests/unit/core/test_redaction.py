"""Redaction: a secret is masked in every encoding, and nothing else is masked."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.redaction import MASK, MIN_LENGTH, Redactor, is_secret_name
from tests.support.secret_encodings import ENCODINGS

SECRETS = [
    "hunter22",
    "p@ss/w+rd=&?%#",
    'with "quotes" and \\backslash',
    "two\nlines of secret",
    "ünïcödé€geheim",
    "<tag>&'x'",
    "trailing newline\n",
    "12345",
]


@pytest.mark.parametrize("form", ENCODINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_secret_is_masked_in_every_encoding(secret: str, form: str) -> None:
    encoded = ENCODINGS[form](secret)

    redacted = Redactor([secret]).text(f"before {encoded} after")

    assert MASK in redacted
    assert secret not in redacted
    assert encoded not in redacted
    if "auth" not in form:
        rest = redacted.removeprefix("before ").removesuffix(" after").replace(MASK, "").strip("\"'{}: \n\\ntoke=")
        assert rest == "", redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


@pytest.mark.parametrize("name", ["u", "us", "use", "user"])
@pytest.mark.parametrize("secret", ["hunte", "hunter", "hunter2", "hunter22", "p/+?>~ÿÿ"])
def test_secret_inside_longer_base64_is_masked_at_every_alignment(secret: str, name: str) -> None:
    encoded = base64.b64encode(f"{name}:{secret}".encode()).decode()

    redacted = Redactor([secret]).text(encoded)

    decoded = base64.b64decode(redacted.split(MASK)[0][: len(redacted.split(MASK)[0]) // 4 * 4])
    assert MASK in redacted
    assert secret.encode()[:3] not in decoded


def test_texts_in_a_json_secret_are_masked() -> None:
    redactor = Redactor([json.dumps({"user": "bob", "token": "t0k3n-value", "list": ["another1"], "pin": 98765})])

    redacted = redactor.text("bob sent t0k3n-value and another1 with 98765")

    assert redacted == "bob sent *** and *** with ***"


def test_secret_that_only_begins_like_json_is_masked_as_text() -> None:
    assert Redactor(["{not json at all"]).text("say {not json at all") == "say ***"
    assert Redactor(["[" * 100_000]).text("[[[") == "[[["


def test_every_line_of_a_secret_is_masked() -> None:
    assert Redactor(["first line\nsecond line\n"]).text("got second line") == "got ***"


@pytest.mark.parametrize(
    ("secret", "inside"),
    [
        ("Bearer t0k3n-value", "t0k3n-value"),
        ("Basic dXNlcjpodW50ZXIyMg==", "hunter22"),
        ("Basic dXNlcjpodW50ZXIyMg==", "dXNlcjpodW50ZXIyMg=="),
        ("aHVudGVyMjItaHVudGVyMjI=", "hunter22-hunter22"),
        ("postgres://shop:p%40ss-w0rd@db.internal:5432/shop", "p@ss-w0rd"),
        ("postgres://shop:p%40ss-w0rd@db.internal:5432/shop", "p%40ss-w0rd"),
    ],
)
def test_secret_inside_a_secret_is_masked_alone(secret: str, inside: str) -> None:
    assert Redactor([secret]).text(f"got {inside} of") == "got *** of"


TOKEN = "q7Rz-81kLmPw_03Xx9YtVbNc22"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"begins {TOKEN[:13]}… (900 characters)", "begins ***… (900 characters)"),
        (f"begins {TOKEN[:20]}", "begins ***"),
        (f"{TOKEN[8:]} ends", "*** ends"),
        (f"{TOKEN[:13]}\n{TOKEN[13:]}", "***\n***"),
        (f"{TOKEN[:15]}{TOKEN[:15]}{TOKEN}", "******" + MASK),
        (f"too little {TOKEN[:8]}", f"too little {TOKEN[:8]}"),
    ],
)
def test_piece_of_a_long_secret_is_masked(text: str, redacted: str) -> None:
    assert Redactor([TOKEN]).text(text) == redacted


@pytest.mark.parametrize(
    "secret", ["https://hooks.example.com/services/T0", '{"user": "shop", "host": "db"}', "a sentence that is a secret"]
)
def test_piece_of_a_secret_that_begins_like_ordinary_text_is_not_masked(secret: str) -> None:
    assert Redactor([secret]).text(secret[:10]) == secret[:10]


def test_value_added_to_a_copy_is_masked_by_the_copy_only() -> None:
    first = Redactor(["hunter22"])
    second = first.copy()
    second.hide("t0k3n-value")
    assert (first.text("hunter22 t0k3n-value"), second.text("hunter22 t0k3n-value")) == ("*** t0k3n-value", "*** ***")


@pytest.mark.parametrize(
    ("name", "secret"),
    [("token", True), ("Authorization", True), ("authorisation", True), ("x-api-key", True), ("sid", True),
     ("author", False), ("authors", False), ("order", False), ("considered", False), ("id", False)],
)  # fmt: skip
def test_name_of_a_secret_is_recognized(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


@pytest.mark.parametrize("secret", ["", "a", "abc", "\n\n"])
def test_very_short_secret_is_not_masked(secret: str) -> None:
    assert Redactor([secret]).text("abc abcd \n\n") == "abc abcd \n\n"


def test_longest_secret_is_masked_first() -> None:
    assert Redactor(["hunter", "hunter22"]).text("hunter22 hunter") == "*** ***"


@pytest.mark.parametrize(
    ("data", "redacted"),
    [
        ("hunter22", MASK),
        (["a hunter22", {"hunter22": "hunter22"}], [f"a {MASK}", {MASK: MASK}]),
        (("hunter22", 5), [MASK, 5]),
        ({5: "hunter22"}, {"5": MASK}),
        (12345, MASK),
        (12345.5, MASK),
        (999, 999),
        (None, None),
        (True, True),
        ({"a": [1, 2.5, None, False]}, {"a": [1, 2.5, None, False]}),
        (b"hunter22", f"b'{MASK}'"),
    ],
)
def test_data_is_redacted_recursively(data: Any, redacted: Any) -> None:
    assert Redactor(["hunter22", "12345"]).data(data) == redacted


def test_data_is_returned_unchanged_without_secrets() -> None:
    data = {"a": object()}

    assert Redactor([]).data(data) is data


secrets = st.text(min_size=MIN_LENGTH, max_size=20)


@given(st.lists(secrets, max_size=3), st.text())
def test_second_redaction_changes_nothing(values: list[str], text: str) -> None:
    redactor = Redactor(values)
    once = redactor.text(f"{text}{''.join(values)}{text}")

    assert redactor.text(once) == once


@given(secrets, st.text(), st.text())
def test_secret_is_masked_in_any_text(secret: str, before: str, after: str) -> None:
    assert secret not in Redactor([secret]).text(before + secret + after)


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_can_be_a_secret(secret: str, text: str) -> None:
    Redactor([secret]).data({text: [text]})
