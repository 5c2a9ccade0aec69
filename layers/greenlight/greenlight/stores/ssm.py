"""Plans in SSM parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from greenlight.aws.client import member_of
from greenlight.core.errors import AwsError

if TYPE_CHECKING:
    from greenlight.aws.client import Aws


class StoredParameter(NamedTuple):
    """A parameter: its text, its version, and whether it is a SecureString."""

    text: str
    version_id: str
    is_secure: bool


def read(aws: Aws, name: str) -> tuple[str, str] | None:
    """Read a parameter; return its text and version, or None if it does not exist.

    Raises:
        AwsError: SSM denied the call or did not respond.
    """
    parameter = read_parameter(aws, name)
    return parameter and (parameter.text, parameter.version_id)


def read_parameter(aws: Aws, name: str) -> StoredParameter | None:
    """Read a parameter; return None if it does not exist.

    Raises:
        AwsError: SSM denied the call or did not respond.
    """
    try:
        parameter = aws.read("ssm", "get_parameter", "Parameter", Name=name, WithDecryption=True)
    except AwsError as error:
        if error.code == "ParameterNotFound":
            return None
        raise
    is_secure = parameter.get("Type") == "SecureString"
    return StoredParameter(
        str(member_of(parameter, "ssm", "get_parameter", "Value")), str(parameter.get("Version", "")), is_secure
    )
