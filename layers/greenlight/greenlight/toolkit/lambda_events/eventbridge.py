"""An event as a bus forwards it.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from __future__ import annotations

from typing import Any

from greenlight.checks.validator import Params
from greenlight.toolkit.lambda_events.metadata import ACCOUNT, EventMetadata


class EventBridge(Params, frozen=True, kw_only=True):
    """An event of a bus.

    Attributes:
        source: Sender of the event.
        detail_type: Type of the event.
        detail: Content of the event.
        resources: ARNs of the resources that it concerns.
    """

    source: str
    detail_type: str
    detail: dict[str, Any] = {}
    resources: list[str] = []


def event(described: EventBridge, metadata: EventMetadata) -> dict[str, Any]:
    """Build the event."""
    return {
        "version": "0",
        "id": metadata.id("event"),
        "detail-type": described.detail_type,
        "source": described.source,
        "account": ACCOUNT,
        "time": f"{metadata.iso()[:19]}Z",
        "region": metadata.region,
        "resources": described.resources,
        "detail": described.detail,
    }
