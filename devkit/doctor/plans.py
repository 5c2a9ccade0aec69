"""Checks of a deployment group's plan: it fits the installation, the hooks and the roles of their functions."""

from __future__ import annotations

import datetime
import functools
import shlex
import urllib.parse
from typing import TYPE_CHECKING, Any, Literal

from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core import settings
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.deployment import SHIFT, STAGES, Deployment, Platform
from greenlight.core.errors import PlanError, Problem
from greenlight.discovery.ecs import HOST_TAG
from greenlight.gate.prepare import ENVIRONMENT_TAG
from greenlight.network.guard import Guard
from greenlight.plan import parser
from greenlight.stores import file, plan_lookup

from ..lint.limits import Limits
from ..lint.linter import problems
from ..plans import iam_policy, includes
from . import machine, permissions
from .ecs_routing import check_rules_above
from .hook_names import hook_name
from .installation import own_hooks, read_settings
from .plan_secrets import check_secrets
from .reader import run_check
from .rules import make_symptom, rule_for_problem
from .security_groups import check_access_to_green
from .watch import check_watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.core.settings import Settings
    from greenlight.plan.includes import Fetch
    from greenlight.plan.model import Plan

    from .deployment_group import GroupState
    from .rules import Symptom

_URL_KEYS = ("get", "post", "put", "patch", "delete", "head", "options", "url")


@functools.cache
def _registry() -> Registry:
    """Load the validators once for all groups."""
    return Registry()


# ---- The plan --------------------------------------------------------------------------------------------------------


def check_plan(state: GroupState) -> Iterator[Symptom]:
    """Find the plan, lint it with the hooks' real timeout, and compare it with hooks, hosts and permissions."""
    hook_settings, tag = read_settings(state), state.tags.get(plan_lookup.PLAN_TAG, "").strip()
    if not state.plan_file and tag.startswith("file:"):
        yield make_symptom(
            "could-not-look",
            f"the plan {tag} is packed with the hooks, so it could not be read",
            fix="pass it: --plan FILE",
        )
        return
    try:
        source = _read_plan(state, hook_settings)
    except PlanError as error:
        for problem in error.problems:
            yield make_symptom(
                "plan",
                f"the gate rejects the plan: {problem}",
                error.source,
                fix=_show_plan_commands(state, error.source or tag),
            )
        return
    if source is None:
        yield from _missing_plan_symptoms(state, hook_settings)
    else:
        yield from _check_source(state, source[0], source[1], hook_settings)


def _read_plan(state: GroupState, hook_settings: Settings | None) -> tuple[str, str] | None:
    """Read the plan from this machine or where the gate looks for it.

    Returns:
        The plan's URI and text; None if there is no plan.

    Raises:
        AwsError: Access to a store is denied.
        PlanError: The tag names a plan that does not exist, or the plan is not text.
    """
    if state.plan_file:
        document = file.read(state.plan_file)
        return (state.plan_file, document[0]) if document else None
    if hook_settings is None:
        return None
    tag = state.tags.get(plan_lookup.PLAN_TAG, "").strip()
    for uri in [tag] if tag else plan_lookup.candidate_uris(hook_settings, _deployment(state)):
        if (document := plan_lookup.read(state.reader, hook_settings, uri)) is not None:
            return uri, document[0]
        if tag:
            message = f"the tag {plan_lookup.PLAN_TAG} of the deployment group names {tag}, which does not exist"
            raise PlanError([Problem(message)])
    return None


def _deployment(state: GroupState) -> Deployment:
    return Deployment(id="", stage="", platform=state.platform, application=state.application, group=state.group)


def _show_plan_commands(state: GroupState, uri: str) -> str:
    """Return the commands that show where a plan is wrong."""
    if state.plan_file:
        return f"greenlight lint {shlex.quote(state.plan_file)}"
    kind, _, name = uri.partition(":")
    if kind == "ssm":
        read = (
            f"aws ssm get-parameter --name {shlex.quote(name)} --with-decryption --query Parameter.Value "
            "--output text > plan.yaml"
        )
    elif kind == "s3":
        read = f"aws s3 cp {shlex.quote(uri)} plan.yaml"
    else:
        return (
            f"aws deploy list-tags-for-resource --resource-arn {state.arn}\n"
            f"set its tag {plan_lookup.PLAN_TAG} to s3://BUCKET/KEY, ssm:/NAME or file:NAME"
        )
    return f"{read}\ngreenlight lint plan.yaml"


