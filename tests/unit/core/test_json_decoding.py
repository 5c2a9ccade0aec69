"""Strict decoding of JSON: what is refused, with the reason, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.core.json_decoding import DuplicateKeyError, InvalidJsonError, decode_json


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b'{"status":"broken","status":"ok"}', "status"),
        ('{"status":"broken","status":"ok"}', "status"),
        (b'{"status":"ok","status":"ok"}', "status"),
        (b'{"x":1,"a":1,"b":1,"a":1}', "a"),
        (b'{"status":"broken","\\u0073tatus":"ok"}', "status"),
        (b'[{"x":{"b":1,"b":2}}]', "b"),
        (b'{"a":{"b":1,"b":2},"a":1}', "b"),
        (b'{"":1,"":2}', ""),
        (b'{"\\u001b":1,"\\u001b":2}', "\\x1b"),
        (b'{"n":' + b"9" * 15 + b'e99,"n":1}', "n"),
    ],
)
def test_duplicate_key_is_rejected(text: bytes | str, key: str) -> None:
    with pytest.raises(DuplicateKeyError) as refusal:
        decode_json(text)
    assert str(refusal.value) == f"has the JSON key {key!r} twice in one object"


def test_long_key_is_cut_in_the_message() -> None:
    key = b"k" * 10_000
    with pytest.raises(DuplicateKeyError) as refusal:
        decode_json(b'{"%s":1,"%s":2}' % (key, key))
    assert len(str(refusal.value)) < 120


@pytest.mark.parametrize(
    "text", ["", b"", "{", b"\xff", b'"\xff"', b'{"a":"\xff"}', '{"a":1} x', "NaN", '{"\ud800":1}', b"[" * 200_000]
)
def test_text_that_is_not_json_is_rejected(text: bytes | str) -> None:
    with pytest.raises(InvalidJsonError, match=r"^is (not valid JSON: |nested too deep)"):
        decode_json(text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b'{"a":{"a":1},"b":[{"a":1},{"a":2}]}', {"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}),
        (b'{"a":1,"A":2}', {"a": 1, "A": 2}),
        (b'"a"', "a"),
        (b"[1,1]", [1, 1]),
        (b'{"n":1e5,"m":-3}', {"n": 100000.0, "m": -3}),
        ("null", None),
    ],
)
def test_valid_json_is_decoded(text: bytes | str, data: Any) -> None:
    assert decode_json(text) == data
