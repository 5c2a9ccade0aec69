"""Prepare a gate: find the plan of the discovered deployment, or its default checks, and fetch secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from greenlight.aws.secrets import fetch_secrets
from greenlight.core import references
from greenlight.core.deployment import PLAN_STAGES, SHIFT, Deployment, Platform, Side
from greenlight.core.errors import DiscoveryError, PlanError, Problem
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import DEFAULT_CHECKS, PlanSource
from greenlight.core.secret_paths import forbidden_reason
from greenlight.core.units import Duration
from greenlight.plan.model import Check, Plan, Stage
from greenlight.plan.retry import Retry
from greenlight.plan.schema import Accepts, Target
from greenlight.plan.shadow import Shadow

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.settings import Settings
    from greenlight.plan.hold import Hold
    from greenlight.stores.plan_lookup import PlanReader

ENVIRONMENT_TAG = "greenlight:environment"
"""Tag of a deployment group with the name of its environment, which replaces the installation's environment."""

_CODES = re.compile(r"\b([1-5][0-9][0-9])(?:-([1-5][0-9][0-9]))?\b", re.ASCII)

REACHABLE_STAGES = PLAN_STAGES[2:]
"""Stages at which green receives requests, so that the URL of the plan's target can be used."""


class Prepared(FrozenStruct, frozen=True, kw_only=True):
    """Everything that is needed to run the checks of one gate. If `plan.waived` is set, no check needs to run.

    Attributes:
        deployment: The deployment with its plan's target.
        plan: The plan that applies.
        secrets: Values of the secrets that the checks refer to, by name.
        earlier_run: Request id of an invocation that may have run checks of this gate; those that may change data do
            not run again. "" for none.
        is_watched: The plan that was found watches the shift of the traffic; False for a rollback.
    """

    deployment: Deployment
    plan: Plan
    secrets: dict[str, str] = {}
    earlier_run: str = ""
    is_watched: bool = False

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of this stage."""
        stage = self.plan.stages.get(self.deployment.stage)
        return stage.checks if stage else ()

    @property
    def bake_s(self) -> float:
        """Time to wait before the checks, in seconds."""
        stage = self.plan.stages.get(self.deployment.stage)
        return stage.bake_s if stage else 0.0

    @property
    def hold(self) -> Hold | None:
        """The wait for an approval after the checks; None for none."""
        stage = self.plan.stages.get(self.deployment.stage)
        return stage.hold if stage else None


def prepare(
    aws: Aws, settings: Settings, deployment: Deployment, tags: dict[str, str], reader: PlanReader | None = None
) -> Prepared:
    """Return the deployment with its plan; `with_secrets` adds the secrets.

    Args:
        aws: AWS clients to read plans with.
        settings: Places of plans, and the behaviour without a plan.
        deployment: From `greenlight.discovery`.
        tags: Tags of the deployment group.
        reader: Reader of the plan, which keeps the texts; None for a new one.

    Raises:
        PlanError: The plan is not valid, or there is no plan and the operator requires one.
        AwsError: A plan store could not be read.
        DiscoveryError: There is no plan, and there is no default check for this deployment.
    """
    from greenlight.stores.plan_lookup import find_plan

    environment = tags.get(ENVIRONMENT_TAG, "").strip() or settings.environment
    deployment = msgspec.structs.replace(deployment, environment=environment)
    if deployment.is_rollback and settings.on_rollback == "pass":
        reason = "this deployment is a rollback, and rollbacks are let through at once"
        return Prepared(deployment=deployment, plan=Plan(stages={}, waived=reason))
    plan = find_plan(aws, settings, deployment, tags, reader)
    is_watched = plan is not None and SHIFT in plan.stages and not deployment.is_rollback
    if plan is None or deployment.stage not in plan.stages:
        missing = _describe_missing_plan(deployment, plan)
        plan = _fallback_plan(settings, deployment, plan)
        if not plan.waived:
            notes = (*deployment.notes, f"{missing}, so the default checks ran")
            if accepts := plan.stages[deployment.stage].accepts:
                notes = (*notes, f"{accepts.why}, so the default checks did not request it")
            deployment = msgspec.structs.replace(deployment, notes=notes)
    return Prepared(deployment=apply_plan_target(deployment, plan), plan=plan, is_watched=is_watched)


def with_secrets(prepared: Prepared, aws: Aws, settings: Settings) -> Prepared:
    """Return the gate with the secrets that the checks of the stage refer to; skipped checks need none.

    Raises:
        PlanError: A secret does not exist, or is not for plans of this application; none has been read then.
        AwsError: The store of a secret could not be read.
    """
    running = [check for check in prepared.checks if not check.skip_reason(prepared.deployment)]
    names = references.secret_names([check.params for check in running])
    source = prepared.plan.source
    problems = [
        Problem(f"${{secret:{name}}}: {reason}")
        for name in sorted(names)
        if (reason := forbidden_reason(name, prepared.deployment.application, settings.secret_paths))
    ]
    if problems:
        raise PlanError(problems, source.uri, plan=source)
    try:
        return msgspec.structs.replace(prepared, secrets=fetch_secrets(names, aws))
    except PlanError as error:
        raise PlanError(error.problems, source.uri, plan=source) from error


def apply_plan_target(deployment: Deployment, plan: Plan) -> Deployment:
    """Return the deployment with green's host name and URL from the plan's `target`, which takes precedence."""
    green = deployment.green
    if plan.target.host:
        green = msgspec.structs.replace(green, host=plan.target.host)
    if plan.target.url and deployment.stage in REACHABLE_STAGES:
        url, host = plan.target.url.rstrip("/"), plan.target.host or ""
        green = msgspec.structs.replace(
            green, url=url, host=host, no_url="", headers={}, path_patterns=(), rules_above=()
        )
    return msgspec.structs.replace(deployment, green=green)


def default_plan(deployment: Deployment, shadow: Shadow | None = None, target: Target | None = None) -> Plan:
    """Return the plan with the default checks of a deployment at its stage.

    Raises:
        DiscoveryError: There is no default check for this deployment.
    """
    target = target or Target()
    stage = default_stage(apply_plan_target(deployment, Plan(stages={}, target=target)))
    source = PlanSource(uri=DEFAULT_CHECKS)
    return Plan(stages={deployment.stage: stage}, target=target, shadow=shadow, source=source)


def _fallback_plan(settings: Settings, deployment: Deployment, plan: Plan | None) -> Plan:
    """Return the plan for a stage without checks, as OnMissingPlan says: the default checks, or a waiver.

    Raises:
        PlanError: OnMissingPlan is fail.
    """
    missing = _describe_missing_plan(deployment, plan)
    if deployment.stage == SHIFT:
        return Plan(stages={}, waived=f"{missing}, so the shift of the traffic is not watched")
    if settings.on_missing_plan == "fail":
        raise PlanError(
            [Problem(f"{missing}, and this installation requires one (OnMissingPlan is fail)")],
            plan.source.uri if plan else "",
        )
    if settings.on_missing_plan == "pass":
        return Plan(
            stages={}, waived=f"{missing}, and this installation passes such deployments (OnMissingPlan is pass)"
        )
    if plan is None:
        return default_plan(deployment)
    # A load balancer that only the operator's subnets reach is not reachable for default checks from elsewhere.
    return msgspec.structs.replace(default_plan(deployment, plan.shadow, plan.target), network=plan.network)


def _describe_missing_plan(deployment: Deployment, plan: Plan | None) -> str:
    if plan:
        return f"the plan {plan.source.uri} has no stage {deployment.stage}"
    name = "/".join(part for part in (deployment.application, deployment.group) if part)
    return f"no plan was found for {name or deployment.id}"


def default_stage(deployment: Deployment) -> Stage:
    """Return the default checks of a deployment without a plan, at least one.

    Where a listener rule before green's takes the health check's path, readiness has to suffice as evidence.

    Raises:
        DiscoveryError: There is no default check for this deployment.
    """
    if deployment.platform is Platform.LAMBDA:
        return Stage(
            checks=(Check(name="the new version is ready", validator="lambda_state", params={}, timeout_s=60.0),)
        )
    green = deployment.green
    # Blue's health matters only before green is installed; later it would hide a broken green.
    side = "blue" if deployment.stage == "BeforeInstall" and not green.target_group else "green"
    if not getattr(deployment, side).target_group:
        raise DiscoveryError(
            f"there is no plan, and {side} has no target group at {deployment.stage} "
            "whose health could be checked instead"
        )
    checks = [
        Check(
            name=f"{side}'s targets are healthy",
            validator="target_health",
            params={"side": side},
            timeout_s=150.0,
        )
    ]
    taken = _describe_health_check_taken(green)
    if green.url and green.health_check_path and not taken:
        checks.append(
            Check(
                name="green answers its own health check",
                validator="http",
                params={"get": green.health_check_path, "expect": {"status": _expected_status(green)}},
                retry=Retry(attempts=3, interval=Duration(2)),
            )
        )
    elif green.url and not green.health_check_path:
        # Healthy targets do not show that green answers where its users ask it. A load balancer of HTTP opens every
        # connection itself, so this check is only for one of TCP.
        retry = Retry(attempts=3, interval=Duration(2))
        checks.append(Check(name="green accepts connections", validator="tcp", params={}, retry=retry))
    return Stage(checks=tuple(checks), accepts=Accepts(evidence="readiness", why=taken) if taken else None)


def _describe_health_check_taken(green: Side) -> str:
    """Return which rule of the listener may take a request of the health check's path; "" if green answers it."""
    from greenlight.core.errors import GuardError
    from greenlight.network.request_target import find_taken, resolve_request

    if not (green.rules_above and green.url and green.health_check_path):
        return ""
    try:
        request = resolve_request(msgspec.structs.replace(green, rules_above=()), green.health_check_path, {})
    except GuardError:
        return ""  # the check itself reports a path that green's own rule does not accept
    return find_taken(green, request.url, request.headers, "GET")


def _expected_status(side: Side) -> object:
    """Return the expectation for a target group's matcher ("200", "200,301", "200-299")."""
    codes: list[int] = []
    for low, high in _CODES.findall(side.health_check_codes):
        codes += range(int(low), int(high or low) + 1)
    return {"in": codes or [200]}
