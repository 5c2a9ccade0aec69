"""Where checks may connect: hosts by name, addresses by what they are.

A name is resolved once, every address it has is looked at, and the connection goes to one that was. What hides
an IPv4 address inside an IPv6 one is unwrapped first.
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
_IPV4_INSIDE = tuple(
    ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96")
)
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_METADATA = ipaddress.ip_network("fd00:ec2::/32")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Guard:
    """Decides where checks may connect: named hosts only, and never to the machine or its metadata service."""

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        allow_loopback: bool = False,
        resolver: Resolver | None = None,
    ) -> None:
        """Allow `hosts`; `*.example.com` covers every name below example.com. `resolver` gives a name's addresses."""
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts if host)
        self._allow_loopback = allow_loopback
        self._resolver = resolver or _resolve
        self._known: dict[tuple[str, int], tuple[float, str]] = {}

    def address(self, host: str, port: int, *, new_connection: bool = False) -> str:
        """Give the address to connect to; `new_connection` looks the name up even where that was done a moment ago.

        Raises:
            GuardError: The host is not allowed, or one of its addresses never is.
            UnreachableError: The name does not resolve.
        """
        known = self._known.get((host, port))
        if known is not None and not new_connection and time.monotonic() < known[0]:
            return known[1]
        if not self._allows(host.lower().rstrip(".")):
            raise GuardError(
                f"{host} is neither a host of this deployment nor allowed by the operator (parameter AllowedHosts), so checks may not call it"
            )
        addresses = self._resolver(host, port)
        for text in addresses:
            if why := self._forbidden(text):
                raise GuardError(f"{host} resolves to {text}, {why}; checks never connect there")
        if not addresses:
            raise UnreachableError(f"{host} has no address")
        self._known[host, port] = (time.monotonic() + 5, addresses[0])
        return addresses[0]

    def allows(self, host: str) -> bool:
        """Tell whether a host's name is one that checks may deal with; its addresses are another matter."""
        return self._allows(host.lower().rstrip("."))

    def _allows(self, host: str) -> bool:
        return host in self._hosts or any(
            pattern.startswith("*.") and host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
            for pattern in self._hosts
        )

    def _forbidden(self, text: str) -> str:
        """Say what is wrong with an address; "" when nothing is."""
        address = unwrap_ipv4(ipaddress.ip_address(text.partition("%")[0]))
        if address.is_loopback:
            return "" if self._allow_loopback else "which is this machine itself"
        if address.is_link_local or (address.version == 6 and address in _METADATA):
            return "a link-local or metadata address"
        nowhere = address in _THIS_NETWORK or address.is_unspecified or address.is_multicast
        if nowhere or (address.is_reserved and address.version == 4):
            return "which is no host's address"
        return ""


def unwrap_ipv4(address: Address) -> Address:
    """Give the IPv4 address inside a mapped, NAT64 (RFC 6052, 8215), 6to4 or Teredo IPv6 address; others as they are."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _IPV4_INSIDE) or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"the name {host} does not resolve: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
