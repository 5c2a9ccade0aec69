"""The command itself: usage, help, and ends that are no tracebacks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from devkit.cli.main import COMMANDS, main
from greenlight import __version__


@pytest.mark.parametrize("arguments", [[], ["rehaerse"], ["check"], ["--nope"]])
def test_a_call_that_means_nothing_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: greenlight" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chekc"], "there is no command 'chekc'; did you mean 'check'?"),
        (["lint", "x", "--fromat=json"], "'--fromat=json' is nothing that it takes; did you mean '--format'?"),
        (["plan", "push", "x", "--aplication", "y"], "'--aplication' is nothing that it takes; did you mean '--application'?"),
        (["schema", "x"], "greenlight schema: error: 'x' is nothing that it takes\n"),
    ],
    ids=["command", "option", "option below", "argument"],
)  # fmt: skip
def test_what_may_be_meant_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_version_is_that_of_reports(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert (ended.value.code, capsys.readouterr().out) == (0, f"greenlight {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert COMMANDS[command].split()[0].capitalize() in capsys.readouterr().out


def test_a_reader_that_goes_away_gets_no_traceback() -> None:
    command = f"{sys.executable} -m devkit.cli.main schema | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602 - a pipe is the point

    assert done.stderr == ""
