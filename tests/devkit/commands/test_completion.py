"""`greenlight completion`: the scripts are valid, and contain every command and option."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from devkit.cli import usage
from devkit.cli.main import COMMANDS, build_full_parser, main
from devkit.commands.completion import SHELLS


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_its_script(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")
    file = tmp_path / "script"
    file.write_text(script(shell, capsys))

    done = subprocess.run([shell, "-n", str(file)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_in_the_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)

    missing = [name for name in COMMANDS if name not in text]
    for _, parser in usage.subcommands(build_full_parser()).values():
        options = [name for item in usage.arguments(parser) for name in item.option_strings if name.startswith("--")]
        missing += [item for item in options if (f"-l {item[2:]} " if shell == "fish" else item) not in text]
    assert missing == []


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["che"], {"check"}),
        (["appspec", ""], {"write", "lint"}),
        (["appspec", "write", "--pl"], {"--platform", "--platform-version"}),
        (["appspec", "write", "--platform", ""], {"lambda", "ecs"}),
        (["check", "plan.yaml", "--stage", "Before"], {"BeforeInstall", "BeforeAllowTraffic"}),
        (["check", "plan.yaml", "--url", ""], set()),
        (["check", ""], set()),
        (["check", "plan.yaml", "--form"], {"--format"}),
        (["completion", ""], set(SHELLS)),
        (["no-such-command", "--"], {"--help", "--version"}),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else None,
)
def test_bash_completes_what_is_typed(
    typed: list[str], expected: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not shutil.which("bash"):
        pytest.skip("there is no bash here")
    file = tmp_path / "script"
    file.write_text(script("bash", capsys))
    words = shlex.join(["greenlight", *typed])
    asking = (
        f'source {file}; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _greenlight; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )

    done = subprocess.run(["bash", "-c", asking], capture_output=True, text=True, check=True)

    assert done.stderr == ""
    assert set(done.stdout.split()) == expected