def _fetch(state: GroupState, hook_settings: Settings | None) -> Fetch:
    """Return the function that reads the fragments of a plan: where the gate reads them, or beside a file."""
    if state.plan_file:
        return includes.fragment_fetcher(state.plan_file, (), state.reader)
    return lambda uri: plan_lookup.read(state.reader, hook_settings or settings.Settings(), uri)


def _missing_plan_symptoms(state: GroupState, hook_settings: Settings | None) -> Iterator[Symptom]:
    if state.plan_file:
        yield make_symptom("plan", f"there is no file {state.plan_file}", fix="pass the file of the plan: --plan FILE")
        return
    if hook_settings is None:
        return  # the hooks are not greenlight's, and need no plan
    uri = next(plan_lookup.candidate_uris(hook_settings, _deployment(state)), "")
    store = "pack it with the hooks"
    if uri:
        store = f"store it: greenlight plan push plan.yaml --at {shlex.quote(uri)}"
    rule, effect = {
        "pass": ("missing-plan-passes", "lets such deployments pass without a check"),
        "fail": ("no-plan", "fails such deployments"),
    }.get(
        hook_settings.on_missing_plan,
        ("default-checks", "checks only whether green is healthy, not what the service does"),
    )
    yield make_symptom(
        rule,
        f"there is no plan for {state.application}/{state.group}, and the installation {effect}"
        + (f"; the first place where it looks is {uri}" if uri else ""),
        f"OnMissingPlan: {hook_settings.on_missing_plan}",
        fix=f"write a plan (greenlight new plan) and {store}; if it is packed with the hooks, pass --plan FILE",
    )


def _check_source(state: GroupState, uri: str, text: str, hook_settings: Settings | None) -> Iterator[Symptom]:
    fetch = _fetch(state, hook_settings)
    yield from _lint(state, uri, text, hook_settings, fetch)
    environment = state.tags.get(ENVIRONMENT_TAG, "").strip() or (hook_settings.environment if hook_settings else "")
    try:
        plan = parser.parse(text, uri, environment=environment, fetch=fetch)
    except PlanError as error:
        for problem in error.problems:  # of this environment; worst_first drops what lint has reported as well
            yield make_symptom("plan", str(problem), fix=_show_plan_commands(state, uri))
        return
    yield from _check_stages(state, uri, plan)
    yield from check_watch(state, uri, plan, hook_settings)
    yield from _check_shadow(uri, plan, hook_settings)
    if hook_settings is not None:
        yield from _check_hosts(state, plan, hook_settings)
        yield from check_secrets(plan, state.application, hook_settings)
        yield from machine.check_plan_fits(plan, uri, hook_settings)
    functions = machine.read_checking_functions(state, plan, hook_settings, own_hooks(state))
    yield from _check_permissions(state, uri, plan, functions)
    yield from run_check(
        f"the listener rules of {state.group}",
        lambda: check_rules_above(state, plan),
    )
    yield from run_check(
        f"the network between the checks and the load balancer of {state.group}",
        lambda: check_access_to_green(state, plan, environment, functions),
    )
    if hook_settings is not None:
        yield from run_check(
            "the network of the probes", lambda: machine.check_probe_network(state, functions, hook_settings)
        )


def _lint(state: GroupState, uri: str, text: str, hook_settings: Settings | None, fetch: Fetch) -> Iterator[Symptom]:
    timeouts_s = {str(hook["FunctionName"]): float(hook.get("Timeout", 600)) for hook in own_hooks(state).values()}
    limits = Limits(
        function_s=min(timeouts_s.values(), default=600.0),
        concurrency=hook_settings.concurrency if hook_settings else 16,
        conductor=_conductor(hook_settings),
        today=_today(),
    )
    for problem in problems(text, uri, _registry(), limits, fetch):
        rule = rule_for_problem(problem)
        evidence = [f"{problem.source or uri}:{problem.line or 1}:{problem.column or 1} [{problem.rule}]"]
        fix = f"greenlight lint --explain {problem.rule}"
        if rule.startswith("hook-"):
            shortest = min(timeouts_s, key=lambda name: timeouts_s[name], default="")
            evidence += [f"{shortest} times out after {limits.function_s:.0f} s"] if shortest else []
            fix = (
                "shorten the stage, or raise the timeout of the hooks, at most 900 s: "
                "sam deploy --parameter-overrides HookTimeout=900"
            )
        yield make_symptom(rule, str(problem), *evidence, fix=fix)


def _conductor(settings: Settings | None) -> Literal["auto", "machine", "inline"]:
    """Return the conductor of an installation; "inline" for one from before the state machine."""
    if settings is None:
        return "auto"
    if not settings.machine:
        return "inline"
    return "machine" if settings.conductor == "machine" else "auto"


