"""Notification of S3 about an object.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import hashlib
import urllib.parse
from typing import TYPE_CHECKING, Any

from greenlight.checks.validator import Params

if TYPE_CHECKING:
    from greenlight.toolkit.lambda_events.metadata import EventMetadata


class S3(Params, frozen=True, kw_only=True):
    """Notification about an object.

    Attributes:
        bucket: The bucket's name.
        key: The object's key.
        event: Name of the event in S3.
        size: The object's size in bytes.
        version_id: The object's version.
    """

    bucket: str
    key: str
    event: str = "ObjectCreated:Put"
    size: int = 1024
    version_id: str | None = None


def event(described: S3, metadata: EventMetadata) -> dict[str, Any]:
    """Build the event with its one record."""
    item: dict[str, Any] = {
        "key": urllib.parse.quote_plus(described.key, safe="/"),  # as S3 does: a space is a plus
        "size": described.size,
        "eTag": hashlib.md5(described.key.encode(), usedforsecurity=False).hexdigest(),
        "sequencer": f"{int(metadata.at * 1000):018X}",
    }
    if described.version_id is not None:
        item["versionId"] = described.version_id
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": metadata.region,
                "eventTime": metadata.iso(),
                "eventName": described.event,
                "userIdentity": {"principalId": "AWS:greenlight"},
                "requestParameters": {"sourceIPAddress": "192.0.2.1"},
                "responseElements": {
                    "x-amz-request-id": metadata.id("request")[:16].upper(),
                    "x-amz-id-2": "greenlight",
                },
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "greenlight",
                    "bucket": {
                        "name": described.bucket,
                        "ownerIdentity": {"principalId": "greenlight"},
                        "arn": f"arn:aws:s3:::{described.bucket}",
                    },
                    "object": item,
                },
            }
        ]
    }
