"""grpc_health: green's gRPC server reports that it, or one of its services, is serving.

The check calls `grpc.health.v1.Health/Check` over HTTP/2, with TLS (and ALPN) if green's URL is https, otherwise in
plain text. It passes only with HTTP status 200, gRPC's content type, gRPC status OK and the expected serving status.
FAIL: the server does not know the service, has no health service, or does not answer in time. ERROR: the rule of
green's listener does not forward this path, so the call would reach another target.

Example:
    checks:
      - name: the orders service is serving
        grpc_health: {service: shop.orders.v1.Orders, metadata: {x-smoke: "1"}}

Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md and PROTOCOL-HTTP2.md beside it
"""

from __future__ import annotations

import urllib.parse
from typing import Annotated, Literal

import msgspec

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    NoAnswerError,
    Params,
    error,
    failed,
    finding_from,
    validator,
)

from ._grpc import BrokenCallError, Call, describe_status, encode_request, is_grpc, is_sendable, read_serving_status

PATH = "/grpc.health.v1.Health/Check"


class GrpcHealth(Params, frozen=True, kw_only=True):
    """A call and the expected serving status.

    Attributes:
        service: The service to check; the whole server by default.
        status: The expected serving status.
        metadata: Metadata to send.
        host: The host to call; green's by default.
        port: The port to call; that of green's URL by default.
        tls: Use TLS; by default as green's URL does.
    """

    service: str = ""
    status: Literal["SERVING", "NOT_SERVING"] = "SERVING"
    metadata: dict[str, str] = {}
    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    tls: bool | None = None

    def __post_init__(self) -> None:
        """Reject metadata that HTTP/2 cannot carry."""
        for name, value in self.metadata.items():
            if not is_sendable(name, value):
                raise ValueError(f"the metadata {name!r} cannot be sent")


@validator(
    GrpcHealth,
    remediation=(
        "Call it by hand: `grpc_health_probe -addr=HOST:PORT -service=NAME`. NOT_SERVING comes from the service "
        "itself, so read in its log what it waits for; an HTTP/1 answer or a broken protocol means that the "
        "listener's target group does not have the protocol version GRPC."
    ),
    cost="One connection to green and one call for each attempt.",
)
def grpc_health(params: GrpcHealth, context: Context) -> Finding:
    """Green's gRPC server reports that it, or one of its services, is serving."""
    url = urllib.parse.urlsplit(context.green.url)
    tls = url.scheme == "https" if params.tls is None else params.tls
    is_green = params.host in ("", url.hostname)
    place = params.service or "the whole server"
    try:
        target = context.resolve_request(PATH, params.metadata, "POST").url if is_green and url.scheme else ""
        if target and not target.endswith(f"{url.netloc}{PATH}"):
            patterns = ", ".join(context.green.path_patterns)
            return error(f"the rule that routes to green accepts only the paths {patterns}, not {PATH}")
        connection = context.connect(params.host, params.port, tls=tls, alpn=("h2",) if tls else ())
    except NoAnswerError as problem:
        return failed(str(problem))
    call = Call(
        path=PATH,
        scheme="https" if tls else "http",
        authority=(context.green.host or url.netloc) if is_green else f"{params.host}:{params.port}",
        headers={**(context.green.headers if is_green else {}), **params.metadata},
        message=encode_request(params.service),
    )
    with connection:
        try:
            headers, body = call.send(connection, context)
            status = read_serving_status(body) if headers.get("grpc-status") == "0" else ""
        except BrokenCallError as problem:
            return failed(f"{place}: {problem}")
    content_type = headers.get("content-type", "none")
    evidence = [
        _compare("HTTP status", "200", headers.get(":status", "none"), place),
        Evidence(
            query="content type",
            expected="application/grpc",
            actual=content_type,
            passed=is_grpc(content_type),
            where=place,
        ),
        _compare("gRPC status", "OK", describe_status(headers), place),
        _compare("serving status", params.status, status or "none", place),
    ]
    return finding_from(evidence, f"{place} is {status}")


def _compare(query: str, expected: str, actual: str, place: str) -> Evidence:
    is_equal = actual.partition(":")[0] == expected
    return Evidence(query=query, expected=expected, actual=actual, passed=is_equal, where=place)
