"""One request as validators write it, and the answer to it.

What `http`, a cause, a probe row, a synthesised event and a comparison share.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import urllib.parse
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from greenlight.checks.validator import Params
from greenlight.core.display import to_json_text
from greenlight.core.errors import WrongValueError
from greenlight.toolkit.capture_substitution import substitute_captures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlight.checks.context import Context
    from greenlight.network.client import Response
    from greenlight.network.cookies import CookieJar
    from greenlight.toolkit.http_expectation import ResponseExpectation

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing, by RFC 9110 section 9.2.1."""


class Upload(Params, frozen=True, kw_only=True):
    """A file in a multipart body.

    Attributes:
        filename: What it is called.
        type: Its media type.
        text, base64: What is in it; exactly one of them.

    Example:
        checks:
          - name: orders can be imported with remarks
            http:
              post: /orders/import
              body:
                multipart:
                  orders: {filename: orders.csv, type: text/csv, text: "sku,count"}
                  remarks: {filename: remarks.txt, type: text/plain, base64: c2t1IEExIGlzIG5ldw==}
              expect: {status: 201}
    """

    filename: str
    type: str = "application/octet-stream"
    text: str | None = None
    base64: str | None = None

    def __post_init__(self) -> None:
        """Refuse a file of nothing or of both, what is not base64, and a type that would be several lines."""
        if (self.text is None) == (self.base64 is None):
            raise ValueError("a file has exactly one of text and base64")
        if not self.type.isprintable() or not self.type.isascii():
            raise WrongValueError("a media type has printable ASCII characters alone", ("type",))
        _checked_base64(self.base64)


class Content(Params, frozen=True, kw_only=True):
    """A body, in exactly one form.

    Attributes:
        json: Any value, as application/json.
        text: A text, as text/plain in UTF-8.
        form: Fields by name, as application/x-www-form-urlencoded.
        base64: Bytes, as application/octet-stream.
        multipart: Fields and files by name, as multipart/form-data.

    Example:
        checks:
          - name: orders are taken in every form
            http:
              steps:
                - post: /orders
                  body: {json: {sku: A1}}
                  expect: {status: 201}
                - post: /orders
                  body: {text: "sku: A1"}
                  expect: {status: 201}
                - post: /orders
                  body: {form: {sku: A1}}
                  expect: {status: 201}
                - post: /orders
                  body: {base64: eyJza3UiOiAiQTEifQ==}
                  expect: {status: 201}
                - post: /orders/import
                  body: {multipart: {mode: append, file: {filename: orders.csv, type: text/csv, text: "sku,count"}}}
                  expect: {status: 201}
    """

    json: Any = msgspec.UNSET
    text: str | None = None
    form: dict[str, str | int | float] | None = None
    base64: str | None = None
    multipart: dict[str, str | int | float | Upload] | None = None

    def __post_init__(self) -> None:
        """Refuse none or several of them, and what is not base64."""
        given = [name for name in self.__struct_fields__ if getattr(self, name) not in (None, msgspec.UNSET)]
        if self.json is None:
            given.append("json")
        if len(given) != 1:
            raise ValueError(f"a body has exactly one of {', '.join(self.__struct_fields__)}")
        if self.multipart == {}:
            raise WrongValueError("a multipart body has at least one field", ("multipart",))
        _checked_base64(self.base64)

    def encoded(self, captured: Mapping[str, Any] | None = None) -> tuple[bytes, str]:
        """Give the bytes and their media type."""
        if self.text is not None:
            return to_json_text(substitute_captures(self.text, captured)).encode(), "text/plain; charset=utf-8"
        if self.form is not None:
            return _urlencoded(substitute_captures(self.form, captured)).encode(), "application/x-www-form-urlencoded"
        if self.base64 is not None:
            return base64.b64decode(self.base64), "application/octet-stream"
        if self.multipart is not None:
            return _multipart([_part(name, value, captured) for name, value in self.multipart.items()])
        return json.dumps(substitute_captures(self.json, captured)).encode(), "application/json"


def _checked_base64(text: str | None) -> None:
    if text is not None:
        try:
            base64.b64decode(text, validate=True)
        except binascii.Error as problem:
            raise ValueError(f"base64 cannot be decoded: {problem}") from problem


def _part(name: str, value: str | float | Upload, captured: Mapping[str, Any] | None) -> bytes:
    """Write one part; names are quoted as https://html.spec.whatwg.org/#multipart-form-data says."""
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if not isinstance(value, Upload):
        return f"{head}\r\n\r\n{to_json_text(substitute_captures(value, captured))}\r\n".encode()
    filename = _quoted(to_json_text(substitute_captures(value.filename, captured)))
    data = (
        base64.b64decode(value.base64)
        if value.base64 is not None
        else to_json_text(substitute_captures(value.text, captured)).encode()
    )
    return f'{head}; filename="{filename}"\r\nContent-Type: {value.type}\r\n\r\n'.encode() + data + b"\r\n"


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _multipart(parts: list[bytes]) -> tuple[bytes, str]:
    """Put parts together; their digest is a boundary that none of them can have in it."""
    boundary = f"greenlight-{hashlib.sha256(b''.join(parts)).hexdigest()[:32]}"
    lines = b"".join(f"--{boundary}\r\n".encode() + part for part in parts)
    return lines + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class Basic(Params, frozen=True, kw_only=True):
    """Who is asking, by RFC 7617: a name and a password.

    Attributes:
        user: Without a colon.
        password: Best a reference to a secret, `${secret:secretsmanager:NAME#KEY}`.

    Example:
        checks:
          - name: the catalogue is there for who may see it
            http:
              get: /catalogue
              basic: {user: smoke, password: "${deployment.id}"}
              expect: {status: 200}
    """

    user: str
    password: str

    def __post_init__(self) -> None:
        """Refuse a name that the other side would read as part of the password."""
        if ":" in self.user:
            raise WrongValueError("a user's name has no colon", ("user",))


