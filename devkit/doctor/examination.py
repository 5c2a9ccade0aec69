"""Examination of an application's deployment groups: runs all checks and collects their symptoms.

Each check is isolated: a denied request or an incomplete response becomes a symptom and does not hide other symptoms.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import Platform
from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.suggestions import suggest_or_list
from greenlight.discovery.deployment import read_tags

from . import (
    alias,
    ecs_routing,
    group_settings,
    hook_functions,
    hooks,
    installation,
    plans,
    revision,
    service_role,
)
from .deployment_group import GroupState
from .hook_names import read_configuration
from .reader import read_or_default, run_check
from .rules import Symptom, make_symptom, worst_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .reader import Reader
    from .revision import AppSpec

    GroupCheck = Callable[[GroupState], Iterator[Symptom]]
    Progress = Callable[[str], None]

EXIT_HARMLESS, EXIT_HARMFUL, EXIT_UNSEEN = 0, 1, 3
"""Exit statuses: nothing harmful; something harmful; nothing harmful, but not everything could be read."""

_CHECKS: tuple[tuple[str, GroupCheck], ...] = (
    ("automatic rollback", group_settings.check_rollback),
    ("the alarms", group_settings.check_alarms),
    ("the traffic shifting", group_settings.check_shifting),
    ("the AppSpec", group_settings.check_appspec),
    ("the hooks", hooks.check_hooks_exist),
    ("the service role", service_role.check_invoke),
    ("the permissions of the service role", service_role.check_permissions),
    ("the functions of the hooks", hook_functions.check_functions),
    ("the installation", hooks.check_installation),
    ("the settings of the installation", installation.check_settings),
    ("the state machine", installation.check_machine),
    ("the plan", plans.check_plan),
)
_ECS_CHECKS: tuple[tuple[str, GroupCheck], ...] = (
    ("the ECS service", ecs_routing.check_service),
    ("the task definition", ecs_routing.check_task_definition),
    ("the target groups", ecs_routing.check_target_groups),
    ("the test listener", ecs_routing.check_test_listener),
    ("the listeners", ecs_routing.check_listeners),
    ("the stacks of the listeners", ecs_routing.check_drift),
)
_LAMBDA_CHECKS: tuple[tuple[str, GroupCheck], ...] = (("the alias", alias.check_alias),)


class Query(FrozenStruct, frozen=True, kw_only=True):
    """A request to examine an account; `group` "" is all groups, `plan` "" the plan that the gate finds."""

    application: str
    group: str = ""
    appspec: AppSpec | None = None
    plan: str = ""
    installation: str = "greenlight"


class Examination(FrozenStruct, frozen=True, kw_only=True):
    """The symptoms of one deployment group or template; `appspec` is the source of its AppSpec, "" without one."""

    name: str
    platform: str = ""
    appspec: str = ""
    symptoms: tuple[Symptom, ...] = ()


def exit_status(examinations: list[Examination]) -> int:
    """Return the exit status of the command."""
    harms = {symptom.harm for examination in examinations for symptom in examination.symptoms}
    if harms - {"annoys", "not seen"}:
        return EXIT_HARMFUL
    return EXIT_UNSEEN if "not seen" in harms else EXIT_HARMLESS


def examine_account(reader: Reader, query: Query, progress: Progress) -> list[Examination]:
    """Examine the deployment groups of an application.

    Args:
        reader: The account.
        query: The application and groups to examine.
        progress: Called with the subject of each step.

    Raises:
        GreenlightError: The application or the group does not exist.
        UnseenError: Access to them is denied, so nothing could be read.
    """
    name = query.application
    progress(f"the application {name}")
    if not reader.find("codedeploy", "get_application", ("ApplicationDoesNotExistException",), applicationName=name):
        names = reader.pages("codedeploy", "list_applications", "applications")
        raise GreenlightError(
            f"CodeDeploy has no application {name!r} in this account and Region{suggest_or_list(name, names)}"
        )
    groups = reader.pages("codedeploy", "list_deployment_groups", "deploymentGroups", applicationName=name)
    if query.group and query.group not in groups:
        raise GreenlightError(
            f"the application {name!r} has no deployment group {query.group!r}"
            + suggest_or_list(query.group, groups, "it has")
        )
    if not groups:
        raise GreenlightError(f"the application {name!r} has no deployment groups")
    return [_examine_group(reader, query, group, progress) for group in ([query.group] if query.group else groups)]


def _examine_group(reader: Reader, query: Query, group: str, progress: Progress) -> Examination:
    name = f"{query.application}/{group}"
    response = reader.call(
        "codedeploy", "get_deployment_group", applicationName=query.application, deploymentGroupName=group
    )
    info = response["deploymentGroupInfo"]
    if info.get("computePlatform") not in ("ECS", "Lambda"):
        message = (
            f"the compute platform of {name} is {info.get('computePlatform', 'Server')}; "
            "greenlight supports ECS services and Lambda functions"
        )
        return Examination(
            name=name, symptoms=(make_symptom("could-not-look", message, fix="name another group: --group NAME"),)
        )
    state = GroupState(
        reader=reader,
        application=query.application,
        info=info,
        installation=query.installation,
        appspec=query.appspec,
        plan_file=query.plan,
    )
    progress(name)
    state, symptoms = _load_details(state)
    for subject, check in (*_CHECKS, *(_LAMBDA_CHECKS if state.platform is Platform.LAMBDA else _ECS_CHECKS)):
        progress(f"{name}: {subject}")
        symptoms += run_check(f"{subject} of {name}", functools.partial(check, state))
    return Examination(
        name=name,
        platform=str(state.platform),
        appspec=state.appspec.source if state.appspec else "",
        symptoms=tuple(worst_first(symptoms)),
    )


def _load_details(state: GroupState) -> tuple[GroupState, list[Symptom]]:
    """Add the AppSpec, the hook functions and the group's tags; return symptoms for those that could not be read."""
    symptoms: list[Symptom] = []
    appspec = state.appspec or _last_appspec(state, symptoms)
    functions: dict[str, dict[str, Any]] = {}
    for event, function in appspec.hooks.items() if appspec else ():
        if hooks.is_local(state, function):
            read = functools.partial(read_configuration, state.reader, function)
            configuration = read_or_default(f"the function {function}", read, None, symptoms)
            functions |= {event: configuration} if configuration else {}
    default: dict[str, str] = {}
    tags = read_or_default(f"the tags of {state.group}", lambda: read_tags(state.reader, state.arn), default, symptoms)
    return dataclasses.replace(state, appspec=appspec, hooks=functions, tags=tags), symptoms


def _last_appspec(state: GroupState, symptoms: list[Symptom]) -> AppSpec | None:
    subject = "the AppSpec of the last deployment"
    read = functools.partial(revision.read_last, state.reader, state.application, state.info)
    appspec = read_or_default(subject, read, None, symptoms)
    if appspec is None and not symptoms:
        symptoms.append(
            make_symptom(
                "could-not-look",
                f"{state.group} has never been deployed, so there is no AppSpec that names its hooks",
                fix="pass the AppSpec of the next deployment: --appspec FILE; for a SAM template: "
                "greenlight doctor --template FILE",
            )
        )
    return appspec
