"""A service to record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from greenlight.testing import Service
from tests.support.recorded_service import answer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shop() -> Iterator[Service]:
    """A service with a few paths."""
    with Service(answer) as service:
        yield service
