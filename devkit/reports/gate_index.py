"""Reader of the index of gates in the report bucket, newest first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec

from greenlight.aws.client import Aws, call_aws
from greenlight.core.errors import AwsError
from greenlight.core.frozen import FrozenStruct
from greenlight.publish import index
from greenlight.publish.index import Entry

from . import history

MAX_GROUPS = 100
MAX_BYTES = 1024 * 1024
_PAGE_SIZE = 1000
_THREADS = 16


class IndexQuery(NamedTuple):
    """The gates to read.

    Attributes:
        group: A deployment group; "" for all groups of the application.
        last: How many gates.
        since: Unix time before which gates are left out.
    """

    bucket: str
    application: str
    group: str
    last: int
    since: float

    @property
    def prefix(self) -> str:
        """The prefix of the keys in the bucket."""
        return index.entry_prefix(self.application, self.group)


class GateList(FrozenStruct, frozen=True, kw_only=True):
    """The gates that an index contains.

    Attributes:
        gates: The entries, newest first.
        more: There are older gates.
        notes: Entries that could not be read, with the reason.
    """

    gates: tuple[Entry, ...]
    more: bool = False
    notes: tuple[str, ...] = ()


def read_gates(aws: Aws, query: IndexQuery) -> GateList:
    """Read the newest gates of an application or a deployment group."""
    folders, notes = ([query.prefix], []) if query.group else _group_folders(aws, query)
    keys = sorted(
        (key for folder in folders for key in _newest_keys(aws, query, folder)),
        key=lambda key: key.rpartition("/")[2],
    )
    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(pool.map(lambda key: _read_entry(aws, query.bucket, key), keys[: query.last]))
    notes += [result for result in results if isinstance(result, str)]
    gates = tuple(result for result in results if not isinstance(result, str))
    return GateList(gates=gates, more=len(keys) > query.last, notes=tuple(notes))


def _group_folders(aws: Aws, query: IndexQuery) -> tuple[list[str], list[str]]:
    """List the folders of an application's deployment groups; return folders and notes."""
    response = aws.call(
        "s3", "list_objects_v2", Bucket=query.bucket, Prefix=query.prefix, Delimiter="/", MaxKeys=MAX_GROUPS
    )
    notes = []
    if response.get("IsTruncated"):
        notes.append(f"there are more than {MAX_GROUPS} deployment groups; name one with --group")
    return [str(prefix["Prefix"]) for prefix in response.get("CommonPrefixes", [])], notes


def _newest_keys(aws: Aws, query: IndexQuery, folder: str) -> list[str]:
    """List the newest entries of a group. S3 lists keys in ascending order, which is from the newest to the oldest."""
    limit = query.last + 1  # one more shows that there are older gates
    keys: list[str] = []
    continuation: dict[str, str] = {}
    while len(keys) < limit:
        page_size = min(_PAGE_SIZE, limit - len(keys))
        response = aws.call(
            "s3", "list_objects_v2", Bucket=query.bucket, Prefix=folder, MaxKeys=page_size, **continuation
        )
        for key in (str(content["Key"]) for content in response.get("Contents", [])):
            started_at = index.parse_key_time(key)
            if started_at is None:
                continue
            if started_at < query.since:
                return keys
            keys.append(key)
        if not response.get("NextContinuationToken"):
            break
        continuation = {"ContinuationToken": response["NextContinuationToken"]}
    return keys


def _read_entry(aws: Aws, bucket: str, key: str) -> Entry | str:
    """Read an entry, or return a message about why it cannot be read."""
    try:
        response = aws.call("s3", "get_object", Bucket=bucket, Key=key)
        data: bytes = call_aws("s3", "get_object", lambda: response["Body"].read(MAX_BYTES))
        entry = msgspec.json.decode(data, type=Entry)
        history.started_at(entry)  # raises ValueError for a time that is not valid
    except AwsError as error:
        return f"s3://{bucket}/{key} was not read: {error}"
    except (msgspec.MsgspecError, ValueError) as error:
        return f"s3://{bucket}/{key} is not a valid entry of the index: {error}"
    return entry if entry.schema == index.SCHEMA else f"s3://{bucket}/{key} has the unknown schema {entry.schema!r}"
