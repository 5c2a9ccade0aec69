"""URLs of services, as people give them to commands."""

from __future__ import annotations

import urllib.parse


def mistake(url: str) -> str:
    """Say what is wrong with a URL without repeating it, for it may have a password in it; "" when nothing is."""
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError:
        return "has no host and port that can be called"
    if "@" in parts.netloc:
        return "has credentials in it"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is no http or https URL"
    return ""
