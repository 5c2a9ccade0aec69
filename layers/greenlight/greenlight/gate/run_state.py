"""Facts that one gate run has established so far."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.deployment import Deployment
    from greenlight.core.settings import Settings
    from greenlight.gate.prepare import Prepared
    from greenlight.plan.shadow import Shadow
    from greenlight.stores.plan_lookup import PlanReader


@dataclasses.dataclass
class RunState:
    """Mutable state of one gate run, so that the report of a failed step has the results of the steps before it.

    Attributes:
        deployment: At first only id and stage; then the result of discovery and of preparation.
        started: `time.monotonic()` at the start of the run.
        timeout_s: Time that the function had at its start.
        read_until: `time.monotonic()` until which reads are repeated after transient errors; 0 for no repetition.
        settings: Settings of the installation; None until they were read.
        aws: AWS clients of the run; None until they were made.
        shadow: The plan's shadow; None until the plan was read, or if it has none.
        is_watched: The plan watches the shift of the deployment's traffic.
    """

    deployment: Deployment
    started: float
    timeout_s: float = 0.0
    read_until: float = 0.0
    settings: Settings | None = None
    aws: Aws | None = None
    shadow: Shadow | None = None
    is_watched: bool = False


def discover_and_prepare(state: RunState, aws: Aws, reader: PlanReader | None = None) -> Prepared:
    """Discover the deployment and load its plan; record in `state` each fact as soon as it is known.

    Args:
        state: State of the run, with its settings.
        aws: AWS clients.
        reader: Reader of the plan, which keeps the texts; None for a new one.
    """
    from greenlight.discovery.deployment import discover
    from greenlight.gate.prepare import prepare

    if state.settings is None:
        raise AssertionError("settings come first")
    rollback_target = state.settings.on_rollback == "check"
    discovered = discover(aws, state.deployment.id, state.deployment.stage, rollback_target=rollback_target)
    state.deployment = discovered.deployment
    prepared = prepare(aws, state.settings, discovered.deployment, discovered.tags, reader)
    state.deployment, state.shadow = prepared.deployment, prepared.plan.shadow
    state.is_watched = prepared.is_watched
    return prepared
