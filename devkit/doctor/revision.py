"""The AppSpec of a deployment: read from a file, or as the last deployment of a group had it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from devkit.lint import appspec
from devkit.lint.rules import BY_ID
from greenlight.core.deployment import STAGES
from greenlight.core.errors import AwsError, PlanError
from greenlight.core.frozen import FrozenStruct
from greenlight.plan import yaml_reader
from greenlight.stores import s3

if TYPE_CHECKING:
    from devkit.doctor.reader import Reader


class AppSpec(FrozenStruct, frozen=True, kw_only=True):
    """What an AppSpec says.

    Attributes:
        source: A file's name, or of which deployment it is.
        hooks: Function names or ARNs by event, in the file's order.
        properties: Of its one resource, names in lower case.
        problems: What is wrong with it, as lint says it.
        next: It is the one of the next deployment, not of the last.
    """

    source: str
    hooks: dict[str, str] = {}
    properties: dict[str, Any] = {}
    problems: tuple[str, ...] = ()
    next: bool = False


def parse_revision(text: str, source: str, *, is_next: bool = False) -> AppSpec:
    """Read an AppSpec's text, YAML or JSON, keys in any case."""
    try:
        document = yaml_reader.read(text, source)
    except PlanError as error:
        return AppSpec(source=source, problems=tuple(map(str, error.problems)), next=is_next)
    if not appspec.looks_like_appspec(document.data):
        what = "it is no AppSpec, which is a map of version, Resources and Hooks"
        return AppSpec(source=source, problems=(what,), next=is_next)
    # What the hooks' names let lint suspect is looked up here: the role's policies, and the functions themselves.
    problems = [
        f"{yaml_reader.display_path(path)}: {message}"
        for rule, path, message in appspec.check_appspec(document)
        if BY_ID[rule].severity == "error"
    ]
    lowered = _lowered(document.data)
    resources = lowered.get("resources")
    resource = next(iter(resources[0].values()), None) if _of_maps(resources) and resources else None
    properties = resource.get("properties") if isinstance(resource, dict) else None
    hooks = lowered.get("hooks")
    return AppSpec(
        source=source,
        hooks=_hooks(hooks if _of_maps(hooks) else []),
        properties=properties if isinstance(properties, dict) else {},
        problems=tuple(problems),
        next=is_next,
    )


def repair(read: AppSpec) -> str:
    """Write what shows where an AppSpec is wrong; `source` of the next one is its file."""
    if read.next:
        return f"mend it: greenlight appspec lint {shlex.quote(read.source)}"
    return "mend the AppSpec of the next deployment: greenlight appspec lint FILE"


def _hooks(entries: list[dict[str, Any]]) -> dict[str, str]:
    events = {stage.lower(): stage for stage in STAGES}
    return {
        events[event]: function
        for entry in entries
        for event, function in entry.items()
        if event in events and isinstance(function, str) and function
    }


def _of_maps(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key).lower(): _lowered(each) for key, each in value.items()}
    return [_lowered(each) for each in value] if isinstance(value, list) else value


def last(reader: Reader, application: str, info: dict[str, Any]) -> AppSpec | None:
    """Read the AppSpec that the last deployment of a group used; None where it has never deployed.

    Raises:
        UnseenError: CodeDeploy or S3 refused.
        AwsError: The AppSpec is kept where it cannot be read from here.
    """
    deployment = _last_id(reader, application, info)
    if not deployment:
        return None
    revision = reader.call("codedeploy", "get_deployment", deploymentId=deployment)["deploymentInfo"]["revision"]
    text = _content(revision) or _text(reader, application, revision)
    return parse_revision(text, f"the AppSpec of {deployment}")


def _last_id(reader: Reader, application: str, info: dict[str, Any]) -> str:
    for key in ("lastAttemptedDeployment", "lastSuccessfulDeployment"):
        if found := info.get(key, {}).get("deploymentId"):
            return str(found)
    listed = reader.call(
        "codedeploy", "list_deployments", applicationName=application, deploymentGroupName=info["deploymentGroupName"]
    )
    return str(next(iter(listed.get("deployments", [])), ""))


def _content(revision: dict[str, Any]) -> str:
    return str(next((revision[key]["content"] for key in _WRITTEN if revision.get(key, {}).get("content")), ""))


_WRITTEN = ("string", "appSpecContent")


def _text(reader: Reader, application: str, revision: dict[str, Any]) -> str:
    """Get the text that GetDeployment does not give: from CodeDeploy by its digest, or from S3."""
    kind = str(revision.get("revisionType"))
    if kind in ("String", "AppSpecContent"):
        key = "string" if kind == "String" else "appSpecContent"
        asked = {"revisionType": kind, key: {"sha256": revision.get(key, {}).get("sha256", "")}}
        answer = reader.call("codedeploy", "get_application_revision", applicationName=application, revision=asked)
        if text := _content(answer.get("revision", {})):
            return text
        raise AwsError("CodeDeploy has kept no text of it; name it with --appspec FILE")
    place = revision.get("s3Location", {})
    if kind == "S3" and place.get("bundleType") in ("YAML", "JSON"):
        found = s3.read(reader, f"{place['bucket']}/{place['key']}")
        if found is not None:
            return found[0]
        raise AwsError(f"s3://{place['bucket']}/{place['key']} is not there any more; name it with --appspec FILE")
    raise AwsError(f"it is in a revision of the type {kind}; name it with --appspec FILE")
