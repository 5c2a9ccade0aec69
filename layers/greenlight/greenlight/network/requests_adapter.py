"""A `requests.Session` for validators, on the gate's own client.

It has the properties of `greenlight.network.client`: checked addresses, one deadline, limited bodies, and no proxies
from environment variables.
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

_NO_URL = "http://green.invalid"
"""Placeholder for the URL of a green without one; RFC 6761 reserves the name, so it never resolves."""


class _Adapter(BaseAdapter):
    def __init__(self, send_request: Callable[..., Response]) -> None:
        super().__init__()
        self._send_request = send_request
        self.redirects = 0

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        url = str(request.url)
        path_or_url = url.removeprefix(_NO_URL) if url.startswith(f"{_NO_URL}/") else url
        body = request.body.encode() if isinstance(request.body, str) else request.body
        try:
            received = self._send_request(
                str(request.method),
                path_or_url,
                headers=_decode_headers(request.headers),
                body=body,
                redirects=self.redirects,
            )
        except HttpError as error:
            raise requests.ConnectionError(str(error), request=request) from error
        if received.truncated:
            raise requests.ConnectionError(
                f"{request.method} {received.url}: the body is larger than {len(received.body)} bytes", request=request
            )
        response = requests.Response()
        response.status_code, response.reason, response.url, response.request = (
            received.status,
            received.reason,
            received.url,
            request,
        )
        response.headers = CaseInsensitiveDict({name: received.header(name) or "" for name, _ in received.headers})
        response.raw = io.BytesIO(received.body)
        _ = response.content  # keeps the body in the response, so that `raw` can be read as well
        response.raw.seek(0)
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        return response

    def close(self) -> None:
        """Keep the connections open: the pool belongs to the gate."""


def _decode_headers(headers: Mapping[Any, Any]) -> dict[str, str]:
    """Return headers as text; requests accepts names and values as bytes, too."""
    return {_decode(name): _decode(value) for name, value in headers.items()}


def _decode(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


class _Session(requests.Session):
    """A session that sends paths to green, and follows redirects only with `allow_redirects`."""

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
        # The gate's client follows redirects: it sends no header of a plan to another host; requests drops only one.
        self._adapter.redirects = self.max_redirects if kwargs.pop("allow_redirects", False) else 0
        absolute = self._base + text if text.startswith("/") else text
        return super().request(method, absolute, *args, **{**kwargs, "allow_redirects": False})


def session(send_request: Callable[..., Response], base_url: str) -> requests.Session:
    """Return a session that sends every request through `send_request`.

    Timeouts, proxies and TLS settings of the session have no effect.

    Args:
        send_request: `Context.request`, which chooses the address, the timeout and the allowed hosts.
        base_url: URL of green, which becomes the prefix of a path; "" if green has no URL.
    """
    return _Session(base_url or _NO_URL, _Adapter(send_request))
