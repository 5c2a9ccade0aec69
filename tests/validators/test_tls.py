"""tls against servers whose certificates are right, expired, for another name, or of an unknown authority."""

from __future__ import annotations

import datetime
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from greenlight.api import Finding, Outcome
from tests.support.wire import Server, hang, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Check = Callable[..., Finding]


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this process trusts."""
    new_authority = trustme.CA()
    new_authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return new_authority


def serving(authority: trustme.CA, *names: str, days: float = 90) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    now = datetime.datetime.now(datetime.UTC)
    issued = authority.issue_cert(*names, not_after=now + datetime.timedelta(days=days, hours=1), common_name=names[0])
    issued.configure_cert(context)
    return Server(hang, context)


def test_an_expired_certificate_fails(check: Check, authority: trustme.CA) -> None:
    with serving(authority, "127.0.0.1", days=-2) as server:
        finding = check("tls", {}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert "certificate has expired" in finding.message


def test_a_certificate_for_another_name_fails(check: Check, authority: trustme.CA) -> None:
    with serving(authority, "orders.example") as server:
        finding = check("tls", {}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert "not valid for '127.0.0.1'" in finding.message


@pytest.mark.usefixtures("authority")
def test_a_certificate_of_an_unknown_authority_fails(check: Check) -> None:
    with serving(trustme.CA(), "127.0.0.1") as server:
        finding = check("tls", {}, server.url)
    assert (finding.outcome, "unable to get local issuer" in finding.message) == (Outcome.FAIL, True)


def test_a_server_that_speaks_no_tls_fails(check: Check) -> None:
    with Server(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        finding = check("tls", {}, server.url)
    assert (finding.outcome, "failed" in finding.message) == (Outcome.FAIL, True)


def test_a_port_that_refuses_fails_and_a_host_out_of_bounds_is_an_error(check: Check) -> None:
    assert check("tls", {"port": unused_port()}, "https://127.0.0.1").outcome is Outcome.FAIL
    assert check("tls", {"host": "bank.example", "port": 443}, "https://127.0.0.1").outcome is Outcome.ERROR


def test_a_certificate_that_ends_soon_fails_without_being_asked(check: Check, authority: trustme.CA) -> None:
    with serving(authority, "127.0.0.1", days=13) as server:
        finding = check("tls", {}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert finding.message.endswith('days_left is 13, expected {"gte":14}')


@pytest.mark.parametrize(
    "expect",
    [
        {"days_left": {"gte": 91}},
        {"names": {"contains": "shop.example"}},
        {"version": "TLSv1.2"},
        {"issuer": {"contains": "Amazon"}},
        {"subject": {"exists": False}},
        {"cipher": {"contains": "RC4"}},
    ],
    ids=lambda expect: next(iter(expect)),
)
def test_a_certificate_that_is_not_as_expected_fails(check: Check, authority: trustme.CA, expect: object) -> None:
    with serving(authority, "127.0.0.1") as server:
        finding = check("tls", {"expect": expect}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert "expected" in finding.message


def test_a_right_certificate_passes_under_the_name_that_green_goes_by(check: Check, authority: trustme.CA) -> None:
    expect = {
        "subject": {"contains": "CN=orders.example"},
        "issuer": {"contains": "trustme"},
        "names": {"contains": "orders.example"},
        "days_left": 90,
        "version": "TLSv1.3",
        "cipher": {"starts_with": "TLS_"},
    }
    with serving(authority, "orders.example") as server:
        finding = check("tls", {"expect": expect}, server.url, host="orders.example")
    assert finding.outcome is Outcome.PASS, finding.message
    assert len(finding.evidence) == 7


@pytest.mark.parametrize(("protocol", "key"), [("HTTPS", "balancer"), ("TLS", "balancer"), ("TCP", "green")])
def test_a_handshake_is_greens_only_where_the_listener_does_not_end_it(
    check: Check, authority: trustme.CA, protocol: str, key: str
) -> None:
    with serving(authority, "127.0.0.1") as server:
        finding = check("tls", {}, server.url, protocol=protocol)
    assert (finding.outcome, getattr(finding.asked, key)) == (Outcome.PASS, 1)
