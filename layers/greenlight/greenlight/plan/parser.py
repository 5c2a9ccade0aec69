"""Parser of plans: YAML text to a `Plan`, or to all its problems, each with line and column.

A plan passes through these steps. Steps 1 to 7 run in the supervisor, which answers CodeDeploy; the others run in the
worker, the only process that imports validators.

1. `yaml_reader.read` parses the text into a `Document`: plain data with the place of every value.
2. `decoder.convert` converts the plain data to a `PlanFile`, with the types of `schema`, or reports problems.
3. `environments` selects variables, target and defaults by the name of the environment.
4. `includes` loads the checks of fragments and adds their nodes to the `Document`.
5. `stage_reader` converts the control keys of each check (`schema.Control`); its parameters stay plain data.
6. `row_expansion` expands a check with `each` into one check for each row.
7. `needs` resolves dependencies between the checks of a stage. The result is a `Plan`.
8. `checks.binding` replaces references in parameters by variables, deployment values and secrets.
9. `decoder.convert` converts the parameters to the validator's `Params`. The result is a `Bound` check.
10. `checks.runner` calls the validator with its parameters and collects its findings.
11. `toolkit.capture_substitution` replaces references in a check by values that its earlier steps captured.

Design decisions:

- Every step reports all problems that it finds and passes on the parts that it could read, so that an author sees all
  problems at once. A problem is a path and a message (`decoder.PathProblem`) until the `Document` resolves the path to
  a line and column.
- The plain data is kept in addition to the typed `PlanFile`. One wrong value makes the typed struct unavailable, but
  problems in other stages and checks must be reported as well. Also, references and rows must be replaced before
  the type of a parameter can be checked.
- Parameters stay plain data until step 9, because validators, which may be plugins, define their types.
- Steps 1 to 7 do no I/O, except that they call `fetch`, an argument, to read fragments.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core import references
from greenlight.core.deployment import PLAN_STAGES, SHIFT
from greenlight.core.errors import PlanError, Problem
from greenlight.core.finding import Outcome
from greenlight.core.report import PlanSource
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import convert
from greenlight.plan.model import Plan, Stage, Watch
from greenlight.plan.schema import WATCH_KEYS, Environment, PlanFile, StageFile
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
        today: The current day in UTC, to check the last day of a shadow; None skips this check.
        environment: Name of the installation's environment; required if the plan has environments without `default`.
        fetch: Returns the text and version id of a fragment; None if fragments cannot be read.

    Raises:
        PlanError: The plan is not valid. The error lists all problems, except those in validators' parameters.
        AwsError: The store of a fragment could not be read.
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
    return replace(
        plan, variables=variables, target=sections.target, shadow=plan_file.shadow, network=plan_file.network
    )


def _combined_digest(plan_sha256: str, fragment_sha256s: Iterable[str], environment: str | None) -> str:
    """Return the digest of a plan together with its fragments and its environment.

    Overrides refer to this digest, so its construction is a contract: it is the SHA-256 of the plan's digest, the
    fragments' digests in the order of inclusion, and the environment's name, each on a separate line. For a plan
    without fragments and environments it is the digest of the plan's text.

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
    """Return the variables, target and defaults that apply in the environment."""
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
        stages[name] = Stage(
            checks=checks, bake_s=float(stage.bake), accepts=stage.accepts, hold=stage.hold, watch=_read_watch(stage)
        )
    return stages


def _read_watch(stage: StageFile) -> Watch:
    default = Watch()
    return Watch(
        every_s=default.every_s if stage.every is None else float(stage.every),
        tolerate=default.tolerate if stage.tolerate is None else stage.tolerate,
        stop_on=default.stop_on if stage.stop_on is None else tuple(Outcome(name.upper()) for name in stage.stop_on),
    )


def _raw_stages(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each valid stage as plain data; the conversion to types reports invalid stages."""
    stages = data.get("stages")
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        if name in PLAN_STAGES and isinstance(stage, dict):
            yield name, stage


def _structural_mistakes(data: dict[str, Any]) -> list[PathProblem]:
    """Return problems that the types cannot detect: an empty map of stages, and references outside parameters."""
    mistakes: list[PathProblem] = []
    if data.get("stages") == {}:
        mistakes.append((("stages",), "a plan without stages checks nothing; add one of " + ", ".join(PLAN_STAGES)))
    for key in ("variables", "target", "defaults", "shadow", "environments"):
        mistakes += references.unsupported_references(data.get(key), (key,))
    for name, stage in _raw_stages(data):
        for key in ("accepts", "hold"):
            mistakes += references.unsupported_references(stage.get(key), ("stages", name, key))
        mistakes += _misplaced_keys(name, stage)
    return mistakes


def _misplaced_keys(name: str, stage: dict[str, Any]) -> Iterator[PathProblem]:
    """Yield the keys of a stage that have no effect there."""
    if name == SHIFT:
        if "bake" in stage:
            message = (
                f"{SHIFT} has no bake: its checks run again and again while traffic shifts; remove it, or set every"
            )
            yield ("stages", name, "bake"), message
        if "hold" in stage:
            message = f"{SHIFT} has no hold, because no hook waits there; hold an earlier stage"
            yield ("stages", name, "hold"), message
        return
    for key in WATCH_KEYS:
        if key in stage:
            message = f"only {SHIFT} has {key}, because the checks of other stages run once; remove it"
            yield ("stages", name, key), message
