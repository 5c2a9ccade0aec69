"""The proxy for processes that make connections of their own: allowed hosts, faithful bytes, and who answered."""

from __future__ import annotations

import contextlib
import socket
import ssl
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme
from msgspec.structs import replace

from greenlight.core.deployment import Side
from greenlight.core.finding import Asked
from greenlight.core.routing_rules import RoutingRule, RuleCondition
from greenlight.testing import HttpServer, context_for, ecs_deployment, tcp_server
from tests.support.wire import Server, answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from greenlight.checks.context import Context


def echo(method: str, path: str, body: bytes) -> tuple[int, dict[str, str], Any]:
    return 200, {"content-type": "application/json"}, {"method": method, "path": path, "body": body.decode()}


@contextlib.contextmanager
def asking(
    url: str, use: Callable[[requests.Session], object] | None = None, **facts: Any
) -> Iterator[tuple[Context, Callable[[], Asked]]]:
    """Yield a context after `use` has asked through its proxy."""
    deployment = ecs_deployment(green=Side(url=url, **facts))
    with context_for(deployment, allowed_hosts=("127.0.0.1", "localhost")) as context:
        with context.proxy() as proxy, requests.Session() as session:
            session.trust_env = False
            session.proxies = {"http": proxy, "https": proxy}
            if use is not None:
                use(session)
        yield context, context._recorder.asked


def asked_through(url: str, use: Callable[[requests.Session], object], **facts: Any) -> Asked:
    with asking(url, use, **facts) as (_, asked):
        return asked()


# ---- HTTP


def test_host_that_is_not_allowed_is_refused_with_the_reason() -> None:
    def use(session: requests.Session) -> None:
        response = session.get("http://bank.example/")
        assert (response.status_code, "neither a host of this deployment" in response.reason) == (403, True)

    assert asked_through("http://127.0.0.1:9", use) == Asked()


def test_dead_green_is_not_answered_by_the_proxy() -> None:
    def use(session: requests.Session) -> None:
        for scheme in ("http", "https"):
            with pytest.raises(requests.ConnectionError):
                session.get(f"{scheme}://127.0.0.1:9/")

    assert asked_through("http://127.0.0.1:9", use) == Asked()


def test_broken_response_is_not_an_answer() -> None:
    def use(session: requests.Session) -> None:
        with contextlib.suppress(requests.RequestException):
            session.get(url)

    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    with tcp_server(lambda peer: (peer.recv(65536), peer.sendall(broken))) as url:
        assert asked_through(url, use) == Asked()


def test_requests_pass_unchanged_and_count_for_the_host_that_answers() -> None:
    with HttpServer(echo) as green, HttpServer(echo) as other:

        def use(session: requests.Session) -> None:
            for number in range(3):  # over one pool of the client, which could reuse a connection for another host
                path = f"/a%20b?n={number}"
                sent = session.post(f"{green.url}{path}", data="x" * 100_000, headers={"Host": "shop.example"})
                assert sent.json() == {"method": "POST", "path": path, "body": "x" * 100_000}
                assert session.get(f"{other.url}/other").json()["path"] == "/other"
            assert session.head(green.url).status_code == 200

        asked = asked_through(green.url, use)

    assert asked == Asked(green=4, other=3)
    assert green.headers[0]["host"] == "shop.example"
    assert not {"proxy-connection", "proxy-authorization"} & set(green.headers[0])


def test_response_of_the_load_balancer_is_not_greens() -> None:
    head = b"HTTP/1.1 404 Not Found\r\nServer: awselb/2.0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with tcp_server(lambda peer: (peer.recv(65536), peer.sendall(head))) as url:
        assert asked_through(url, lambda session: session.get(url)) == Asked(balancer=1)


@pytest.mark.parametrize(
    ("headers", "path", "expected"),
    [
        ({"X-Side": "green", "Host": "shop.example"}, "/shop/a", Asked(green=1)),
        ({"Host": "shop.example"}, "/shop/a", Asked(other=1)),
        ({"X-Side": "green"}, "/shop/a", Asked(other=1)),
        ({"X-Side": "green", "Host": "shop.example"}, "/", Asked(other=1)),
        ({"X-Side": "green", "Host": "shop.example"}, "/shop/health", Asked(other=1)),
    ],
    ids=["the rule", "no header", "no host", "another path", "a rule above"],
)
def test_request_counts_only_if_the_rule_of_green_takes_it(headers: dict[str, str], path: str, expected: Asked) -> None:
    rule = {
        "headers": {"x-side": "green"},
        "host_patterns": ("*.EXAMPLE",),
        "path_patterns": ("/shop/*",),
        "rules_above": (
            RoutingRule(priority="1", conditions=(RuleCondition(field="path-pattern", values=("/shop/health",)),)),
        ),
    }
    with HttpServer(echo) as green:

        def use(session: requests.Session) -> None:
            session.get(f"{green.url}{path}", headers=headers)

        assert asked_through(green.url, use, **rule) == expected


