"""Recognition of answers that a load balancer makes itself, so that no server behind it has sent them.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html;
RFC 9110 sections 15.6.3 to 15.6.5 (502, 503, 504).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenlight.network.client import Response

_GATEWAY_STATUSES = (502, 503, 504)
"""A gateway sends these about the server behind it. They count as its own whatever their headers are."""

_PAGE = re.compile(
    rb"\s*<html>\s*<head><title>(\d{3}) [^<]*</title></head>\s*<body[^>]*>\s*"
    rb"<center><h1>\1 [^<]*</h1></center>\s*</body>\s*</html>\s*"
)
"""The page of an Application Load Balancer, which has no `Server` header if the listener's attributes remove it."""

_MAX_PAGE_BYTES = 2048


def is_made_by_gateway(response: Response) -> bool:
    """Return whether a load balancer made this answer, or may have made it."""
    if response.status in _GATEWAY_STATUSES:
        return True
    if any(server.strip().lower().startswith("awselb/") for server in response.header_values("server")):
        return True
    return len(response.body) <= _MAX_PAGE_BYTES and _PAGE.fullmatch(response.body) is not None
