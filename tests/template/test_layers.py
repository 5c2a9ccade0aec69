"""Output of `sam build`: reproducible, for both architectures, and without files that Lambda does not need."""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.application import PYTHON_VERSION, command, copy_of_the_application
from tests.support.sam_template import ROOT, STAGES

pytestmark = pytest.mark.sam

UNZIPPED_LIMIT = 250 * 1024 * 1024
UNCHECKED = 0b01  # PEP 552: Python does not compare the bytecode with its source


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder`, by relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def engine_by_uv(application: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the engine layer for the Python version of Lambda, with uv."""
    folder = tmp_path_factory.mktemp("uv")
    (folder / "artifacts").mkdir()
    source = copy_of_the_application(folder, application) / "layers" / "greenlight"
    command("make", "build-EngineLayer", f"ARTIFACTS_DIR={folder / 'artifacts'}", cwd=source)
    return folder / "artifacts"


def page_of_all_wheels(requirements: Path, folder: Path) -> Path:
    """Write a page of links to all wheels of the locked versions, since pip reads all links of an index page."""
    lock = folder / "pylock.toml"
    arguments = (
        "--quiet",
        "--format",
        "pylock.toml",
        "--no-deps",
        "--universal",
        "--python-version",
        PYTHON_VERSION,
        "--output-file",
        lock,
        requirements,
    )
    command("uv", "pip", "compile", *arguments, cwd=folder)
    wheels = [wheel for package in tomllib.loads(lock.read_text())["packages"] for wheel in package["wheels"]]
    page = folder / "wheels.html"
    page.write_text(
        "".join(f'<a href="{wheel["url"]}#sha256={wheel["hashes"]["sha256"]}">wheel</a>\n' for wheel in wheels)
    )
    return page


def test_pip_and_uv_build_the_same_bytes(application: Path, built: Path, tmp_path: Path) -> None:
    source, artifacts = copy_of_the_application(tmp_path, application) / "layers" / "greenlight", tmp_path / "artifacts"
    artifacts.mkdir()
    environment = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": page_of_all_wheels(source / "requirements.txt", tmp_path).as_uri(),
    }
    words = ("make", "build-EngineLayer", f"ARTIFACTS_DIR={artifacts}")
    command(*words, cwd=source, LAYER_PYTHON=PYTHON_VERSION, UV="", **environment)

    assert digests(artifacts) == digests(built / "EngineLayer")


@pytest.mark.parametrize(
    ("part", "folder"),
    [
        ("ValidatorsLayer", "validators"),
        ("AfterInstallFunction", "hooks"),
        ("LastResortFunction", "hooks"),
        ("ProbeFunction", "hooks"),
    ],
)
def test_second_build_has_the_same_bytes(
    part: str, folder: str, application: Path, built: Path, tmp_path: Path
) -> None:
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    source = copy_of_the_application(tmp_path, application) / folder
    command("make", f"build-{part}", f"ARTIFACTS_DIR={artifacts}", cwd=source, LAYER_PYTHON=PYTHON_VERSION)

    assert digests(artifacts) == digests(built / part)


@pytest.mark.parametrize("version", ["313", PYTHON_VERSION.replace(".", "")])
def test_layer_has_compiled_modules_for_both_architectures(built: Path, engine_by_uv: Path, version: str) -> None:
    layer = engine_by_uv if version == "313" else built / "EngineLayer"
    compiled = {str(path.relative_to(layer)) for path in layer.rglob("*.so")}
    intel = {name for name in compiled if name.endswith(f".cpython-{version}-x86_64-linux-gnu.so")}

    assert intel
    assert compiled == intel | {name.replace("x86_64", "aarch64") for name in intel}


def test_engine_can_be_imported_from_the_layers_alone(built: Path) -> None:
    layers = [built / name / "python" for name in ("EngineLayer", "ValidatorsLayer")]
    script = (
        f"import sys; sys.path[:0] = {[str(layer) for layer in layers]!r}\n"
        "import boto3, jmespath, msgspec, regex, requests, urllib3, yaml, aws_lambda_powertools\n"
        "import greenlight.api, validators, lxml.etree, cssselect\n"
        "from greenlight.gate import handler\n"
        "from greenlight.machine import conclude, prepare, probe\n"
        "yaml.CSafeLoader\n"
        "for module in (boto3, jmespath, msgspec, regex, requests, urllib3, yaml, greenlight, validators):\n"
        "    print(module.__file__)"
    )
    process = command(sys.executable, "-I", "-S", "-B", "-c", script, cwd=built)

    assert all(line.startswith(str(built)) for line in process.stdout.split())


def test_layer_has_exactly_the_locked_packages(built: Path) -> None:
    layer = built / "EngineLayer" / "python"
    present = {re.split(r"-\d", path.name)[0].lower().replace("_", "-") for path in layer.glob("*.dist-info")}
    locked = set(
        re.findall(r"^([a-z0-9-]+)==", (ROOT / "layers/greenlight/requirements.txt").read_text(), re.MULTILINE)
    )

    assert present == locked


def test_layer_has_no_files_of_the_package_installer(built: Path) -> None:
    names = [path.relative_to(built) for path in (built / "EngineLayer").rglob("*")]
    leftovers = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "bin", "tests", "Makefile", "requirements.txt"}

    assert not [str(name) for name in names if name.name in leftovers]
    assert not [str(name) for name in names if name.name.endswith("cpython-39.pyc")]
    assert not [str(name) for name in names if "greenlight/testing" in str(name)]


@pytest.mark.parametrize("part", ["EngineLayer", "ValidatorsLayer", "AfterAllowTrafficFunction", "LastResortFunction"])
def test_every_module_has_bytecode_that_does_not_depend_on_timestamps(built: Path, part: str) -> None:
    tag = f"cpython-{PYTHON_VERSION.replace('.', '')}.pyc"
    sources = sorted((built / part).rglob("*.py"))
    flags = [(s.parent / "__pycache__" / f"{s.stem}.{tag}").read_bytes()[4] for s in sources]

    assert sources
    assert set(flags) == {UNCHECKED}


def test_build_without_a_matching_interpreter_warns_and_omits_bytecode(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    source = copy_of_the_application(tmp_path) / "validators"
    words = ("make", "build-ValidatorsLayer", f"ARTIFACTS_DIR={tmp_path / 'artifacts'}")
    process = command(*words, cwd=source, LAYER_PYTHON="3.99")

    assert "no python3.99 here: built without bytecode" in process.stderr
    assert not list((tmp_path / "artifacts").rglob("*.pyc"))


def test_layers_and_a_function_are_within_the_size_limit_of_lambda(built: Path) -> None:
    parts = [built / name for name in ("EngineLayer", "ValidatorsLayer", "AfterAllowTrafficFunction")]
    size = sum(path.stat().st_size for part in parts for path in part.rglob("*") if path.is_file())

    assert size < UNZIPPED_LIMIT / 2, "leave room for a plugin layer"


@pytest.mark.parametrize("stage", STAGES)
def test_hook_contains_only_its_own_file_and_the_packed_plans(built: Path, stage: str) -> None:
    module = re.sub("([a-z])([A-Z])", r"\1_\2", stage).lower()
    names = {path.name for path in (built / f"{stage}Function").iterdir()} - {"__pycache__"}

    assert names - {"plans"} == {f"{module}.py"}
    assert ("plans" in names) == (ROOT / "hooks" / "plans").is_dir()


@pytest.mark.parametrize(
    ("function", "module"),
    [
        ("LastResortFunction", "last_resort"),
        ("PrepareFunction", "gate_prepare"),
        ("ProbeFunction", "gate_probe"),
        ("VpcProbeFunction", "gate_probe"),
        ("ConcludeFunction", "gate_conclude"),
    ],
)
def test_function_contains_only_its_own_file_and_the_plans_that_it_reads(
    built: Path, function: str, module: str
) -> None:
    names = {path.name for path in (built / function).iterdir()} - {"__pycache__"}
    has_plans = function == "PrepareFunction" and (ROOT / "hooks" / "plans").is_dir()

    assert names == {f"{module}.py", *(["plans"] if has_plans else [])}


def test_validators_are_in_the_folder_that_the_engine_searches(built: Path) -> None:
    layer, folder = built / "ValidatorsLayer/python/validators", ROOT / "validators"
    modules = {path.relative_to(layer) for path in layer.rglob("*.py")}

    assert modules == {path.relative_to(folder) for path in folder.rglob("*.py")}
