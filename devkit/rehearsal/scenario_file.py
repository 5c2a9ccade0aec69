"""Reader of scenario files: returns a Scenario, or reports every mistake with its place and a correction."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import UNSET

from greenlight.core.deployment import STAGES
from greenlight.core.errors import PlanError, Problem
from greenlight.core.suggestions import did_you_mean
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import convert

from . import configurations, lifecycle, template_import
from .faults import FAULTS, MACHINE_FAULTS
from .scenario import (
    Deployment,
    Fault,
    FaultEntry,
    FaultOptions,
    PlannedDeployment,
    Release,
    Scenario,
    ScenarioFile,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Location = tuple[str | int, ...]


class ScenarioError(Exception):
    """Error of an invalid scenario; `str()` has one line for each mistake, `FILE:LINE:COLUMN: …`."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        """Create an error with `problems` (at least one) of the file at `path`."""
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(
                f"{path}:{problem.line}:{problem.column}: {problem}" if problem.line else f"{path}: {problem}"
                for problem in self.problems
            )
        )


def read(path: Path) -> Scenario:
    """Read and check a scenario file.

    Raises:
        ScenarioError: The file cannot be read, or is not a valid scenario.
    """
    try:
        document = yaml_reader.read(_text(path))
    except OSError as error:
        raise ScenarioError(path, [Problem(f"the file cannot be read: {error.strerror or error}")]) from error
    except UnicodeDecodeError as error:
        raise ScenarioError(path, [Problem(f"the file is not UTF-8 text (byte {error.start})")]) from error
    except PlanError as error:
        raise ScenarioError(path, error.problems) from error
    if not isinstance(document.data, dict):
        raise ScenarioError(path, [Problem("a scenario is a map with keys such as name, platform, blue and green")])
    data, mistakes = template_import.add_imported_values(document.data, path.parent)
    file = None
    if not mistakes:
        file, mistakes = convert(data, ScenarioFile)
    if file is not None:
        mistakes = list(_Checks(file, path.parent).mistakes())
    if file is None or mistakes:
        raise ScenarioError(
            path, [document.problem(_with_choices(message, location), location) for location, message in mistakes]
        )
    return Scenario(path=path.resolve(), file=file, deployments=tuple(_plan_deployments(file, path.parent.resolve())))


def _text(path: Path) -> str:
    """Read at most one character more than the size limit, at which the file is rejected."""
    with path.open(encoding="utf-8") as stream:
        return stream.read(yaml_reader.MAX_BYTES + 1)


def plan_stages(plan: Path | None) -> tuple[str, ...]:
    """Return the stages of a plan; () if it cannot be read."""
    if plan is None:
        return ()
    try:
        data = yaml_reader.read(_text(plan)).data
    except (OSError, UnicodeDecodeError, PlanError):
        return ()
    stages = data.get("stages") if isinstance(data, dict) else None
    return tuple(stage for stage in STAGES if isinstance(stages, dict) and stage in stages)


def _with_choices(message: str, location: Location) -> str:
    """Add the valid values, and the nearest of them, to the message about an invalid enum value."""
    if not message.startswith("invalid enum value"):
        return message
    types: list[Any] = [ScenarioFile]
    for step in location:
        types = [child for parent in types for child in _child_types(parent, step)]
    choices = [str(choice) for field_type in types for choice in _literals(field_type)]
    value = message.partition("'")[2].rstrip("'")
    return f"{value!r} is not one of {', '.join(choices)}{did_you_mean(value, choices)}"


def _child_types(parent: Any, step: str | int) -> Iterator[Any]:
    """Yield the types that a key or an index of a type can have."""
    if isinstance(parent, type) and issubclass(parent, msgspec.Struct):
        yield from (field.type for field in msgspec.structs.fields(parent) if field.encode_name == step)
    elif typing.get_origin(parent) is tuple and isinstance(step, int):
        yield typing.get_args(parent)[0]
    elif typing.get_origin(parent) is dict:
        yield typing.get_args(parent)[1]
    else:
        for option in typing.get_args(parent):
            yield from _child_types(option, step)


def _literals(field_type: Any) -> Iterator[Any]:
    if typing.get_origin(field_type) is Literal:
        yield from typing.get_args(field_type)
    else:
        for option in typing.get_args(field_type):
            yield from _literals(option)


class _Checks:
    """Checks that the types do not cover."""

    def __init__(self, file: ScenarioFile, folder: Path) -> None:
        self._file = file
        self._folder = folder

    def mistakes(self) -> Iterator[tuple[Location, str]]:
        file = self._file
        yield from self._release(file.blue, ("blue",))
        if file.green is None and not file.deployments:
            yield (), "the key 'green' is missing: the release to deploy (or 'deployments', for several in a row)"
        if file.green is not None and file.deployments:
            yield ("green",), "write either 'green' or 'deployments', not both"
        if file.green is not None:
            yield from self._release(file.green, ("green",))
        for index, deployment in enumerate(file.deployments):
            yield from self._deployment(deployment, ("deployments", index))
        yield from self._config(file.config, ("config",))
        yield from self._plan(file.plan, ("plan",))
        yield from self._faults(file.faults, ("faults",))
        yield from self._failed_at(file.expect.failed_at, ("expect", "failed_at"))
        yield from self._times()
        yield from self._platform()
        yield from self._alarms()

    def _deployment(self, deployment: Deployment, location: Location) -> Iterator[tuple[Location, str]]:
        yield from self._release(deployment.green, (*location, "green"))
        yield from self._config(deployment.config, (*location, "config"))
        yield from self._plan(None if deployment.plan is UNSET else deployment.plan, (*location, "plan"))
        yield from self._faults(deployment.faults or (), (*location, "faults"))
        if deployment.expect is not None:
            yield from self._failed_at(deployment.expect.failed_at, (*location, "expect", "failed_at"))

    def _release(self, release: Release, location: Location) -> Iterator[tuple[Location, str]]:
        ecs = self._file.platform == "ecs"
        expected, other = ("command", "function") if ecs else ("function", "command")
        if getattr(release, other) is not None:
            yield (*location, other), f"on platform {self._file.platform} a release is a '{expected}'"
        if getattr(release, expected) is None:
            example = '"python app.py --port {port}"' if ecs else '"orders.py:handler"'
            yield location, f"the key '{expected}' is missing, for example {expected}: {example}"
        elif ecs:
            if problem := _command_problem(release.command):
                yield (*location, "command"), problem
        else:
            yield from self._function(str(release.function), (*location, "function"))

    def _function(self, function: str, location: Location) -> Iterator[tuple[Location, str]]:
        file, separator, handler = function.rpartition(":")
        if not separator or not file.endswith(".py") or not handler.isidentifier():
            yield (
                location,
                f"{function!r} is not a valid function; write FILE.py:HANDLER, for example orders.py:handler",
            )
        elif not (self._folder / file).is_file():
            yield location, f"there is no file {file!r} in the folder of the scenario ({self._folder / file})"

    def _config(self, config: str | None, location: Location) -> Iterator[tuple[Location, str]]:
        if config is None:
            return
        names = configurations.names(self._file.platform)
        if config not in names:
            existing = configurations.CONFIGURATIONS.get(config)
            reason = f"is for platform {existing.platform}" if existing else "is not a valid deployment configuration"
            full_name = f"{configurations.PREFIX}{config}"
            hint = f"; did you mean {full_name!r}?" if full_name in names else did_you_mean(config, names)
            yield location, f"{config!r} {reason}{hint}; platform {self._file.platform} has {', '.join(names)}"
        elif self._file.listener.nlb and not configurations.CONFIGURATIONS[config].all_at_once:
            yield location, "traffic of a network load balancer is shifted with CodeDeployDefault.ECSAllAtOnce only"

    def _plan(self, plan: str | None, location: Location) -> Iterator[tuple[Location, str]]:
        if plan is not None and not (self._folder / plan).is_file():
            yield (
                location,
                f"there is no plan at {self._folder / plan}; leave the key out to rehearse a service without a plan",
            )

    def _faults(self, faults: Sequence[FaultEntry], location: Location) -> Iterator[tuple[Location, str]]:
        for index, entry in enumerate(faults):
            names = [entry] if isinstance(entry, str) else list(entry)
            if len(names) != 1:
                yield (*location, index), "a fault is a name, or a map of one name to its options"
            for name in names:
                if name not in FAULTS:
                    yield (
                        (*location, index),
                        f"there is no fault {name!r}{did_you_mean(name, FAULTS)}; valid names are {', '.join(FAULTS)}",
                    )
                elif name in MACHINE_FAULTS and self._file.conductor == "inline":
                    yield (*location, index), f"{name} is a fault of the state machine; add 'conductor: machine'"

    def _failed_at(self, failed_at: Any, location: Location) -> Iterator[tuple[Location, str]]:
        events = lifecycle.event_names(self._file.platform)
        if isinstance(failed_at, str) and failed_at not in events:
            yield (
                location,
                f"platform {self._file.platform} has no lifecycle event {failed_at}; it has {', '.join(events)}",
            )

    def _times(self) -> Iterator[tuple[Location, str]]:
        for key in ("minute", "hour", "hook_timeout"):
            value = getattr(self._file, key)
            if value is not None and not 0 < value <= 900:
                yield (key,), f"{key} is {value}; write a duration above zero and up to 15m"

    def _platform(self) -> Iterator[tuple[Location, str]]:
        file = self._file
        hookable = lifecycle.hook_event_names(file.platform)
        for index, event in enumerate(file.hooks or ()):
            if event not in hookable:
                yield (
                    ("hooks", index),
                    f"{event} cannot call a hook on platform {file.platform}; hooks are for {', '.join(hookable)}",
                )
        yield from self._rules()

    def _rules(self) -> Iterator[tuple[Location, str]]:
        listener = self._file.listener
        conditions = listener.conditions
        has_rule = bool(conditions.hosts or conditions.paths or conditions.headers)
        if listener.nlb and has_rule:
            yield ("listener", "conditions"), "a network load balancer has no rules; leave the conditions out"
        if listener.nlb and listener.rules:
            yield ("listener", "rules"), "a network load balancer has no rules; leave them out"
        places: list[tuple[Location, tuple[str, ...]]] = [(("listener", "conditions", "paths"), conditions.paths)]
        priorities = {10} if has_rule else set()
        for number, rule in enumerate(listener.rules):
            if rule.priority in priorities:
                yield ("listener", "rules", number, "priority"), f"another rule has the priority {rule.priority}"
            priorities.add(rule.priority)
            places.append((("listener", "rules", number, "paths"), rule.paths))
        for place, paths in places:
            for index, path in enumerate(paths):
                if not path.startswith(("/", "*")):
                    yield (*place, index), f"{path!r} does not match any path; begin it with / or *"

    def _alarms(self) -> Iterator[tuple[Location, str]]:
        for index, alarm in enumerate(self._file.alarms):
            conditions = [key for key in ("errors_percent", "at", "state") if getattr(alarm, key) is not None]
            if len(conditions) != 1:
                yield ("alarms", index), "an alarm needs exactly one of errors_percent, at and state"


def _command_problem(command: str | tuple[str, ...] | None) -> str:
    import shlex

    if isinstance(command, str):
        try:
            if not shlex.split(command):
                return "the command is empty"
        except ValueError as error:
            return f"the command cannot be split into words: {error}"
    elif not command:
        return "the command is empty"
    return ""


def _plan_deployments(file: ScenarioFile, folder: Path) -> Iterator[PlannedDeployment]:
    single = () if file.green is None else (Deployment(green=file.green),)
    for deployment in single or file.deployments:
        plan = file.plan if deployment.plan is UNSET else deployment.plan
        path = folder / plan if plan else None
        faults = file.faults if deployment.faults is None else deployment.faults
        yield PlannedDeployment(
            green=deployment.green,
            plan=path,
            config=deployment.config or file.config or configurations.DEFAULT[file.platform],
            hooks=file.hooks if file.hooks is not None else _default_hooks(file, path),
            faults=tuple(_to_fault(entry) for entry in faults),
            approvals=file.approvals if deployment.approvals is None else deployment.approvals,
            expect=deployment.expect or file.expect,
        )


def _default_hooks(file: ScenarioFile, plan: Path | None) -> tuple[str, ...]:
    hookable = lifecycle.hook_event_names(file.platform)
    if stages := tuple(stage for stage in plan_stages(plan) if stage in hookable):
        return stages
    # Without a plan, or with one that cannot be read, use the hook that most services have.
    return ("AfterAllowTestTraffic",) if file.platform == "ecs" and file.listener.test else ("BeforeAllowTraffic",)


def _to_fault(entry: FaultEntry) -> Fault:
    if isinstance(entry, str):
        return Fault(name=entry)
    (name, options), *_ = entry.items()
    options = options if isinstance(options, FaultOptions) else FaultOptions()
    return Fault(name=name, stage=options.stage, times=options.times)
