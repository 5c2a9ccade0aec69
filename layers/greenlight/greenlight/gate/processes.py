"""Functions that wait for the worker's processes, kill them and remove orphans."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from greenlight.aws.deadline import count_call_threads
from greenlight.core.clock import SYSTEM_CLOCK

_PR_SET_DUMPABLE = 4  # prctl(2)
_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.005
_MAX_ROUNDS = 20


def wait_for_call_threads(timeout_s: float) -> bool:
    """Wait until the kernel has no thread of an AWS call, at most `timeout_s`; return whether it has none.

    A child that is forked while such a thread has a lock of OpenSSL waits for this lock for ever. Threads that others
    run in this process are not awaited; in a hook only the main thread remains.
    """
    deadline = time.monotonic() + timeout_s
    while (count := count_call_threads()) and time.monotonic() < deadline:
        SYSTEM_CLOCK.sleep(_POLL_S / 5)
    return not count


def open_pidfd(pid: int) -> list[int]:
    """Return a descriptor that becomes readable when the process ends; an empty list if the system has no pidfd."""
    try:
        return [os.pidfd_open(pid)]
    except (AttributeError, OSError):
        return []


def end_process(pid: int, patience_s: float) -> int:
    """Kill the process group of a child, reap the child and return its wait status.

    Args:
        pid: The child, which leads its process group.
        patience_s: Time to wait for the child to exit before it is killed, so that its exit status is meaningful.
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
    """Make this process the parent of its descendants' orphans (Linux) and return its present children.

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
    """Kill adopted processes: they started a new session and so left the worker's process group.

    Args:
        before: Children from before the worker, which are not killed.
    """
    for _ in range(_MAX_ROUNDS):  # killing a process may orphan its children
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
        return []  # without /proc this is not Lambda, so no later gate reuses the process


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def describe_exit(status: int) -> str:
    """Describe how a worker with this wait status ended, as a sentence."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = "; it may have run out of memory" if number in (signal.SIGKILL, signal.SIGABRT) else ""
        return f"the worker was killed by signal {number} before it finished{hint}"
    return f"the worker exited before it finished (exit code {os.waitstatus_to_exitcode(status)})"
