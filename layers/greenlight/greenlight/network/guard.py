"""Allow-list of hosts and block-list of address ranges for outgoing connections.

A name is resolved once, all its addresses are checked, and the connection goes to a checked address. IPv4 addresses
that are embedded in IPv6 addresses are checked as well, because a gateway or tunnel may deliver to them.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from greenlight.core.errors import GuardError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Resolver = Callable[[str, int], list[str]]
_ENDS_WITH_IPV4 = tuple(ipaddress.IPv6Network(network) for network in ("::/96", "64:ff9b::/96", "::ffff:0:0:0/96"))
"""IPv4-compatible (RFC 4291), NAT64 (RFC 6052) and IPv4-translated (RFC 2765) addresses."""
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""NAT64 of a network of one's own, which chooses the length of the prefix (RFC 8215)."""
_LOCAL_NAT64_BYTES = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
"""Bytes of the IPv4 address after a prefix of 48, 56, 64 and 96 bits (RFC 6052 section 2.2)."""
_ISATAP = (0x00005EFE, 0x02005EFE)
"""First half of an interface identifier that ends with an IPv4 address (RFC 5214 section 6.1), in any prefix."""
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_METADATA = ipaddress.ip_network("fd00:ec2::/32")
_CACHE_S = 5

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Guard:
    """Policy for outgoing connections: allowed hosts only, never this machine or its metadata service."""

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        allow_loopback: bool = False,
        resolver: Resolver | None = None,
    ) -> None:
        """Allow `hosts`.

        Args:
            hosts: Names; `*.example.com` allows every name below example.com.
            allow_loopback: Allow addresses of this machine, for tests and rehearsals.
            resolver: Returns the addresses of a host and port; the system's resolver by default.
        """
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts if host)
        self._allow_loopback = allow_loopback
        self._resolver = resolver or _resolve
        self._resolved: dict[tuple[str, int], tuple[float, str]] = {}

    def resolve(self, host: str, port: int, *, new_connection: bool = False) -> str:
        """Return the address to connect to; `new_connection` ignores the cache of resolved names.

        Raises:
            GuardError: The host is not allowed, or one of its addresses is never allowed.
            UnreachableError: The name does not resolve.
        """
        cached = self._resolved.get((host, port))
        if cached is not None and not new_connection and time.monotonic() < cached[0]:
            return cached[1]
        if not self._allows(host.lower().rstrip(".")):
            message = (
                f"{host} is neither a host of this deployment nor allowed by the operator (parameter AllowedHosts), "
                "so checks may not call it"
            )
            raise GuardError(message, root=message)
        addresses = self._resolver(host, port)
        for text in addresses:
            if reason := self._reason_to_block(text):
                message = f"{host} resolves to {text}, {reason}; checks never connect there"
                raise GuardError(message, root=message)
        if not addresses:
            raise UnreachableError(f"{host} has no address", root=f"{host} has no address")
        self._resolved[host, port] = (time.monotonic() + _CACHE_S, addresses[0])
        return addresses[0]

    def allowing(self, hosts: Iterable[str]) -> Guard:
        """Return the same policy with further allowed hosts."""
        return Guard((*self._hosts, *hosts), allow_loopback=self._allow_loopback, resolver=self._resolver)

    def allows(self, host: str) -> bool:
        """Return whether checks may use the host's name; its addresses are not checked."""
        return self._allows(host.lower().rstrip("."))

    def _allows(self, host: str) -> bool:
        return host in self._hosts or any(
            pattern.startswith("*.") and host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
            for pattern in self._hosts
        )

    def _reason_to_block(self, text: str) -> str:
        """Return why checks must not connect to an address; "" if they may."""
        address = ipaddress.ip_address(text.partition("%")[0])
        embedded = embedded_ipv4(address) if isinstance(address, ipaddress.IPv6Address) else []
        return next(filter(None, map(self._reason_to_block_one, (address, *embedded))), "")

    def _reason_to_block_one(self, address: Address) -> str:
        if address.is_loopback:
            return "" if self._allow_loopback else "which is this machine itself"
        if address.is_link_local or (address.version == 6 and address in _METADATA):
            return "a link-local or metadata address"
        is_nowhere = address in _THIS_NETWORK or address.is_unspecified or address.is_multicast
        if is_nowhere or (address.is_reserved and address.version == 4):
            return "which is not the address of a host"
        return ""


def embedded_ipv4(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses in a mapped, compatible, NAT64, 6to4, Teredo or ISATAP address; none in others."""
    if int(address) <= 1:  # unspecified and loopback, which are not IPv4-compatible addresses
        return []
    embedded = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _ENDS_WITH_IPV4) or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        embedded.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address in _LOCAL_NAT64:
        embedded += _translated_ipv4(address.packed)
    return [ipv4 for ipv4 in embedded if ipv4 is not None]


def _translated_ipv4(packed: bytes) -> Iterator[ipaddress.IPv4Address]:
    """Yield the IPv4 addresses of all lengths of the prefix that fit: only zeros follow such an address.

    An address in 0.0.0.0/8 has no host, so its length is not the right one.
    """
    for positions in _LOCAL_NAT64_BYTES:
        ipv4 = bytes(packed[position] for position in positions)
        if ipv4[0] and not any(packed[positions[-1] + 1 :]):
            yield ipaddress.IPv4Address(ipv4)


def _resolve(host: str, port: int) -> list[str]:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        failure = f"the name {host} does not resolve"
        raise UnreachableError(f"{failure}: {error}", root=failure) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))
