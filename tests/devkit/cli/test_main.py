"""The command itself: usage, help, and errors without tracebacks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from devkit.cli.main import COMMANDS, main
from greenlight import __version__


@pytest.mark.parametrize("arguments", [[], ["rehaerse"], ["check"], ["--nope"]])
def test_invalid_command_line_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: greenlight" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chekc"], "unknown command 'chekc'; did you mean 'check'?"),
        (["lint", "x", "--fromat=json"], "unrecognized argument '--fromat=json'; did you mean '--format'?"),
        (["plan", "push", "x", "--aplication", "y"],
         "unrecognized argument '--aplication'; did you mean '--application'?"),
        (["schema", "x"], "greenlight schema: error: unrecognized argument 'x'\n"),
    ],
    ids=["command", "option", "option below", "argument"],
)  # fmt: skip
def test_unrecognized_words_are_reported_with_the_nearest(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_version_is_the_one_of_reports(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert (ended.value.code, capsys.readouterr().out) == (0, f"greenlight {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert COMMANDS[command].split()[0].capitalize() in capsys.readouterr().out


def test_closed_pipe_causes_no_traceback() -> None:
    command = f"{sys.executable} -m devkit.cli.main schema | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602 - tests a pipe

    assert done.stderr == ""
