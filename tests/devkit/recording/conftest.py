"""A service to record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from greenlight.testing import HttpServer
from tests.support.recorded_service import answer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shop() -> Iterator[HttpServer]:
    """A service with a few paths."""
    with HttpServer(answer) as service:
        yield service
