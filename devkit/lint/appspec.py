"""AppSpec files of CodeDeploy for Lambda and ECS: what breaks a deployment before any hook runs, and how one is written.

Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure.html. Keys are
read in any case, as AWS's own documents write them in several; files should use PascalCase, and ours do. What a
pipeline still has to fill in (`<TASK_DEFINITION>`, `${VERSION}`, `{{version}}`) is no mistake.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.core.deployment import STAGES
from greenlight.core.errors import Problem
from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from devkit.lint.diagnostics import Diagnostics
    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.yaml_reader import Document

    FoundKind = Generator[tuple[str, PlanPath, str], None, str]
    """As `Found`, and at its end the resource's type."""

LAMBDA_STAGES = ("BeforeAllowTraffic", "AfterAllowTraffic")
HOOK_PREFIX = "CodeDeployHook_"
LAMBDA, ECS = "AWS::Lambda::Function", "AWS::ECS::Service"
_WANTED = {LAMBDA: ("Name", "Alias", "CurrentVersion", "TargetVersion"), ECS: ("TaskDefinition", "LoadBalancerInfo")}
_OPTIONAL = {LAMBDA: (), ECS: ("PlatformVersion", "NetworkConfiguration", "CapacityProviderStrategy")}
_OF_SERVERS = ("os", "files", "permissions", "file_exists_behavior")
_SCRIPT = ("location", "timeout", "runas")
FILLED_LATER = re.compile(r"<[^<>]+>|\$\{[^}]*\}|\{\{.*\}\}|\$[A-Z_][A-Z0-9_]*")
_FUNCTION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FUNCTION_ARN = re.compile(r"arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:(?P<name>.*)")
_ALIAS = re.compile(r"(?![0-9]+$)[A-Za-z0-9_-]{1,128}")
_TASK_DEFINITION_ARN = re.compile(
    r"arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:task-definition/[A-Za-z0-9_-]{1,255}(:[0-9]+)?"
)
_TASK_DEFINITION = re.compile(r"[A-Za-z0-9_-]{1,255}(:[1-9][0-9]*)?")
_PLATFORM_VERSION = re.compile(r"LATEST|[0-9]+\.[0-9]+\.[0-9]+")


def looks_like_appspec(data: Any) -> bool:
    """Tell an AppSpec, or what holds one for create-deployment, from a plan by its keys."""
    return (
        isinstance(data, dict)
        and "stages" not in data
        and any(str(key).lower() in ("resources", "hooks", *_OF_REVISIONS) for key in data)
    )


_OF_REVISIONS = ("revision", "revisiontype", "appspeccontent")
A_REVISION = (
    "this is what create-deployment takes, and no AppSpec; put the text of its `content` into a file and lint that"
)
A_PLAN = "this is a plan, and no AppSpec; greenlight lint reads it"
_OF_TEMPLATES = re.compile(r"""^[ {]*["']?(AWSTemplateFormatVersion|Transform)["']?\s*:""", re.MULTILINE)
_OF_APPSPECS = re.compile(r"AWS::(Lambda::Function|ECS::Service)\b")
A_TEMPLATE = "this is a template of CloudFormation or SAM, and no AppSpec; greenlight doctor --template reads it"


def explain_unreadable(text: str, refused: Sequence[Problem]) -> list[Problem]:
    """Give what is to be said of a file that cannot be read, where it is a template, or an AppSpec with a template's functions."""
    if _OF_TEMPLATES.search(text):
        return [Problem(A_TEMPLATE, "", 1, 1)]
    for problem in refused if _OF_APPSPECS.search(text) else ():
        if problem.message.startswith("the tag !"):
            said = "CodeDeploy resolves none in an AppSpec; write the value, or a placeholder such as <NAME> that a pipeline fills"
            problem.message = f"{problem.message.partition(' is not allowed')[0]} is not allowed: {said}"
    return list(refused)


