"""Allow-list of hosts and block-list of addresses."""

from __future__ import annotations

import pytest

from greenlight.core.errors import GuardError, UnreachableError
from greenlight.network.guard import Guard
from tests.support.addresses import FORBIDDEN

OPEN = "93.184.215.14"


def guard(*hosts: str, addresses: list[str] | None = None, loopback: bool = False) -> Guard:
    return Guard(hosts, allow_loopback=loopback, resolver=lambda *_: addresses or [OPEN])


@pytest.mark.parametrize("host", ["api.example.com", "API.Example.COM", "api.example.com."])
def test_allowed_host_matches_in_any_spelling(host: str) -> None:
    assert guard("api.example.com").resolve(host, 443) == OPEN


@pytest.mark.parametrize("host", ["a.example.com", "a.b.example.com"])
def test_wildcard_covers_every_subdomain(host: str) -> None:
    assert guard("*.example.com").resolve(host, 443) == OPEN


@pytest.mark.parametrize(
    "host", ["example.com", ".example.com", "badexample.com", "example.com.evil.test", "example", "", "*.example.com.x"]
)
def test_wildcard_does_not_cover_other_names(host: str) -> None:
    with pytest.raises(GuardError, match="AllowedHosts"):
        guard("*.example.com").resolve(host, 443)


def test_empty_entry_allows_nothing() -> None:
    for host in ("", "anything.test"):
        with pytest.raises(GuardError):
            guard("").resolve(host, 80)


def test_single_star_is_not_a_wildcard() -> None:
    with pytest.raises(GuardError):
        guard("*").resolve("anything.test", 80)


def test_disallowed_name_is_not_resolved() -> None:
    resolved: list[str] = []
    allowed = Guard(["a.test"], resolver=lambda host, _: resolved.append(host) or [OPEN])  # type: ignore[func-returns-value]
    with pytest.raises(GuardError):
        allowed.resolve("secret-data.evil.test", 80)
    assert resolved == []


def test_name_without_address_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match=r"a\.test has no address"):
        Guard(["a.test"], resolver=lambda *_: []).resolve("a.test", 80)


@pytest.mark.parametrize("host", ["x" * 64 + ".test", "no-such-name.invalid", ".".join(["a" * 60] * 5)])
def test_unresolvable_name_is_reported_as_unreachable(host: str) -> None:
    with pytest.raises(UnreachableError, match="does not resolve"):
        Guard([host]).resolve(host, 80)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden_address_is_rejected_for_any_name(address: str) -> None:
    with pytest.raises(GuardError, match=r"nice\.test resolves to .*checks never connect there"):
        guard("nice.test", addresses=[address]).resolve("nice.test", 80)


@pytest.mark.parametrize("address", ["10.0.0.1", "172.16.3.4", "192.168.1.1", "fd12::1", "100.64.0.1", OPEN])
def test_private_addresses_of_load_balancers_are_allowed(address: str) -> None:
    assert guard("internal-lb.test", addresses=[address]).resolve("internal-lb.test", 80) == address


@pytest.mark.parametrize(
    "address",
    [
        f"::ffff:{OPEN}",
        f"64:ff9b::{OPEN}",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1:a00:0:100::",
        f"64:ff9b:1::{OPEN}",
        "2002:5db8:d70e::1",
        f"2001:db8::5efe:{OPEN}",
        "2001:db8:5efe::169.254.169.254",  # 5efe is part of the prefix, so no IPv4 address follows
    ],
)
def test_embedded_addresses_of_other_hosts_are_allowed(address: str) -> None:
    assert guard("translated.test", addresses=[address]).resolve("translated.test", 80) == address


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden_address_of_any_form_is_found_among_several(address: str, position: int) -> None:
    answers = [OPEN, "2606:2800:21f:cb07::1"]
    answers.insert(position, address)
    with pytest.raises(GuardError, match="checks never connect there"):
        guard("mixed.test", addresses=answers).resolve("mixed.test", 80)


def test_allow_loopback_allows_only_loopback_addresses() -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert guard("me.test", addresses=[address], loopback=True).resolve("me.test", 80) == address
    for address in ("169.254.169.254", "0.0.0.0", "::ffff:169.254.169.254"):
        with pytest.raises(GuardError):
            guard("me.test", addresses=[address], loopback=True).resolve("me.test", 80)


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "2852039166",
        "0251.0376.0251.0376",
        "0xa9.0xfe.0xa9.0xfe",
        "0xa9fea9fe",
        "169.16689662",
        "169.254.169.254.",
        "127.0.0.1.",
        "\uff11\uff12\uff17.0.0.1",  # full-width digits, which IDNA maps to ASCII
        "\u2460\u2461\u2466.0.0.1",  # circled digits
        "127\u30020\u30020\u30021",  # ideographic full stops
        "localhost",
        "LOCALHOST.",
    ],
)
def test_unusual_spellings_of_an_address_are_checked_after_resolution(host: str) -> None:
    with pytest.raises(GuardError):
        guard("api.test").resolve(host, 80)
    with pytest.raises((GuardError, UnreachableError), match=r"checks never connect there|does not resolve"):
        Guard([host]).resolve(host, 80)  # allowed by name, and still refused for the address it resolves to


def test_resolved_address_is_cached_per_host_and_port() -> None:
    answers: list[list[str]] = [[OPEN], ["169.254.169.254"]]
    allowed = Guard(["re.test"], resolver=lambda *_: answers.pop(0))
    assert [allowed.resolve("re.test", 80) for _ in range(3)] == [OPEN] * 3
    with pytest.raises(GuardError):
        allowed.resolve("re.test", 81)


def test_rejection_names_the_deployment_and_the_operator() -> None:
    with pytest.raises(GuardError, match=r"b\.test is neither a host of this deployment nor allowed by the operator"):
        guard("a.test").resolve("b.test", 80)
