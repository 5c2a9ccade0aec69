"""Prepare a gate: find the plan of the discovered deployment, or its default checks, and fetch secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from greenlight.aws.secrets import fetch_secrets
from greenlight.core import references
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.errors import DiscoveryError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import DEFAULT_CHECKS, PlanSource
from greenlight.core.units import Duration
from greenlight.plan.model import Check, Plan, Stage
from greenlight.plan.retry import Retry
from greenlight.plan.schema import Target

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.settings import Settings

ENVIRONMENT_TAG = "greenlight:environment"
"""Tag of a deployment group that names the plan's environment to use instead of the installation's."""

_CODES = re.compile(r"\b([1-5][0-9][0-9])(?:-([1-5][0-9][0-9]))?\b", re.ASCII)

PORTS_OPEN = ("AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")


class Prepared(FrozenStruct, frozen=True, kw_only=True):
    """Everything needed to run the checks. `plan.waived` is the reason why none has to run."""

    deployment: Deployment
    plan: Plan
    secrets: dict[str, str] = {}

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


def prepare(aws: Aws, settings: Settings, deployment: Deployment, tags: dict[str, str]) -> Prepared:
    """Return the deployment with its plan; `with_secrets` adds the secrets.

    Args:
        aws: AWS clients to read plans with.
        settings: Where plans are looked up, and what happens without one.
        deployment: From `greenlight.discovery`.
        tags: Tags of the deployment group.

    Raises:
        PlanError: The plan is not valid, or there is no plan and the operator requires one.
        AwsError: A plan store refused.
        DiscoveryError: There is no plan, and nothing in this deployment can be checked by default.
    """
    from greenlight.stores.plan_lookup import find_plan

    environment = tags.get(ENVIRONMENT_TAG, "").strip() or settings.environment
    deployment = msgspec.structs.replace(deployment, environment=environment)
    if deployment.creator == "codeDeployRollback" and settings.on_rollback == "pass":
        reason = "this deployment is a rollback, and rollbacks are let through at once"
        return Prepared(deployment=deployment, plan=Plan(stages={}, waived=reason))
    plan = find_plan(aws, settings, deployment, tags)
    if plan is None or deployment.stage not in plan.stages:
        missing = _missing(deployment, plan)
        plan = _without_plan(settings, deployment, plan)
        if not plan.waived:
            notes = (*deployment.notes, f"{missing}, so the default checks ran")
            deployment = msgspec.structs.replace(deployment, notes=notes)
    return Prepared(deployment=apply_plan_target(deployment, plan), plan=plan)


def with_secrets(prepared: Prepared, aws: Aws) -> Prepared:
    """Return the gate with the secrets that the checks of the stage refer to; skipped checks need none.

    Raises:
        PlanError: A secret does not exist.
        AwsError: The store refused.
    """
    running = [check for check in prepared.checks if not check.left_out(prepared.deployment)]
    names = references.secret_names([check.params for check in running])
    return msgspec.structs.replace(prepared, secrets=fetch_secrets(names, aws))


def apply_plan_target(deployment: Deployment, plan: Plan) -> Deployment:
    """Return the deployment with green's host name and URL from the plan's `target`, which takes precedence."""
    green = deployment.green
    if plan.target.host:
        green = msgspec.structs.replace(green, host=plan.target.host)
    if plan.target.url and deployment.stage in PORTS_OPEN:
        url, host = plan.target.url.rstrip("/"), plan.target.host or ""
        green = msgspec.structs.replace(green, url=url, host=host, no_url="", headers={}, path_patterns=())
    return msgspec.structs.replace(deployment, green=green)


def _without_plan(settings: Settings, deployment: Deployment, plan: Plan | None) -> Plan:
    """Return the plan that the operator chose for a stage without checks: an error, a waiver or the default checks."""
    from greenlight.core.errors import PlanError, Problem

    missing = _missing(deployment, plan)
    if settings.on_missing_plan == "fail":
        raise PlanError(
            [Problem(f"{missing}, and this installation requires one (OnMissingPlan is fail)")],
            plan.source.uri if plan else "",
        )
    if settings.on_missing_plan == "pass":
        return Plan(
            stages={}, waived=f"{missing}, and this installation lets such deployments pass (OnMissingPlan is pass)"
        )
    target = plan.target if plan else Target()
    checks = default_checks(apply_plan_target(deployment, Plan(stages={}, target=target)))
    return Plan(
        stages={deployment.stage: Stage(checks=checks)},
        target=target,
        shadow=plan.shadow if plan else None,
        source=PlanSource(uri=DEFAULT_CHECKS),
    )


def _missing(deployment: Deployment, plan: Plan | None) -> str:
    if plan:
        return f"the plan {plan.source.uri} has no stage {deployment.stage}"
    name = "/".join(part for part in (deployment.application, deployment.group) if part)
    return f"no plan was found for {name or deployment.id}"


def default_checks(deployment: Deployment) -> tuple[Check, ...]:
    """Return the checks for a deployment without a plan: at least one, and each of them looks at the deployment.

    Raises:
        DiscoveryError: Nothing in this deployment can be checked.
    """
    if deployment.platform is Platform.LAMBDA:
        return (Check(name="the new version is ready", validator="lambda_state", params={}, timeout_s=60.0),)
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
    if green.url and green.health_check_path:
        checks.append(
            Check(
                name="green answers its own health check",
                validator="http",
                params={"get": green.health_check_path, "expect": {"status": _codes(green)}},
                retry=Retry(attempts=3, interval=Duration(2)),
            )
        )
    elif green.url:
        # Healthy targets do not show that green answers where its users ask it.
        retry = Retry(attempts=3, interval=Duration(2))
        checks.append(Check(name="green accepts connections", validator="tcp", params={}, retry=retry))
    return tuple(checks)


def _codes(side: Side) -> object:
    """Return the expectation for a target group's matcher ("200", "200,301", "200-299")."""
    codes: list[int] = []
    for low, high in _CODES.findall(side.health_check_codes):
        codes += range(int(low), int(high or low) + 1)
    return {"in": codes or [200]}
