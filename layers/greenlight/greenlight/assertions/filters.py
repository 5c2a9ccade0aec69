"""Filters: conversions of a value before it is compared.

If a filter cannot be applied, because the value has another type or the filter finds nothing in it, the value counts as
missing. All filters are pure, except for the clock of `days_since` and `days_until`.
"""

from __future__ import annotations

import datetime
import math
import re
import urllib.parse
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.assertions import formats
from greenlight.assertions.patterns import replace, search
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.display import for_message

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_FILTERS = 20
"""Filters of one expectation."""

MAX_TEXT = 10_000_000
"""Longest text that a replacement may produce, in characters."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,300}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


class FilterError(Exception):
    """A filter cannot be applied; the message has its name and the reason."""


class Filter(NamedTuple):
    """One filter; the reference of plans and their JSON Schema are generated from it.

    Attributes:
        apply: Called with the value and the parsed argument; raises ValueError if it cannot be applied.
        takes: Kind of argument, a key of `FILTER_ARGUMENTS`, "nothing" or "clock".
        description: Sentence about the result, for the documentation.
        example: The filter as a plan has it.
        hides: True if the filter changes texts so that secrets in them cannot be redacted; the result is not reported.
    """

    apply: Callable[[Any, Any], Any]
    takes: str
    description: str
    example: Any
    hides: bool = False


class Step(NamedTuple):
    """One filter of a list, with its parsed argument."""

    name: str
    argument: Any


def utc_now() -> datetime.datetime:
    """Return the current time."""
    return SYSTEM_CLOCK.now_utc()


def apply_filters(steps: tuple[Step, ...], value: Any) -> Any:
    """Return the value after all filters were applied in order.

    Raises:
        FilterError: A filter cannot be applied.
        PatternTimeoutError: A pattern took too long.
    """
    for step in steps:
        try:
            value = FILTERS[step.name].apply(value, step.argument)
        except (ValueError, OverflowError, RecursionError) as error:
            reason = str(error) if type(error) is ValueError else "it cannot be read"
            raise FilterError(f"{step.name} cannot be applied: {reason}") from error
    return value


def describe_filters(steps: tuple[Step, ...], value: Any) -> str:
    """Describe the result of filters: `value` itself only if secrets can be redacted in it, otherwise its size."""
    names = ", ".join(step.name for step in steps)
    if isinstance(value, (str, list, dict)) and any(FILTERS[step.name].hides for step in steps):
        kinds = {str: "a text of {} characters", list: "a list of {} elements", dict: "an object of {} keys"}
        return f"after {names}: {kinds[type(value)].format(len(value))}"
    return f"after {names}: {for_message(value)}"


def _type_name(value: Any) -> str:
    names = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"it is {_type_name(value)}, not a text")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"it is {_type_name(value)}, not a list")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"it is {_type_name(value)}, not an object")
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (value != value or abs(value) == math.inf):
        raise ValueError(f"it is {_type_name(value)}, not a finite number" if value == value else "it is not finite")
    return value


def _count(value: Any, _: None) -> int:
    if not isinstance(value, (str, list, dict)):
        raise ValueError(f"{_type_name(value)} has no length")
    return len(value)


def _join(value: Any, separator: str) -> str:
    return separator.join(map(_text, _list(value)))


def _regex(value: Any, capture: tuple[Any, int | str]) -> str:
    compiled, group = capture
    match = search(compiled, _text(value))
    part = match[group] if match else None
    if part is None:
        raise ValueError("the pattern is not found")
    return str(part)


def _replace(value: Any, replacement: tuple[Any, str]) -> str:
    old, new = replacement
    text = _text(value)
    if len(new) * (text.count(old) if isinstance(old, str) else len(text) + 1) > MAX_TEXT:
        raise ValueError("the text would become too long")
    return text.replace(old, new) if isinstance(old, str) else replace(old, new, text)


def _to_int(value: Any, _: None) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, str):
        raise ValueError("the text is not a whole number")
    number = _number(value)
    if number != int(number):
        raise ValueError("the number is not whole; round it first")
    return int(number)


def _to_float(value: Any, _: None) -> float:
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError("the text is not a number")
    return float(_number(float(value if isinstance(value, str) else _number(value))))


def _to_text(value: Any, _: None) -> str:
    if isinstance(value, (list, dict)):
        raise ValueError(f"it is {_type_name(value)}")
    return value if isinstance(value, str) else for_message(value if isinstance(value, bool | None) else _number(value))


def _moment(value: Any, form: str = "") -> datetime.datetime:
    if form in ("epoch", "epoch_ms"):
        seconds = _number(value) / (1000 if form == "epoch_ms" else 1)
        if abs(seconds) > 1e11:
            raise ValueError("the number is not a valid date")
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)
    moment = formats.parse_instant(_text(value), form)
    if moment is None:
        raise ValueError(f"the text is not a valid date{f' of the form {form}' if form else ''}")
    return moment


def _to_date(value: Any, form: str) -> str:
    return _moment(value, form).isoformat().replace("+00:00", "Z")


def _days(value: Any, now: Callable[[], datetime.datetime]) -> float:
    return round((now() - _moment(value)).total_seconds() / 86400, 6)


def _decode(value: Any, encoding: str) -> str:
    text = _text(value)
    if encoding == "html":
        import html

        return html.unescape(text)
    if encoding == "url":
        return urllib.parse.unquote(text, errors="strict")
    import base64

    raw = text.encode("ascii")
    if encoding == "base64url":
        raw = raw + b"=" * (-len(raw) % 4)
        return base64.b64decode(raw, altchars=b"-_", validate=True).decode()
    return base64.b64decode(raw, validate=True).decode()


def _json(value: Any, path: str | None) -> Any:
    from greenlight.core.json_decoding import DuplicateKeyError, InvalidJsonError, decode_json

    try:
        data = decode_json(_text(value).encode())
    except DuplicateKeyError as error:
        raise ValueError(f"the text {error}") from error
    except InvalidJsonError as error:
        raise ValueError("the text is not valid JSON") from error
    if path is None:
        return data
    from greenlight.assertions.jmespath_query import run_query
    from greenlight.core.json_values import MISSING

    result = run_query(path, data)
    if result is MISSING:
        raise ValueError(f"{path} finds nothing")
    return result


def _query_param(value: Any, name: str) -> str:
    query = urllib.parse.urlsplit(_text(value)).query
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, max_num_fields=1000)
    parameter = next((text for key, text in pairs if key == name), None)
    if parameter is None:
        raise ValueError(f"the URL has no {name}")
    return parameter


def _nth(value: Any, index: int) -> Any:
    values = _list(value)
    if not -len(values) <= index < len(values):
        raise ValueError(f"the list has {len(values)} elements")
    return values[index]


FILTERS: dict[str, Filter] = {
    "count": Filter(
        _count, "nothing", "The number of elements of a list, keys of an object, or characters of a text.", "count"
    ),
    "first": Filter(lambda value, _: _nth(value, 0), "nothing", "The first element of a list.", "first"),
    "last": Filter(lambda value, _: _nth(value, -1), "nothing", "The last element of a list.", "last"),
    "nth": Filter(_nth, "index", "An element of a list: 0 is the first, -1 the last.", {"nth": 1}),
    "keys": Filter(lambda value, _: list(_object(value)), "nothing", "The keys of an object, as a list.", "keys"),
    "values": Filter(
        lambda value, _: list(_object(value).values()), "nothing", "The values of an object, as a list.", "values"
    ),
    "trim": Filter(
        lambda value, _: _text(value).strip(), "nothing", "A text without white space at its beginning and end.", "trim"
    ),
    "lower": Filter(lambda value, _: _text(value).lower(), "nothing", "A text in lower case.", "lower", hides=True),
    "upper": Filter(lambda value, _: _text(value).upper(), "nothing", "A text in upper case.", "upper", hides=True),
    "split": Filter(
        lambda value, by: _text(value).split(by),
        "separator",
        "The parts of a text between separators, as a list.",
        {"split": ","},
        hides=True,
    ),
    "join": Filter(
        _join,
        "any_text",
        "The texts of a list as one text, with this separator between them.",
        {"join": " "},
        hides=True,
    ),
    "regex": Filter(
        _regex,
        "capture",
        "The first match of a pattern in a text: its first group, or the whole match without groups; "
        "`group` selects another group.",
        {"regex": "version=([0-9.]+)"},
        hides=True,
    ),
    "replace": Filter(
        _replace,
        "replacement",
        "A text with every `old`, or every match of a `pattern`, replaced by `new`.",
        {"replace": {"old": "-", "new": "_"}},
        hides=True,
    ),
    "decode": Filter(
        _decode,
        "encoding",
        "A text decoded from base64, base64url, url (percent-encoding) or html (character references).",
        {"decode": "base64"},
    ),
    "json": Filter(
        _json, "optional_path", "The JSON in a text, or the result of a JMESPath expression on it.", {"json": "a.b"}
    ),
    "query_param": Filter(
        _query_param, "name", "The decoded value of a parameter in the query of a URL.", {"query_param": "page"}
    ),
    "to_int": Filter(_to_int, "nothing", "A text or a number as a whole number.", "to_int"),
    "to_float": Filter(_to_float, "nothing", "A text as a number.", "to_float"),
    "to_text": Filter(_to_text, "nothing", "A number, a boolean or null as the text that JSON has for it.", "to_text"),
    "round": Filter(
        lambda value, digits: round(_number(value), digits or None),
        "digits",
        "A number rounded to this number of digits after the decimal point.",
        {"round": 2},
    ),
    "to_date": Filter(
        _to_date,
        "optional_form",
        "A date as RFC 3339 in UTC, from RFC 3339, an HTTP date, a format of strptime, "
        "epoch seconds (epoch) or milliseconds (epoch_ms).",
        {"to_date": "%d.%m.%Y"},
    ),
    "days_since": Filter(
        _days,
        "clock",
        "The days from a date (RFC 3339 or HTTP) until now; negative for a date in the future.",
        "days_since",
    ),
    "days_until": Filter(
        lambda value, now: -_days(value, now),
        "clock",
        "The days from now until a date (RFC 3339 or HTTP); negative for a date in the past.",
        "days_until",
    ),
}
"""All filters that a plan can use."""
