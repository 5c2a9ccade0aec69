"""The limits of an installation against which plans are linted."""

from __future__ import annotations

import datetime
from typing import Literal

from greenlight.core.frozen import FrozenStruct


class Limits(FrozenStruct, frozen=True, kw_only=True):
    """The limits of an installation.

    Attributes:
        function_s: Timeout of the hook function in seconds.
        concurrency: Number of checks that run at once.
        conductor: The installation's parameter Conductor; "inline" for an installation without the state machine.
        today: The current day in UTC, for shadows; None if they are not checked.
    """

    function_s: float = 600.0
    concurrency: int = 16
    conductor: Literal["auto", "machine", "inline"] = "auto"
    today: datetime.date | None = None
