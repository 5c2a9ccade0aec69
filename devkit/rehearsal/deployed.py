"""What a service's own template and AppSpec say about its deployments, as keys of a scenario.

So that what is rehearsed is what is deployed: nothing that stands there is written a second time, and a scenario that says
otherwise is refused.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from greenlight.errors import GreenlightError

from devkit.doctor import revision, written
from devkit.rehearsal import configurations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Where = tuple[str | int, ...]

_EVENTS = {"PreTraffic": "BeforeAllowTraffic", "PostTraffic": "AfterAllowTraffic"}
_GROUP, _FUNCTION = "AWS::CodeDeploy::DeploymentGroup", "AWS::Serverless::Function"


def filled(data: dict[str, Any], folder: Path) -> tuple[dict[str, Any], list[tuple[Where, str]]]:
    """Add to a scenario's data what the files say that it names under `template` and `appspec`.

    Returns:
        The whole data, and what is wrong with the files or with what the scenario says against them.
    """
    facts: dict[str, Any] = {}
    for key, read in (("template", _template), ("appspec", _appspec)):
        if isinstance(name := data.get(key), str):
            try:
                facts = _both(facts, read(data, name, (folder / name).read_text(encoding="utf-8")))
            except OSError as error:
                return data, [((key,), f"{folder / name} cannot be read: {error.strerror or error}")]
            except UnicodeDecodeError as error:
                return data, [((key,), f"{folder / name} is not UTF-8 text (byte {error.start})")]
            except GreenlightError as error:
                return data, [((key,), f"{name}: {error}")]
    return _both(facts, data), list(_against(facts, data, ()))


def _both(facts: Any, own: Any) -> Any:
    """Put what is said over the facts, maps together; each deployment's green gets what the scenario's gets."""
    if not (isinstance(facts, dict) and isinstance(own, dict)):
        return own
    whole = {**facts, **{key: _both(facts.get(key), value) for key, value in own.items()}}
    if isinstance(rows := own.get("deployments"), list) and "green" in facts:
        green = whole.pop("green") if "green" in own else facts["green"]
        whole["deployments"] = [
            {**row, "green": _both(green, row.get("green"))} if isinstance(row, dict) else row for row in rows
        ]
        if "green" not in own:
            whole.pop("green", None)
    return whole


def _against(facts: dict[str, Any], own: dict[str, Any], path: Where) -> Iterator[tuple[Where, str]]:
    for key, fact in facts.items():
        said = own.get(key, fact)
        if isinstance(fact, dict) and isinstance(said, dict):
            yield from _against(fact, said, (*path, key))
        elif said != fact:
            yield (*path, key), f"{key} is {said!r} here and {fact!r} in what is deployed; leave the key out"


def _appspec(_data: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    found = revision.parsed(text, name)
    if found.problems:
        raise GreenlightError(found.problems[0])
    return {"platform": "ecs" if "taskdefinition" in found.properties else "lambda", "hooks": list(found.hooks)}


def _template(data: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    given = data.get("parameters")
    given = {key: str(value) for key, value in given.items()} if isinstance(given, dict) else {}
    template = written.read(text, given)
    gradual = [each for each in template.resources(_FUNCTION) if template.properties(each).get("DeploymentPreference")]
    groups = list(template.resources(_GROUP))
    if len(gradual) + len(groups) != 1:
        raise GreenlightError("a rehearsal needs one function with a DeploymentPreference, or one deployment group")
    return _lambda(template, gradual[0], name) if gradual else _ecs(template, template.properties(groups[0]))


def _lambda(template: written.Template, name: str, file: str) -> dict[str, Any]:
    properties = template.properties(name)
    preference, (module, _, handler) = properties["DeploymentPreference"], str(properties.get("Handler")).partition(".")
    place = os.path.normpath(os.path.join(os.path.dirname(file), str(properties.get("CodeUri", "."))))
    release = {"function": f"{place}/{module}.py:{handler}", "timeout": f"{properties.get('Timeout', 3)}s"}
    return {
        "platform": "lambda",
        "config": f"{configurations.PREFIX}Lambda{preference.get('Type')}",
        "hooks": [event for key, event in _EVENTS.items() if key in preference.get("Hooks", {})],
        "blue": release,
        "green": release,
    }


def _ecs(template: written.Template, group: dict[str, Any]) -> dict[str, Any]:
    (pair,) = group["LoadBalancerInfo"]["TargetGroupPairInfoList"]
    production = _referred(template, pair["ProdTrafficRoute"]["ListenerArns"][0])
    protocol = str(production.get("Protocol"))
    listener = {"test": "TestTrafficRoute" in pair, "https": protocol in ("HTTPS", "TLS")}
    listener["nlb"] = protocol not in ("HTTP", "HTTPS")
    first = _referred(template, pair["TargetGroups"][0]["Name"])
    health = {"path": first.get("HealthCheckPath", "/"), "codes": str(first.get("Matcher", {}).get("HttpCode", "200"))}
    application = group.get("ApplicationName")
    if isinstance(application, dict):
        application = _referred(template, application).get("ApplicationName")
    names = {"application": application, "group": group.get("DeploymentGroupName")}
    return {
        "platform": "ecs",
        "config": group.get("DeploymentConfigName", configurations.DEFAULT["ecs"]),
        "listener": {**listener, "health_check": health},
        "rollback": bool(group.get("AutoRollbackConfiguration", {}).get("Enabled")),
        **{key: value for key, value in names.items() if isinstance(value, str)},
    }


def _referred(template: written.Template, value: Any) -> dict[str, Any]:
    """Give the properties of the resource that {"Ref": NAME} or {"Fn::GetAtt": [NAME, …]} stands for."""
    name = next(iter(value.values()), "") if isinstance(value, dict) else ""
    return template.properties(str(name[0] if isinstance(name, list) and name else name))