def check_appspec(document: Document) -> Diagnostics:
    """Find everything that is wrong with an AppSpec."""
    whole = _Map(document.data, ())
    if whole["AWSTemplateFormatVersion"].given or whole["Transform"].given:
        yield "appspec-template", (), A_TEMPLATE
        return
    if "stages" in whole.data or any(key.lower() in _OF_REVISIONS for key in whole.data):
        yield "appspec-resources", (), A_PLAN if "stages" in whole.data else A_REVISION
        return
    yield from whole.twice()
    servers = [key for key in whole.data if key.lower() in _OF_SERVERS]
    for key in servers:
        what = "belongs to AppSpecs for EC2 and on-premises servers; Lambda and ECS have version, Resources and Hooks"
        yield "appspec-ec2", (key,), f"{key} {what}"
    version = whole["version"].value
    if isinstance(version, bool) or not ((isinstance(version, float) and version == 0) or version == "0.0"):
        yield "appspec-version", whole["version"].path, "version must be 0.0"
    if not servers or whole["Resources"].given:
        yield from _unknown(whole, ("version", "Resources", "Hooks"), _OF_SERVERS)
        kind = yield from _resources(whole["Resources"])
        yield from _hooks(whole["Hooks"], kind)


class _At(NamedTuple):
    """A value and its place; `given` tells an absent key from one without a value."""

    value: Any
    path: PlanPath
    given: bool = True

    @property
    def open(self) -> bool:
        """Tell whether a pipeline puts the value in, or part of it."""
        text = str(self.value)
        return text != "$LATEST" and FILLED_LATER.search(text) is not None


class _Map:
    """A map whose keys are found in any case."""

    def __init__(self, data: Mapping[str, Any], path: PlanPath) -> None:
        self.data, self.path = data, path

    def __getitem__(self, name: str) -> _At:
        key = next((key for key in self.data if key.lower() == name.lower()), None)
        if key is None:
            return _At(None, (*self.path, name), given=False)
        return _At(self.data[key], (*self.path, key))

    def twice(self) -> Diagnostics:
        """Find keys that differ in nothing but their case."""
        seen: dict[str, str] = {}
        for key in self.data:
            first = seen.setdefault(key.lower(), key)
            if first != key:
                yield "appspec-key-twice", (*self.path, key), f"{key} stands here as {first} already; one would be lost"


def _unknown(where: _Map, known: Iterable[str], others: Iterable[str] = ()) -> Diagnostics:
    names = {name.lower() for name in (*known, *others)}
    for key in where.data:
        if key.lower() not in names:
            hint = did_you_mean(key, known) or f"; there are {', '.join(known)}"
            said = f"nothing is done with {key!r}{hint}"
            yield "appspec-unknown-key", (*where.path, key), said


_SHAPE = "Resources is a list with one entry: - NAME: and, below it and further in, Type and Properties"


def _resources(resources: _At) -> FoundKind:
    """Find what is wrong with the resource; gives its type, "" where that is not known."""
    if not isinstance(resources.value, list):
        is_now = {dict: "a map; write a - before the name"}.get(type(resources.value), "missing or empty")
        yield "appspec-resources", resources.path, f"{_SHAPE}; it is {is_now}"
        return ""
    if len(resources.value) != 1 or not isinstance(resources.value[0], dict):
        count = len(resources.value)
        yield (
            "appspec-resources",
            resources.path,
            f"{_SHAPE}; {'its entry is no map' if count == 1 else f'it has {count}'}",
        )
        return ""
    entry = _Map(resources.value[0], (*resources.path, 0))
    beside = [at for at in (entry["Type"], entry["Properties"]) if at.given]
    if beside:
        names = [str(key) for key in entry.data if key.lower() not in ("type", "properties")]
        of = f"below {names[0]}, two blanks further in" if names else "below the name of the resource, which is missing"
        yield "appspec-indentation", beside[0].path, f"the indentation is lost: {beside[0].path[-1]} stands {of}"
        return ""
    if len(entry.data) != 1:
        yield "appspec-resources", entry.path, f"{_SHAPE}; the entry has the names {', '.join(entry.data)}"
        return ""
    ((name, resource),) = entry.data.items()
    path = (*entry.path, name)
    if not isinstance(resource, dict):
        yield "appspec-indentation", path, f"{name} holds nothing: Type and Properties stand below it, further in"
        return ""
    return (yield from _resource(_Map(resource, path)))


