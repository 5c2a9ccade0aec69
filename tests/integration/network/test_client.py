"""The HTTP client against servers that misbehave."""

from __future__ import annotations

import datetime
import gzip
import ssl
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from greenlight.core.errors import GuardError, HttpError, NoAnswerError, UnreachableError
from greenlight.network.client import Client
from greenlight.network.guard import Guard
from tests.support.wire import Peer, Server, answer, answering, hang, sending, unused_port

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024


_clients: list[Client] = []


def client_of(*hosts: str, resolve: Any = None, tls: ssl.SSLContext | None = None, loopback: bool = True) -> Client:
    """Return a client that is closed after the test; by default every name resolves to this machine."""
    guard = Guard(hosts, allow_loopback=loopback, resolver=resolve or (lambda *_: ["127.0.0.1"]))
    _clients.append(Client(guard, tls))
    return _clients[-1]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _clients:
        _clients.pop().close()


@pytest.fixture
def client() -> Client:
    return client_of("*.example", "127.0.0.1")


# ---- Exchanges


def test_response_has_status_headers_body_and_address(client: Client) -> None:
    with answering(answer(201, b"made", "X-One: 1", "x-one: 2")) as server:
        response = client.request("POST", f"{server.url}/orders?a=b%20c", headers={"X-Sent": "yes"}, body=b"{}")
    assert (response.status, response.body, response.header("X-ONE")) == (201, b"made", "1, 2")
    assert (response.address, response.truncated, response.hops) == ("127.0.0.1", False, ())
    first, headers, body = server.requests[0]
    assert (first, body) == ("POST /orders?a=b%20c HTTP/1.1", b"{}")
    assert headers["x-sent"] == "yes"
    assert headers["content-length"] == "2"
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_whole_body_is_read_from_a_server_that_closes_after_it(client: Client, version: str) -> None:
    head = f"{version} 200 OK\r\nconnection: close\r\n\r\n".encode()
    with Server(sending(head, then=lambda peer: (time.sleep(0.05), peer.send(b"x" * 300_000))[0])) as server:
        assert len(client.request("GET", server.url).body) == 300_000


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_a_body_needs_no_content_length(client: Client, status: int) -> None:
    with Server(sending(f"HTTP/1.1 {status} None\r\n\r\n".encode(), then=hang)) as server:
        assert client.request("GET", server.url, timeout_s=2).body == b""


def test_content_length_of_a_head_response_is_not_waited_for(client: Client) -> None:
    with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", answer(200, b"next")) as server:
        head = client.request("HEAD", server.url, timeout_s=2)
        assert (head.status, head.body, head.header("content-length")) == (200, b"", "500")
        assert client.request("GET", server.url, timeout_s=2).body == b"next"
    assert server.connections == 1


def test_interim_responses_are_skipped(client: Client) -> None:
    interim = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"
        b"HTTP/1.1 102 Processing\r\n\r\n"
    )
    with Server(sending(interim, answer(200, b"final"))) as server:
        response = client.request("GET", server.url)
    assert (response.status, response.body, response.header("link")) == (200, b"final", None)


