"""Processes measured from outside: time, CPU and memory of a command with all its children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHARE = 1 / 3
"""Share of a core for the runs on a small machine: about that of a Lambda function with 590 MB."""
_PERIOD_S = 0.02
_TIMEOUT_S = 120.0


class BenchError(Exception):
    """Error that makes the figures worthless; `str()` is a sentence for the user."""


@dataclass(frozen=True)
class Usage:
    """Figures of one run.

    Attributes:
        wall_s: From before the start of the process until after its end.
        cpu_s: User and system time of the process and all its children.
        output: Standard output and standard error.
    """

    wall_s: float
    cpu_s: float
    status: int
    output: str = ""


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path, *, limit: Limit | None = None) -> Usage:
    """Run a command to its end, in a folder where it may write files.

    Raises:
        BenchError: The command cannot be started.
    """
    read, write = os.pipe()
    words = limit.wrapped(command) if limit else list(command)
    began = time.perf_counter()
    try:
        process = subprocess.Popen(
            words,
            env={**os.environ, **environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        os.close(read)
        os.close(write)
        raise BenchError(f"{command[0]} cannot be started: {error.strerror}") from error
    os.close(write)
    output = bytearray()
    reader = threading.Thread(target=_drain, args=(read, output), daemon=True)
    reader.start()
    killer = threading.Timer(_TIMEOUT_S, process.kill)
    killer.daemon = True
    killer.start()
    with limit.applied(process.pid) if limit else contextlib.nullcontext():
        _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it again
    killer.cancel()
    reader.join(2.0)
    return Usage(wall_s, usage.ru_utime + usage.ru_stime, process.returncode, output.decode(errors="replace"))


def _drain(read: int, output: bytearray) -> None:
    with os.fdopen(read, "rb") as pipe:
        while data := pipe.read1(65536):
            output += data


class Limit:
    """Limit to a third of a core: the kernel's CPU quota if this user may create one, otherwise stop and go signals."""

    def __init__(self) -> None:
        """Create a control group if this user may."""
        self._group = _create_group()
        self.how = "cgroup CPU quota" if self._group else "stop and go signals (no right to make a cgroup)"

    def wrapped(self, command: Sequence[str]) -> list[str]:
        """Return a command that joins the group before it runs `command`."""
        if self._group is None:
            return list(command)
        return ["/bin/sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', str(self._group), *command]

    @contextlib.contextmanager
    def applied(self, pid: int) -> Iterator[None]:
        """Limit a process and its children to their share inside the context."""
        if self._group is not None:
            yield
            return
        over = threading.Event()
        thread = threading.Thread(target=_stop_and_go, args=(pid, over), daemon=True)
        thread.start()
        yield
        over.set()
        thread.join()

    def close(self) -> None:
        """Remove the group."""
        if self._group is not None:
            for _ in range(20):
                with contextlib.suppress(OSError):
                    self._group.rmdir()
                    return
                time.sleep(0.1)


def _create_group() -> Path | None:
    period_us = int(_PERIOD_S * 1e6)
    quota_us = int(period_us * SHARE)
    name = f"greenlight-bench-{os.getpid()}"
    for group, files in (
        (Path("/sys/fs/cgroup/cpu") / name, {"cpu.cfs_period_us": f"{period_us}", "cpu.cfs_quota_us": f"{quota_us}"}),
        (Path("/sys/fs/cgroup") / name, {"cpu.max": f"{quota_us} {period_us}"}),
    ):
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            for file, value in files.items():
                (group / file).write_text(value)
        except OSError:
            group.rmdir()
            continue
        return group
    return None


def _stop_and_go(pid: int, over: threading.Event) -> None:
    """Stop the processes for two thirds of every period."""
    while not over.wait(_PERIOD_S * SHARE):
        stopped = tree(pid)
        _signal(stopped, signal.SIGSTOP)
        over.wait(_PERIOD_S * (1 - SHARE))
        _signal(stopped, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def tree(pid: int) -> list[int]:
    """List a process and all its descendants."""
    pids = [pid]
    for parent in pids:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
    return pids


class PeakMemory:
    """Sampler of the memory of a process and its descendants; pages shared after a fork count once (PSS)."""

    def __init__(self, pid: int) -> None:
        """Start sampling."""
        self.peak_mb = 0.0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Stop sampling and return the peak in MB."""
        self._over.set()
        self._thread.join()
        return self.peak_mb

    def _sample(self) -> None:
        while not self._over.wait(0.004):
            self.peak_mb = max(self.peak_mb, sum(_pss_kb(pid) for pid in tree(self._pid)) / 1024)


def _pss_kb(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def can_sample_memory() -> bool:
    """Return whether this system reports a process's proportional share of memory."""
    return sys.platform == "linux" and _pss_kb(os.getpid()) > 0


def peak_memory_mb(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Run a command and return the peak memory of it and its children together."""
    process = subprocess.Popen(
        list(command),
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    memory = PeakMemory(process.pid)
    process.wait(_TIMEOUT_S)
    return memory.stop()
