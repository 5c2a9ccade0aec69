"""The limits of an installation against which plans are linted."""

from __future__ import annotations

import datetime

from greenlight.core.frozen import FrozenStruct


class Limits(FrozenStruct, frozen=True, kw_only=True):
    """What an installation gives a stage: the hook function's time in seconds, and checks at once.

    `today` is the day in UTC, by which shadows are judged; None judges none.
    """

    function_s: float = 600.0
    concurrency: int = 16
    today: datetime.date | None = None
