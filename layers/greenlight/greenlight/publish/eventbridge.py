"""An event for every verdict, on an EventBridge bus; docs/notifications.md has its fields.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html (an entry has at most 256 KB).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from greenlight.core.errors import AwsError
from greenlight.publish import notice_content

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.report import Report

SOURCE = "greenlight"
DETAIL_TYPE = "greenlight verdict"


def put(aws: Aws, bus: str, report: Report, uri: str) -> str:
    """Put the event of a report that is stored at `uri` on a bus, and give its id.

    Raises:
        AwsError: EventBridge refused or did not answer.
    """
    detail = json.dumps(notice_content.build_event(report, uri), separators=(",", ":"))
    entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": detail, "EventBusName": bus}
    (result,) = aws.call("events", "put_events", Entries=[entry])["Entries"]
    # PutEvents answers 200 for what it did not take.
    if not result.get("EventId"):
        why = f"{result.get('ErrorCode', 'no reason')}: {result.get('ErrorMessage', '')}"
        raise AwsError(f"the bus {bus} did not take the event ({why})", str(result.get("ErrorCode", "")))
    return str(result["EventId"])
