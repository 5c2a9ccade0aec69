"""What a plugin does when it is imported closes the gate in time, or does nothing at all; it never opens one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from greenlight.checks.registry import ENTRY_POINTS

from tests.faults.test_inline import children_of
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.gate import PLUGINS, ROOT, Gate, checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = {"name": "good", "fine": {}}
BAD = {"name": "bad", "acts_at_import": {}}


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Callable[..., Gate]]:
    """Make one environment in which a plugin does something when it is imported."""
    made: list[Gate] = []

    def make(timeout_s: float = 20, **environment: str) -> Gate:
        made.append(Gate(tmp_path, codedeploy, timeout_s=timeout_s, **environment))
        return made[-1]

    with CodeDeploy() as codedeploy:
        yield make
        for each in made:
            each.__exit__()


@pytest.mark.parametrize(
    ("how", "cause", "said"),
    [
        ("raises", "GATE_ERROR", "validators/acts_at_import.py cannot be loaded: ValueError: on purpose"),
        ("exits at once", "GATE_ERROR", "exit code 0"),
        ("shares a default", "GATE_ERROR", "cannot be loaded: TypeError"),
        ("hangs", "DEADLINE", "time"),
    ],
)
def test_an_import_that_does_not_give_a_validator_closes_the_gate(
    gate: Callable[..., Gate], how: str, cause: str, said: str
) -> None:
    run = gate(timeout_s=3 if how == "hangs" else 20, AT_IMPORT=how).call(checks(GOOD, BAD))
    assert (run.error, run.answers) == ("", ["Failed"])
    assert [reason for reason in run.reasons() if reason[0] == cause and said in reason[1]], run.reasons()


@pytest.mark.parametrize("how", ["prints", "forks", "forks and goes on"])
def test_what_an_import_does_beside_giving_a_validator_is_neither_heard_nor_left_behind(
    gate: Callable[..., Gate], how: str
) -> None:
    made = gate(AT_IMPORT=how)
    run = made.call(checks(GOOD, BAD, {"name": "wrong", "fine": {"after": 60}, "timeout": "100ms"}))
    assert (run.error, run.answers) == ("", ["Failed"])
    assert [message.partition(":")[0] for _, message in run.reasons()] == [
        "no result within 0.1 s; the check was abandoned"
    ]
    assert children_of(made.pid) == set()


def test_a_package_with_the_name_of_another_validator_closes_the_gate(
    gate: Callable[..., Gate], tmp_path: Path
) -> None:
    info = tmp_path / "shadows-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shadows\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\nfine = shadows:fine\n")
    path = f"{tmp_path}:{ROOT / 'hooks'}:{PLUGINS}:{ROOT / 'layers/greenlight'}"
    run = gate(PYTHONPATH=path).call(checks(GOOD))
    assert (run.error, run.answers) == ("", ["Failed"])
    assert (
        "the validator 'fine' is in validators/fine.py and the entry point fine = shadows:fine" in run.reasons()[0][1]
    )
