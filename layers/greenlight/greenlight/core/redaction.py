"""Redaction of secret values in everything that leaves the process.

A secret is masked as it is and in the encodings that it may have: URL-encoded, base64, in JSON or HTML text, in upper
or lower case. Parts of a secret are masked on their own: the texts of a JSON document, every line of several, the
token after `Bearer`, the password of a URL, and the decoded text of base64. Of a long secret, a piece from its
beginning or up to its end is masked as well, because a text may have been truncated within the secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import urllib.parse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "***"
MIN_LENGTH = 4
"""Shorter values are not masked: masking every `1` would make the report unreadable and protect little."""

MIN_ALIGNED = 6
"""Shorter parts of a longer base64 text are not masked; a secret of five bytes has parts of this length."""

MIN_CASED = 8
"""Shorter values are not masked in another case, because many words are that short."""

PIECE = 24
"""Characters at the beginning or end of a secret that are masked without the rest; half of a shorter secret."""

_LONG = re.compile(r"\S{16,}")
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_.-]{32,}")
_SCHEME = re.compile(r"(?:basic|bearer|token|apikey) +(\S+)", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_NAME = re.compile(
    r"token|secret|auth(?!or(?!i[sz]))|passw|pwd|session|cookie|csrf|xsrf|credential|api[-_]?key|access[-_]?key"
    r"|signature|jwt|(^|[-_])(sid|sig|pin|otp|code)$",
    re.IGNORECASE,
)

_URL_SAFE = ("", "/", "~()*!.'", "!#$%&'()*+,/:;=?@[]~")
"""Characters that URL encoders leave as they are: none, `quote`, JavaScript's encodeURIComponent, requests."""


