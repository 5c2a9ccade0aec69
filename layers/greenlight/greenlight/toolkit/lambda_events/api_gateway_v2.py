"""A request as API Gateway's HTTP API forwards it (payload version 2.0).

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

from greenlight.toolkit.lambda_events.http import http_parts, path_parameters
from greenlight.toolkit.lambda_events.metadata import ACCOUNT, EventMetadata

if TYPE_CHECKING:
    from greenlight.toolkit.lambda_events.http import HttpEvent


def event(described: HttpEvent, metadata: EventMetadata) -> dict[str, Any]:
    """Build the event of one request."""
    return version_two(
        described,
        metadata,
        domain=f"api.execute-api.{metadata.region}.amazonaws.com",
        account=ACCOUNT,
        route=f"{described.method} {described.route}" if described.route else "$default",
        parameters=path_parameters(described.route, described.parts().path),
    )


def version_two(
    described: HttpEvent,
    metadata: EventMetadata,
    *,
    domain: str,
    account: str,
    route: str,
    parameters: dict[str, str] | None,
) -> dict[str, Any]:
    """Build an event of payload version 2.0, which has no empty values."""
    headers, body, encoded = http_parts(described)
    parts = described.parts()
    cookies = [cookie.strip() for cookie in headers.pop("cookie", "").split(";") if cookie.strip()]
    query: dict[str, str] = {}
    for name, value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    result: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": {"host": domain, "user-agent": "greenlight", "x-forwarded-proto": "https", **headers},
        "requestContext": {
            "accountId": account,
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": described.method,
                "path": parts.path,
                "protocol": "HTTP/1.1",
                "sourceIp": described.source_ip,
                "userAgent": headers.get("user-agent", "greenlight"),
            },
            "requestId": metadata.id("request"),
            "routeKey": route,
            "stage": described.stage or "$default",
            "time": metadata.clf(),
            "timeEpoch": int(metadata.at * 1000),
        },
        "isBase64Encoded": encoded,
    }
    if described.claims:
        result["requestContext"]["authorizer"] = {"jwt": {"claims": described.claims, "scopes": None}}
    absent_when_empty = {
        "cookies": cookies,
        "queryStringParameters": query,
        "pathParameters": parameters,
        "stageVariables": described.stage_variables,
        "body": body,
    }
    return result | {name: value for name, value in absent_when_empty.items() if value}
