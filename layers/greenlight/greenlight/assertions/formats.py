"""Text formats: dates, instants, IP addresses, UUIDs, URLs.

Sources: RFC 3339 section 5.6 (full-date, date-time), RFC 9110 section 5.6.7 (HTTP dates), RFC 9562 (UUID),
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


def parse_date(text: str) -> datetime.date | None:
    """Parse a full-date of RFC 3339; return None if it is not valid."""
    match = _DATE.fullmatch(text)
    try:
        return datetime.date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def parse_datetime(text: str) -> datetime.datetime | None:
    """Parse a date-time of RFC 3339, which has a time zone, as UTC; return None if it is not valid.

    A leap second is the last second of a day in UTC; it becomes the first moment of the next day.
    """
    match = _INSTANT.fullmatch(text)
    day = parse_date(match[1]) if match else None
    if match is None or day is None:
        return None
    hours, minutes, seconds = int(match[2]), int(match[3]), int(match[4])
    offset_h, offset_min = (int(match[7]), int(match[8])) if match[6] else (0, 0)
    if hours > 23 or minutes > 59 or seconds > 60 or offset_h > 23 or offset_min > 59:
        return None
    offset = datetime.timedelta(hours=offset_h, minutes=offset_min) * (-1 if match[6] == "-" else 1)
    microseconds = int((match[5] or "0")[:6].ljust(6, "0"))
    time = datetime.time(hours, minutes, min(seconds, 59), microseconds, datetime.UTC)
    return _to_utc(datetime.datetime.combine(day, time), offset, is_leap_second=seconds == 60)


def _to_utc(local: datetime.datetime, offset: datetime.timedelta, is_leap_second: bool) -> datetime.datetime | None:
    try:
        instant = local - offset
        if not is_leap_second:
            return instant
        return instant + datetime.timedelta(seconds=1) if (instant.hour, instant.minute) == (23, 59) else None
    except OverflowError:
        return None


def parse_instant(text: str, form: str = "") -> datetime.datetime | None:
    """Parse a moment; return None if it is not valid.

    Args:
        text: A date-time or a date (midnight in UTC) of RFC 3339, or an HTTP date.
        form: A format of `strptime` for other texts; UTC if it has no time zone.
    """
    if len(text) > 100:
        return None
    if not form:
        if moment := parse_datetime(text):
            return moment
        if day := parse_date(text):
            return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
    try:
        parsed = datetime.datetime.strptime(text, form or _HTTP_DATE)  # noqa: DTZ007 - the zone is set below
        return parsed.replace(tzinfo=parsed.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def _ip_check(version: int) -> Callable[[str], bool]:
    def is_address(text: str) -> bool:
        import ipaddress

        try:
            return ipaddress.ip_address(text).version == version and "%" not in text
        except ValueError:
            return False

    return is_address


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
    "date": lambda text: parse_date(text) is not None,
    "date-time": lambda text: parse_datetime(text) is not None,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "ipv4": _ip_check(4),
    "ipv6": _ip_check(6),
    "ip": _is_ip,
    "url": _is_url,
}
"""Checks by format. The formats of JSON Schema have its names."""
