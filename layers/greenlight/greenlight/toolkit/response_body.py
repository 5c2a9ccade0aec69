"""A body read as what it says it is: JSON, text in its charset, XML or HTML. Pure.

What cannot be read (a body that was cut, that is no JSON, no XML, or no text in its charset) is `Unreadable`, and passes
nothing, not even `exists: false`: nobody has looked at what is not there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.toolkit import xml_html

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlight.network.client import Response

_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9._:-]+)", re.IGNORECASE)
_CHARSETS = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?1|iso-8859-(?:[1-9]|1[013-6])|(?:windows|cp)-?125[0-8]|utf-16(?:le|be)?|koi8-[ru]|"
    r"shift[_-]jis|euc-(?:jp|kr)|iso-2022-jp|gb2312|gbk|gb18030|big5"
)
"""Charsets that bodies are read in: those of web pages, and none of Python's others, which are no charsets or slow."""

_HTML_TYPES = ("text/html", "application/xhtml+xml")


class Unreadable:
    """Stands for a value that could not be looked for; says why."""

    def __init__(self, why: str) -> None:
        """Keep the reason, a sentence without its end."""
        self.why = why


def truncation(response: Response) -> Unreadable | None:
    """Say that a body is not all there; None when it is."""
    return Unreadable(f"the body was cut after {len(response.body)} bytes") if response.truncated else None


def as_json(response: Response) -> Any:
    """Give a body as JSON, which is UTF-8 by RFC 8259; `Unreadable` when it is none, or was cut."""
    if cut := truncation(response):
        return cut
    try:
        return msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Unreadable("the body is no JSON")


def as_text(response: Response) -> str | Unreadable:
    """Give a body as text in the charset of its Content-Type, UTF-8 where that says none; without a byte order mark."""
    if cut := truncation(response):
        return cut
    charset = _charset(response) or "utf-8"
    if isinstance(charset, Unreadable):
        return charset
    try:
        return response.body.decode(charset).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return Unreadable(f"the body is no text in {charset}")


def document_of(response: Response, kind: str) -> Any:
    """Give a body as a document of a kind, xml or html; `Unreadable` when it is none."""
    if cut := truncation(response):
        return cut
    charset = _charset(response)
    if isinstance(charset, Unreadable):
        return charset
    if kind == "html":
        media_type = (response.header("content-type") or "").partition(";")[0].strip().lower()
        if media_type not in _HTML_TYPES:  # any text at all can be read as HTML, and then has no elements
            return Unreadable(f"the body is no HTML: its Content-Type is {media_type or 'not said'}")
    try:
        return xml_html.read(response.body, kind, charset)  # type: ignore[arg-type]
    except ValueError as problem:
        return Unreadable(str(problem))


def find_in(query: str, document: Any, kind: str, namespaces: Mapping[str, str]) -> Any:
    """Give what a query finds in what `document_of` gave; `Unreadable` stays what it is."""
    return document if isinstance(document, Unreadable) else xml_html.find(query, document, kind, namespaces)  # type: ignore[arg-type]


def _charset(response: Response) -> str | Unreadable | None:
    match = _CHARSET.search(response.header("content-type") or "")
    if match is None:
        return None
    charset = match[1].lower()
    return charset if _CHARSETS.fullmatch(charset) else Unreadable(f"nobody here reads the charset {match[1]}")