class HttpRequest(Params, frozen=True, kw_only=True):
    """One request: exactly one of the methods with a path, and what to send along.

    Attributes:
        get, post, put, patch, delete, head, options: The method, with a path on green (or a URL of an allowed host).
        headers: Request headers by name, in addition to those that the listener's rule asks for.
        query: Fields of the query string; a list is a field that comes several times.
        body: What is sent, with a Content-Type that fits unless `headers` has one.
        basic: User and password for an Authorization header, which cannot be written with a secret by hand.

    Example:
        checks:
          - name: every method of an order works
            http:
              steps:
                - post: /orders
                  headers: {x-tenant: smoke}
                  body: {json: {sku: A1}}
                  expect: {status: 201}
                  capture: {id: json.id}
                - get: /orders/${id}
                  basic: {user: smoke, password: "${deployment.id}"}
                  query: {fields: [sku, state]}
                  expect: {status: 200}
                - put: /orders/${id}
                  body: {json: {sku: A2}}
                  expect: {status: 200}
                - patch: /orders/${id}
                  body: {json: {sku: A3}}
                  expect: {status: 200}
                - head: /orders/${id}
                  expect: {status: 200}
                - options: /orders/${id}
                  expect: {status: {in: [200, 204]}}
                - delete: /orders/${id}
                  expect: {status: {in: [200, 204]}}
    """

    get: str | None = None
    post: str | None = None
    put: str | None = None
    patch: str | None = None
    delete: str | None = None
    head: str | None = None
    options: str | None = None
    headers: dict[str, str] = {}
    query: dict[str, str | int | float | list[str]] = {}
    body: Content | None = None
    basic: Basic | None = None

    def __post_init__(self) -> None:
        """Refuse a request without method, with several, or with two ways to say who is asking."""
        given = [method for method in METHODS if getattr(self, method) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a request has exactly one of {', '.join(METHODS)}, and this has {', '.join(given) or 'none'}"
            )
        if self.basic is not None and "authorization" in {name.lower() for name in self.headers}:
            raise ValueError("basic and the header authorization are two ways to say one thing; take one out")

    @property
    def method(self) -> str:
        """The method, in capitals."""
        return next(method.upper() for method in METHODS if getattr(self, method) is not None)

    def target(self, captured: Mapping[str, Any] | None = None) -> str:
        """Give the path with the query; what was captured is quoted, so that it stays one part of the path.

        Raises:
            KeyError: A name that was not captured.
        """
        safe = captured and {name: urllib.parse.quote(to_json_text(value), safe="") for name, value in captured.items()}
        path = str(substitute_captures(getattr(self, self.method.lower()), safe))
        query = _urlencoded(substitute_captures(self.query, captured))
        return f"{path}{'&' if '?' in path else '?'}{query}" if query else path

    def sent(self, captured: Mapping[str, Any] | None = None) -> tuple[dict[str, str], bytes | None]:
        """Give headers and body."""
        headers = {name: to_json_text(substitute_captures(value, captured)) for name, value in self.headers.items()}
        if self.basic is not None:
            who = f"{to_json_text(substitute_captures(self.basic.user, captured))}:{to_json_text(substitute_captures(self.basic.password, captured))}"
            headers["Authorization"] = f"Basic {base64.b64encode(who.encode()).decode()}"
        if self.body is None:
            return headers, None
        body, media_type = self.body.encoded(captured)
        if "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = media_type
        return headers, body


def _urlencoded(fields: dict[str, Any]) -> str:
    pairs = [(name, each) for name, value in fields.items() for each in (value if isinstance(value, list) else [value])]
    return urllib.parse.urlencode([(name, to_json_text(value)) for name, value in pairs])


def send_request(
    context: Context,
    call: HttpRequest,
    captured: Mapping[str, Any] | None = None,
    side: Literal["green", "blue"] = "green",
    timeout_s: float | None = None,
    redirects: int = 0,
    expect: ResponseExpectation | None = None,
    jar: CookieJar | None = None,
) -> Response:
    """Make the exchange with one side, in the time that is left or in `timeout_s` of it.

    What is expected of the answer decides whether a connection is made for it.

    Raises:
        HttpError: It did not take place.
        KeyError: A name that was not captured.
    """
    headers, body = call.sent(captured)
    return context.request(
        call.method,
        call.target(captured),
        headers=headers,
        body=body,
        redirects=redirects,
        side=side,
        timeout_s=timeout_s,
        new_connection=expect is not None and expect.new_connection,
        jar=jar,
    )
