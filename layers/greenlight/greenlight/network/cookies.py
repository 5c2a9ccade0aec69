"""Cookies as user agents parse, store and send them, as far as checks need it.

Source: RFC 6265, sections 5.1 (dates, paths), 5.2 (Set-Cookie), 5.3 (storing), 5.4 (sending); SameSite from its
successor's draft, https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis, section 5.6.7.
"""

from __future__ import annotations

import datetime
import re
import urllib.parse
from typing import TYPE_CHECKING

from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_COOKIES = 100
"""Maximum number of cookies in a jar; like a browser, it ignores further cookies."""

MAX_COOKIE_LENGTH = 4096
"""Maximum length of a cookie's name and value together; like a browser, a jar ignores longer cookies."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE_TOKEN = re.compile(r"[^\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_DAY = re.compile(r"([0-9]{1,2})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_YEAR = re.compile(r"([0-9]{2,4})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_MAX_AGE = re.compile(r"-?[0-9]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BLANK = " \t"


class Cookie(FrozenStruct, frozen=True, kw_only=True):
    """A Set-Cookie header; an attribute is None if it is absent or if user agents ignore it.

    Attributes:
        domain: In lower case and without a leading dot.
        expires: Seconds since 1970.
        max_age: Seconds; 0 or fewer delete the cookie.
        same_site: Strict, Lax or None, in this spelling.
    """

    name: str
    value: str
    domain: str | None = None
    path: str | None = None
    expires: float | None = None
    max_age: int | None = None
    secure: bool = False
    http_only: bool = False
    same_site: str | None = None


def parse_set_cookie(header: str) -> Cookie | None:
    """Parse the value of a Set-Cookie header; return None for one that user agents ignore."""
    if _CONTROL.search(header):
        return None
    pair, *attributes = header.split(";")
    name, equals, value = pair.partition("=")
    name = name.strip(_BLANK)
    if not equals or not name:
        return None
    fields: dict[str, object] = {}
    for attribute in attributes:
        key, _, argument = attribute.partition("=")
        fields |= _parse_attribute(key.strip(_BLANK).lower(), argument.strip(_BLANK))
    return Cookie(name=name, value=value.strip(_BLANK), **fields)  # type: ignore[arg-type]


def parse_set_cookies(headers: Iterable[tuple[str, str]]) -> Iterator[Cookie]:
    """Parse every Set-Cookie among headers, in order."""
    for name, value in headers:
        if name.lower() == "set-cookie" and (cookie := parse_set_cookie(value)) is not None:
            yield cookie


def find_cookies(name: str, headers: Iterable[tuple[str, str]]) -> list[Cookie]:
    """Return the cookies of a name: for each domain and path, the last cookie."""
    last = {(cookie.domain, cookie.path): cookie for cookie in parse_set_cookies(headers) if cookie.name == name}
    return list(last.values())


def mask_value(header: str) -> str:
    """Mask the cookie's value in the value of a Set-Cookie header; the attributes stay."""
    pair, semicolon, attributes = header.partition(";")
    name, equals, _ = pair.partition("=")
    return f"{name}=***{semicolon}{attributes}" if equals else f"***{semicolon}{attributes}"


def _parse_attribute(key: str, argument: str) -> dict[str, object]:
    """Parse one attribute; return an empty map if it is ignored, so that an earlier attribute of this name counts."""
    if key == "expires":
        moment = parse_date(argument)
        return {} if moment is None else {"expires": moment}
    if key == "max-age":
        return {"max_age": int(argument[:20])} if _MAX_AGE.fullmatch(argument) else {}
    if key == "domain":
        return {"domain": argument.removeprefix(".").lower()} if argument else {}
    if key == "path":  # an empty or relative path means the default path, which is not part of the header
        return {"path": argument if argument.startswith("/") else None}
    if key == "samesite":
        mode = argument.capitalize()
        return {"same_site": mode if mode in ("Strict", "Lax", "None") else None}
    flags: dict[str, dict[str, object]] = {"secure": {"secure": True}, "httponly": {"http_only": True}}
    return flags.get(key, {})


def parse_date(text: str) -> float | None:
    """Parse a date of any form that section 5.1.1 accepts; return seconds since 1970, or None if it is not a date."""
    parts = _parse_date_parts(text)
    if parts is None:
        return None
    year, month, day, (hour, minute, second) = parts
    if 70 <= year <= 99:
        year += 1900
    elif 0 <= year <= 69:
        year += 2000
    if year < 1601:
        return None
    try:
        return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC).timestamp()
    except ValueError:
        return None


def _parse_date_parts(text: str) -> tuple[int, int, int, tuple[int, int, int]] | None:
    """Return year, month, day and time of day as written; None if one of them is missing."""
    time = day = month = year = None
    for token in _DATE_TOKEN.findall(text):
        if time is None and (match := _TIME.fullmatch(token)):
            time = int(match[1]), int(match[2]), int(match[3])
        elif day is None and (match := _DAY.fullmatch(token)):
            day = int(match[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (match := _YEAR.fullmatch(token)):
            year = int(match[1])
    if time is None or day is None or month is None or year is None:
        return None
    return year, month, day, time


def format_iso(seconds: float) -> str:
    """Format a Unix time as ISO 8601, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class CookieJar:
    """Cookies of one check; each is sent back only to the host that set it, whatever its Domain says."""

    def __init__(self) -> None:
        """Create an empty jar."""
        self._stored: dict[tuple[str, str, str, str], tuple[Cookie, float]] = {}

    def store(self, headers: Iterable[tuple[str, str]], url: str, host: str, now: float) -> None:
        """Store the cookies that a response sets.

        Args:
            headers: Of the response.
            url: Of the request.
            host: Name that the server was asked for.
            now: Seconds since 1970.
        """
        parts = urllib.parse.urlsplit(url)
        for cookie in parse_set_cookies(headers):
            if cookie.domain and not _domain_matches(host, cookie.domain):
                continue
            if len(cookie.name) + len(cookie.value) > MAX_COOKIE_LENGTH or (cookie.secure and parts.scheme != "https"):
                continue
            path = _default_path(parts.path) if cookie.path is None else cookie.path
            key = (host, path, cookie.name, cookie.domain or host)
            self._stored.pop(key, None)
            expires = _expiry_of(cookie, now)
            if expires > now and len(self._stored) < MAX_COOKIES:
                self._stored[key] = (cookie, expires)

    def cookie_header(self, url: str, host: str, now: float) -> str:
        """Return the Cookie header for a request, longer paths first; "" without cookies."""
        parts = urllib.parse.urlsplit(url)
        matching = [
            (path, cookie)
            for (cookie_host, path, *_), (cookie, expires) in self._stored.items()
            if cookie_host == host
            and expires > now
            and _path_matches(parts.path or "/", path)
            and (parts.scheme == "https" or not cookie.secure)
        ]
        matching.sort(key=lambda entry: -len(entry[0]))
        return "; ".join(f"{cookie.name}={cookie.value}" for _, cookie in matching)


def _expiry_of(cookie: Cookie, now: float) -> float:
    if cookie.max_age is not None:
        return now + cookie.max_age
    return float("inf") if cookie.expires is None else cookie.expires


def _domain_matches(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _default_path(path: str) -> str:
    return path.rpartition("/")[0] or "/" if path.startswith("/") else "/"


def _path_matches(requested: str, path: str) -> bool:
    return requested == path or (requested.startswith(path) and (path.endswith("/") or requested[len(path)] == "/"))
