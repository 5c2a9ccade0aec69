"""The application as `sam build` makes it, once for all tests here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.template.application import HERE, command, copy_of_the_application

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a copy of the application, for the Python at hand, so that its layers can be imported and run here."""
    folder = copy_of_the_application(tmp_path_factory.mktemp("application"))
    command("sam", "build", cwd=folder, LAYER_PYTHON=HERE)
    return folder


@pytest.fixture(scope="session")
def built(application: Path) -> Path:
    """What `sam build` made: a folder for every function and layer."""
    return application / ".aws-sam" / "build"
