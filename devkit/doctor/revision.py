"""The AppSpec of a deployment: from a file, or from the revision of a group's last deployment."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import STAGES
from greenlight.core.errors import AwsError, PlanError
from greenlight.core.frozen import FrozenStruct
from greenlight.plan import yaml_reader
from greenlight.stores import s3

from ..lint import appspec
from ..lint.rules import BY_ID

if TYPE_CHECKING:
    from .reader import Reader

_CONTENT_KEYS = ("string", "appSpecContent")


class AppSpec(FrozenStruct, frozen=True, kw_only=True):
    """The content of an AppSpec.

    Attributes:
        source: A file's name, or the deployment that it belongs to.
        hooks: Function names or ARNs by lifecycle event, in the file's order.
        properties: The properties of its resource, keys in lower case.
        problems: The errors that lint reports.
        is_next: Whether it is for the next deployment, and not from the last.
    """

    source: str
    hooks: dict[str, str] = {}
    properties: dict[str, Any] = {}
    problems: tuple[str, ...] = ()
    is_next: bool = False


def parse_revision(text: str, source: str, *, is_next: bool = False) -> AppSpec:
    """Parse an AppSpec, YAML or JSON, keys in any case."""
    try:
        document = yaml_reader.read(text, source)
    except PlanError as error:
        return AppSpec(source=source, problems=tuple(map(str, error.problems)), is_next=is_next)
    if not appspec.looks_like_appspec(document.data):
        problem = "this is not an AppSpec, which has the keys version, Resources and Hooks"
        return AppSpec(source=source, problems=(problem,), is_next=is_next)
    # Lint's warnings are guesses from the hooks' names. The doctor reads the role's policies and the functions instead.
    problems = [
        f"{yaml_reader.display_path(path)}: {message}"
        for rule, path, message in appspec.check_appspec(document)
        if BY_ID[rule].severity == "error"
    ]
    data = _lower_keys(document.data)
    resources, hooks = data.get("resources"), data.get("hooks")
    resource = next(iter(resources[0].values()), None) if _is_list_of_maps(resources) and resources else None
    properties = resource.get("properties") if isinstance(resource, dict) else None
    return AppSpec(
        source=source,
        hooks=_hooks(hooks if _is_list_of_maps(hooks) else []),
        properties=properties if isinstance(properties, dict) else {},
        problems=tuple(problems),
        is_next=is_next,
    )


def fix_for(spec: AppSpec) -> str:
    """Return the command that shows where an AppSpec is wrong."""
    if spec.is_next:
        return f"correct it: greenlight appspec lint {shlex.quote(spec.source)}"
    return "correct the AppSpec of the next deployment: greenlight appspec lint FILE"


def _hooks(entries: list[dict[str, Any]]) -> dict[str, str]:
    events = {stage.lower(): stage for stage in STAGES}
    return {
        events[event]: function
        for entry in entries
        for event, function in entry.items()
        if event in events and isinstance(function, str) and function
    }


def _is_list_of_maps(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _lower_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key).lower(): _lower_keys(inner) for key, inner in value.items()}
    return [_lower_keys(item) for item in value] if isinstance(value, list) else value


def read_last(reader: Reader, application: str, info: dict[str, Any]) -> AppSpec | None:
    """Read the AppSpec of a group's last deployment; return None if it has never been deployed.

    Raises:
        UnseenError: CodeDeploy or S3 refused.
        AwsError: The AppSpec is in a place that cannot be read.
    """
    deployment = _last_deployment_id(reader, application, info)
    if not deployment:
        return None
    revision = reader.call("codedeploy", "get_deployment", deploymentId=deployment)["deploymentInfo"]["revision"]
    text = _content(revision) or _read_text(reader, application, revision)
    return parse_revision(text, f"the AppSpec of {deployment}")


def _last_deployment_id(reader: Reader, application: str, info: dict[str, Any]) -> str:
    for key in ("lastAttemptedDeployment", "lastSuccessfulDeployment"):
        if deployment := info.get(key, {}).get("deploymentId"):
            return str(deployment)
    response = reader.call(
        "codedeploy", "list_deployments", applicationName=application, deploymentGroupName=info["deploymentGroupName"]
    )
    return str(next(iter(response.get("deployments", [])), ""))


def _content(revision: dict[str, Any]) -> str:
    contents = (revision.get(key, {}).get("content") for key in _CONTENT_KEYS)
    return str(next((content for content in contents if content), ""))


def _read_text(reader: Reader, application: str, revision: dict[str, Any]) -> str:
    """Read the text that GetDeployment leaves out: from CodeDeploy by its digest, or from S3."""
    kind = str(revision.get("revisionType"))
    if kind in ("String", "AppSpecContent"):
        key = "string" if kind == "String" else "appSpecContent"
        query = {"revisionType": kind, key: {"sha256": revision.get(key, {}).get("sha256", "")}}
        response = reader.call("codedeploy", "get_application_revision", applicationName=application, revision=query)
        if text := _content(response.get("revision", {})):
            return text
        raise AwsError("CodeDeploy no longer has its text; pass it with --appspec FILE")
    location = revision.get("s3Location", {})
    if kind == "S3" and location.get("bundleType") in ("YAML", "JSON"):
        place = f"{location['bucket']}/{location['key']}"
        document = s3.read(reader, place)
        if document is not None:
            return document[0]
        raise AwsError(f"s3://{place} no longer exists; pass it with --appspec FILE")
    raise AwsError(f"it is in a revision of type {kind}, which the doctor does not read; pass it with --appspec FILE")
