"""The `requests.Session` for validators, which uses the gate's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from greenlight.api import Context
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.network.client import MAX_BODY_BYTES, Client
from greenlight.network.guard import Guard
from tests.support.wire import Server, answer, answering, hang

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def session() -> Iterator[Callable[..., requests.Session]]:
    """Create sessions to green at a URL."""
    clients: list[Client] = []

    def make(url: str, timeout_s: float = 2.0, **side: Any) -> requests.Session:
        clients.append(Client(Guard(["127.0.0.1"], allow_loopback=True)))
        green = Deployment(id="d", platform=Platform.ECS, stage="AfterInstall", green=Side(url=url, **side))
        created: requests.Session = Context(green, timeout_s, clients[-1], None).session()  # type: ignore[arg-type]
        return created

    yield make
    for client in clients:
        client.close()


def test_path_is_sent_to_green_with_host_and_headers_of_its_rule(session: Callable[..., requests.Session]) -> None:
    with answering(answer(200, b'{"ok": true}', "content-type: application/json")) as server:
        response = session(server.url, host="shop.test", headers={"X-Tenant": "smoke"}).post("/orders", json={"a": 1})
    assert (response.status_code, response.json(), response.url) == (200, {"ok": True}, f"{server.url}/orders")
    first, headers, body = server.requests[0]
    assert (first, body) == ("POST /orders HTTP/1.1", b'{"a": 1}')
    assert (headers["host"], headers["x-tenant"]) == ("shop.test", "smoke")


def test_session_cannot_connect_to_disallowed_hosts(session: Callable[..., requests.Session]) -> None:
    made = session("http://127.0.0.1:1")
    for url in ("http://elsewhere.test/", "http://169.254.169.254/latest/", "http://2852039166/"):
        with pytest.raises(requests.ConnectionError, match="checks"):
            made.get(url)
    for url in ("file:///etc/passwd", "ftp://127.0.0.1/"):
        with pytest.raises(requests.exceptions.InvalidSchema):
            made.get(url)


def test_green_without_a_url_is_rejected_with_the_reason(session: Callable[..., requests.Session]) -> None:
    with pytest.raises(requests.ConnectionError, match="no test listener"):
        session("", no_url="the group has no test listener").get("/x")


@pytest.mark.parametrize("method", ["get", "options", "head", "post"])
def test_redirects_are_followed_only_with_allow_redirects(
    session: Callable[..., requests.Session], method: str
) -> None:
    with answering(answer(302, b"", "location: /there"), answer(302, b"", "location: /there"), answer(200)) as server:
        made = session(server.url)
        made.headers["Authorization"] = "Bearer x"
        assert getattr(made, method)("/").status_code == 302
        assert getattr(made, method)("/", allow_redirects=True).status_code == 200
    assert [headers["authorization"] for _, headers, _ in server.requests] == ["Bearer x"] * 3


def test_redirect_is_checked_and_sends_no_header_to_another_host(session: Callable[..., requests.Session]) -> None:
    with (
        answering(answer(302, b"", "location: http://169.254.169.254/")) as server,
        pytest.raises(requests.ConnectionError, match="checks"),
    ):
        session(server.url).get("/", allow_redirects=True)
    with answering(answer(200)) as other, answering(answer(302, b"", f"location: {other.url}/")) as server:
        session(server.url).get("/", allow_redirects=True, headers={"X-Api-Key": "k", "Cookie": "a=b"})
    assert not {"x-api-key", "cookie"} & other.requests[0][1].keys()


def test_headers_may_be_bytes(session: Callable[..., requests.Session]) -> None:
    with answering(answer(200)) as server:
        session(server.url).get("/", headers={"X-Bytes": b"caf\xe9"})
    assert server.requests[0][1]["x-bytes"] == "caf\xe9"


def test_truncated_body_is_an_error(session: Callable[..., requests.Session]) -> None:
    with (
        answering(answer(200, b"x" * (MAX_BODY_BYTES + 1))) as server,
        pytest.raises(requests.ConnectionError, match="larger than 1048576 bytes"),
    ):
        session(server.url).get("/")


def test_timeout_of_the_attempt_overrides_the_sessions_timeout(session: Callable[..., requests.Session]) -> None:
    with (
        Server(hang) as server,
        pytest.raises(requests.ConnectionError, match=r"timed out after \S+ s before a complete response arrived"),
    ):
        session(server.url, timeout_s=0.3).get("/", timeout=60)


def test_proxies_of_the_environment_are_ignored_by_the_session(
    session: Callable[..., requests.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(answer(500)) as proxy, answering(answer(200)) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert session(server.url).get("/").status_code == 200
    assert proxy.connections == 0
    assert server.requests[0][1]["accept-encoding"] == "identity"
