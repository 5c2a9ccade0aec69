"""Where a plan is kept, as `greenlight plan` reads and writes it: a key of a bucket, or a parameter of SSM.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html;
https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html (8 KB at most).
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Protocol

from greenlight.aws.client import Aws, call_aws
from greenlight.core.errors import AwsError, GreenlightError, PlanError
from greenlight.core.frozen import FrozenStruct
from greenlight.plan import yaml_reader
from greenlight.stores.s3 import decode_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VERSIONS = 1000
MAX_PARAMETER_BYTES = 8 * 1024
_GONE = ("NoSuchKey", "NoSuchVersion", "404", "NotFound")
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409", *_GONE)
_NO_PARAMETER = ("ParameterNotFound", "ParameterVersionNotFound")


class Stored(FrozenStruct, frozen=True, kw_only=True):
    """A plan as it is kept; `etag` is "" where there is none, `secure` says that SSM encrypts it."""

    text: str = ""
    etag: str = ""
    version_id: str = ""
    secure: bool = False


class RemotePlan(Protocol):
    """One place.

    Attributes:
        uri: As gates name it.
        what: What it is, in a sentence.
    """

    uri: str
    what: str

    def read(self, version: str = "") -> Stored | None:
        """Read what is there; None where nothing is."""

    def put(self, text: str, stored: Stored | None) -> bool:
        """Store a text in place of `stored`; tell whether nobody was quicker."""

    def versions(self) -> list[dict[str, Any]]:
        """Give what is kept of it, the newest first."""


def at(aws: Aws, uri: str) -> RemotePlan:
    """Give the place at `s3://BUCKET/KEY` or `ssm:/NAME`.

    Raises:
        GreenlightError: It is neither.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if uri.startswith("s3://") and bucket and key:
        return Key(aws, bucket, key)
    if uri.startswith("ssm:") and uri.removeprefix("ssm:"):
        return Parameter(aws, uri.removeprefix("ssm:"))
    raise GreenlightError(f"{uri!r} is no place that a plan is put; write s3://BUCKET/KEY or ssm:/NAME")


class Key:
    """A key of a bucket, which stores only what replaces what was compared."""

    what = "bucket"

    def __init__(self, aws: Aws, bucket: str, key: str) -> None:
        """Name it."""
        self._aws, self._place = aws, {"Bucket": bucket, "Key": key}
        self.uri = f"s3://{bucket}/{key}"

    def read(self, version: str = "") -> Stored | None:
        """Read the key, or one of its versions."""
        more = {"VersionId": version} if version else {}
        try:
            answer = self._aws.call("s3", "get_object", **self._place, **more)
            data: bytes = call_aws("s3", "get_object", lambda: answer["Body"].read(yaml_reader.MAX_BYTES + 1))
        except AwsError as error:
            if error.code in _GONE:
                return None
            raise
        try:
            text = decode_plan(data, self.uri)
        except PlanError:
            text = ""  # what no gate can read is no plan, and may be replaced
        return Stored(text=text, etag=str(answer.get("ETag", "")), version_id=str(answer.get("VersionId") or ""))

    def put(self, text: str, stored: Stored | None) -> bool:
        """Store the text where nothing has changed since it was compared."""
        condition = {"IfMatch": stored.etag} if stored else {"IfNoneMatch": "*"}
        try:
            self._aws.call(
                "s3",
                "put_object",
                **self._place,
                Body=text.encode(),
                ContentType="application/yaml",
                ChecksumAlgorithm="SHA256",
                **condition,
            )
        except AwsError as error:
            if error.code not in _TAKEN:
                raise
            now = self.read()
            return bool(now and now.text == text)  # an answer that got lost, and a second try that met the first
        return True

    def versions(self) -> list[dict[str, Any]]:
        """List the key's versions, the deleted ones included."""
        bucket, key = self._place["Bucket"], self._place["Key"]
        answer = self._aws.call("s3", "list_object_versions", Bucket=bucket, Prefix=key, MaxKeys=MAX_VERSIONS)
        return sorted(self._kept(answer), key=lambda each: (each["stored_at"], each["latest"]), reverse=True)

    def _kept(self, answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for member, deleted in (("Versions", False), ("DeleteMarkers", True)):
            for each in answer.get(member, []):
                if each["Key"] == self._place["Key"]:
                    yield {
                        "version_id": each["VersionId"],
                        "stored_at": _moment(each["LastModified"]),
                        "latest": bool(each["IsLatest"]),
                        "deleted": deleted,
                        "bytes": int(each.get("Size", 0)),
                    }


class Parameter:
    """A parameter of SSM, which stores whatever it is given; that somebody was quicker is seen afterwards."""

    what = "parameter"

    def __init__(self, aws: Aws, name: str) -> None:
        """Name it."""
        self._aws, self._name = aws, name
        self.uri = f"ssm:{name}"

    def read(self, version: str = "") -> Stored | None:
        """Read the parameter, or one of its versions."""
        name = f"{self._name}:{version}" if version else self._name
        try:
            found = self._aws.call("ssm", "get_parameter", Name=name, WithDecryption=True)["Parameter"]
        except AwsError as error:
            if error.code in _NO_PARAMETER:
                return None
            raise
        secure = found.get("Type") == "SecureString"
        return Stored(text=str(found["Value"]), version_id=str(found.get("Version", "")), secure=secure)

    def put(self, text: str, stored: Stored | None) -> bool:
        """Store the text as the next version.

        Raises:
            GreenlightError: It is too large, would lose its key, or has replaced what somebody else stored meanwhile.
        """
        if len(text.encode()) > MAX_PARAMETER_BYTES:
            raise GreenlightError(
                f"a parameter of SSM has {MAX_PARAMETER_BYTES >> 10} KiB at most; put this plan into the plan bucket"
            )
        if stored and stored.secure:
            raise GreenlightError(
                f"{self.uri} is a SecureString, whose key a push would lose; use aws ssm put-parameter --overwrite with its --key-id"
            )
        kind: dict[str, Any] = {"Overwrite": True} if stored else {"Type": "String"}
        try:
            answer = self._aws.call(
                "ssm", "put_parameter", Name=self._name, Value=text, Tier="Intelligent-Tiering", **kind
            )
        except AwsError as error:
            if error.code != "ParameterAlreadyExists":
                raise
            return False
        if stored and answer.get("Version") != int(stored.version_id) + 1:
            raise GreenlightError(
                f"{self.uri} was another plan than a moment ago, and this one has replaced it; see plan versions"
            )
        return True

    def versions(self) -> list[dict[str, Any]]:
        """List the parameter's versions; SSM keeps a hundred."""
        try:
            kept = self._aws.pages("ssm", "get_parameter_history", "Parameters", Name=self._name)
        except AwsError as error:
            if error.code in _NO_PARAMETER:
                return []
            raise
        newest = max((each["Version"] for each in kept), default=0)
        return [
            {
                "version_id": str(each["Version"]),
                "stored_at": _moment(each["LastModifiedDate"]),
                "latest": each["Version"] == newest,
                "deleted": False,
                "bytes": len(str(each.get("Value", "")).encode()),
            }
            for each in sorted(kept, key=lambda each: int(each["Version"]), reverse=True)
        ]


def _moment(when: datetime.datetime) -> str:
    return when.astimezone(datetime.UTC).isoformat(timespec="seconds")
