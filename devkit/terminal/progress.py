"""Progress of the checks on a terminal, without rich: `check` has to start fast."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from greenlight.core.units import Duration

if TYPE_CHECKING:
    from greenlight.core.finding import Finding


class Progress:
    """Progress line on standard error if that is a terminal. Call it with each finding."""

    def __init__(self, total: int, bake_s: float = 0.0) -> None:
        """Count up to `total` checks, which begin after `bake_s` seconds."""
        self._total, self._done = total, 0
        self._enabled = sys.stderr.isatty()
        self._print(f"starting after a bake of {Duration(bake_s)}" if bake_s else "running")

    def __call__(self, finding: Finding) -> None:
        """Count one more finished check and print it."""
        self._done += 1
        self._print(f"{finding.outcome.value} {finding.name[:60]}")

    def _print(self, text: str) -> None:
        if self._enabled and self._total:
            end = "\n" if self._done == self._total else ""
            sys.stderr.write(f"\r\x1b[K{self._done}/{self._total} {text}{end}")
            sys.stderr.flush()
