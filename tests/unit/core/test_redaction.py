"""Redaction: a secret is masked in every encoding, and nothing else is masked."""

from __future__ import annotations

import html
import urllib.parse
from typing import TYPE_CHECKING
from xml.sax import saxutils

if TYPE_CHECKING:
    from collections.abc import Callable

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.redaction import MASK, MIN_LENGTH, Redactor, is_secret_name
from tests.support.secret_encodings import ENCODINGS, escape_in_json

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


SECRET_NAMES = [
    "private_key", "encryption_key", "signing-key", "x-functions-key", "Ocp-Apim-Subscription-Key", "passphrase",
    "passcode", "bearer", "assertion", "SAMLResponse", "connection_string", "connectionString", "dsn", "PHPSESSID",
    "connect.sid", "totp", "hmac", "privateKey",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "secret"),
    [*[(name, True) for name in SECRET_NAMES], ("monkey", False), ("keyword", False), ("key", False),
     ("primary_key", False), ("assert", False), ("totpoints", False), ("connection", False),
     ("token", True), ("Authorization", True), ("authorisation", True), ("x-api-key", True), ("sid", True),
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


PASSPHRASE = "correct horse battery staple"
IN_JSON = '{"user": "shop", "password": "hunter2hunter2XY"}'
IN_A_URL = "postgres://shop:hunter2hunter2XY@db.internal:5432/shop"


@pytest.mark.parametrize(
    ("secret", "piece"),
    [
        (PASSPHRASE, PASSPHRASE[:15]),
        (PASSPHRASE, PASSPHRASE[:17]),
        (PASSPHRASE, PASSPHRASE[14:]),
        (PASSPHRASE, PASSPHRASE[:20].title()),
        (IN_JSON, "hunter2h"),
        (IN_JSON, "unter2XY"),
        (IN_A_URL, "hunter2h"),
        (IN_A_URL, "r2hunter2XY"),
        (f"first line\n{PASSPHRASE}\nlast line", PASSPHRASE[:15]),
        ("Basic dXNlcjpodW50ZXIyaHVudGVyMlhZ", "hunter2hunte"),
        ("https://hooks.example.com/services/T0", "https://hooks.example.com/servi"),
    ],
)
def test_half_of_a_secret_and_of_its_parts_is_masked(secret: str, piece: str) -> None:
    assert Redactor([secret]).text(f"got {piece} of") == "got *** of"


@pytest.mark.parametrize("secret", ["X9LM4T", "x9lm4t", "kq-m4t"])
def test_short_secret_that_is_not_a_word_is_masked_in_any_case(secret: str) -> None:
    redactor = Redactor([secret])
    assert [redactor.text(form) for form in (secret.lower(), secret.upper(), secret.title())] == [MASK] * 3


@pytest.mark.parametrize("secret", ["Shop", "Ipv4", "Utf-8", "Orders"])
def test_short_word_is_masked_in_its_own_case_only(secret: str) -> None:
    assert Redactor([secret]).text(f"{secret.upper()} {secret.lower()}") == f"{secret.upper()} {secret.lower()}"


def test_text_around_an_escaped_secret_stays_as_it_is() -> None:
    secret = "p@ss w\u00f6rd"
    before, after = "a%20b &amp; c\\n\U0001f600 ", " d%2Fe &lt;"
    for form in ("p%40ss%20w%C3%B6rd", "p&#64;ss w&ouml;rd", "p@ss+w\\u00f6rd", "p\\x40ss w\\u00F6rd"):
        assert Redactor([secret]).text(before + form + after) == before + MASK + after
    pair = "\\ud83d\\ude00"
    assert Redactor(["\U0001f600-hunter2"]).text(f"{pair} {pair}-hunter2 {pair}") == f"{pair} *** {pair}"
    assert Redactor([secret]).text(before + after) == before + after


def each_character(data: st.DataObject, text: str, forms: list[Callable[[str], str]]) -> str:
    return "".join(data.draw(st.sampled_from(forms))(character) for character in text)


def percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


NESTED: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "URL": lambda s: urllib.parse.quote(s, safe=""),
    "every byte": percent,
    "JSON": lambda s: json.dumps(s)[1:-1],
    "every character in JSON": escape_in_json,
    "HTML": html.escape,
    "XML": lambda s: saxutils.escape(s, {"'": "&apos;", '"': "&quot;"}),
    "numeric entities": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "hex": lambda s: s.encode().hex(),
}
LAST = ("base64", "hex")  # what they encode must be the secret itself
# Capitals of these have the same length, and their small letters lead back; docs/security.md lists the others.
letters = st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="%\\&+").filter(
    lambda c: len(c.upper()) == len(c.lower()) == 1 and c.upper().lower() == c.lower() and c != "\u03c2"
)
phrases = st.text(letters, min_size=8, max_size=40).filter(lambda text: text == text.strip() and "://" not in text)


@given(st.data(), phrases)
def test_secret_is_masked_in_every_form_of_every_form(data: st.DataObject, secret: str) -> None:
    first, second = data.draw(st.tuples(*[st.sampled_from(list(NESTED))] * 2))
    changed = secret
    if first not in LAST and (first == "as it is" or second not in LAST):
        changed = each_character(data, secret, [str, str.upper, str.lower])
    encoded = NESTED[first](changed)
    if second not in LAST or first == "as it is":
        encoded = NESTED[second](encoded if second not in LAST else secret)

    assert Redactor([secret]).text(f"({encoded})") == "(***)"


@given(st.data(), phrases)
def test_secret_is_masked_when_each_of_its_characters_is_escaped_in_its_own_way(
    data: st.DataObject, secret: str
) -> None:
    mixed = each_character(data, secret, list({**NESTED, "base64": str, "hex": str.upper}.values()))

    assert Redactor([secret]).text(f"({mixed})") == "(***)"


@given(st.data(), phrases.filter(lambda text: len(text) >= 16))
def test_each_half_of_a_secret_is_masked_in_every_form(data: st.DataObject, secret: str) -> None:
    encode = NESTED[data.draw(st.sampled_from([name for name in NESTED if name not in LAST]))]
    half = len(secret) // 2
    redactor = Redactor([secret])

    for piece in (secret[:half], secret[-half:]):
        redacted = redactor.text(f"({encode(piece)})")
        for space in filter(str.isspace, piece):  # white space at the end of a half may remain
            redacted = redacted.replace(encode(space), "")
        assert redacted == "(***)"
