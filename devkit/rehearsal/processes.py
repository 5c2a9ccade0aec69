"""Starting programs of users and ending them for certain, whatever they have started in turn.

Every program gets a process group of its own and a token in its environment. Ending it kills the group, and
then (where /proc exists) whatever else carries the token: a worker in another group, a daemonised child.
"""

from __future__ import annotations

import collections
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TOKEN = "REHEARSAL_PROCESS"  # noqa: S105 - a mark, not a secret
_SESSION = secrets.token_hex(8)
_running: set[Process] = set()
_PORTS = range(10_000, 32_768)  # the kernel's own begin with 32768 on Linux and with 49152 elsewhere (RFC 6335)
_TAIL_LINES = 12
_LINE_BYTES = 64 * 1024
_LOG_BYTES = 8 * 1024 * 1024


class ProcessError(Exception):
    """A program could not be started, ended too early or does not serve; `str()` is a sentence for a person."""


class Process:
    """One running program with everything it has started.

    Attributes:
        on_line: Hears every line the program prints (standard output and error together).
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Start it.

        Raises:
            ProcessError: There is no such program, or it may not be run.
        """
        self.command = list(command)
        self._token = f"{_SESSION}.{secrets.token_hex(8)}"
        self._tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        self._on_line = on_line
        try:
            self._popen = subprocess.Popen(
                self.command,
                cwd=cwd,
                env={**environment, TOKEN: self._token},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            raise ProcessError(f"{command[0]!r} cannot be started in {cwd} (without a shell): {reason}") from error
        _running.add(self)
        self.pid = self._popen.pid
        self._reader = threading.Thread(target=self._read, args=(log,), name=f"output of {self.pid}", daemon=True)
        self._reader.start()

    @property
    def exit_code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._popen.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Wait for its end, at most this long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._popen.wait(timeout_s)
        return None

    def last_lines(self) -> str:
        """Its last lines of output, indented, or a word that there were none."""
        if self._popen.poll() is not None:
            self._reader.join(0.5)  # a grandchild may hold the pipe open
        lines = list(self._tail)
        return "\n".join(f"    {line}" for line in lines) if lines else "    (it printed nothing)"

    def kill(self, *, grace_s: float = 0.0) -> None:
        """End it and all that it has started; with a grace period it may end by itself first (SIGTERM)."""
        if grace_s and self._popen.poll() is None:
            self._signal(signal.SIGTERM)
            self.wait(grace_s)
        self._signal(signal.SIGKILL)
        _kill_marked(self._token)
        self._popen.wait()
        self._reader.join(0.5)
        _running.discard(self)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _read(self, log: Path | None) -> None:
        stdout = self._popen.stdout
        assert stdout is not None  # noqa: S101 - asked for above
        with stdout, log.open("wb") if log else contextlib.nullcontext() as file:
            written = 0
            for raw in iter(lambda: stdout.readline(_LINE_BYTES), b""):
                if file is not None and written < _LOG_BYTES:
                    written += _write(file, raw)
                line = raw.decode("utf-8", "replace").rstrip()
                if line:
                    self._tail.append(line[:500])
                    if self._on_line is not None:
                        self._on_line(line)


def _write(file: BinaryIO, raw: bytes) -> int:
    file.write(raw)
    file.flush()
    return len(raw)


def kill_all() -> None:
    """End whatever this Python has started and not ended: an interrupt can come between a start and its record."""
    for process in list(_running):
        process.kill()
    _kill_marked(_SESSION)


def _kill_marked(token: str) -> None:
    """Kill every process whose mark begins with `token` (Linux; elsewhere the process group has to do)."""
    mark = f"{TOKEN}={token}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(each.startswith(mark) for each in (folder / "environ").read_bytes().split(b"\0")):
                os.kill(int(folder.name), signal.SIGKILL)


def base_environment() -> dict[str, str]:
    """Give a user's program this environment without AWS settings, and this Python's programs first on PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GREENLIGHT_"))}
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    kept["PYTHONUNBUFFERED"] = "1"
    return kept


def free_port(addresses: Sequence[str] = ("127.0.0.1",)) -> int:
    """Find a port that is free on all these addresses, and none that the kernel gives to whoever asks for any.

    One of those may be somebody's again before the program that is told to listens on it.
    """
    for _ in range(50):
        port = secrets.choice(_PORTS)
        if all(_is_free(address, port) for address in addresses):
            return port
    raise ProcessError("no free loopback port was found")


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def wait_for_port(process: Process, port: int, timeout_s: float, stop: Callable[[], bool] = lambda: False) -> None:
    """Wait until something accepts connections on the loopback port.

    Raises:
        ProcessError: The program ended, or the time is over.
    """
    end = time.monotonic() + timeout_s
    while not _accepts(port):
        shown = " ".join(process.command)
        if (code := process.exit_code) is not None:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise ProcessError(
                f"'{shown}' {how} before it listened on port {port}; its last lines:\n{process.last_lines()}"
            )
        if time.monotonic() > end or stop():
            raise ProcessError(
                f"'{shown}' did not listen on port {port} of 127.0.0.1 within {timeout_s:g} s; it has to use the port "
                f"that {{port}} in its command, or the variable PORT, names; its last lines:\n{process.last_lines()}"
            )
        time.sleep(0.02)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
