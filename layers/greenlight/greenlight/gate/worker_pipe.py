"""The pipe between worker and supervisor: length-framed, size-capped, typed messages.

The worker runs plugins, so the supervisor trusts nothing that comes through the pipe: a message that is too large or
not valid ends the reading.
"""

from __future__ import annotations

import os
import select
import struct
import time
from typing import TYPE_CHECKING

import msgspec

from greenlight.core.errors import Problem
from greenlight.core.finding import Finding
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FRAME_BYTES = 256 * 1024
MAX_TOTAL_BYTES = 64 * 1024 * 1024
OUTPUT_CHARACTERS = 8000
_OUTPUT_BYTES = 4 * OUTPUT_CHARACTERS
"""More than a report shows: a cut may fall into the middle of a secret, which redaction would then not recognize."""
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
    def of(cls, problem: Problem) -> ProblemMessage:
        """Return the message for a problem."""
        return cls(
            message=problem.message,
            path=problem.path,
            line=problem.line,
            column=problem.column,
            source=problem.source,
        )

    def problem(self) -> Problem:
        """Return the problem."""
        return Problem(self.message, self.path, self.line, self.column, source=self.source)


class Message(FrozenStruct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of the worker: a finding, a rejected plan, or the end of its work."""

    finding: Finding | None = None
    refused: tuple[ProblemMessage, ...] = ()
    done: bool = False


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
    """The supervisor's end of the pipe: whole messages until the end, the deadline or the first invalid one.

    Attributes:
        output: The end of what the worker printed.
        late: The deadline passed.
        trouble: Why reading ended early, as a sentence; "" if the worker closed the pipe.
    """

    def __init__(self, reader: int, printed: int, process: list[int], deadline: float) -> None:
        """Read messages from `reader` and output from `printed` until `deadline` (monotonic).

        `process` has the pidfd of the worker, which becomes readable when the worker ends, or is empty.
        """
        self._reader, self._printed, self._process, self._deadline = reader, printed, process, deadline
        self._watched = [reader, printed, *process]
        self._ended = False
        self._buffer = bytearray()
        self._total = 0
        self.output = bytearray()
        self.late = False
        self.trouble = ""

    def next(self) -> Message | None:
        """Return the next message; None after the last one."""
        header = self._take(_LENGTH.size)
        if header is None:
            return None
        (length,) = _LENGTH.unpack(header)
        if length > MAX_FRAME_BYTES:
            self.trouble = "the worker sent a message too large to be a finding"
            return None
        body = self._take(length)
        if body is None:
            return None
        try:
            return msgspec.json.decode(body, type=Message)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self.trouble = "the worker sent a message that is not a valid finding"
            return None

    def drain(self) -> None:
        """Read what the worker printed and keep the end of it; a worker must not wait for space in this pipe."""
        for _ in range(_MAX_READS):  # a worker that prints without end must not hold the supervisor here
            try:
                data = os.read(self._printed, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._watched = [descriptor for descriptor in self._watched if descriptor != self._printed]
                return
            self.output = (self.output + data)[-_OUTPUT_BYTES:]

    def _take(self, size: int) -> bytes | None:
        """Return the next `size` bytes; None if they do not come."""
        while len(self._buffer) < size:
            if not self._read_more():
                return None
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _read_more(self) -> bool:
        """Wait for data and read it; return False at the end of the pipe or at the deadline."""
        remaining_s = self._deadline - time.monotonic()
        ready: list[int] = []
        if remaining_s > 0:
            ready = select.select(self._watched, [], [], 0 if self._ended else remaining_s)[0]
        if not ready:
            if not self._ended:
                self.late, self.trouble = True, "the worker was stopped because its time was over"
            return False  # after the end of the worker, a process that it started may still hold the pipe open
        if self._process and self._process[0] in ready:
            self._ended = True
            self._watched.remove(self._process[0])
        if self._printed in ready:
            self.drain()
        return self._read_messages() if self._reader in ready else True

    def _read_messages(self) -> bool:
        data = os.read(self._reader, _READ_BYTES)
        self._total += len(data)
        if not data or self._total > MAX_TOTAL_BYTES:
            return False
        self._buffer += data
        return True
