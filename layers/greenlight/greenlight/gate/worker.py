"""The worker: a forked process that may hang, crash or be killed, and its supervisor.

An in-process timer cannot stop code that holds the interpreter's lock; a parent process can kill its child. The
worker sends each finding as soon as it is final, so that a worker that dies late loses only its unfinished checks.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
from typing import TYPE_CHECKING, Any

from greenlight.core.errors import PlanError
from greenlight.core.finding import Cause, Finding
from greenlight.core.frozen import FrozenStruct
from greenlight.gate.processes import (
    adopt_orphans,
    deny_inspection,
    describe_exit,
    end_orphans,
    end_process,
    open_pidfd,
)
from greenlight.gate.worker_pipe import Message, MessageReader, ProblemMessage, send

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[Callable[..., None]], Any]

THREAD_STACK_BYTES = 2 * 1024 * 1024
_PATIENCE_S = 0.5
_SUPERVISOR_MB = 64
_LEAST_MB = 64
_HOOK_VARIABLES = (
    "AWS_LAMBDA_RUNTIME_API",
    "GREENLIGHT_EVENT_BUS",
    "GREENLIGHT_NOTICE_TOPIC",
    "GREENLIGHT_PLAN_BUCKET",
    "GREENLIGHT_PLAN_PARAMETER_PREFIX",
    "GREENLIGHT_REPORT_BUCKET",
    "_HANDLER",
)
"""Variables that only the hook itself needs: where it gets its events from, and where it reads and publishes."""


class WorkerEnd(FrozenStruct, frozen=True, kw_only=True):
    """The end of a worker as its supervisor saw it.

    Attributes:
        findings: Findings that arrived whole, in the order in which they became final.
        died: How the worker ended before its work was done, as a sentence; "" if it was done.
        cause: DEADLINE if it was killed at its deadline, GATE_ERROR otherwise.
        output: The last lines that code in the worker printed.
    """

    findings: tuple[Finding, ...] = ()
    died: str = ""
    cause: Cause = Cause.GATE_ERROR
    output: str = ""


def supervise(work: Work, deadline: float, on_finding: Callable[[Finding], None], memory_mb: int = 0) -> WorkerEnd:
    """Run `work` in a forked process until it is done, dies or reaches `deadline` (monotonic).

    Args:
        work: Called in the child with a function that takes findings, one or several at a time.
        deadline: When the child's whole process group is killed.
        on_finding: Called in this process with each finding as it arrives.
        memory_mb: Memory of the function; the child may use this less 64 MB. 0 for no limit.

    Raises:
        PlanError: The worker rejected the plan.
    """
    children = adopt_orphans()
    _open_standard_streams()
    reader, writer = os.pipe()
    printed, printing = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        _close(reader, writer, printed, printing)
        return WorkerEnd(died=f"no worker could be started: {error}")
    if pid == 0:
        _close(reader, printed)
        _run_child(work, writer, printing, memory_mb)
    _close(writer, printing)
    os.set_blocking(printed, False)
    process = open_pidfd(pid)
    messages = MessageReader(reader, printed, process, deadline)
    finished = False
    try:
        findings, rejected, finished = _receive(messages, on_finding)
    finally:
        status = end_process(pid, patience_s=0.0 if finished or messages.trouble else _PATIENCE_S)
        end_orphans(children)
        messages.drain()
        _close(reader, printed, *process)
    if rejected:
        raise PlanError([message.problem() for message in rejected])
    return WorkerEnd(
        findings=tuple(findings),
        died="" if finished else messages.trouble or describe_exit(status),
        cause=Cause.DEADLINE if messages.late else Cause.GATE_ERROR,
        output=messages.output.decode(errors="replace"),
    )


def _receive(
    messages: MessageReader, on_finding: Callable[[Finding], None]
) -> tuple[list[Finding], tuple[ProblemMessage, ...], bool]:
    """Return the findings, the problems of a rejected plan, and whether the worker finished its work."""
    findings: list[Finding] = []
    names: set[str] = set()
    while (message := messages.next()) is not None:
        if message.finding is not None and message.finding.name not in names:  # the first finding of a check counts
            names.add(message.finding.name)
            findings.append(message.finding)
            on_finding(message.finding)
        if message.refused:
            return findings, message.refused, True
        if message.done:
            return findings, (), True
    return findings, (), False


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _open_standard_streams() -> None:
    """Open closed standard streams, so that no pipe gets their numbers, which the child's streams replace."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # returns the lowest free number, which is this one


def _run_child(work: Work, writer: int, output: int, memory_mb: int) -> None:
    """Run the worker; never returns."""
    try:
        deny_inspection()
        for name in _HOOK_VARIABLES:
            os.environ.pop(name, None)
        os.setsid()  # a process group of its own, so that killing it reaches the processes that it starts
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if memory_mb:
            _limit_memory(memory_mb)
        _work(work, writer)
    finally:
        os._exit(0)


def _work(work: Work, writer: int) -> None:
    """Run the work and send its findings, then its end or the rejected plan."""
    import sys
    import traceback

    try:
        work(lambda *findings: send(writer, [Message(finding=finding) for finding in findings]))
        message = Message(done=True)
    except PlanError as error:
        message = Message(refused=tuple(map(ProblemMessage.of, error.problems)))
    except BaseException:  # noqa: BLE001 - the supervisor sees an early end, the log gets the traceback
        traceback.print_exc()
        sys.stderr.flush()
        return
    with contextlib.suppress(Exception):  # a plugin may have closed it
        sys.stdout.flush()
    send(writer, [message])


def _limit_memory(memory_mb: int) -> None:
    """Limit the memory of the worker; RLIMIT_AS would count reserved address space, of which threads need much."""
    limit = max(_LEAST_MB, memory_mb - _SUPERVISOR_MB) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    # A thread's stack counts in full from its start; 64 threads of 8 MB, the default, would need half a gigabyte.
    threading.stack_size(THREAD_STACK_BYTES)
