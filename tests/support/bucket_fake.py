"""Fake S3 over HTTP with conditional writes, which are one step as in S3, and with faults."""

from __future__ import annotations

import email.utils
import hashlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Bucket:
    """Fake S3 with path-style addresses.

    Attributes:
        objects: Content and time of every object, by path.
        puts: The path of every write that was accepted.
        refuse: Returns an error's status and code for a method and path; None to perform the request.
        delay: Called before each request is performed.
        drip_s: Pause between two bytes of a response; 0 for none.
        clock_ahead_s: How far S3's clock is ahead of this machine's.
        url: Endpoint, while the server runs.
    """

    objects: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    refuse: Callable[[str, str], tuple[int, str] | None] = lambda _method, _path: None
    delay: Callable[[], None] = lambda: None
    drip_s: float = 0.0
    clock_ahead_s: float = 0.0
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Bucket:
        """Start the server on a free port."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_PUT(self) -> None:
                if self.headers.get("expect"):
                    self.send_response_only(100)
                    self.end_headers()
                    self.wfile.flush()
                self._reply(self.rfile.read(int(self.headers["content-length"])))

            def do_GET(self) -> None:
                self._reply(b"")

            def _reply(self, body: bytes) -> None:
                fake.delay()
                status, headers, data = fake.perform(self.command, self.path.partition("?")[0], self.headers, body)
                self.send_response_only(status)
                now = time.time() + fake.clock_ahead_s
                for name, value in {"date": email.utils.formatdate(now, usegmt=True), **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.flush()
                for index in range(len(data)) if fake.drip_s else ():
                    self.wfile.write(data[index : index + 1])
                    self.wfile.flush()
                    time.sleep(fake.drip_s)
                if not fake.drip_s:
                    self.wfile.write(data)

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:  # a hook was killed
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                """Suppress the log of the server in the output of the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *raised: object) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()

    def perform(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the response to one request."""
        if error := self.refuse(method, path):
            return _error(*error)
        with self._lock:
            stored = self.objects.get(path)
            if method == "GET":
                return _found(*stored) if stored else _error(404, "NoSuchKey")
            etag = _etag(stored[0]) if stored else None
            if (headers.get("if-none-match") == "*" and etag) or headers.get("if-match", etag) != etag:
                return _error(412, "PreconditionFailed")
            self.objects[path] = (body, time.time() + self.clock_ahead_s)
            self.puts.append(path)
            return 200, {"etag": _etag(body)}, b""

    def keys(self, part: str) -> list[str]:
        """Return the keys of the objects whose key contains `part`."""
        return [path.split("/", 2)[2] for path in self.objects if part in path]


def _found(body: bytes, stored_at: float) -> tuple[int, dict[str, str], bytes]:
    modified = email.utils.formatdate(stored_at, usegmt=True)
    return 200, {"etag": _etag(body), "last-modified": modified, "content-type": "application/json"}, body


def _error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    text = f"<Error><Code>{code}</Code><Message>refused by the fake</Message></Error>"
    return status, {"content-type": "application/xml"}, text.encode()


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
