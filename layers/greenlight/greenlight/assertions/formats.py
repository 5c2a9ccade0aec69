"""Texts with a form of their own: dates, instants, addresses, identifiers. Pure.

Sources: RFC 3339 section 5.6 (full-date, date-time), RFC 9110 section 5.6.7 (dates of HTTP), RFC 9562 (UUID),
RFC 4291 and 2673 (addresses), RFC 3986 (URLs).
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,30}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,8000}")


def iso_date(text: str) -> datetime.date | None:
    """Read a full-date of RFC 3339; None for what is none."""
    found = _DATE.fullmatch(text)
    try:
        return datetime.date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def iso_datetime(text: str) -> datetime.datetime | None:
    """Read a date-time of RFC 3339, which has a zone, as UTC; None for what is none.

    A leap second, which only ever ends a day in UTC, is the first moment of the next.
    """
    found = _INSTANT.fullmatch(text)
    day = iso_date(found[1]) if found else None
    if found is None or day is None:
        return None
    hours, minutes, seconds = int(found[2]), int(found[3]), int(found[4])
    away = (int(found[7]), int(found[8])) if found[6] else (0, 0)
    leap = seconds == 60
    if hours > 23 or minutes > 59 or seconds > 60 or away[0] > 23 or away[1] > 59:
        return None
    offset = datetime.timedelta(hours=away[0], minutes=away[1]) * (-1 if found[6] == "-" else 1)
    micro = int((found[5] or "0")[:6].ljust(6, "0"))
    local = datetime.datetime(
        day.year, day.month, day.day, hours, minutes, 59 if leap else seconds, micro, datetime.UTC
    )
    try:
        instant = local - offset
        if leap and (instant.hour, instant.minute) != (23, 59):
            return None
        return instant + datetime.timedelta(seconds=1) if leap else instant
    except OverflowError:
        return None


def instant(text: str, form: str = "") -> datetime.datetime | None:
    """Read a moment; None for what is none.

    Args:
        text: A date-time or a date (its midnight in UTC) of RFC 3339, or a date as HTTP writes it.
        form: Another form, in the words of `strptime`; without a zone in it, it is UTC.
    """
    if len(text) > 100:
        return None
    if not form:
        if found := iso_datetime(text):
            return found
        if day := iso_date(text):
            return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
    try:
        read = datetime.datetime.strptime(text, form or _HTTP_DATE)  # noqa: DTZ007 - the zone is set below
        return read.replace(tzinfo=read.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def _is_address(version: int) -> Callable[[str], bool]:
    def is_one(text: str) -> bool:
        import ipaddress

        try:
            return ipaddress.ip_address(text).version == version and "%" not in text
        except ValueError:
            return False

    return is_one


def _is_ip(text: str) -> bool:
    return len(text) <= 45 and (FORMATS["ipv4"](text) or FORMATS["ipv6"](text))


def _is_url(text: str) -> bool:
    import urllib.parse

    try:
        parts = urllib.parse.urlsplit(text) if _URL_CHARACTERS.fullmatch(text) else None
        return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


FORMATS: dict[str, Callable[[str], bool]] = {
    "date": lambda text: iso_date(text) is not None,
    "date-time": lambda text: iso_datetime(text) is not None,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "ipv4": _is_address(4),
    "ipv6": _is_address(6),
    "ip": _is_ip,
    "url": _is_url,
}
"""Forms by name; those JSON Schema has bear its names."""
