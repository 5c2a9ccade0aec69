"""A copy of the SAM application to build and to deploy from, and the commands that do it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.sam_template import ROOT

HERE = "{}.{}".format(*sys.version_info[:2])
BIN = Path(sys.executable).parent
# The second is what a build of the layer leaves behind, larger than everything else together.
NOT_OURS = shutil.ignore_patterns("__pycache__", "other-architecture")


def copy_of_the_application(folder: Path, origin: Path = ROOT) -> Path:
    """Copy what `sam build` reads, with leftovers of work on a laptop in it.

    Builds that are compared come from one `origin` that nobody edits meanwhile.
    """
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(origin / name, folder)
    for name in ("hooks", "validators", "layers"):
        shutil.copytree(origin / name, folder / name, ignore=NOT_OURS)
    leftover = folder / "layers/greenlight/greenlight/__pycache__/left.cpython-39.pyc"
    leftover.parent.mkdir()
    leftover.write_bytes(b"left over")
    return folder


def command(*words: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # MAKEFLAGS would hand the variables of `make PYTHON=… test` to the Makefile of a layer.
    not_passed_on = ("AWS_", "SAM_", "LAYER_", "MAKE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(not_passed_on)}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=kept | {"PATH": path, "SAM_CLI_TELEMETRY": "0"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done