def test_endless_interim_responses_time_out(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        while True:
            peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            time.sleep(0.01)

    with (
        Server(script) as server,
        pytest.raises(NoAnswerError, match=r"timed out after 0\.3 s before a complete response arrived"),
    ):
        client.request("GET", server.url, timeout_s=0.3)


def test_unrequested_compressed_body_is_decoded(client: Client) -> None:
    for encoding, body in (("gzip", gzip.compress(b"hello", mtime=0)), ("deflate", zlib.compress(b"hello"))):
        with answering(answer(200, body, f"content-encoding: {encoding}")) as server:
            assert client.request("GET", server.url).body == b"hello"


def test_compressed_head_response_has_no_body(client: Client) -> None:
    with answering(answer(200, b"", "content-encoding: gzip")) as server:
        assert client.request("HEAD", server.url).body == b""


def test_proxies_of_the_environment_are_ignored(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(answer(500)) as proxy, answering(answer(200)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert client.request("GET", server.url).status == 200
    assert proxy.connections == 0


# ---- Time


def dripping(data: bytes) -> Any:
    return lambda peer: (peer.request(), peer.drip(data))[0]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 90,
        b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + b"x" * 500,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500,
    ],
    ids=["headers", "body", "chunks", "a body until the end"],
)
def test_deadline_covers_a_server_that_sends_one_byte_at_a_time(client: Client, data: bytes) -> None:
    started = time.monotonic()
    with (
        Server(dripping(data)) as server,
        pytest.raises(NoAnswerError, match=r"timed out after 0\.4 s before a complete response arrived"),
    ):
        client.request("GET", server.url, timeout_s=0.4)
    assert time.monotonic() - started < 5


def test_deadline_covers_a_server_that_reads_the_request_slowly(client: Client) -> None:
    def script(peer: Peer) -> None:
        while peer.raw.recv(20_000):
            time.sleep(0.05)

    started = time.monotonic()
    with Server(script) as server, pytest.raises(NoAnswerError):
        client.request("POST", server.url, body=b"x" * 20 * MIB, timeout_s=0.4)
    assert time.monotonic() - started < 5


def test_deadline_covers_all_redirects(client: Client) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            time.sleep(0.15)
            peer.send(answer(302, b"", "location: /again"))

    started = time.monotonic()
    with Server(script) as server, pytest.raises(NoAnswerError):
        client.request("GET", server.url, timeout_s=0.4, redirects=60)
    assert time.monotonic() - started < 5


def test_deadline_covers_a_tls_handshake_that_hangs(client: Client) -> None:
    started = time.monotonic()
    with Server(hang) as server, pytest.raises(UnreachableError, match=r"TLS with 127\.0\.0\.1"):
        client.request("GET", server.url.replace("http:", "https:"), timeout_s=0.3)
    assert time.monotonic() - started < 5


def test_latency_does_not_include_connecting() -> None:
    def slow(_host: str, _port: int) -> list[str]:
        time.sleep(0.2)
        return ["127.0.0.1"]

    client = client_of("slow.example", resolve=slow)
    with answering(answer(200)) as server:
        assert client.request("GET", f"http://slow.example:{server.port}/").latency_ms < 150


def test_latency_includes_the_body(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        time.sleep(0.1)
        peer.send(b"ok")

    with Server(script) as server:
        assert 95 < client.request("GET", server.url).latency_ms < 1000


def test_timings_cover_the_phases_of_the_exchange(client: Client) -> None:
    with answering(answer(200)) as server:
        first, reused, fresh = (
            client.request("GET", server.url, new_connection=new_connection) for new_connection in (False, False, True)
        )
    assert server.connections == 2
    for response in (first, reused, fresh):
        assert response.timings is not None
        parts = response.timings.dns, response.timings.connect or 0, response.latency_ms
        assert response.timings.total == pytest.approx(sum(parts))
        assert 0 < response.timings.first_byte <= response.latency_ms
        assert response.timings.tls is response.certificate is None
    assert first.timings is not None
    assert first.timings.connect is not None
    assert reused.timings is not None
    assert reused.timings.connect is None
    assert fresh.timings is not None
    assert fresh.timings.connect is not None


def test_first_byte_is_timed_separately_from_the_last(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        time.sleep(0.2)
        peer.send(b"ok")

    with Server(script) as server:
        timings = client.request("GET", server.url).timings
    assert timings is not None
    assert timings.total - timings.first_byte > 150


def test_new_connection_resolves_the_name_again() -> None:
    resolved: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        resolved.append(host)
        return ["127.0.0.1"]

    client = client_of("shop.example", resolve=resolve)
    with answering(answer(200)) as server:
        for new_connection in (False, False, True):
            client.request("GET", f"http://shop.example:{server.port}/", new_connection=new_connection)
    assert len(resolved) == 2


# ---- Bodies that are too large, incomplete or not HTTP


def test_endless_body_is_truncated_at_the_limit(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with Server(script) as server:
        response = client.request("GET", server.url, timeout_s=5)
    assert (len(response.body), response.truncated) == (MIB, True)


@pytest.mark.parametrize(("size", "truncated"), [(99, False), (100, False), (101, True), (5000, True)])
def test_body_is_truncated_from_one_byte_over_the_limit(client: Client, size: int, truncated: bool) -> None:
    with answering(answer(200, b"x" * size)) as server:
        response = client.request("GET", server.url, max_bytes=100)
    assert (len(response.body), response.truncated) == (min(size, 100), truncated)


def test_compression_bomb_is_not_decompressed_beyond_the_limit(client: Client) -> None:
    bomb = gzip.compress(b"\0" * 300 * MIB, 1, mtime=0)
    with answering(answer(200, bomb, "content-encoding: gzip")) as server:
        response = client.request("GET", server.url, timeout_s=5)
    assert (len(response.body), response.truncated) == (MIB, True)


@pytest.mark.parametrize(
    "incomplete",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b"hello" * 50, mtime=0)[:-9],
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 500\r\n\r\n" + gzip.compress(b"hello", mtime=0),
        b"HTTP/1.1 200 OK\r\ncontent-",
        b"HTTP/1.1 20",
        b"",
    ],
)
def test_incomplete_response_is_reported_as_no_answer(client: Client, incomplete: bytes) -> None:
    with Server(sending(incomplete)) as server, pytest.raises(NoAnswerError):
        client.request("GET", server.url, timeout_s=2)


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00" * 40,
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"\n\n\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 5\r\n\r\nhello",
    ],
)
def test_invalid_http_is_reported_in_one_line(client: Client, garbage: bytes) -> None:
    with Server(sending(garbage)) as server, pytest.raises(NoAnswerError) as refusal:
        client.request("GET", server.url, timeout_s=2)
    message = str(refusal.value)
    assert message.startswith(f"GET {server.url}: ")
    assert "\n" not in message
    assert "Traceback" not in message


