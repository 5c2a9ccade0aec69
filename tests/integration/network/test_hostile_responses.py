"""The HTTP client against a hostile green: illegal framing is never an answer, and no response takes much memory."""

from __future__ import annotations

import gzip
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from greenlight.core.errors import NoAnswerError
from greenlight.network.client import MAX_BODY_BYTES, Client
from greenlight.network.guard import Guard
from tests.support.hostile_server import BODY, ENDLESS, ILLEGAL, endless, illegal
from tests.support.wire import Server, answer, answering, hang, sending

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUNCATED = {"gzip bomb", "chunks", "body", "chunk of 64 bits"}
"""Endless responses whose beginning is legal HTTP: read up to the limit."""


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(Guard(["127.0.0.1"], allow_loopback=True))
    yield client
    client.close()


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_response_is_rejected(client: Client, name: str) -> None:
    with illegal(name) as server, pytest.raises(NoAnswerError) as refusal:
        client.request("GET", server.url, timeout_s=5)
    message = str(refusal.value)
    assert message.startswith(f"GET {server.url}: the response is not valid HTTP (")
    assert message.isprintable()


@pytest.mark.parametrize("name", sorted(ENDLESS))
def test_endless_response_takes_little_memory(client: Client, name: str) -> None:
    tracemalloc.start()
    try:
        with endless(name) as server:
            if name in TRUNCATED:
                response = client.request("GET", server.url, timeout_s=10)
                assert (len(response.body), response.truncated) == (MAX_BODY_BYTES, True)
            else:
                with pytest.raises(NoAnswerError, match="not valid HTTP"):
                    client.request("GET", server.url, timeout_s=10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * MAX_BODY_BYTES  # of both sides: the server's blocks count as well


@pytest.mark.parametrize("position", [1, 2, 3])
def test_legal_response_in_small_pieces_is_read(client: Client, position: int) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nF;a=b\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n"
    pieces = [chunked[index : index + position] for index in range(0, len(chunked), position)]
    with Server(sending(*pieces, then=hang)) as server:
        response = client.request("GET", server.url, timeout_s=5)
    assert (response.status, response.body, response.header("x")) == (200, BODY, None)


def test_all_members_of_a_gzip_body_are_read(client: Client) -> None:
    body = gzip.compress(b"fine ") + gzip.compress(b"") + gzip.compress(b"ERROR")
    with answering(answer(200, body, "content-encoding: gzip")) as server:
        assert client.request("GET", server.url).body == b"fine ERROR"


def test_limit_counts_all_members_of_a_gzip_body(client: Client) -> None:
    body = gzip.compress(b"x" * 60) * 2
    with answering(answer(200, body, "content-encoding: gzip")) as server:
        response = client.request("GET", server.url, max_bytes=100)
    assert (response.body, response.truncated) == (b"x" * 100, True)


@pytest.mark.parametrize(
    ("head", "is_reused"),
    [
        ("HTTP/1.1 200 OK", True),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive, Close", False),
        ("HTTP/1.0 200 OK", False),
        ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive", True),
        ("HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade", True),
        ("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade", False),
    ],
)
def test_connection_is_kept_alive_as_its_headers_say(client: Client, head: str, is_reused: bool) -> None:
    response = f"{head}\r\ncontent-length: 0\r\n\r\n".encode()
    with answering(response) as server:
        for _ in range(2):
            client.request("GET", server.url, timeout_s=2)
    assert (server.connections == 1) is is_reused


def test_last_chunk_after_a_204_is_not_taken_for_the_next_response(client: Client) -> None:
    first = b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answering(first, answer(200, b"next")) as server:
        assert client.request("GET", server.url).status == 204
        assert client.request("GET", server.url).body == b"next"
    assert server.connections == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "location", ["http://[", "//[::1", "http://127.0.0.1:x/", "http://127.0.0.1:99999/", "ftp://127.0.0.1/", "/a b"]
)
def test_redirect_to_an_invalid_url_is_rejected(client: Client, location: str, method: str, status: int) -> None:
    with answering(answer(status, b"", f"location: {location}")) as server, pytest.raises(NoAnswerError) as refusal:
        client.request(method, server.url, redirects=3)
    assert str(refusal.value).startswith(f"{server.url} redirects to an invalid location: ")


def test_message_does_not_repeat_credentials_of_a_location(client: Client) -> None:
    location = "location: http://user:hunter2hunter2@127.0.0.1/"
    with answering(answer(302, b"", location)) as server, pytest.raises(NoAnswerError) as refusal:
        client.request("GET", server.url, redirects=3)
    assert "hunter2" not in str(refusal.value)


def test_many_large_headers_at_once_take_little_memory(client: Client) -> None:
    headers = answer(200, BODY, *[f"X-{number}: {'y' * 600}" for number in range(95)])
    failures: list[str] = []

    def send() -> None:
        response = client.request("GET", server.url, timeout_s=10)
        if len(response.headers) != 96:
            failures.append(str(len(response.headers)))

    tracemalloc.start()
    try:
        with answering(headers) as server:
            threads = [threading.Thread(target=send) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert failures == []
    assert peak < 16 * MAX_BODY_BYTES
