"""Allow-list of hosts and block-list of address ranges for outgoing connections.

A name is resolved once, all its addresses are checked, and the connection goes to a checked address. IPv4 addresses
that are embedded in IPv6 addresses are unwrapped before the check.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from greenlight.core.errors import GuardError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable

Resolver = Callable[[str, int], list[str]]
_IPV4_EMBEDDING = tuple(
    ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96")
)
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
            raise GuardError(
                f"{host} is neither a host of this deployment nor allowed by the operator (parameter AllowedHosts), "
                "so checks may not call it"
            )
        addresses = self._resolver(host, port)
        for text in addresses:
            if reason := self._reason_to_block(text):
                raise GuardError(f"{host} resolves to {text}, {reason}; checks never connect there")
        if not addresses:
            raise UnreachableError(f"{host} has no address")
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
        address = unwrap_ipv4(ipaddress.ip_address(text.partition("%")[0]))
        if address.is_loopback:
            return "" if self._allow_loopback else "which is this machine itself"
        if address.is_link_local or (address.version == 6 and address in _METADATA):
            return "a link-local or metadata address"
        is_nowhere = address in _THIS_NETWORK or address.is_unspecified or address.is_multicast
        if is_nowhere or (address.is_reserved and address.version == 4):
            return "which is not the address of a host"
        return ""


def unwrap_ipv4(address: Address) -> Address:
    """Return the IPv4 address in a mapped, NAT64 (RFC 6052, 8215), 6to4 or Teredo address; others unchanged."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _IPV4_EMBEDDING) or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _resolve(host: str, port: int) -> list[str]:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"the name {host} does not resolve: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))
