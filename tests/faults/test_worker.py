"""Workers that hang, crash, forge messages or are killed: finished findings arrive in time, and no process remains."""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from greenlight.aws.deadline import OverdueError, run_with_deadline
from greenlight.core.errors import PlanError, Problem
from greenlight.core.finding import Cause, Evidence, Finding, Outcome
from greenlight.gate.processes import wait_for_call_threads
from greenlight.gate.worker import WorkerEnd, run_worker
from greenlight.gate.worker_pipe import MAX_FRAME_BYTES
from tests.support.gate import parent_pids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Emit = Callable[[Finding], None]


def finding(name: str, **fields: Any) -> Finding:
    return Finding(outcome=Outcome.PASS, message="fine", name=name, **fields)


def run(work: Callable[[Emit], Any], within_s: float = 5.0, memory_mb: int = 0) -> tuple[WorkerEnd, float]:
    """Run `work` in a supervised worker; return how it ended and the seconds that it took."""
    began = time.monotonic()
    end = run_worker(work, began + within_s, lambda _: None, memory_mb)
    return end, time.monotonic() - began


def own_mb() -> int:
    """Return the MB that this process has allocated: a worker is forked from it, and its limit includes them."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmData")).split()[1]) // 1024


def names(end: WorkerEnd) -> list[str]:
    return [finding.name for finding in end.findings]


def descendants() -> set[int]:
    """Return the ids of all processes below this one, zombies included."""
    parent_by_pid = parent_pids()
    pids: set[int] = set()
    generation = {os.getpid()}
    while generation:
        generation = {pid for pid, parent in parent_by_pid.items() if parent in generation}
        pids |= generation
    return pids


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def _check_for_leaks() -> Iterator[None]:
    """Check that a test leaves no process, no open file and no thread behind."""
    processes, files, threads = descendants(), open_files(), threading.active_count()
    yield
    assert descendants() <= processes
    assert open_files() <= files  # fewer: files of an earlier test may be garbage-collected during this one
    assert threading.active_count() <= threads


# ---- A worker that works


def test_findings_arrive_one_by_one_while_the_worker_runs() -> None:
    arrival_times: list[float] = []

    def work(emit: Emit) -> None:
        for number in range(3):
            emit(finding(f"c{number}", evidence=(Evidence(query="q", actual=[1, {"a": None}]),)))
            time.sleep(0.1)

    end = run_worker(work, time.monotonic() + 5, lambda _: arrival_times.append(time.monotonic()))
    assert (names(end), end.failure) == (["c0", "c1", "c2"], "")
    assert arrival_times[1] - arrival_times[0] > 0.05
    assert end.findings[0].evidence[0].actual == [1, {"a": None}]


def test_a_plan_error_keeps_all_its_problems_and_their_positions() -> None:
    def work(_emit: Emit) -> None:
        raise PlanError([Problem("unknown key 'gett'", "stages.X.checks[0].http", 7, 9), Problem("another")])

    with pytest.raises(PlanError) as caught:
        run(work)
    assert [(problem.message, problem.path, problem.line, problem.column) for problem in caught.value.problems] == [
        ("unknown key 'gett'", "stages.X.checks[0].http", 7, 9),
        ("another", "", 0, 0),
    ]


def test_a_plan_with_thousands_of_problems_is_still_a_plan_error() -> None:
    def work(_emit: Emit) -> None:
        raise PlanError([Problem("x" * 500, "p" * 100, number, 1) for number in range(5000)])

    with pytest.raises(PlanError):
        run(work)


def test_the_end_of_the_output_of_a_worker_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    def work(emit: Emit) -> None:
        sys.stdout.write("first " + "x" * 100_000)
        sys.stdout.write("from python")
        os.write(2, b"from C\n")
        subprocess.run([sys.executable, "-S", "-c", "print('from a child')"], check=True)
        emit(finding("c"))

    with capfd.disabled():
        end, _ = run(work)
    assert names(end) == ["c"]
    assert end.failure == ""
    for text in ("from python", "from C", "from a child"):
        assert text in end.output
    assert "first" not in end.output


def test_a_second_finding_of_the_same_check_is_ignored() -> None:
    def work(emit: Emit) -> None:
        emit(finding("c"))
        emit(Finding(outcome=Outcome.FAIL, message="a second result", name="c"))

    end, _ = run(work)
    assert [(finding.name, finding.outcome) for finding in end.findings] == [("c", Outcome.PASS)]


def test_an_oversize_finding_loses_its_evidence_and_keeps_its_outcome() -> None:
    def work(emit: Emit) -> None:
        big = Evidence(query="q", actual="x" * MAX_FRAME_BYTES)
        emit(Finding(outcome=Outcome.FAIL, message="no", name="c", evidence=(big,)))

    end, _ = run(work)
    assert (end.findings[0].outcome, end.findings[0].evidence) == (Outcome.FAIL, ())
    assert end.findings[0].message == "no (evidence was too large)"
    assert end.failure == ""


# ---- A worker that dies: its finished findings are kept


def segfault() -> None:
    faulthandler.disable()  # the one of pytest, which would write into the output of the test
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def send_signal(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def abort() -> None:
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


@pytest.mark.parametrize(
    ("die", "message"),
    [
        (lambda: os._exit(0), "exit code 0"),
        (lambda: os._exit(7), "exit code 7"),
        (lambda: sys.exit(3), "exited before it finished"),
        (send_signal(signal.SIGKILL), "signal 9 before it finished; it may have run out of memory"),
        (send_signal(signal.SIGTERM), "signal 15"),
        (send_signal(signal.SIGALRM), "signal 14"),
        (lambda: os.killpg(0, signal.SIGKILL), "signal 9"),
        (segfault, "signal 11"),
        (abort, "signal 6"),
    ],
    ids=["exit 0", "exit 7", "sys.exit", "SIGKILL", "SIGTERM", "SIGALRM", "its own group", "segfault", "abort"],
)
def test_findings_from_before_the_death_of_a_worker_are_kept(die: Callable[[], None], message: str) -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        die()
        emit(finding("after"))

    end, took_s = run(work, within_s=10)
    assert names(end) == ["before"]
    assert message in end.failure
    assert end.cause is Cause.GATE_ERROR
    assert took_s < 8


def test_a_crash_of_the_engine_itself_prints_its_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def work(_emit: Emit) -> None:
        raise LookupError("a bug in greenlight")

    with capfd.disabled():
        end, _ = run(work)
    assert "exited before it finished" in end.failure
    assert "LookupError: a bug in greenlight" in end.output


# ---- A worker that never ends: it is stopped


def hold_the_gil() -> None:
    sum(range(10**12))  # one call into C: no other thread of the process can run


def ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(60)


def print_forever() -> None:
    while True:
        os.write(1, b"noise " * 1000)


def match_forever() -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def deadlock_on_import() -> None:
    """Import a module whose import waits for a thread that imports the same module."""
    with tempfile.TemporaryDirectory() as folder:
        text = "import threading\nt = threading.Thread(target=__import__, args=(__name__,))\nt.start()\nt.join()\n"
        (Path(folder) / "waits_for_itself.py").write_text(text)
        sys.path.insert(0, folder)
        importlib.import_module("waits_for_itself")


def stop_itself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


@pytest.mark.parametrize(
    "hang",
    [
        *(hold_the_gil, match_forever, deadlock_on_import, ignore_signals, print_forever),
        *(stop_itself, lambda: time.sleep(60)),
    ],
)
def test_a_worker_that_never_ends_is_stopped_at_the_deadline(hang: Callable[[], None]) -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        hang()

    end, took_s = run(work, within_s=0.4)
    assert names(end) == ["before"]
    assert end.cause is Cause.DEADLINE
    assert end.failure == "the worker was stopped at its deadline"
    assert 0.39 < took_s < 5
    assert len(end.output) < 100_000


def test_a_deadline_in_the_past_stops_the_worker_at_once() -> None:
    end, took_s = run(lambda _emit: time.sleep(60), within_s=-1)
    assert end.cause is Cause.DEADLINE
    assert took_s < 5


# ---- Processes that a worker starts end with it


def spawn(setup: str = "") -> Callable[[], None]:
    def start() -> None:
        code = f"import os, time; {setup}; time.sleep(60)"
        subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.DEVNULL, start_new_session="own" in setup)

    return start


def fork() -> None:
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)


def daemonise() -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 100)
            time.sleep(60)
        os._exit(0)
    os.wait()


def fork_bomb() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
    for _ in range(5):  # 32 processes
        if os.fork() == 0:
            continue
    time.sleep(0.05)


@pytest.mark.parametrize("start", [spawn(), spawn("own = 1"), fork, daemonise, fork_bomb])
@pytest.mark.parametrize("ending", ["returns", "exits", "hangs"])
def test_no_process_that_a_worker_started_outlives_it(start: Callable[[], None], ending: str) -> None:
    parent = os.getpid()

    def work(emit: Emit) -> None:
        worker = os.getpid()
        emit(finding("c"))
        start()
        if os.getpid() != worker:
            time.sleep(60)  # a copy of the worker that the fork bomb made
            os._exit(0)
        if ending == "exits":
            os._exit(1)
        if ending == "hangs":
            time.sleep(60)

    end, took_s = run(work, within_s=1.0 if ending == "hangs" else 10)
    assert os.getpid() == parent
    assert names(end) == ["c"]
    assert took_s < 8


def test_the_supervisor_does_not_wait_for_a_grandchild_that_holds_the_pipe() -> None:
    def work(emit: Emit) -> None:
        emit(finding("c"))
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)

    end, took_s = run(work, within_s=30)
    assert names(end) == ["c"]
    assert end.failure == "the worker exited before it finished (exit code 0)"
    assert took_s < 15


# ---- A worker that forges messages


def frame(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def message_frame(**message: Any) -> bytes:
    return frame(msgspec.json.encode(message))


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"\xff\xff\xff\xff" + b"x" * 100, "too large for a finding"),
        (struct.pack(">I", MAX_FRAME_BYTES + 1), "too large for a finding"),
        (frame(b"not json"), "not a valid finding"),
        (frame(b""), "not a valid finding"),
        (frame(b"[]"), "not a valid finding"),
        (frame(b"\xff\xfe"), "not a valid finding"),
        (frame(b"[" * 100_000), "not a valid finding"),
        (message_frame(finding={"outcome": "PASSED", "message": "x"}), "not a valid finding"),
        (message_frame(finding={"outcome": "PASS"}), "not a valid finding"),
        (message_frame(finding={"outcome": "PASS", "message": 1}), "not a valid finding"),
        (message_frame(finding="PASS"), "not a valid finding"),
        (message_frame(done="yes"), "not a valid finding"),
        (b"\0\0", "exited before it finished"),
        (frame(b"x" * 50)[:20], "exited before it finished"),
    ],
)
def test_an_invalid_message_ends_the_worker_and_earlier_findings_are_kept(data: bytes, failure: str) -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        os.write(_pipe_of(emit), data)
        os._exit(0)

    end, _ = run(work)
    assert names(end) == ["before"]
    assert failure in end.failure


def _pipe_of(emit: Emit) -> int:
    """Return the file descriptor of the worker's pipe, found as a plugin could find it."""
    return next(cell.cell_contents for cell in emit.__closure__ or () if isinstance(cell.cell_contents, int))


