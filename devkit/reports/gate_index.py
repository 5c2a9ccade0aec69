"""Reader of the index of gates in the report bucket, newest first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from greenlight.aws.client import Aws, call_aws
from greenlight.core.errors import AwsError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import counts_before
from greenlight.publish import index
from greenlight.publish.index import Entry

from . import history

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    gates = list(dict.fromkeys(map(index.gate_key, keys)))
    wanted_gates = set(gates[: query.last])
    with ThreadPoolExecutor(_THREADS) as pool:
        read_keys = [key for key in keys if index.gate_key(key) in wanted_gates]
        results = list(pool.map(lambda key: _read_entry(aws, query.bucket, key), read_keys))
    notes += [result for result in results if isinstance(result, str)]
    entries = [result for result in results if not isinstance(result, str)]
    return GateList(gates=_select_counting(entries), more=len(gates) > query.last, notes=tuple(notes))


def _select_counting(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return one entry for each gate: of two reports, one of the last resort, that with the answer of CodeDeploy."""
    selected: dict[tuple[str, ...], Entry] = {}
    for entry in entries:
        key = (entry.group, entry.deployment, entry.stage, entry.started_at)
        other = selected.get(key)
        if other is None or _rank(entry) < _rank(other):
            selected[key] = entry
    return tuple(selected.values())


def _rank(entry: Entry) -> int:
    return counts_before(entry.answer, entry.written_by)


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
    while (count := len(set(map(index.gate_key, keys)))) < limit:
        page_size = min(_PAGE_SIZE, limit - count)
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
