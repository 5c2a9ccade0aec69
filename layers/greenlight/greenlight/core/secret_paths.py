"""Paths of secrets: the names of the secrets that the plans of an application may refer to.

The operator's path `greenlight/{application}` lets plans of shop refer to `greenlight/shop/token` and to nothing of
`greenlight/billing/`. A path without `{application}` is for all applications. Paths and names are compared segment by
segment, exactly: a name is never a pattern, and no text of a plan or an application can stand for more than itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

APPLICATION = "{application}"
_SEGMENT = re.compile(r"[A-Za-z0-9_+=@-][A-Za-z0-9_+=.@-]*|\{application\}", re.ASCII)
_NO_NAMES = ("", ".", "..")


class SecretReference(NamedTuple):
    """The parts of a reference to a secret, `STORE:NAME` or `STORE:NAME#KEY`; a missing part is ""."""

    store: str
    name: str
    key: str


def parse_reference(reference: str) -> SecretReference:
    """Split a reference (the part after `secret:`) into store, name or ARN, and key."""
    store, _, rest = reference.partition(":")
    name, _, key = rest.partition("#")
    return SecretReference(store, name, key)


def is_path(text: str) -> bool:
    """Check whether a text is a path: segments separated by `/`, of which any may be `{application}`.

    The template's parameter SecretPaths accepts the same texts.
    """
    return all(map(_SEGMENT.fullmatch, _split(text)))


def forbidden_reason(reference: str, application: str, paths: Iterable[str]) -> str:
    """Return why a plan of `application` may not refer to a secret, and what to do; "" if it may.

    Args:
        reference: The part after `secret:`.
        application: Name of the deployment's application in CodeDeploy; "" if it is not known.
        paths: The operator's paths; without any, every application may refer to every secret.
    """
    allowed = [_segments_for(path, application) for path in paths]
    if not allowed:
        return ""
    name = _segments_of_name(parse_reference(reference))
    if any(_is_below(name, path) for path in allowed if path):
        return ""
    places = " or ".join(f"{'/'.join(path)}/" for path in allowed if path)
    plans = f"plans of {application}" if application else "plans without an application"
    may = f"{plans} may refer to secrets below {places} only" if places else f"{plans} may refer to no secret"
    return f"{may} (SecretPaths); use a secret with such a name, or ask the operator of greenlight to add its path"


def _segments_for(path: str, application: str) -> tuple[str, ...]:
    """Return a path with the application's name in it; () if the name cannot be one segment of a path."""
    segments = _split(path)
    if APPLICATION in segments and (application in _NO_NAMES or "/" in application):
        return ()
    return tuple(application if segment == APPLICATION else segment for segment in segments)


def _split(path: str) -> list[str]:
    """Return the segments of a path, which may begin and end with one `/`."""
    return path.removeprefix("/").removesuffix("/").split("/")


def _segments_of_name(reference: SecretReference) -> tuple[str, ...]:
    """Return the segments of a secret's name, which may be an ARN; () for another kind of text."""
    name = reference.name
    if name.startswith("arn:"):
        kind = "parameter/" if reference.store == "ssm" else "secret:"
        fields = name.split(":", 5)
        if len(fields) < 6 or not fields[5].startswith(kind):
            return ()
        name = fields[5].removeprefix(kind)
    return tuple(name.removeprefix("/").split("/"))


def _is_below(name: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Check whether a name is below a path.

    The path itself is not below it: Secrets Manager appends a hyphen and six characters to the last segment of an ARN,
    so an application could be named like another's secret.
    """
    return len(name) > len(path) and name[: len(path)] == path and not any(part in _NO_NAMES for part in name)
