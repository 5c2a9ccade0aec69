"""Validation of URLs on the command line."""

from __future__ import annotations

import urllib.parse


def url_error(url: str) -> str:
    """Return what is wrong with a URL, or "". The message does not repeat the URL, which may contain a password."""
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError:
        return "does not have a valid host and port"
    if "@" in parts.netloc:
        return "must not contain credentials"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is not a valid http or https URL"
    return ""


def base_url_error(url: str) -> str:
    """Return what is wrong with a base URL, or "". After a ? or a #, every appended path would be the same resource."""
    if error := url_error(url):
        return error
    if "?" in url or "#" in url:
        return "must not contain ? or #, because the paths of checks are appended to it"
    return ""
