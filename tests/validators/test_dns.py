"""dns against a real name server on loopback, over TCP as a named server and over UDP as the machine's resolver."""

from __future__ import annotations

import socketserver
import struct
import threading
from typing import TYPE_CHECKING, Any

import dns.message
import dns.nameserver
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from greenlight.api import Finding, Outcome
from tests.support.wire import Server, hang, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[..., Finding]

RECORDS = {
    ("orders.example.", "A"): [
        ("orders.example.", "CNAME", "lb.example."),
        ("lb.example.", "A", "192.0.2.2", "192.0.2.1"),
    ],
    ("orders.example.", "CNAME"): [("orders.example.", "CNAME", "lb.example.")],
    ("orders.example.", "TXT"): [("orders.example.", "TXT", '"v=one " "two"')],
    ("orders.example.", "MX"): [("orders.example.", "MX", "10 mail.example.")],
}
NAMES = {name for name, _ in RECORDS}


def reply_to(wire: bytes) -> bytes:
    question = dns.message.from_wire(wire)
    reply = dns.message.make_response(question)
    name, kind = question.question[0].name.to_text(), dns.rdatatype.to_text(question.question[0].rdtype)
    if name == "broken.example.":
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif name not in NAMES:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    for owner, record, *values in RECORDS.get((name, kind), []):
        reply.answer.append(dns.rrset.from_text(owner, 60, "IN", record, *values))
    return reply.to_wire()


class OverTcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        (length,) = struct.unpack("!H", self.rfile.read(2))
        reply = reply_to(self.rfile.read(length))
        self.wfile.write(struct.pack("!H", len(reply)) + reply)


class OverUdp(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        self.wfile.write(reply_to(self.rfile.read()))


@pytest.fixture(params=["the machine's resolver", "a server"])
def ask(
    request: pytest.FixtureRequest, check: Check, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Finding]]:
    """Run the check with this machine's resolver, and with a named server."""
    is_named_server = request.param == "a server"
    name_server: Any = (socketserver.ThreadingTCPServer if is_named_server else socketserver.ThreadingUDPServer)(
        ("127.0.0.1", 0), OverTcp if is_named_server else OverUdp
    )
    threading.Thread(target=name_server.serve_forever, args=(0.01,), daemon=True).start()
    port = name_server.server_address[1]
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [dns.nameserver.Do53Nameserver("127.0.0.1", port)]
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)

    def run(name: str, kind: str, records: Any, **expect: Any) -> Finding:
        raw_params: dict[str, Any] = {"name": name, "type": kind, "expect": {"records": records, **expect}}
        if is_named_server:
            raw_params |= {"server": "ns.example", "port": port}
        return check("dns", raw_params, hosts=("*.example",))

    yield run
    name_server.shutdown()
    name_server.server_close()


def test_a_name_that_does_not_exist_fails(ask: Callable[..., Finding]) -> None:
    finding = ask("gone.example", "A", {"contains": "192.0.2.1"})
    assert (finding.outcome, "there is no such name" in finding.message) == (Outcome.FAIL, True)


def test_a_name_without_such_records_fails(ask: Callable[..., Finding]) -> None:
    finding = ask("orders.example", "AAAA", {"not": {"contains": "::1"}, "length": 1})
    assert (finding.outcome, "no such records" in finding.message) == (Outcome.FAIL, True)


def test_other_records_fail(ask: Callable[..., Finding]) -> None:
    finding = ask("orders.example", "CNAME", ["old.example"])
    assert finding.outcome is Outcome.FAIL
    assert finding.message.endswith('records is ["lb.example"], expected ["old.example"]')


def test_a_resolver_that_breaks_down_is_an_error(ask: Callable[..., Finding]) -> None:
    finding = ask("broken.example", "A", ["192.0.2.1"])
    assert (finding.outcome, "SERVFAIL" in finding.message) == (Outcome.ERROR, True)


def test_a_name_that_checks_may_not_call_is_not_queried(ask: Callable[..., Finding]) -> None:
    finding = ask("c2VjcmV0.attacker.test", "A", ["192.0.2.1"])
    assert (finding.outcome, "AllowedHosts" in finding.message) == (Outcome.ERROR, True)


@pytest.mark.parametrize("name", ["a..example", "x" * 70 + ".example"])
def test_an_invalid_name_is_an_error(ask: Callable[..., Finding], name: str) -> None:
    assert ask(name, "A", ["192.0.2.1"]).outcome is Outcome.ERROR


def test_a_server_that_is_silent_refuses_or_is_not_allowed_is_an_error(check: Check) -> None:
    raw_params = {"name": "orders.example", "server": "ns.example", "expect": {"records": ["192.0.2.1"]}}
    with Server(hang) as server:
        silent = check("dns", {**raw_params, "port": server.port}, hosts=("*.example",), timeout_s=0.3)
    refusing = check("dns", {**raw_params, "port": unused_port()}, hosts=("*.example",))
    forbidden = check("dns", {**raw_params, "server": "8.8.8.8"}, hosts=("*.example",))
    assert {silent.outcome, refusing.outcome, forbidden.outcome} == {Outcome.ERROR}


@pytest.mark.parametrize("records", [[], {"exists": True}, {"type": "list"}, {"not": {"contains": "x"}}])
def test_an_expectation_that_an_empty_list_meets_is_rejected(check: Check, records: Any) -> None:
    with pytest.raises(ValueError, match="an empty list would pass"):
        check("dns", {"expect": {"records": records}}, "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("kind", "records"),
    [
        ("A", ["192.0.2.1", "192.0.2.2"]),
        ("CNAME", ["lb.example"]),
        ("TXT", ["v=one two"]),
        ("MX", ["10 mail.example"]),
    ],
)
def test_expected_records_pass(ask: Callable[..., Finding], kind: str, records: list[str]) -> None:
    finding = ask("orders.example", kind, records, ttl={"lte": 60})
    assert finding.outcome is Outcome.PASS, finding.message


def test_the_default_name_is_greens_host(check: Check) -> None:
    finding = check("dns", {"expect": {"records": ["x"]}}, "http://lb.example", host="orders.test", hosts=())
    assert "orders.test is neither" in finding.message
