"""Preparation of a replay: the plan of a report, the state of green, and the checks that may change data."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from greenlight.aws.client import Aws, call_aws
from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.checks.unsafe import describe_change
from greenlight.core.deployment import Platform
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.finding import Severity
from greenlight.core.report import DEFAULT_CHECKS
from greenlight.core.settings import Settings
from greenlight.gate.prepare import apply_plan_target, default_stage
from greenlight.plan import parser as plans
from greenlight.plan.model import Plan
from greenlight.plan.yaml_reader import MAX_BYTES
from greenlight.stores import ssm
from greenlight.stores.plan_lookup import read
from greenlight.stores.s3 import decode_plan

from . import includes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.core.deployment import Deployment
    from greenlight.core.report import PlanSource, Report
    from greenlight.plan.includes import Fetch

LEFT_OUT = "left out of the replay"
_GONE_CODES = ("ResourceNotFoundException", "ServiceNotFoundException", "ClusterNotFoundException")
_REMEDY = "name a plan with --plan FILE"


class CannotReplayError(GreenlightError):
    """The gate cannot be replayed; the message has the reason and a remedy."""


class _SourceText(NamedTuple):
    text: str
    uri: str
    version_id: str


def named_plan(text: str, name: str, fetch: Fetch, deployment: Deployment) -> Plan:
    """Parse a plan that replaces the plan of the report.

    Raises:
        CannotReplayError: The plan does not have the stage of the gate.
    """
    return _parse(_SourceText(text, name, ""), fetch, deployment)


def plan_of_report(report: Report, aws: Aws, mappings: Sequence[str]) -> Plan:
    """Return the plan of a report, in the exact text that the gate used.

    Args:
        report: The report.
        aws: Client for the plan and its fragments.
        mappings: Values of --include, which replace fragments by files.

    Raises:
        CannotReplayError: There was no plan, or its text is no longer available.
    """
    deployment, source = report.deployment, report.plan
    if source.uri == DEFAULT_CHECKS:
        return Plan(stages={deployment.stage: default_stage(deployment)}, source=source)
    if report.command:
        raise CannotReplayError(
            f"this report was made on a command line, and its plan is not stored; run it again: {report.command}"
        )
    settings = Settings()
    replaced = includes.local_files(mappings)
    fetch_local = includes.fragment_fetcher(".", mappings)

    def fetch(uri: str) -> tuple[str, str] | None:
        if uri in replaced:
            return fetch_local(uri)
        # The hook has checked that the parameter is below its path of plans; this machine does not know that path.
        return ssm.read(aws, uri.removeprefix("ssm:")) if uri.startswith("ssm:") else read(aws, settings, uri)

    return _parse(_read_source(aws, settings, source), fetch, deployment)


def _parse(source: _SourceText, fetch: Fetch, deployment: Deployment) -> Plan:
    plan = plans.parse(source.text, source.uri, source.version_id, environment=deployment.environment, fetch=fetch)
    if deployment.stage not in plan.stages:
        raise CannotReplayError(f"{source.uri} has no stage {deployment.stage}; it has {', '.join(plan.stages)}")
    return plan


def _read_source(aws: Aws, settings: Settings, source: PlanSource) -> _SourceText:
    """Read the text of a report's plan in its version, and verify its digest."""
    if not source.uri:
        raise CannotReplayError(f"the gate had no plan, so there is nothing to replay; {_REMEDY}")
    if not source.uri.startswith(("s3://", "ssm:")):
        raise CannotReplayError(f"{source.uri} was packed with the hooks and cannot be fetched; {_REMEDY}")
    try:
        content = _read_version(aws, source) if source.version_id else read(aws, settings, source.uri)
    except AwsError as error:
        raise CannotReplayError(f"{source.uri} cannot be fetched: {error}; {_REMEDY}") from error
    if content is None:
        raise CannotReplayError(f"{source.uri} no longer exists in the version of the report; {_REMEDY}")
    text, version_id = content
    if source.sha256 and hashlib.sha256(text.encode()).hexdigest() != source.sha256:
        raise CannotReplayError(f"the text of {source.uri} is no longer the one of the report; {_REMEDY}")
    return _SourceText(text, source.uri, version_id)


