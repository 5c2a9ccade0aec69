"""Second step: run the plan's checks against green. Runs in the worker, the only place plugins are imported."""

from __future__ import annotations

import os
import time
import urllib.parse
from typing import TYPE_CHECKING

from greenlight.aws.client import own_secrets
from greenlight.checks.attempt import CheckResources
from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.checks.runner import Runner
from greenlight.core.redaction import Redactor
from greenlight.network.client import Client
from greenlight.network.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws
    from greenlight.core.finding import Finding
    from greenlight.core.settings import Settings
    from greenlight.gate.prepare import Prepared


def run_checks(
    prepared: Prepared,
    settings: Settings,
    aws: Aws,
    deadline: float,
    emit: Callable[..., None],
    began: float | None = None,
) -> tuple[Finding, ...]:
    """Run the stage's checks.

    Args:
        prepared: From `prepare`.
        settings: Allowed hosts and concurrency.
        aws: For validators that ask AWS.
        deadline: `time.monotonic()` by which all must be over.
        emit: Called with findings as they become final, one or several at a time.
        began: `time.monotonic()` of the gate's start; now, unless said.

    Returns:
        One finding for each check of the stage, in the plan's order.

    Raises:
        PlanError: A check names no validator or its parameters do not fit; nothing has run then.
    """
    began = time.monotonic() if began is None else began
    deployment = prepared.deployment
    bound = bind(prepared.plan, deployment, prepared.secrets, Registry())
    hosts = {urllib.parse.urlsplit(side.url).hostname or "" for side in (deployment.green, deployment.blue) if side.url}
    if prepared.plan.target.url:
        # A plan may not open a door by naming it: its own URL counts only where the operator allows the host.
        hosts.discard(urllib.parse.urlsplit(prepared.plan.target.url).hostname or "")
    guard = Guard({*hosts, *settings.allowed_hosts}, allow_loopback=settings.allow_loopback)
    tools = CheckResources(
        deployment, Client(guard), aws, Redactor((*prepared.secrets.values(), *own_secrets(os.environ)))
    )
    time.sleep(max(0.0, min(prepared.bake_s, deadline - time.monotonic())))
    return Runner(tools, settings.concurrency, deadline, emit, began=began).run(bound[deployment.stage])
