"""Facts that one gate run has established so far."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.deployment import Deployment
    from greenlight.core.settings import Settings
    from greenlight.plan.shadow import Shadow


@dataclasses.dataclass
class RunState:
    """Mutable state of one gate run, so that the report of a failed step has the results of the steps before it.

    Attributes:
        deployment: At first only id and stage; then the result of discovery and of preparation.
        started: `time.monotonic()` at the start of the run.
        remaining_s: Time that the function has left at the start, by Lambda's clock.
        read_until: `time.monotonic()` until which reads are repeated after transient errors; 0 for no repetition.
        settings: Settings of the installation; None until they were read.
        aws: AWS clients of the run; None until they were made.
        shadow: The plan's shadow; None until the plan was read, or if it has none.
    """

    deployment: Deployment
    started: float
    remaining_s: float = 0.0
    read_until: float = 0.0
    settings: Settings | None = None
    aws: Aws | None = None
    shadow: Shadow | None = None