def _read_version(aws: Aws, source: PlanSource) -> tuple[str, str] | None:
    """Read a plan in its version, or return None. SSM keeps the last hundred versions of a parameter."""
    if source.uri.startswith("ssm:"):
        try:
            return ssm.read(aws, f"{source.uri.removeprefix('ssm:')}:{source.version_id}")
        except AwsError as error:
            if error.code == "ParameterVersionNotFound":
                return None
            raise
    bucket, _, key = source.uri.removeprefix("s3://").partition("/")
    try:
        response = aws.call("s3", "get_object", Bucket=bucket, Key=key, VersionId=source.version_id)
    except AwsError as error:
        if error.code in ("NoSuchKey", "NoSuchVersion", "404"):
            return None
        raise
    data: bytes = call_aws("s3", "get_object", lambda: response["Body"].read(MAX_BYTES + 1))
    return decode_plan(data, source.uri), source.version_id


def with_green_url(deployment: Deployment, plan: Plan, url: str) -> Deployment:
    """Return the deployment with green at another URL, or at the target of the plan if `url` is empty."""
    if not url:
        return apply_plan_target(deployment, plan)
    return replace(
        deployment, green=replace(deployment.green, url=url.rstrip("/"), no_url="", headers={}, rules_above=())
    )


def verify_green(aws: Aws, deployment: Deployment) -> list[str]:
    """Verify with AWS that green is still the one of the report; return notes on what cannot be verified.

    Raises:
        CannotReplayError: Green is gone, so that another release would be checked.
    """
    green = deployment.green
    try:
        if deployment.platform is Platform.LAMBDA and deployment.function and green.version:
            aws.call("lambda", "get_function_configuration", FunctionName=deployment.function, Qualifier=green.version)
            return []
        if green.task_set and deployment.cluster and deployment.service:
            _verify_task_set(aws, deployment)
            return ["green's task set still exists; whether its URL still routes to it depends on the listener"]
    except AwsError as error:
        if error.code in _GONE_CODES:
            resource = f"{deployment.function}:{green.version}" if deployment.function else deployment.service
            raise CannotReplayError(f"green is gone: AWS no longer has {resource}") from error
        return [f"it could not be verified that green is still the same: {error}"]
    if green.url:
        return [f"it could not be verified that {green.url} still routes to the same green"]
    return []


def _verify_task_set(aws: Aws, deployment: Deployment) -> None:
    response = aws.call("ecs", "describe_services", cluster=deployment.cluster, services=[deployment.service])
    ids = [task_set.get("id") for service in response.get("services", []) for task_set in service.get("taskSets", [])]
    if deployment.green.task_set not in ids:
        raise CannotReplayError(
            f"green is gone: the service {deployment.service} no longer has the task set {deployment.green.task_set},"
            " and its URL now routes to another release; name the URL of a green with --url"
        )


def prepare_plan(plan: Plan, stage: str, unsafe: Mapping[str, str]) -> Plan:
    """Return the plan without the unsafe checks of a stage, and without its bake, which is over."""
    old = plan.stages[stage]
    checks = tuple(replace(check, unselected=unsafe.get(check.name, check.unselected)) for check in old.checks)
    return replace(plan, stages={**plan.stages, stage: replace(old, checks=checks, bake_s=0.0)})


def unsafe_checks(plan: Plan, deployment: Deployment) -> dict[str, str]:
    """Return the checks of the stage that may change data, each with the reason why it is left out."""
    reasons = {}
    for bound in bind(plan, deployment, {}, Registry())[deployment.stage]:
        if change := describe_change(bound):
            reasons[bound.check.name] = f"{LEFT_OUT}: {change}; --unsafe runs it"
    return reasons


def unjudged_checks(plan: Plan, stage: str, unsafe: Mapping[str, str]) -> list[str]:
    """Return the names of the checks that were left out although they can close the gate."""
    checks = plan.stages[stage].checks
    return [check.name for check in checks if check.name in unsafe and check.severity is not Severity.ADVISORY]


def difference_notes(then: Report, now: Report) -> list[str]:
    """Return notes on further differences between the gate and its replay."""
    notes = []
    if then.plan.sha256 and now.plan.sha256 and then.plan.sha256 != now.plan.sha256:
        notes.append("the text of the plan is different from that of the report")
    if then.overrides:
        notes.append("overrides applied then; the replay applies none")
    if then.shadow:
        notes.append("the plan was in shadow mode then; the verdict of the replay ignores the shadow")
    return notes
