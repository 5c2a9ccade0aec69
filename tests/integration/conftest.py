"""An account of its own for every test, and none of the developer's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from greenlight.aws.client import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_aws_account(no_aws_account: None) -> None:
    """Keep every test of this folder from the developer's account."""


@pytest.fixture
def aws() -> Iterator[Aws]:
    """Give an account by moto: buckets, parameters and secrets as AWS keeps them."""
    with mock_aws():
        yield Aws()
