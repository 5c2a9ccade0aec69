"""Contracts with others are unchanged: names, keys, types and values are compared with the lists beside this file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.contracts.collect import CONTRACTS

FOLDER = Path(__file__).parent
ADVICE = (
    "After an addition, renew the list with: RENEW_CONTRACTS=1 pytest tests/contracts. "
    "A removal or a change breaks plans, programs or installations of others: it needs a new major version and an "
    "entry in the documentation."
)


def changes(before: list[str], now: list[str]) -> str:
    """Return the lines that were removed and added; "" for equal lists."""
    removed = [f"  removed: {line}" for line in before if line not in set(now)]
    added = [f"  added:   {line}" for line in now if line not in set(before)]
    return "\n".join([*removed, *added])


@pytest.mark.parametrize("name", CONTRACTS)
def test_contract_is_unchanged(name: str) -> None:
    path = FOLDER / f"{name}.json"
    lines = CONTRACTS[name]()

    if os.environ.get("RENEW_CONTRACTS"):
        path.write_text(json.dumps(lines, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    difference = changes(json.loads(path.read_text(encoding="utf-8")), lines)
    if difference:
        pytest.fail(f"the contract {name!r} has changed ({path.name}):\n{difference}\n{ADVICE}", pytrace=False)


def test_changes_name_every_line_that_was_removed_or_added() -> None:
    assert changes(["a", "b"], ["b", "c"]) == "  removed: a\n  added:   c"
    assert changes(["a"], ["a"]) == ""


def test_every_list_belongs_to_a_contract() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CONTRACTS)
