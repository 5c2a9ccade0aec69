"""Records of a stream as Lambda forwards them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

from __future__ import annotations

import base64
from typing import Any

from greenlight.checks.validator import Params
from greenlight.core.display import to_json_text
from greenlight.toolkit.lambda_events.messages import Items
from greenlight.toolkit.lambda_events.metadata import ACCOUNT, EventMetadata


class Kinesis(Params, frozen=True, kw_only=True):
    """Records of a stream.

    Attributes:
        records: Data of the records; data that is not text becomes JSON.
        stream: The stream's name.
        partition_key: Partition key of every record.
    """

    records: Items
    stream: str = "stream"
    partition_key: str = "greenlight"


def event(described: Kinesis, metadata: EventMetadata) -> dict[str, Any]:
    """Build one event with a record for each record of the stream."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": described.partition_key,
                    "sequenceNumber": f"{number + 1:056d}",
                    "data": base64.b64encode(to_json_text(data).encode()).decode(),
                    "approximateArrivalTimestamp": metadata.at,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{number + 1:056d}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/greenlight",
                "awsRegion": metadata.region,
                "eventSourceARN": metadata.arn("kinesis", f"stream/{described.stream}"),
            }
            for number, data in enumerate(described.records)
        ]
    }
