"""`check --watch`: again after every change, and a clean end."""

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
    """Give a pause that takes one step each time, and then is Ctrl-C."""
    left = iter(steps)

    def pause() -> None:
        step = next(left, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    return pause


def test_nothing_is_done_again_while_nothing_changes(tmp_path: Path) -> None:
    done: list[int] = []

    watch.watch_files(lambda: done.append(1) or 0, lambda: [tmp_path / "plan.yaml"], stopping_after(list, list))

    assert done == [1]


def test_every_change_is_a_reason_to_do_it_again_also_that_the_file_goes_and_comes(tmp_path: Path) -> None:
    plan, done = tmp_path / "plan.yaml", []
    plan.write_text("a")
    statuses = iter([1, 2, 0])

    def once() -> int:
        done.append(plan.read_text() if plan.exists() else None)
        return next(statuses)

    pause = stopping_after(plan.unlink, lambda: plan.write_text("longer"))

    assert watch.watch_files(once, lambda: [plan], pause) == 0
    assert done == ["a", None, "longer"]


def test_a_change_while_it_runs_is_seen(tmp_path: Path) -> None:
    plan, done = tmp_path / "plan.yaml", []
    plan.write_text("a")

    def once() -> int:
        done.append(1)
        if len(done) == 1:
            plan.write_text("written meanwhile")
        return 0

    watch.watch_files(once, lambda: [plan], stopping_after())

    assert len(done) == 2


def test_ctrl_c_gives_the_last_status(tmp_path: Path) -> None:
    assert watch.watch_files(lambda: 1, list, stopping_after()) == 1


def test_fragments_beside_the_plan_and_included_ones_are_watched(tmp_path: Path) -> None:
    for name in ("plan.yaml", "base.yml", "notes.txt", "elsewhere.yaml"):
        (tmp_path / name).write_text("")

    found = watch.plan_files(str(tmp_path / "plan.yaml"), [f"s3://plans/x={tmp_path / 'deep' / 'x.yaml'}"])

    assert {each.name for each in found} == {"plan.yaml", "base.yml", "elsewhere.yaml", "x.yaml"}


def test_a_file_of_variables_is_watched(tmp_path: Path) -> None:
    variables = tmp_path / "far" / "variables.json"

    assert variables in watch.plan_files(str(tmp_path / "plan.yaml"), [], [str(variables)])


def test_a_call_that_is_wrong_is_not_watched(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(plan), "--stage", "AfterAllowTestTraffic", "--url", "nowhere", "--watch"]) == 2
    assert "watching" not in capsys.readouterr().err


@pytest.fixture
def heard_ctrl_c() -> Iterator[None]:
    """Let a command hear Ctrl-C: what a shell starts in the background ignores it, and so do all its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_ctrl_c")
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_a_watched_check_follows_the_plan_and_ctrl_c_ends_it_without_a_traceback(
    wrong: bool, plan: Path, green: str
) -> None:
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