def test_messages_after_the_last_are_ignored() -> None:
    def work(emit: Emit) -> None:
        os.write(
            _pipe_of(emit),
            message_frame(done=True) + message_frame(finding={"outcome": "PASS", "message": "x", "name": "forged"}),
        )

    end, _ = run(work)
    assert (names(end), end.failure) == ([], "")


def test_unknown_keys_of_a_message_are_ignored() -> None:
    def work(emit: Emit) -> None:
        os.write(_pipe_of(emit), message_frame(verdict="Succeeded", status="Succeeded"))

    end, _ = run(work)
    assert names(end) == []


def test_a_worker_that_floods_the_pipe_with_findings_is_ended() -> None:
    def work(emit: Emit) -> None:
        number = 0
        while True:
            number += 1
            emit(finding(f"c{number}", evidence=(Evidence(query="q", actual="x" * 200_000),)))

    end, took_s = run(work, within_s=10)
    assert end.failure
    assert took_s < 8
    assert len(end.findings) < 400


# ---- A worker that damages its own process


def test_earlier_findings_of_a_worker_that_closes_every_file_are_kept() -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        os.closerange(0, 1024)
        emit(finding("after"))

    end, _ = run(work)
    assert names(end) == ["before"]
    assert end.failure


def test_a_worker_that_closes_its_output_still_sends_its_findings() -> None:
    def work(emit: Emit) -> None:
        os.close(1)
        os.close(2)
        emit(finding("c"))

    end, _ = run(work)
    assert names(end) == ["c"]
    assert end.failure == ""


