"""Plans in files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from greenlight.core.errors import PlanError
from greenlight.stores import file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name", ["../secret.yaml", "/etc/passwd", "a/../../secret.yaml", "link.yaml", "linked/secret.yaml"]
)
def test_packed_plan_cannot_be_outside_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.yaml").write_text("canary")
    folder = tmp_path / "plans"
    (folder / "a").mkdir(parents=True)
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "linked").symlink_to(tmp_path)
    with pytest.raises(PlanError, match="outside the folder of packed plans") as refused:
        file.read(name, str(folder))
    assert "canary" not in str(refused.value)


def test_missing_file_returns_none_and_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "plain").write_text("x")
    assert file.read("none.yaml", str(tmp_path)) is None
    assert file.read("plain/none.yaml", str(tmp_path)) is None
    with pytest.raises(PlanError, match="cannot be read: Is a directory"):
        file.read("folder.yaml", str(tmp_path))


def test_fifo_is_refused_instead_of_opened_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.yaml")

    for name, folder in ((str(tmp_path / "plan.yaml"), ""), ("plan.yaml", str(tmp_path))):
        with pytest.raises(PlanError, match="is a FIFO, not a file"):
            file.read(name, folder)
