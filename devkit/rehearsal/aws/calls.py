"""AWS API calls over HTTP, and responses in the formats of AWS."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[0-9]+/([^/]+)/([^/]+)/aws4_request")
_REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


@dataclass(frozen=True)
class Reply:
    """An HTTP response."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Return the response to a WSGI server."""
        headers = [*self.headers, ("Content-Length", str(len(self.body)))]
        start_response(f"{self.status} {_REASONS.get(self.status, 'Status')}", headers)
        return [self.body]


@dataclass(frozen=True)
class CutReply(Reply):
    """A response whose body ends before its announced length."""

    missing_bytes: int = 1000

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Return the response to a WSGI server."""
        headers = [*self.headers, ("Content-Length", str(len(self.body) + self.missing_bytes)), ("Connection", "close")]
        start_response(f"{self.status} {_REASONS.get(self.status, 'Status')}", headers)
        return [self.body]


@dataclass(frozen=True)
class DrippingReply(Reply):
    """A response whose body comes byte by byte.

    Attributes:
        wait: Waits between two bytes; returns True to send the rest at once.
    """

    wait: Callable[[], bool] = lambda: True

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Return the response to a WSGI server."""
        super().send(start_response)
        return self._drip()

    def _drip(self) -> Iterable[bytes]:
        for index in range(len(self.body)):
            if self.wait():
                yield self.body[index:]
                return
            yield self.body[index : index + 1]


def json_reply(data: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Return a JSON response (protocols `json` 1.1 and `rest-json`)."""
    return Reply(json.dumps(data).encode(), status, (("Content-Type", "application/x-amz-json-1.1"), *headers))


def json_error(code: str, message: str, status: int = 400) -> Reply:
    """Return an error response of the JSON protocols."""
    headers = (("x-amzn-ErrorType", code), ("x-amzn-RequestId", str(uuid.uuid4())))
    return json_reply({"__type": code, "message": message}, status, headers)


def s3_error(code: str, message: str, status: int) -> Reply:
    """Return an error response of S3."""
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Reply(text.encode(), status, (("Content-Type", "application/xml"),))


class Call:
    """One API call.

    Attributes:
        caller: Access key of the signature.
        session: Session token; in a function it identifies the execution environment.
        service: Service name of the signature.
    """

    def __init__(self, environ: Environ) -> None:
        """Parse the headers; the body is read on first use."""
        self._environ = environ
        match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        self.caller, self.region, self.service = match.groups() if match else ("", "", "")
        self.session = str(environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""))
        self.method = str(environ.get("REQUEST_METHOD", ""))
        self.path = unquote(str(environ.get("PATH_INFO", "")))
        self.target = str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]

    def header(self, name: str, default: str = "") -> str:
        """Return a request header."""
        return str(self._environ.get("HTTP_" + name.upper().replace("-", "_"), default))

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """Parameters of the query string."""
        return parse_qs(str(self._environ.get("QUERY_STRING", "")))

    @cached_property
    def body(self) -> bytes:
        """Body of the request; another application can read it again."""
        length = self._environ.get("CONTENT_LENGTH") or "0"
        data = self._environ["wsgi.input"].read(int(length)) if str(length).isdigit() else b""
        self._environ["wsgi.input"] = io.BytesIO(data)
        return bytes(data)

    @cached_property
    def json(self) -> dict[str, Any]:
        """Body of a JSON call; {} if the body is not a JSON object."""
        try:
            data = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}

    @cached_property
    def form(self) -> dict[str, str]:
        """Parameters in the body of a call in the query protocol."""
        return {key: values[0] for key, values in parse_qs(self.body.decode("utf-8", "replace")).items()}

    def pass_on(self, application: Application) -> Reply:
        """Call another WSGI application and return its complete response."""
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
            head[:] = [int(status.split()[0]), tuple(headers)]

        body = b"".join(application(self._environ, start_response))
        headers = tuple((name, value) for name, value in head[1] if name.lower() != "content-length")
        return Reply(body, head[0], headers)
