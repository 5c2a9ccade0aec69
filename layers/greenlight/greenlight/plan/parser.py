"""Parser of plans: YAML text to a `Plan`, or every problem at its line and column.

A plan passes through these stages on its way to a running check. The first seven run in the supervisor, which answers
CodeDeploy; the others in the worker, the only process that imports validators.

1. `yaml_reader.read`: the text becomes a `Document`, plain data with the place of every value.
2. `decoder.convert` with the types of `schema`: the plain data becomes a `PlanFile`, or problems.
3. `environments`: the environment's name selects variables, target and defaults.
4. `includes`: URIs of fragments become checks, whose nodes are added to the `Document`.
5. `stage_reader`: a check's control keys become typed (`schema.Control`); its parameters stay plain.
6. `row_expansion`: a check with `each` becomes one check for each row.
7. `needs`: the checks of a stage are connected. The result is a `Plan`.
8. `checks.binding`: variables, deployment values and secrets replace the references in the parameters.
9. `decoder.convert` with the validator's `Params`: the parameters become typed. The result is a `Bound` check.
10. `checks.runner`: the validator is called with its parameters, and its findings are collected.
11. `toolkit.capture_substitution`: within a check, values that one step captured replace references in the next.

Three decisions explain the rest:

- Every stage reports all problems that it can find and passes on what it could read, so an author sees them at once. A
  problem is a path and a sentence (`decoder.PathProblem`) until the `Document` turns the path into a line and column.
- The plain data is kept beside the typed `PlanFile`. One wrong value makes the whole typed struct unavailable; the
  plain data still has the other stages and checks, whose problems are to be reported as well. References and rows
  also have to be replaced before a parameter's type can be checked.
- Parameters stay plain until stage 9, because their types belong to validators, which may be plugins. Stages 1 to 7 do
  no I/O; the caller passes `fetch`, which reads fragments.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core import references
from greenlight.core.deployment import STAGES
from greenlight.core.errors import PlanError, Problem
from greenlight.core.report import PlanSource
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import convert
from greenlight.plan.model import Plan, Stage
from greenlight.plan.schema import Environment, PlanFile, StageFile
from greenlight.plan.stage_reader import StageReader

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator

    from greenlight.plan.decoder import PathProblem
    from greenlight.plan.includes import Fetch


def parse(
    text: str,
    uri: str = "",
    version_id: str = "",
    today: datetime.date | None = None,
    environment: str = "",
    fetch: Fetch | None = None,
) -> Plan:
    """Parse a plan.

    Args:
        text: Text of the file.
        uri: URI of the file, for the report and for messages.
        version_id: Version id of the file in its store.
        today: The current day in UTC, for the shadow's latest end; None leaves that check to the gate.
        environment: Name of the installation's environment; one of the plan's, if the plan has any.
        fetch: Returns the text and version id of a fragment; None if fragments cannot be read.

    Raises:
        PlanError: The plan is wrong; it carries every problem, except those of validators' parameters.
        AwsError: The store of a fragment failed.
    """
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    source = PlanSource(uri=uri, version_id=version_id, sha256=sha256, digest=sha256)
    try:
        return _parse(text, source, today, environment, fetch)
    except PlanError as error:
        error.plan = source
        raise


def _parse(text: str, source: PlanSource, today: datetime.date | None, environment: str, fetch: Fetch | None) -> Plan:
    document = yaml_reader.read(text, source.uri)
    if not isinstance(document.data, dict):
        raise PlanError([Problem("a plan is a map with the keys version and stages", line=1, column=1)], source.uri)
    plan_file, mistakes = convert(document.data, PlanFile)
    mistakes += _structural_mistakes(document.data)
    if plan_file and plan_file.shadow and today and (message := plan_file.shadow.mistake(today)):
        mistakes.append((("shadow", "until"), message))
    sections = _select_sections(document.data, plan_file, environment, mistakes)
    reader = StageReader(document, sections.defaults, fetch, mistakes)
    stages = _read_stages(document.data, plan_file, reader)
    environments = plan_file.environments if plan_file else None
    if environments:
        from greenlight.plan.environments import unknown_environments

        mistakes += unknown_environments([check for stage in stages.values() for check in stage.checks], environments)
    fragments = reader.fragments
    if fragments:
        mistakes += [mistake for name, mistake in fragments.conflicts if name not in sections.variables]
        source = replace(source, includes=fragments.included)
    fragment_digests = [fragment.sha256 for fragment in source.includes]
    digest = _combined_digest(source.sha256, fragment_digests, environment if environments else None)
    source = replace(source, digest=digest)
    fragment_variables = fragments.variables if fragments else {}
    fragment_problems = fragments.problems if fragments else []
    plan = Plan(stages=stages, source=source, document=document)
    if plan_file is None or mistakes or fragment_problems:
        variables = sections.variables or document.data.get("variables", {})
        readable = isinstance(variables, dict)
        partial = replace(plan, variables={**fragment_variables, **variables}) if readable else None
        raise PlanError([*document.problems(mistakes), *fragment_problems], source.uri, partial)
    variables = {**fragment_variables, **sections.variables}
    return replace(plan, variables=variables, target=sections.target, shadow=plan_file.shadow)


def _combined_digest(plan_sha256: str, fragment_sha256s: Iterable[str], environment: str | None) -> str:
    """Return the digest that stands for everything that a plan runs.

    Overrides are bound to this digest, so its construction is a contract: the SHA-256 of the plan's digest, its
    fragments' digests in the order of inclusion, and the environment's name, each on a line of its own. A plan
    without fragments and environments has the digest of its text.

    Args:
        plan_sha256: Digest of the plan's text.
        fragment_sha256s: Digests of its fragments' texts.
        environment: Name of the installation's environment; None if the plan has no environments.
    """
    parts = [plan_sha256, *fragment_sha256s, *([] if environment is None else [environment])]
    return plan_sha256 if len(parts) == 1 else hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _select_sections(
    data: dict[str, Any], plan_file: PlanFile | None, environment: str, mistakes: list[PathProblem]
) -> PlanFile | Environment:
    """Return variables, target and defaults as they are in the environment."""
    if plan_file is None or plan_file.environments is None:
        return plan_file or Environment()
    from greenlight.plan.environments import select_environment  # most plans have no environments

    sections, problems = convert(select_environment(data, environment, mistakes), Environment)
    mistakes += problems
    return sections or Environment()


def _read_stages(data: dict[str, Any], plan_file: PlanFile | None, reader: StageReader) -> dict[str, Stage]:
    typed: dict[Any, StageFile] = plan_file.stages if plan_file else {}
    stages = {}
    for name, raw in _raw_stages(data):
        stage = typed.get(name, StageFile())
        checks = reader.read_checks(raw, ("stages", name))
        stages[name] = Stage(checks=checks, bake_s=float(stage.bake), accepts=stage.accepts)
    return stages


def _raw_stages(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each stage as plain data; wrong ones are left out, because the types report them."""
    stages = data.get("stages")
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        if name in STAGES and isinstance(stage, dict):
            yield name, stage


def _structural_mistakes(data: dict[str, Any]) -> list[PathProblem]:
    """Return the problems that the types do not find: an empty map of stages, and references outside of parameters."""
    mistakes: list[PathProblem] = []
    if data.get("stages") == {}:
        mistakes.append((("stages",), "a plan without stages checks nothing; write one of " + ", ".join(STAGES)))
    for key in ("variables", "target", "defaults", "shadow", "environments"):
        mistakes += references.unsupported_references(data.get(key), (key,))
    for name, stage in _raw_stages(data):
        mistakes += references.unsupported_references(stage.get("accepts"), ("stages", name, "accepts"))
    return mistakes
