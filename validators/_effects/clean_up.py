"""Steps that remove what a cause created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.api import Evidence, GreenlightError, HttpRequest, send_request

from .base import OneOf, fill
from .s3_object import Object
from .table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.api import Context, IamRequirement


class CleanUp(OneOf, frozen=True, kw_only=True):
    """One thing to remove afterwards; a row or an object that does not exist is not a failure, nor is a 404 or 410.

    Attributes:
        http: A request to green.
        dynamodb: A row to delete.
        s3: An object to delete.
    """

    http: HttpRequest | None = None
    dynamodb: Row | None = None
    s3: Object | None = None

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the action that the step needs."""
        for item in (self.dynamodb, self.s3):
            if item is not None:
                yield item.required_iam_to_delete()

    def run(self, context: Context, captured: Mapping[str, Any] | None) -> Evidence | None:
        """Run the step; return evidence if it failed. It never raises, so that the next step runs in any case."""
        try:
            reason = self._remove(context, captured)
        except KeyError as problem:
            reason = f"${{{problem.args[0]}}} was not captured"
        except GreenlightError as problem:
            reason = str(problem)
        except Exception as problem:  # noqa: BLE001 - the next step of the clean-up must run in any case
            reason = f"{type(problem).__name__}: {problem}"
        return Evidence(query="clean_up", expected="removed", actual=reason, where="clean_up") if reason else None

    def _remove(self, context: Context, captured: Mapping[str, Any] | None) -> str:
        if self.http is None:
            fill(self.chosen, captured).delete(context)
            return ""
        response = send_request(context, self.http, captured, timeout_s=max(0.1, context.remaining_s() / 2))
        if response.status < 400 or response.status in (404, 410):
            return ""
        return f"{self.http.method} {self.http.target(captured)} answered {response.status}"
