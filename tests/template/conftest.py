"""The application as `sam build` makes it, once for all tests here."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.application import HERE, command, copy_of_the_application

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a copy of the application, for the Python at hand, so that its layers can be imported and run here.

    Test processes side by side share it: the first one builds, the others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "application"
    with (shared / "application.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            draft = shared / "application.draft"
            draft.mkdir()
            command("sam", "build", cwd=copy_of_the_application(draft), LAYER_PYTHON=HERE)
            draft.rename(folder)
    return folder


@pytest.fixture(scope="session")
def built(application: Path) -> Path:
    """What `sam build` made: a folder for every function and layer."""
    return application / ".aws-sam" / "build"
