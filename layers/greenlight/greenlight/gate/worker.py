"""The worker: a forked process that may hang, crash or be killed, and the supervisor's side of it.

An in-process timer cannot keep a promise: code that holds the interpreter's lock delays it for as long as it
likes. A parent process can. The worker sends each finding as one length-framed, size-capped, typed message
over a pipe as soon as it is final, so that a worker that dies late loses only what it had not finished.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.core.errors import PlanError, Problem
from greenlight.core.finding import Cause, Finding
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_FRAME_BYTES = 256 * 1024
MAX_TOTAL_BYTES = 64 * 1024 * 1024
OUTPUT_CHARACTERS = 8000
_OUTPUT_BYTES = 4 * OUTPUT_CHARACTERS
"""More than is shown: what is cut here may begin in the middle of a secret, which is then not found any more."""
THREAD_STACK_BYTES = 2 * 1024 * 1024
_PR_SET_CHILD_SUBREAPER = 36
_LENGTH = struct.Struct(">I")


class _Refused(FrozenStruct, frozen=True, kw_only=True):
    """One problem of a refused plan, on its way through the pipe."""

    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    source: str = ""


class _Message(FrozenStruct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker says: one finding, a refused plan, or that it has said all."""

    finding: Finding | None = None
    refused: tuple[_Refused, ...] = ()
    done: bool = False


class WorkerEnd(FrozenStruct, frozen=True, kw_only=True):
    """What the supervisor got.

    Attributes:
        findings: All that arrived whole, in the order they became final.
        died: How the worker ended before it had said all, as a sentence; "" when it had.
        cause: DEADLINE when it was killed for its time, GATE_ERROR otherwise.
        output: The last of what the worker's code printed.
    """

    findings: tuple[Finding, ...] = ()
    died: str = ""
    cause: Cause = Cause.GATE_ERROR
    output: str = ""


def supervise(
    work: Callable[[Callable[..., None]], Any],
    deadline: float,
    on_finding: Callable[[Finding], None],
    memory_mb: int = 0,
) -> WorkerEnd:
    """Run `work` in a forked process until it has said all, has died, or `deadline` (monotonic) has come.

    Args:
        work: Called in the child with a function that takes findings, one or several at a time.
        deadline: When the child's whole process group is killed.
        on_finding: Called here with each finding as it arrives.
        memory_mb: What the function has in all; the child may use this less 64 MB. 0 sets no limit.

    Raises:
        PlanError: The worker refused the plan.
    """
    before = _adopting()
    _open_standard_streams()
    reader, writer = os.pipe()
    printed, printing = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        for each in (reader, writer, printed, printing):
            os.close(each)
        return WorkerEnd(died=f"no worker could be started: {error}")
    if pid == 0:
        os.close(reader)
        os.close(printed)
        _child(work, writer, printing, memory_mb)
    os.close(writer)
    os.close(printing)
    os.set_blocking(printed, False)
    alive = _watch_of(pid)
    messages = _Messages(reader, printed, alive, deadline)
    finished = False
    try:
        findings, refused, finished = _received(messages, on_finding)
    finally:
        status = _ended(pid, patience_s=0.0 if finished or messages.trouble else 0.5)
        _end_orphans(before)
        messages.drain()
        for each in (reader, printed, *alive):
            os.close(each)
    if refused:
        raise PlanError(
            [Problem(each.message, each.path, each.line, each.column, source=each.source) for each in refused]
        )
    return WorkerEnd(
        findings=tuple(findings),
        died="" if finished else messages.trouble or _how(status),
        cause=Cause.DEADLINE if messages.late else Cause.GATE_ERROR,
        output=messages.output.decode(errors="replace"),
    )


