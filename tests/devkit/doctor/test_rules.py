"""Every rule of the doctor has a mistake that breaks it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.doctor import rules

if TYPE_CHECKING:
    from collections.abc import Iterator


def rules_with_a_mistake(path: Path) -> Iterator[str]:
    """Yield the rules in the table MISTAKES of a test module, whose rows begin with the rule's id."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "MISTAKES":
            assert isinstance(statement.value, ast.List)
            for row in statement.value.elts:
                assert isinstance(row, ast.Tuple)
                yield ast.literal_eval(row.elts[0])


def test_every_rule_of_an_account_has_a_mistake() -> None:
    modules = set(Path(__file__).parent.glob("test_*.py")) - {Path(__file__).parent / "test_template.py"}
    broken = {rule for path in modules for rule in rules_with_a_mistake(path)} | {"version", "task-definition"}

    assert {rule.id for rule in rules.RULES if rule.source != "template"} - broken == set()
