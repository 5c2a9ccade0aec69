"""The worker, a forked process that may hang, crash or be killed, and its supervisor.

An in-process timer cannot stop code that holds the GIL, but a parent process can kill its child. The worker sends each
finding as soon as it is final. If it dies, only its unfinished checks are lost.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import signal
import threading
from typing import TYPE_CHECKING

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
    wait_for_call_threads,
)
from greenlight.gate.worker_pipe import Message, MessageReader, ProblemMessage, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.checks.hand_over import RunEnd, WaitingCheck

    Work = Callable[[Callable[..., None]], RunEnd | None]

THREAD_STACK_BYTES = 2 * 1024 * 1024
_PATIENCE_S = 0.5
_CALL_THREADS_S = 1.0
"""Longest wait for threads of AWS calls before the fork: an abandoned call may never end, and checks need the time."""
_SUPERVISOR_MB = 64
_MIN_WORKER_MB = 64
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
    """The results of a worker, and how it ended.

    Attributes:
        findings: Findings that arrived completely, in the order in which they became final.
        failure: Why the worker did not finish its work, as a sentence; "" if it did.
        cause: Cause of the failure: DEADLINE if the worker was killed at its deadline, GATE_ERROR otherwise.
        output: The last lines that the worker printed.
        waiting: Checks that a later run has to go on with.
        has_ended: Whether the worker has no check left; False if it handed over the others.
    """

    findings: tuple[Finding, ...] = ()
    failure: str = ""
    cause: Cause = Cause.GATE_ERROR
    output: str = ""
    waiting: tuple[WaitingCheck, ...] = ()
    has_ended: bool = True


def run_worker(
    work: Work,
    deadline: float,
    on_finding: Callable[[Finding], None],
    memory_mb: int = 0,
    on_start: Callable[[], object] = bool,
) -> WorkerEnd:
    """Run `work` in a forked process until it finishes, dies or reaches `deadline`.

    Args:
        work: Called in the child with a function that takes findings, one or several at a time.
        deadline: `time.monotonic()` at which the child's process group is killed.
        on_finding: Called in this process with each finding as it arrives.
        memory_mb: Memory of the Lambda function, of which the supervisor keeps 64 MB; 0 for no limit.
        on_start: Called in this process after the fork; it may start a thread.

    Raises:
        PlanError: The worker rejected the plan.
    """
    children = adopt_orphans()
    _open_standard_streams()
    pipes: list[int] = []
    try:
        pipes += os.pipe()
        pipes += os.pipe()
        wait_for_call_threads(_CALL_THREADS_S)
        pid = os.fork()
    except OSError as error:
        _close(*pipes)
        return WorkerEnd(failure=f"no worker could be started: {error}")
    reader, writer, output_reader, output_writer = pipes
    if pid == 0:
        _close(reader, output_reader)
        _run_child(work, writer, output_writer, memory_mb)
    _close(writer, output_writer)
    os.set_blocking(output_reader, False)
    pidfd = open_pidfd(pid)
    messages = MessageReader(reader, output_reader, pidfd, deadline)
    received = _Received()
    try:
        on_start()
        _receive(messages, on_finding, received)
    finally:
        status = end_process(pid, patience_s=0.0 if received.finished or messages.failure else _PATIENCE_S)
        end_orphans(children)
        messages.drain()
        _close(reader, output_reader, *pidfd)
    if received.problems:
        raise PlanError([message.to_problem() for message in received.problems])
    return WorkerEnd(
        findings=tuple(received.findings.values()),
        failure="" if received.finished else messages.failure or describe_exit(status),
        cause=Cause.DEADLINE if messages.timed_out else Cause.GATE_ERROR,
        output=messages.output.decode(errors="replace"),
        waiting=tuple(received.waiting.values()) if received.finished else (),
        has_ended=received.has_ended or not received.finished,
    )


@dataclasses.dataclass
class _Received:
    """The messages of a worker: findings, problems of a rejected plan, checks to go on with, and the end."""

    findings: dict[str, Finding] = dataclasses.field(default_factory=dict)
    problems: tuple[ProblemMessage, ...] = ()
    waiting: dict[str, WaitingCheck] = dataclasses.field(default_factory=dict)
    finished: bool = False
    has_ended: bool = True


def _receive(messages: MessageReader, on_finding: Callable[[Finding], None], received: _Received) -> None:
    """Receive messages until the worker has finished its work or the pipe ends."""
    while (message := messages.next()) is not None:
        if message.finding is not None and message.finding.name not in received.findings:  # the first finding counts
            received.findings[message.finding.name] = message.finding
            on_finding(message.finding)
        if message.waiting is not None:
            received.waiting[message.waiting.name] = message.waiting
        if message.problems or message.done:
            received.problems, received.finished, received.has_ended = message.problems, True, message.has_ended
            return


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _open_standard_streams() -> None:
    """Open standard streams that are closed: a pipe with such a number would be replaced by the child's streams."""
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
        os.setsid()  # a new process group, so that killing it also kills the processes that the worker starts
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if memory_mb:
            _limit_memory(memory_mb)
        _run_and_send(work, writer)
    finally:
        os._exit(0)


def _run_and_send(work: Work, writer: int) -> None:
    """Run the work and send its findings, then the end of the work or the problems of the plan."""
    import sys
    import traceback

    try:
        end = work(lambda *findings: send(writer, [Message(finding=finding) for finding in findings]))
        if end is not None:
            send(writer, [Message(waiting=check) for check in end.waiting])
        message = Message(done=True, has_ended=end is None or end.has_ended)
    except PlanError as error:
        message = Message(problems=tuple(map(ProblemMessage.from_problem, error.problems)))
    except BaseException:  # noqa: BLE001 - the supervisor detects the early end, and the log gets the traceback
        traceback.print_exc()
        sys.stderr.flush()
        return
    with contextlib.suppress(Exception):  # a plugin may have closed the stream
        sys.stdout.flush()
    send(writer, [message])


def _limit_memory(memory_mb: int) -> None:
    """Limit the worker's data segment; RLIMIT_AS would also count address space that threads only reserve."""
    limit = max(_MIN_WORKER_MB, memory_mb - _SUPERVISOR_MB) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    # The full size of a thread's stack counts from its start: 64 threads with the default of 8 MB need half a gigabyte.
    threading.stack_size(THREAD_STACK_BYTES)
