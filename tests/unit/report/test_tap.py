"""The TAP report: version, plan and diagnostics."""

from __future__ import annotations

import re

import yaml

from greenlight.report import tap
from tests.support.report_readers import points_of
from tests.support.report_samples import NOTHING_RUN, hostile


def test_tap_has_version_plan_and_yaml_diagnostics() -> None:
    lines = tap.render(hostile()).splitlines()
    blocks = re.findall(r"^  ---\n(.*?)^  \.\.\.$", tap.render(hostile()), re.M | re.S)

    assert lines[:2] == ["TAP version 14", f"1..{len(points_of(hostile()))}"]
    assert [yaml.safe_load(block)["outcome"] for block in blocks if "outcome" in block] == [
        "FAIL", "FAIL", "ERROR", "INCONCLUSIVE", "SKIPPED",
    ]  # fmt: skip


def test_tap_of_a_gate_without_checks_is_skipped() -> None:
    assert tap.render(NOTHING_RUN).splitlines()[1] == "1..0 # SKIP no check ran"
