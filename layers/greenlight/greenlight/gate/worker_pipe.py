"""The pipe between worker and supervisor: length-framed, size-capped, typed messages.

The worker runs plugins, so the supervisor does not trust data from the pipe: it stops reading at the first message that
is too large or not valid.
"""

from __future__ import annotations

import os
import select
import struct
import time
from typing import TYPE_CHECKING

import msgspec

from greenlight.checks.hand_over import WaitingCheck
from greenlight.core.errors import Problem
from greenlight.core.finding import Finding
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FRAME_BYTES = 256 * 1024
MAX_TOTAL_BYTES = 64 * 1024 * 1024
OUTPUT_CHARACTERS = 8000
_OUTPUT_BYTES = 4 * OUTPUT_CHARACTERS
"""More than a report shows: redaction would not recognize a secret that was truncated before it."""
_READ_BYTES = 65536
_MAX_READS = 64
_LENGTH = struct.Struct(">I")


class ProblemMessage(FrozenStruct, frozen=True, kw_only=True):
    """One problem of a rejected plan."""

    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    source: str = ""

    @classmethod
    def from_problem(cls, problem: Problem) -> ProblemMessage:
        """Convert a problem to a message."""
        return cls(
            message=problem.message,
            path=problem.path,
            line=problem.line,
            column=problem.column,
            source=problem.source,
        )

    def to_problem(self) -> Problem:
        """Convert the message back to a problem."""
        return Problem(self.message, self.path, self.line, self.column, source=self.source)


class Message(FrozenStruct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of the worker: a finding, the problems of a rejected plan, a check to go on with, or the end."""

    finding: Finding | None = None
    problems: tuple[ProblemMessage, ...] = ()
    waiting: WaitingCheck | None = None
    done: bool = False
    has_ended: bool = True


def send(writer: int, messages: Sequence[Message]) -> None:
    """Write messages to the pipe."""
    frames = memoryview(b"".join(map(_frame, messages)))
    while frames:
        frames = frames[os.write(writer, frames) :]


def _frame(message: Message) -> bytes:
    data = msgspec.json.encode(message, enc_hook=repr)
    if len(data) > MAX_FRAME_BYTES and message.finding is not None:
        data = msgspec.json.encode(Message(finding=_without_details(message.finding)))
    return _LENGTH.pack(len(data)) + data


def _without_details(finding: Finding) -> Finding:
    message = f"{finding.message[:2000]} (evidence was too large)"
    return msgspec.structs.replace(finding, evidence=(), series=(), tries=(), message=message)


class MessageReader:
    """The supervisor's end of the pipe: reads messages until the worker ends, the deadline or an invalid message.

    Attributes:
        output: The last part of the worker's output.
        timed_out: Whether the deadline passed.
        failure: Why reading ended early, as a sentence; "" if the worker closed the pipe.
    """

    def __init__(self, reader: int, output_reader: int, pidfd: list[int], deadline: float) -> None:
        """Read messages from `reader` and output from `output_reader` until `deadline` (monotonic).

        `pidfd` contains a descriptor that becomes readable when the worker ends; it is empty if the system has none.
        """
        self._reader, self._output_reader, self._pidfd, self._deadline = reader, output_reader, pidfd, deadline
        self._watched = [reader, output_reader, *pidfd]
        self._ended = False
        self._buffer = bytearray()
        self._total = 0
        self.output = bytearray()
        self.timed_out = False
        self.failure = ""

    def next(self) -> Message | None:
        """Return the next message; None after the last message."""
        header = self._take(_LENGTH.size)
        if header is None:
            return None
        (length,) = _LENGTH.unpack(header)
        if length > MAX_FRAME_BYTES:
            self.failure = "the worker sent a message that is too large for a finding"
            return None
        body = self._take(length)
        if body is None:
            return None
        try:
            return msgspec.json.decode(body, type=Message)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self.failure = "the worker sent a message that is not a valid finding"
            return None

    def drain(self) -> None:
        """Read the worker's output and keep its last part. A full pipe would block the worker."""
        for _ in range(_MAX_READS):  # a worker that prints forever must not block the supervisor
            try:
                data = os.read(self._output_reader, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._watched = [descriptor for descriptor in self._watched if descriptor != self._output_reader]
                return
            self.output = (self.output + data)[-_OUTPUT_BYTES:]

    def _take(self, size: int) -> bytes | None:
        """Return the next `size` bytes; None if the pipe ends before them."""
        while len(self._buffer) < size:
            if not self._read_more():
                return None
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _read_more(self) -> bool:
        """Wait for data and read it; return False at the end of the pipe or at the deadline."""
        remaining_s = self._deadline - time.monotonic()
        ready: list[int] = []
        if remaining_s > 0:
            ready = select.select(self._watched, [], [], 0 if self._ended else remaining_s)[0]
        if not ready:
            if not self._ended:
                self.timed_out, self.failure = True, "the worker was stopped at its deadline"
            return False  # after the worker has ended, a process that it started may still have the pipe open
        if self._pidfd and self._pidfd[0] in ready:
            self._ended = True
            self._watched.remove(self._pidfd[0])
        if self._output_reader in ready:
            self.drain()
        return self._read_messages() if self._reader in ready else True

    def _read_messages(self) -> bool:
        data = os.read(self._reader, _READ_BYTES)
        self._total += len(data)
        if not data or self._total > MAX_TOTAL_BYTES:
            return False
        self._buffer += data
        return True
