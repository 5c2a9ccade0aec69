"""A tunnel is answered if the server sends data after a request; handshakes of real TLS do not count."""

from __future__ import annotations

import ssl

import pytest
import trustme

from greenlight.checks.tls_tunnel import TlsTunnel

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class Conversation:
    """A TLS client and a server in memory, and the tunnel that sees their records in pieces of `size` bytes."""

    def __init__(self, version: ssl.TLSVersion, size: int = 10_000) -> None:
        authority = trustme.CA()
        self.tunnel = TlsTunnel()
        self._size = size
        self._bios = {"client": (ssl.MemoryBIO(), ssl.MemoryBIO()), "server": (ssl.MemoryBIO(), ssl.MemoryBIO())}
        client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client.minimum_version = client.maximum_version = version
        authority.configure_trust(client)
        authority.issue_cert("green.example").configure_cert(server)
        self.client = client.wrap_bio(*self._bios["client"], server_hostname="green.example")
        self.server = server.wrap_bio(*self._bios["server"], server_side=True)
        while not all([self._shake(self.client), self._shake(self.server)]):
            self.carry()
        self.carry()

    def _shake(self, end: ssl.SSLObject) -> bool:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def carry(self) -> None:
        """Pass the bytes of each end to the other one."""
        sent, received = self._bios["client"][1].read(), self._bios["server"][1].read()
        for data, feed, target in (
            (sent, self.tunnel.send, self._bios["server"][0]),
            (received, self.tunnel.receive, self._bios["client"][0]),
        ):
            for start in range(0, len(data), self._size):
                feed(data[start : start + self._size])
            target.write(data)


@pytest.mark.parametrize("version", VERSIONS)
def test_handshake_alone_is_not_an_answer(version: ssl.TLSVersion) -> None:
    conversation = Conversation(version)
    with pytest.raises(ssl.SSLWantReadError):
        conversation.client.unwrap()
    conversation.carry()
    conversation.carry()

    assert not conversation.tunnel.is_answered


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_request_is_answered_when_the_server_sends_data(version: ssl.TLSVersion, size: int) -> None:
    conversation = Conversation(version, size)
    conversation.client.write(b"GET / HTTP/1.1\r\nHost: green.example\r\n\r\n")
    conversation.carry()
    is_answered_early = conversation.tunnel.is_answered
    conversation.server.read()
    conversation.server.write(b"HTTP/1.1 200 OK\r\n\r\n")
    conversation.carry()

    assert (is_answered_early, conversation.tunnel.is_answered) == (False, True)
