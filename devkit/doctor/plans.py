"""The plan of a deployment group and the installation that runs it: they fit each other, the hooks and their roles."""

from __future__ import annotations

import datetime
import functools
import shlex
import urllib.parse
from typing import TYPE_CHECKING, Any

from devkit.doctor import hooks, permissions, security_groups
from devkit.doctor.reader import run_check
from devkit.doctor.rules import from_lint, symptom
from devkit.lint.limits import Limits
from devkit.lint.linter import problems
from devkit.plans import iam_policy, includes
from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core import settings
from greenlight.core.deployment import STAGES, Deployment, Platform
from greenlight.core.errors import PlanError, Problem, SettingsError
from greenlight.discovery.ecs import HOST_TAG
from greenlight.gate.prepare import ENVIRONMENT_TAG
from greenlight.network.guard import Guard
from greenlight.plan import parser as plans
from greenlight.stores import file, plan_lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devkit.doctor.deployment_group import GroupState
    from devkit.doctor.rules import Symptom
    from greenlight.core.settings import Settings
    from greenlight.plan.includes import Fetch
    from greenlight.plan.model import Plan

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "url")
_NOT_BY_TEMPLATE = ("plan_folder", "allow_loopback")


@functools.cache
def _registry() -> Registry:
    """Find the validators once, for however many groups."""
    return Registry()


def _ours(scene: GroupState) -> dict[str, dict[str, Any]]:
    """Give the hooks of greenlight, by event; where none is named, one of the installation shows its settings."""
    named = {event: each for event, each in scene.hooks.items() if hooks.stage_of(each)}
    if named or (scene.appspec and scene.appspec.hooks):
        return named
    stage = STAGES[-1]
    known = hooks.configuration(scene.reader, hooks.of_installation(scene.installation, stage))
    return {stage: known} if known and hooks.stage_of(known) else {}


def _variables(configuration: dict[str, Any]) -> dict[str, str]:
    return dict(configuration.get("Environment", {}).get("Variables", {}))


def installation(scene: GroupState) -> Iterator[Symptom]:
    """Look at the installation's settings: they are possible, and all are there that this greenlight knows."""
    for found in list(_ours(scene).values())[:1]:
        variables, name = _variables(found), str(found["FunctionName"])
        wanted = {
            f"GREENLIGHT_{each.upper()}" for each in settings.Settings.__struct_fields__ if each not in _NOT_BY_TEMPLATE
        }
        if missing := sorted(wanted - variables.keys()):
            yield symptom(
                "installation-older",
                "the installation is older than this command: its hooks do not know everything that plans may say now",
                f"{name} has no {', '.join(missing)}",
                fix="deploy greenlight again: sam build && sam deploy",
            )
        try:
            settings.read(variables)
        except SettingsError as error:
            yield symptom(
                "installation-settings",
                f"the hooks answer Failed for every deployment: {error}",
                name,
                fix="deploy greenlight again with a right value for the parameter",
            )


def _settings(scene: GroupState) -> Settings | None:
    """Give the settings of the hooks; None where no hook of greenlight is known, or they are told to be impossible."""
    for found in _ours(scene).values():
        try:
            return settings.read(_variables(found))
        except SettingsError:
            return None
    return None


def _text(scene: GroupState) -> tuple[str, str] | None:
    """Read the plan where the gate would find it, or from this machine; None where there is none. Gives URI and text.

    Raises:
        AwsError: A store may not be read.
        PlanError: The tag names nothing, or what was found is no text.
    """
    if scene.plan_file:
        read = file.read(scene.plan_file)
        return (scene.plan_file, read[0]) if read else None
    known = _settings(scene)
    if known is None:
        return None
    deployment = Deployment(id="", stage="", platform=scene.platform, application=scene.application, group=scene.group)
    uris = (
        [tag]
        if (tag := scene.tags.get(plan_lookup.PLAN_TAG, "").strip())
        else plan_lookup.candidate_uris(known, deployment)
    )
    for uri in uris:
        if (found := plan_lookup.read(scene.reader, known, uri)) is not None:
            return uri, found[0]
        if tag:
            raise PlanError(
                [Problem(f"the tag {plan_lookup.PLAN_TAG} of the deployment group names {tag}, and there is nothing")]
            )
    return None


