"""Bytes of a TCP connection, with one deadline, and the time at which the kernel received them.

A process that is busy, or that has used up its share of the processor, reads a response later than it arrived. A clock
that is read after `recv` counts that wait as latency of the server. Linux stamps each packet when it arrives
(SO_TIMESTAMPNS of socket(7)), and the stream takes the stamp of the last packet that a read returned. Where there is no
stamp, or no sound one, the time of the read counts.

The stamps are of CLOCK_REALTIME, which can step, and latencies are of the monotonic clock. Both clocks are read before
the request and after the response; if their distance has changed, the clock has stepped, and the stamp is not used.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time

from greenlight.core.clock import SYSTEM_CLOCK

_RECEIVE_BYTES = 65536

_HAS_STAMPS = sys.platform == "linux" and sys.maxsize > 2**32
_SO_TIMESTAMPNS = 35
"""Option and type of the ancillary data; include/uapi/asm-generic/socket.h of Linux, for x86-64 and aarch64."""
_TIMESPEC = struct.Struct("qq")
_TIMEVAL = struct.Struct("ll")
_STAMP_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)

_MAX_READ_S = 50e-6
"""Two clocks whose readings lie further apart than this are read again: the thread was interrupted in between."""

_MAX_STEP_S = 0.001
"""Changes of the distance of the clocks that are no step; adjusting the clock's speed changes both clocks alike."""


class Clocks:
    """The monotonic clock and CLOCK_REALTIME at one moment.

    Attributes:
        monotonic_s: On the clock of `time.perf_counter`.
        since_epoch_ns: CLOCK_REALTIME.
    """

    __slots__ = ("monotonic_s", "since_epoch_ns")

    def __init__(self, monotonic_s: float, since_epoch_ns: int) -> None:
        """Store readings of both clocks."""
        self.monotonic_s, self.since_epoch_ns = monotonic_s, since_epoch_ns

    @classmethod
    def read(cls) -> Clocks:
        """Read both clocks, again if the thread was interrupted in between."""
        for _ in range(3):
            before = time.perf_counter()
            since_epoch_ns = time.time_ns()
            after = time.perf_counter()
            if after - before < _MAX_READ_S:
                break
        return cls(after, since_epoch_ns)


def arrival_time(stamp_ns: int, before: Clocks, after: Clocks) -> float:
    """Return when a packet arrived, on the monotonic clock; without a sound stamp, the later of the two moments.

    Args:
        stamp_ns: The kernel's stamp, of CLOCK_REALTIME.
        before: A moment before the packet arrived.
        after: A moment after it was read.
    """
    elapsed_s = (after.since_epoch_ns - before.since_epoch_ns) / 1e9
    if abs(elapsed_s - (after.monotonic_s - before.monotonic_s)) > _MAX_STEP_S:
        return after.monotonic_s
    arrived_s = after.monotonic_s - (after.since_epoch_ns - stamp_ns) / 1e9
    return arrived_s if before.monotonic_s <= arrived_s <= after.monotonic_s else after.monotonic_s


class ByteStream:
    """A connected socket.

    The socket is blocking, and the kernel applies the deadline (SO_RCVTIMEO). With a time-out of Python's own, every
    read would be two system calls, and in a process with many threads each of them waits for the GIL.

    Attributes:
        raw: The socket itself.
        deadline: On the monotonic clock.
        sent_at: When the last `send` began, on the clock of `time.perf_counter`.
        arrived_at: When the last bytes that `receive` returned had arrived.
        is_stamped: The kernel gave that time; otherwise it is the time of the read.
    """

    def __init__(self, raw: socket.socket, deadline: float = 0.0) -> None:
        """Use a connected socket, and ask the kernel for stamps."""
        self.raw, self.deadline = raw, deadline
        self.sent_at = self.arrived_at = 0.0
        self.is_stamped = False
        self._before = Clocks(0.0, 0)
        raw.settimeout(None)
        if _HAS_STAMPS:
            with contextlib.suppress(OSError):  # a kernel or an emulation without stamps
                raw.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)

    def send(self, data: bytes) -> None:
        """Send all of `data` before the deadline.

        Raises:
            TimeoutError: The deadline has passed.
        """
        remaining = memoryview(data)
        self._apply_deadline(socket.SO_SNDTIMEO)
        self._before = Clocks.read()
        self.sent_at = self._before.monotonic_s
        while True:
            remaining = remaining[self._send_some(remaining) :]
            if not remaining:
                return
            self._apply_deadline(socket.SO_SNDTIMEO)

    def _send_some(self, data: memoryview) -> int:
        try:
            return self.raw.send(data)
        except BlockingIOError as error:
            raise TimeoutError("timed out") from error

    def receive(self) -> bytes:
        """Return the next bytes, b"" if the other side has closed the connection.

        Raises:
            TimeoutError: The deadline has passed.
        """
        self._apply_deadline(socket.SO_RCVTIMEO)
        try:
            data, ancillary, _, _ = self.raw.recvmsg(_RECEIVE_BYTES, _STAMP_BYTES)
        except BlockingIOError as error:
            raise TimeoutError("timed out") from error
        after = Clocks.read()
        self.arrived_at, self.is_stamped = after.monotonic_s, False
        for level, kind, stamp in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(stamp) >= _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack_from(stamp)
                self.arrived_at = arrival_time(seconds * 1_000_000_000 + nanoseconds, self._before, after)
                self.is_stamped = self.arrived_at < after.monotonic_s
        if not self.is_stamped:
            # Yield the GIL, so that other threads whose response has arrived take their time before this one is parsed.
            SYSTEM_CLOCK.sleep(0)
        return data

    def _apply_deadline(self, option: int) -> None:
        """Set the time-out of the socket in the kernel to the time that remains; zero would mean no time-out."""
        remaining_s = self.deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("timed out")
        seconds, fraction = divmod(remaining_s, 1)
        timeout = _TIMEVAL.pack(int(seconds), max(1, int(fraction * 1e6)))
        self.raw.setsockopt(socket.SOL_SOCKET, option, timeout)