def test_connection_reset_is_reported_as_no_answer(client: Client) -> None:
    with Server(lambda peer: (peer.request(), peer.reset())[0]) as server, pytest.raises(NoAnswerError, match="closed"):
        client.request("GET", server.url)


def test_refused_connection_is_reported_as_no_answer(client: Client) -> None:
    with pytest.raises(NoAnswerError, match="refuses connections"):
        client.request("GET", f"http://127.0.0.1:{unused_port()}/")


def test_address_without_a_route_is_unreachable() -> None:
    client = client_of("far.example", resolve=lambda *_: ["2001:db8::1"])
    with pytest.raises(UnreachableError, match=r"far\.example"):
        client.request("GET", "http://far.example/", timeout_s=0.3)


# ---- Connections


def test_connections_are_kept_alive(client: Client) -> None:
    with answering(answer(200, b"one"), answer(200, b"two")) as server:
        for _ in range(5):
            client.request("GET", server.url)
    assert server.connections == 1


def test_idle_connection_closed_by_the_server_is_not_used(client: Client) -> None:
    with Server(sending(answer(200))) as server:  # closes without announcing it
        for _ in range(4):
            assert client.request("GET", server.url).status == 200
            time.sleep(0.02)


def test_repeatable_request_is_sent_again_after_a_reset(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer(200))
        peer.request()
        peer.reset()  # only the second request can detect it

    with Server(script) as server:
        assert [client.request("GET", server.url).status for _ in range(4)] == [200] * 4


def test_request_that_is_not_repeatable_uses_a_new_connection(client: Client) -> None:
    with answering(answer(200)) as server:
        client.request("GET", server.url)
        client.request("POST", server.url, body=b"1")
        client.request("POST", server.url, body=b"2")
    assert server.connections == 3
    assert [body for _, _, body in server.requests] == [b"", b"1", b"2"]


def test_unrequested_response_is_not_used_for_the_next_request(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer(200, b"asked") + (answer(200, b"unasked") if peer.number == 1 else b""))
        hang(peer)

    with Server(script) as server:
        assert [client.request("GET", server.url, timeout_s=1).body for _ in range(2)] == [b"asked", b"asked"]
    assert server.connections == 2


def test_threads_share_the_pool(client: Client) -> None:
    with answering(answer(200, b"ok")) as server:
        bodies: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: bodies.append(client.request("GET", server.url).body)) for _ in range(30)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert bodies == [b"ok"] * 30


