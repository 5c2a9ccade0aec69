"""Checks of deployment groups in a template: automatic rollback, alarms, and the service role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cloudformation import logical_id
from ..group_settings import ROLLBACK_EVENTS
from ..rules import make_symptom
from . import service_roles
from .ecs_groups import check_ecs_group, target_group_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cloudformation import Template
    from ..revision import AppSpec
    from ..rules import Symptom

_SERVER_PROPERTIES = (
    "Ec2TagFilters",
    "Ec2TagSet",
    "AutoScalingGroups",
    "OnPremisesInstanceTagFilters",
    "OnPremisesTagSet",
)


def check_group(template: Template, name: str, appspec: AppSpec | None) -> Iterator[Symptom]:
    """Check a deployment group, and whether its role may invoke the AppSpec's hooks."""
    group, line = template.properties(name), template.line("Resources", name)
    platform = _platform(template, group)
    if platform == "Server":
        yield make_symptom(
            "could-not-look",
            f"the compute platform of {name} is Server; greenlight supports ECS services and Lambda functions",
            fix="pass a template with a deployment group for one of these",
            line=line,
        )
        return
    yield from _check_rollback(name, group, line)
    yield from _check_alarms(name, group.get("AlarmConfiguration"), line)
    yield from service_roles.check_platform(template, name, group, platform)
    if platform == "ECS":
        yield from check_ecs_group(template, name, appspec)
    if appspec:
        yield from service_roles.check_invoke(template, name, group, appspec)


def _platform(template: Template, group: dict[str, Any]) -> str:
    """Return the compute platform from the group's application or properties; "" if unknown."""
    if group.get("ECSServices") or target_group_pairs(group):
        return "ECS"
    application = logical_id(group.get("ApplicationName"))
    if application in template.resources("AWS::CodeDeploy::Application"):
        platform = template.properties(application).get("ComputePlatform", "Server")
        return platform if isinstance(platform, str) else ""
    return "Server" if any(group.get(key) for key in _SERVER_PROPERTIES) else ""


def _check_rollback(name: str, group: dict[str, Any], line: int) -> Iterator[Symptom]:
    rollback, alarms = group.get("AutoRollbackConfiguration"), group.get("AlarmConfiguration")
    rollback = rollback if isinstance(rollback, dict) else {}
    enabled, events = rollback.get("Enabled"), rollback.get("Events", [])
    if isinstance(enabled, dict) or not isinstance(events, list) or any(isinstance(event, dict) for event in events):
        return  # only a deployment can determine these values
    fix = f"AutoRollbackConfiguration:\n  Enabled: true\n  Events: [{', '.join(ROLLBACK_EVENTS)}]"
    if str(enabled).lower() != "true" or "DEPLOYMENT_FAILURE" not in events:
        yield make_symptom(
            "no-rollback",
            f"{name} does not roll back a failed deployment: after a hook answers Failed, "
            "traffic stays where it is, and after the shift that is green",
            fix=fix,
            line=line,
        )
    elif isinstance(alarms, dict) and alarms.get("Alarms") and "DEPLOYMENT_STOP_ON_ALARM" not in events:
        yield make_symptom(
            "no-rollback-on-alarm",
            f"an alarm of {name} stops the deployment without a rollback, so part of the traffic stays on green",
            fix=fix,
            line=line,
        )


def _check_alarms(name: str, alarms: Any, line: int) -> Iterator[Symptom]:
    configuration = alarms if isinstance(alarms, dict) else {}
    if not configuration.get("Alarms") or str(configuration.get("Enabled", True)).lower() == "false":
        yield make_symptom(
            "no-alarms",
            f"{name} has no alarm, and no hook runs while traffic shifts: errors in that time do not stop it",
            fix="AlarmConfiguration:\n  Enabled: true\n  Alarms: [{Name: !Ref ERRORS}]",
            line=line,
        )
    elif str(configuration.get("IgnorePollAlarmFailure")).lower() == "true":
        yield make_symptom(
            "alarms-overlooked",
            f"deployments of {name} continue when CodeDeploy cannot read the state of an alarm",
            fix="IgnorePollAlarmFailure: false",
            line=line,
        )
