"""Redaction of secret values in everything that leaves the process.

A text is searched as it is and with its escapes decoded, several times over: `%XX`, the escapes of JSON, JavaScript and
Python, and the entities of HTML and XML. So a secret is found however it was escaped, also where only some of its
characters were. Base64 and hex have no escapes to decode, so the secret's own base64 and hex are searched for, too.

Parts of a secret are masked on their own: the texts of a JSON document, every line of several, the token after
`Bearer`, the password of a URL, and the decoded text of base64. Of a long part, a piece from its beginning or up to
its end is masked as well, because a text may have been truncated within the secret.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import json
import re
import urllib.parse
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Span = tuple[int, int]

MASK = "***"
MIN_LENGTH = 4
"""Shorter values are not masked: masking every `1` would make the report unreadable and protect little."""

MIN_ALIGNED = 6
"""Shorter parts of a longer base64 text are not masked; a secret of five bytes has parts of this length."""

MIN_FOLDED = 6
"""Shorter values are masked in their own case only: `utf-8`, `ipv4` and `http2` are that short."""

MIN_FOLDED_WORD = 8
"""Shorter values of letters alone are masked in their own case only, because many words are that short."""

MIN_LONG = 16
"""A piece of a shorter value is not masked: it would have fewer than eight characters."""

PIECE = 24
"""Characters at the beginning or end of a secret that are masked without the rest; half of a shorter secret."""

MAX_DECODINGS = 4
"""How often the escapes of a text are decoded: JSON in JSON in a page of HTML needs three."""

_OPAQUE = re.compile(r"[A-Za-z0-9+/=_.-]{32,}")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_SCHEME = re.compile(r"(?:basic|bearer|token|apikey) +(\S+)", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_NAME = re.compile(
    r"token|secret|auth(?!or(?!i[sz]))|passw|pwd|session|cookie|csrf|xsrf|credential|api[-_]?key|access[-_]?key"
    r"|signature|jwt|(private|encryption|signing|functions|subscription|shared)[-_]?key|passphrase|passcode|bearer"
    r"|assertion|samlresponse|connection[-_]?string|connect\.sid|hmac"
    r"|(^|[-_])(sid|sig|pin|otp|totp|code|dsn|phpsessid)$",
    re.IGNORECASE,
)

_ESCAPE = re.compile(
    r"%[0-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+|[%\\]u[0-9A-Fa-f]{4}"
    r"|\\(?:[\"'\\/bfnrt]|x[0-9A-Fa-f]{2}|U[0-9A-Fa-f]{8}|u\{[0-9A-Fa-f]{1,6}\})"
    r"|&(?:#[0-9]{1,7}|#[Xx][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class _Long(NamedTuple):
    """A long needle: masked if at least its first or last characters are in the text."""

    text: str
    head: str
    tail: str


class Redactor:
    """Replaces secret values by `***` in texts and in plain data."""

    def __init__(self, values: Iterable[str]) -> None:
        """Prepare to mask `values`."""
        self._exact: frozenset[str] = frozenset()
        self._folded: frozenset[str] = frozenset()
        self._long: frozenset[_Long] = frozenset()
        self.hide(*values)

    def copy(self) -> Redactor:
        """Return a copy that masks the same values; values added to it do not affect this redactor."""
        copy = Redactor(())
        copy._exact, copy._folded, copy._long = self._exact, self._folded, self._long
        return copy

    def hide(self, *values: str) -> None:
        """Add values to mask."""
        needles = {needle for value in values for part in _parts(value) for needle in _needles(part)}
        long = {part for value in values for part in _long_parts(value)}
        needles = {needle for needle in needles if len(needle) >= MIN_LENGTH}
        self._long |= {_long(part) for whole in long for part in _needles(whole) if len(part) >= MIN_LONG}
        self._exact |= {needle for needle in needles if not _is_folded(needle)}
        self._folded |= {folded for needle in needles if _is_folded(needle) for folded in _all_folded(needle)}

    @property
    def _has_needles(self) -> bool:
        return bool(self._exact or self._folded)

    def text(self, text: str) -> str:
        """Return `text` with all secrets masked; a second call changes nothing."""
        # The text around a masked secret may be another secret. Every replacement makes the text shorter, so this ends.
        while self._has_needles and (spans := self._find_secrets(text)):
            text = _mask(text, spans)
        return text

    def _find_secrets(self, text: str) -> list[Span]:
        """Return the places of secrets in the text, as it is and with its escapes decoded."""
        spans: list[Span] = []
        layers = [text]
        for _ in range(MAX_DECODINGS + 1):
            secrets = self._find_plain(layers[-1])
            for layer in layers[-2::-1] if secrets else ():
                secrets = _map_back(secrets, layer)
            spans += secrets
            decoded = _decode(layers[-1])
            if decoded == layers[-1]:
                break
            layers.append(decoded)
        return spans

    def _find_plain(self, text: str) -> list[Span]:
        folded = _fold(text)
        spans = [span for needle in self._exact if needle in text for span in _find_all(text, needle)]
        spans += [span for needle in self._folded if needle in folded for span in _find_all(folded, needle)]
        pieces: list[Span] = []
        for long in self._long:
            if long.head in folded:
                pieces += _find_pieces(folded, long.text, len(long.head))
            if long.tail in folded:
                backwards = _find_pieces(folded[::-1], long.text[::-1], len(long.tail))
                pieces += [(len(text) - end, len(text) - start) for start, end in backwards]
        return spans + [_without_blanks(text, *piece) for piece in pieces if not text[slice(*piece)].isspace()]

    def data(self, data: Any) -> Any:
        """Return a copy of JSON-like `data` with all secrets masked, in keys too; any other object becomes text."""
        if not self._has_needles or data is None or isinstance(data, bool):
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


def _is_folded(needle: str) -> bool:
    return len(needle) >= (MIN_FOLDED_WORD if needle.isalpha() else MIN_FOLDED)


def _fold(text: str) -> str:
    """Return a text of the same length in which letters have one case, and signs that encoders swap are the same.

    Base64 for URLs has `-` and `_` for `+` and `/`, and forms have `+` for a blank.
    """
    folded = text.lower()
    if len(folded) != len(text):  # "\u0130" becomes two characters
        folded = "".join(lower if len(lower := character.lower()) == 1 else character for character in text)
    for sign, other in ("-+", " +", "_/", "\u03c2\u03c3"):
        folded = folded.replace(sign, other)
    return folded


def _all_folded(needle: str) -> set[str]:
    """Return the folded needle, and that of its capitals: `\u00df` has two."""
    return {_fold(needle), _fold(needle.upper())}


def _long(part: str) -> _Long:
    """Return the long needle of a part; the beginning of a URL counts only if it goes on after the host."""
    text = _fold(part)
    size = min(PIECE, len(text) // 2)
    authority = _AUTHORITY.match(part)
    head = max(size, min(authority.end() + 2, len(text))) if authority else size
    return _Long(text, text[:head], text[-size:])


def _decode(text: str) -> str:
    """Return a text with its escapes decoded once."""
    if "%" not in text and "\\" not in text and "&" not in text:
        return text
    decoded = _ESCAPE.sub(_decode_match, text)
    if "\\u" in text or "%u" in text:  # a pair of surrogates is one character
        decoded = _SURROGATES.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), decoded)
    return decoded


def _decode_match(match: re.Match[str]) -> str:
    escape = match[0]
    if escape not in _DECODED:
        if len(_DECODED) > _MAX_DECODED:
            _DECODED.clear()
        _DECODED[escape] = _decode_escape(escape)
    return _DECODED[escape]


_DECODED: dict[str, str] = {}
_MAX_DECODED = 4096


def _decode_escape(escape: str) -> str:
    if escape[0] == "&":
        import html  # takes 3 ms

        return html.unescape(escape)
    if escape[1] in "uUx":
        number = int(escape[2:].strip("{}"), 16)
        return chr(number) if number <= 0x10FFFF else escape
    if escape[0] == "\\":
        return _CONTROLS.get(escape[1], escape[1])
    raw = urllib.parse.unquote_to_bytes(escape)
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _map_back(spans: list[Span], text: str) -> list[Span]:
    """Return the spans in `text` for spans in the decoded text; an escape belongs to a span as a whole."""
    decoded_starts, decoded_ends, starts, ends = [0], [0], [0], [0]
    for start, end, length in _escapes(text):
        decoded_starts.append(decoded_ends[-1] + start - ends[-1])
        decoded_ends.append(decoded_starts[-1] + length)
        starts.append(start)
        ends.append(end)

    def place(position: int) -> Span:
        index = bisect.bisect_right(decoded_starts, position) - 1
        if position < decoded_ends[index]:
            return starts[index], ends[index]
        start = ends[index] + position - decoded_ends[index]
        return start, start + 1

    return [(place(start)[0], place(end - 1)[1]) for start, end in spans]


def _escapes(text: str) -> Iterator[tuple[int, int, int]]:
    """Return start, end and decoded length of every escape; a pair of surrogates is one."""
    high: tuple[int, int] | None = None
    for match in _ESCAPE.finditer(text):
        decoded = _decode_match(match)
        start, end = match.span()
        if high is not None:
            if high[1] == start and "\udc00" <= decoded <= "\udfff":
                yield high[0], end, 1
                high = None
                continue
            yield *high, 1
            high = None
        if "\ud800" <= decoded <= "\udbff":
            high = (start, end)
        else:
            yield start, end, len(decoded)
    if high is not None:
        yield *high, 1


def _without_blanks(text: str, start: int, end: int) -> Span:
    """Return a piece without the blanks at its edges: they separate words, also where a secret has words."""
    piece = text[start:end]
    return end - len(piece.lstrip()), start + len(piece.rstrip())


def _find_all(text: str, needle: str) -> Iterator[Span]:
    start = text.find(needle)
    while start >= 0:
        yield start, start + len(needle)
        start = text.find(needle, start + len(needle))


def _find_pieces(text: str, whole: str, size: int) -> Iterator[Span]:
    """Return every piece of `whole` that has at least its first `size` characters."""
    start = text.find(whole[:size])
    while start >= 0:
        end = start + size
        while end < min(len(text), start + len(whole)) and text[end] == whole[end - start]:
            end += 1
        yield start, end
        start = text.find(whole[:size], end)


def _mask(text: str, spans: list[Span]) -> str:
    """Return the text with every span masked; spans that overlap are one."""
    parts, done = [], 0
    pending: Span | None = None
    for start, end in sorted(spans):
        if pending is not None and start < pending[1]:
            pending = pending[0], max(end, pending[1])
            continue
        if pending is not None:
            parts += [text[done : pending[0]], MASK]
            done = pending[1]
        pending = start, end
    if pending is not None:
        parts += [text[done : pending[0]], MASK]
        done = pending[1]
    return "".join([*parts, text[done:]])


def _long_parts(value: str) -> Iterator[str]:
    """Return the parts of a secret of which a piece is masked."""
    yield from (part for part in _parts(value) if len(part) >= MIN_LONG)
    yield from (word for word in value.split() if _OPAQUE.fullmatch(word))


def _parts(value: str) -> Iterator[str]:
    """Return the parts of a secret that may appear alone: the whole, its lines, and the texts in it if it is JSON."""
    for line in {value, value.strip(), " ".join(value.split()), *map(str.strip, value.splitlines())}:
        if len(line) >= MIN_LENGTH:
            yield line
    yield from _inner_secrets(value)
    if value.lstrip().startswith(("{", "[")):
        try:
            leaves = list(_leaves(json.loads(value)))
        except (ValueError, RecursionError):
            return
        for leaf in leaves:
            yield leaf
            yield from _inner_secrets(leaf)


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


def _needles(part: str) -> Iterator[str]:
    """Return what a part is searched as: itself, its base64 and its hex.

    The escapes of a searched text are decoded, and with them what only looks like an escape in the secret.
    """
    yield from (part, part.replace(" ", "+"))
    decoded = part
    for _ in range(MAX_DECODINGS):
        decoded = _decode(decoded)
        yield from (decoded, decoded.replace(" ", "+"))
    raw = part.encode("utf-8", "surrogatepass")
    yield raw.hex()
    encoded = base64.b64encode(raw).decode()
    yield from (encoded, encoded.translate(_TO_URL_SAFE))
    for text in _aligned(raw):
        yield from (text, text.translate(_TO_URL_SAFE))


_TO_URL_SAFE = str.maketrans("+/", "-_")


def _aligned(raw: bytes) -> Iterator[str]:
    """Return the part of the secret's base64 that is the same inside a longer text, at each of three alignments.

    Basic authentication encodes `user:secret`, so the length of the user's name decides the alignment.
    """
    for shift, start in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        part = encoded[start:] if (shift + len(raw)) % 3 == 0 else encoded[start:-1]
        if len(part) >= MIN_ALIGNED:
            yield part
