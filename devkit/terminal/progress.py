"""How far the checks are, on a terminal; without rich, which `check` has no time for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from greenlight.core.units import Duration

if TYPE_CHECKING:
    from greenlight.core.finding import Finding


class Progress:
    """Says on a terminal's standard error how far the checks are; silent in a pipe."""

    def __init__(self, total: int, bake_s: float = 0.0) -> None:
        """Count up to `total`; nothing is done in the `bake_s` seconds before."""
        self._total, self._done = total, 0
        self._shown = sys.stderr.isatty()
        self._say(f"begin after a bake of {Duration(bake_s)}" if bake_s else "running")

    def __call__(self, finding: Finding) -> None:
        """Say that one more is done."""
        self._done += 1
        self._say(f"{finding.outcome.value} {finding.name[:60]}")

    def _say(self, what: str) -> None:
        if self._shown and self._total:
            end = "\n" if self._done == self._total else ""
            sys.stderr.write(f"\r\x1b[K{self._done}/{self._total} {what}{end}")
            sys.stderr.flush()
