"""HTTP request as plans describe it, shared by the validators that send one or build a Lambda event from it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
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
"""Safe methods by RFC 9110 section 9.2.1: they change nothing."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LINE_OR_NUL = re.compile(r"[\r\n\0]")


class Upload(Params, frozen=True, kw_only=True):
    """A file in a multipart body.

    Attributes:
        filename: Name of the file.
        type: Media type.
        text, base64: Content; exactly one of them.

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
        """Reject a file without or with both contents, invalid base64, and a media type of several lines."""
        if (self.text is None) == (self.base64 is None):
            raise ValueError("a file has exactly one of text and base64")
        if not self.type.isprintable() or not self.type.isascii():
            raise WrongValueError("a media type has printable ASCII characters alone", ("type",))
        _check_base64(self.base64)


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
        """Reject a body with no form or with several forms, and invalid base64."""
        provided = [name for name in self.__struct_fields__ if getattr(self, name) not in (None, msgspec.UNSET)]
        if self.json is None:
            provided.append("json")
        if len(provided) != 1:
            raise ValueError(f"a body has exactly one of {', '.join(self.__struct_fields__)}")
        if self.multipart == {}:
            raise WrongValueError("a multipart body has at least one field", ("multipart",))
        _check_base64(self.base64)

    def encode(self, captured: Mapping[str, Any] | None = None) -> tuple[bytes, str]:
        """Return the bytes and their media type."""
        if self.text is not None:
            return to_json_text(substitute_captures(self.text, captured)).encode(), "text/plain; charset=utf-8"
        if self.form is not None:
            return _urlencode(substitute_captures(self.form, captured)).encode(), "application/x-www-form-urlencoded"
        if self.base64 is not None:
            return base64.b64decode(self.base64), "application/octet-stream"
        if self.multipart is not None:
            return _join_parts([_encode_part(name, value, captured) for name, value in self.multipart.items()])
        return json.dumps(substitute_captures(self.json, captured)).encode(), "application/json"


def _check_base64(text: str | None) -> None:
    if text is not None:
        try:
            base64.b64decode(text, validate=True)
        except binascii.Error as problem:
            raise ValueError(f"base64 cannot be decoded: {problem}") from problem


def _encode_part(name: str, value: str | float | Upload, captured: Mapping[str, Any] | None) -> bytes:
    """Encode one part; names are quoted as in https://html.spec.whatwg.org/#multipart-form-data."""
    disposition = f'Content-Disposition: form-data; name="{_quote(name)}"'
    if not isinstance(value, Upload):
        return f"{disposition}\r\n\r\n{to_json_text(substitute_captures(value, captured))}\r\n".encode()
    filename = _quote(to_json_text(substitute_captures(value.filename, captured)))
    if value.base64 is not None:
        data = base64.b64decode(value.base64)
    else:
        data = to_json_text(substitute_captures(value.text, captured)).encode()
    return f'{disposition}; filename="{filename}"\r\nContent-Type: {value.type}\r\n\r\n'.encode() + data + b"\r\n"