def _today() -> datetime.date:
    return SYSTEM_CLOCK.now_utc().date()


# ---- The plan against the deployment group ---------------------------------------------------------------------------


def _check_stages(state: GroupState, uri: str, plan: Plan) -> Iterator[Symptom]:
    """Check that each stage of the plan has a hook, if the AppSpec is available."""
    if state.appspec is None or not state.appspec.hooks:
        return  # an AppSpec without any hooks has a rule of its own
    for stage in (stage for stage in plan.stages if stage not in state.appspec.hooks and stage != SHIFT):
        if state.platform is Platform.LAMBDA and stage not in STAGES[-2:]:
            yield make_symptom(
                "stage-without-hook",
                f"the plan has checks at {stage}, a lifecycle event that deployments of Lambda functions do not have",
                uri,
                fix="move these checks to BeforeAllowTraffic",
            )
            continue
        yield make_symptom(
            "stage-without-hook",
            f"the plan has checks at {stage}, but {state.appspec.source} names no hook for it, so they never run",
            uri,
            fix=f"write in the AppSpec:\nHooks:\n  - {stage}: {hook_name(state.installation, stage)}",
        )


def _check_shadow(uri: str, plan: Plan, hook_settings: Settings | None) -> Iterator[Symptom]:
    if plan.shadow and hook_settings and hook_settings.allow_shadow and plan.shadow.in_force(_today()):
        yield make_symptom(
            "shadow",
            f"the plan is in shadow mode: until {plan.shadow.until} the gate "
            "answers Succeeded, whatever its checks find",
            uri,
            f"why: {plan.shadow.why}",
            fix="remove the key shadow from the plan when you trust its checks",
        )


def _check_hosts(state: GroupState, plan: Plan, hook_settings: Settings) -> Iterator[Symptom]:
    """Check that each host in the plan belongs to the deployment or is in AllowedHosts."""
    guard = Guard({*hook_settings.allowed_hosts, state.tags.get(HOST_TAG, ""), plan.target.host or ""})
    urls = {url: check.name for stage in plan.stages.values() for check in stage.checks for url in _urls(check.params)}
    if plan.target.url:
        urls[plan.target.url] = "target"
    for host in dict.fromkeys(filter(None, map(_host, urls))):
        # A load balancer's name may belong to the deployment; the gate decides that with discovery.
        if not guard.allows(host) and not host.endswith((".elb.amazonaws.com", ".elb.amazonaws.com.cn")):
            names = sorted({name for url, name in urls.items() if _host(url) == host})
            yield make_symptom(
                "host-not-allowed",
                f"the plan calls {host}, which is not in the installation's AllowedHosts: the check ends as an error",
                f"check: {', '.join(names)}",
                f"AllowedHosts: {', '.join(hook_settings.allowed_hosts) or 'none'}",
                fix=f"deploy greenlight with AllowedHosts={','.join((*hook_settings.allowed_hosts, host))}",
            )


def _urls(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _urls(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _urls(inner, key)
    elif isinstance(value, str) and key in _URL_KEYS and "://" in value:
        yield value


def _host(url: str) -> str:
    try:
        host = urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return "" if "$" in host or "{" in host else host


def _check_permissions(
    state: GroupState, uri: str, plan: Plan, functions: Mapping[str, dict[str, Any]]
) -> Iterator[Symptom]:
    """Compare the permissions of `greenlight iam` with the execution role of the function that runs each stage."""
    try:
        bound = bind(plan, Deployment(id="doctor", platform=state.platform, stage=""), {}, _registry())
    except PlanError:
        return  # lint reports this
    data = plan.document.data if plan.document else {}
    for event, function in functions.items():
        if event not in plan.stages or state.appspec is None:
            continue
        needs = [
            *iam_policy.required_permissions(bound.get(event, ()), state.partition),
            *iam_policy.include_permissions(data, state.partition),
        ]
        role = permissions.read_role(state.reader, str(function["Role"]))
        missing = [
            (action, resource)
            for statement in iam_policy.build_statements(needs)
            for action in statement.actions
            for resource in statement.resources
            if role is not None and not role.may(action, resource)
        ]
        if missing:
            yield make_symptom(
                "check-not-allowed",
                f"checks of {event} need permissions that the execution role of "
                f"{function['FunctionName']} does not have; they end as errors",
                *(f"{action} on {resource}" for action, resource in missing),
                fix=f"greenlight iam {shlex.quote(uri)} --format json > policy.json\n"
                "aws iam create-policy --policy-name greenlight-checks --policy-document file://policy.json\n"
                "and deploy greenlight with the policy's ARN as CheckPolicyArn",
            )
