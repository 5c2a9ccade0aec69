"""Description of an event in plans, by the service that sends it, and the event that the function receives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from greenlight.checks.validator import Params
from greenlight.toolkit.lambda_events import (
    alb,
    api_gateway_v1,
    api_gateway_v2,
    cognito,
    dynamodb_stream,
    eventbridge,
    function_url,
    kinesis,
    s3,
    sns,
    sqs,
)
from greenlight.toolkit.lambda_events.cognito import Cognito
from greenlight.toolkit.lambda_events.dynamodb_stream import DynamoDbStream
from greenlight.toolkit.lambda_events.eventbridge import EventBridge
from greenlight.toolkit.lambda_events.http import HttpEvent
from greenlight.toolkit.lambda_events.kinesis import Kinesis
from greenlight.toolkit.lambda_events.s3 import S3
from greenlight.toolkit.lambda_events.sns import Sns
from greenlight.toolkit.lambda_events.sqs import Sqs

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.toolkit.lambda_events.metadata import EventMetadata

HttpKind = Literal["api_gateway_v2", "api_gateway_v1", "alb", "function_url"]


class LambdaEvent(Params, frozen=True, kw_only=True):
    """An event, by the service that sends it: exactly one of the keys.

    Attributes:
        api_gateway_v2, api_gateway_v1, alb, function_url: An HTTP request, as API Gateway's HTTP API, its REST API, a
            load balancer or a function URL would send it.
        sqs, sns, s3, eventbridge, dynamodb_stream, kinesis, cognito: An event as this service would send it.
    """

    api_gateway_v2: HttpEvent | None = None
    api_gateway_v1: HttpEvent | None = None
    alb: HttpEvent | None = None
    function_url: HttpEvent | None = None
    sqs: Sqs | None = None
    sns: Sns | None = None
    s3: S3 | None = None
    eventbridge: EventBridge | None = None
    dynamodb_stream: DynamoDbStream | None = None
    kinesis: Kinesis | None = None
    cognito: Cognito | None = None

    def __post_init__(self) -> None:
        """Reject an event with no key or with several keys."""
        provided = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        if len(provided) != 1:
            kinds = ", ".join(self.__struct_fields__)
            raise ValueError(f"an event has exactly one of {kinds}, but this event has {', '.join(provided) or 'none'}")

    @property
    def kind(self) -> str:
        """The key of the service that sends the event."""
        return next(name for name in self.__struct_fields__ if getattr(self, name) is not None)

    @property
    def is_http(self) -> bool:
        """Whether the function's result is the response to an HTTP request."""
        return self.kind in get_args(HttpKind)

    @property
    def is_batch(self) -> bool:
        """Whether the function's result may list failed items, an error that looks like success."""
        return self.kind in ("sqs", "dynamodb_stream", "kinesis")


_BUILDERS: dict[str, Callable[[Any, EventMetadata], dict[str, Any]]] = {
    "api_gateway_v2": api_gateway_v2.event,
    "api_gateway_v1": api_gateway_v1.event,
    "alb": alb.event,
    "function_url": function_url.event,
    "sqs": sqs.event,
    "sns": sns.event,
    "s3": s3.event,
    "eventbridge": eventbridge.event,
    "dynamodb_stream": dynamodb_stream.event,
    "kinesis": kinesis.event,
    "cognito": cognito.event,
}


def build_event(event: LambdaEvent, metadata: EventMetadata) -> dict[str, Any]:
    """Build the event that a function gets, as plain data.

    Args:
        event: Description of the event.
        metadata: Region, time and a seed for ids; the same metadata gives the same event.
    """
    return _BUILDERS[event.kind](getattr(event, event.kind), metadata)
