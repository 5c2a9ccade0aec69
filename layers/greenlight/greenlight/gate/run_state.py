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
        settings: Settings of the installation; None until they are read.
        aws: AWS clients of the run; None until they are created.
        shadow: The plan's shadow; None until the plan is read, or if the plan has no shadow.
    """

    deployment: Deployment
    started: float
    settings: Settings | None = None
    aws: Aws | None = None
    shadow: Shadow | None = None
