"""Fixtures of the state machine's tests: CodeDeploy, and a green that is fine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.codedeploy_fake import CodeDeploy
from tests.support.wire import Server, answer, answering

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def codedeploy() -> Iterator[CodeDeploy]:
    with CodeDeploy() as fake:
        yield fake


@pytest.fixture
def green() -> Iterator[Server]:
    with answering(answer(200, b'{"status":"ok"}')) as server:
        yield server
