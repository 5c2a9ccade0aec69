"""EventBridge event of a verdict; docs/notifications.md lists its fields.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html (an entry has at most 256 KB).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.core.errors import AwsError
from greenlight.publish import notice_content

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.report import Report

SOURCE = "greenlight"
DETAIL_TYPE = "greenlight verdict"
MAX_DETAIL_BYTES = 255 * 1024
"""The rest of the entry's 256 KB is for the names of source, type and bus."""


def encode_detail(report: Report, uri: str) -> str:
    """Return the event's detail, with reasons as long as the entry can have."""
    detail = ""
    for length in notice_content.MESSAGE_LENGTHS:
        detail = notice_content.encode(notice_content.build_event(report, uri, length))
        if len(detail.encode()) <= MAX_DETAIL_BYTES:
            break
    return detail


def put(aws: Aws, bus: str, report: Report, uri: str) -> str:
    """Put the event of a report, which is stored at `uri`, on a bus; return the event's id.

    Raises:
        AwsError: EventBridge denied the call, did not respond, or did not accept the event.
    """
    return put_detail(aws, bus, DETAIL_TYPE, encode_detail(report, uri))


def put_detail(aws: Aws, bus: str, detail_type: str, detail: str) -> str:
    """Put an event with this detail, in JSON, on a bus; return the event's id.

    Raises:
        AwsError: EventBridge denied the call, did not respond, or did not accept the event.
    """
    entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": detail, "EventBusName": bus}
    (result,) = aws.call("events", "put_events", Entries=[entry])["Entries"]
    # PutEvents returns status 200 for events that it did not accept, too.
    if not result.get("EventId"):
        reason = f"{result.get('ErrorCode', 'no reason')}: {result.get('ErrorMessage', '')}"
        raise AwsError(f"the bus {bus} did not accept the event ({reason})", str(result.get("ErrorCode", "")))
    return str(result["EventId"])
