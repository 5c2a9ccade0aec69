"""A server of raw bytes on loopback: answers that no HTTP library would send, one for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import NamedTuple


class RawAnswer(NamedTuple):
    """One answer on one connection.

    Attributes:
        body: Bytes of the body.
        status: Status code and reason.
        length: Content-Length; None for the length of the body. A longer one cuts the body.
        pause_s: Pause after each byte of the body; 0 sends it at once.
        headers: Further header lines.
    """

    body: bytes
    status: str = "200 OK"
    length: int | None = None
    pause_s: float = 0.0
    headers: tuple[str, ...] = ()


class RawServer:
    """Server that gives one answer to each connection and closes it; the last answer is repeated.

    Attributes:
        requests: The requests, as received.
        url: Endpoint.
    """

    def __init__(self, *answers: RawAnswer) -> None:
        self.requests: list[bytes] = []
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> RawServer:
        return self

    def __exit__(self, *raised: object) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            threading.Thread(target=self._answer, args=(connection, answer), daemon=True).start()

    def _answer(self, connection: socket.socket, answer: RawAnswer) -> None:
        with contextlib.suppress(OSError), connection:
            self.requests.append(_read_request(connection))
            length = len(answer.body) if answer.length is None else answer.length
            head = [f"HTTP/1.1 {answer.status}", f"Content-Length: {length}", "Connection: close", *answer.headers]
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            if not answer.pause_s:
                connection.sendall(answer.body)
                return
            for byte in answer.body:
                if self._closed.is_set():
                    return
                connection.sendall(bytes([byte]))
                time.sleep(answer.pause_s)


def _read_request(connection: socket.socket) -> bytes:
    connection.settimeout(10)
    data = b""
    while b"\r\n\r\n" not in data:
        if not (chunk := connection.recv(65536)):
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
