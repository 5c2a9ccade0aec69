"""A request as an Application Load Balancer forwards it.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.toolkit.lambda_events.http import http_parts

if TYPE_CHECKING:
    from greenlight.toolkit.lambda_events.http import HttpEvent
    from greenlight.toolkit.lambda_events.metadata import EventMetadata


def event(described: HttpEvent, metadata: EventMetadata) -> dict[str, Any]:
    """Build the event of one request."""
    headers, body, encoded = http_parts(described)
    parts = described.parts()
    raw = (pair.partition("=") for pair in parts.query.split("&") if pair)  # a load balancer does not decode the query
    group = metadata.arn("elasticloadbalancing", "targetgroup/green/0123456789abcdef")
    host = f"green.{metadata.region}.elb.amazonaws.com"
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": described.method,
        "path": parts.path,
        "queryStringParameters": {name: value for name, _, value in raw},
        "headers": {"host": host, "user-agent": "greenlight", "x-forwarded-proto": "https", **headers},
        "body": body or "",
        "isBase64Encoded": encoded,
    }
