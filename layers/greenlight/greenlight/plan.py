"""What a service team wrote, read into types: YAML text in, a Plan out, or every mistake with its place.

A check's parameters stay plain data here: only the worker, which may import validators, knows their
types and binds them (`bind.py`). Everything else of a plan is closed and typed in this file.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal, get_args

import msgspec

from greenlight import yamlread
from greenlight.decode import convert
from greenlight.errors import PlanError, Problem
from greenlight.model import STAGES, Deployment, Frozen, PlanSource, Platform, Severity
from greenlight.nearest import nearest
from greenlight.units import Duration, default

StageName = Literal["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

DEFAULT_TIMEOUT = Duration(10)


class Closed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything a plan may say: an unknown key is refused."""


class Retry(Closed, frozen=True, kw_only=True):
    """When to try a check again; the last attempt counts, and a pass after the first is shown as flaky.

    Attributes:
        attempts: Tries in all.
        interval: Wait between two tries; `backoff` multiplies it after each.
        on: Which outcomes are tried again.
    """

    attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    interval: Duration = default(Duration(1))
    backoff: Annotated[float, msgspec.Meta(ge=1, le=10)] = 1.0
    on: tuple[Literal["fail", "error", "inconclusive"], ...] = ("fail", "error", "inconclusive")


class When(Closed, frozen=True, kw_only=True):
    """For which deployments a check runs; elsewhere it is SKIPPED, which the plan asked for."""

    platform: Platform | None = None
    application: Name | None = None
    group: Name | None = None

    def refuses(self, deployment: Deployment) -> str:
        """Say why the check does not run for `deployment`; "" when it does."""
        for key, wanted, actual in (
            ("platform", self.platform.value if self.platform else None, deployment.platform.value),
            ("application", self.application, deployment.application),
            ("group", self.group, deployment.group),
        ):
            if wanted is not None and wanted != actual:
                return f"the plan runs it only when {key} is {wanted}, and it is {actual}"
        return ""


class Control(Closed, frozen=True, kw_only=True):
    """The control keys of a check; the one other key is its validator."""

    name: Name
    severity: Severity = Severity.BLOCKING
    timeout: Duration | None = None
    retry: Retry | None = None
    needs: tuple[Name, ...] = ()
    when: When | None = None
    tags: tuple[Name, ...] = ()


class Defaults(Closed, frozen=True, kw_only=True):
    """What checks do that do not say otherwise."""

    timeout: Duration = default(DEFAULT_TIMEOUT)
    retry: Retry = default(Retry())


class Target(Closed, frozen=True, kw_only=True):
    """Where green is, for a team that knows better than discovery.

    Attributes:
        host: Host name for the Host header, SNI and certificate verification while connecting to the load balancer.
        url: Base URL of green, for deployments that say nothing of a load balancer (CloudFormation's BlueGreen
            transform); its host must be allowed by the operator.
    """

    host: Name | None = None
    url: Annotated[str, msgspec.Meta(pattern="^https?://[^/?#@\\s]+(/[^?#\\s]*)?$")] | None = None


class StageFile(Closed, frozen=True, kw_only=True):
    """One stage as written: `checks` stay plain until their validators are known."""

    checks: list[dict[str, Any]]
    bake: Duration = default(Duration(0))