def _quote(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _join_parts(parts: list[bytes]) -> tuple[bytes, str]:
    """Join parts; the boundary is their digest, which none of them can contain."""
    boundary = f"greenlight-{hashlib.sha256(b''.join(parts)).hexdigest()[:32]}"
    lines = b"".join(f"--{boundary}\r\n".encode() + part for part in parts)
    return lines + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class Basic(Params, frozen=True, kw_only=True):
    """User name and password by RFC 7617 (basic authentication).

    Attributes:
        user: User name without a colon.
        password: Password, preferably a reference to a secret, `${secret:secretsmanager:NAME#KEY}`.

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
        """Reject a name with a colon: the server would read the rest of it as part of the password."""
        if ":" in self.user:
            raise WrongValueError("a user name has no colon", ("user",))


def check_sendable(path: str, headers: Mapping[str, Any], key: str) -> None:
    """Reject what HTTP cannot carry (RFC 9110 section 5.5): control characters in a path or a header.

    Args:
        path: Path or URL.
        headers: Values by name.
        key: Key of the path in the plan, for the message.

    Raises:
        WrongValueError: There is such a character; the message has its place and not the text, which may be a secret.
    """
    if _CONTROL.search(path):
        raise WrongValueError("a path has no control characters; write them as %XX", (key,))
    for name, value in headers.items():
        if _CONTROL.search(name) or _LINE_OR_NUL.search(str(value)):
            raise WrongValueError("a header has one line, without NUL; take the line break out", ("headers", name))


class HttpRequest(Params, frozen=True, kw_only=True):
    """HTTP request with exactly one method.

    Attributes:
        get, post, put, patch, delete, head, options: The method, with a path on green (or a URL of an allowed host).
        headers: Request headers by name, in addition to those that the listener's rule requires.
        query: Fields of the query string; a list repeats its field.
        body: Request body; its Content-Type is added unless `headers` has one.
        basic: User and password for the Authorization header, whose base64 cannot contain a reference to a secret.

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
        """Reject a request without method, with several methods, or with two kinds of authorization."""
        provided = [method for method in METHODS if getattr(self, method) is not None]
        if len(provided) != 1:
            methods = ", ".join(METHODS)
            raise ValueError(
                f"a request has exactly one of {methods}, but this request has {', '.join(provided) or 'none'}"
            )
        if self.basic is not None and "authorization" in {name.lower() for name in self.headers}:
            raise ValueError("basic and the header authorization exclude each other; remove one")
        check_sendable(getattr(self, provided[0]), self.headers, provided[0])

    @property
    def method(self) -> str:
        """The method, in capitals."""
        return next(method.upper() for method in METHODS if getattr(self, method) is not None)

    def target(self, captured: Mapping[str, Any] | None = None) -> str:
        """Return the path with the query; captured values are quoted, so that each remains one segment of the path.

        Raises:
            KeyError: A name that was not captured.
        """
        quoted = captured and {
            name: urllib.parse.quote(to_json_text(value), safe="") for name, value in captured.items()
        }
        path = str(substitute_captures(getattr(self, self.method.lower()), quoted))
        query = _urlencode(substitute_captures(self.query, captured))
        return f"{path}{'&' if '?' in path else '?'}{query}" if query else path

    def encode(self, captured: Mapping[str, Any] | None = None) -> tuple[dict[str, str], bytes | None]:
        """Return headers and body."""
        headers = {name: to_json_text(substitute_captures(value, captured)) for name, value in self.headers.items()}
        if self.basic is not None:
            user = to_json_text(substitute_captures(self.basic.user, captured))
            password = to_json_text(substitute_captures(self.basic.password, captured))
            credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {credentials}"
        if self.body is None:
            return headers, None
        body, media_type = self.body.encode(captured)
        if "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = media_type
        return headers, body


def _urlencode(fields: dict[str, Any]) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        values = value if isinstance(value, list) else [value]
        pairs += [(name, to_json_text(item)) for item in values]
    return urllib.parse.urlencode(pairs)


def send_request(  # noqa: PLR0913 - keyword arguments of an HTTP request
    context: Context,
    request: HttpRequest,
    captured: Mapping[str, Any] | None = None,
    side: Literal["green", "blue"] = "green",
    timeout_s: float | None = None,
    redirects: int = 0,
    expect: ResponseExpectation | None = None,
    jar: CookieJar | None = None,
) -> Response:
    """Send a request to one side and return the response.

    Args:
        context: The context of the attempt.
        request: The request.
        captured: Values captured so far, which replace references to them.
        side: The side that a path goes to.
        timeout_s: Time limit; the attempt's remaining time by default.
        redirects: Redirects to follow at most.
        expect: Expectations of the response, which decide whether the request needs a new connection.
        jar: Cookies to send and to store.

    Raises:
        HttpError: No exchange took place.
        KeyError: A name that was not captured.
    """
    headers, body = request.encode(captured)
    return context.request(
        request.method,
        request.target(captured),
        headers=headers,
        body=body,
        redirects=redirects,
        side=side,
        timeout_s=timeout_s,
        new_connection=expect is not None and expect.new_connection,
        jar=jar,
    )