def _open_standard_streams() -> None:
    """Keep the numbers of closed standard streams from being given to pipes, which the child's streams would replace."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, hence this one


def _child(work: Callable[[Callable[..., None]], Any], writer: int, output: int, memory_mb: int) -> None:
    """Be the worker; never returns, whatever happens."""
    try:
        os.setsid()  # a process group of its own, so that whatever it starts dies with it
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if memory_mb:
            _limit(memory_mb)
        _send_all(work, writer)
    finally:
        os._exit(0)


def _send_all(work: Callable[[Callable[..., None]], Any], writer: int) -> None:
    import sys
    import traceback

    try:
        work(lambda *findings: _send(writer, *[_Message(finding=finding) for finding in findings]))
        message = _Message(done=True)
    except PlanError as error:
        message = _Message(
            refused=tuple(
                _Refused(message=p.message, path=p.path, line=p.line, column=p.column, source=p.source)
                for p in error.problems
            )
        )
    except BaseException:  # noqa: BLE001 - the supervisor hears that it ended early, the log hears why
        traceback.print_exc()
        sys.stderr.flush()
        return
    with contextlib.suppress(Exception):  # a plugin may have closed it
        sys.stdout.flush()
    _send(writer, message)


def _limit(memory_mb: int) -> None:
    """Cap what the worker may allocate; RLIMIT_AS would count address space, of which every thread reserves much."""
    limit = max(64, memory_mb - 64) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    # A thread's stack counts whole from its start, 8 MB each by default; 64 checks at once would be half a gigabyte.
    threading.stack_size(THREAD_STACK_BYTES)


def _send(writer: int, *messages: _Message) -> None:
    frames = memoryview(b"".join(map(_framed, messages)))
    while frames:
        frames = frames[os.write(writer, frames) :]


def _framed(message: _Message) -> bytes:
    data = msgspec.json.encode(message, enc_hook=repr)
    if len(data) > MAX_FRAME_BYTES and message.finding is not None:
        slim = msgspec.structs.replace(
            message.finding,
            evidence=(),
            series=(),
            tries=(),
            message=f"{message.finding.message[:2000]} (evidence was too large)",
        )
        data = msgspec.json.encode(_Message(finding=slim))
    return _LENGTH.pack(len(data)) + data


class _Messages:
    """The supervisor's end of the pipe: whole messages until the end, the deadline or the first thing that is none."""

    def __init__(self, reader: int, printed: int, alive: list[int], deadline: float) -> None:
        self._reader, self._printed, self._alive, self._deadline = reader, printed, alive, deadline
        self._watched = [reader, printed, *alive]
        self._dead = False
        self.output = bytearray()
        self._buffer = bytearray()
        self._total = 0
        self.late = False
        self.trouble = ""

    def next(self) -> _Message | None:
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
            return msgspec.json.decode(body, type=_Message)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self.trouble = "the worker sent something that is no finding"
            return None

    def _take(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            remaining = self._deadline - time.monotonic()
            ready = select.select(self._watched, [], [], 0 if self._dead else remaining)[0] if remaining > 0 else []
            if not ready and self._dead:
                return None  # something that it started holds its pipe open, and has nothing to say
            if not ready:
                self.late, self.trouble = True, "the worker was stopped because its time was over"
                return None
            if self._alive and self._alive[0] in ready:
                self._dead = True
                self._watched.remove(self._alive[0])
            if self._printed in ready:
                self.drain()
            if self._reader in ready:
                data = os.read(self._reader, 65536)
                self._total += len(data)
                if not data or self._total > MAX_TOTAL_BYTES:
                    return None
                self._buffer += data
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def drain(self) -> None:
        """Keep the end of what the worker printed; reading it all keeps the worker from waiting on a full pipe."""
        for _ in range(64):  # a worker that prints without end must not keep its supervisor here
            try:
                data = os.read(self._printed, 65536)
            except BlockingIOError:
                return
            if not data:
                self._watched = [each for each in self._watched if each != self._printed]
                return
            self.output = (self.output + data)[-_OUTPUT_BYTES:]


def _received(
    messages: _Messages, on_finding: Callable[[Finding], None]
) -> tuple[list[Finding], tuple[_Refused, ...], bool]:
    findings: list[Finding] = []
    named: set[str] = set()
    while (message := messages.next()) is not None:
        if message.finding is not None and message.finding.name not in named:  # the first finding of a check counts
            named.add(message.finding.name)
            findings.append(message.finding)
            on_finding(message.finding)
        if message.refused:
            return findings, message.refused, True
        if message.done:
            return findings, (), True
    return findings, (), False


def _watch_of(pid: int) -> list[int]:
    """Give a descriptor that becomes readable when the process ends; none where the system has no such thing."""
    try:
        return [os.pidfd_open(pid)]
    except (AttributeError, OSError):
        return []


def _ended(pid: int, patience_s: float) -> int:
    """Kill the worker's process group and reap the worker; nothing of it may outlive the gate.

    A worker that closed its pipe by itself is given a moment to say how it ends.
    """
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _kill_group(pid)
            return status
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    _kill_group(pid)
    return os.waitpid(pid, 0)[1]


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _adopting() -> frozenset[int]:
    """Let orphans of the worker become children of this process (Linux), and give the children that it has already."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return _children()


def _end_orphans(before: frozenset[int]) -> None:
    """Kill what the worker started in a session of its own, where killing its process group does not reach."""
    for _ in range(20):  # what is killed leaves orphans in turn
        orphans = _children() - before
        if not orphans:
            return
        for pid in orphans:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _children() -> frozenset[int]:
    me = os.getpid()
    return frozenset(pid for pid in _processes() if _parent(pid) == me)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return []  # not Linux: a laptop, where nothing is kept warm


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = "; it may have run out of memory" if number in (signal.SIGKILL, signal.SIGABRT) else ""
        return f"the worker was ended by signal {number} before it had finished{hint}"
    return f"the worker ended before it had finished (exit code {os.waitstatus_to_exitcode(status)})"
