"""Requests as bytes of HTTP/1.1, and the refusal of all that HTTP cannot carry.

Texts of requests come from plans, from captured values of green's responses and from documents that green serves. A
line break in one of them would add a header or a second request, so a request of any protocol is checked here.
"""

from __future__ import annotations

import functools
import re
import urllib.parse
from typing import TYPE_CHECKING

from greenlight.core.errors import GuardError, HttpError
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\x9f]")
_CREDENTIALS = re.compile(r"[^/?#]*//[^/?#]*@")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE_OR_NULL = re.compile(r"[\r\n\0]")


class Url(FrozenStruct, frozen=True, kw_only=True):
    """An absolute http or https URL.

    Attributes:
        scheme: http or https.
        host: Host name or address.
        port: TCP port, that of the scheme by default.
        netloc: Host and port as in the URL.
        target: Path and query, quoted where HTTP requires it.
    """

    scheme: str
    host: str
    port: int
    netloc: str
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port (RFC 6454)."""
        return self.scheme, self.host, self.port


@functools.lru_cache(maxsize=512)
def parse_url(url: str) -> Url:
    """Parse an absolute http or https URL.

    Raises:
        GuardError: The URL has another scheme, no host, credentials, an invalid port or invalid characters.
    """
    if _CREDENTIALS.match(url):  # first, because the other messages repeat the URL
        raise GuardError("a URL must not contain credentials; send them in a header")
    if _NOT_IN_URLS.search(url):
        raise GuardError(f"{url!r} contains blanks or control characters")
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise GuardError(f"{url} is not a valid URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GuardError(f"{url} is not an http or https URL")
    if not parts.netloc.isascii():
        raise GuardError(f"the host name in {url} is not ASCII; write it in its encoded form, xn--…")
    target = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if parts.query:
        target += f"?{urllib.parse.quote(parts.query, safe='/?%:@!$&()*+,;=~-._')}"
    return Url(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (443 if parts.scheme == "https" else 80),
        netloc=parts.netloc,
        target=target,
    )


def reject_unsendable(method: str, headers: Mapping[str, str]) -> None:
    """Reject a method or headers that would not be sent as they are. Messages never contain header values.

    Raises:
        HttpError: The method or a header's name is not a token, or HTTP cannot carry a value.
    """
    if not _TOKEN.fullmatch(method):
        raise HttpError(f"{method!r} is not a valid HTTP method")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise HttpError(f"{name!r} is not a valid header name")
        if _LINE_OR_NULL.search(value):
            raise HttpError(f"the header {name} cannot be sent: its value contains a line break or a null character")
        try:
            value.encode("latin-1")
        except UnicodeEncodeError as error:
            raise HttpError(
                f"the header {name} cannot be sent: character {error.start + 1} of its value is outside Latin-1"
            ) from error


def encode_request(method: str, url: Url, headers: Mapping[str, str], body: bytes | None, host: str) -> bytes:
    """Return the request line, all headers and the body; `host` is the Host header, that of the URL by default."""
    provided = {name.lower() for name in headers}
    lines = [f"{method} {url.target} HTTP/1.1"]
    if "host" not in provided:
        lines.append(f"Host: {host or url.netloc}")
    if "user-agent" not in provided:
        lines.append("User-Agent: greenlight")
    if "accept-encoding" not in provided:
        lines.append("Accept-Encoding: identity")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if (body is not None or method in ("POST", "PUT", "PATCH")) and "content-length" not in provided:
        lines.append(f"Content-Length: {len(body or b'')}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (body or b"")
