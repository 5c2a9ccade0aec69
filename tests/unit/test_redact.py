"""Redaction: in every form a secret takes on its way, and nothing else."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from typing import Any

import pytest
from greenlight.redact import MASK, MIN_LENGTH, Redactor
from hypothesis import given
from hypothesis import strategies as st

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

FORMS = {
    "plain": lambda s: s,
    "quoted": urllib.parse.quote,
    "quoted strictly": lambda s: urllib.parse.quote(s, safe=""),
    "quoted by requests": lambda s: urllib.parse.quote(s, safe="!#$%&'()*+,/:;=?@[]~"),
    "form": urllib.parse.quote_plus,
    "lower escapes": lambda s: re.sub("%..", lambda escape: escape[0].lower(), urllib.parse.quote(s, safe="")),
    "json": json.dumps,
    "json unescaped": lambda s: json.dumps(s, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps({"token": s})),
    "repr": repr,
    "html": html.escape,
    "html, quotes kept": lambda s: html.escape(s, quote=False),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "basic auth": lambda s: base64.b64encode(b"user:" + s.encode()).decode(),
    "basic auth, other name": lambda s: base64.b64encode(b"admin:" + s.encode()).decode(),
    "basic auth, third alignment": lambda s: base64.b64encode(b"root1:" + s.encode() + b":x").decode(),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "stripped": str.strip,
    "in one line": lambda s: " ".join(s.split()),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_form_of_a_secret_stays(secret: str, form: str) -> None:
    written = FORMS[form](secret)

    shown = Redactor([secret]).text(f"before {written} after")

    assert MASK in shown
    assert secret not in shown
    assert written not in shown
    if "auth" not in form:
        left = shown.removeprefix("before ").removesuffix(" after").replace(MASK, "").strip("\"'{}: \n\\ntoke=")
        assert left == "", shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@pytest.mark.parametrize("name", ["u", "us", "use", "user"])
@pytest.mark.parametrize("secret", ["hunte", "hunter", "hunter2", "hunter22", "p/+?>~ÿÿ"])
def test_a_secret_inside_longer_base64_is_found_at_every_alignment(secret: str, name: str) -> None:
    written = base64.b64encode(f"{name}:{secret}".encode()).decode()

    shown = Redactor([secret]).text(written)

    kept = base64.b64decode(shown.split(MASK)[0][: len(shown.split(MASK)[0]) // 4 * 4])
    assert MASK in shown
    assert secret.encode()[:3] not in kept


def test_the_texts_in_a_secret_that_is_json_are_secrets_too() -> None:
    redactor = Redactor([json.dumps({"user": "bob", "token": "t0k3n-value", "list": ["another1"], "pin": 98765})])

    shown = redactor.text("bob sent t0k3n-value and another1 with 98765")

    assert shown == "bob sent *** and *** with ***"


def test_what_only_begins_like_json_is_a_text() -> None:
    assert Redactor(["{not json at all"]).text("say {not json at all") == "say ***"
    assert Redactor(["[" * 100_000]).text("[[[") == "[[["


def test_every_line_of_a_secret_is_a_secret() -> None:
    assert Redactor(["first line\nsecond line\n"]).text("got second line") == "got ***"


@pytest.mark.parametrize("secret", ["", "a", "abc", "\n\n"])
def test_a_value_too_short_to_be_told_apart_is_left(secret: str) -> None:
    assert Redactor([secret]).text("abc abcd \n\n") == "abc abcd \n\n"


def test_the_longest_secret_goes_first() -> None:
    assert Redactor(["hunter", "hunter22"]).text("hunter22 hunter") == "*** ***"


@pytest.mark.parametrize(
    ("data", "shown"),
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
def test_data_is_redacted_all_through(data: Any, shown: Any) -> None:
    assert Redactor(["hunter22", "12345"]).data(data) == shown


def test_without_secrets_data_stays_itself() -> None:
    data = {"a": object()}

    assert Redactor([]).data(data) is data


secrets = st.text(min_size=MIN_LENGTH, max_size=20)


@given(st.lists(secrets, max_size=3), st.text())
def test_redacting_twice_finds_nothing_more(values: list[str], text: str) -> None:
    redactor = Redactor(values)
    once = redactor.text(f"{text}{''.join(values)}{text}")

    assert redactor.text(once) == once


@given(secrets, st.text(), st.text())
def test_a_secret_never_stays_in_any_text(secret: str, before: str, after: str) -> None:
    assert secret not in Redactor([secret]).text(before + secret + after)


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_can_be_a_secret(secret: str, text: str) -> None:
    Redactor([secret]).data({text: [text]})
