"""How many tests run side by side, how many examples are made up, and an environment that is nobody's."""

from __future__ import annotations

import os

import hypothesis
import pytest

hypothesis.settings.register_profile("quick", max_examples=60, deadline=None, database=None)
hypothesis.settings.register_profile("thorough", max_examples=3000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

NOBODYS = {
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def pytest_xdist_auto_num_workers() -> int:
    """One test process more than there are cores: a third of the time of whole deployments is waiting."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Put nobody's keys in the place of what the developer's environment tells AWS's clients and greenlight."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GREENLIGHT_"))]:
        monkeypatch.delenv(name)
    for name, value in NOBODYS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch
