"""Processes of users' programs, which are started and reliably killed together with their child processes.

Each program gets its own process group and a token in its environment. `kill` kills the group and then, where /proc
exists, all other processes with the token: a worker in another group, or a daemon.
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

from greenlight.core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TOKEN = "REHEARSAL_PROCESS"  # noqa: S105 - a marker, not a secret
_SESSION = secrets.token_hex(8)
_running: set[Process] = set()
_PORTS = range(10_000, 32_768)  # ephemeral ports begin at 32768 on Linux and at 49152 elsewhere (RFC 6335)
_TAIL_LINES = 12
_LINE_BYTES = 64 * 1024
_LOG_BYTES = 8 * 1024 * 1024


class ProcessError(Exception):
    """Error of a program that cannot be started, ended early or does not listen; `str()` is a sentence for the user."""


class Process:
    """Running program with all processes that it has started."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Start the program.

        Args:
            command: Program and arguments.
            cwd: Working directory.
            environment: All environment variables of the process.
            log: File for the output.
            on_line: Called with each line of the output (standard output and standard error).

        Raises:
            ProcessError: The program does not exist or cannot be executed.
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
        """Exit code, None while the program runs."""
        return self._popen.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Wait up to `timeout_s` for the end and return the exit code; None if the program still runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._popen.wait(timeout_s)
        return None

    def last_lines(self) -> str:
        """Return the last lines of the output, indented, or a note that there is no output."""
        if self._popen.poll() is not None:
            self._reader.join(0.5)  # a grandchild may hold the pipe open
        lines = list(self._tail)
        return "\n".join(f"    {line}" for line in lines) if lines else "    (it printed nothing)"

    def kill(self, *, grace_s: float = 0.0) -> None:
        """Kill the program and all its processes; with a grace period, send SIGTERM first."""
        if grace_s and self._popen.poll() is None:
            self._signal(signal.SIGTERM)
            self.wait(grace_s)
        self._signal(signal.SIGKILL)
        _kill_by_token(self._token)
        self._popen.wait()
        self._reader.join(0.5)
        _running.discard(self)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _read(self, log: Path | None) -> None:
        stdout = self._popen.stdout
        assert stdout is not None  # noqa: S101 - stdout=PIPE above
        with stdout, log.open("wb") if log else contextlib.nullcontext() as file:
            size_bytes = 0
            for raw in iter(lambda: stdout.readline(_LINE_BYTES), b""):
                if file is not None and size_bytes < _LOG_BYTES:
                    size_bytes += _write(file, raw)
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
    """Kill all processes of this session, also one whose start was interrupted before it was recorded."""
    for process in list(_running):
        process.kill()
    _kill_by_token(_SESSION)


def _kill_by_token(token: str) -> None:
    """Kill all processes whose token begins with `token` (Linux only; elsewhere `killpg` must suffice)."""
    marker = f"{TOKEN}={token}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(variable.startswith(marker) for variable in (folder / "environ").read_bytes().split(b"\0")):
                os.kill(int(folder.name), signal.SIGKILL)


def base_environment() -> dict[str, str]:
    """Return this environment without AWS settings, with this Python's folder first on PATH."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GREENLIGHT_"))}
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    variables["PYTHONUNBUFFERED"] = "1"
    return variables


def free_port(addresses: Sequence[str] = ("127.0.0.1",)) -> int:
    """Return a port that is free on all these addresses and outside of the ephemeral range.

    The kernel could assign an ephemeral port to another process before the program listens on it.

    Raises:
        ProcessError: No free port was found.
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
    """Wait until the loopback port accepts connections.

    Raises:
        ProcessError: The program ended, or the wait timed out.
    """
    end = time.monotonic() + timeout_s
    while not _accepts(port):
        command = " ".join(process.command)
        if (code := process.exit_code) is not None:
            ending = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise ProcessError(
                f"'{command}' {ending} before it listened on port {port}; its last lines:\n{process.last_lines()}"
            )
        if time.monotonic() > end or stop():
            raise ProcessError(
                f"'{command}' did not listen on port {port} of 127.0.0.1 within {timeout_s:g} s; it must listen on the "
                f"port in {{port}} of its command or in the variable PORT; its last lines:\n{process.last_lines()}"
            )
        SYSTEM_CLOCK.sleep(0.02)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
