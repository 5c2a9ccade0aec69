"""A gate's surroundings on this machine: S3, SNS and EventBridge that take everything, and a green that answers."""

from __future__ import annotations

import json
import threading
import urllib.parse
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_S3 = "http://s3.amazonaws.com/doc/2006-03-01/"
_SNS = "http://sns.amazonaws.com/doc/2010-03-31/"


@dataclass
class Cloud:
    """One server for all of them; a request's method and path show what it is for.

    Attributes:
        objects: S3 objects by "BUCKET/KEY"; a gate reads these, and adds what it stores.
        lists: Prefixes that S3 was asked to list.
        requests: Entries of EventBridge and parameters of SNS, as they arrived.
        is_full: S3 refuses to store anything.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    lists: list[str] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    is_full: bool = False
    url: str = ""
    _flaky_answers: list[int] = field(default_factory=lambda: [500])

    def __enter__(self) -> Cloud:
        """Listen on a free port."""
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, text = cloud.answer(self.command, self.path, body)
                self.send_response(status)
                self.send_header("last-modified", formatdate(usegmt=True))
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_PUT(self) -> None:
                self.do_GET()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *args: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *raised: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """Answer one request."""
        url = urllib.parse.urlsplit(target)
        path, query = urllib.parse.unquote(url.path), urllib.parse.parse_qs(url.query)
        if path.startswith("/green/"):
            flaky = path.endswith("flaky")
            return (self._flaky_answers.pop() if flaky and self._flaky_answers else 200), b"{}"
        if method == "POST":
            return self._announce(body)
        if method == "PUT":
            return self._store(path, body)
        if "list-type" in query:
            return self._list(path.strip("/"), query["prefix"][0])
        stored = self.objects.get(path[1:])
        return (404, _error("NoSuchKey")) if stored is None else (200, stored)

    def _announce(self, body: bytes) -> tuple[int, bytes]:
        if body.startswith(b"{"):
            self.requests += json.loads(body)["Entries"]
            return 200, b'{"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}'
        self.requests.append({key: value for key, (value, *_) in urllib.parse.parse_qs(body.decode()).items()})
        result = "<PublishResult><MessageId>1</MessageId></PublishResult>"
        return 200, f'<PublishResponse xmlns="{_SNS}">{result}</PublishResponse>'.encode()

    def _store(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self.is_full:
            return 403, _error("AccessDenied")
        self.objects[path[1:]] = body
        return 200, b""

    def _list(self, bucket: str, prefix: str) -> tuple[int, bytes]:
        self.lists.append(prefix)
        modified = "2026-01-01T00:00:00.000Z"
        keys = [name.partition("/")[2] for name in self.objects if name.startswith(f"{bucket}/{prefix}")]
        contents = "".join(
            f"<Contents><Key>{key}</Key><LastModified>{modified}</LastModified></Contents>" for key in keys
        )
        return 200, f'<ListBucketResult xmlns="{_S3}">{contents}</ListBucketResult>'.encode()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
