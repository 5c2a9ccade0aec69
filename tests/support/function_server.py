"""A Lambda Invoke endpoint on loopback: Python functions by version, called over real HTTP through botocore."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any

import botocore.session

from greenlight.aws.client import Aws

if TYPE_CHECKING:
    from collections.abc import Callable

SESSION = botocore.session.Session()
DEPLOYMENT = {
    "platform": "lambda",
    "stage": "BeforeAllowTraffic",
    "function": "orders",
    "alias": "live",
    "region": "mars-west-1",
}


class Failing(Exception):  # noqa: N818 - a function raises it, not greenlight
    """Raised by a version to end with a function error."""


class Functions:
    """Server of `versions`.

    Attributes:
        init_ms: The cold start of each version's first call; None for functions without a log.
    """

    def __init__(self, versions: dict[str, Callable[[Any], Any]], init_ms: float | None = 120.0) -> None:
        self.versions, self.init_ms = versions, init_ms
        self.events: list[tuple[str, Any]] = []
        self.executed = ""
        self.refuse = ""
        self._warm: set[str] = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
                """Write nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> Functions:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def client(self, service: str, *, config: Any) -> Any:
        """Return a client that calls this server."""
        return SESSION.create_client(
            service,
            region_name="mars-west-1",
            endpoint_url=f"http://127.0.0.1:{self._server.server_address[1]}",
            aws_access_key_id="nobody",
            aws_secret_access_key="nothing",
            config=config,
        )

    def aws(self) -> Aws:
        """Return an account that has only these functions."""
        return Aws(self)

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        version = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)["Qualifier"][0]
        event = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.events.append((version, event))
        headers = {"X-Amz-Executed-Version": self.executed or version}
        status, body = 200, b""
        if self.refuse:
            status, body = 429, json.dumps({"Type": "User", "message": "Rate exceeded"}).encode()
            headers["x-amzn-ErrorType"] = self.refuse
        else:
            try:
                result = self.versions[version](event)
                body = result if isinstance(result, bytes) else json.dumps(result).encode()
            except Failing as error:
                headers["X-Amz-Function-Error"] = "Unhandled"
                body = json.dumps({"errorType": "Failing", "errorMessage": str(error)}).encode()
            if self.init_ms is not None:
                cold = "" if version in self._warm else f"\tInit Duration: {self.init_ms} ms"
                log = f"REPORT RequestId: 1\tDuration: 3.50 ms\tBilled Duration: 4 ms{cold}\t\n"
                headers["X-Amz-Log-Result"] = base64.b64encode(log.encode()).decode()
        self._warm.add(version)
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
