"""A request to record, and what of it is a secret: written as a reference, and never as itself."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any

from devkit.lint import secrets
from greenlight.core.frozen import FrozenStruct
from greenlight.core.redaction import names_a_secret
from greenlight.toolkit.http_request import SAFE_METHODS

_LIKE_A_KEY = re.compile(r"[A-Za-z0-9+/_=.-]{32,}")
_SCHEME = re.compile(r"(?i)(bearer|basic|token|apikey) +(.+)", re.DOTALL)
_MEDIA_TYPE = re.compile(r"(application|audio|font|image|message|model|multipart|text|video)/[A-Za-z0-9.+-]+")
_NOT_KEPT = (
    "host",
    "content-length",
    "connection",
    "accept-encoding",
    "transfer-encoding",
    "expect",
    "user-agent",
    "referer",
    "dnt",
    "te",
    "priority",
    "upgrade-insecure-requests",
    "if-none-match",
    "if-modified-since",
)
"""Headers that the client sends by itself, that say nothing about the request, or that ask whether a copy is still good."""


SHORTEST = 3
"""Characters from which a text is looked for in others; shorter ones are in every text."""


class RecordedRequest(FrozenStruct, frozen=True, kw_only=True):
    """A request as it is sent to record the answer.

    Attributes:
        path: With its query, percent-encoded.
        body: What is sent, already encoded; `json` the same as data where it is JSON, `form` where it is one.
        status: Seen elsewhere; 0 where nobody has.
        latency_s: The 95th percentile seen elsewhere; 0 where nobody has.
        of: Where it comes from, for a comment.
        guessed: Whether nobody said that there is such a path.
    """

    method: str = "GET"
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    status: int = 0
    latency_s: float = 0.0
    of: str = ""
    guessed: bool = False

    @property
    def safe(self) -> bool:
        """Tell whether it changes nothing."""
        return self.method in SAFE_METHODS

    @property
    def name(self) -> str:
        """Method and path without the query, whose values may be secrets."""
        return f"{self.method} {self.path.partition('?')[0]}"


class Hidden:
    """Writes references in place of secrets, and remembers what they stood for."""

    def __init__(self, store: str) -> None:
        """Name the secret that the references are to lead to."""
        self._store = store
        self.keys: dict[str, str] = {}
        self.values: set[str] = set()

    def header(self, name: str, value: str) -> str:
        """Give a header's value as a plan may have it; of credentials the scheme stays."""
        if not self.hides(name, value):
            return escaped(value)
        match = _SCHEME.fullmatch(value.strip())
        if match:
            return f"{match[1]} {self.reference(name, match[2])}"
        return self.reference(name, value)

    def data(self, value: Any, key: str = "") -> Any:
        """Give plain data with every secret in it replaced."""
        if isinstance(value, dict):
            return {escaped(name): self.data(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [self.data(each, key) for each in value]
        if isinstance(value, str):
            return self.reference(key or "body", value) if value and self.hides(key, value) else escaped(value)
        return value

    def hides(self, key: str, value: str) -> bool:
        """Tell whether a text is a secret, or has one of another place in it."""
        return sensitive(key, value) or self.shows(value)

    def shows(self, text: str) -> bool:
        """Tell whether a text has one of the secrets in it."""
        return any(each in text for each in self.values if len(each) >= SHORTEST)

    def redacted(self, text: str) -> str:
        """Give a message without them."""
        for each in sorted(self.values, key=len, reverse=True):
            if len(each) >= SHORTEST:
                text = text.replace(urllib.parse.quote(each, safe=""), "***").replace(each, "***")
        return text

    def reference(self, name: str, value: str) -> str:
        """Give what a plan has in place of the secret `value` that is called `name`."""
        key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "value"
        for number in range(1, 100):
            tried = key if number == 1 else f"{key}-{number}"
            if self.keys.setdefault(tried, value) == value:
                key = tried
                break
        self.values.add(value)
        return f"${{secret:secretsmanager:{self._store}#{key}}}"


def sensitive(key: str, value: str) -> bool:
    """Tell whether a text is a secret by its key or by its form; in doubt it is one."""
    a_key = _LIKE_A_KEY.fullmatch(value) and not _MEDIA_TYPE.fullmatch(value)
    return bool(names_a_secret(key) or secrets.secret_form(value) or a_key)


def keep_request(name: str) -> bool:
    """Tell whether a header says something about the request."""
    return name.lower() not in _NOT_KEPT and not name.lower().startswith(("sec-fetch-", "sec-ch-ua", "sec-gpc"))


def escaped(text: str) -> str:
    """Write a text so that nothing in it is replaced."""
    return text.replace("${", "$${")


def path_of(url: str) -> str:
    """Give path and query of a URL or a path, with what may not stand in one percent-encoded."""
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=-._~?")
    return f"{path}?{query}" if query else path


def origin_of(url: str) -> str:
    """Give scheme, host and port of a URL; "" for a path."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" if parts.scheme and host else ""
