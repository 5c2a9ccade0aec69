"""A plugin that misbehaves at its import fails the gate in time or has no effect; it never lets a release through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from greenlight.checks.registry import ENTRY_POINTS
from tests.support.gate import PLUGINS, ROOT, Gate, checks, children_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = {"name": "good", "fine": {}}
BAD = {"name": "bad", "acts_at_import": {}}


@pytest.mark.parametrize(
    ("fault", "cause", "message"),
    [
        ("raises", "GATE_ERROR", "validators/acts_at_import.py cannot be loaded: ValueError: on purpose"),
        ("exits at once", "GATE_ERROR", "exit code 0"),
        ("has a mutable default", "GATE_ERROR", "cannot be loaded: TypeError"),
        ("hangs", "DEADLINE", "deadline"),
    ],
)
def test_an_import_that_defines_no_validator_fails_the_gate(
    make_gate: Callable[..., Gate], fault: str, cause: str, message: str
) -> None:
    call = make_gate(timeout_s=3 if fault == "hangs" else 20, AT_IMPORT=fault).call(checks(GOOD, BAD))
    assert (call.error, call.answers) == ("", ["Failed"])
    assert [reason for reason in call.reasons() if reason[0] == cause and message in reason[1]], call.reasons()


@pytest.mark.parametrize("fault", ["prints", "forks", "forks and continues"])
def test_side_effects_of_an_import_forge_no_finding_and_leave_no_process(
    make_gate: Callable[..., Gate], fault: str
) -> None:
    gate = make_gate(timeout_s=20, AT_IMPORT=fault)
    call = gate.call(checks(GOOD, BAD, {"name": "wrong", "fine": {"after": 60}, "timeout": "100ms"}))
    assert (call.error, call.answers) == ("", ["Failed"])
    assert [message.partition(":")[0] for _, message in call.reasons()] == [
        "no result within 0.1 s; the check was abandoned"
    ]
    assert children_of(gate.pid) == set()


def test_an_entry_point_with_the_name_of_another_validator_fails_the_gate(
    make_gate: Callable[..., Gate], tmp_path: Path
) -> None:
    info = tmp_path / "shadows-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shadows\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\nfine = shadows:fine\n")
    path = f"{tmp_path}:{ROOT / 'hooks'}:{PLUGINS}:{ROOT / 'layers/greenlight'}"
    call = make_gate(timeout_s=20, PYTHONPATH=path).call(checks(GOOD))
    assert (call.error, call.answers) == ("", ["Failed"])
    assert (
        "the validator 'fine' is in validators/fine.py and the entry point fine = shadows:fine" in call.reasons()[0][1]
    )
