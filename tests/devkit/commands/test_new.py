"""greenlight new: its files work without a change, no file is replaced, and invalid names are rejected."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devkit.cli.main import main
from devkit.plans import scaffold
from greenlight.plan.schema import CONTROL_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def tool(*words: str | Path, cwd: Path) -> str:
    """Run a tool of this environment; return its output if it fails, or ""."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("QueueDepth", "did you mean 'queue_depth'?"),
        ("queue-depth", "did you mean 'queue_depth'?"),
        ("queue__depth", "did you mean 'queue_depth'?"),
        ("../queue", "did you mean 'queue'?"),
        ("_queue", "did you mean 'queue'?"),
        ("7up", "use a-z, 0-9 and single underscores"),
        ("größe", "use a-z"),
        ("", "use a-z"),
        ("lambda", "a keyword of Python"),
        ("match", "a keyword of Python"),
        *((key, "a key that every check in a plan can have") for key in CONTROL_KEYS),
        ("http", "there is already such a validator; see greenlight validators http"),
    ],
)
def test_invalid_name_is_rejected_and_nothing_is_written(
    name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "validator", name, "--folder", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert written(tmp_path) == set()


@pytest.mark.parametrize(
    ("existing", "message"),
    [
        ("validators/queue_depth.py", "queue_depth.py already exists and is not replaced"),
        ("tests/validators/test_queue_depth.py", "test_queue_depth.py already exists and is not replaced"),
        ("docs/validators.md", "is not a generated catalogue of validators"),
    ],
)
def test_existing_file_is_not_replaced(
    existing: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / existing).parent.mkdir(parents=True)
    (tmp_path / existing).write_text("mine\n")
    assert main(["new", "validator", "queue_depth", "--folder", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert written(tmp_path) == {existing}
    assert (tmp_path / existing).read_text() == "mine\n"


@pytest.mark.parametrize(
    "arguments", [["validator", "a", "--folder", "/nowhere"], ["plan", "-o", "/nowhere/plan.yaml"]]
)
def test_missing_folder_is_reported(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", *arguments]) == 2
    assert "/nowhere" in capsys.readouterr().err


def test_existing_plan_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("mine\n")
    assert main(["new", "plan", "-o", str(file)]) == 2
    assert "plan.yaml already exists" in capsys.readouterr().err
    assert file.read_text() == "mine\n"


def test_new_validator_passes_its_test(tmp_path: Path) -> None:
    assert main(["new", "validator", "queue_depth", "--folder", str(tmp_path)]) == 0
    assert written(tmp_path) == {
        "validators/queue_depth.py",
        "tests/validators/test_queue_depth.py",
        "docs/validators.md",
    }
    assert tool("pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path) == ""


def test_a_validator_is_clean_and_short(tmp_path: Path) -> None:
    main(["new", "validator", "queue_depth", "--folder", str(tmp_path)])
    files = [tmp_path / "validators/queue_depth.py", tmp_path / "tests/validators/test_queue_depth.py"]
    ignored = ("--config", 'lint.per-file-ignores={"**/test_*.py"=["D", "S101"]}')
    assert tool("ruff", "check", "--config", ROOT / "pyproject.toml", *ignored, *files, cwd=ROOT) == ""
    assert tool("ruff", "format", "--check", "--config", ROOT / "pyproject.toml", *files, cwd=ROOT) == ""
    assert tool("mypy", "--config-file", ROOT / "pyproject.toml", *files, cwd=ROOT) == ""
    code = files[0].read_text().rpartition('"""\n\nfrom __future__')[2].splitlines()
    assert len([line for line in code if line.strip()]) <= 20


def test_a_second_validator_joins_the_first_in_the_catalogue(tmp_path: Path) -> None:
    for name in ("queue_depth", "backlog"):
        assert main(["new", "validator", name, "--folder", str(tmp_path)]) == 0
    headings = [line for line in (tmp_path / "docs/validators.md").read_text().splitlines() if line.startswith("## ")]
    assert headings == ["## backlog", "## queue_depth"]


def test_catalogue_of_this_project_is_the_one_of_make_docs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "validators").symlink_to(ROOT / "validators")
    from devkit.commands.new import build_catalogue

    assert build_catalogue(tmp_path) == (ROOT / "docs/validators.md").read_text()


@pytest.mark.parametrize("platform", scaffold.PLATFORMS)
def test_a_plan_has_no_mistake(platform: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.yaml"
    assert main(["new", "plan", "--platform", platform, "-o", str(file)]) == 0
    assert main(["lint", "--strict", str(file)]) == 0, capsys.readouterr().out


def test_without_a_file_a_plan_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "plan"]) == 0
    assert capsys.readouterr().out == scaffold.plan_source("ecs")


def test_plan_for_ecs_runs_against_any_server(green: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.yaml"
    main(["new", "plan", "-o", str(file)])
    assert main(["check", str(file), "--stage", "AfterAllowTestTraffic", "--url", f"{green}/health"]) == 0, (
        capsys.readouterr().out
    )


def test_plan_for_lambda_runs_until_its_first_call_to_aws(
    tmp_path: Path, no_aws_account: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_aws_account.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    file = tmp_path / "plan.yaml"
    main(["new", "plan", "--platform", "lambda", "-o", str(file)])
    assert main(["check", str(file), "--stage", "BeforeAllowTraffic", "--function", "orders:8", "--budget", "20s"]) == 1
    assert "lambda:GetFunctionConfiguration got no response" in capsys.readouterr().out
