"""Settings of all test runs: parallel processes, examples of hypothesis, and an environment without an AWS account."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import hypothesis
import pytest

from greenlight.assertions import patterns

# A test process has half a million objects. With the default thresholds garbage collection takes a tenth of its time.
gc.set_threshold(10_000, 10, 50)
hypothesis.settings.register_profile("quick", max_examples=60, deadline=None, database=None)
hypothesis.settings.register_profile("thorough", max_examples=3000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

HERE = Path(__file__).parent
LONG = ("template", "rehearsal", "faults", "conformance", "browser")
"""Folders whose tests take seconds each, because they build, start processes and wait for them."""

TEST_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are cores, because tests of whole deployments wait a third of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests so that each parallel process begins with slow folders of its own.

    `--dist worksteal` assigns an equal run of consecutive tests to each process, and moves tests from the end of a run
    to a process that has finished. With this order no process builds alone at the end, and few processes wait for a
    build of another one. The random order within a folder is kept.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    runs: list[list[pytest.Item]] = [[] for _ in range(processes)]
    short = []
    for item in items:
        folder = item.path.parts[len(HERE.parts)]
        (runs[LONG.index(folder) % processes] if folder in LONG else short).append(item)
    for number, run in enumerate(runs):
        size = max(len(run), (len(items) - sum(map(len, runs[:number]))) // (processes - number))
        run += [short.pop() for _ in range(min(size - len(run), len(short)))]
    items[:] = [item for run in runs for item in run] + short


@pytest.fixture
def short_pattern_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time limit of patterns to a twentieth."""
    monkeypatch.setattr(patterns, "PATTERN_TIMEOUT_S", 0.05)


@pytest.fixture
def no_aws_account(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Replace the developer's settings of AWS and greenlight by credentials that no account has."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GREENLIGHT_"))]:
        monkeypatch.delenv(name)
    for name, value in TEST_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch
