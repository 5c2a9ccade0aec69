"""Plans in SSM parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.stores import ssm

if TYPE_CHECKING:
    from greenlight.aws.client import Aws


def test_parameter_is_decrypted_and_read_with_its_version(aws: Aws) -> None:
    for value in ("one", "two"):
        aws.client("ssm").put_parameter(Name="/plans/shop/web", Value=value, Type="SecureString", Overwrite=True)
    assert ssm.read(aws, "/plans/shop/web") == ("two", "2")
    assert ssm.read(aws, "/plans/none") is None
