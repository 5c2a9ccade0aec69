"""Responses of a hostile green, by name: illegal framing, illegal compressed bodies, and data without end.

Every response has the body that its plan expects, so only a lenient reader passes it. `ILLEGAL` has complete responses,
`ENDLESS` scripts that send until the client disconnects.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from tests.support.wire import Server, sending

if TYPE_CHECKING:
    from tests.support.wire import Peer, Script

BODY = b'{"data":{"":1}}'
"""Fifteen bytes, with which every validator that reads JSON can pass."""
_FLOOD = b" " * 65536


def _plain(line: bytes = b"HTTP/1.1 200 OK", extra: bytes = b"", length: bytes = b"15") -> bytes:
    return b"%s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n%s\r\n%s" % (line, length, extra, BODY)


def _chunked(
    size: bytes = b"f", end: bytes = b"\r\n0\r\n\r\n", coding: bytes = b"chunked", extra: bytes = b"", minor: int = 1
) -> bytes:
    head = b"HTTP/1.%d 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: %s\r\n" % (minor, coding)
    return b"%s%s\r\n%s\r\n%s%s" % (head, extra, size, BODY, end)


def _until_close(coding: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\nConnection: close\r\n\r\n%s" % (coding, BODY)


def _encoded(data: bytes, coding: bytes = b"gzip") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: %s\r\n" % coding
    return b"%sContent-Length: %d\r\n\r\n%s" % (head, len(data), data)


ILLEGAL: dict[str, bytes] = {
    # Status line
    "status with an underscore": _plain(b"HTTP/1.1 2_00 OK"),
    "status with a sign": _plain(b"HTTP/1.1 +200 OK"),
    "negative status": _plain(b"HTTP/1.1 -200 OK"),
    "status of four digits": _plain(b"HTTP/1.1 0200 OK"),
    "status of two digits": _plain(b"HTTP/1.1 20 OK"),
    "status below 100": _plain(b"HTTP/1.1 020 OK"),
    "status in Arabic digits": _plain("HTTP/1.1 \u0662\u0660\u0660 OK".encode()),
    "two blanks before the status": _plain(b"HTTP/1.1  200 OK"),
    "letter after the version": _plain(b"HTTP/1.1x 200 OK"),
    "HTTP/1.9": _plain(b"HTTP/1.9 200 OK"),
    "HTTP/2.0": _plain(b"HTTP/2.0 200 OK"),
    "HTTP/0.9": BODY,
    "ICY": _plain(b"ICY 200 OK"),
    "RTSP": _plain(b"RTSP/1.0 200 OK"),
    "version in small letters": _plain(b"http/1.1 200 OK"),
    "empty line before the status line": _plain(b"\r\nHTTP/1.1 200 OK"),
    "two status lines": _plain(b"HTTP/1.1 500 Oops\nHTTP/1.1 200 OK"),
    "null in the reason": _plain(b"HTTP/1.1 200 O\0K"),
    "escape in the reason": _plain(b"HTTP/1.1 200 \x1b[31mOK"),
    # Headers
    "null in a header": _plain(extra=b"X: a\0b\r\n"),
    "control character in a header": _plain(extra=b"X: a\x01b\r\n"),
    "escape in a header": _plain(extra=b"X: \x1b[31m\r\n"),
    "bare CR in a header": _plain(extra=b"X: a\rY: b\r\n"),
    "bare LF after a header": _plain(extra=b"X: a\nY: b\r\n"),
    "bare LF everywhere": _plain().replace(b"\r\n", b"\n"),
    "header without a colon": _plain(extra=b"foo bar\r\n"),
    "header without a name": _plain(extra=b": a\r\n"),
    "blank before a colon": _plain(extra=b"X : a\r\n"),
    "folded header": _plain(extra=b"X: a\r\n b\r\n"),
    "folded status line": _plain(b"HTTP/1.1 200 OK\r\n X: a"),
    "control character in a name": _plain(extra=b"X\x01: a\r\n"),
    "101 headers": _plain(extra=b"X: a\r\n" * 101),
    "one header of 70 KB": _plain(extra=b"X: %s\r\n" % (b"y" * 70_000)),
    "90 headers of 60 KB": _plain(extra=b"X: %s\r\n" % (b"y" * 60_000) * 90),
    # Content-Length
    "length with an underscore": _plain(length=b"1_5"),
    "length with a sign": _plain(length=b"+15"),
    "negative length": _plain(length=b"-15"),
    "length in hex": _plain(length=b"0xf"),
    "length in Arabic digits": _plain(length="\u0661\u0665".encode()),
    "length with a blank": _plain(length=b"1 5"),
    "empty length": _plain(length=b""),
    "list of lengths": _plain(length=b"15, 15"),
    "length of 5,000 digits": _plain(length=b"9" * 5000),
    "two different lengths": _plain(extra=b"Content-Length: 999\r\n"),
    "the same length twice": _plain(extra=b"content-length: 15\r\n"),
    "length beyond the body": _plain(length=b"16"),
    # Transfer-Encoding
    "xchunked": _until_close(b"xchunked"),
    "chunked, identity": _until_close(b"chunked, identity"),
    "identity": _until_close(b"identity"),
    "empty transfer-encoding": _until_close(b""),
    "gzip, chunked": _chunked(coding=b"gzip, chunked"),
    "chunked twice": _chunked(extra=b"Transfer-Encoding: chunked\r\n"),
    "vertical tab before chunked": _chunked(coding=b"\x0bchunked"),
    "chunked with a length": _chunked(extra=b"Content-Length: 15\r\n"),
    "chunked in HTTP/1.0": _chunked(minor=0),
    # Chunks
    "negative chunk": _chunked(b"-1", end=b""),
    "chunk size with a sign": _chunked(b"+f"),
    "chunk size with 0x": _chunked(b"0xf"),
    "chunk size with an underscore": _chunked(b"0_f"),
    "blank before a chunk size": _chunked(b" f"),
    "blank after a chunk size": _chunked(b"f "),
    "empty chunk size": _chunked(b""),
    "chunk size of 80 bits": _chunked(b"f" * 20),
    "null in a chunk extension": _chunked(b"f;\0"),
    "no CRLF after a chunk": _chunked(end=b"XX0\r\n\r\n"),
    "nothing after a chunk": _chunked(end=b"0\r\n\r\n"),
    "bare LF after a chunk": _chunked(end=b"\n0\r\n\r\n"),
    "no last chunk": _chunked(end=b"\r\n"),
    "no line after the last chunk": _chunked(end=b"\r\n0\r\n"),
    "length in a trailer": _chunked(end=b"\r\n0\r\nContent-Length: 3\r\n\r\n"),
    "null in a trailer": _chunked(end=b"\r\n0\r\nX: \0\r\n\r\n"),
    "trailers of 200 KB": _chunked(end=b"\r\n0\r\n" + b"X: y\r\n" * 33_000 + b"\r\n"),
    # Content-Encoding
    "bytes after the gzip body": _encoded(gzip.compress(BODY) + b"ERROR"),
    "zeros after the gzip body": _encoded(gzip.compress(BODY) + bytes(8)),
    "bytes after the zlib body": _encoded(zlib.compress(BODY) + b"x", b"deflate"),
    "second gzip member cut": _encoded(gzip.compress(BODY) + gzip.compress(b" ")[:-3]),
    "gzip body cut": _encoded(gzip.compress(BODY)[:-4]),
    "wrong checksum": _encoded(gzip.compress(BODY)[:-8] + bytes(8)),
    "gzip that is not compressed": _encoded(BODY),
    "gzip that is zlib": _encoded(zlib.compress(BODY)),
    "deflate without zlib's frame": _encoded(zlib.compress(BODY)[2:-4], b"deflate"),
    "gzip in gzip": _encoded(gzip.compress(gzip.compress(BODY)), b"gzip, gzip"),
    "unknown coding": _encoded(BODY, b"br"),
}


def _endless(first: bytes, block: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(first)
        while True:
            peer.send(block)

    return script


_GZIP_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n"
_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _bomb(peer: Peer) -> None:
    peer.request()
    peer.send(_GZIP_HEAD)
    compressor = zlib.compressobj(9, wbits=31)
    while True:
        peer.send(compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_SYNC_FLUSH))


ENDLESS: dict[str, Script] = {
    "gzip bomb": _bomb,
    "negative chunk": _endless(_CHUNKED_HEAD + b"-1\r\n", _FLOOD),
    "chunk of 80 bits": _endless(_CHUNKED_HEAD + b"f" * 20 + b"\r\n", _FLOOD),
    "chunk of 64 bits": _endless(_CHUNKED_HEAD + b"f" * 16 + b"\r\n", _FLOOD),
    "chunks": _endless(_CHUNKED_HEAD, b"10000\r\n" + _FLOOD + b"\r\n"),
    "body": _endless(b"HTTP/1.1 200 OK\r\n\r\n" + BODY, _FLOOD),
    "chunk extension": _endless(_CHUNKED_HEAD + b"f;", b"y" * 65536),
    "one trailer": _endless(_CHUNKED_HEAD + b"f\r\n" + BODY + b"\r\n0\r\nX: ", b"y" * 65536),
    "trailers": _endless(_CHUNKED_HEAD + b"f\r\n" + BODY + b"\r\n0\r\n", b"X: y\r\n" * 10_000),
    "status line": _endless(b"HTTP/1.1 200 ", b"O" * 65536),
    "one header": _endless(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
    "name of a header": _endless(b"HTTP/1.1 200 OK\r\n", b"y" * 65536),
    "headers": _endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000),
    "headers of an interim response": _endless(b"HTTP/1.1 103 Early Hints\r\n", b"X: y\r\n" * 10_000),
    "bytes after the gzip body": _endless(_GZIP_HEAD + gzip.compress(BODY), b"x" * 65536),
    "empty gzip members": _endless(_GZIP_HEAD + gzip.compress(BODY), gzip.compress(b"") * 3000),
    "empty deflate blocks": _endless(
        _GZIP_HEAD.replace(b"gzip", b"deflate") + b"\x78\x9c", b"\x00\x00\x00\xff\xff" * 13_000
    ),
    "name in the gzip header": _endless(_GZIP_HEAD + b"\x1f\x8b\x08\x08\0\0\0\0\0\x03", b"n" * 65536),
}


def illegal(name: str) -> Server:
    """Return a server that sends an illegal response to every request, and closes."""
    return Server(sending(ILLEGAL[name]))


def endless(name: str) -> Server:
    """Return a server that never ends its response."""
    return Server(ENDLESS[name])
