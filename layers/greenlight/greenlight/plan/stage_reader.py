"""Reader of a stage's checks, which converts control keys, expands rows and includes fragments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core import references
from greenlight.core.errors import MAX_PROBLEMS
from greenlight.core.plan_path import KeyStep
from greenlight.core.suggestions import did_you_mean, join_sorted
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import convert
from greenlight.plan.model import Check
from greenlight.plan.needs import expand_needs, find_need_mistakes
from greenlight.plan.retry import Retry
from greenlight.plan.schema import CONTROL_KEYS, Control, When

if TYPE_CHECKING:
    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.decoder import PathProblem
    from greenlight.plan.includes import Fetch, FragmentLoader
    from greenlight.plan.schema import Defaults

_REQUEST_KEYS = (
    "get", "post", "put", "patch", "delete", "head", "headers", "query", "body", "steps", "capture", "expect",
)  # fmt: skip
"""Keys of validators that are often indented one level too little, next to the validator."""


class StageReader:
    """Reader of the checks of all stages, which collects problems.

    Attributes:
        fragments: Loader of the plan's fragments; None until a stage includes a fragment.
    """

    def __init__(
        self, document: yaml_reader.Document, defaults: Defaults, fetch: Fetch | None, mistakes: list[PathProblem]
    ) -> None:
        """Read from `document`; `fetch` reads fragments, and `mistakes` receives problems."""
        self._document, self._defaults, self._mistakes = document, defaults, mistakes
        self._fetch = fetch
        self.fragments: FragmentLoader | None = None

    def read_checks(self, stage: dict[str, Any], path: PlanPath) -> tuple[Check, ...]:
        """Read a stage's checks, those of its fragments first; `path` is the path of the stage."""
        if "include" not in stage and "checks" not in stage:
            self._mistakes.append((path, "the key 'checks' is missing"))
            return ()
        entries = [*self._included_checks(stage, path), *self._own_checks(stage, path)]
        checks: list[Check] = []
        for raw, check_path in entries:
            if len(self._mistakes) > MAX_PROBLEMS:
                break
            if isinstance(raw, dict):
                checks += self._read_check(raw, check_path, len(checks))
        names = [raw["name"] for raw, _ in entries if isinstance(raw, dict) and isinstance(raw.get("name"), str)]
        self._mistakes += find_need_mistakes(checks, names)
        return expand_needs(checks)

    def _included_checks(self, stage: dict[str, Any], path: PlanPath) -> list[tuple[Any, PlanPath]]:
        if "include" not in stage:
            return []
        from greenlight.plan.includes import FragmentLoader  # most plans have no fragments

        self.fragments = self.fragments or FragmentLoader(self._document, self._fetch, self._mistakes)
        return list(self.fragments.checks(stage, path))

    def _own_checks(self, stage: dict[str, Any], path: PlanPath) -> list[tuple[Any, PlanPath]]:
        checks_path, checks = (*path, "checks"), stage.get("checks", [])
        if checks == [] and "checks" in stage:
            message = "a stage without checks proves nothing; add a check or remove the stage"
            self._mistakes.append((checks_path, message))
        return [(raw, (*checks_path, index)) for index, raw in enumerate(checks if isinstance(checks, list) else ())]

    def _read_check(self, raw: dict[str, Any], path: PlanPath, preceding: int) -> list[Check]:
        """Read one check or its rows; `preceding` is the number of checks before it in the stage."""
        controls = {key: value for key, value in raw.items() if key in CONTROL_KEYS}
        control, mistakes = convert(controls, Control, path)
        without_rows = {key: value for key, value in controls.items() if key != "each"}
        mistakes += references.unsupported_references(without_rows, path)
        other_keys = [key for key in raw if key not in CONTROL_KEYS]
        if len(other_keys) != 1:
            mistakes.append(_not_one_validator(other_keys, path))
        if "each" not in raw:
            for key in other_keys:
                mistakes += references.malformed_references(raw[key], (*path, key))
        self._mistakes += mistakes
        if control is None or mistakes:
            return []
        validator = other_keys[0]
        check = Check(
            name=control.name,
            validator=validator,
            params={} if raw[validator] is None else raw[validator],
            severity=control.severity,
            on_inconclusive=control.on_inconclusive,
            on_first_deployment=control.on_first_deployment,
            timeout_s=float(control.timeout or self._defaults.timeout),
            retry=control.retry or (Retry() if control.repeat else self._defaults.retry),
            repeat=control.repeat,
            needs=control.needs,
            when=control.when or When(),
            tags=control.tags,
            path=path,
        )
        return [check] if control.each is None else self._expand_rows(check, raw, preceding)

    def _expand_rows(self, check: Check, raw: dict[str, Any], preceding: int) -> list[Check]:
        from greenlight.plan import row_expansion  # most plans have no rows

        row_count = len(raw["each"])
        if row_count + preceding > row_expansion.MAX_CHECKS:
            message = (
                f"with these {row_count} rows the stage has more than {row_expansion.MAX_CHECKS:,} checks; "
                "write fewer rows"
            )
            self._mistakes.append(((*check.path, "each"), message))
            return []
        location = self._document.locate(check.path)
        node = self._document.node(check.path)
        checks = []
        for row in row_expansion.expand_rows(self._document, check.path, raw, check.validator, self._mistakes):
            relocated = yaml_reader.RelocatedNode(node, location.path, location.source)
            relocated.children = {**node.children, check.validator: row.node}
            path = self._document.append_node(check.path[:-1], relocated)
            self._mistakes += references.malformed_references(row.params, (*path, check.validator))
            checks.append(replace(check, name=row.name, params=row.params, rows_of=check.name, path=path))
        return checks


def _not_one_validator(keys: list[str], path: PlanPath) -> PathProblem:
    """Return the problem of a check without a validator or with several, at the key that is most likely wrong."""
    rule = f"; in addition to {', '.join(CONTROL_KEYS)}, a check has exactly one key, its validator"
    if not keys:
        return path, f"the check has no validator{rule}"
    message = f"the check has {len(keys)} keys that could be its validator ({join_sorted(keys)}){rule}"
    for key in keys:
        if key in _REQUEST_KEYS:
            return (
                *path,
                KeyStep(key),
            ), f"{message}; {key!r} is a parameter of a validator: indent it below the validator"
        if hint := did_you_mean(key, CONTROL_KEYS):
            return (*path, KeyStep(key)), f"{message}; {key!r}: {hint[2:]}"
    return (*path, KeyStep(keys[1])), f"{message}; write a separate check for each, or remove one"