def plan(scene: GroupState) -> Iterator[Symptom]:
    """Look for the plan, lint it with the hooks' own time-out, and hold it against hooks, hosts and permissions."""
    known, tag = _settings(scene), scene.tags.get(plan_lookup.PLAN_TAG, "").strip()
    if not scene.plan_file and tag.startswith("file:"):
        yield symptom(
            "could-not-look",
            f"the plan {tag} is packed with the hooks, so it could not be looked at",
            fix="name it: --plan FILE",
        )
        return
    try:
        found = _text(scene)
    except PlanError as error:
        for problem in error.problems:
            yield symptom(
                "plan",
                f"the gate refuses the plan: {problem}",
                error.source,
                fix=_read_again(scene, error.source or tag),
            )
        return
    if found is None:
        yield from _none(scene, known)
        return
    uri, text = found
    fetch = _fetching(scene, known)
    yield from _linted(scene, uri, text, known, fetch)
    environment = scene.tags.get(ENVIRONMENT_TAG, "").strip() or (known.environment if known else "")
    try:
        read = plans.parse(text, uri, environment=environment, fetch=fetch)
    except PlanError as error:
        for problem in error.problems:  # of this environment; what lint has told is told once
            yield symptom("plan", str(problem), fix=_read_again(scene, uri))
        return
    yield from _stages(scene, uri, read)
    yield from _shadow(uri, read, known)
    if known is not None:
        yield from _hosts(scene, read, known)
    yield from _permissions(scene, uri, read)
    what = f"the way of the hooks to the load balancer of {scene.group}"
    yield from run_check(what, lambda: security_groups.way_in(scene, read, environment, _ours(scene)))


def _read_again(scene: GroupState, uri: str) -> str:
    """Write the commands that show where a plan is wrong."""
    if scene.plan_file:
        return f"greenlight lint {shlex.quote(scene.plan_file)}"
    kind, _, name = uri.partition(":")
    if kind == "ssm":
        read = f"aws ssm get-parameter --name {shlex.quote(name)} --with-decryption --query Parameter.Value --output text > plan.yaml"
    elif kind == "s3":
        read = f"aws s3 cp {shlex.quote(uri)} plan.yaml"
    else:
        read = f"aws deploy list-tags-for-resource --resource-arn {scene.arn}"
        return f"{read}\nwrite s3://BUCKET/KEY, ssm:/NAME or file:NAME as its tag {plan_lookup.PLAN_TAG}"
    return f"{read}\ngreenlight lint plan.yaml"


def _fetching(scene: GroupState, known: Settings | None) -> Fetch:
    """Give what reads the fragments of a plan where the gate would, or beside a file."""
    if scene.plan_file:
        return includes.fetching(scene.plan_file, (), scene.reader)
    return lambda uri: plan_lookup.read(scene.reader, known or settings.Settings(), uri)


def _none(scene: GroupState, known: Settings | None) -> Iterator[Symptom]:
    if scene.plan_file:
        yield symptom("plan", f"there is no file {scene.plan_file}", fix="name the plan's file")
        return
    if known is None:
        return  # not greenlight's hooks: they have plans of their own, or none
    uri = next(
        plan_lookup.candidate_uris(
            known,
            Deployment(id="", stage="", platform=scene.platform, application=scene.application, group=scene.group),
        ),
        "",
    )
    place = f"; the first place is {uri}" if uri else ""
    put = f"put it there: greenlight plan push plan.yaml --at {shlex.quote(uri)}" if uri else "pack it with the hooks"
    fix = f"write a plan (greenlight new plan) and {put}; one that is packed with the hooks is seen with --plan FILE"
    rule, then = {
        "pass": ("missing-plan-passes", "lets such releases through without a check"),
        "fail": ("no-plan", "fails them"),
    }.get(
        known.on_missing_plan,
        ("default-checks", "checks only whether green is healthy, and nothing that the service does"),
    )
    yield symptom(
        rule,
        f"there is no plan for {scene.application}/{scene.group}, and the installation {then}{place}",
        f"OnMissingPlan: {known.on_missing_plan}",
        fix=fix,
    )


def _linted(scene: GroupState, uri: str, text: str, known: Settings | None, fetch: Fetch) -> Iterator[Symptom]:
    times = {str(each["FunctionName"]): float(each.get("Timeout", 600)) for each in _ours(scene).values()}
    limits = Limits(
        function_s=min(times.values(), default=600.0),
        concurrency=known.concurrency if known else 16,
        today=datetime.datetime.now(datetime.UTC).date(),
    )
    for problem in problems(text, uri, _registry(), limits, fetch):
        rule = from_lint(problem)
        timed = rule.startswith("hook-")
        yield symptom(
            rule,
            str(problem),
            f"{problem.source or uri}:{problem.line or 1}:{problem.column or 1} [{problem.rule}]",
            *(
                [f"{min(times, key=lambda name: times[name])} ends after {limits.function_s:.0f} s"]
                if times and timed
                else []
            ),
            fix="shorten the stage, or give the hooks more time, 900 s at most: sam deploy --parameter-overrides HookTimeout=900"
            if timed
            else f"greenlight lint --explain {problem.rule}",
        )


