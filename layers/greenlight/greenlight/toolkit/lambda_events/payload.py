"""What a version is invoked with: data as it is, or an event by its description."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.checks.validator import Params
from greenlight.toolkit.lambda_events.event import LambdaEvent, build_event
from greenlight.toolkit.lambda_events.metadata import EventMetadata

if TYPE_CHECKING:
    from greenlight.checks.context import Context


class LambdaPayload(Params, frozen=True, kw_only=True):
    """Base of parameters that say what a version gets: a `payload`, or an `event`; an empty object without either."""

    payload: Any = msgspec.UNSET
    event: LambdaEvent | None = None

    def __post_init__(self) -> None:
        """Refuse both."""
        if self.event is not None and self.payload is not msgspec.UNSET:
            raise ValueError("payload and event are two ways to say one thing; take one out")

    @property
    def is_http(self) -> bool:
        """Whether the answer is one to an HTTP request."""
        return self.event is not None and self.event.is_http

    def build(self, context: Context, part: str = "") -> Any:
        """Give what the version gets, as plain data.

        Args:
            context: Its deployment gives region and ids.
            part: Sets the ids of several events of one deployment apart.
        """
        if self.event is None:
            return {} if self.payload is msgspec.UNSET else self.payload
        deployment = context.deployment
        return build_event(
            self.event, EventMetadata(region=deployment.region, at=time.time(), seed=f"{deployment.id}{part}")
        )
