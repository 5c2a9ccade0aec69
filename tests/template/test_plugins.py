"""Example plugins are loaded by the gate, both as files in validators/ and as a package in the plugin layer."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.application import command, copy_of_the_application
from tests.support.sam_template import ROOT, raw_template

PLUGINS = ROOT / "examples" / "plugins"
NOT_SOURCES = shutil.ignore_patterns("__pycache__", ".pytest_cache", ".aws-sam")


def copy_plugin(name: str, folder: Path) -> Path:
    return Path(shutil.copytree(PLUGINS / name, folder / name, ignore=NOT_SOURCES))


def merge_layers(folder: Path, *layers: Path) -> Path:
    """Merge layers as Lambda does below /opt, where a later layer replaces files of earlier ones."""
    for layer in layers:
        for file in filter(Path.is_file, layer.rglob("*")):
            target = folder / file.relative_to(layer)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            os.link(file, target)
    return folder / "python"


def run_in_lambda_layout(opt: Path, code: str) -> str:
    """Return the output of `code`, run by a Python that imports from the merged layers only, as in Lambda."""
    script = f"import sys; sys.path.insert(0, {str(opt)!r}); from greenlight.checks.registry import Registry; {code}"
    return command(sys.executable, "-I", "-S", "-B", "-c", script, cwd=opt).stdout.strip()


@pytest.fixture(scope="module")
def plugin_layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the layer of the example package with `sam build`, offline."""
    folder = copy_plugin("package", tmp_path_factory.mktemp("plugins"))
    command("sam", "build", cwd=folder, PIP_NO_BUILD_ISOLATION="off", PYTHON=sys.executable)
    return folder / ".aws-sam" / "build" / "PluginLayer"


def layers_in_order_of_the_template(plugin_layer: Path, built: Path) -> list[Path]:
    layers = raw_template()["Resources"]["ProbeFunction"]["Properties"]["Layers"]
    assert layers[0]["Fn::If"][:2] == ["HasPluginLayer", {"Ref": "PluginLayerArn"}]
    return [plugin_layer, *(built / layer["Ref"] for layer in layers[1:])]


@pytest.mark.sam
def test_package_in_the_plugin_layer_is_found_by_its_entry_point(
    plugin_layer: Path, built: Path, tmp_path: Path
) -> None:
    opt = merge_layers(tmp_path, *layers_in_order_of_the_template(plugin_layer, built))

    assert (
        run_in_lambda_layout(opt, "print(Registry().get('release_header').summary)")
        == "Green names its release in a header."
    )
    assert run_in_lambda_layout(opt, "print(Registry().get('http').name)") == "http"


@pytest.mark.sam
def test_plugin_layer_does_not_replace_a_file_of_the_gate(built: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    for name in ("greenlight/verdict/judge.py", "validators/http.py"):
        (hostile / "python" / name).parent.mkdir(parents=True)
        (hostile / "python" / name).write_text("raise SystemExit('replaced')\n")
    opt = merge_layers(tmp_path / "opt", *layers_in_order_of_the_template(hostile, built))

    assert run_in_lambda_layout(opt, "import greenlight.verdict.judge; print(Registry().get('http').name)") == "http"


@pytest.mark.sam
def test_file_added_to_validators_is_in_the_validators_layer(application: Path, built: Path, tmp_path: Path) -> None:
    (tmp_path / "application").mkdir()
    copy = copy_of_the_application(tmp_path / "application", application)
    shutil.copy(PLUGINS / "dropin" / "validators" / "queue_depth.py", copy / "validators")
    (tmp_path / "artifacts").mkdir()
    command("make", "build-ValidatorsLayer", f"ARTIFACTS_DIR={tmp_path / 'artifacts'}", cwd=copy / "validators")
    opt = merge_layers(tmp_path / "opt", tmp_path / "artifacts", built / "EngineLayer")

    assert (
        run_in_lambda_layout(opt, "print(Registry().get('queue_depth').iam)")
        == "('sqs:GetQueueUrl', 'sqs:GetQueueAttributes')"
    )


@pytest.mark.parametrize("name", ["dropin", "package"])
def test_example_plugins_pass_their_own_tests(name: str, tmp_path: Path) -> None:
    command(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=copy_plugin(name, tmp_path))
