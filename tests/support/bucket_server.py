"""S3 over HTTP for hooks in a process of their own: objects in memory, conditional writes, and the order of writes."""

from __future__ import annotations

import hashlib
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class BucketServer:
    """S3 with any bucket.

    Attributes:
        objects: Bodies by `/BUCKET/KEY`.
        writes: Key of every accepted write.
        on_write: Called with the key before each write; an error code refuses the write.
        url: Endpoint, while the server runs.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    on_write: Callable[[str], str] = lambda _key: ""
    url: str = ""

    def __enter__(self) -> BucketServer:
        """Start the server on a free port."""
        bucket, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_PUT(self) -> None:
                length, key = int(self.headers.get("content-length", 0)), self._key()
                body = self.rfile.read(length)
                if len(body) < length:
                    raise ConnectionResetError("the hook was killed during its request")
                if code := bucket.on_write(key):
                    return self._refuse(403, code)
                with lock:
                    if not self._is_wanted(key):
                        return self._refuse(412, "PreconditionFailed")
                    bucket.objects[key] = body
                    bucket.writes.append(key)
                return self._send(200, b"", etag(body))

            def do_GET(self) -> None:
                body = bucket.objects.get(self._key())
                if body is None:
                    return self._refuse(403, "AccessDenied")  # as without s3:ListBucket
                return self._send(200, body, etag(body))

            def handle_expect_100(self) -> bool:
                accepted = super().handle_expect_100()
                self.wfile.flush()
                return accepted

            def _key(self) -> str:
                return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)

            def _is_wanted(self, key: str) -> bool:
                stored = bucket.objects.get(key)
                if self.headers.get("if-none-match") == "*":
                    return stored is None
                match = self.headers.get("if-match")
                return match is None or (stored is not None and match.strip('"') == etag(stored))

            def _refuse(self, status: int, code: str) -> None:
                self._send(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), "")

            def _send(self, status: int, body: bytes, tag: str) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                if tag:
                    self.send_header("etag", f'"{tag}"')
                self.end_headers()
                self.wfile.write(body)

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    self.close_connection = True  # the hook was killed

            def log_message(self, *_arguments: object) -> None:
                """Suppress the log of the server in the output of the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_raised: object) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()

    def named(self, ending: str) -> dict[str, bytes]:
        """Return the objects whose key ends so."""
        return {key: body for key, body in self.objects.items() if key.endswith(ending)}


def etag(body: bytes) -> str:
    """Return the entity tag of a body."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
