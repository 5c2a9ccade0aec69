"""A worker may hang, crash, lie or be killed: the supervisor gets what was finished, in time, and nothing stays behind."""

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
from greenlight.core.errors import PlanError, Problem
from greenlight.core.model import Cause, Evidence, Finding, Outcome
from greenlight.gate.worker import MAX_FRAME_BYTES, WorkerEnd, supervise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Emit = Callable[[Finding], None]


def finding(name: str, **more: Any) -> Finding:
    return Finding(outcome=Outcome.PASS, message="fine", name=name, **more)


def run(work: Callable[[Emit], Any], within_s: float = 5.0, memory_mb: int = 0) -> tuple[WorkerEnd, float]:
    """Supervise `work`; give how it ended and how long that took."""
    began = time.monotonic()
    end = supervise(work, began + within_s, lambda _: None, memory_mb)
    return end, time.monotonic() - began


def own_mb() -> int:
    """Give what this process holds already: a worker is forked from it, and its limit counts from nothing."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmData")).split()[1]) // 1024


def names(end: WorkerEnd) -> list[str]:
    return [each.name for each in end.findings]


def descendants() -> set[int]:
    """Give every process below this one, zombies included."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        except OSError:
            continue
    found: set[int] = set()
    new = {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new}
        found |= new
    return found


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    processes, files, threads = descendants(), open_files(), threading.active_count()
    yield
    assert descendants() <= processes
    assert open_files() <= files  # what another test left behind may be collected meanwhile
    assert threading.active_count() <= threads


# ---- A worker that works


def test_findings_arrive_one_by_one_while_the_worker_runs() -> None:
    arrived: list[float] = []

    def work(emit: Emit) -> None:
        for number in range(3):
            emit(finding(f"c{number}", evidence=(Evidence(query="q", actual=[1, {"a": None}]),)))
            time.sleep(0.1)

    end = supervise(work, time.monotonic() + 5, lambda _: arrived.append(time.monotonic()))
    assert (names(end), end.died) == (["c0", "c1", "c2"], "")
    assert arrived[1] - arrived[0] > 0.05
    assert end.findings[0].evidence[0].actual == [1, {"a": None}]


def test_a_refused_plan_comes_over_with_every_problem_in_its_place() -> None:
    def work(_emit: Emit) -> None:
        raise PlanError([Problem("unknown key 'gett'", "stages.X.checks[0].http", 7, 9), Problem("another")])

    with pytest.raises(PlanError) as refusal:
        run(work)
    assert [(p.message, p.path, p.line, p.column) for p in refusal.value.problems] == [
        ("unknown key 'gett'", "stages.X.checks[0].http", 7, 9),
        ("another", "", 0, 0),
    ]


def test_a_plan_with_thousands_of_problems_is_still_a_refused_plan() -> None:
    def work(_emit: Emit) -> None:
        raise PlanError([Problem("x" * 500, "p" * 100, number, 1) for number in range(5000)])

    with pytest.raises(PlanError):
        run(work)


def test_what_the_worker_prints_is_kept_to_its_end(capfd: pytest.CaptureFixture[str]) -> None:
    def work(emit: Emit) -> None:
        sys.stdout.write("first " + "x" * 100_000)
        sys.stdout.write("from python")
        os.write(2, b"from C\n")
        subprocess.run([sys.executable, "-S", "-c", "print('from a child')"], check=True)
        emit(finding("c"))

    with capfd.disabled():
        end, _ = run(work)
    assert names(end) == ["c"]
    assert end.died == ""
    for said in ("from python", "from C", "from a child"):
        assert said in end.output
    assert "first" not in end.output


def test_a_second_finding_of_one_check_counts_for_nothing() -> None:
    def work(emit: Emit) -> None:
        emit(finding("c"))
        emit(Finding(outcome=Outcome.FAIL, message="changed its mind", name="c"))

    end, _ = run(work)
    assert [(each.name, each.outcome) for each in end.findings] == [("c", Outcome.PASS)]


