"""From a scenario file to a Scenario, or to every mistake in it, each with its place and what to do."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import UNSET

from devkit.rehearsal import configurations, lifecycle, template_import
from devkit.rehearsal.faults import FAULTS
from devkit.rehearsal.scenario import (
    Deployment,
    Fault,
    FaultEntry,
    FaultOptions,
    Planned,
    Release,
    Scenario,
    ScenarioFile,
)
from greenlight.core.deployment import STAGES
from greenlight.core.errors import PlanError, Problem
from greenlight.core.suggestions import did_you_mean
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import convert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Where = tuple[str | int, ...]


class ScenarioError(Exception):
    """A scenario that cannot be played; `str()` has one line for every mistake, `FILE:LINE:COLUMN: …`."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        """Collect `problems` (at least one) of the file at `path`."""
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(f"{path}:{p.line}:{p.column}: {p}" if p.line else f"{path}: {p}" for p in self.problems)
        )


def read(path: Path) -> Scenario:
    """Read and check a scenario file.

    Raises:
        ScenarioError: It cannot be read, is no scenario, or says what cannot be.
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
    data, mistakes = template_import.filled(document.data, path.parent)
    file = None
    if not mistakes:
        file, mistakes = convert(data, ScenarioFile)
    if file is not None:
        mistakes = list(_Checks(file, path.parent).mistakes())
    if file is None or mistakes:
        raise ScenarioError(
            path, [document.problem(_with_choices(message, where), where) for where, message in mistakes]
        )
    return Scenario(path=path.resolve(), file=file, deployments=tuple(_planned(file, path.parent.resolve())))


def _text(path: Path) -> str:
    """Read no more than what is refused for its size."""
    with path.open(encoding="utf-8") as stream:
        return stream.read(yaml_reader.MAX_BYTES + 1)


def plan_stages(plan: Path | None) -> tuple[str, ...]:
    """List the stages that a plan names, as far as it can be read at all."""
    if plan is None:
        return ()
    try:
        data = yaml_reader.read(_text(plan)).data
    except (OSError, UnicodeDecodeError, PlanError):
        return ()
    stages = data.get("stages") if isinstance(data, dict) else None
    return tuple(stage for stage in STAGES if isinstance(stages, dict) and stage in stages)


def _with_choices(message: str, where: Where) -> str:
    """Add to a refused word the nearest right one and all that may stand in its place."""
    if not message.startswith("invalid enum value"):
        return message
    kinds: list[Any] = [ScenarioFile]
    for step in where:
        kinds = [below for kind in kinds for below in _below(kind, step)]
    choices = [str(choice) for kind in kinds for choice in _literals(kind)]
    word = message.partition("'")[2].rstrip("'")
    return f"{word!r} is not one of {', '.join(choices)}{did_you_mean(word, choices)}"


