"""Fixtures of the built application, which is built once for all tests of this folder."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.application import PYTHON_VERSION, command, copy_of_the_application

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a copy of the application for the Python of the tests, so that the tests can import its layers.

    Parallel test processes share it: the first one builds, the others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "application"
    with (shared / "application.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            draft = shared / "application.draft"
            draft.mkdir()
            command("sam", "build", cwd=copy_of_the_application(draft), LAYER_PYTHON=PYTHON_VERSION)
            draft.rename(folder)
    return folder


@pytest.fixture(scope="session")
def built(application: Path) -> Path:
    """Return the output folder of `sam build`, which has a folder for every function and layer."""
    return application / ".aws-sam" / "build"
