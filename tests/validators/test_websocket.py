"""websocket against a real WebSocket server, and against servers that only look like one."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from greenlight.api import Finding, Outcome
from tests.support.wire import Peer, Server, answer, answering, hang, sending, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.sync.server import ServerConnection

    Check = Callable[..., Finding]

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Suffix of the key in the handshake: RFC 6455 section 1.3."""


def talk(socket: ServerConnection) -> None:
    """Answer each message by its text, as a service would."""
    with contextlib.suppress(ConnectionClosed):
        for message in socket:
            if message == "close":
                socket.close(1011, "no database")
            elif message == "silence":
                pass
            elif message == "noise":
                for number in range(3):
                    socket.send(json.dumps({"type": "beat", "n": number}))
                socket.ping()
                socket.send(iter(['{"type": ', '"done"}']))  # in two fragments
            elif message == "who":
                request = socket.request
                assert request is not None
                socket.send(json.dumps({"path": request.path, **dict(request.headers.raw_items())}))
            else:
                socket.send(message)


@pytest.fixture(scope="module")
def green() -> Iterator[str]:
    """The URL of a service with WebSockets."""
    with serve(talk, "127.0.0.1", 0, subprotocols=["prices.v1"]) as server:  # type: ignore[list-item]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"


def run_steps(check: Check, green: str, *steps: Any, **more: Any) -> Finding:
    return check("websocket", {"steps": list(steps), "subprotocols": ["prices.v1"]}, green, **more)


def test_a_server_without_websockets_fails_with_its_status(check: Check) -> None:
    with answering(answer(404, b"not here")) as server:
        finding = check("websocket", {"path": "/live"}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert finding.message == "/live: the handshake was answered with status 404, not 101"


def test_a_switch_that_proves_nothing_fails(check: Check) -> None:
    fake = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    with Server(sending(fake, then=hang)) as server:
        finding = check("websocket", {}, server.url)
    assert (finding.outcome, "Sec-WebSocket-Accept" in finding.message) == (Outcome.FAIL, True)


@pytest.mark.parametrize("script", [hang, sending(), sending(b"SSH-2.0-x\r\n")], ids=["silent", "closing", "other"])
def test_any_other_answer_to_the_handshake_fails_in_time(check: Check, script: Any) -> None:
    began = time.monotonic()
    with Server(script) as server:
        finding = check("websocket", {}, server.url, timeout_s=0.5)
    assert finding.outcome is Outcome.FAIL, finding.message
    assert time.monotonic() - began < 5


def test_an_answer_that_is_not_http_11_fails_with_what_it_was(check: Check) -> None:
    with Server(sending(b"HTTP/1.0 501 Unsupported\r\n\r\n")) as server:
        finding = check("websocket", {}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert "the protocol was broken: unsupported protocol" in finding.message


def test_a_message_that_is_not_as_expected_fails(check: Check, green: str) -> None:
    finding = run_steps(check, green, {"send": {"json": {"n": 1}}, "expect": {"json": {"n": 2}}})
    assert (finding.outcome, finding.message) == (Outcome.FAIL, "step 1: json n is 1, expected 2")


@pytest.mark.parametrize("text", ['{"type":"error","type":"done"}', "no json"])
@pytest.mark.parametrize("expectation", ["done", {"exists": False}, {"ne": "error"}])
def test_message_that_is_not_valid_json_passes_nothing(check: Check, green: str, text: str, expectation: Any) -> None:
    finding = run_steps(check, green, {"send": {"text": text}, "expect": {"json": {"type": expectation}}})
    assert finding.outcome is Outcome.FAIL
    assert "the message " in finding.message


def test_silence_fails_in_time(check: Check, green: str) -> None:
    began = time.monotonic()
    finding = run_steps(check, green, {"send": {"text": "silence"}, "expect": {"text": "x"}}, timeout_s=0.5)
    assert (finding.outcome, "a message did not come in time" in finding.message) == (Outcome.FAIL, True)
    assert time.monotonic() - began < 5


def test_a_server_that_closes_fails_with_its_reason(check: Check, green: str) -> None:
    finding = run_steps(check, green, {"send": {"text": "close"}, "expect": {"text": "x"}})
    assert finding.message == "/: step 1: the server closed with code 1011 no database"


def closing_at_once(delay_s: float, code: int = 1011) -> Any:
    def close(socket: ServerConnection) -> None:
        time.sleep(delay_s)
        socket.close(code, "backend gone")

    return serve(close, "127.0.0.1", 0)


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.2])
@pytest.mark.parametrize("size", [2, 1_000_000])
def test_a_server_that_closes_at_once_fails_with_its_code(check: Check, delay_s: float, size: int) -> None:
    with closing_at_once(delay_s) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        steps = [{"send": {"text": "x" * size}, "expect": {"text": "hi"}}]
        for _ in range(6):
            finding = check("websocket", {"steps": steps}, url)
            assert finding.outcome is Outcome.FAIL
            assert finding.message == "/: step 1: the server closed with code 1011 backend gone"


