"""Rows of DynamoDB tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.api import from_dynamodb, to_dynamodb

from .base import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.api import Context, IamRequirement


class Row(Place, frozen=True, kw_only=True):
    """A row by its whole key.

    Attributes:
        table: The table's name.
        key: All attributes of its key.
    """

    table: str
    key: dict[str, str | int | float]

    def find(self, context: Context, _start: float) -> list[Any]:
        """Read the row."""
        key = to_dynamodb(self.key)["M"]
        item = context.aws_call("dynamodb", "get_item", TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return [] if item is None else [from_dynamodb({"M": item})]

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the action that `find` needs."""
        yield "dynamodb:GetItem", self._arn

    def delete(self, context: Context) -> None:
        """Delete the row, if it exists."""
        context.aws_call("dynamodb", "delete_item", TableName=self.table, Key=to_dynamodb(self.key)["M"])

    def required_iam_to_delete(self) -> IamRequirement:
        """Return the action that `delete` needs."""
        return "dynamodb:DeleteItem", self._arn

    @property
    def _arn(self) -> str:
        return f"arn:aws:dynamodb:*:*:table/{self.table}"
