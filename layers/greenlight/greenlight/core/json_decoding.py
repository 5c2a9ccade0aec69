"""Strict decoding of JSON that is judged: bodies, messages, payloads, overrides.

A key that an object has twice is refused. RFC 8259 section 4 leaves open which value counts, and parsers differ: a
client may read the value that a check does not see.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from greenlight.core.display import truncate


class InvalidJsonError(ValueError):
    """A text is not JSON that can be judged; the message continues a sentence about the text."""


class DuplicateKeyError(InvalidJsonError):
    """An object of a JSON text has a key twice."""


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen: set[str] = set()
    duplicate = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    raise DuplicateKeyError(f"has the JSON key {truncate(duplicate, 60)!r} twice in one object")


_KEY_SCANNER = json.JSONDecoder(object_pairs_hook=_reject_duplicates, parse_int=len, parse_float=len)
"""Compares keys alone. Numbers are not converted, because Python refuses those of more than 4,300 digits."""


def decode_json(text: bytes | str) -> Any:
    """Decode a JSON text to plain data.

    Raises:
        DuplicateKeyError: An object has a key twice.
        InvalidJsonError: The text is not valid JSON, or is nested too deep.
    """
    try:
        data = msgspec.json.decode(text)
        if isinstance(data, (dict, list)):  # msgspec does not report duplicates
            _KEY_SCANNER.decode(text if isinstance(text, str) else text.decode())
    except DuplicateKeyError:
        raise
    except RecursionError as error:
        raise InvalidJsonError("is nested too deep") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidJsonError(f"is not valid JSON: {error}") from error
    return data