def test_connection_goes_to_the_checked_address() -> None:
    resolved: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        resolved.append(host)
        return ["127.0.0.1"] if len(resolved) == 1 else ["169.254.169.254"]

    client = client_of("re.example", resolve=rebinding)
    with answering(answer(200)) as server:
        response = client.request("GET", f"http://re.example:{server.port}/")
    assert (response.address, resolved) == ("127.0.0.1", ["re.example"])
    assert server.requests[0][1]["host"] == f"re.example:{server.port}"


def test_ipv6_host_is_sent_in_brackets() -> None:
    client = client_of("::1", resolve=lambda *_: ["::1"])
    with Server(
        lambda peer: (server.requests.append(peer.request()), peer.send(answer(200)))[0], address="::1"
    ) as server:
        assert client.request("GET", server.url).address == "::1"
        assert server.requests[0][1]["host"] == f"[::1]:{server.port}"


# ---- Requests that cannot be sent


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Bad": "a\r\nX-Injected: 1"}, "X-Bad cannot be sent: its value contains a line break"),
        ({"X-Bad": "a\nb"}, "X-Bad cannot be sent: its value contains a line break"),
        ({"X-Bad": "a\0b"}, "null character"),
        ({"X-Bad": "tok€n"}, "character 4 of its value is outside Latin-1"),
        ({"X Bad": "1"}, "'X Bad' is not a valid header name"),
        ({"X-Bad\r\nX": "1"}, "is not a valid header name"),
        ({"": "1"}, "'' is not a valid header name"),
        ({"X-Bäd": "1"}, "is not a valid header name"),
    ],
)
def test_invalid_header_is_an_error_of_the_plan(client: Client, headers: dict[str, str], reason: str) -> None:
    with answering(answer(200)) as server, pytest.raises(HttpError) as refusal:
        client.request("GET", server.url, headers=headers)
    assert reason in str(refusal.value)
    assert type(refusal.value) is HttpError, "green is not to be blamed"
    assert server.connections == 0


@pytest.mark.parametrize("value", ["S3CR€T-token", "S3CRET\r\n-token"])
def test_message_does_not_contain_the_value_of_an_invalid_header(client: Client, value: str) -> None:
    with pytest.raises(HttpError) as refusal:
        client.request("GET", "http://127.0.0.1/", headers={"Authorization": value})
    assert "S3CR" not in str(refusal.value)


@pytest.mark.parametrize("method", ["GET /x HTTP/1.1\r\nX: 1\r\n\r\nGET", "GE T", "", "GÉT"])
def test_invalid_method_is_rejected(client: Client, method: str) -> None:
    with pytest.raises(HttpError, match="is not a valid HTTP method"):
        client.request(method, "http://127.0.0.1/")


def test_invalid_characters_in_a_path_are_escaped(client: Client) -> None:
    with answering(answer(200)) as server:
        client.request("GET", f'{server.url}/ü/"<[x]>?q=é&r=%41#fragment')
    assert server.requests[0][0] == "GET /%C3%BC/%22%3C%5Bx%5D%3E?q=%C3%A9&r=%41 HTTP/1.1"


@pytest.mark.parametrize(
    "host", ["a b.example", "x.example\r\nX-Injected: 1", "user@x.example", "x.example:99999", "é.example"]
)
def test_invalid_host_name_is_rejected(client: Client, host: str) -> None:
    with answering(answer(200)) as server, pytest.raises(GuardError):
        client.request("GET", server.url, host=host)
    assert server.connections == 0


# ---- Redirects


def test_redirects_are_not_followed_by_default(client: Client) -> None:
    with answering(answer(302, b"", "location: /there")) as server:
        response = client.request("GET", server.url)
    assert (response.status, response.hops, len(server.requests)) == (302, (), 1)


def test_redirects_are_followed_up_to_the_limit(client: Client) -> None:
    with answering(
        answer(302, b"", "location: /a"), answer(307, b"", "location: b?c=d"), answer(200, b"end")
    ) as server:
        response = client.request("GET", f"{server.url}/", redirects=2)
        assert (response.status, response.body, response.url) == (200, b"end", f"{server.url}/b?c=d")
        assert response.hops == (f"{server.url}/", f"{server.url}/a")
    with answering(answer(302, b"", "location: /round")) as server:
        response = client.request("GET", server.url, redirects=3)
        assert (response.status, len(response.hops), len(server.requests)) == (302, 3, 4)


def test_headers_of_a_plan_are_not_sent_to_another_host(client: Client) -> None:
    sent = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Api-Key": "k", "Accept": "text/html"}
    for location in ("http://two.example:{port}/", "//two.example:{port}/", "http://127.0.0.1:{port}/"):
        with (
            answering(answer(200)) as other,
            answering(answer(302, b"", f"location: {location.format(port=other.port)}")) as server,
        ):
            client.request("GET", server.url, headers=sent, host="one.example", redirects=1)
        assert server.requests[0][1]["host"] == "one.example"
        headers = other.requests[0][1]
        assert headers["accept"] == "text/html"
        assert not {"authorization", "cookie", "x-api-key"} & headers.keys()
        assert "one.example" not in headers["host"]


def test_headers_of_a_plan_are_sent_to_another_path_of_the_host(client: Client) -> None:
    with answering(answer(302, b"", "location: /there"), answer(200)) as server:
        client.request("GET", server.url, headers={"Authorization": "Bearer x"}, host="one.example", redirects=1)
    assert [(headers["authorization"], headers["host"]) for _, headers, _ in server.requests] == [
        ("Bearer x", "one.example")
    ] * 2


@pytest.mark.parametrize(
    ("method", "status", "second", "with_body"),
    [
        ("POST", 301, "GET", False),
        ("POST", 302, "GET", False),
        ("POST", 303, "GET", False),
        ("PUT", 303, "GET", False),
        ("HEAD", 303, "HEAD", False),
        ("POST", 307, "POST", True),
        ("POST", 308, "POST", True),
        ("PUT", 302, "PUT", True),
    ],
)
def test_redirect_changes_the_method_as_rfc_9110_specifies(
    client: Client, method: str, status: int, second: str, with_body: bool
) -> None:
    with answering(answer(status, b"" if method == "HEAD" else b"moved", "location: /there"), answer(200)) as server:
        body = None if method == "HEAD" else b"data"
        client.request(method, server.url, body=body, headers={"Content-Type": "text/plain"}, redirects=1)
    first, headers, body = server.requests[1]
    assert first.startswith(f"{second} /there")
    assert body == (b"data" if with_body else b"")
    assert ("content-type" in headers) == (with_body or method == "HEAD")


@pytest.mark.parametrize(
    "location",
    [
        "http://elsewhere.test/",
        "//169.254.169.254/latest/meta-data/",
        "http://169.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http:///nowhere",
        "\\\\evil.test\\share",
    ],
)
def test_redirect_target_is_checked_like_the_first_url(client: Client, location: str) -> None:
    with answering(answer(302, b"", f"location: {location}"), answer(200)) as server:
        try:
            client.request("GET", server.url, redirects=1)
        except GuardError:
            pass
        else:
            assert server.requests[1][0].startswith("GET /"), "a relative reference stays with its server"
            assert len(server.requests) == 2


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://one.example/",
        "javascript:alert(1)",
        "http://user:password@one.example/",
        "http://one.example:x/",
        "/a b",
    ],
)
def test_redirect_target_that_is_not_an_http_url_is_not_requested(client: Client, location: str) -> None:
    with answering(answer(302, b"", f"location: {location}"), answer(200)) as server:
        with pytest.raises(NoAnswerError, match="redirects to an invalid location"):
            client.request("GET", server.url, redirects=1)
        assert len(server.requests) == 1


# ---- TLS


class Authority:
    """Certificate authority with one certificate, and servers that present it."""

    def __init__(self, *names: str, expired: bool = False) -> None:
        self.ca = trustme.CA()
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        self._certificate = self.ca.issue_cert(*names, not_after=past if expired else None)
        self.requested_names: list[str] = []

    def serving(self, *answers: bytes) -> Server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._certificate.configure_cert(context)
        context.sni_callback = lambda _socket, name, _context: self.requested_names.append(name)
        return answering(*answers, tls=context)

    def client(self) -> Client:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        return client_of("*.example", tls=context)


@pytest.fixture(scope="module")
def good() -> Authority:
    return Authority("shop.example")


def test_valid_certificate_is_accepted_and_the_connection_kept_alive(good: Authority) -> None:
    client = good.client()
    with good.serving(answer(200)) as server:
        for _ in range(3):
            assert client.request("GET", f"https://shop.example:{server.port}/").status == 200
    assert server.connections == 1


def test_new_connection_returns_certificate_and_tls_time(good: Authority) -> None:
    client = good.client()
    with good.serving(answer(200)) as server:
        url = f"https://shop.example:{server.port}/"
        pooled, fresh = client.request("GET", url), client.request("GET", url, new_connection=True)
    assert pooled.certificate is None
    assert fresh.certificate is not None
    assert fresh.certificate.names == ("shop.example",)
    assert fresh.timings is not None
    assert fresh.timings.tls is not None
    assert fresh.timings.tls > 0
    assert server.connections == 2


def test_host_replaces_the_urls_name_in_sni_and_host_header(good: Authority) -> None:
    client = good.client()
    with good.serving(answer(200)) as server:
        client.request("GET", f"https://balancer.example:{server.port}/", host="shop.example")
        client.request("GET", f"https://balancer.example:{server.port}/", host=f"shop.example:{server.port}")
    assert good.requested_names[-1] == "shop.example"
    assert server.connections == 1
    assert [headers["host"] for _, headers, _ in server.requests] == ["shop.example", f"shop.example:{server.port}"]


def test_certificate_for_another_name_is_rejected_with_advice(good: Authority) -> None:
    with good.serving(answer(200)) as server, pytest.raises(UnreachableError) as refusal:
        good.client().request("GET", f"https://other.example:{server.port}/")
    message = str(refusal.value)
    assert "other.example" in message
    assert "target: {host: …}" in message
    assert "SSL_CERT_FILE" not in message
    assert server.requests == []


def test_certificate_of_an_unknown_authority_is_rejected_with_advice(good: Authority) -> None:
    client = Authority("shop.example").client()
    with good.serving(answer(200)) as server, pytest.raises(UnreachableError) as refusal:
        client.request("GET", f"https://shop.example:{server.port}/")
    assert "SSL_CERT_FILE" in str(refusal.value)
    assert "target: {host" not in str(refusal.value)


def test_expired_certificate_is_rejected() -> None:
    old = Authority("shop.example", expired=True)
    with old.serving(answer(200)) as server, pytest.raises(UnreachableError, match=r"expired$"):
        old.client().request("GET", f"https://shop.example:{server.port}/")


def test_unknown_authority_is_rejected(good: Authority) -> None:
    stranger = client_of("*.example")
    with good.serving(answer(200)) as server, pytest.raises(UnreachableError, match=r"TLS with shop\.example"):
        stranger.request("GET", f"https://shop.example:{server.port}/")


def test_plain_http_to_a_tls_port_is_reported_as_no_answer(good: Authority) -> None:
    with good.serving(answer(200)) as server, pytest.raises(NoAnswerError):
        good.client().request("GET", f"http://shop.example:{server.port}/", timeout_s=1)


def test_tls_to_a_plain_http_port_is_reported_as_unreachable(good: Authority) -> None:
    with answering(answer(400)) as server, pytest.raises(UnreachableError, match=r"TLS with shop\.example"):
        good.client().request("GET", f"https://shop.example:{server.port}/", timeout_s=0.3)


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_redirect_from_https_to_http_is_rejected(good: Authority, scheme: str) -> None:
    with (
        answering(answer(200)) as plain,
        good.serving(answer(302, b"", f"location: http://shop.example:{plain.port}/")) as server,
    ):
        with pytest.raises(GuardError, match="downgrade"):
            good.client().request("GET", f"{scheme}://shop.example:{server.port}/", redirects=1)
        assert plain.connections == 0


def test_redirect_from_http_to_https_is_followed(good: Authority) -> None:
    with (
        good.serving(answer(200)) as secure,
        answering(answer(301, b"", f"location: HTTPS://shop.example:{secure.port}/")) as server,
    ):
        response = good.client().request("GET", f"http://shop.example:{server.port}/", redirects=1)
    assert (response.status, len(response.hops)) == (200, 1)
