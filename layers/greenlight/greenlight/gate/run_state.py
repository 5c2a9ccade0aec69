"""Facts that one gate run has established so far."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.deployment import Deployment
    from greenlight.core.settings import Settings
    from greenlight.discovery.deployment import DiscoveredDeployment
    from greenlight.gate.prepare import Prepared
    from greenlight.gate.spooler import Spooler
    from greenlight.plan.shadow import Shadow
    from greenlight.stores.plan_lookup import PlanReader


class Turn(FrozenStruct, frozen=True, kw_only=True):
    """The part of one invocation in its gate.

    Attributes:
        holder: Request id of the invocation that claimed the gate before this one; "" if this one runs as the first.
        is_answered: CodeDeploy has the answer of another invocation, so this one ends.
        failure: Reason for which this invocation answers Failed without running a check; "" if it runs the checks.
        notes: Notes for the report.
    """

    holder: str = ""
    is_answered: bool = False
    failure: str = ""
    notes: tuple[str, ...] = ()


@dataclasses.dataclass
class RunState:
    """Mutable state of one gate run, so that the report of a failed step has the results of the steps before it.

    Attributes:
        deployment: At first only id and stage; then the result of discovery and of preparation.
        started: `time.monotonic()` at the start of the run.
        spooler: Stores the partial report; None where nothing may be left half done.
        remaining_s: Time that the function has left at the start, by Lambda's clock.
        read_until: `time.monotonic()` until which reads are repeated after transient errors; 0 for no repetition.
        settings: Settings of the installation; None until they were read.
        aws: AWS clients of the run; None until they were made.
        shadow: The plan's shadow; None until the plan was read, or if it has none.
        turn: The part of this invocation in the gate.
        is_watched: The plan watches the shift of the deployment's traffic.
        is_called: A caller other than CodeDeploy waits for the verdict.
    """

    deployment: Deployment
    started: float
    spooler: Spooler | None = None
    remaining_s: float = 0.0
    read_until: float = 0.0
    settings: Settings | None = None
    aws: Aws | None = None
    shadow: Shadow | None = None
    turn: Turn = dataclasses.field(default_factory=Turn)
    is_watched: bool = False
    is_called: bool = False


def discover_deployment(state: RunState, aws: Aws, settings: Settings) -> DiscoveredDeployment:
    """Discover the deployment and record it in `state`."""
    from greenlight.discovery.deployment import discover

    rollback_target = settings.on_rollback == "check"
    discovered = discover(
        aws,
        state.deployment.id,
        state.deployment.stage,
        rollback_target=rollback_target,
        is_called=state.is_called,
    )
    state.deployment = discovered.deployment
    return discovered


def discover_and_prepare(state: RunState, aws: Aws, reader: PlanReader | None = None) -> Prepared:
    """Discover the deployment and load its plan; record in `state` each fact as soon as it is known.

    Args:
        state: State of the run, with its settings.
        aws: AWS clients.
        reader: Reader of the plan, which keeps the texts; None for a new one.
    """
    from greenlight.gate.prepare import prepare

    if state.settings is None:
        raise AssertionError("settings come first")
    discovered = discover_deployment(state, aws, state.settings)
    prepared = prepare(aws, state.settings, discovered.deployment, discovered.tags, reader)
    state.deployment, state.shadow = prepared.deployment, prepared.plan.shadow
    state.is_watched = prepared.is_watched
    return prepared
