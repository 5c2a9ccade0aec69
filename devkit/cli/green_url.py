"""The URL of green, without which the checks that send requests to it could only end as errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.errors import GreenlightError
from greenlight.gate.prepare import REACHABLE_STAGES

if TYPE_CHECKING:
    from greenlight.gate.prepare import Prepared

_ASK_GREEN = ("http", "graphql", "openapi", "load", "websocket", "grpc_health", "migration", "tcp", "tls")
"""Validators whose requests go to green unless their parameters name a host."""


def require(prepared: Prepared) -> None:
    """Check that there is a URL for the checks that send requests to green.

    Raises:
        GreenlightError: There is no URL, so these checks could only end as errors.
    """
    deployment = prepared.deployment
    if deployment.green.url or deployment.stage not in REACHABLE_STAGES:
        return
    for check in prepared.checks:
        asks_green = check.validator in _ASK_GREEN or (check.validator == "serves_green" and "get" in check.params)
        if asks_green and not check.skip_reason(deployment) and not _has_own_target(check.params):
            raise GreenlightError(
                f"the check {check.name!r} sends requests to green, and there is no URL of green; give --url, "
                "such as --url http://localhost:8080"
            )


def _has_own_target(params: Any, key: str = "") -> bool:
    """Return whether a check's parameters may name another host than green's."""
    if isinstance(params, dict):
        return any(_has_own_target(value, str(name)) for name, value in params.items())
    if isinstance(params, list):
        return any(_has_own_target(value, key) for value in params)
    return isinstance(params, str) and (key == "host" or "://" in params or "${" in params)
