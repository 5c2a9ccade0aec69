"""Annotated field types shared by plan structs: names, hosts, URLs, time spans up to one hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from greenlight.core.errors import WrongValueError

if TYPE_CHECKING:
    from greenlight.core.units import Duration

MAX_S = 3600.0
"""CodeDeploy waits one hour for a hook, so no check can take longer."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
VariableName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)",
        description="a name of letters, digits and _ that does not begin with a digit",
    ),
]
EnvironmentName = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$(?!\n)",
        description="a name of letters, digits, dots and hyphens, such as prod",
    ),
]
FragmentUri = Annotated[
    str,
    msgspec.Meta(
        max_length=1100,
        pattern=r"^(s3://[^/\s]+/\S+|ssm:\S+|file:\S+)$(?!\n)",
        description="the place of a fragment; write s3://BUCKET/KEY, ssm:/NAME or file:NAME",
    ),
]
Digest = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-f]{64}$(?!\n)",
        description="a SHA-256, 64 digits and letters from a to f, as sha256sum prints it",
    ),
]
Scalar = str | int | float | bool
HostName = Annotated[
    str,
    msgspec.Meta(
        max_length=253,
        pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?(:[0-9]{1,5})?$(?!\n)",
        description="a host name, such as shop.example.com",
    ),
]
BaseUrl = Annotated[
    str,
    msgspec.Meta(
        max_length=2000,
        pattern=r"^https?://[^/?#@\s\\]+(/[^?#\s\\]*)?$(?!\n)",
        description="a base URL, such as https://green.example.com/shop",
    ),
]


class StrictStruct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all plan structs: an unknown key is an error."""


def require_within_one_hour(value: Duration | None, *path: str, min_s: float = 0.0) -> None:
    """Reject a time span longer than the hour that CodeDeploy waits for a hook.

    Args:
        value: The time span; None is accepted.
        path: Place of the value in its struct, for the message.
        min_s: Shortest time span that is accepted, in seconds.

    Raises:
        WrongValueError: The time span is too long or too short.
    """
    if value is None:
        return
    if value > MAX_S:
        raise WrongValueError(f"{value} is longer than the hour that CodeDeploy waits for a hook", path)
    if value < min_s:
        raise WrongValueError("nothing can be checked in no time; write a longer time, or remove the key", path)
