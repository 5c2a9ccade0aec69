"""The check key `needs`: checks of the same stage that must pass before a check runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.core.errors import MAX_PROBLEMS
from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.plan.decoder import PathProblem
    from greenlight.plan.model import Check


def find_need_mistakes(checks: Sequence[Check], names: Sequence[str]) -> list[PathProblem]:
    """Find duplicate names, and needs that do not refer to an earlier check of the stage.

    Args:
        checks: The checks of the stage that could be read.
        names: The names of all checks of the stage, including invalid checks. A need that refers to an invalid check
            is not reported as a second problem.
    """
    mistakes: list[PathProblem] = []
    earlier: set[str] = set()
    valid_names = dict.fromkeys([*names, *(check.name for check in checks)])
    unreadable = valid_names.keys() - {name for check in checks for name in (check.name, check.rows_of)}
    previous_rows_of = ""
    for check in checks:
        if len(mistakes) > MAX_PROBLEMS:
            break
        plan_name = check.rows_of or check.name
        # Rows of one check follow one another and share its name.
        if check.name in earlier or (plan_name in earlier and plan_name != previous_rows_of):
            message = f"another check of this stage has the name {plan_name!r}; names must be unique"
            mistakes.append(((*check.path, "name"), message))
        for index, need in enumerate(check.needs):
            path = (*check.path, "needs", index)
            if need in (check.name, check.rows_of):
                mistakes.append((path, "a check cannot need itself"))
            elif need not in valid_names:
                hint = did_you_mean(need, valid_names)
                mistakes.append((path, f"no check of this stage has the name {need!r}{hint}"))
            elif need not in earlier and need not in unreadable:
                mistakes.append((path, f"{need!r} must come before the check that needs it"))
        earlier |= {check.name, plan_name}
        previous_rows_of = check.rows_of
    return mistakes


def expand_needs(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Replace each need that refers to a check with rows by needs for all of its rows."""
    rows: dict[str, list[str]] = {}
    for check in checks:
        if check.rows_of:
            rows.setdefault(check.rows_of, []).append(check.name)
    if not rows:
        return tuple(checks)
    return tuple(
        replace(check, needs=tuple(name for need in check.needs for name in rows.get(need, [need]))) for check in checks
    )
