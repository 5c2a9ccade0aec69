"""The wheel: one package, complete, and a command that works without the checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.package.conftest import ROOT, clean_environment, uv

if TYPE_CHECKING:
    from tests.package.conftest import Installation

EXAMPLES = ROOT / "examples"


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_one_top_level_package(installation: Installation) -> None:
    assert {name.partition("/")[0] for name in names_in(installation.wheel)} == {"greenlight"}


def test_the_wheel_contains_every_module_of_the_checkout(installation: Installation) -> None:
    names = names_in(installation.wheel)
    for source, target in (
        ("layers/greenlight/greenlight", "greenlight"),
        ("devkit", "greenlight/devkit"),
        ("validators", "greenlight/validators"),
        ("hooks", "greenlight/hooks"),
    ):
        modules = [path.relative_to(ROOT / source) for path in (ROOT / source).rglob("*.py")]
        missing = [str(module) for module in modules if f"{target}/{module.as_posix()}" not in names]
        assert missing == [], source
    files = {
        "py.typed",
        "report/html.css",
        "examples/ecs/plan.yaml",
        "machine/gate.asl.json",
        "machine/guardian.asl.json",
    }
    assert {f"greenlight/{file}" for file in files} <= names


def test_the_wheel_of_the_sdist_has_the_same_contents(installation: Installation, tmp_path: Path) -> None:
    with tarfile.open(installation.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()

    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=source, check=True, capture_output=True)

    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert names_in(wheel) == names_in(installation.wheel)
    assert {"LICENSE", "README.md", "template.yaml", "Makefile"} <= {path.name for path in source.iterdir()}


def test_the_installed_dependencies_satisfy_the_declared_ranges(installation: Installation) -> None:
    uv("pip", "check", "--python", str(installation.environment / "bin" / "python"))


def test_nothing_comes_from_the_checkout(installation: Installation) -> None:
    code = "import greenlight, greenlight.devkit, greenlight.validators; print(greenlight.__file__)"
    python = str(installation.environment / "bin" / "python")
    done = subprocess.run(
        [python, "-c", code],
        cwd=installation.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(installation.environment))


def test_version_and_help(installation: Installation) -> None:
    version = installation.run("--version")
    assert version.stdout.startswith("greenlight ")
    help_text = installation.run("--help").stdout
    assert all(command in help_text for command in ("check", "rehearse", "doctor"))


def test_the_shipped_validators_are_listed(installation: Installation) -> None:
    done = installation.run("validators", "--format", "json")

    shipped = {path.stem for path in (ROOT / "validators").glob("*.py") if not path.stem.startswith("_")}
    assert {validator["name"] for validator in json.loads(done.stdout)["validators"]} == shipped


def test_lint_accepts_a_good_plan_and_names_mistakes(installation: Installation) -> None:
    good = installation.run("lint", str(EXAMPLES / "ecs" / "plan.yaml"))
    assert (good.returncode, good.stderr) == (0, "1 file without a problem\n")

    (installation.folder / "wrong.plan.yaml").write_text("version: 1\nstages: {AfterInstall: {cheks: []}}\n")
    wrong = installation.run("lint", "wrong.plan.yaml")
    assert wrong.returncode == 2
    assert "did you mean 'checks'" in wrong.stdout + wrong.stderr


@pytest.mark.parametrize(("path", "status"), [("/health", 0), ("/missing", 1)])
def test_check_runs_a_plan_against_a_server(
    installation: Installation, local_service: str, path: str, status: int
) -> None:
    plan = installation.folder / f"plan{status}.yaml"
    plan.write_text(
        "version: 1\nstages:\n  AfterAllowTestTraffic:\n    checks:\n"
        f"      - {{name: answers, http: {{get: {path}, expect: {{status: 200}}}}}}\n"
    )

    done = installation.run(
        "check", plan.name, "--stage", "AfterAllowTestTraffic", "--url", local_service, "--format", "json"
    )

    assert done.returncode == status, done.stderr
    assert json.loads(done.stdout)["verdict"] == ("Succeeded" if status == 0 else "Failed")


def test_record_writes_a_plan_that_lint_accepts(installation: Installation, local_service: str) -> None:
    done = installation.run("record", f"{local_service}/health", "-o", "recorded.plan.yaml")

    assert done.returncode == 0, done.stderr
    assert installation.run("lint", "recorded.plan.yaml").returncode == 0


def test_doctor_reads_a_template(installation: Installation) -> None:
    done = installation.run("doctor", "--template", str(EXAMPLES / "lambda" / "template.yaml"))

    assert done.returncode in (0, 1), done.stderr
    assert "template.yaml" in done.stdout


def test_lint_of_an_appspec(installation: Installation) -> None:
    done = installation.run("appspec", "lint", str(EXAMPLES / "ecs" / "appspec.yaml"))

    assert done.returncode == 0, done.stderr


def test_report_renders_a_stored_report_as_a_page(installation: Installation) -> None:
    golden = next((ROOT / "tests" / "unit" / "report" / "goldens").glob("closed.json"))
    shutil.copy(golden, installation.folder / "report.json")

    done = installation.run("report", "report.json", "--format", "html", "-o", "report.html")

    assert done.returncode == 0, done.stderr
    assert (installation.folder / "report.html").read_text().startswith("<!doctype html>")


def test_a_new_validator_of_the_users_own_starts_from_the_scaffold(installation: Installation) -> None:
    done = installation.run("new", "validator", "own_check")

    assert done.returncode == 0, done.stderr
    assert (installation.folder / "validators" / "own_check.py").exists()


def test_rehearse_names_the_extra_that_it_needs(installation: Installation) -> None:
    done = installation.run("rehearse")

    assert done.returncode == 2
    assert 'pip install ".[rehearse]"' in done.stderr
    assert "Traceback" not in done.stderr