# ---- Tunnels


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this process trusts."""
    new_authority = trustme.CA()
    new_authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return new_authority


def serving(authority: trustme.CA, status: int = 200) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return answering(answer(status, b'{"status": "ok"}'), tls=context)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, Asked(balancer=1, green=1)), (503, Asked(balancer=2))],
    ids=["green", "balancer"],
)
def test_tunnel_counts_after_the_gates_own_request_reached_green(
    authority: trustme.CA, tmp_path: Path, status: int, expected: Asked
) -> None:
    with serving(authority, status) as server:

        def use(session: requests.Session) -> None:
            response = session.get(f"{server.url}/", verify=str(tmp_path / "ca.pem"))
            assert response.status_code == status

        assert asked_through(server.url, use, protocol="HTTPS") == expected


def test_tunnel_that_the_listener_passes_on_is_greens(authority: trustme.CA, tmp_path: Path) -> None:
    with serving(authority) as server:

        def use(session: requests.Session) -> None:
            session.get(f"{server.url}/", verify=str(tmp_path / "ca.pem"))

        assert asked_through(server.url, use, protocol="TCP") == Asked(green=1)


@pytest.mark.parametrize(
    "rule", [{"path_patterns": ("/*",)}, {"host_patterns": ("a.example",)}, {"headers": {"x-side": "green"}}]
)
def test_tunnel_to_a_listener_with_rules_shows_nothing(
    authority: trustme.CA, tmp_path: Path, rule: dict[str, Any]
) -> None:
    with serving(authority) as server:

        def use(session: requests.Session) -> None:
            session.get(f"{server.url}/", verify=str(tmp_path / "ca.pem"))

        assert asked_through(server.url, use, protocol="HTTPS", **rule) == Asked(balancer=1)


def test_tunnel_without_a_request_is_not_confirmed(authority: trustme.CA) -> None:
    with serving(authority) as server:
        parts = urllib.parse.urlsplit(server.url)

        def use(session: requests.Session) -> None:
            proxy = urllib.parse.urlsplit(session.proxies["http"])
            tls = ssl.create_default_context()
            with socket.create_connection((proxy.hostname or "", proxy.port or 0)) as raw:
                raw.sendall(f"CONNECT {parts.netloc} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
                assert raw.recv(1000).startswith(b"HTTP/1.1 200 ")
                with tls.wrap_socket(raw, server_hostname=parts.hostname) as secured:
                    assert secured.version()

        assert asked_through(server.url, use, protocol="HTTPS") == Asked(balancer=1)


def test_aws_may_be_called_only_by_a_process_with_credentials() -> None:
    deployment = ecs_deployment(green=Side(url="http://127.0.0.1:9"))
    reasons = []
    with context_for(deployment, resolver=lambda *_: ["127.0.0.1"]) as context:
        for aws in (False, True):
            with context.proxy(aws=aws) as proxy, requests.Session() as session:
                session.trust_env = False
                with pytest.raises(requests.exceptions.ProxyError) as caught:
                    session.get("https://sts.eu-central-1.amazonaws.com:1/", proxies={"https": proxy})
                reasons.append(str(caught.value))

    assert "neither a host of this deployment" in reasons[0]
    assert "refuses connections" in reasons[1]


def test_shared_listener_is_blues_in_a_tunnel(authority: trustme.CA, tmp_path: Path) -> None:
    with serving(authority) as server:
        side = Side(url=server.url)
        shared = replace(ecs_deployment(green=side), blue=side)
        with context_for(shared) as context, context.proxy() as proxy, requests.Session() as session:
            session.trust_env = False
            session.get(server.url, proxies={"https": proxy}, verify=str(tmp_path / "ca.pem"))
            assert context._recorder.asked() == Asked(blue=1)
