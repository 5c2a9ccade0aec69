"""Users' programs: they are started, failures are reported, and all their processes are stopped."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from devkit.rehearsal.processes import (
    Process,
    ProcessError,
    base_environment,
    free_port,
    kill_all,
    wait_for_port,
)


def start(folder: Path, code: str) -> Process:
    return Process([sys.executable, "-c", code], cwd=folder, environment=base_environment())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_program_that_does_not_exist_is_reported(folder: Path) -> None:
    with pytest.raises(ProcessError, match=r"'no-such-program' cannot be started in .*: No such file"):
        Process(["no-such-program"], cwd=folder, environment=base_environment())


def test_program_that_ends_at_once_is_reported_with_its_last_lines(folder: Path) -> None:
    process = start(folder, "print('the database is gone'); raise SystemExit(3)")
    with pytest.raises(ProcessError, match=r"(?s)ended with exit code 3.*the database is gone"):
        wait_for_port(process, free_port(), 10)
    process.kill()


def test_program_that_does_not_listen_is_reported_with_advice(folder: Path) -> None:
    printed = threading.Event()
    code = "import time; print('waiting', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code]
    process = Process(command, cwd=folder, environment=base_environment(), on_line=lambda _: printed.set())
    assert printed.wait(30)
    with pytest.raises(ProcessError, match=r"(?s)within 0.5 s.*PORT.*waiting"):
        wait_for_port(process, free_port(), 0.5)
    process.kill()


def test_program_killed_by_a_signal_is_reported_with_the_signal(folder: Path) -> None:
    process = start(folder, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ProcessError, match="was ended by signal 9"):
        wait_for_port(process, free_port(), 10)
    process.kill()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_child_process_in_its_own_session_is_stopped(folder: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    lines: list[str] = []
    process = Process([sys.executable, "-c", code], cwd=folder, environment=base_environment(), on_line=lines.append)
    end = time.monotonic() + 30
    while not lines and time.monotonic() < end:
        time.sleep(0.01)
    child = int(lines[0])
    assert alive(child)
    process.kill()
    end = time.monotonic() + 30
    while alive(child) and time.monotonic() < end:
        time.sleep(0.01)
    assert not alive(child)
    assert process.exit_code == -9


def test_remaining_processes_are_stopped_at_the_end(folder: Path) -> None:
    process = start(folder, "import time; time.sleep(60)")
    kill_all()
    assert process.exit_code == -9


def test_log_of_a_large_output_is_cut_and_its_last_lines_are_kept(folder: Path) -> None:
    code = "import sys\nfor i in range(200000): sys.stdout.write('x' * 70 + str(i) + '\\n')"
    process = Process([sys.executable, "-c", code], cwd=folder, environment=base_environment(), log=folder / "out.log")
    assert process.wait(30) == 0
    assert "199999" in process.last_lines()
    process.kill()
    assert (folder / "out.log").stat().st_size < 9 * 1024 * 1024


def test_free_port_is_outside_the_kernels_ephemeral_range() -> None:
    assert all(free_port(("127.0.0.1", "::1")) < 32_768 for _ in range(20))


def test_environment_of_a_service_has_no_aws_settings_of_this_machine() -> None:
    os.environ["AWS_REHEARSAL_TEST"] = "secret"
    try:
        assert not [name for name in base_environment() if name.startswith("AWS_")]
    finally:
        del os.environ["AWS_REHEARSAL_TEST"]
