"""Secrets taken out of everything that leaves the process: by value, at one place. Pure.

A secret is found as it is and in the forms it takes on its way: URL-encoded, in base64, in JSON or HTML text, in
capitals or small letters. Of a secret that is a JSON document the texts in it count, too, of one with several lines
every line, of `Bearer …` what follows, of a URL the password, and of base64 what it says. Of a long one a piece from
its beginning or up to its end counts as well: whatever cuts texts may have cut the secret.
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
"""Shorter values are not searched for: masking every `1` would hide the report, not the secret."""

MIN_ALIGNED = 6
"""Shorter inner parts of a base64 text are not searched for; those of a secret of five bytes are as long as this."""

MIN_CASED = 8
"""Shorter values are not looked for in other capitals: many a word is a short one."""

PIECE = 24
"""Characters of a secret's beginning or end that are masked where the rest is not there; half of it where it is short."""

_LONG = re.compile(r"\S{16,}")
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_.-]{32,}")
_SCHEME = re.compile(r"(?:basic|bearer|token|apikey) +(\S+)", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_NAME = re.compile(
    r"token|secret|auth(?!or(?!i[sz]))|passw|pwd|session|cookie|csrf|xsrf|credential|api[-_]?key|access[-_]?key|signature|jwt"
    r"|(^|[-_])(sid|sig|pin|otp|code)$",
    re.IGNORECASE,
)

_URL_SAFE = ("", "/", "~()*!.'", "!#$%&'()*+,/:;=?@[]~")
"""What encoders leave as it is: everything strict, `quote`, JavaScript's encodeURIComponent, requests' requoting."""


class Redactor:
    """Replaces known secret values by `***` in texts and in trees of plain data."""

    def __init__(self, values: Iterable[str]) -> None:
        """Prepare for `values`; the longest form is replaced first, so that no rest of one remains."""
        self._forms: list[str] = []
        self._long: list[str] = []
        self.hide(*values)

    def fresh(self) -> Redactor:
        """Give one that hides the same, and can be told of more without this one knowing."""
        made = Redactor(())
        made._forms, made._long = self._forms, self._long
        return made

    def hide(self, *values: str) -> None:
        """Hide further values from now on."""
        forms = {form for value in values for part in _parts(value) for form in _forms(part)}.union(self._forms)
        self._forms = sorted((form for form in forms if len(form) >= MIN_LENGTH), key=lambda form: (-len(form), form))
        long = {form for value in values for part in _long(value) for form in _forms(part) if _LONG.fullmatch(form)}
        self._long = sorted(long.union(self._long), key=lambda form: (-len(form), form))

    def text(self, text: str) -> str:
        """Give `text` without secrets; a second call finds nothing more."""
        before = None
        while before != text:  # what stood around a secret may be one by itself; every replacement makes it shorter
            before = text
            for form in self._forms:
                if form in text:
                    text = text.replace(form, MASK)
            for part in self._long:
                size = min(PIECE, len(part) // 2)
                if part[:size] in text:
                    text = _without_pieces(text, part, size)
                if part[-size:] in text:
                    text = _without_pieces(text[::-1], part[::-1], size)[::-1]
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


def names_a_secret(name: str) -> bool:
    """Tell whether what is called so is a secret: a token, a password, a session."""
    return _NAME.search(name) is not None


def _long(value: str) -> Iterator[str]:
    """Give what of a secret is so long, and so much like nothing else, that a piece of it tells."""
    if _LONG.fullmatch(value.strip()) and "://" not in value and not value.lstrip().startswith(("{", "[")):
        yield value.strip()
    for part in (*value.split(), *_inner(value)):
        if _OPAQUE.fullmatch(part):
            yield part


def _without_pieces(text: str, part: str, size: int) -> str:
    """Mask every piece that has the first `size` characters of `part`, as far as it goes on like it."""
    at = text.find(part[:size])
    while at >= 0:
        end = at + size
        while end < min(len(text), at + len(part)) and text[end] == part[end - at]:
            end += 1
        text = text[:at] + MASK + text[end:]
        at = text.find(part[:size], at + len(MASK))
    return text


def _parts(value: str) -> Iterator[str]:
    """Give what of a secret may be seen alone: all of it, its lines, and the texts in it when it is JSON."""
    for line in {value, value.strip(), " ".join(value.split()), *map(str.strip, value.splitlines())}:
        if len(line) >= MIN_LENGTH:
            yield line
    yield from _inner(value)
    if value.lstrip().startswith(("{", "[")):
        try:
            yield from _leaves(json.loads(value))
        except (ValueError, RecursionError):
            return


def _inner(value: str) -> Iterator[str]:
    """Give the secret inside a secret: of an Authorization header, a URL with a password, or base64."""
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
            said = base64.b64decode(bare, altchars=b"-_" if re.search("[-_]", bare) else None, validate=True).decode()
        except (binascii.Error, ValueError):
            return
        if said.isprintable():
            yield from (said, said.partition(":")[2])


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
    if len(value) >= MIN_CASED:
        yield from (value.lower(), value.upper())
    yield from urls
    yield from (_lower_escapes(url) for url in urls)
    yield from in_json
    yield from (json.dumps(text)[1:-1] for text in in_json)  # JSON inside JSON
    yield from (text.replace("/", "\\/") for text in in_json)
    yield from _in_careful_json(value)
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


def _in_careful_json(value: str) -> Iterator[str]:
    """Write JSON as Go, Gson and .NET do, which escape what HTML could take for its own."""
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
    """Give what of the secret does not change inside a longer base64 text (user:secret), at each of three alignments."""
    for shift, start in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        part = encoded[start:] if (shift + len(raw)) % 3 == 0 else encoded[start:-1]
        if len(part) >= MIN_ALIGNED:
            yield part
