"""How far the checks are, on a terminal; without rich, which `check` has no time for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenlight.model import Finding


class Progress:
    """Says on a terminal's standard error how far the checks are; silent in a pipe."""

    def __init__(self, total: int) -> None:
        """Count up to `total`."""
        self._total, self._done = total, 0
        self._shown = sys.stderr.isatty()

    def __call__(self, finding: Finding) -> None:
        """Say that one more is done."""
        self._done += 1
        if self._shown:
            end = "\n" if self._done == self._total else ""
            sys.stderr.write(f"\r\x1b[K{self._done}/{self._total} {finding.outcome.value} {finding.name[:60]}{end}")
            sys.stderr.flush()
