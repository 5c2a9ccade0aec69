"""Execution of a stage's checks in the worker, the only process that imports plugins."""

from __future__ import annotations

import os
import time
import urllib.parse
from typing import TYPE_CHECKING

from greenlight.aws.client import own_secrets
from greenlight.checks.attempt import CheckResources
from greenlight.checks.binding import Bound, bind
from greenlight.checks.hand_over import WHOLE_STAGE, RunEnd, RunPart
from greenlight.checks.registry import Registry
from greenlight.checks.runner import Runner
from greenlight.checks.unsafe import describe_change
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.redaction import Redactor
from greenlight.network.client import Client
from greenlight.network.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws
    from greenlight.core.deployment import Deployment
    from greenlight.core.settings import Settings
    from greenlight.gate.prepare import Prepared


def run_checks(
    prepared: Prepared,
    settings: Settings,
    aws: Aws,
    deadline: float,
    emit: Callable[..., None],
    started: float | None = None,
    part: RunPart = WHOLE_STAGE,
) -> RunEnd:
    """Run the checks of the stage, or a part of them.

    Args:
        prepared: From `prepare`.
        settings: Allowed hosts and concurrency.
        aws: For validators that call AWS.
        deadline: `time.monotonic()` by which all checks must have ended.
        emit: Called with findings as they become final, one or several at a time.
        started: `time.monotonic()` at the start of the gate; None for now.
        part: The checks to run, and what earlier runs know of them.

    Returns:
        The findings, in the plan's order, and the checks that wait for a later run.

    Raises:
        PlanError: A validator does not exist or its parameters do not fit; no check has run.
    """
    started = time.monotonic() if started is None else started
    deployment = prepared.deployment
    bound = bind(prepared.plan, deployment, prepared.secrets, Registry())[deployment.stage]
    if prepared.earlier_run:
        bound = tuple(_withhold_unsafe(check, deployment, prepared.earlier_run) for check in bound)
    hosts = {urllib.parse.urlsplit(side.url).hostname or "" for side in (deployment.green, deployment.blue) if side.url}
    if prepared.plan.target.url:
        # A plan cannot allow its own URL: the host counts only if the operator allows it.
        hosts.discard(urllib.parse.urlsplit(prepared.plan.target.url).hostname or "")
    guard = Guard({*hosts, *settings.allowed_hosts}, allow_loopback=settings.allow_loopback)
    resources = CheckResources(
        deployment, Client(guard), aws, Redactor((*prepared.secrets.values(), *own_secrets(os.environ)))
    )
    SYSTEM_CLOCK.sleep(max(0.0, min(prepared.bake_s, deadline - time.monotonic())))
    runner = Runner(resources, settings.concurrency, deadline, emit, started=started, part=part)
    checks = [item for item in bound if part.names is None or item.check.name in part.names]
    findings = runner.run(checks)
    return RunEnd(findings=findings, waiting=runner.handed_over, has_ended=runner.has_ended)


def _withhold_unsafe(bound: Bound, deployment: Deployment, earlier_run: str) -> Bound:
    """Return a check that may change data as one that cannot run; other checks, and skipped ones, stay as they are."""
    change = describe_change(bound)
    if not change or bound.malformed or bound.check.skip_reason(deployment):
        return bound
    reason = f"not run: {change}, and invocation {earlier_run}, which ended without an answer, may have run it already"
    return Bound(bound.check, None, None, reason)
