"""Objects in S3 buckets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.api import GreenlightError

from .base import Place, to_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.api import Context, IamRequirement

MAX_OBJECT_BYTES = 1024 * 1024
_ABSENT = ("NoSuchKey", "404", "NotFound")


class Object(Place, frozen=True, kw_only=True):
    """An object, as `size`, `type`, and `json` or `text`.

    Attributes:
        bucket: The bucket's name.
        key: The object's key.
    """

    bucket: str
    key: str

    def find(self, context: Context, _start: float) -> list[Any]:
        """Read the object; content over 1 MiB is left out."""
        try:
            answer = context.aws_call("s3", "get_object", Bucket=self.bucket, Key=self.key)
        except GreenlightError as problem:
            if getattr(problem, "code", "") in _ABSENT:
                return []
            raise
        content = answer["Body"].read(MAX_OBJECT_BYTES + 1)
        facts = {"size": answer.get("ContentLength"), "type": answer.get("ContentType")}
        if len(content) > MAX_OBJECT_BYTES:
            return [facts]
        data = to_data(content.decode(errors="replace"))
        return [{**facts, "text": data} if isinstance(data, str) else {**facts, "json": data}]

    def gap(self, effect: Any, query: str) -> str:
        """Return why the absence of a query's result shows nothing: the content was not read, or is of another kind."""
        for part in ("json", "text"):
            if part not in effect and re.search(rf"\b{part}\b", query):
                is_read = "json" in effect or "text" in effect
                return f"the object is not {part}" if is_read else "the object is larger than 1 MiB"
        return super().gap(effect, query)

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the actions that `find` needs; without s3:ListBucket, S3 answers 403 for a key that does not exist."""
        yield "s3:GetObject", self._arn
        yield "s3:ListBucket", f"arn:aws:s3:::{self.bucket}"

    def delete(self, context: Context) -> None:
        """Delete the object, if it exists."""
        context.aws_call("s3", "delete_object", Bucket=self.bucket, Key=self.key)

    def required_iam_to_delete(self) -> IamRequirement:
        """Return the action that `delete` needs."""
        return "s3:DeleteObject", self._arn

    @property
    def _arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}/{self.key}"
