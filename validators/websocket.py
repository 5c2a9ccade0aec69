"""websocket: a WebSocket opens and answers the messages sent to it.

The handshake must end with 101 and meet RFC 6455. Then the steps run one after the other: each may `send`
one message and `expect` one. Up to `skip` other messages may come before the expected one, for servers that also send
messages of their own. A server that closes, sends nothing in time or breaks the protocol is FAIL. Without steps, only
the handshake is checked. Messages may change data: send only messages that do no harm.

Example:
    checks:
      - name: prices are sent to subscribers
        websocket:
          path: /live
          subprotocols: [prices.v1]
          steps:
            - send: {json: {subscribe: A1}}
              expect: {json: {type: subscribed, symbol: A1}}
            - expect: {json: {type: price, amount: {gt: 0}}, latency: {lte: 2s}}
              skip: 5

Source: RFC 6455 (the WebSocket protocol)
"""

from __future__ import annotations

import urllib.parse

from greenlight.api import Context, Evidence, Finding, NoAnswerError, Params, failed, finding_from, validator

from ._websocket_client import BrokenError, Step, WebSocketClient


class Websocket(Params, frozen=True, kw_only=True):
    """The handshake, and the conversation after it.

    Attributes:
        path: Path on green, or a ws:// or wss:// URL.
        headers: Headers of the handshake.
        subprotocols: Subprotocols to offer; the server must accept one of them.
        steps: Messages to send and to expect, one step after the other.
    """

    path: str = "/"
    headers: dict[str, str] = {}
    subprotocols: list[str] = []
    steps: list[Step] = []

    def __post_init__(self) -> None:
        """Reject steps that end without an expectation, and headers that cannot be sent."""
        if self.steps and self.steps[-1].expect is None:
            raise ValueError("the last step expects nothing, so its effect would not be checked; add expect:")
        offers = [("Sec-WebSocket-Protocol", name) for name in self.subprotocols]
        for name, value in [*self.headers.items(), *offers]:
            if any(character in f"{name}{value}" for character in "\r\n\0"):
                raise ValueError(f"the header {name!r} cannot be sent: it contains a line break or a null character")


@validator(
    Websocket,
    unsafe=True,
    remediation=(
        "Connect by hand, for example with `python -m websockets wss://HOST/PATH`, and send the messages of the "
        "plan. If the handshake is answered with 200 or 400, another route than the WebSocket's matched. If the server "
        "closes at once, the close code in the finding shows the reason."
    ),
    cost="One connection to green for each attempt, and the messages of its steps.",
)
def websocket(params: Websocket, context: Context) -> Finding:
    """A WebSocket opens and answers the messages sent to it."""
    url = params.path.replace("ws", "http", 1) if params.path.startswith(("ws://", "wss://")) else params.path
    try:
        target = context.resolve_request(url, params.headers, "GET")
        parts = urllib.parse.urlsplit(target.url)
        is_secure = parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        connection = context.connect(parts.hostname or "", port, tls=is_secure)
    except NoAnswerError as problem:
        return failed(str(problem))
    results: list[Evidence] = []
    with connection:
        client = WebSocketClient(
            connection, _to_uri(target.url, target.host), target.headers, params.subprotocols, context
        )
        try:
            client.open()
            results.append(Evidence(query="handshake", expected=101, actual=101, passed=True, where=params.path))
            if params.subprotocols and client.subprotocol() is None:  # browsers close the connection then
                offered = ", ".join(params.subprotocols)
                return failed(f"{params.path}: none of the subprotocols {offered} was accepted", *results)
            for number, step in enumerate(params.steps, 1):
                results += client.run_step(step, f"step {number}")
                if not all(result.passed for result in results):
                    return finding_from(results, "")
            if params.steps:
                client.close()
            else:
                client.close_at_once()
        except BrokenError as problem:
            return failed(f"{params.path}: {problem}", *results)
    answered = f" and answered {len(params.steps)} steps as expected" if params.steps else ""
    return finding_from(results, f"{params.path} opened in {client.opened_ms:.0f} ms{answered}")


def _to_uri(url: str, host: str) -> str:
    """Return the URL with a WebSocket scheme, and with `host` in place of its own if there is one."""
    parts = urllib.parse.urlsplit(url)
    path, query = (urllib.parse.quote(part, safe="/?%:@!$&'()*+,;=~-._") for part in (parts.path or "/", parts.query))
    return f"{parts.scheme.replace('http', 'ws')}://{host or parts.netloc}{path}{'?' if query else ''}{query}"
