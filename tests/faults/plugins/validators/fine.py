"""fine: passes, after a while if asked to."""

from __future__ import annotations

import time

from greenlight.api import Context, Finding, Params, passed, validator


class Fine(Params, frozen=True, kw_only=True):
    """How long to take, in seconds."""

    after: float = 0.0


@validator(Fine)
def fine(params: Fine, _context: Context) -> Finding:
    """Pass."""
    time.sleep(params.after)
    return passed("all is well")
