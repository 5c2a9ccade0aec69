"""A request as API Gateway's REST API forwards it (payload version 1.0).

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

from greenlight.toolkit.lambda_events.http import http_parts, path_parameters
from greenlight.toolkit.lambda_events.metadata import ACCOUNT, EventMetadata

if TYPE_CHECKING:
    from greenlight.toolkit.lambda_events.http import HttpEvent


def event(described: HttpEvent, metadata: EventMetadata) -> dict[str, Any]:
    """Build the event of one request; absent values are null."""
    _, body, encoded = http_parts(described)
    parts, stage = described.parts(), described.stage or "prod"
    domain = f"api.execute-api.{metadata.region}.amazonaws.com"
    headers = {"Host": domain, "User-Agent": "greenlight", "X-Forwarded-Proto": "https", **described.encode()[0]}
    query = _multi(parts.query)
    resource = described.route or parts.path
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": "api",
        "domainName": domain,
        "extendedRequestId": metadata.id("extended"),
        "httpMethod": described.method,
        "identity": {"sourceIp": described.source_ip, "userAgent": "greenlight"},
        "path": f"/{stage}{parts.path}",
        "protocol": "HTTP/1.1",
        "requestId": metadata.id("request"),
        "requestTime": metadata.clf(),
        "requestTimeEpoch": int(metadata.at * 1000),
        "resourcePath": resource,
        "stage": stage,
    }
    if described.claims:
        context["authorizer"] = {"claims": described.claims}
    return {
        "resource": resource,
        "path": parts.path,
        "httpMethod": described.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": path_parameters(described.route, parts.path) or None,
        "stageVariables": described.stage_variables or None,
        "requestContext": context,
        "body": body,
        "isBase64Encoded": encoded,
    }


def _multi(query: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return values