class Redactor:
    """Replaces secret values by `***` in texts and in plain data."""

    def __init__(self, values: Iterable[str]) -> None:
        """Prepare to mask `values`. The longest form is replaced first, so that no part of it remains."""
        self._forms: list[str] = []
        self._long: list[str] = []
        self.hide(*values)

    def copy(self) -> Redactor:
        """Return a copy that masks the same values; values added to it do not affect this redactor."""
        copy = Redactor(())
        copy._forms, copy._long = self._forms, self._long
        return copy

    def hide(self, *values: str) -> None:
        """Add values to mask."""
        forms = {form for value in values for part in _parts(value) for form in _encodings(part)}.union(self._forms)
        self._forms = sorted((form for form in forms if len(form) >= MIN_LENGTH), key=lambda form: (-len(form), form))
        long = {
            form
            for value in values
            for part in _long_parts(value)
            for form in _encodings(part)
            if _LONG.fullmatch(form)
        }
        self._long = sorted(long.union(self._long), key=lambda form: (-len(form), form))

    def text(self, text: str) -> str:
        """Return `text` with all secrets masked; a second call changes nothing."""
        before = None
        # The text around a masked secret may be another secret. Every replacement makes the text shorter, so this ends.
        while before != text:
            before = text
            for form in self._forms:
                if form in text:
                    text = text.replace(form, MASK)
            for part in self._long:
                size = min(PIECE, len(part) // 2)
                if part[:size] in text:
                    text = _mask_pieces(text, part, size)
                if part[-size:] in text:
                    text = _mask_pieces(text[::-1], part[::-1], size)[::-1]
        return text

    def data(self, data: Any) -> Any:
        """Return a copy of JSON-like `data` with all secrets masked, in keys too; any other object becomes text."""
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


def is_secret_name(name: str) -> bool:
    """Check whether a name is that of a secret, such as a token, a password or a session."""
    return _NAME.search(name) is not None


def _long_parts(value: str) -> Iterator[str]:
    """Return the parts of a secret that are long and random enough for a piece of them to be masked."""
    if _LONG.fullmatch(value.strip()) and "://" not in value and not value.lstrip().startswith(("{", "[")):
        yield value.strip()
    for part in (*value.split(), *_inner_secrets(value)):
        if _OPAQUE.fullmatch(part):
            yield part


def _mask_pieces(text: str, part: str, size: int) -> str:
    """Mask every piece of `part` that has at least its first `size` characters."""
    start = text.find(part[:size])
    while start >= 0:
        end = start + size
        while end < min(len(text), start + len(part)) and text[end] == part[end - start]:
            end += 1
        text = text[:start] + MASK + text[end:]
        start = text.find(part[:size], start + len(MASK))
    return text


def _parts(value: str) -> Iterator[str]:
    """Return the parts of a secret that may appear alone: the whole, its lines, and the texts in it if it is JSON."""
    for line in {value, value.strip(), " ".join(value.split()), *map(str.strip, value.splitlines())}:
        if len(line) >= MIN_LENGTH:
            yield line
    yield from _inner_secrets(value)
    if value.lstrip().startswith(("{", "[")):
        try:
            yield from _leaves(json.loads(value))
        except (ValueError, RecursionError):
            return


def _inner_secrets(value: str) -> Iterator[str]:
    """Return the secrets inside an Authorization header, a URL with a password, or base64."""
    scheme = _SCHEME.fullmatch(value.strip())
    bare = scheme[1] if scheme else value.strip()
    if scheme:
        yield bare
    try:
        password = urllib.parse.urlsplit(bare).password or ""
    except ValueError:
        password = ""
    yield from (password, urllib.parse.unquote(password))
    if _BASE64.fullmatch(bare) and len(bare) % 4 == 0:
        try:
            altchars = b"-_" if re.search("[-_]", bare) else None
            decoded = base64.b64decode(bare, altchars=altchars, validate=True).decode()
        except (binascii.Error, ValueError):
            return
        if decoded.isprintable():
            yield from (decoded, decoded.partition(":")[2])


def _leaves(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        data = list(data.values())
    if isinstance(data, list):
        for item in data:
            yield from _leaves(item)
    elif isinstance(data, (str, int, float)) and not isinstance(data, bool) and len(str(data)) >= MIN_LENGTH:
        yield str(data)


def _encodings(value: str) -> Iterator[str]:
    """Return the value in every encoding that is masked."""
    raw = value.encode("utf-8", "surrogatepass")
    in_json = [json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]]
    urls = [urllib.parse.quote(raw, safe=safe) for safe in _URL_SAFE]
    urls += [url.replace("%20", "+") for url in urls]
    encoded = base64.b64encode(raw).decode()
    yield value
    if len(value) >= MIN_CASED:
        yield from (value.lower(), value.upper())
    yield from urls
    yield from (_lower_escapes(url) for url in urls)
    yield from in_json
    yield from (json.dumps(text)[1:-1] for text in in_json)  # JSON inside JSON
    yield from (text.replace("/", "\\/") for text in in_json)
    yield from _in_escaped_json(value)
    yield repr(value)[1:-1]
    yield from _in_html(value)
    yield from (raw.hex(), raw.hex().upper())
    yield from (encoded, encoded.translate(_TO_URL_SAFE))
    for part in _aligned(raw):
        yield from (part, part.translate(_TO_URL_SAFE))


_TO_URL_SAFE = str.maketrans("+/", "-_")


def _lower_escapes(url: str) -> str:
    """Convert `%2F` to `%2f`, as some encoders write it."""
    head, *rest = url.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


def _in_escaped_json(value: str) -> Iterator[str]:
    """Return the value in JSON as Go, Gson and .NET write it: they escape the characters of HTML."""
    for signs in ("<>&", "<>&='", "\"&'+<>`"):
        text = "".join(f"\\u{ord(sign):04x}" if sign in signs else json.dumps(sign)[1:-1] for sign in value)
        yield text
        yield re.sub(r"\\u[0-9a-f]{4}", lambda escape: f"\\u{escape[0][2:].upper()}", text)


def _in_html(value: str) -> Iterator[str]:
    text = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield text
    for double, single in (("&quot;", "'"), ("&quot;", "&#x27;"), ("&quot;", "&#39;"), ("&#34;", "&#39;")):
        yield text.replace('"', double).replace("'", single)
    mustache = text.replace('"', "&quot;").replace("'", "&#39;").replace("/", "&#x2F;")
    yield mustache.replace("`", "&#x60;").replace("=", "&#x3D;")
    yield text.replace('"', "&quot;").replace("'", "&#x27;").replace("+", "&#x2B;").replace("`", "&#x60;")


def _aligned(raw: bytes) -> Iterator[str]:
    """Return the part of the secret's base64 that is the same inside a longer text, at each of three alignments.

    Basic authentication encodes `user:secret`, so the length of the user's name decides the alignment.
    """
    for shift, start in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        part = encoded[start:] if (shift + len(raw)) % 3 == 0 else encoded[start:-1]
        if len(part) >= MIN_ALIGNED:
            yield part
