"""Cookies as user agents read, keep and send them, in as far as a check needs it. Pure.

Source: RFC 6265, sections 5.1 (dates, paths), 5.2 (Set-Cookie), 5.3 (keeping), 5.4 (sending); SameSite from the draft
that follows it, https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis, section 5.6.7.
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
"""Cookies that a jar holds; further ones are left out, as a browser leaves out what is beyond its limits."""

MAX_COOKIE_LENGTH = 4096
"""Characters of name and value together that a jar keeps; browsers keep no more, either."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE_TOKEN = re.compile(r"[^\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_DAY = re.compile(r"([0-9]{1,2})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_YEAR = re.compile(r"([0-9]{2,4})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_MAX_AGE = re.compile(r"-?[0-9]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BLANK = " \t"


class Cookie(FrozenStruct, frozen=True, kw_only=True):
    """One Set-Cookie, its attributes as sent; None for one that is absent, or that user agents ignore.

    Attributes:
        domain: In lower case and without the dot it may begin with.
        expires: Seconds since 1970.
        max_age: Seconds; none or fewer delete the cookie.
        same_site: Strict, Lax or None, however it was written.
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
    """Read the value of one Set-Cookie header; None for one that user agents ignore."""
    if _CONTROL.search(header):
        return None
    pair, *attributes = header.split(";")
    name, equals, value = pair.partition("=")
    name = name.strip(_BLANK)
    if not equals or not name:
        return None
    found: dict[str, object] = {}
    for attribute in attributes:
        key, _, argument = attribute.partition("=")
        found |= _attribute(key.strip(_BLANK).lower(), argument.strip(_BLANK))
    return Cookie(name=name, value=value.strip(_BLANK), **found)  # type: ignore[arg-type]


def parse_set_cookies(headers: Iterable[tuple[str, str]]) -> Iterator[Cookie]:
    """Read every Set-Cookie among headers, in order."""
    for name, value in headers:
        if name.lower() == "set-cookie" and (cookie := parse_set_cookie(value)) is not None:
            yield cookie


def find_cookies(name: str, headers: Iterable[tuple[str, str]]) -> list[Cookie]:
    """Give the cookies of one name: one for each domain and path, of which the last that was sent counts."""
    last = {(cookie.domain, cookie.path): cookie for cookie in parse_set_cookies(headers) if cookie.name == name}
    return list(last.values())


def mask_value(header: str) -> str:
    """Give the value of a Set-Cookie header with the cookie's own value masked, its attributes as they are."""
    pair, semicolon, attributes = header.partition(";")
    name, equals, _ = pair.partition("=")
    return f"{name}=***{semicolon}{attributes}" if equals else f"***{semicolon}{attributes}"


def _attribute(key: str, argument: str) -> dict[str, object]:
    """Read one attribute; nothing for one that is to be ignored, so that an earlier one of its name stays."""
    if key == "expires":
        moment = parse_date(argument)
        return {} if moment is None else {"expires": moment}
    if key == "max-age":
        return {"max_age": int(argument[:20])} if _MAX_AGE.fullmatch(argument) else {}
    if key == "domain":
        return {"domain": argument.removeprefix(".").lower()} if argument else {}
    if key == "path":  # an empty or relative one means the default path, which is none that was sent
        return {"path": argument if argument.startswith("/") else None}
    if key == "samesite":
        known = argument.capitalize()
        return {"same_site": known if known in ("Strict", "Lax", "None") else None}
    return {"secure": True} if key == "secure" else {"http_only": True} if key == "httponly" else {}


def parse_date(text: str) -> float | None:
    """Read a date as section 5.1.1 does, which takes many forms; seconds since 1970, None for what is no date."""
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
    if 70 <= year <= 99:
        year += 1900
    elif 0 <= year <= 69:
        year += 2000
    if year < 1601:
        return None
    try:
        hour, minute, second = time
        return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC).timestamp()
    except ValueError:
        return None


def format_iso(seconds: float) -> str:
    """Write a moment the way ISO 8601 does, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class CookieJar:
    """Cookies of one check, each sent back to the host that set it and to no other, whatever its Domain says."""

    def __init__(self) -> None:
        """Hold none."""
        self._kept: dict[tuple[str, str, str, str], tuple[Cookie, float]] = {}

    def keep(self, headers: Iterable[tuple[str, str]], url: str, host: str, now: float) -> None:
        """Keep what an answer sets.

        Args:
            headers: Of the answer.
            url: That was asked.
            host: The name it was asked by.
            now: Seconds since 1970.
        """
        parts = urllib.parse.urlsplit(url)
        for cookie in parse_set_cookies(headers):
            if cookie.domain and not _within(host, cookie.domain):
                continue
            if len(cookie.name) + len(cookie.value) > MAX_COOKIE_LENGTH or (cookie.secure and parts.scheme != "https"):
                continue
            path = _default_path(parts.path) if cookie.path is None else cookie.path
            key = (host, path, cookie.name, cookie.domain or host)
            self._kept.pop(key, None)
            until = _until(cookie, now)
            if until > now and len(self._kept) < MAX_COOKIES:
                self._kept[key] = (cookie, until)

    def header(self, url: str, host: str, now: float) -> str:
        """Give the Cookie header for a request, longer paths first; "" for none."""
        parts = urllib.parse.urlsplit(url)
        fitting = [
            (path, cookie)
            for (its_host, path, *_), (cookie, until) in self._kept.items()
            if its_host == host
            and until > now
            and _path_matches(parts.path or "/", path)
            and (parts.scheme == "https" or not cookie.secure)
        ]
        fitting.sort(key=lambda each: -len(each[0]))
        return "; ".join(f"{cookie.name}={cookie.value}" for _, cookie in fitting)


def _until(cookie: Cookie, now: float) -> float:
    if cookie.max_age is not None:
        return now + cookie.max_age
    return float("inf") if cookie.expires is None else cookie.expires


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _default_path(path: str) -> str:
    return path.rpartition("/")[0] or "/" if path.startswith("/") else "/"


def _path_matches(asked: str, path: str) -> bool:
    return asked == path or (asked.startswith(path) and (path.endswith("/") or asked[len(path)] == "/"))
