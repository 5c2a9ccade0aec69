"""Rules for evidence: stages whose checks cannot ask green, and requests that cannot go to both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import SHIFT, TRAFFIC_STAGES
from greenlight.core.finding import Severity
from greenlight.gate.prepare import REACHABLE_STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.model import Check, Plan, Stage

    from .diagnostics import RuleProblems

NEVER_ASKS = {
    "alarms": "alarms of any service",
    "alias": "the alias",
    "config": "the configuration",
    "dns": "a name server",
    "ecs_service": "the service",
    "identity": "the digest of green's image or code",
    "image": "the image",
    "lambda_state": "the state of green's version",
    "listener": "the listeners",
    "logs": "logs",
    "metrics": "metrics",
    "rollback_ready": "what a rollback needs",
    "synthetics": "a canary",
    "target_health": "the health of targets",
    "traces": "traces",
}
"""Validators that never ask green themselves, and what they read; all others, also plugins, may ask it."""

OBSERVERS = ("logs", "metrics", "traces")
"""Validators whose reading of green's own numbers suffices once users' traffic reaches green."""

BOTH_SIDES = ("compare", "migration")

_ACCEPTS = "evidence: environment, why: …"

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_ADDRESSES = (*_METHODS, "path", "paths", "requests", "document")
_NOT_ADDRESSES = ("body", "capture", "expect", "headers", "query", "variables")


def check_evidence(stages: Mapping[str, Stage], plan: Plan) -> RuleProblems:
    """Find stages at which green can be asked and no blocking check can ask it, though they accept no less."""
    for name, stage in stages.items():
        blocking = [check for check in stage.checks if check.severity is not Severity.ADVISORY]
        if name not in REACHABLE_STAGES or stage.accepts is not None or not blocking:
            continue
        if any(_is_evidence(check, name, plan.target.url or "") for check in blocking):
            continue
        if name == SHIFT:
            message = (
                "no blocking check of this stage can ask green or read its metrics or logs, so no round of it shows "
                f"how green serves its users; add metrics or logs of green, or write accepts: {{{_ACCEPTS}}}"
            )
            yield "never-asks-green", ("stages", name, "checks"), message
            continue
        message = (
            "no blocking check of this stage can ask green, so it fails with NO_EVIDENCE wherever green can be asked; "
            "add a check that asks green, or write accepts: {evidence: readiness, why: …}"
        )
        yield "never-asks-green", ("stages", name, "checks"), message


def check_both_sides(plan: Plan) -> RuleProblems:
    """Find requests for both sides that begin with the address of one of them."""
    for stage in plan.stages.values():
        for check in stage.checks:
            if check.validator not in BOTH_SIDES:
                continue
            for path, address in _addresses(check.params, (*check.path, check.validator)):
                if address.startswith(("${blue.url}", "${green.url}")):
                    message = "this is one address for both sides, so only one of them is asked; write a path"
                    yield "one-address-for-both", path, message


def _is_evidence(check: Check, stage: str, target_url: str) -> bool:
    """Return whether a PASS of the check can be evidence of green at this stage."""
    if check.validator in OBSERVERS and stage in TRAFFIC_STAGES:
        return True
    return check.validator not in NEVER_ASKS and not _asks_elsewhere(check.params, target_url)


def _asks_elsewhere(params: Any, target_url: str) -> bool:
    """Return whether everything that a check asks is another address than green's."""
    if not isinstance(params, dict):
        return False
    host = params.get("host")
    if isinstance(host, str) and host and "${" not in host:
        return not target_url or host not in target_url
    addresses = [address for _, address in _addresses(params, ())]
    return bool(addresses) and all(_is_elsewhere(address, target_url) for address in addresses)


def _is_elsewhere(address: str, target_url: str) -> bool:
    if target_url and address.startswith(target_url.rstrip("/")):
        return False
    return address.startswith("${blue.url}") or ("://" in address and not address.startswith(("/", "${")))


def _addresses(data: Any, path: PlanPath, key: str = "") -> Iterator[tuple[PlanPath, str]]:
    """Yield the paths and URLs of the requests in a validator's parameters, each with its place."""
    if isinstance(data, str):
        if key in _ADDRESSES:
            yield path, data
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _addresses(item, (*path, index), key)
    elif isinstance(data, dict):
        for name, value in data.items():
            if name not in _NOT_ADDRESSES:
                yield from _addresses(value, (*path, name), name)
