"""Secrets taken out of everything that leaves the process: by value, at one place. Pure.

A secret is found as it is and in the forms it takes on its way: URL-encoded, in base64, in JSON or HTML text. Of a
secret that is a JSON document the texts in it count, too, and of one with several lines every line.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "***"
MIN_LENGTH = 4
"""Shorter values are not searched for: masking every `1` would hide the report, not the secret."""

MIN_ALIGNED = 6
"""Shorter inner parts of a base64 text are not searched for; those of a secret of five bytes are as long as this."""

_URL_SAFE = ("", "/", "~()*!.'", "!#$%&'()*+,/:;=?@[]~")
"""What encoders leave as it is: everything strict, `quote`, JavaScript's encodeURIComponent, requests' requoting."""


class Redactor:
    """Replaces known secret values by `***` in texts and in trees of plain data."""

    def __init__(self, values: Iterable[str]) -> None:
        """Prepare for `values`; the longest form is replaced first, so that no rest of one remains."""
        forms = {form for value in values for part in _parts(value) for form in _forms(part)}
        self._forms = sorted((form for form in forms if len(form) >= MIN_LENGTH), key=lambda form: (-len(form), form))

    def text(self, text: str) -> str:
        """Give `text` without secrets; a second call finds nothing more."""
        before = None
        while before != text:  # what stood around a secret may be one by itself; every replacement makes it shorter
            before = text
            for form in self._forms:
                if form in text:
                    text = text.replace(form, MASK)
        return text

    def data(self, data: Any) -> Any:
        """Give a copy of JSON-like `data`, keys included, without secrets; what is not plain data becomes text."""
        if not self._forms or data is None or isinstance(data, bool):
            return data
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, (int, float)):
            return MASK if self.text(str(data)) != str(data) else data
        if isinstance(data, dict):
            return {self.text(key if isinstance(key, str) else str(key)): self.data(data[key]) for key in data}
        if isinstance(data, (list, tuple)):
            return [self.data(value) for value in data]
        return self.text(repr(data))


def _parts(value: str) -> Iterator[str]:
    """Give what of a secret may be seen alone: all of it, its lines, and the texts in it when it is JSON."""
    for line in {value, value.strip(), " ".join(value.split()), *map(str.strip, value.splitlines())}:
        if len(line) >= MIN_LENGTH:
            yield line
    if value.lstrip().startswith(("{", "[")):
        try:
            yield from _leaves(json.loads(value))
        except (ValueError, RecursionError):
            return


def _leaves(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        data = list(data.values())
    if isinstance(data, list):
        for each in data:
            yield from _leaves(each)
    elif isinstance(data, (str, int, float)) and not isinstance(data, bool) and len(str(data)) >= MIN_LENGTH:
        yield str(data)


def _forms(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogatepass")
    in_json = [json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]]
    urls = [urllib.parse.quote(raw, safe=safe) for safe in _URL_SAFE]
    urls += [url.replace("%20", "+") for url in urls]
    encoded = base64.b64encode(raw).decode()
    yield value
    yield from urls
    yield from (_lower_escapes(url) for url in urls)
    yield from in_json
    yield from (json.dumps(text)[1:-1] for text in in_json)  # JSON inside JSON
    yield from (text.replace("/", "\\/") for text in in_json)
    yield repr(value)[1:-1]
    yield from _in_html(value)
    yield from (raw.hex(), raw.hex().upper())
    yield from (encoded, encoded.translate(_TO_URL_SAFE))
    for part in _aligned(raw):
        yield from (part, part.translate(_TO_URL_SAFE))


_TO_URL_SAFE = str.maketrans("+/", "-_")


def _lower_escapes(url: str) -> str:
    """Write `%2F` as `%2f`, which some encoders do."""
    head, *rest = url.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


def _in_html(value: str) -> Iterator[str]:
    text = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield text
    for double, single in (("&quot;", "'"), ("&quot;", "&#x27;"), ("&quot;", "&#39;"), ("&#34;", "&#39;")):
        yield text.replace('"', double).replace("'", single)


def _aligned(raw: bytes) -> Iterator[str]:
    """Give what of the secret does not change inside a longer base64 text (user:secret), at each of three alignments."""
    for shift, start in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        part = encoded[start:] if (shift + len(raw)) % 3 == 0 else encoded[start:-1]
        if len(part) >= MIN_ALIGNED:
            yield part