def _resource(resource: _Map) -> FoundKind:
    yield from resource.twice()
    kind = resource["Type"]
    if not isinstance(kind.value, str) or kind.value not in _WANTED:
        said = "is missing" if not kind.given else f"is {kind.value!r}{did_you_mean(str(kind.value), _WANTED)}"
        yield "appspec-type", kind.path, f"Type {said}; it may be {' or '.join(_WANTED)}"
        return ""
    known = (*_WANTED[kind.value], *_OPTIONAL[kind.value])
    properties = resource["Properties"]
    if not isinstance(properties.value, dict):
        outside = [key for key in resource.data if key.lower() in {name.lower() for name in known}]
        hint = f": {', '.join(outside)} belong below it" if outside else ""
        yield "appspec-indentation", properties.path, f"Properties is missing or no map; is its indentation lost?{hint}"
        return kind.value
    yield from _unknown(resource, ("Type", "Properties"))
    held = _Map(properties.value, properties.path)
    yield from held.twice()
    yield from _unknown(held, known)
    for wanted in _WANTED[kind.value]:
        if held[wanted].value in (None, ""):
            said = "is empty" if held[wanted].given else "is missing"
            yield "appspec-property", held[wanted].path, f"the property {wanted} {said}"
    yield from (_lambda if kind.value == LAMBDA else _ecs)(held)
    return kind.value


def _lambda(properties: _Map) -> Diagnostics:
    name, alias = properties["Name"], properties["Alias"]
    if _filled(name):
        written = str(name.value)
        if written.startswith("arn:"):
            what = f"Name is the function's name, not its ARN; write {written.split(':function:')[-1].split(':')[0]}"
            yield "appspec-function-name", name.path, what
        elif not _FUNCTION.fullmatch(written):
            what = f"{written!r} is no function's name: letters, digits, - and _, without version or alias"
            yield "appspec-function-name", name.path, what
    if _filled(alias) and not _ALIAS.fullmatch(str(alias.value)):
        what = f"{alias.value!r} is no alias's name: letters, digits, - and _, and not digits alone"
        yield "appspec-alias", alias.path, what
    versions = [properties[key] for key in ("CurrentVersion", "TargetVersion")]
    for key, version in zip(("CurrentVersion", "TargetVersion"), versions, strict=True):
        if _filled(version) and not re.fullmatch("[1-9][0-9]*", str(version.value)):
            yield (
                "appspec-lambda-version",
                version.path,
                f"{key} is a published version's number; {_no_version(version.value)}",
            )
    current, target = versions
    if _filled(current) and str(current.value) == str(target.value):
        what = "TargetVersion is the version that users have already; nothing would be deployed"
        yield "appspec-same-version", target.path, what


def _no_version(value: Any) -> str:
    if value == "$LATEST":
        return "$LATEST changes under way; publish a version"
    if number := re.search(r":([0-9]+)$", str(value)):
        return f"write {number[1]} and not the ARN"
    return f"{value!r} is none"


def _ecs(properties: _Map) -> Diagnostics:
    task, platform = properties["TaskDefinition"], properties["PlatformVersion"]
    if _filled(task) and (what := _no_task_definition(str(task.value))):
        yield "appspec-task-definition", task.path, what
    if platform.given and not platform.open and not _PLATFORM_VERSION.fullmatch(str(platform.value)):
        what = f"PlatformVersion is LATEST or a version such as 1.4.0, not {platform.value!r}"
        yield "appspec-platform-version", platform.path, what
    balancer, network = properties["LoadBalancerInfo"], properties["NetworkConfiguration"]
    if isinstance(balancer.value, dict):
        yield from _balancer(_Map(balancer.value, balancer.path))
    elif balancer.value not in (None, ""):
        what = "LoadBalancerInfo is a map of ContainerName and ContainerPort, not a list; remove the -"
        yield "appspec-load-balancer", balancer.path, what
    if network.given:
        yield from _network(network)
    if properties["CapacityProviderStrategy"].given:
        yield from _providers(properties["CapacityProviderStrategy"])