@pytest.mark.parametrize(("code", "outcome"), [(1011, Outcome.FAIL), (1008, Outcome.FAIL), (1000, Outcome.PASS)])
def test_a_handshake_that_the_server_closes_with_an_error_fails(check: Check, code: int, outcome: Outcome) -> None:
    with closing_at_once(0.0, code) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        finding = check("websocket", {}, f"http://127.0.0.1:{server.socket.getsockname()[1]}")
    assert finding.outcome is outcome
    assert outcome is Outcome.PASS or finding.message == f"/: the server closed with code {code} backend gone"


@pytest.mark.parametrize(
    ("frame", "outcome"), [(b"\x81\x02\xc3\x28", Outcome.FAIL), (b"\x82\x02\xc3\x28", Outcome.PASS)]
)
def test_a_text_message_that_is_not_utf8_fails_and_a_binary_one_need_not_be(
    check: Check, frame: bytes, outcome: Outcome
) -> None:
    def script(peer: Peer) -> None:
        _, headers, _ = peer.request()
        key = (headers["sec-websocket-key"] + GUID).encode()
        accept = base64.b64encode(hashlib.sha1(key, usedforsecurity=False).digest())
        upgrade = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        peer.send(upgrade + b"sec-websocket-accept: " + accept + b"\r\n\r\n" + frame)
        with contextlib.suppress(EOFError, OSError):
            peer.request()

    with Server(script) as server:
        finding = check("websocket", {"steps": [{"expect": {"text": {"contains": "("}}}]}, server.url)
    assert finding.outcome is outcome


def test_more_noise_than_is_skipped_fails(check: Check, green: str) -> None:
    step = {"send": {"text": "noise"}, "expect": {"json": {"type": "done"}}}
    assert run_steps(check, green, {**step, "skip": 2}).outcome is Outcome.FAIL
    never = {"send": {"text": "noise"}, "expect": {"json": {"type": "never"}}, "skip": 100}
    finding = run_steps(check, green, never, timeout_s=0.5)
    assert "of the last that came, json type was 'done'" in finding.message


def test_a_subprotocol_that_the_server_does_not_know_fails(check: Check, green: str) -> None:
    finding = check("websocket", {"subprotocols": ["prices.v9"]}, green)
    assert finding.outcome is Outcome.FAIL


def test_a_server_that_takes_no_subprotocol_fails(check: Check) -> None:
    with serve(talk, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finding = check("websocket", {"subprotocols": ["prices.v1"]}, url)
        passed = check("websocket", {}, url, protocol="HTTP")
    assert (passed.outcome, passed.asked.green, passed.asked.balancer) == (Outcome.PASS, 1, 0)
    assert finding.message == "/: none of the subprotocols prices.v1 was accepted"


def test_a_closed_port_fails_and_a_host_out_of_bounds_is_an_error(check: Check) -> None:
    assert check("websocket", {}, f"http://127.0.0.1:{unused_port()}").outcome is Outcome.FAIL
    assert check("websocket", {"path": "wss://bank.example/"}, "http://127.0.0.1:1").outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "raw_params",
    [
        {"steps": [{}]},
        {"steps": [{"send": {"text": "x"}}]},
        {"steps": [{"send": {}, "expect": {"text": "x"}}]},
        {"steps": [{"expect": {"latency": {"lt": "1s"}}}]},
        {"steps": [{"send": {"base64": "?"}, "expect": {"text": "x"}}]},
        {"headers": {"X": "a\r\nb"}},
        {"subprotocols": ["a\r\nX: b"]},
    ],
)
def test_invalid_parameters_are_rejected(check: Check, raw_params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expect|send|exactly one|base64|cannot be sent"):
        check("websocket", raw_params, "http://127.0.0.1:1")


def test_a_talk_passes_pings_fragments_and_noise_included(check: Check, green: str) -> None:
    finding = run_steps(
        check,
        green,
        {"send": {"json": {"n": 1}}, "expect": {"json": {"n": 1}, "latency": {"lt": "2s"}}},
        {"send": {"base64": "aGVsbG8="}, "expect": {"text": "hello"}},
        {"send": {"text": "noise"}, "expect": {"json": {"type": "done"}}, "skip": 3},
    )
    assert finding.outcome is Outcome.PASS, finding.message
    assert [result.query for result in finding.evidence] == ["handshake", "json n", "latency (ms)", "text", "json type"]


def test_the_handshake_uses_the_host_and_headers_of_greens_listener(check: Check, green: str) -> None:
    raw_params = {
        "path": "/live?a=b c",
        "headers": {"Origin": "https://shop.example"},
        "subprotocols": ["prices.v1"],
        "steps": [
            {
                "send": {"text": "who"},
                "expect": {
                    "json": {
                        "path": "/live?a=b%20c",
                        "Host": "orders.example",
                        "Origin": "https://shop.example",
                        '"X-Test"': "1",
                        '"Sec-WebSocket-Protocol"': "prices.v1",
                    }
                },
            }
        ],
    }
    finding = check("websocket", raw_params, green, host="orders.example", headers={"X-Test": "1"})
    assert finding.outcome is Outcome.PASS, finding.message
