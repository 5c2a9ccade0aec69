"""Fixtures of the integration tests: an empty account for each test, and no access to the developer's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from greenlight.aws.client import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _isolated_account(no_aws_account: None) -> None:
    """Prevent every test of this folder from using the developer's credentials."""


@pytest.fixture
def aws() -> Iterator[Aws]:
    """An account that moto simulates."""
    with mock_aws():
        yield Aws()
