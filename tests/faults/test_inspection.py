"""A suite without `aws: true` cannot read the credentials of the processes above it.

Linux lets root read every process, so the processes run as another user where the tests run as root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.sam_template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc and PR_SET_DUMPABLE")

UNPRIVILEGED = 65534
SUITE = """
    import os, pathlib

    def test_processes_above_cannot_be_read():
        readable, pid = [], os.getppid()
        for process in ("worker", "hook"):
            for name in ("environ", "maps", "fd/1"):
                try:
                    pathlib.Path(f"/proc/{pid}/{name}").open("rb").close()
                except PermissionError:
                    continue
                readable.append(f"{name} of the {process}")
            pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        assert not readable
        assert "AWS_SECRET_ACCESS_KEY" not in os.environ
"""
GATE = """
    import os, time
    import msgspec
    from greenlight.gate.codedeploy import EventError
    from greenlight.gate.handler import handle
    from greenlight.gate.worker import run_worker
    from greenlight.testing import context_for, ecs_deployment, load_validator, run_check

    class Invocation:
        def get_remaining_time_in_millis(self):
            return 60_000

    def work(emit):
        with context_for(ecs_deployment(), timeout_s=30.0) as context:
            finding = run_check(load_validator("pytest"), {"path": "smoke"}, context, patience_s=30.0)
        hidden = [name for name in ("AWS_LAMBDA_RUNTIME_API", "GREENLIGHT_REPORT_BUCKET") if name in os.environ]
        emit(msgspec.structs.replace(finding, name="smoke", message=f"{finding.outcome} {finding.message} {hidden}"))

    try:
        handle({}, Invocation(), "AfterAllowTestTraffic")
    except EventError:
        pass  # the invocation has begun, and nothing was answered
    end = run_worker(work, time.monotonic() + 40, lambda finding: None)
    print([finding.message for finding in end.findings] or (end.failure, end.output))
"""
ENVIRONMENT = {
    "AWS_SECRET_ACCESS_KEY": "of-the-hook",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "GREENLIGHT_REPORT_BUCKET": "reports",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder that every user may read, which tmp_path is not."""
    with tempfile.TemporaryDirectory(prefix="greenlight-inspection-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def run_unprivileged(python: str, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code as a user that is not root; executing a program makes the process dumpable."""
    user = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if os.geteuid() == 0 else {}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.run(
        [python, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **user,  # type: ignore[call-overload]
    )


@pytest.fixture
def python() -> str:
    """Return an interpreter that the other user may run; skip where a process is hidden even if it allows reading."""
    code = """
        import subprocess, sys, msgspec, pytest
        program = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            child.stdout.readline()  # the program runs, so its environment is in place
            print(len(open(f"/proc/{child.pid}/environ").read()) > 0)
            child.stdin.close()
    """
    reasons = []
    same_version = f"python{sys.version_info[0]}.{sys.version_info[1]}"  # root's own may be below /root
    for path in (sys.executable, shutil.which(same_version, path="/usr/local/bin:/usr/bin")):
        try:
            control = run_unprivileged(path or same_version, code)
        except OSError as error:
            reasons.append(str(error))
            continue
        if control.stdout.split() == ["True"]:
            return path or same_version
        reasons.append(control.stderr[-200:])
    pytest.skip(f"nothing can be proved as another user here: {reasons}")


def test_a_suite_cannot_read_the_worker_and_the_hook(python: str, folder: Path) -> None:
    (folder / "smoke").mkdir()
    (folder / "smoke" / "test_smoke.py").write_text(textwrap.dedent(SUITE))

    gate = run_unprivileged(python, GATE, GREENLIGHT_PLAN_FOLDER=str(folder), **ENVIRONMENT)

    assert gate.stdout.strip() == (
        "['PASS 1 of 1 tests passed, 0 were skipped; green has no URL, so the gate cannot see whether the suite asked "
        "it: write a check that asks green []']"
    ), gate.stdout + gate.stderr
