"""Examples of the usage work, and help shows them with the exit statuses."""

from __future__ import annotations

import importlib
import shlex
import shutil
from pathlib import Path

import pytest

from devkit.cli import usage
from devkit.cli.main import COMMANDS, INTERRUPTED, build_full_parser, main

ROOT = Path(__file__).parents[3]
EXAMPLES = [(name, line) for name, item in usage.USAGE.items() if name in COMMANDS for line, _ in item.examples]
NEEDS_ACCOUNT = (
    "approve",
    "refuse",
    "rehearse",
    "report",
    "history",
    "doctor",
    "override",
    "plan push",
    "plan pull",
    "plan diff",
    "replay",
)
NEEDS_OTHERS = ("--function", "example.com", "--watch", "s3://")
RUN = [
    line
    for name, line in EXAMPLES
    if name not in NEEDS_ACCOUNT and not any(item in line for item in (*NEEDS_OTHERS, *NEEDS_ACCOUNT))
]


def arguments(line: str) -> list[str]:
    """Return the arguments that a shell would pass for an example."""
    words = shlex.split(line)
    return words[1 : words.index(">") if ">" in words else None]


def test_every_command_has_examples_and_exit_statuses() -> None:
    assert [name for name in COMMANDS if name not in usage.USAGE] == [], "write them in devkit/cli/usage.py"


@pytest.mark.parametrize(("name", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_every_example_parses(name: str, line: str) -> None:
    assert build_full_parser().parse_args(arguments(line)).command == name


@pytest.mark.parametrize("line", RUN)
def test_every_example_that_needs_no_account_works(
    line: str,
    green: str,
    plan: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    words = arguments(line.replace("http://localhost:8080", green))
    if "-o plan.yaml" not in line:
        shutil.copy(plan, "plan.yaml")
    if "lint" in line:
        shutil.copy(ROOT / "examples/ecs/appspec.yaml", "appspec.yaml")
    log = '203.0.113.9 - - [22/Nov/2026:10:00:00 +0000] "GET /health HTTP/1.1" 200 512\n'
    Path("access.log").write_text(log)
    Path("requests.sh").write_text(f"curl {green}/health\n")
    operation = {"get": {"responses": {"200": {"description": "well"}}}}
    Path("openapi.json").write_text(f'{{"openapi": "3.0.3", "paths": {{"/health": {operation}}}}}'.replace("'", '"'))

    assert main(words) == 0, capsys.readouterr()


def test_most_examples_are_run() -> None:
    assert len(RUN) >= 15


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_examples_and_what_exit_statuses_mean(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])

    output = capsys.readouterr().out
    assert usage.epilog(name) in output
    assert "exit status:\n  0  " in output


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_ends_every_command_with_one_message(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module(f"devkit.commands.{name}"), "run", interrupt)

    assert main(arguments(usage.USAGE[name].examples[0][0])) == INTERRUPTED == 130
    assert capsys.readouterr().err == "greenlight: interrupted\n"


@pytest.mark.parametrize(
    "line",
    [
        ["validators"],
        ["lint", "no-such-file"],
        ["iam", "no-such-file"],
        ["check", "no-such-file", "--stage", "AfterInstall"],
    ],
)
def test_output_in_a_pipe_has_no_colours(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(line)

    output = capsys.readouterr()
    assert "\x1b" not in output.out + output.err
