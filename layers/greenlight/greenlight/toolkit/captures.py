"""Capture of values from an HTTP response, for use in later requests and expectations."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from greenlight.assertions.expectation import parse
from greenlight.assertions.jmespath_query import compile_query, run_query
from greenlight.assertions.patterns import PatternTimeoutError, search
from greenlight.core.errors import WrongValueError
from greenlight.core.json_values import MISSING
from greenlight.core.redaction import is_secret_name
from greenlight.network import cookies
from greenlight.toolkit import xml_html
from greenlight.toolkit.response_body import Unreadable, as_json, as_text, document_of, find_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlight.network.client import Response

UNIQUE = "unique"
"""Source of a unique id, with which a check recognizes the data that it created."""

_PLAIN_SOURCES = (UNIQUE, "status", "body", "url")
_SOURCES_WITH_ARGUMENT = ("headers", "cookies", "xml", "html", "regex")


def validate_capture(source: str, namespaces: Mapping[str, str] | None = None, path: tuple[str, ...] = ()) -> None:
    """Check the source of a capture.

    Args:
        source: The source in the plan, such as `json.id`.
        namespaces: Prefixes that its XPath may use.
        path: Path of the source in the parameters, for the message.

    Raises:
        ValueError: The source is not valid.
    """
    if source in _PLAIN_SOURCES:
        return
    if source == "json" or source.startswith(("json.", "json[")):
        compile_query(source[len("json") :].removeprefix(".") or "@", *path)
        return
    kind, _, argument = source.partition(".")
    if kind not in _SOURCES_WITH_ARGUMENT or not argument:
        message = (
            f"{source!r} captures nothing; write json.PATH, headers.NAME, cookies.NAME, xml.XPATH, html.SELECTOR, "
            "regex.PATTERN, status, url, body or unique"
        )
        raise WrongValueError(message, path)
    if kind in ("xml", "html"):
        xml_html.validate_query(argument, kind, namespaces or {}, *path)  # type: ignore[arg-type]
    if kind == "regex" and _compile_pattern(argument).groups > 1:
        raise WrongValueError(
            f"{argument!r} has several groups, but only one value is captured; write (?:…) for the others", path
        )


def capture_value(source: str, response: Response, namespaces: Mapping[str, str] | None = None) -> Any:
    """Return the value of `source` in a response, `MISSING` if there is not exactly one, or a unique id for `unique`.

    Sources are `json.id`, `headers.Location`, `cookies.session` (its value), `xml.//id`, `html.input[name=csrf]@value`,
    `regex.order-([0-9]+)` (the group, or the whole match), `status`, `url`, `body` and `unique`.
    """
    if source in _PLAIN_SOURCES:
        value: Any = _read_plain_source(source, response)
    elif source.startswith("json"):
        data = as_json(response)
        query = source[len("json") :].removeprefix(".") or "@"
        value = data if isinstance(data, Unreadable) else run_query(query, data)
    else:
        kind, _, argument = source.partition(".")
        value = _read_source(kind, argument, response, namespaces or {})
    return MISSING if isinstance(value, Unreadable) else value


def _read_plain_source(source: str, response: Response) -> Any:
    if source == UNIQUE:
        return unique_id()
    if source == "body":
        return as_text(response)
    return response.status if source == "status" else response.url


def _read_source(kind: str, argument: str, response: Response, namespaces: Mapping[str, str]) -> Any:
    if kind == "headers":
        value = response.header(argument)
        return MISSING if value is None else value
    if kind == "cookies":
        return _single([cookie.value for cookie in cookies.find_cookies(argument, response.headers)])
    if kind in ("xml", "html"):
        return _single(find_in(argument, document_of(response, kind), kind, namespaces))
    body = as_text(response)
    if isinstance(body, Unreadable):
        return body
    try:
        match = search(_compile_pattern(argument), body)
    except PatternTimeoutError:
        return MISSING
    return MISSING if match is None or match[match.re.groups] is None else match[match.re.groups]


def is_sensitive(name: str, source: str) -> bool:
    """Return whether a captured value must not be shown: a cookie, or a value with the name of a secret."""
    return source.startswith("cookies.") or is_secret_name(name) or is_secret_name(source.rpartition(".")[2])


def _single(values: Any) -> Any:
    """Return the only element of a list, or `MISSING` if it does not have exactly one."""
    if not isinstance(values, list):
        return values
    return values[0] if len(values) == 1 else MISSING


def _compile_pattern(pattern: str) -> Any:
    """Compile a pattern as expectations do, with the same limits."""
    return parse({"matches": pattern}).predicates[0][1]


def unique_id() -> str:
    """Return a unique id."""
    return f"greenlight-{uuid.uuid4().hex[:16]}"
