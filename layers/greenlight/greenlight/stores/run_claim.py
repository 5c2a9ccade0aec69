"""Claims in the report bucket: the object runs/DIGEST.json names the invocation that runs the checks of a gate.

S3 performs a conditional PutObject as one step, so of several invocations with one execution id exactly one creates the
object, and exactly one replaces it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import email.utils
import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from greenlight.aws.client import member_of
from greenlight.aws.repeat import TransientError, repeat_transient
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.display import truncate
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    import datetime

    from greenlight.aws.client import Aws
    from greenlight.core.clock import Clock

FOLDER = "runs/"
MAX_BYTES = 4096
MAX_TIME_LEFT_S = 900.0
"""Longest time that a Lambda function may run."""

_EXISTS = ("PreconditionFailed", "412")
_CONFLICT = ("ConditionalRequestConflict", "409")

Name = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[A-Za-z0-9_-]+\Z")]


class MalformedClaimError(GreenlightError):
    """The object at the key of a claim is not a claim of greenlight."""


class RunClaim(FrozenStruct, frozen=True, kw_only=True):
    """The content of a claim.

    Attributes:
        schema: Name and version of this document.
        token: Random text of the invocation; its own claim is recognized by it.
        request_id: Lambda's id of the invocation, for the log. Two deliveries may share it.
        stage: Lifecycle event of the gate.
        time_left_s: Time from the claim until Lambda ends the invocation.
        deadline: The same moment by the invocation's own clock, for readers (ISO 8601, UTC).
    """

    token: Name
    request_id: Name
    stage: Name
    time_left_s: Annotated[float, msgspec.Meta(ge=0, le=MAX_TIME_LEFT_S)]
    deadline: Annotated[str, msgspec.Meta(max_length=40)]
    schema: Literal["greenlight.run/1"] = "greenlight.run/1"


class StoredClaim(FrozenStruct, frozen=True, kw_only=True):
    """A claim as it was read.

    Attributes:
        claim: Its content.
        etag: Version of the object, for a conditional replacement.
        ends_in_s: Time until Lambda ends the invocation that holds it, negative if that has passed. It follows from two
            times of S3, so the clocks of the invocations do not matter. None if the response lacks these times.
    """

    claim: RunClaim
    etag: str
    ends_in_s: float | None


class ClaimStore:
    """The claim of one gate in the report bucket."""

    def __init__(self, aws: Aws, bucket: str, execution_id: str, clock: Clock = SYSTEM_CLOCK) -> None:
        """Use the object whose key has the digest of `execution_id`, which itself is a capability."""
        self._aws, self._bucket, self._clock = aws, bucket, clock
        self.key = f"{FOLDER}{hashlib.sha256(execution_id.encode()).hexdigest()}.json"

    def create(self, claim: RunClaim, until: float) -> bool:
        """Store a claim unless the object exists; return whether it was stored. Repeat transient errors until `until`.

        A repeated call may find the claim of its own first attempt, so False does not mean that another one holds it.

        Raises:
            AwsError: S3 denied the call or did not respond.
        """
        return self._put(claim, until, IfNoneMatch="*")

    def replace(self, claim: RunClaim, etag: str, until: float) -> bool:
        """Replace the claim with this ETag; return whether it was replaced. See `create` for repetitions.

        Raises:
            AwsError: S3 denied the call or did not respond.
        """
        return self._put(claim, until, IfMatch=etag)

    def read(self) -> StoredClaim:
        """Return the claim.

        Raises:
            MalformedClaimError: The object is not a claim.
            AwsError: S3 denied the call or did not respond, or there is no claim.
        """
        data, response = self._aws.read_object(self._bucket, self.key, MAX_BYTES)
        if len(data) > MAX_BYTES:
            raise MalformedClaimError(f"s3://{self._bucket}/{self.key} is larger than {MAX_BYTES // 1024} KiB")
        try:
            claim = msgspec.json.decode(data, type=RunClaim)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            uri = f"s3://{self._bucket}/{self.key}"
            raise MalformedClaimError(f"{uri} is not a claim of greenlight: {truncate(str(error), 200)}") from error
        etag = str(member_of(response, "s3", "get_object", "ETag"))
        return StoredClaim(claim=claim, etag=etag, ends_in_s=_time_until_end(claim, response))

    def _put(self, claim: RunClaim, until: float, **condition: str) -> bool:
        body = msgspec.json.encode(claim)

        def attempt() -> bool:
            try:
                self._aws.call(
                    "s3",
                    "put_object",
                    Bucket=self._bucket,
                    Key=self.key,
                    Body=body,
                    ContentType="application/json",
                    **condition,
                )
            except AwsError as error:
                if error.code in _EXISTS:
                    return False
                if error.code in _CONFLICT:  # another conditional write of this object is under way
                    raise TransientError(str(error), error.code) from error
                raise
            return True

        return repeat_transient(attempt, until, self._clock)


def _time_until_end(claim: RunClaim, response: dict[str, Any]) -> float | None:
    """Return how long after the response Lambda ends the holder, by the times in the response."""
    stored_at: datetime.datetime | None = response.get("LastModified")
    date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        answered_at = email.utils.parsedate_to_datetime(date)
        return None if stored_at is None else claim.time_left_s - (answered_at - stored_at).total_seconds()
    except (TypeError, ValueError):
        return None
