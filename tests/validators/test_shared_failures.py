"""Failures of one server: every validator that asks it has the same outcome, sentence and root."""

from __future__ import annotations

import datetime
import json
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from greenlight.api import Finding, Outcome, Side
from tests.support.wire import Server, answer, hang, sending, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.wire import Peer

    Check = Callable[..., Finding]

REQUEST = {"get": "/", "expect": {"status": 200}}
HTTP: dict[str, Any] = {
    "http": REQUEST,
    "graphql": {"query": "{a}"},
    "load": {"paths": ["/"], "requests": 20},
    "openapi": {},
    "serves_green": {"get": "/", "headers": {"x-release": "2"}},
    "migration": {
        "capture": {"id": "unique"},
        "write": {"put": "/${id}"},
        "read": {"get": "/${id}"},
        "clean_up": {"delete": "/${id}"},
        "expect": {"body": {"contains": "row"}},
    },
}
CONNECTING: dict[str, Any] = {**HTTP, "websocket": {}, "grpc_health": {}}
TLS = {**CONNECTING, "tls": {}}


def serve_with(authority: trustme.CA, name: str = "127.0.0.1", days: float = 90) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    authority.issue_cert(name, not_after=ends).configure_cert(context)
    return Server(hang, context)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=["unknown authority", "expired", "another name", "no TLS"])
def broken(
    request: pytest.FixtureRequest, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    servers: dict[str, Callable[[], Server]] = {
        "unknown authority": lambda: serve_with(trustme.CA()),
        "expired": lambda: serve_with(authority, days=-2),
        "another name": lambda: serve_with(authority, "orders.example"),
        "no TLS": lambda: Server(lambda peer: peer.send(answer(400))),
    }
    with servers[request.param]() as server:
        yield server


def run_all(check: Check, validators: dict[str, Any], url: str, **more: Any) -> dict[str, Finding]:
    blue = Side(url=url)
    return {name: check(name, params, url, blue=blue, timeout_s=2.0, **more) for name, params in validators.items()}


def test_broken_tls_is_greens_failure_in_every_validator(check: Check, broken: Server) -> None:
    findings = run_all(check, TLS, broken.url.replace("http:", "https:"))
    assert {name: finding.outcome for name, finding in findings.items()} == dict.fromkeys(TLS, Outcome.FAIL)
    (root,) = {finding.root for finding in findings.values()}
    assert root.startswith(f"TLS with 127.0.0.1 (127.0.0.1 port {broken.port}) failed: ")
    assert all(root in finding.message for finding in findings.values())


def test_refused_connection_is_greens_failure_in_every_validator(check: Check) -> None:
    port = unused_port()
    findings = run_all(check, {**CONNECTING, "tcp": {}}, f"http://127.0.0.1:{port}")
    assert {finding.outcome for finding in findings.values()} == {Outcome.FAIL}
    assert {finding.root for finding in findings.values()} == {f"127.0.0.1 (127.0.0.1 port {port}) refuses connections"}


def test_name_without_address_is_an_error_in_every_validator(check: Check) -> None:
    url = "http://orders.invalid:8080"
    findings = run_all(check, {**CONNECTING, "tls": {}, "tcp": {}}, url, hosts=("orders.invalid",), resolver=None)
    assert {name: finding.outcome for name, finding in findings.items()} == dict.fromkeys(findings, Outcome.ERROR)
    assert {finding.root for finding in findings.values()} == {"the name orders.invalid does not resolve"}


def test_hung_green_is_the_same_failure_for_every_request(check: Check) -> None:
    with Server(hang) as server:
        findings = run_all(
            check, {name: HTTP[name] for name in ("http", "graphql", "openapi", "serves_green")}, server.url
        )
    assert {finding.outcome for finding in findings.values()} == {Outcome.FAIL}
    place = f"127.0.0.1 (127.0.0.1 port {server.port})"
    assert {finding.root for finding in findings.values()} == {f"{place}: timed out before a complete response arrived"}
    assert "timed out after 2 s before a complete response" in findings["http"].message


def test_failed_exchange_is_evidence_with_place_expected_and_actual_value(check: Check) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    (evidence,) = check("http", {"get": "/orders", "expect": {"status": 200}}, url).evidence
    assert (evidence.where, evidence.expected, evidence.passed) == ("GET /orders", "a complete response", False)
    assert evidence.actual.endswith("refuses connections")


def test_wrong_answer_has_no_root(check: Check) -> None:
    with Server(sending(answer(500))) as server:
        assert check("http", REQUEST, server.url).root == ""


def test_finding_with_another_mismatch_has_no_root(check: Check) -> None:
    operation = {"get": {"responses": {"200": {}}}}
    document = json.dumps({"openapi": "3.0.3", "paths": {"/a": operation, "/b": operation}})

    def answer_one_and_close(peer: Peer) -> None:
        line, _, _ = peer.request()
        peer.send(answer(500, b"", "connection: close") if "/a" in line else b"")

    with Server(answer_one_and_close) as server:
        finding = check("openapi", {"text": document}, server.url)
    assert [item.passed for item in finding.evidence] == [False, False]
    assert (finding.outcome, finding.root) == (Outcome.FAIL, "")
