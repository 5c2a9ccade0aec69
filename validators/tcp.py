"""tcp: a port of green, or of a host that green depends on, accepts connections.

A real connection is made; `connect` limits how long that may take. A refused connection is FAIL. A host that does not
reply, or that checks may not call, is ERROR: the network path may be at fault. A load balancer accepts connections
even without a healthy target, so behind one this check shows only that the listener exists and is not evidence of
green, unless a network load balancer passes the connection on (TCP). Check the service itself with `http`,
`grpc_health` or `websocket`.

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
    NoAnswerError,
    Params,
    check_value,
    failed,
    finding_from,
    validator,
)


class Tcp(Params, frozen=True, kw_only=True):
    """Target of the connection.

    Attributes:
        host: Host name; that of green's URL by default.
        port: TCP port; that of green's URL by default.
        connect: How long the connection may take.
    """

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    connect: DurationExpectation | None = None


@validator(
    Tcp,
    remediation=(
        "Try the same from the gate's network: `nc -vz HOST PORT`. A refused connection means that nothing listens "
        "there; no reply means a security group, a route or a network ACL between the hook's subnets and the host."
    ),
    cost="One connection for each attempt, closed at once.",
)
def tcp(params: Tcp, context: Context) -> Finding:
    """A port accepts connections."""
    started = time.perf_counter()
    try:
        connection = context.connect(params.host, params.port)
    except NoAnswerError as problem:
        return failed(str(problem))
    elapsed_ms = (time.perf_counter() - started) * 1000
    with connection:
        address, port = connection.getpeername()[:2]
    peer = f"{address} port {port}"
    results = [Evidence(query="connection", expected="accepted", actual="accepted", passed=True, where=peer)]
    if params.connect is not None:
        results.append(check_value("time to connect (ms)", params.connect, round(elapsed_ms, 3), peer))
    return finding_from(results, f"{params.host or 'green'} ({peer}) accepted a connection in {elapsed_ms:.0f} ms")