def test_an_oversize_finding_loses_its_evidence_and_keeps_its_outcome() -> None:
    def work(emit: Emit) -> None:
        big = Evidence(query="q", actual="x" * MAX_FRAME_BYTES)
        emit(Finding(outcome=Outcome.FAIL, message="no", name="c", evidence=(big,)))

    end, _ = run(work)
    assert (end.findings[0].outcome, end.findings[0].evidence) == (Outcome.FAIL, ())
    assert end.findings[0].message == "no (evidence was too large)"
    assert end.died == ""


# ---- A worker that dies: what it had finished is kept


def segfault() -> None:
    faulthandler.disable()  # pytest's; it would write into the test's output
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def signalled(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def abort() -> None:
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


@pytest.mark.parametrize(
    ("death", "said"),
    [
        (lambda: os._exit(0), "exit code 0"),
        (lambda: os._exit(7), "exit code 7"),
        (lambda: sys.exit(3), "ended before it had finished"),
        (signalled(signal.SIGKILL), "signal 9 before it had finished; it may have run out of memory"),
        (signalled(signal.SIGTERM), "signal 15"),
        (signalled(signal.SIGALRM), "signal 14"),
        (lambda: os.killpg(0, signal.SIGKILL), "signal 9"),
        (segfault, "signal 11"),
        (abort, "signal 6"),
    ],
    ids=["exit 0", "exit 7", "sys.exit", "SIGKILL", "SIGTERM", "SIGALRM", "its own group", "segfault", "abort"],
)
def test_what_was_found_before_a_death_is_kept(death: Callable[[], None], said: str) -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        death()
        emit(finding("after"))

    end, took_s = run(work, within_s=10)
    assert names(end) == ["before"]
    assert said in end.died
    assert end.cause is Cause.GATE_ERROR
    assert took_s < 8


def test_a_crash_in_the_engine_itself_shows_its_traceback_in_the_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def work(_emit: Emit) -> None:
        raise LookupError("a bug of greenlight's own")

    with capfd.disabled():
        end, _ = run(work)
    assert "ended before it had finished" in end.died
    assert "LookupError: a bug of greenlight's own" in end.output


# ---- A worker that does not end: it is ended


def hold_the_interpreter() -> None:
    sum(range(10**12))  # one call into C that never lets another thread of the process run


def ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(60)


def print_without_end() -> None:
    while True:
        os.write(1, b"noise " * 1000)


def match_for_ever() -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def import_what_waits_for_itself() -> None:
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
        *(hold_the_interpreter, match_for_ever, import_what_waits_for_itself, ignore_signals, print_without_end),
        *(stop_itself, lambda: time.sleep(60)),
    ],
)
def test_a_worker_that_does_not_end_is_ended_at_the_deadline(hang: Callable[[], None]) -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        hang()

    end, took_s = run(work, within_s=0.4)
    assert names(end) == ["before"]
    assert end.cause is Cause.DEADLINE
    assert end.died == "the worker was stopped because its time was over"
    assert 0.39 < took_s < 5
    assert len(end.output) < 100_000


def test_a_deadline_that_is_over_already_starts_nothing_that_lasts() -> None:
    end, took_s = run(lambda _emit: time.sleep(60), within_s=-1)
    assert end.cause is Cause.DEADLINE
    assert took_s < 5


# ---- What a worker starts ends with it


def spawned(setup: str = "") -> Callable[[], None]:
    def spawn() -> None:
        code = f"import os, time; {setup}; time.sleep(60)"
        subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.DEVNULL, start_new_session="own" in setup)

    return spawn


def forked() -> None:
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)


def daemonised() -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 100)
            time.sleep(60)
        os._exit(0)
    os.wait()


def bomb() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
    for _ in range(5):  # 32 processes
        if os.fork() == 0:
            continue
    time.sleep(0.05)


