"""AppSpec files of CodeDeploy for Lambda and ECS: what breaks a deployment before any hook runs.

Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure.html. Keys are
accepted in any case, as AWS's own documents write them in several; files should use PascalCase.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.model import STAGES
from greenlight.nearest import nearest

if TYPE_CHECKING:
    from greenlight.errors import Problem
    from greenlight.yamlread import Document, Path

    Mistake = tuple[Path, str]

LAMBDA_STAGES = ("BeforeAllowTraffic", "AfterAllowTraffic")
HOOK_PREFIX = "CodeDeployHook_"
_WANTED = {
    "AWS::Lambda::Function": ("Name", "Alias", "CurrentVersion", "TargetVersion"),
    "AWS::ECS::Service": ("TaskDefinition", "LoadBalancerInfo"),
}


def looks_like_appspec(data: Any) -> bool:
    """Tell an AppSpec from a plan by its keys."""
    return (
        isinstance(data, dict)
        and "stages" not in data
        and any(str(key).lower() in ("resources", "hooks") for key in data)
    )


def appspec_problems(document: Document) -> list[Problem]:
    """Give everything that is wrong with an AppSpec, in the file's order."""
    data = document.data
    mistakes: list[Mistake] = []
    if _get(data, "version")[1] not in (0, 0.0, "0.0"):
        mistakes.append((("version",), "version must be 0.0"))
    kinds, found = _resource_mistakes(data)
    mistakes += found + _hook_mistakes(data, kinds)
    problems = [document.problem(message, path) for path, message in mistakes]
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _get(data: Any, name: str) -> tuple[str, Any]:
    """Give a key as written and its value, whatever its case."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key.lower() == name.lower():
                return key, value
    return name, None


def _resource_mistakes(data: Any) -> tuple[set[str], list[Mistake]]:
    key, resources = _get(data, "Resources")
    if (
        not isinstance(resources, list)
        or len(resources) != 1
        or not isinstance(resources[0], dict)
        or len(resources[0]) != 1
    ):
        return set(), [((key,), "Resources is a list of one map with one key: - NAME: {Type: …, Properties: {…}}")]
    name, resource = next(iter(resources[0].items()))
    path: Path = (key, 0, name)
    if not isinstance(resource, dict):
        return set(), [(path, f"{name} must hold Type and Properties, indented below it")]
    type_key, kind = _get(resource, "Type")
    if not isinstance(kind, str) or kind not in _WANTED:
        return set(), [((*path, type_key), f"Type is {kind!r}; it may be {' or '.join(_WANTED)}")]
    properties_key, properties = _get(resource, "Properties")
    if not isinstance(properties, dict):
        return {kind}, [((*path, properties_key), "Properties is missing or no map; is its indentation lost?")]
    here: Path = (*path, properties_key)
    mistakes: list[Mistake] = [
        (here, f"the property {wanted} is missing") for wanted in _WANTED[kind] if _get(properties, wanted)[1] is None
    ]
    checked = _lambda_mistakes if kind == "AWS::Lambda::Function" else _ecs_mistakes
    return {kind}, mistakes + checked(properties, here)


def _lambda_mistakes(properties: dict[str, Any], path: Path) -> list[Mistake]:
    mistakes: list[Mistake] = []
    key, name = _get(properties, "Name")
    if str(name).startswith("arn:"):
        mistakes.append(((*path, key), "Name is the function's name, not its ARN"))
    versions = {wanted: _get(properties, wanted) for wanted in ("CurrentVersion", "TargetVersion")}
    for wanted, (key, version) in versions.items():
        if version is not None and not str(version).isdigit():
            mistakes.append(((*path, key), f"{wanted} is a published version's number; {version!r} is none"))
    written = [str(version) for _, version in versions.values()]
    if len(set(written)) == 1 and written[0] != "None":
        mistakes.append(
            (
                (*path, versions["TargetVersion"][0]),
                "TargetVersion is the version that users have already; nothing would be deployed",
            )
        )
    return mistakes


def _ecs_mistakes(properties: dict[str, Any], path: Path) -> list[Mistake]:
    key, balancer = _get(properties, "LoadBalancerInfo")
    if not isinstance(balancer, dict):
        return []
    mistakes: list[Mistake] = [
        ((*path, key), f"LoadBalancerInfo lacks {wanted}")
        for wanted in ("ContainerName", "ContainerPort")
        if _get(balancer, wanted)[1] is None
    ]
    port_key, port = _get(balancer, "ContainerPort")
    if port is not None and not (isinstance(port, int) and 1 <= port <= 65535):
        mistakes.append(
            ((*path, key, port_key), f"ContainerPort is a number from 1 to 65535 without quotes, not {port!r}")
        )
    return mistakes


def _hook_mistakes(data: Any, kinds: set[str]) -> list[Mistake]:
    key, hooks = _get(data, "Hooks")
    if hooks is None:
        return []
    if not isinstance(hooks, list):
        return [((key,), "Hooks is a list of one-key maps: - BeforeAllowTraffic: FUNCTION")]
    mistakes: list[Mistake] = []
    for index, hook in enumerate(hooks):
        path: Path = (key, index)
        if not isinstance(hook, dict) or len(hook) != 1:
            mistakes.append((path, "each entry is a map of one key: the event and its function"))
            continue
        event, function = next(iter(hook.items()))
        allowed = LAMBDA_STAGES if "AWS::Lambda::Function" in kinds else STAGES
        if event not in allowed:
            mistakes.append(
                (
                    (*path, event),
                    f"there is no event {event!r} here{nearest(event, allowed)}; there are {', '.join(allowed)}",
                )
            )
        mistakes += _function_mistakes((*path, event), function, kinds)
    return mistakes


def _function_mistakes(path: Path, function: Any, kinds: set[str]) -> list[Mistake]:
    if not isinstance(function, str) or not function:
        return [
            (path, "the hook is the name or ARN of a Lambda function; location and timeout are for EC2 deployments")
        ]
    name = function.split(":function:")[-1]
    if ":" in name:
        return [(path, f"{function} is a qualified name; name the function without version or alias")]
    if "AWS::Lambda::Function" in kinds and not name.startswith(HOOK_PREFIX) and not name.startswith("${"):
        return [
            (
                path,
                f"{name} does not begin with {HOOK_PREFIX}; the role AWS gives CodeDeploy for Lambda may invoke no other function",
            )
        ]
    return []
