"""A plan: YAML text in, a Plan out, or every mistake with its place. What may be written is in `planfile.py`.

A check's parameters stay plain data here: only the worker, which may import validators, knows their
types and binds them (`bind.py`).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core import references
from greenlight.core.deployment import STAGES
from greenlight.core.errors import MAX_PROBLEMS, PlanError, Problem
from greenlight.core.plan_path import KeyStep
from greenlight.core.report import PlanSource
from greenlight.core.suggestions import did_you_mean, join_sorted
from greenlight.core.units import Duration
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import Mistake, convert
from greenlight.plan.model import Check, Plan, Stage
from greenlight.plan.retry import Retry
from greenlight.plan.schema import (
    CONTROL_KEYS,
    Control,
    Defaults,
    Environment,
    PlanFile,
    When,
)

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.includes import Fetch, Fragments


def parse(
    text: str,
    uri: str = "",
    version_id: str = "",
    today: datetime.date | None = None,
    environment: str = "",
    fetch: Fetch | None = None,
) -> Plan:
    """Read a plan.

    Args:
        text: The file's text.
        uri: Where it came from, for the report and for messages.
        version_id: The store's own version of it.
        today: The day in UTC, for what a plan may not put too far ahead; None leaves that to the judgement.
        environment: What the installation says it is; one of the plan's, if it has any.
        fetch: Gives text and version id of a fragment's URI; None where no fragment can be read.

    Raises:
        PlanError: The plan is wrong; it carries every problem found, except those of validators' parameters.
        AwsError: A fragment's store refused.
    """
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    source = PlanSource(uri=uri, version_id=version_id, sha256=sha256, digest=sha256)
    try:
        return _parsed(text, source, today, environment, fetch)
    except PlanError as error:
        error.plan = source
        raise


def _parsed(text: str, source: PlanSource, today: datetime.date | None, environment: str, fetch: Fetch | None) -> Plan:
    uri, sha256 = source.uri, source.sha256
    document = yaml_reader.read(text, uri)
    if not isinstance(document.data, dict):
        raise PlanError([Problem("a plan is a map with the keys version and stages", line=1, column=1)], uri)
    written, mistakes = convert(document.data, PlanFile)
    mistakes += _outside_of_parameters(document.data)
    if written and written.shadow and today and (what := written.shadow.mistake(today)):
        mistakes.append((("shadow", "until"), what))
    here = _here(document.data, written, environment, mistakes)
    reader = _Reader(document, here.defaults, fetch, mistakes)
    bakes: dict[str, Duration] = {name: stage.bake for name, stage in written.stages.items()} if written else {}
    stages = {
        name: Stage(checks=reader.checks(raw, ("stages", name)), bake_s=float(bakes.get(name, 0)))
        for name, raw in _raw_stages(document.data)
    }
    if written and written.environments:
        from greenlight.plan.environments import unused_needs

        mistakes += unused_needs([check for stage in stages.values() for check in stage.checks], written.environments)
    fragments = reader.fragments
    if fragments:
        mistakes += [mistake for name, mistake in fragments.unsettled if name not in here.variables]
        source = replace(source, includes=fragments.included)
    if source.includes or (written and written.environments):
        within = [environment] if written and written.environments else []
        everything = (sha256, *(each.sha256 for each in source.includes), *within)
        source = replace(source, digest=hashlib.sha256("\n".join(everything).encode()).hexdigest())
    shared, others = (fragments.variables, fragments.problems) if fragments else ({}, [])
    plan = Plan(stages=stages, source=source, document=document)
    if written is None or mistakes or others:
        variables = here.variables or document.data.get("variables", {})
        so_far = replace(plan, variables={**shared, **variables}) if isinstance(variables, dict) else None
        raise PlanError([*document.problems(mistakes), *others], uri, so_far)
    return replace(plan, variables={**shared, **here.variables}, target=here.target, shadow=written.shadow)


def _here(
    data: dict[str, Any], written: PlanFile | None, environment: str, mistakes: list[Mistake]
) -> PlanFile | Environment:
    """Give variables, target and defaults as they are in the environment."""
    if written is None or written.environments is None:
        return written or Environment()
    from greenlight.plan.environments import select_environment  # most plans have none

    found, wrong = convert(select_environment(data, environment, mistakes), Environment)
    mistakes += wrong
    return found or Environment()


def _raw_stages(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each stage as written, as far as it can be found; the types say what is wrong with the rest."""
    stages = data.get("stages")
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        if name in STAGES and isinstance(stage, dict):
            yield name, stage


def _outside_of_parameters(data: dict[str, Any]) -> list[Mistake]:
    """Name an empty map of stages, and references where none is ever replaced."""
    found: list[Mistake] = []
    if data.get("stages") == {}:
        found.append((("stages",), "a plan without stages checks nothing; write one of " + ", ".join(STAGES)))
    for key in ("variables", "target", "defaults", "shadow", "environments"):
        found += references.unsupported_references(data.get(key), (key,))
    return found


