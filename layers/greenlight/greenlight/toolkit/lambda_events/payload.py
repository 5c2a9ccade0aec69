"""Payload of an invocation: plain data, or an event built from its description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.checks.validator import Params
from greenlight.toolkit.lambda_events.event import LambdaEvent, build_event
from greenlight.toolkit.lambda_events.metadata import EventMetadata

if TYPE_CHECKING:
    from greenlight.checks.context import Context


class LambdaPayload(Params, frozen=True, kw_only=True):
    """Base class of parameters for an invocation: a `payload` or an `event`; without either it is an empty object."""

    payload: Any = msgspec.UNSET
    event: LambdaEvent | None = None

    def __post_init__(self) -> None:
        """Reject a payload together with an event."""
        if self.event is not None and self.payload is not msgspec.UNSET:
            raise ValueError("payload and event exclude each other; remove one")

    @property
    def is_http(self) -> bool:
        """Whether the function's result is the response to an HTTP request."""
        return self.event is not None and self.event.is_http

    def build(self, context: Context, part: str = "") -> Any:
        """Return the payload as plain data.

        Args:
            context: Source of region, time and ids.
            part: Distinguishes the ids of several events of one deployment.
        """
        if self.event is None:
            return {} if self.payload is msgspec.UNSET else self.payload
        deployment, at = context.deployment, context.clock.now_utc().timestamp()
        return build_event(self.event, EventMetadata(region=deployment.region, at=at, seed=f"{deployment.id}{part}"))
