"""A request as a function URL forwards it: payload version 2.0 without routes.

Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.toolkit.lambda_events.api_gateway_v2 import version_two

if TYPE_CHECKING:
    from greenlight.toolkit.lambda_events.http import HttpEvent
    from greenlight.toolkit.lambda_events.metadata import EventMetadata


def event(described: HttpEvent, metadata: EventMetadata) -> dict[str, Any]:
    """Build the event of one anonymous request."""
    domain = f"url.lambda-url.{metadata.region}.on.aws"
    return version_two(described, metadata, domain=domain, account="anonymous", route="$default", parameters=None)