def test_a_worker_that_replaces_its_output_still_sends_its_findings() -> None:
    def work(emit: Emit) -> None:
        sys.stdout = None
        emit(finding("c"))

    end, _ = run(work)
    assert (names(end), end.failure) == (["c"], "")


def test_a_worker_sends_its_findings_when_the_supervisor_has_closed_its_standard_streams() -> None:
    code = """
import os, time
from greenlight.api import Finding, Outcome
from greenlight.gate.worker import run_worker
os.closerange(0, 3)
finding = Finding(outcome=Outcome.PASS, message="", name="c")
end = run_worker(lambda emit: emit(finding), time.monotonic() + 5, lambda _: 0)
os._exit(42 if [finding.name for finding in end.findings] == ["c"] and not end.failure else 1)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 42


def test_an_allocation_beyond_the_memory_limit_raises_in_the_worker() -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        try:
            bytearray(2 * 1024**3)
        except MemoryError:
            emit(finding("after"))

    end, _ = run(work, memory_mb=own_mb() + 512)
    assert names(end) == ["before", "after"]
    assert end.failure == ""


def test_a_worker_that_exhausts_memory_step_by_step_dies_alone() -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        blocks = []
        while True:
            blocks.append(bytearray(8 * 1024**2))

    end, took_s = run(work, memory_mb=own_mb() + 300, within_s=10)
    assert names(end) == ["before"]
    assert end.failure
    assert took_s < 8


def test_a_memory_limit_leaves_room_for_threads() -> None:
    def work(emit: Emit) -> None:
        threads = [threading.Thread(target=time.sleep, args=(0.05,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        emit(finding("c"))

    for _ in range(10):
        end, _ = run(work, memory_mb=own_mb() + 512)
        assert (names(end), end.failure) == (["c"], "")


def test_changes_of_a_worker_to_its_process_do_not_reach_the_supervisor() -> None:
    def work(emit: Emit) -> None:
        os.environ["FROM_WORKER"] = "yes"
        os.chdir("/")
        os.umask(0)
        time.time = lambda: 0.0  # type: ignore[assignment]
        json = sys.modules["json"]
        json.dumps = None  # type: ignore[attr-defined]
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        emit(finding("c"))

    before = (dict(os.environ), Path.cwd(), time.time, signal.getsignal(signal.SIGCHLD))
    end, _ = run(work)
    assert names(end) == ["c"]
    assert (dict(os.environ), Path.cwd(), time.time, signal.getsignal(signal.SIGCHLD)) == before


def test_a_process_limit_is_reported_in_a_sentence() -> None:
    code = """
