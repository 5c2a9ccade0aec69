"""URLs that the client accepts, and the check of their addresses before any connection."""

from __future__ import annotations

import sys

import pytest

from greenlight.core.errors import GuardError
from greenlight.network.client import Client
from greenlight.network.guard import Guard
from greenlight.network.request_encoding import parse_url
from tests.support.addresses import FORBIDDEN

_connected: list[object] = []
sys.addaudithook(lambda event, arguments: _connected.append(arguments) if event == "socket.connect" else None)


@pytest.fixture
def connected() -> list[object]:
    """Every attempt of this process to connect anywhere, as the interpreter itself sees it."""
    _connected.clear()
    return _connected


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "FILE:///proc/self/environ",
        "ftp://api.test/",
        "gopher://api.test/",
        "data:text/plain,hello",
        "jar:http://api.test!/",
        "dict://api.test:11211/",
        "ws://api.test/",
        "unix:///var/run/docker.sock",
        "//api.test/",
        "/path",
        "api.test",
        "",
        "http://",
        "http:///path",
        "http:api.test",
        "https://:443/",
        "http://user@api.test/",
        "http://user:password@api.test/",
        "ftp://user:password@api.test/",
        "http://user:password@api.test:port/",
        "http://user:password@[::1/",
        "http://user:password@api.test/a b",
        "http://api.test@169.254.169.254/",
        "http://169.254.169.254\\@api.test/",
        "http://api.test:port/",
        "http://api.test:65536/",
        "http://api.test:-1/",
        "http://[::1/",
        "http://[api.test]/",
        "http://api .test/",
        "http://api.test/a b",
        "http://api.test/\r\nX-Injected: 1",
        "http://api.test/\tx",
        "http://api.test/\0",
        "http://api.test/\x85",
        " http://api.test/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://аpi.test/",  # noqa: RUF001 - the first letter is Cyrillic, on purpose
        "http://api.test⁄evil/",  # noqa: RUF001 - and this is not an ASCII slash
    ],
)
def test_invalid_url_is_rejected_before_any_connection(url: str, connected: list[object]) -> None:
    client = Client(Guard(["api.test", "*"], resolver=lambda *_: ["93.184.215.14"]))
    with pytest.raises(GuardError) as refusal:
        client.request("GET", url)
    assert "\n" not in str(refusal.value)
    assert "password" not in str(refusal.value)
    assert connected == []


@pytest.mark.parametrize(
    "url",
    ["http://api.test", "HTTPS://API.test:8443/x?y=z#f", "http://[2606:2800:21f::1]:8080/", "http://xn--pi-7kc.test/"],
)
def test_valid_http_urls_are_accepted(url: str) -> None:
    assert parse_url(url).host


@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden_address_in_the_url_is_rejected(address: str, connected: list[object]) -> None:
    bare = address.partition("%")[0]
    for hosts in ((), (bare,)):
        with pytest.raises(GuardError):
            Client(Guard(hosts)).request("GET", f"http://{f'[{bare}]' if ':' in bare else bare}/")
    assert connected == []