def _stages(scene: GroupState, uri: str, read: Plan) -> Iterator[Symptom]:
    """Say which stages no hook calls, where it is known which hooks there are."""
    if scene.appspec is None or not scene.appspec.hooks:
        return  # no hooks at all is a symptom of its own
    for stage in (each for each in read.stages if each not in scene.appspec.hooks):
        if scene.platform is Platform.LAMBDA and stage not in STAGES[-2:]:
            yield symptom(
                "stage-without-hook",
                f"the plan checks something at {stage}, which deployments of Lambda functions do not have",
                uri,
                fix="move these checks to BeforeAllowTraffic",
            )
            continue
        yield symptom(
            "stage-without-hook",
            f"the plan checks something at {stage}, and {scene.appspec.source} names no hook for it: these checks never run",
            uri,
            fix=f"write into the AppSpec:\nHooks:\n  - {stage}: {hooks.of_installation(scene.installation, stage)}",
        )


def _shadow(uri: str, read: Plan, known: Settings | None) -> Iterator[Symptom]:
    today = datetime.datetime.now(datetime.UTC).date()
    if read.shadow and known and known.allow_shadow and read.shadow.in_force(today):
        yield symptom(
            "shadow",
            f"until {read.shadow.until} the gate tells CodeDeploy Succeeded whatever it finds",
            uri,
            f"why: {read.shadow.why}",
            fix="take the key shadow out of the plan when the gate has earned trust",
        )


def _hosts(scene: GroupState, read: Plan, known: Settings) -> Iterator[Symptom]:
    """Find hosts in the plan that are neither the deployment's nor allowed."""
    guard = Guard({*known.allowed_hosts, scene.tags.get(HOST_TAG, ""), read.target.host or ""})
    urls = {url: check.name for stage in read.stages.values() for check in stage.checks for url in _urls(check.params)}
    if read.target.url:
        urls[read.target.url] = "target"
    for host in dict.fromkeys(filter(None, map(_host, urls))):
        # Names of load balancers are the deployment's own, or will be told by the gate.
        if not guard.allows(host) and not host.endswith((".elb.amazonaws.com", ".elb.amazonaws.com.cn")):
            by = sorted({name for url, name in urls.items() if _host(url) == host})
            yield symptom(
                "host-not-allowed",
                f"the plan calls {host}, and the installation allows no such host: the check ends as an error",
                f"check: {', '.join(by)}",
                f"AllowedHosts: {', '.join(known.allowed_hosts) or 'none'}",
                fix=f"deploy greenlight with AllowedHosts={','.join((*known.allowed_hosts, host))}",
            )


def _urls(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _urls(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _urls(inner, key)
    elif isinstance(value, str) and key in _METHODS and "://" in value:
        yield value


def _host(url: str) -> str:
    try:
        host = urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return "" if "$" in host or "{" in host else host


def _permissions(scene: GroupState, uri: str, read: Plan) -> Iterator[Symptom]:
    """Hold what `greenlight iam` says of the plan against the role of each stage's hook."""
    try:
        bound = bind(read, Deployment(id="doctor", platform=scene.platform, stage=""), {}, _registry())
    except PlanError:
        return  # told by lint
    data = read.document.data if read.document else {}
    for event, found in _ours(scene).items():
        if event not in read.stages or (scene.appspec is None):
            continue
        needs = [*iam_policy.wanted(bound.get(event, ()), scene.partition), *iam_policy.included(data, scene.partition)]
        role = permissions.role(scene.reader, str(found["Role"]))
        lacking = [
            (action, resource)
            for each in iam_policy.statements(needs)
            for action in each.actions
            for resource in each.resources
            if role is not None and not role.may(action, resource)
        ]
        if lacking:
            yield symptom(
                "check-not-allowed",
                f"checks of {event} need permissions that the role of {found['FunctionName']} does not have; they end as errors",
                *(f"{action} on {resource}" for action, resource in lacking),
                fix=f"greenlight iam {shlex.quote(uri)} --format json > policy.json\naws iam create-policy --policy-name greenlight-checks --policy-document file://policy.json\nand deploy greenlight with its ARN as CheckPolicyArn",
            )
