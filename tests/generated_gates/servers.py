"""Load balancer, green, blue and another host: real servers on loopback that play the current world."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import dns.message
import dns.rrset
import h2.config
import h2.connection
import h2.events
import trustme
from websockets.server import ServerProtocol

from .green_app import Request, Response, make_response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .world import Rule, World

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
HANG_S = 3.0


class Endpoint:
    """A listening socket.

    Attributes:
        port: TCP port.
    """

    def __init__(self, handle: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self._handle, self._tls = handle, tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError, ValueError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(10)
            if not self._tls:
                self._handle(connection)
                return
            secured = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with secured:
                secured.do_handshake()
                self._handle(secured)

    def close(self) -> None:
        """Stop to accept connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Servers:
    """All servers of one process.

    Attributes:
        world: The world that they play.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.set_alpn_protocols(["h2", "http/1.1"])
        authority.issue_cert("127.0.0.1", "green.example").configure_cert(tls)
        self.world: World
        self._balancers = {
            "HTTP": Endpoint(self._balance),
            "HTTPS": Endpoint(self._balance, tls),
            "TCP": Endpoint(self._serve_green),
        }
        self._blue = Endpoint(lambda connection: self._serve(connection, "blue"))
        self._dns = Endpoint(_serve_dns)
        self._other = Endpoint(lambda connection: self._serve(connection, "other"))
        closed = socket.create_server(("127.0.0.1", 0))  # bound and not accepting, so that nothing else gets its port
        closed.listen(0)
        self._dead_port = closed.getsockname()[1]
        closed.close()

    def close(self) -> None:
        """Stop all servers."""
        for endpoint in (*self._balancers.values(), self._blue, self._other, self._dns):
            endpoint.close()

    def green_port(self) -> int:
        """Return the port of the listener that leads to green; nothing accepts for a dead green behind TCP."""
        world = self.world
        return (
            self._dead_port
            if (world.listener, world.green) == ("TCP", "dead")
            else self._balancers[world.listener].port
        )

    def dns_port(self) -> int:
        """Return the port of a DNS server."""
        return self._dns.port

    def blue_port(self) -> int:
        """Return the port of the listener that leads to blue."""
        return self._blue.port

    def other_port(self) -> int:
        """Return the port of another host."""
        return self._other.port

    def _serve_green(self, connection: socket.socket) -> None:
        self.world.record.add_answer("")  # a listener for TCP passes the connection on: green accepted it
        self._serve(connection, "green")

    def _balance(self, connection: socket.socket) -> None:
        self._serve(connection, "balancer")

    def _serve(self, connection: socket.socket, side: str) -> None:
        """Serve the requests of a connection."""
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                received = connection.recv(65536)
                if not received:
                    return
                data += received
            if data.startswith(PREFACE):
                self._serve_http_2(connection, data, side)
                return
            request, data = _read_request(connection, data)
            if not self._answer(connection, request, side):
                return

    def _answer(self, connection: socket.socket, request: Request, side: str) -> bool:
        """Answer one request; return whether the connection can carry another one."""
        target = self._route(request) if side == "balancer" else side
        world = self.world
        if target == "green":
            if world.green == "dead":
                target = "unavailable"
            elif world.green == "hanging":
                time.sleep(HANG_S)
                return False
            elif world.green in ("illegal framing", "cut") and side == "balancer":
                target = "bad gateway"
        if target not in ("green", "blue", "other"):
            response = _make_own_response(target, names_itself=world.names_itself)
            connection.sendall(_encode(response, request.method))
            return True
        if request.headers.get("upgrade", "").lower() == "websocket":
            self._serve_websocket(connection, request, target)
            return False
        response = make_response(world, request, target, self._blue.port, self._other.port)
        if response is None:
            return False
        if response.raw:
            connection.sendall(response.raw)
            return False
        connection.sendall(_encode(response, request.method))
        return True

    def _route(self, request: Request) -> str:
        for rule in sorted(self.world.rules, key=lambda rule: rule.priority):
            if _takes(rule, request):
                return rule.target
        return "fixed"

    def _serve_websocket(self, connection: socket.socket, request: Request, target: str) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(request.raw)
        (handshake,) = protocol.events_received()
        is_refused = target == "green" and self.world.green in ("wrong status", "to blue", "to other", "to itself")
        if not is_refused and target == "green":
            self.world.record.add_answer(request.tag)
        protocol.send_response(protocol.reject(404, "no") if is_refused else protocol.accept(handshake))  # type: ignore[arg-type]
        self._flush(connection, protocol)
        while not is_refused and (data := connection.recv(65536)):
            protocol.receive_data(data)
            for frame in protocol.events_received():
                if getattr(frame, "opcode", None) == 1:
                    is_wrong = target == "green" and self.world.green == "wrong body"
                    protocol.send_text(b"wrong" if is_wrong else frame.data)  # type: ignore[union-attr]
            self._flush(connection, protocol)

    def _flush(self, connection: socket.socket, protocol: ServerProtocol) -> None:
        for data in protocol.data_to_send():
            if data:
                connection.sendall(data)

    def _serve_http_2(self, connection: socket.socket, data: bytes, side: str) -> None:
        http_2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        http_2.initiate_connection()
        headers: dict[str, str] = {}
        while data:
            for event in http_2.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers = {str(name): str(value) for name, value in event.headers or ()}
                is_whole = isinstance(event, h2.events.StreamEnded)
                if is_whole and not self._answer_call(http_2, event.stream_id or 1, headers, side):
                    return
            connection.sendall(http_2.data_to_send())
            data = connection.recv(65536)

    def _answer_call(self, http_2: Any, stream: int, headers: dict[str, str], side: str) -> bool:
        request = Request("POST", headers[":path"], headers | {"host": headers[":authority"]}, b"", b"")
        target = self._route(request) if side == "balancer" else side
        if target == "green" and self.world.green == "hanging":
            time.sleep(HANG_S)
            return False
        if target not in ("green", "blue", "other") or (target == "green" and self.world.green != "good"):
            server = [("server", "awselb/2.0")] if self.world.names_itself else []
            http_2.send_headers(stream, [(":status", "503"), ("content-type", "text/html"), *server])
            http_2.send_data(stream, PAGE.format("503 Service Temporarily Unavailable").encode(), end_stream=True)
            return True
        if target == "green":
            self.world.record.add_answer(headers.get("x-tag", ""))
        http_2.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        http_2.send_data(stream, b"\0\0\0\0\2\x08\1")
        http_2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
        return True


def _serve_dns(connection: socket.socket) -> None:
    query = dns.message.from_wire(connection.recv(65536)[2:])
    reply = dns.message.make_response(query)
    reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "10.0.0.1"))
    data = reply.to_wire()
    connection.sendall(len(data).to_bytes(2, "big") + data)


def _takes(rule: Rule, request: Request) -> bool:
    path, host = request.target.partition("?")[0], request.headers.get("host", "").partition(":")[0]
    name, value = rule.header
    return (
        (not rule.paths or any(fnmatch.fnmatchcase(path, pattern) for pattern in rule.paths))
        and (not rule.hosts or any(fnmatch.fnmatchcase(host, pattern) for pattern in rule.hosts))
        and (not name or request.headers.get(name) == value)
    )


def _read_request(connection: socket.socket, data: bytes) -> tuple[Request, bytes]:
    head, _, rest = data.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", 0))
    while len(rest) < length:
        received = connection.recv(65536)
        if not received:
            raise EOFError
        rest += received
    return Request(method, target, headers, rest[:length], head + b"\r\n\r\n"), rest[length:]


def _make_own_response(kind: str, *, names_itself: bool) -> Response:
    """Return a response that a load balancer makes."""
    server = {"server": "awselb/2.0"} if names_itself or kind in ("fixed", "redirect") else {}
    if kind == "fixed":
        return Response(200, server, json.dumps({"status": "ok", "release": "8", "data": {"a": 1}}).encode())
    if kind == "redirect":
        return Response(301, {**server, "location": "https://127.0.0.1:1/"}, b"")
    title = "502 Bad Gateway" if kind == "bad gateway" else "503 Service Temporarily Unavailable"
    return Response(int(title[:3]), {**server, "content-type": "text/html"}, PAGE.format(title).encode())


def _encode(response: Response, method: str) -> bytes:
    lines = [f"HTTP/1.1 {response.status} X", *(f"{name}: {value}" for name, value in response.headers.items())]
    head = "\r\n".join([*lines, f"content-length: {len(response.body)}", "", ""])
    return head.encode("latin-1") + (b"" if method == "HEAD" else response.body)
