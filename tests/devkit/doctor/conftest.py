"""An account of moto, for the resources that moto keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from devkit.doctor.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def moto(no_aws_account: None) -> Iterator[Reader]:
    """An account of moto, with AWS's own managed policies."""
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        yield Reader()