class PlanFile(Closed, frozen=True, kw_only=True):
    """A plan as written."""

    version: Literal[1]
    stages: dict[StageName, StageFile]
    defaults: Defaults = default(Defaults())
    variables: dict[Annotated[str, msgspec.Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$")], str | int | float | bool] = {}
    target: Target = Target()


CONTROL_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(Control))


class Check(Frozen, frozen=True, kw_only=True):
    """One check of a stage.

    Attributes:
        params: The validator's parameters, as plain data.
        timeout_s: For one attempt.
        path: Where it stands in the plan.
    """

    name: str
    validator: str
    params: Any
    severity: Severity = Severity.BLOCKING
    timeout_s: float = float(DEFAULT_TIMEOUT)
    retry: Retry = default(Retry())
    needs: tuple[str, ...] = ()
    when: When = When()
    tags: tuple[str, ...] = ()
    path: tuple[str | int, ...] = ()

    def worst_case_s(self) -> float:
        """Give the longest time the check can take with all its attempts."""
        waits = sum(self.retry.interval * self.retry.backoff**turn for turn in range(self.retry.attempts - 1))
        return self.timeout_s * self.retry.attempts + waits


class Stage(Frozen, frozen=True, kw_only=True):
    """The checks of one stage; `bake_s` is waited before they start."""

    checks: tuple[Check, ...]
    bake_s: float = 0.0


class Plan(Frozen, frozen=True, kw_only=True):
    """A whole plan; `document` gives problems their place, `waived` says why nothing needs to be checked."""

    stages: dict[str, Stage]
    variables: dict[str, Any] = {}
    target: Target = Target()
    source: PlanSource = PlanSource()
    document: yamlread.Document | None = None
    waived: str = ""


def parse(text: str, uri: str = "", version_id: str = "") -> Plan:
    """Read a plan.

    Args:
        text: The file's text.
        uri: Where it came from, for the report and for messages.
        version_id: The store's own version of it.

    Raises:
        PlanError: The plan is wrong; it carries every problem found, except those of validators' parameters.
    """
    document = yamlread.read(text, uri)
    source = PlanSource(uri=uri, version_id=version_id, sha256=hashlib.sha256(text.encode()).hexdigest())
    if not isinstance(document.data, dict):
        raise PlanError([Problem("a plan is a map with the keys version and stages", line=1, column=1)], uri)
    written, mistakes = convert(document.data, PlanFile)
    mistakes += _stage_name_mistakes(document.data)
    if written is None or mistakes:
        raise _refused(document, mistakes, uri)
    stages = {}
    for name, stage in written.stages.items():
        checks = tuple(
            check
            for index, raw in enumerate(stage.checks)
            if (check := _check(raw, written.defaults, ("stages", name, "checks", index), mistakes)) is not None
        )
        if not stage.checks:
            mistakes.append(
                (("stages", name, "checks"), "a stage without checks proves nothing; add a check or remove the stage")
            )
        mistakes += _need_mistakes(checks)
        stages[str(name)] = Stage(checks=checks, bake_s=float(stage.bake))
    if mistakes:
        raise _refused(document, mistakes, uri)
    return Plan(stages=stages, variables=written.variables, target=written.target, source=source, document=document)


def _refused(document: yamlread.Document, mistakes: list[tuple[yamlread.Path, str]], uri: str) -> PlanError:
    problems = [document.problem(message, path) for path, message in mistakes]
    return PlanError(sorted(problems, key=lambda problem: (problem.line, problem.column)), uri)


def _stage_name_mistakes(data: dict[str, Any]) -> list[tuple[yamlread.Path, str]]:
    stages = data.get("stages")
    if not isinstance(stages, dict):
        return []
    if not stages:
        return [(("stages",), "a plan without stages checks nothing")]
    return [
        (("stages", name), f"there is no stage {name!r}{nearest(name, STAGES)}; the stages are {', '.join(STAGES)}")
        for name in stages
        if name not in get_args(StageName)
    ]


def _check(
    raw: dict[str, Any], defaults: Defaults, path: yamlread.Path, mistakes: list[tuple[yamlread.Path, str]]
) -> Check | None:
    control, found = convert({key: value for key, value in raw.items() if key in CONTROL_KEYS}, Control, path)
    others = [key for key in raw if key not in CONTROL_KEYS]
    if len(others) != 1:
        what = (
            "names no validator"
            if not others
            else f"has {len(others)} keys that could be its validator ({', '.join(others)})"
        )
        hints = "".join(f"; {key!r}: {hint[2:]}" for key in others if (hint := nearest(key, CONTROL_KEYS)))
        found.append(
            (path, f"the check {what}; beside {', '.join(CONTROL_KEYS)} it has exactly one key, the validator{hints}")
        )
    mistakes += found
    if control is None or found:
        return None
    validator = others[0]
    return Check(
        name=control.name,
        validator=validator,
        params={} if raw[validator] is None else raw[validator],
        severity=control.severity,
        timeout_s=float(control.timeout or defaults.timeout),
        retry=control.retry or defaults.retry,
        needs=control.needs,
        when=control.when or When(),
        tags=control.tags,
        path=path,
    )


def _need_mistakes(checks: tuple[Check, ...]) -> list[tuple[yamlread.Path, str]]:
    found: list[tuple[yamlread.Path, str]] = []
    earlier: set[str] = set()
    names = {check.name for check in checks}
    for check in checks:
        if check.name in earlier:
            found.append(
                ((*check.path, "name"), f"another check of this stage is called {check.name!r}; names must differ")
            )
        for need in check.needs:
            if need not in names:
                found.append(
                    ((*check.path, "needs"), f"no check of this stage is called {need!r}{nearest(need, names)}")
                )
            elif need not in earlier:
                found.append(((*check.path, "needs"), f"{need!r} must stand before the check that needs it"))
        earlier.add(check.name)
    return found