class _Reader:
    """Reads the checks of one stage after the other, and collects mistakes."""

    def __init__(
        self, document: yaml_reader.Document, defaults: Defaults, fetch: Fetch | None, mistakes: list[Mistake]
    ) -> None:
        self._document, self._defaults, self._mistakes = document, defaults, mistakes
        self._fetch = fetch
        self.fragments: Fragments | None = None

    def checks(self, stage: dict[str, Any], path: PlanPath) -> tuple[Check, ...]:
        """Read a stage's checks, those of its fragments first; `path` is the stage's."""
        here, own = (*path, "checks"), stage.get("checks", [])
        if "include" in stage:
            from greenlight.plan.includes import Fragments  # most plans have none

            self.fragments = self.fragments or Fragments(self._document, self._fetch, self._mistakes)
            raw = list(self.fragments.checks(stage, path))
        elif "checks" in stage:
            raw = []
        else:
            self._mistakes.append((path, "the key 'checks' is missing"))
            return ()
        if own == [] and not ("include" in stage and "checks" not in stage):
            self._mistakes.append((here, "a stage without checks proves nothing; add a check or remove the stage"))
        raw += [(each, (*here, index)) for index, each in enumerate(own if isinstance(own, list) else ())]
        checks: list[Check] = []
        for each, place in raw:
            if len(self._mistakes) > MAX_PROBLEMS:
                break
            if isinstance(each, dict):
                checks += self._check(each, place, len(checks))
        names = [each["name"] for each, _ in raw if isinstance(each, dict) and isinstance(each.get("name"), str)]
        self._mistakes += _need_mistakes(checks, names)
        return _with_rows_needed(checks)

    def _check(self, raw: dict[str, Any], path: PlanPath, before: int) -> list[Check]:
        """Read one check, which is as many as it has rows; `before` are there already."""
        controls = {key: value for key, value in raw.items() if key in CONTROL_KEYS}
        control, found = convert(controls, Control, path)
        found += references.unsupported_references(
            {key: value for key, value in controls.items() if key != "each"}, path
        )
        others = [key for key in raw if key not in CONTROL_KEYS]
        if len(others) != 1:
            found.append(_not_one_validator(others, path))
        if "each" not in raw:
            found += [mistake for key in others for mistake in references.malformed_references(raw[key], (*path, key))]
        self._mistakes += found
        if control is None or found:
            return []
        validator = others[0]
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
        return [check] if control.each is None else self._rows(check, raw, before)

    def _rows(self, check: Check, raw: dict[str, Any], before: int) -> list[Check]:
        from greenlight.plan import row_expansion  # most plans have none

        document, many = self._document, len(raw["each"])
        if many + before > row_expansion.MAX_CHECKS:
            what = f"with these {many} rows the stage has more than {row_expansion.MAX_CHECKS} checks; write fewer rows"
            self._mistakes.append(((*check.path, "each"), what))
            return []
        node, told, source = document.node(check.path), document.told(check.path), document.source(check.path)
        made = []
        for row in row_expansion.expanded(document, check.path, raw, check.validator, self._mistakes):
            moved = yaml_reader.RelocatedNode(node, told, source)
            moved.below = {**node.below, check.validator: row.node}
            here = document.add(check.path[:-1], moved)
            self._mistakes += references.malformed_references(row.params, (*here, check.validator))
            made.append(replace(check, name=row.name, params=row.params, rows_of=check.name, path=here))
        return made


_OF_REQUESTS = (
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "head",
    "headers",
    "query",
    "body",
    "steps",
    "capture",
    "expect",
)


def _not_one_validator(keys: list[str], path: PlanPath) -> Mistake:
    """Say which keys of a check are too many, at the one that is most likely wrong."""
    rest = f"; beside {', '.join(CONTROL_KEYS)} it has exactly one key, the validator"
    if not keys:
        return path, f"the check names no validator{rest}"
    what = f"the check has {len(keys)} keys that could be its validator ({join_sorted(keys)}){rest}"
    for key in keys:
        if key in _OF_REQUESTS:
            return (*path, KeyStep(key)), f"{what}; {key!r} belongs to a validator: indent it below that"
        if hint := did_you_mean(key, CONTROL_KEYS):
            return (*path, KeyStep(key)), f"{what}; {key!r}: {hint[2:]}"
    return (*path, KeyStep(keys[1])), f"{what}; make a check of each, or take one out"


def _need_mistakes(checks: list[Check], names: list[str]) -> list[Mistake]:
    """Name what is called twice, and needs that no earlier check of the stage (of all `names`) can meet."""
    found: list[Mistake] = []
    earlier: set[str] = set()
    known = dict.fromkeys([*names, *(check.name for check in checks)])
    broken = known.keys() - {name for check in checks for name in (check.name, check.rows_of)}
    rows_of = ""
    for check in checks:
        if len(found) > MAX_PROBLEMS:
            break
        written = check.rows_of or check.name
        if check.name in earlier or (written in earlier and written != rows_of):
            what = f"another check of this stage is called {written!r}; names must differ"
            found.append(((*check.path, "name"), what))
        for index, need in enumerate(check.needs):
            place = (*check.path, "needs", index)
            if need in (check.name, check.rows_of):
                found.append((place, "a check cannot need itself"))
            elif need not in known:
                found.append((place, f"no check of this stage is called {need!r}{did_you_mean(need, known)}"))
            elif need not in earlier and need not in broken:
                found.append((place, f"{need!r} must stand before the check that needs it"))
        earlier |= {check.name, written}
        rows_of = check.rows_of
    return found


def _with_rows_needed(checks: list[Check]) -> tuple[Check, ...]:
    """Let a check that needs one with rows need all of them."""
    rows: dict[str, list[str]] = {}
    for check in checks:
        if check.rows_of:
            rows.setdefault(check.rows_of, []).append(check.name)
    if not rows:
        return tuple(checks)
    needs = [tuple(name for need in check.needs for name in rows.get(need, [need])) for check in checks]
    return tuple(replace(check, needs=needed) for check, needed in zip(checks, needs, strict=True))
