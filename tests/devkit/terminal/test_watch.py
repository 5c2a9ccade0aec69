"""`check --watch`: runs after every change, and ends cleanly."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from devkit.cli.main import main
from devkit.terminal import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def stopping_after(*steps: Callable[[], object]) -> Callable[[], None]:
    """Return a pause that takes one step at each call, and raises KeyboardInterrupt after the last."""
    remaining = iter(steps)

    def pause() -> None:
        step = next(remaining, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    return pause


def test_without_a_change_there_is_one_run(tmp_path: Path) -> None:
    done: list[int] = []

    watch.watch_files(lambda: done.append(1) or 0, lambda: [tmp_path / "plan.yaml"], stopping_after(list, list))

    assert done == [1]


def test_every_change_starts_a_run_even_removal_and_creation_of_the_file(tmp_path: Path) -> None:
    plan, done = tmp_path / "plan.yaml", []
    plan.write_text("a")
    statuses = iter([1, 2, 0])

    def once() -> int:
        done.append(plan.read_text() if plan.exists() else None)
        return next(statuses)

    pause = stopping_after(plan.unlink, lambda: plan.write_text("longer"))

    assert watch.watch_files(once, lambda: [plan], pause) == 0
    assert done == ["a", None, "longer"]


def test_change_during_a_run_starts_another_run(tmp_path: Path) -> None:
    plan, done = tmp_path / "plan.yaml", []
    plan.write_text("a")

    def once() -> int:
        done.append(1)
        if len(done) == 1:
            plan.write_text("written meanwhile")
        return 0

    watch.watch_files(once, lambda: [plan], stopping_after())

    assert len(done) == 2


def test_ctrl_c_returns_the_last_status(tmp_path: Path) -> None:
    assert watch.watch_files(lambda: 1, list, stopping_after()) == 1


def test_fragments_are_watched(tmp_path: Path) -> None:
    for name in ("plan.yaml", "base.yml", "notes.txt", "elsewhere.yaml"):
        (tmp_path / name).write_text("")

    files = watch.plan_files(str(tmp_path / "plan.yaml"), [f"s3://plans/x={tmp_path / 'deep' / 'x.yaml'}"])

    assert {file.name for file in files} == {"plan.yaml", "base.yml", "elsewhere.yaml", "x.yaml"}


def test_file_of_variables_is_watched(tmp_path: Path) -> None:
    variables = tmp_path / "far" / "variables.json"

    assert variables in watch.plan_files(str(tmp_path / "plan.yaml"), [], [str(variables)])


def test_invalid_command_line_is_not_watched(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(plan), "--stage", "AfterAllowTestTraffic", "--url", "nowhere", "--watch"]) == 2
    assert "watching" not in capsys.readouterr().err


@pytest.fixture
def default_sigint() -> Iterator[None]:
    """Restore the handler of SIGINT, which shells make background processes and their children ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_sigint")
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_watched_check_follows_the_plan_and_ends_without_a_traceback(wrong: bool, plan: Path, green: str) -> None:
    arguments = ["check", str(plan), "--stage", "AfterAllowTestTraffic", "--url", green, "--watch"]
    watching = subprocess.Popen(
        [sys.executable, "-m", "devkit.cli.main", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert watching.stdout is not None
    assert watching.stderr is not None
    assert watching.stdout.readline().startswith("Succeeded")
    while "watching" not in watching.stderr.readline():
        pass
    plan.write_text(plan.read_text().replace("status: ok", "status: fine" if wrong else "release: '2'"))
    while "watching" not in watching.stderr.readline():
        pass
    watching.send_signal(signal.SIGINT)
    try:
        out, err = watching.communicate(timeout=30)
    finally:
        watching.kill()

    assert watching.returncode == (1 if wrong else 0)
    assert ("Failed" if wrong else "Succeeded") in out
    assert "\x1b" not in out
    assert "Traceback" not in err
