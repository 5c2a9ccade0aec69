"""URLs of services, as people give them to commands."""

from __future__ import annotations

import urllib.parse


def url_error(url: str) -> str:
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


def base_url_error(url: str) -> str:
    """Say the same of a URL behind which paths are put: behind a ? or a # every path would lead to one place."""
    if why := url_error(url):
        return why
    return "has a ? or a # in it, and the paths of checks are put behind it" if "?" in url or "#" in url else ""
