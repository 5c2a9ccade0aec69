"""The filters: what a value becomes before it is compared. Pure, but for the clock that days are counted by.

A filter that cannot be applied, because the value is of another type or holds nothing to find, finds nothing.
"""

from __future__ import annotations

import datetime
import math
import re
import urllib.parse
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.assertions import formats
from greenlight.assertions.patterns import replace, search
from greenlight.core.display import for_message

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_FILTERS = 20

MAX_TEXT = 10_000_000
"""Characters that a replacement may grow a text to."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,300}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


class CannotError(Exception):
    """A filter that cannot be applied; the sentence says which and why."""


class Filter(NamedTuple):
    """One filter; the plan's reference and its JSON Schema are made from these.

    Attributes:
        apply: Called with the value and the argument as it was read; raises ValueError where it cannot be applied.
        takes: The kind of argument; `expect` reads each kind, and devkit's schema describes it.
        says: What it gives, in a sentence.
        example: The filter as a plan writes it.
        hides: Its texts are other than those of the answer, so secrets would not be found in them; they are not shown.
    """

    apply: Callable[[Any, Any], Any]
    takes: str
    says: str
    example: Any
    hides: bool = False


class Step(NamedTuple):
    """A filter in a list of them, with the argument it is applied with."""

    name: str
    argument: Any


def utc_now() -> datetime.datetime:
    """Give the time of this moment."""
    return datetime.datetime.now(datetime.UTC)


def apply_filters(steps: tuple[Step, ...], value: Any) -> Any:
    """Give what the filters make of a value, one after the other.

    Raises:
        CannotError: One of them cannot be applied.
        GaveUpError: A pattern took too long.
    """
    for step in steps:
        try:
            value = FILTERS[step.name].apply(value, step.argument)
        except (ValueError, OverflowError, RecursionError) as error:
            why = str(error) if type(error) is ValueError else "it cannot be read"
            raise CannotError(f"{step.name} cannot be applied: {why}") from error
    return value


def describe_filters(steps: tuple[Step, ...], value: Any) -> str:
    """Say what the filters made of a value: `value` itself only where secrets can be found in it."""
    names = ", ".join(step.name for step in steps)
    if isinstance(value, (str, list, dict)) and any(FILTERS[step.name].hides for step in steps):
        kinds = {str: "a text of {} characters", list: "a list of {} elements", dict: "an object of {} keys"}
        return f"after {names}: {kinds[type(value)].format(len(value))}"
    return f"after {names}: {for_message(value)}"


def _kind(value: Any) -> str:
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
        raise ValueError(f"it is {_kind(value)}, not a text")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"it is {_kind(value)}, not a list")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"it is {_kind(value)}, not an object")
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (value != value or abs(value) == math.inf):
        raise ValueError(f"it is {_kind(value)}, not a finite number" if value == value else "it is not finite")
    return value


def _count(value: Any, _: None) -> int:
    if not isinstance(value, (str, list, dict)):
        raise ValueError(f"{_kind(value)} has no length")
    return len(value)


def _join(value: Any, between: str) -> str:
    return between.join(map(_text, _list(value)))


def _regex(value: Any, wanted: tuple[Any, int | str]) -> str:
    compiled, group = wanted
    found = search(compiled, _text(value))
    part = found[group] if found else None
    if part is None:
        raise ValueError("the pattern is not found")
    return str(part)


def _replace(value: Any, wanted: tuple[Any, str]) -> str:
    old, new = wanted
    text = _text(value)
    if len(new) * (text.count(old) if isinstance(old, str) else len(text) + 1) > MAX_TEXT:
        raise ValueError("the text would become too long")
    return text.replace(old, new) if isinstance(old, str) else replace(old, new, text)


def _to_int(value: Any, _: None) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, str):
        raise ValueError("the text is no whole number")
    number = _number(value)
    if number != int(number):
        raise ValueError("the number is not whole; round it first")
    return int(number)


def _to_float(value: Any, _: None) -> float:
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError("the text is no number")
    return float(_number(float(value if isinstance(value, str) else _number(value))))


def _to_text(value: Any, _: None) -> str:
    if isinstance(value, (list, dict)):
        raise ValueError(f"it is {_kind(value)}")
    return value if isinstance(value, str) else for_message(value if isinstance(value, bool | None) else _number(value))


def _moment(value: Any, form: str = "") -> datetime.datetime:
    if form in ("epoch", "epoch_ms"):
        seconds = _number(value) / (1000 if form == "epoch_ms" else 1)
        if abs(seconds) > 1e11:
            raise ValueError("the number is no date")
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)
    moment = formats.instant(_text(value), form)
    if moment is None:
        raise ValueError(f"the text is no date{f' of the form {form}' if form else ''}")
    return moment


def _to_date(value: Any, form: str) -> str:
    return _moment(value, form).isoformat().replace("+00:00", "Z")


def _days(value: Any, now: Callable[[], datetime.datetime]) -> float:
    return round((now() - _moment(value)).total_seconds() / 86400, 6)


def _decode(value: Any, how: str) -> str:
    text = _text(value)
    if how == "html":
        import html

        return html.unescape(text)
    if how == "url":
        return urllib.parse.unquote(text, errors="strict")
    import base64

    raw = text.encode("ascii")
    if how == "base64url":
        raw = raw + b"=" * (-len(raw) % 4)
        return base64.b64decode(raw, altchars=b"-_", validate=True).decode()
    return base64.b64decode(raw, validate=True).decode()


def _json(value: Any, path: str | None) -> Any:
    import msgspec

    try:
        data = msgspec.json.decode(_text(value).encode())
    except msgspec.DecodeError as error:
        raise ValueError("the text is no JSON") from error
    if path is None:
        return data
    from greenlight.assertions.jmespath_query import run_query
    from greenlight.core.json_values import MISSING

    found = run_query(path, data)
    if found is MISSING:
        raise ValueError(f"{path} finds nothing")
    return found


def _query_param(value: Any, name: str) -> str:
    query = urllib.parse.urlsplit(_text(value)).query
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, max_num_fields=1000)
    found = next((each for key, each in pairs if key == name), None)
    if found is None:
        raise ValueError(f"the URL has no {name}")
    return found


def _nth(value: Any, index: int) -> Any:
    values = _list(value)
    if not -len(values) <= index < len(values):
        raise ValueError(f"the list has {len(values)} elements")
    return values[index]


FILTERS: dict[str, Filter] = {
    "count": Filter(
        _count, "nothing", "The number of elements of a list, of keys of an object, of characters of a text.", "count"
    ),
    "first": Filter(lambda value, _: _nth(value, 0), "nothing", "The first element of a list.", "first"),
    "last": Filter(lambda value, _: _nth(value, -1), "nothing", "The last element of a list.", "last"),
    "nth": Filter(_nth, "index", "An element of a list: 0 is the first, -1 the last.", {"nth": 1}),
    "keys": Filter(lambda value, _: list(_object(value)), "nothing", "The keys of an object, as a list.", "keys"),
    "values": Filter(
        lambda value, _: list(_object(value).values()), "nothing", "The values of an object, as a list.", "values"
    ),
    "trim": Filter(lambda value, _: _text(value).strip(), "nothing", "A text without space around it.", "trim"),
    "lower": Filter(lambda value, _: _text(value).lower(), "nothing", "A text in small letters.", "lower", hides=True),
    "upper": Filter(lambda value, _: _text(value).upper(), "nothing", "A text in capitals.", "upper", hides=True),
    "split": Filter(
        lambda value, by: _text(value).split(by),
        "separator",
        "The parts of a text between separators, as a list.",
        {"split": ","},
        hides=True,
    ),
    "join": Filter(_join, "any_text", "One text of a list of them, with this between them.", {"join": " "}, hides=True),
    "regex": Filter(
        _regex,
        "capture",
        "What a pattern finds first in a text: its first group, or all of it where it has none; `group` names another.",
        {"regex": "version=([0-9.]+)"},
        hides=True,
    ),
    "replace": Filter(
        _replace,
        "replacement",
        "A text with `new` in place of every `old`, or of everything a `pattern` finds.",
        {"replace": {"old": "-", "new": "_"}},
        hides=True,
    ),
    "decode": Filter(
        _decode,
        "encoding",
        "The text that a text stands for in base64, base64url, url (percent-encoding) or html (character references).",
        {"decode": "base64"},
    ),
    "json": Filter(
        _json, "optional_path", "The JSON in a text, or what a JMESPath expression finds in it.", {"json": "a.b"}
    ),
    "query_param": Filter(
        _query_param, "name", "The value of a parameter in the query of a URL, decoded.", {"query_param": "page"}
    ),
    "to_int": Filter(_to_int, "nothing", "The whole number that a text writes out, or a number is.", "to_int"),
    "to_float": Filter(_to_float, "nothing", "The number that a text writes out.", "to_float"),
    "to_text": Filter(_to_text, "nothing", "A number, a boolean or null as JSON writes it.", "to_text"),
    "round": Filter(
        lambda value, digits: round(_number(value), digits or None),
        "digits",
        "A number rounded to so many digits after the point.",
        {"round": 2},
    ),
    "to_date": Filter(
        _to_date,
        "optional_form",
        "A date as RFC 3339 in UTC, out of RFC 3339, of a date of HTTP, of a form in the words of strptime, "
        "or of epoch seconds (epoch) or milliseconds (epoch_ms).",
        {"to_date": "%d.%m.%Y"},
    ),
    "days_since": Filter(
        _days,
        "clock",
        "The days from a date (RFC 3339, or of HTTP) until now; negative when it is to come.",
        "days_since",
    ),
    "days_until": Filter(
        lambda value, now: -_days(value, now),
        "clock",
        "The days from now until a date (RFC 3339, or of HTTP); negative when it is past.",
        "days_until",
    ),
}
"""Every filter a plan can use."""