def _no_task_definition(written: str) -> str:
    """Say why a text names no task definition; "" where it does."""
    if written.startswith("arn:"):
        if _TASK_DEFINITION_ARN.fullmatch(written):
            return ""
        why = (
            "a colon stands twice"
            if "::" in written
            else "write arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION"
        )
        return f"{written} is no task definition's ARN; {why}"
    if _TASK_DEFINITION.fullmatch(written):
        return ""
    why = "the ARN begins with arn:" if "task-definition/" in written else "write its ARN, or FAMILY:REVISION"
    return f"{written!r} names no task definition; {why}"


def _balancer(balancer: _Map) -> Diagnostics:
    yield from balancer.twice()
    yield from _unknown(balancer, ("ContainerName", "ContainerPort"))
    name, port = balancer["ContainerName"], balancer["ContainerPort"]
    for at, wanted in ((name, "ContainerName"), (port, "ContainerPort")):
        if at.value in (None, ""):
            yield "appspec-load-balancer", at.path, f"LoadBalancerInfo lacks {wanted}"
    if _filled(port) and not (type(port.value) is int and 1 <= port.value <= 65535):
        what = f"ContainerPort is a number from 1 to 65535 without quotes, not {port.value!r}"
        yield "appspec-container-port", port.path, what


def _network(network: _At) -> Diagnostics:
    inner = _Map(network.value, network.path)["AwsvpcConfiguration"] if isinstance(network.value, dict) else network
    if inner is network or not isinstance(inner.value, dict):
        what = "NetworkConfiguration holds AwsvpcConfiguration, and that Subnets, SecurityGroups and AssignPublicIp"
        yield "appspec-network", inner.path, what
        return
    held = _Map(inner.value, inner.path)
    yield from held.twice()
    yield from _unknown(held, ("Subnets", "SecurityGroups", "AssignPublicIp"))
    for key, prefix in (("Subnets", "subnet-"), ("SecurityGroups", "sg-")):
        at = held[key]
        if not at.open and not (
            isinstance(at.value, list) and at.value and all(str(each).startswith(prefix) for each in at.value)
        ):
            yield (
                "appspec-network",
                at.path,
                f"{key} is a list of ids that begin with {prefix}, and all three keys are given",
            )
    public = held["AssignPublicIp"]
    if not public.open and public.value not in ("ENABLED", "DISABLED"):
        yield "appspec-network", public.path, f"AssignPublicIp is ENABLED or DISABLED, not {public.value!r}"


def _providers(strategy: _At) -> Diagnostics:
    entries = strategy.value if isinstance(strategy.value, list) else []
    if not entries:
        what = "CapacityProviderStrategy is a list: - {CapacityProvider: NAME, Base: 0, Weight: 1}"
        yield "appspec-capacity-provider", strategy.path, what
    for number, entry in enumerate(entries):
        path = (*strategy.path, number)
        if not isinstance(entry, dict) or _Map(entry, path)["CapacityProvider"].value in (None, ""):
            yield "appspec-capacity-provider", path, "each entry names its CapacityProvider"
            continue
        held = _Map(entry, path)
        yield from _unknown(held, ("CapacityProvider", "Base", "Weight"))
        for key, most in (("Base", 100_000), ("Weight", 1000)):
            at = held[key]
            if at.given and not at.open and not (type(at.value) is int and 0 <= at.value <= most):
                what = f"{key} is a whole number from 0 to {most}, not {at.value!r}"
                yield "appspec-capacity-provider", at.path, what


