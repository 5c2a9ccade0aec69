"""Changes of a table's rows, as its stream sends them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.aws.dynamodb_json import to_dynamodb
from greenlight.checks.validator import Params

if TYPE_CHECKING:
    from greenlight.toolkit.lambda_events.metadata import EventMetadata


class Change(Params, frozen=True, kw_only=True):
    """A change of a row in plain values; `old` and `new` decide whether it is an INSERT, a MODIFY or a REMOVE.

    Attributes:
        keys: The row's key.
    """

    keys: dict[str, Any]
    new: dict[str, Any] | None = None
    old: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Reject a change without values."""
        if self.new is None and self.old is None:
            raise ValueError("a change has new, old or both")


class DynamoDbStream(Params, frozen=True, kw_only=True):
    """Changes of a table's rows.

    Attributes:
        changes: Changes of rows, in order.
        table: The table's name.
    """

    changes: Annotated[list[Change], msgspec.Meta(min_length=1, max_length=100)]
    table: str = "table"


def event(described: DynamoDbStream, metadata: EventMetadata) -> dict[str, Any]:
    """Build one event with a record for each change."""
    records = []
    for number, change in enumerate(described.changes):
        images = {"NewImage": change.new, "OldImage": change.old}
        record: dict[str, Any] = {
            "ApproximateCreationDateTime": int(metadata.at),
            "Keys": to_dynamodb(change.keys)["M"],
            "SequenceNumber": f"{number + 1:021d}",
            "SizeBytes": len(json.dumps(images)),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        record |= {name: to_dynamodb(change.keys | image)["M"] for name, image in images.items() if image is not None}
        records.append(
            {
                "eventID": metadata.id(f"record {number}").replace("-", ""),
                "eventName": "INSERT" if change.old is None else "REMOVE" if change.new is None else "MODIFY",
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": metadata.region,
                "dynamodb": record,
                "eventSourceARN": metadata.arn("dynamodb", f"table/{described.table}/stream/2020-01-01T00:00:00.000"),
            }
        )
    return {"Records": records}
