"""Processes of the worker: wait for them, kill them and leave none behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from greenlight.core.clock import SYSTEM_CLOCK

_PR_SET_DUMPABLE = 4  # prctl(2)
_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.005
_MAX_ROUNDS = 20


def open_pidfd(pid: int) -> list[int]:
    """Return a descriptor that becomes readable when the process ends; an empty list where the system has none."""
    try:
        return [os.pidfd_open(pid)]
    except (AttributeError, OSError):
        return []


def end_process(pid: int, patience_s: float) -> int:
    """Kill the process group of a child, reap the child and return its wait status.

    Args:
        pid: The child, which leads its process group.
        patience_s: Time for the child to end by itself, so that its own exit status is known.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _kill_group(pid)
            return status
        SYSTEM_CLOCK.sleep(_POLL_S)
    os.kill(pid, signal.SIGKILL)
    _kill_group(pid)
    return os.waitpid(pid, 0)[1]


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def adopt_orphans() -> frozenset[int]:
    """Make this process the parent of its descendants' orphans (Linux) and return the children that it has already.

    Source: PR_SET_CHILD_SUBREAPER in https://man7.org/linux/man-pages/man2/prctl.2.html
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    return _children()


def deny_inspection() -> None:
    """Keep other processes of the same user from this process's environment, memory and descriptors (Linux).

    Programs that a check starts run as the same user; without this they can read the hook's credentials in
    /proc/PID/environ. A forked process inherits the setting; executing a program resets it.
    Source: PR_SET_DUMPABLE in https://man7.org/linux/man-pages/man2/pr_set_dumpable.2const.html
    """
    _prctl(_PR_SET_DUMPABLE, 0)


def _prctl(option: int, value: int) -> None:
    """Call prctl(2) where the system has it; a failure changes no verdict."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def end_orphans(before: frozenset[int]) -> None:
    """Kill adopted processes, which started a session of their own and so left the worker's process group.

    Args:
        before: Children that were there before the worker and stay.
    """
    for _ in range(_MAX_ROUNDS):  # a killed process may leave orphans in turn
        orphans = _children() - before
        if not orphans:
            return
        for pid in orphans:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _children() -> frozenset[int]:
    own_pid = os.getpid()
    return frozenset(pid for pid in _processes() if _parent(pid) == own_pid)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return []  # not Linux, so not Lambda: no process is reused for a later gate


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def describe_exit(status: int) -> str:
    """Return how a worker with this wait status ended, as a sentence."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = "; it may have run out of memory" if number in (signal.SIGKILL, signal.SIGABRT) else ""
        return f"the worker was ended by signal {number} before it had finished{hint}"
    return f"the worker ended before it had finished (exit code {os.waitstatus_to_exitcode(status)})"
