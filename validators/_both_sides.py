"""Requests that go to blue and to green: each is a path, because a URL would be the same server for both."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.api import HttpRequest


def require_paths(requests: Iterable[HttpRequest]) -> None:
    """Reject requests with a URL, whatever it was composed of.

    Raises:
        ValueError: A request has a URL.
    """
    for request in requests:
        address = getattr(request, request.method.lower())
        if "://" in address and not address.startswith("/"):
            raise ValueError(
                f"the {request.method} has a URL, which is one address for both sides, so only one of them is asked; "
                "write a path"
            )