_A_HOOK = "Hooks is a list, and each entry a map of one key: - BeforeAllowTraffic: FUNCTION"


def _hooks(hooks: _At, kind: str) -> Diagnostics:
    if not hooks.given:
        return
    if not isinstance(hooks.value, list):
        what = "a map; write a - before each event" if isinstance(hooks.value, dict) else "empty; remove the key"
        at_servers = isinstance(hooks.value, dict) and any(map(_of_servers, hooks.value.values()))
        rule = "appspec-ec2" if at_servers else "appspec-hooks"
        yield rule, hooks.path, _SERVERS_HOOK if at_servers else f"{_A_HOOK}; it is {what}"
        return
    seen: set[str] = set()
    for number, hook in enumerate(hooks.value):
        path = (*hooks.path, number)
        if not isinstance(hook, dict) or len(hook) != 1:
            rule = "appspec-ec2" if _of_servers(hook) else "appspec-hooks"
            yield rule, path, _SERVERS_HOOK if rule == "appspec-ec2" else _A_HOOK
            continue
        ((event, function),) = hook.items()
        at = _At(function, (*path, event))
        if event in seen:
            yield "appspec-event-twice", at.path, f"{event} stands here a second time; an event has one function"
        seen.add(event)
        allowed = LAMBDA_STAGES if kind == LAMBDA else STAGES
        if event not in allowed:
            yield "appspec-event", at.path, f"there is no event {event!r} here{_meant(event, allowed)}"
        yield from _function(event, at, kind)


def _meant(event: str, allowed: Sequence[str]) -> str:
    same = next((each for each in allowed if each.lower() == event.lower()), "")
    if same:
        return f"; write {same}"
    why = "; Lambda deployments know no such moment" if event in STAGES else did_you_mean(event, allowed)
    return f"{why}; there are {', '.join(allowed)}"


_SERVERS_HOOK = "a hook is the name or ARN of a Lambda function; location, timeout and runas are for EC2 deployments"


def _of_servers(hook: Any) -> bool:
    """Tell whether this is a script of a server, or a list of them."""
    first = hook[0] if isinstance(hook, list) and hook else hook
    return isinstance(first, dict) and any(key.lower() in _SCRIPT for key in first)


def _function(event: str, function: _At, kind: str) -> Diagnostics:
    written = function.value
    if _of_servers(written):
        yield "appspec-ec2", function.path, _SERVERS_HOOK
    elif not isinstance(written, str) or not written:
        yield "appspec-hook", function.path, f"a hook is the name or ARN of a Lambda function, not {written!r}"
    elif not function.open:
        yield from _named(event, function, kind)


def _named(event: str, function: _At, kind: str) -> Diagnostics:
    arn = _FUNCTION_ARN.fullmatch(str(function.value))
    name = arn["name"] if arn else str(function.value)
    if ":" in name and not name.startswith("arn:"):
        what = f"{function.value} is a qualified name; name the function without version or alias"
        yield "appspec-hook", function.path, what
    elif not _FUNCTION.fullmatch(name):
        yield "appspec-hook", function.path, f"{function.value!r} is no name and no ARN of a Lambda function"
    elif kind == LAMBDA and not name.startswith(HOOK_PREFIX):
        what = f"{name} does not begin with {HOOK_PREFIX}; the roles AWS gives CodeDeploy for Lambda may invoke no other function"
        yield "appspec-hook-prefix", function.path, f"{what}, and one of your own must allow it"
    elif name.startswith(HOOK_PREFIX):
        other = next((stage for stage in STAGES if name.endswith(f"-{stage}") and stage != event), "")
        if other and event in STAGES:
            yield (
                "appspec-hook-stage",
                function.path,
                f"by its name this is the hook for {other}; greenlight's refuses {event}",
            )


def _filled(at: _At) -> bool:
    """Tell whether there is a value that is not yet to be filled in."""
    return at.value not in (None, "") and not at.open