@pytest.mark.parametrize("start", [spawned(), spawned("own = 1"), forked, daemonised, bomb])
@pytest.mark.parametrize("ends", ["well", "badly", "late"])
def test_nothing_that_a_worker_started_outlives_it(start: Callable[[], None], ends: str) -> None:
    parent = os.getpid()

    def work(emit: Emit) -> None:
        worker = os.getpid()
        emit(finding("c"))
        start()
        if os.getpid() != worker:
            time.sleep(60)  # a copy of the worker that the bomb made
            os._exit(0)
        if ends == "badly":
            os._exit(1)
        if ends == "late":
            time.sleep(60)

    end, took_s = run(work, within_s=1.0 if ends == "late" else 10)
    assert os.getpid() == parent
    assert names(end) == ["c"]
    assert took_s < 8


def test_a_grandchild_that_holds_the_pipe_keeps_nobody_waiting() -> None:
    def work(emit: Emit) -> None:
        emit(finding("c"))
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)

    end, took_s = run(work, within_s=30)
    assert names(end) == ["c"]
    assert end.died == "the worker ended before it had finished (exit code 0)"
    assert took_s < 15


# ---- A worker that lies


def frame(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def said(**message: Any) -> bytes:
    return frame(msgspec.json.encode(message))


@pytest.mark.parametrize(
    ("written", "died"),
    [
        (b"\xff\xff\xff\xff" + b"x" * 100, "too large to be a finding"),
        (struct.pack(">I", MAX_FRAME_BYTES + 1), "too large to be a finding"),
        (frame(b"not json"), "no finding"),
        (frame(b""), "no finding"),
        (frame(b"[]"), "no finding"),
        (frame(b"\xff\xfe"), "no finding"),
        (frame(b"[" * 100_000), "no finding"),
        (said(finding={"outcome": "PASSED", "message": "x"}), "no finding"),
        (said(finding={"outcome": "PASS"}), "no finding"),
        (said(finding={"outcome": "PASS", "message": 1}), "no finding"),
        (said(finding="PASS"), "no finding"),
        (said(done="yes"), "no finding"),
        (b"\0\0", "ended before it had finished"),
        (frame(b"x" * 50)[:20], "ended before it had finished"),
    ],
)
def test_what_is_no_message_ends_the_worker_and_keeps_what_came_before(written: bytes, died: str) -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        os.write(_pipe_of(emit), written)
        os._exit(0)

    end, _ = run(work)
    assert names(end) == ["before"]
    assert died in end.died


def _pipe_of(emit: Emit) -> int:
    """Find the worker's pipe, as a plugin could that looks for it."""
    return next(each.cell_contents for each in emit.__closure__ or () if isinstance(each.cell_contents, int))


def test_messages_after_the_end_are_not_heard() -> None:
    def work(emit: Emit) -> None:
        os.write(_pipe_of(emit), said(done=True) + said(finding={"outcome": "PASS", "message": "x", "name": "forged"}))

    end, _ = run(work)
    assert (names(end), end.died) == ([], "")


def test_unknown_keys_of_a_message_carry_nothing() -> None:
    def work(emit: Emit) -> None:
        os.write(_pipe_of(emit), said(verdict="Succeeded", status="Succeeded"))

    end, _ = run(work)
    assert names(end) == []


def test_a_flood_of_findings_ends() -> None:
    def work(emit: Emit) -> None:
        number = 0
        while True:
            number += 1
            emit(finding(f"c{number}", evidence=(Evidence(query="q", actual="x" * 200_000),)))

    end, took_s = run(work, within_s=10)
    assert end.died
    assert took_s < 8
    assert len(end.findings) < 400


# ---- A worker that damages its own house


def test_a_worker_that_closes_every_file_keeps_what_it_had_found() -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        os.closerange(0, 1024)
        emit(finding("after"))

    end, _ = run(work)
    assert names(end) == ["before"]
    assert end.died


def test_a_worker_that_closes_its_output_still_says_all() -> None:
    def work(emit: Emit) -> None:
        os.close(1)
        os.close(2)
        emit(finding("c"))

    end, _ = run(work)
    assert names(end) == ["c"]
    assert end.died == ""


def test_a_worker_that_replaces_its_output_still_has_its_findings() -> None:
    def work(emit: Emit) -> None:
        sys.stdout = None
        emit(finding("c"))

    end, _ = run(work)
    assert (names(end), end.died) == (["c"], "")


def test_a_worker_with_standard_streams_closed_above_it_still_has_its_pipe() -> None:
    code = """
import os, time
from greenlight.conductors.worker import supervise
from greenlight.model import Finding, Outcome
os.closerange(0, 3)
end = supervise(lambda emit: emit(Finding(outcome=Outcome.PASS, message="", name="c")), time.monotonic() + 5, lambda _: 0)
os._exit(42 if [each.name for each in end.findings] == ["c"] and not end.died else 1)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 42


def test_a_worker_that_takes_memory_beyond_the_limit_hears_of_it_and_the_supervisor_lives() -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        try:
            bytearray(2 * 1024**3)
        except MemoryError:
            emit(finding("refused"))

    end, _ = run(work, memory_mb=own_mb() + 512)
    assert names(end) == ["before", "refused"]
    assert end.died == ""


def test_a_worker_that_eats_memory_bit_by_bit_dies_alone() -> None:
    def work(emit: Emit) -> None:
        emit(finding("before"))
        kept = []
        while True:
            kept.append(bytearray(8 * 1024**2))

    end, took_s = run(work, memory_mb=own_mb() + 300, within_s=10)
    assert names(end) == ["before"]
    assert end.died
    assert took_s < 8


def test_a_limit_leaves_room_for_threads() -> None:
    def work(emit: Emit) -> None:
        threads = [threading.Thread(target=time.sleep, args=(0.05,)) for _ in range(16)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        emit(finding("c"))

    for _ in range(10):
        end, _took = run(work, memory_mb=own_mb() + 512)
        assert (names(end), end.died) == (["c"], "")


def test_what_a_worker_does_to_its_process_is_not_seen_by_the_next() -> None:
    def spoil(emit: Emit) -> None:
        os.environ["SPOILT"] = "yes"
        os.chdir("/")
        os.umask(0)
        time.time = lambda: 0.0  # type: ignore[assignment]
        json = sys.modules["json"]
        json.dumps = None  # type: ignore[attr-defined]
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        emit(finding("c"))

    before = (dict(os.environ), Path.cwd(), time.time, signal.getsignal(signal.SIGCHLD))
    end, _ = run(spoil)
    assert names(end) == ["c"]
    assert (dict(os.environ), Path.cwd(), time.time, signal.getsignal(signal.SIGCHLD)) == before


def test_no_more_processes_are_a_sentence() -> None:
    code = """
import ctypes, os, resource, time
from greenlight.conductors.worker import supervise
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
print(supervise(lambda emit: None, time.monotonic() + 5, print).died)
"""
    if os.getuid() != 0:
        pytest.skip("only root can become somebody who may start no process")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("no worker could be started"), done.stderr


# ---- Over and over


def test_sixty_runs_leave_no_file_no_process_and_no_thread_behind() -> None:
    kinds: list[Callable[[Emit], Any]] = [
        lambda emit: emit(finding("c")),
        lambda _emit: os._exit(1),
        lambda _emit: os.kill(os.getpid(), signal.SIGKILL),
        lambda emit: (emit(finding("c")), os.closerange(0, 1024)),
        lambda emit: (emit(finding("c")), forked()),
        lambda emit: os.write(_pipe_of(emit), b"garbage"),
    ]
    files = open_files()
    for number in range(60):  # ten of each kind; one that left anything would show
        run(kinds[number % len(kinds)], within_s=5)
    assert open_files() <= files