import ctypes, os, resource, time
from greenlight.gate.worker import run_worker
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
print(run_worker(lambda emit: None, time.monotonic() + 5, print).failure)
"""
    if os.getuid() != 0:
        pytest.skip("only root can change to a user that may start no process")
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.stdout.startswith("no worker could be started"), process.stderr


@pytest.mark.parametrize("free", [0, 1, 2, 3])
def test_a_limit_of_open_files_is_reported_in_the_same_sentence(free: int) -> None:
    code = """
import os, resource, sys, time
from greenlight.gate.worker import run_worker
run_worker(lambda emit: None, time.monotonic() + 5, print)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
while True:
    try:
        held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        break
for _ in range(int(sys.argv[1])):
    os.close(held.pop())
print(run_worker(lambda emit: None, time.monotonic() + 5, print).failure)
os.write(1, str(len([os.dup(0) for _ in range(int(sys.argv[1]))])).encode())
"""
    process = subprocess.run([sys.executable, "-c", code, str(free)], capture_output=True, text=True, check=False)
    assert process.stdout.startswith("no worker could be started: [Errno 24]"), process.stderr
    assert process.stdout.endswith(f"\n{free}"), "no pipe is left open"


# ---- Threads at the fork


FORKS = """
import ctypes, os, time
from greenlight.aws.deadline import run_with_deadline
from greenlight.core.finding import Finding, Outcome
from greenlight.gate.worker import run_worker

