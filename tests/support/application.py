"""Copies of the SAM application for builds and deployments, and a runner for their commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.sam_template import ROOT

PYTHON_VERSION = "{}.{}".format(*sys.version_info[:2])
BIN = Path(sys.executable).parent
# A build of the layer leaves other-architecture behind, which is larger than all other files together.
NOT_SOURCES = shutil.ignore_patterns("__pycache__", "other-architecture")


def copy_of_the_application(folder: Path, origin: Path = ROOT) -> Path:
    """Copy the files that `sam build` reads, and add a stale bytecode file as development leaves it.

    Builds that are compared need one `origin` that does not change between them.
    """
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(origin / name, folder)
    for name in ("hooks", "machine", "validators", "layers"):
        shutil.copytree(origin / name, folder / name, ignore=NOT_SOURCES)
    leftover = folder / "layers/greenlight/greenlight/__pycache__/left.cpython-39.pyc"
    leftover.parent.mkdir()
    leftover.write_bytes(b"left over")
    return folder


def command(*words: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed, without settings of AWS, SAM and make from the environment of the tests."""
    # MAKEFLAGS would pass the variables of `make PYTHON=… test` on to the Makefile of a layer.
    removed_prefixes = ("AWS_", "SAM_", "LAYER_", "MAKE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(removed_prefixes)}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=inherited | {"PATH": path, "SAM_CLI_TELEMETRY": "0"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process
