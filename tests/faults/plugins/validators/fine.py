"""fine: passes, after a delay if the plan asks for one."""

from __future__ import annotations

import time

from greenlight.api import Context, Finding, Params, passed, validator


class Fine(Params, frozen=True, kw_only=True):
    """The delay, `after`, in seconds."""

    after: float = 0.0


@validator(Fine)
def fine(params: Fine, _context: Context) -> Finding:
    """Pass after the delay."""
    time.sleep(params.after)
    return passed("everything is fine")