def _below(kind: Any, step: str | int) -> Iterator[Any]:
    """List the types that may stand at a key or an index of a type."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from (field.type for field in msgspec.structs.fields(kind) if field.encode_name == step)
    elif typing.get_origin(kind) is tuple and isinstance(step, int):
        yield typing.get_args(kind)[0]
    elif typing.get_origin(kind) is dict:
        yield typing.get_args(kind)[1]
    else:
        for option in typing.get_args(kind):
            yield from _below(option, step)


def _literals(kind: Any) -> Iterator[Any]:
    if typing.get_origin(kind) is Literal:
        yield from typing.get_args(kind)
    else:
        for option in typing.get_args(kind):
            yield from _literals(option)


class _Checks:
    """What types alone cannot say."""

    def __init__(self, file: ScenarioFile, folder: Path) -> None:
        self._file = file
        self._folder = folder

    def mistakes(self) -> Iterator[tuple[Where, str]]:
        file = self._file
        yield from self._release(file.blue, ("blue",))
        if file.green is None and not file.deployments:
            yield (), "the key 'green' is missing: the release to deploy (or 'deployments', for several in a row)"
        if file.green is not None and file.deployments:
            yield ("green",), "give either 'green' or 'deployments', not both"
        if file.green is not None:
            yield from self._release(file.green, ("green",))
        for index, deployment in enumerate(file.deployments):
            yield from self._deployment(deployment, ("deployments", index))
        yield from self._config(file.config, ("config",))
        yield from self._plan(file.plan, ("plan",))
        yield from self._faults(file.faults, ("faults",))
        yield from self._expected(file.expect.failed_at, ("expect", "failed_at"))
        yield from self._times()
        yield from self._platform()
        yield from self._alarms()

    def _deployment(self, deployment: Deployment, where: Where) -> Iterator[tuple[Where, str]]:
        yield from self._release(deployment.green, (*where, "green"))
        yield from self._config(deployment.config, (*where, "config"))
        yield from self._plan(None if deployment.plan is UNSET else deployment.plan, (*where, "plan"))
        yield from self._faults(deployment.faults or (), (*where, "faults"))
        if deployment.expect is not None:
            yield from self._expected(deployment.expect.failed_at, (*where, "expect", "failed_at"))

    def _release(self, release: Release, where: Where) -> Iterator[tuple[Where, str]]:
        ecs = self._file.platform == "ecs"
        wanted, other = ("command", "function") if ecs else ("function", "command")
        if getattr(release, other) is not None:
            yield (*where, other), f"on platform {self._file.platform} a release is a '{wanted}'"
        if getattr(release, wanted) is None:
            example = '"python app.py --port {port}"' if ecs else '"orders.py:handler"'
            yield where, f"the key '{wanted}' is missing, for example {wanted}: {example}"
        elif ecs:
            if problem := _command_problem(release.command):
                yield (*where, "command"), problem
        else:
            yield from self._function(str(release.function), (*where, "function"))

    def _function(self, function: str, where: Where) -> Iterator[tuple[Where, str]]:
        file, separator, handler = function.rpartition(":")
        if not separator or not file.endswith(".py") or not handler.isidentifier():
            yield where, f"{function!r} is no function; write FILE.py:HANDLER, for example orders.py:handler"
        elif not (self._folder / file).is_file():
            yield where, f"there is no file {file!r} beside the scenario ({self._folder / file})"

    def _config(self, config: str | None, where: Where) -> Iterator[tuple[Where, str]]:
        if config is None:
            return
        names = configurations.names(self._file.platform)
        if config not in names:
            elsewhere = configurations.CONFIGURATIONS.get(config)
            why = f"is for platform {elsewhere.platform}" if elsewhere else "is no deployment configuration"
            full = f"{configurations.PREFIX}{config}"
            hint = f"; did you mean {full!r}?" if full in names else did_you_mean(config, names)
            yield where, f"{config!r} {why}{hint}; platform {self._file.platform} has {', '.join(names)}"
        elif self._file.listener.nlb and not configurations.CONFIGURATIONS[config].all_at_once:
            yield where, "a network load balancer is shifted with CodeDeployDefault.ECSAllAtOnce only"

    def _plan(self, plan: str | None, where: Where) -> Iterator[tuple[Where, str]]:
        if plan is not None and not (self._folder / plan).is_file():
            yield (
                where,
                f"there is no plan at {self._folder / plan}; leave the key out to rehearse a service without a plan",
            )

    def _faults(self, faults: Sequence[FaultEntry], where: Where) -> Iterator[tuple[Where, str]]:
        for index, entry in enumerate(faults):
            names = [entry] if isinstance(entry, str) else list(entry)
            if len(names) != 1:
                yield (*where, index), "a fault is a name, or a map of one name to its options"
            for name in names:
                if name not in FAULTS:
                    yield (
                        (*where, index),
                        f"there is no fault {name!r}{did_you_mean(name, FAULTS)}; known are {', '.join(FAULTS)}",
                    )

    def _expected(self, failed_at: Any, where: Where) -> Iterator[tuple[Where, str]]:
        events = lifecycle.events(self._file.platform)
        if isinstance(failed_at, str) and failed_at not in events:
            yield (
                where,
                f"platform {self._file.platform} has no lifecycle event {failed_at}; it has {', '.join(events)}",
            )

    def _times(self) -> Iterator[tuple[Where, str]]:
        for key in ("minute", "hour", "hook_timeout"):
            value = getattr(self._file, key)
            if value is not None and not 0 < value <= 900:
                yield (key,), f"{key} is {value}; it may be anything above zero and up to 15m"

    def _platform(self) -> Iterator[tuple[Where, str]]:
        file = self._file
        hookable = lifecycle.hookable(file.platform)
        for index, event in enumerate(file.hooks or ()):
            if event not in hookable:
                yield ("hooks", index), f"{event} calls no hook on platform {file.platform}; {', '.join(hookable)} do"
        conditions = file.listener.conditions
        if file.listener.nlb and (conditions.hosts or conditions.paths or conditions.headers):
            yield ("listener", "conditions"), "a network load balancer has no rules; leave the conditions out"
        for index, path in enumerate(conditions.paths):
            if not path.startswith(("/", "*")):
                yield ("listener", "conditions", "paths", index), f"{path!r} matches no path; begin it with / or *"

    def _alarms(self) -> Iterator[tuple[Where, str]]:
        for index, alarm in enumerate(self._file.alarms):
            said = [key for key in ("errors_percent", "at", "state") if getattr(alarm, key) is not None]
            if len(said) != 1:
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


def _planned(file: ScenarioFile, folder: Path) -> Iterator[Planned]:
    single = () if file.green is None else (Deployment(green=file.green),)
    for deployment in single or file.deployments:
        plan = file.plan if deployment.plan is UNSET else deployment.plan
        path = folder / plan if plan else None
        yield Planned(
            green=deployment.green,
            plan=path,
            config=deployment.config or file.config or configurations.DEFAULT[file.platform],
            hooks=file.hooks if file.hooks is not None else _default_hooks(file, path),
            faults=tuple(_fault(each) for each in (file.faults if deployment.faults is None else deployment.faults)),
            expect=deployment.expect or file.expect,
        )


def _default_hooks(file: ScenarioFile, plan: Path | None) -> tuple[str, ...]:
    hookable = lifecycle.hookable(file.platform)
    if stages := tuple(stage for stage in plan_stages(plan) if stage in hookable):
        return stages
    # No plan, or one that cannot be read: the gate a service would have in any case.
    return ("AfterAllowTestTraffic",) if file.platform == "ecs" and file.listener.test else ("BeforeAllowTraffic",)


def _fault(entry: FaultEntry) -> Fault:
    if isinstance(entry, str):
        return Fault(name=entry)
    (name, options), *_ = entry.items()
    options = options if isinstance(options, FaultOptions) else FaultOptions()
    return Fault(name=name, stage=options.stage, times=options.times)
