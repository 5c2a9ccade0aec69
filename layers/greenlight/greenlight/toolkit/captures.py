"""Values captured from an HTTP answer, for use in later requests and expectations."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from greenlight.assertions.expectation import parse
from greenlight.assertions.jmespath_query import compile_query, run_query
from greenlight.assertions.patterns import PATTERN_TIMEOUT_S
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
"""Captures a fresh text of its own, to know one's own traces by."""

_WHOLE = (UNIQUE, "status", "body", "url")
_NAMED = ("headers", "cookies", "xml", "html", "regex")


def validate_capture(source: str, namespaces: Mapping[str, str] | None = None, path: tuple[str, ...] = ()) -> None:
    """Refuse what `captured_value` could not read.

    Args:
        source: As the plan has it.
        namespaces: Prefixes that its XPath may use.

    Raises:
        ValueError: It names nothing.
    """
    if source in _WHOLE:
        return
    if source == "json" or source.startswith(("json.", "json[")):
        compile_query(source[len("json") :].removeprefix(".") or "@", *path)
        return
    kind, _, rest = source.partition(".")
    if kind not in _NAMED or not rest:
        what = (
            f"{source!r} captures nothing; write json.PATH, headers.NAME, cookies.NAME, xml.XPATH, html.SELECTOR, "
            "regex.PATTERN, status, url, body or unique"
        )
        raise WrongValueError(what, path)
    if kind in ("xml", "html"):
        xml_html.validate_query(rest, kind, namespaces or {}, *path)  # type: ignore[arg-type]
    if kind == "regex" and _pattern(rest).groups > 1:
        raise WrongValueError(
            f"{rest!r} has several groups, and one value is captured; write (?:…) for the others", path
        )


def capture_value(source: str, response: Response, namespaces: Mapping[str, str] | None = None) -> Any:
    """Give what `source` means in an answer, or `MISSING`; a fresh text for `unique`.

    Of `json.id`, `headers.Location`, `cookies.session` (its value), `xml.//id`, `html.input[name=csrf]@value` (of one
    node; several are nothing found), `regex.order-([0-9]+)` (the group, or all that fits), `status`, `url`, `body`.
    """
    if source in _WHOLE:
        values: dict[str, Any] = {"status": response.status, "url": response.url}
        value = unique_id() if source == UNIQUE else as_text(response) if source == "body" else values[source]
    elif source.startswith("json"):
        data = as_json(response)
        value = (
            data if isinstance(data, Unreadable) else run_query(source[len("json") :].removeprefix(".") or "@", data)
        )
    else:
        kind, _, rest = source.partition(".")
        value = _captured(kind, rest, response, namespaces or {})
    return MISSING if isinstance(value, Unreadable) else value


def _captured(kind: str, rest: str, response: Response, namespaces: Mapping[str, str]) -> Any:
    if kind == "headers":
        value = response.header(rest)
        return MISSING if value is None else value
    if kind == "cookies":
        return _only([cookie.value for cookie in cookies.cookies_named(rest, response.headers)])
    if kind in ("xml", "html"):
        return _only(find_in(rest, document_of(response, kind), kind, namespaces))
    body = as_text(response)
    if isinstance(body, Unreadable):
        return body
    try:
        match = _pattern(rest).search(body, timeout=PATTERN_TIMEOUT_S)
    except TimeoutError:
        return MISSING
    return MISSING if match is None or match[match.re.groups] is None else match[match.re.groups]


def is_sensitive(name: str, source: str) -> bool:
    """Tell whether a captured value is one that is not shown: of a cookie, or of what is called like a secret."""
    return source.startswith("cookies.") or is_secret_name(name) or is_secret_name(source.rpartition(".")[2])


def _only(found: Any) -> Any:
    """Give the one of a list; of none or several nobody knows which is meant."""
    return found if not isinstance(found, list) else found[0] if len(found) == 1 else MISSING


def _pattern(written: str) -> Any:
    """Compile a pattern the way expectations do, with the same limits."""
    return parse({"matches": written}).predicates[0][1]


def unique_id() -> str:
    """Give a text that nobody has used before."""
    return f"greenlight-{uuid.uuid4().hex[:16]}"
