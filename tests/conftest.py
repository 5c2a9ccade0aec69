"""How many tests run side by side."""

from __future__ import annotations

import os


def pytest_xdist_auto_num_workers() -> int:
    """One test process more than there are cores: a third of the time of whole deployments is waiting."""
    return (os.cpu_count() or 1) + 1
