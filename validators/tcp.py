"""tcp: a port of green, or of a host beside it, accepts connections.

Judged by a connection that is really made, and by how long that took if the plan says so. A port that refuses is
FAIL; one that does not reply, or may not be called, is ERROR: the way there may be what is missing. A load balancer
accepts connections by itself, with no target behind it, too: what answers behind one is shown by `http`, `tls` or
`websocket`, and this shows that the listener is there.

Example:
    checks:
      - name: the message broker beside the service listens
        tcp: {host: broker.orders.example, port: 5671, connect: {lte: 300ms}}

Source: RFC 9293, section 3.5 (establishing a connection)
"""

from __future__ import annotations

import time
from typing import Annotated

import msgspec

from greenlight.api import (
    Context,
    DurationExpectation,
    Evidence,
    Finding,
    HttpError,
    NoAnswerError,
    Params,
    check_value,
    error,
    failed,
    finding_from,
    validator,
)


class Tcp(Params, frozen=True, kw_only=True):
    """Where to connect: `host` and `port`, those of green's URL when left out; `connect` is how long it may take."""

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    connect: DurationExpectation | None = None


@validator(
    Tcp,
    remediation=(
        "Try the same from the gate's network: `nc -vz HOST PORT`. Refused means that nothing listens there; no "
        "reply means a security group, a route or a network ACL between the hook's subnets and the host."
    ),
    cost="One connection for each attempt, closed at once.",
)
def tcp(params: Tcp, context: Context) -> Finding:
    """A port accepts connections."""
    began = time.perf_counter()
    try:
        connection = context.connect(params.host, params.port)
    except NoAnswerError as problem:
        return failed(str(problem))
    except HttpError as problem:
        return error(str(problem))
    took_ms = (time.perf_counter() - began) * 1000
    with connection:
        address, port = connection.getpeername()[:2]
    where = f"{address} port {port}"
    found = [Evidence(query="connection", expected="accepted", actual="accepted", passed=True, where=where)]
    if params.connect is not None:
        found.append(check_value("time to connect (ms)", params.connect, round(took_ms, 3), where))
    return finding_from(found, f"{params.host or 'green'} ({where}) accepted a connection in {took_ms:.0f} ms")
