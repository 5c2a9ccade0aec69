"""Parsing of a response body as JSON, text, XML or HTML, with the charset of its Content-Type.

A body that cannot be parsed (because it was truncated, is not valid JSON or XML, repeats a JSON key, or is not text in
its charset) becomes `Unreadable`. It passes no expectation, not even `exists: false`, because the value could not be
searched for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.core.json_decoding import DuplicateKeyError, InvalidJsonError, decode_json
from greenlight.toolkit import xml_html

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlight.network.client import Response

_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9._:-]+)", re.IGNORECASE)
_SUPPORTED_CHARSETS = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?1|iso-8859-(?:[1-9]|1[013-6])|(?:windows|cp)-?125[0-8]|utf-16(?:le|be)?|koi8-[ru]|"
    r"shift[_-]jis|euc-(?:jp|kr)|iso-2022-jp|gb2312|gbk|gb18030|big5"
)
"""Charsets of web pages. Python's other codecs are not charsets, or are slow."""

_HTML_TYPES = ("text/html", "application/xhtml+xml")


class Unreadable:
    """Placeholder for a value that could not be searched for.

    Attributes:
        reason: The reason, a sentence without a full stop.
    """

    def __init__(self, reason: str) -> None:
        """Store the reason."""
        self.reason = reason


def truncation(response: Response) -> Unreadable | None:
    """Return `Unreadable` if the body was cut, else None."""
    return Unreadable(f"the body was cut after {len(response.body)} bytes") if response.truncated else None


def as_json(response: Response) -> Any:
    """Return the body as JSON, which is UTF-8 by RFC 8259, or `Unreadable`."""
    if cut := truncation(response):
        return cut
    try:
        return decode_json(response.body)
    except DuplicateKeyError as problem:
        return Unreadable(f"the body {problem}")
    except InvalidJsonError:
        return Unreadable("the body is not JSON")


def as_text(response: Response) -> str | Unreadable:
    """Return the body as text without a byte order mark, in the charset of its Content-Type or else UTF-8."""
    if cut := truncation(response):
        return cut
    charset = _charset(response) or "utf-8"
    if isinstance(charset, Unreadable):
        return charset
    try:
        return response.body.decode(charset).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return Unreadable(f"the body is not text in {charset}")


def document_of(response: Response, kind: str) -> Any:
    """Return the body as a parsed document of a kind, xml or html, or `Unreadable`."""
    if cut := truncation(response):
        return cut
    charset = _charset(response)
    if isinstance(charset, Unreadable):
        return charset
    if kind == "html":
        media_type = (response.header("content-type") or "").partition(";")[0].strip().lower()
        if media_type not in _HTML_TYPES:  # the parser accepts any text as HTML without elements
            return Unreadable(f"the body is not HTML: its Content-Type is {media_type or 'missing'}")
    try:
        return xml_html.read(response.body, kind, charset)  # type: ignore[arg-type]
    except ValueError as problem:
        return Unreadable(str(problem))


def find_in(query: str, document: Any, kind: str, namespaces: Mapping[str, str]) -> Any:
    """Return the result of a query in a document of `document_of`; an `Unreadable` is returned as it is."""
    if isinstance(document, Unreadable):
        return document
    return xml_html.find(query, document, kind, namespaces)  # type: ignore[arg-type]


def _charset(response: Response) -> str | Unreadable | None:
    match = _CHARSET.search(response.header("content-type") or "")
    if match is None:
        return None
    charset = match[1].lower()
    return charset if _SUPPORTED_CHARSETS.fullmatch(charset) else Unreadable(f"the charset {match[1]} is not supported")
