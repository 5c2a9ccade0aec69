"""Fixtures of the fault tests, which break real processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.codedeploy_fake import CodeDeploy
from tests.support.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = f"{Path(__file__).parent}{os.sep}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore the warning about a fork in a process with threads.

    Python 3.12 and later warn because the servers of the tests run in threads beside the supervisor. In Lambda, no
    thread runs beside it.
    """
    for item in items:
        if str(item.path).startswith(FOLDER):
            item.add_marker(pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"))


@pytest.fixture(scope="module")
def codedeploy() -> Iterator[CodeDeploy]:
    """Start a CodeDeploy that validates requests as strictly as AWS and records the statuses it accepts."""
    with CodeDeploy() as fake:
        yield fake


@pytest.fixture
def make_gate(tmp_path: Path, codedeploy: CodeDeploy) -> Iterator[Callable[..., Gate]]:
    """Return a function that builds a gate with a test's own timeout and environment variables."""
    gates: list[Gate] = []

    def make(**settings: Any) -> Gate:
        gates.append(Gate(tmp_path, codedeploy, **settings))
        return gates[-1]

    yield make
    for gate in gates:
        gate.close()
