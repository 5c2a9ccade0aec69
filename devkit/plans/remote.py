"""Plans that are stored in AWS, as `greenlight plan` reads and writes them: S3 objects and SSM parameters.

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
_ABSENT = ("NoSuchKey", "NoSuchVersion", "404", "NotFound")
_CONFLICT = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409", *_ABSENT)
_NO_PARAMETER = ("ParameterNotFound", "ParameterVersionNotFound")


class StoredPlan(FrozenStruct, frozen=True, kw_only=True):
    """The stored text of a plan.

    Attributes:
        etag: "" for an SSM parameter.
        secure: The SSM parameter is a SecureString.
    """

    text: str = ""
    etag: str = ""
    version_id: str = ""
    secure: bool = False


class RemotePlan(Protocol):
    """Place in AWS that stores one plan.

    Attributes:
        uri: As in reports: `s3://BUCKET/KEY` or `ssm:/NAME`.
        noun: Name of the place in messages: bucket or parameter.
    """

    uri: str
    noun: str

    def read(self, version: str = "") -> StoredPlan | None:
        """Read the plan, or one of its versions; return None if it does not exist."""

    def put(self, text: str, stored: StoredPlan | None) -> bool:
        """Store a text in place of `stored`; return False, and store nothing, if the plan has changed meanwhile."""

    def versions(self) -> list[dict[str, Any]]:
        """List the versions, the newest first."""


def open_remote_plan(aws: Aws, uri: str) -> RemotePlan:
    """Return the place with a URI: `s3://BUCKET/KEY` or `ssm:/NAME`.

    Raises:
        GreenlightError: The URI has another form.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if uri.startswith("s3://") and bucket and key:
        return S3Plan(aws, bucket, key)
    if uri.startswith("ssm:") and uri.removeprefix("ssm:"):
        return ParameterPlan(aws, uri.removeprefix("ssm:"))
    raise GreenlightError(f"{uri!r} is not a valid place for a plan; write s3://BUCKET/KEY or ssm:/NAME")


class S3Plan:
    """A plan in an S3 bucket. A conditional write detects concurrent changes."""

    noun = "bucket"

    def __init__(self, aws: Aws, bucket: str, key: str) -> None:
        """Refer to an object, without a call to AWS."""
        self._aws, self._place = aws, {"Bucket": bucket, "Key": key}
        self.uri = f"s3://{bucket}/{key}"

    def read(self, version: str = "") -> StoredPlan | None:
        """Read the object, or one of its versions; return None if it does not exist."""
        options = {"VersionId": version} if version else {}
        try:
            answer = self._aws.call("s3", "get_object", **self._place, **options)
            data: bytes = call_aws("s3", "get_object", lambda: answer["Body"].read(yaml_reader.MAX_BYTES + 1))
        except AwsError as error:
            if error.code in _ABSENT:
                return None
            raise
        try:
            text = decode_plan(data, self.uri)
        except PlanError:
            text = ""  # gates cannot read this object, so it may be replaced
        return StoredPlan(text=text, etag=str(answer.get("ETag", "")), version_id=str(answer.get("VersionId") or ""))

    def put(self, text: str, stored: StoredPlan | None) -> bool:
        """Store the text if the object is still the one that was read."""
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
            if error.code not in _CONFLICT:
                raise
            current = self.read()
            # The text is there if the response to a first write was lost and the retry was refused because of it.
            return bool(current and current.text == text)
        return True

    def versions(self) -> list[dict[str, Any]]:
        """List the versions of the object, deletions included."""
        bucket, key = self._place["Bucket"], self._place["Key"]
        answer = self._aws.call("s3", "list_object_versions", Bucket=bucket, Prefix=key, MaxKeys=MAX_VERSIONS)
        versions = self._versions_in(answer)
        return sorted(versions, key=lambda version: (version["stored_at"], version["latest"]), reverse=True)

    def _versions_in(self, response: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for member, deleted in (("Versions", False), ("DeleteMarkers", True)):
            for version in response.get(member, []):
                if version["Key"] == self._place["Key"]:  # a prefix can match other keys
                    yield {
                        "version_id": version["VersionId"],
                        "stored_at": _to_iso(version["LastModified"]),
                        "latest": bool(version["IsLatest"]),
                        "deleted": deleted,
                        "bytes": int(version.get("Size", 0)),
                    }


class ParameterPlan:
    """A plan in an SSM parameter. SSM has no conditional writes, so a concurrent change is detected afterwards."""

    noun = "parameter"

    def __init__(self, aws: Aws, name: str) -> None:
        """Refer to a parameter, without a call to AWS."""
        self._aws, self._name = aws, name
        self.uri = f"ssm:{name}"

    def read(self, version: str = "") -> StoredPlan | None:
        """Read the parameter, or one of its versions; return None if it does not exist."""
        name = f"{self._name}:{version}" if version else self._name
        try:
            parameter = self._aws.call("ssm", "get_parameter", Name=name, WithDecryption=True)["Parameter"]
        except AwsError as error:
            if error.code in _NO_PARAMETER:
                return None
            raise
        secure = parameter.get("Type") == "SecureString"
        return StoredPlan(text=str(parameter["Value"]), version_id=str(parameter.get("Version", "")), secure=secure)

    def put(self, text: str, stored: StoredPlan | None) -> bool:
        """Store the text as the next version.

        Raises:
            GreenlightError: The text is too large, the parameter is encrypted, or this version has replaced a version
                that another writer stored meanwhile.
        """
        if len(text.encode()) > MAX_PARAMETER_BYTES:
            raise GreenlightError(
                f"an SSM parameter has at most {MAX_PARAMETER_BYTES >> 10} KiB; push this plan to the plan bucket"
            )
        if stored and stored.secure:
            raise GreenlightError(
                f"{self.uri} is a SecureString, and a push would lose its KMS key;"
                " use aws ssm put-parameter --overwrite with its --key-id"
            )
        mode: dict[str, Any] = {"Overwrite": True} if stored else {"Type": "String"}
        try:
            answer = self._aws.call(
                "ssm", "put_parameter", Name=self._name, Value=text, Tier="Intelligent-Tiering", **mode
            )
        except AwsError as error:
            if error.code != "ParameterAlreadyExists":
                raise
            return False
        if stored and answer.get("Version") != int(stored.version_id) + 1:
            raise GreenlightError(
                f"{self.uri} was changed by another writer meanwhile, and this push has replaced that change;"
                " see greenlight plan versions"
            )
        return True

    def versions(self) -> list[dict[str, Any]]:
        """List the versions of the parameter. SSM keeps the last hundred."""
        try:
            history = self._aws.pages("ssm", "get_parameter_history", "Parameters", Name=self._name)
        except AwsError as error:
            if error.code in _NO_PARAMETER:
                return []
            raise
        newest = max((version["Version"] for version in history), default=0)
        return [
            {
                "version_id": str(version["Version"]),
                "stored_at": _to_iso(version["LastModifiedDate"]),
                "latest": version["Version"] == newest,
                "deleted": False,
                "bytes": len(str(version.get("Value", "")).encode()),
            }
            for version in sorted(history, key=lambda version: int(version["Version"]), reverse=True)
        ]


def _to_iso(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).isoformat(timespec="seconds")
