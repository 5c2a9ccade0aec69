"""The example plugins reach the gate: dropped in, or as a package in the layer that a parameter names."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.application import command, copy_of_the_application
from tests.support.sam_template import ROOT, written

PLUGINS = ROOT / "examples" / "plugins"
NOT_OURS = shutil.ignore_patterns("__pycache__", ".pytest_cache", ".aws-sam")


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copytree(PLUGINS / name, folder / name, ignore=NOT_OURS))


def merged(folder: Path, *layers: Path) -> Path:
    """Lay layers over each other as Lambda does below /opt: a later one replaces files of those before it."""
    for layer in layers:
        for file in filter(Path.is_file, layer.rglob("*")):
            target = folder / file.relative_to(layer)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            os.link(file, target)
    return folder / "python"


def said(opt: Path, code: str) -> str:
    """What Python says that has nothing but /opt/python, as in Lambda."""
    script = f"import sys; sys.path.insert(0, {str(opt)!r}); from greenlight.checks.registry import Registry; {code}"
    return command(sys.executable, "-I", "-S", "-B", "-c", script, cwd=opt).stdout.strip()


@pytest.fixture(scope="module")
def plugin_layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer of the example package as `sam build` makes it, offline."""
    folder = copied("package", tmp_path_factory.mktemp("plugins"))
    command("sam", "build", cwd=folder, PIP_NO_BUILD_ISOLATION="off", PYTHON=sys.executable)
    return folder / ".aws-sam" / "build" / "PluginLayer"


def in_the_order_of_the_template(plugin_layer: Path, built: Path) -> list[Path]:
    layers = written()["Resources"]["AfterAllowTrafficFunction"]["Properties"]["Layers"]
    assert layers[0]["Fn::If"][:2] == ["HasPluginLayer", {"Ref": "PluginLayerArn"}]
    return [plugin_layer, *(built / layer["Ref"] for layer in layers[1:])]


@pytest.mark.sam
def test_a_package_in_the_plugin_layer_is_found_by_its_entry_point(
    plugin_layer: Path, built: Path, tmp_path: Path
) -> None:
    opt = merged(tmp_path, *in_the_order_of_the_template(plugin_layer, built))

    assert said(opt, "print(Registry().get('release_header').summary)") == "Green says in a header which release it is."
    assert said(opt, "print(Registry().get('http').name)") == "http"


@pytest.mark.sam
def test_a_plugin_layer_replaces_no_file_of_the_gate(built: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    for name in ("greenlight/judge.py", "validators/http.py"):
        (hostile / "python" / name).parent.mkdir(parents=True)
        (hostile / "python" / name).write_text("raise SystemExit('replaced')\n")
    opt = merged(tmp_path / "opt", *in_the_order_of_the_template(hostile, built))

    assert said(opt, "import greenlight.verdict.judge; print(Registry().get('http').name)") == "http"


@pytest.mark.sam
def test_a_file_that_is_dropped_in_is_in_the_validators_layer(application: Path, built: Path, tmp_path: Path) -> None:
    (tmp_path / "application").mkdir()
    own = copy_of_the_application(tmp_path / "application", application)
    shutil.copy(PLUGINS / "dropin" / "validators" / "queue_depth.py", own / "validators")
    (tmp_path / "artifacts").mkdir()
    command("make", "build-ValidatorsLayer", f"ARTIFACTS_DIR={tmp_path / 'artifacts'}", cwd=own / "validators")
    opt = merged(tmp_path / "opt", tmp_path / "artifacts", built / "EngineLayer")

    assert said(opt, "print(Registry().get('queue_depth').iam)") == "('sqs:GetQueueUrl', 'sqs:GetQueueAttributes')"


@pytest.mark.parametrize("name", ["dropin", "package"])
def test_the_examples_pass_their_own_tests(name: str, tmp_path: Path) -> None:
    command(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=copied(name, tmp_path))
