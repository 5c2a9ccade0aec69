"""What will go wrong in the next deployment of an account, or of a template: found before it does.

Every look is by itself: what may not be seen, or what an answer lacks, is told and hides nothing else.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from devkit.doctor import alias, ecs_routing, group, hooks, plans, revision
from devkit.doctor.deployment_group import GroupState
from devkit.doctor.reader import run_check, tried
from devkit.doctor.rules import Symptom, in_order, symptom
from greenlight.core.deployment import Platform
from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.suggestions import suggest_or_list
from greenlight.discovery.deployment import read_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devkit.doctor.reader import Reader
    from devkit.doctor.revision import AppSpec

    Look = Callable[[GroupState], Iterator[Symptom]]

NOTHING, HARMFUL, UNSEEN = 0, 1, 3
"""What the command ends with: nothing harmful; something will go wrong; nothing harmful that could be seen."""

_LOOKS: tuple[tuple[str, Look], ...] = (
    ("automatic rollback", group.rollback),
    ("the alarms", group.alarms),
    ("the shape of deployments", group.shape),
    ("the AppSpec", group.appspec),
    ("the hooks", hooks.existing),
    ("the service role", hooks.callable_by_codedeploy),
    ("what the service role may do", hooks.service_role),
    ("the hooks one by one", hooks.each),
    ("the installation", hooks.installation),
    ("the settings of the installation", plans.installation),
    ("the plan", plans.plan),
)
_OF_ECS: tuple[tuple[str, Look], ...] = (
    ("the ECS service", ecs_routing.service),
    ("the task definition", ecs_routing.task_definition),
    ("the target groups", ecs_routing.target_groups),
    ("the test listener", ecs_routing.test_listener),
    ("the listeners", ecs_routing.listeners),
    ("the stacks of the listeners", ecs_routing.drift),
)
_OF_LAMBDA: tuple[tuple[str, Look], ...] = (("the alias", alias.alias),)


class Query(FrozenStruct, frozen=True, kw_only=True):
    """What somebody wants to know; `group` "" asks for all groups, `plan` "" for the plan that the gate would find."""

    application: str
    group: str = ""
    appspec: AppSpec | None = None
    plan: str = ""
    installation: str = "greenlight"


class Examined(FrozenStruct, frozen=True, kw_only=True):
    """What was found of one deployment group, or of one template; `appspec` says whose AppSpec was read, "" for none."""

    name: str
    platform: str = ""
    appspec: str = ""
    symptoms: tuple[Symptom, ...] = ()


def status(examined: list[Examined]) -> int:
    """Give the status to end with."""
    harms = {each.harm for one in examined for each in one.symptoms}
    if harms - {"annoys", "not seen"}:
        return HARMFUL
    return UNSEEN if "not seen" in harms else NOTHING


def account(reader: Reader, wanted: Query, progress: Callable[[str], None]) -> list[Examined]:
    """Examine the deployment groups of an application.

    Args:
        reader: The account.
        wanted: What to look at.
        progress: Is told what is looked at next.

    Raises:
        GreenlightError: There is no such application or group.
        UnseenError: CodeDeploy may not be asked for them, so nothing at all could be seen.
    """
    progress(f"the application {wanted.application}")
    if not reader.found(
        "codedeploy", "get_application", ("ApplicationDoesNotExistException",), applicationName=wanted.application
    ):
        names = reader.pages("codedeploy", "list_applications", "applications")
        raise GreenlightError(
            f"there is no application {wanted.application!r} in CodeDeploy here{suggest_or_list(wanted.application, names)}"
        )
    groups = reader.pages(
        "codedeploy", "list_deployment_groups", "deploymentGroups", applicationName=wanted.application
    )
    if wanted.group and wanted.group not in groups:
        raise GreenlightError(
            f"the application {wanted.application!r} has no deployment group {wanted.group!r}{suggest_or_list(wanted.group, groups, 'it has')}"
        )
    if not groups:
        raise GreenlightError(f"the application {wanted.application!r} has no deployment groups")
    return [_group(reader, wanted, each, progress) for each in ([wanted.group] if wanted.group else groups)]


def _group(reader: Reader, wanted: Query, name: str, progress: Callable[[str], None]) -> Examined:
    called = f"{wanted.application}/{name}"
    info = reader.call(
        "codedeploy", "get_deployment_group", applicationName=wanted.application, deploymentGroupName=name
    )["deploymentGroupInfo"]
    if info.get("computePlatform") not in ("ECS", "Lambda"):
        what = f"{called} deploys to {info.get('computePlatform', 'servers')}; greenlight gates ECS services and Lambda functions"
        return Examined(name=called, symptoms=(symptom("could-not-look", what, fix="name another group: --group"),))
    scene = GroupState(
        reader=reader,
        application=wanted.application,
        info=info,
        installation=wanted.installation,
        appspec=wanted.appspec,
        plan_file=wanted.plan,
    )
    progress(called)
    scene, found = _known(scene)
    for subject, check in (*_LOOKS, *(_OF_LAMBDA if scene.platform is Platform.LAMBDA else _OF_ECS)):
        progress(f"{called}: {subject}")
        found += run_check(f"{subject} of {called}", lambda check=check: check(scene))  # type: ignore[misc]
    return Examined(
        name=called,
        platform=str(scene.platform),
        appspec=scene.appspec.source if scene.appspec else "",
        symptoms=tuple(in_order(found)),
    )


def _known(scene: GroupState) -> tuple[GroupState, list[Symptom]]:
    """Add what all looks begin with: the AppSpec, the hooks' functions, the group's tags; and what of it is not seen."""
    missed: list[Symptom] = []
    if scene.appspec is None:
        what = "the AppSpec of the last deployment"
        read = tried(what, lambda: revision.last(scene.reader, scene.application, scene.info), None, missed)
        if read is None and not missed:
            said = f"{scene.group} has never deployed, so nobody knows which hooks its AppSpec names"
            fix = "name the AppSpec of the next deployment: --appspec FILE; of a SAM template: greenlight doctor --template FILE"
            missed.append(symptom("could-not-look", said, fix=fix))
    else:
        read = scene.appspec
    present: dict[str, dict[str, Any]] = {}
    for event, function in read.hooks.items() if read else ():
        if hooks.here(scene, function):
            look = functools.partial(hooks.configuration, scene.reader, function)
            found = tried(f"the function {function}", look, None, missed)
            present |= {event: found} if found else {}
    none: dict[str, str] = {}
    tags = tried(f"the tags of {scene.group}", lambda: read_tags(scene.reader, scene.arn), none, missed)
    return dataclasses.replace(scene, appspec=read, hooks=present, tags=tags), missed