tasks = []
os.register_at_fork(before=lambda: tasks.append(len(os.listdir("/proc/self/task"))))
libc = ctypes.CDLL(None, use_errno=True)
key = ctypes.c_uint()
assert libc.pthread_key_create(ctypes.byref(key), libc.usleep) == 0

def call(microseconds):
    # The kernel's thread outlives Python's: a destructor without the GIL, as OpenSSL's are, runs for this long.
    libc.pthread_setspecific(key, ctypes.c_void_p(microseconds))

def work(emit):
    emit(Finding(outcome=Outcome.PASS, message="fine", name="c"))

for microseconds in (1, 20_000, 200_000):
    run_with_deadline(time.monotonic() + 60, lambda: call(microseconds), "")
    end = run_worker(work, time.monotonic() + 20, lambda _: None)
    assert (end.failure, len(end.findings)) == ("", 1), end
print(*tasks)
"""


def test_the_process_has_one_kernel_thread_at_the_fork() -> None:
    process = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=False)
    assert process.stdout.split() == ["1", "1", "1"], process.stderr


def test_the_fork_waits_only_a_moment_for_a_call_that_never_ends() -> None:
    stuck = threading.Event()
    with pytest.raises(OverdueError):
        run_with_deadline(time.monotonic(), stuck.wait, "stuck")
    end, took_s = run(lambda emit: emit(finding("c")))
    stuck.set()
    assert (end.failure, names(end)) == ("", ["c"])
    assert 0.9 < took_s < 3
    assert wait_for_call_threads(5.0)


def test_the_fork_does_not_wait_for_threads_that_are_not_its_own() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    _, took_s = run(lambda emit: emit(finding("c")))
    stop.set()
    thread.join()
    assert took_s < 0.9


# ---- Repeated runs


def test_sixty_runs_leave_no_open_file_no_process_and_no_thread() -> None:
    workers: list[Callable[[Emit], Any]] = [
        lambda emit: emit(finding("c")),
        lambda _emit: os._exit(1),
        lambda _emit: os.kill(os.getpid(), signal.SIGKILL),
        lambda emit: (emit(finding("c")), os.closerange(0, 1024)),
        lambda emit: (emit(finding("c")), fork()),
        lambda emit: os.write(_pipe_of(emit), b"garbage"),
    ]
    files_before = open_files()
    for number in range(60):  # ten of each worker
        run(workers[number % len(workers)], within_s=5)
    assert open_files() <= files_before
