"""A `requests.Session` for validators that want one, on the gate's own guarded pool.

It inherits what `http.py` promises: pinned addresses, one deadline, capped bodies, no environment proxies.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from greenlight.core.errors import HttpError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from greenlight.network.client import Response

_NOWHERE = "http://green.invalid"
"""Stands for a green without a URL in a prepared request; RFC 6761 keeps the name from ever existing."""


class _Adapter(BaseAdapter):
    def __init__(self, send_request: Callable[..., Response]) -> None:
        super().__init__()
        self._send_request = send_request
        self.redirects = 0

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        url = str(request.url)
        where = url.removeprefix(_NOWHERE) if url.startswith(f"{_NOWHERE}/") else url
        body = request.body.encode() if isinstance(request.body, str) else request.body
        try:
            answer = self._send_request(
                str(request.method), where, headers=_texts(request.headers), body=body, redirects=self.redirects
            )
        except HttpError as error:
            raise requests.ConnectionError(str(error), request=request) from error
        if answer.truncated:
            raise requests.ConnectionError(
                f"{request.method} {answer.url}: the body is larger than {len(answer.body)} bytes", request=request
            )
        response = requests.Response()
        response.status_code, response.reason, response.url, response.request = (
            answer.status,
            answer.reason,
            answer.url,
            request,
        )
        response.headers = CaseInsensitiveDict({name: answer.header(name) or "" for name, _ in answer.headers})
        response.raw = io.BytesIO(answer.body)
        response._content = answer.body
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        return response

    def close(self) -> None:
        """Leave the pool alone: it is the gate's."""


def _texts(headers: Mapping[Any, Any]) -> dict[str, str]:
    """Give headers as text; requests lets a caller write both in bytes."""
    return {_text(name): _text(value) for name, value in headers.items()}


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


class _Session(requests.Session):
    """A session whose paths go to green, and that follows redirects only when told to."""

    def __init__(self, base: str, adapter: _Adapter) -> None:
        super().__init__()
        self._base = base
        self._adapter = adapter
        self.trust_env = False
        self.headers.pop("Accept-Encoding", None)
        self.adapters.clear()
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def get(self, url: str | bytes, **kwargs: Any) -> requests.Response:
        return super().get(url, **{"allow_redirects": False, **kwargs})

    def options(self, url: str | bytes, **kwargs: Any) -> requests.Response:
        return super().options(url, **{"allow_redirects": False, **kwargs})

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        text = url.decode() if isinstance(url, bytes) else url
        # Left to the gate's client, which keeps a plan's headers from every other host; requests keeps back one of them.
        self._adapter.redirects = self.max_redirects if kwargs.pop("allow_redirects", False) else 0
        where = self._base + text if text.startswith("/") else text
        return super().request(method, where, *args, **{**kwargs, "allow_redirects": False})


def session(send_request: Callable[..., Response], base_url: str) -> requests.Session:
    """Return a session that sends every request through `send_request`.

    Time-outs, proxies and TLS settings of the session have no effect.

    Args:
        send_request: `Context.request`, which chooses the address, the time-out and the allowed hosts.
        base_url: URL of green, which the session puts before a path; "" where green has none.
    """
    return _Session(base_url or _NOWHERE, _Adapter(send_request))
