"""What a service's own template and AppSpec say about its deployments, as keys of a scenario.

So that what is rehearsed is what is deployed: nothing that stands there is written a second time, and a scenario that says
otherwise is refused.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from devkit.doctor import cloudformation, revision
from devkit.doctor.cloudformation import FUNCTION, GROUP, SAM_HOOKS, deployment_preference, logical_id
from devkit.rehearsal import configurations
from greenlight.core.errors import GreenlightError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Where = tuple[str | int, ...]


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
    found = revision.parse_revision(text, name)
    if found.problems:
        raise GreenlightError(found.problems[0])
    return {"platform": "ecs" if "taskdefinition" in found.properties else "lambda", "hooks": list(found.hooks)}


def _template(data: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    given = data.get("parameters")
    given = {key: str(value) for key, value in given.items()} if isinstance(given, dict) else {}
    template = cloudformation.parse_template(text, given)
    gradual = [
        each for each in template.resources(FUNCTION) if deployment_preference(template.properties(each)) is not None
    ]
    groups = list(template.resources(GROUP))
    if len(gradual) + len(groups) != 1:
        raise GreenlightError("a rehearsal needs one function with a DeploymentPreference, or one deployment group")
    if gradual:
        return _lambda(template.properties(gradual[0]), gradual[0], name)
    return _ecs(template, template.properties(groups[0]), data)


def _lambda(properties: dict[str, Any], name: str, file: str) -> dict[str, Any]:
    """Give what a function's properties say.

    Raises:
        GreenlightError: They leave to a deployment what a rehearsal must know, or the code is not on this machine.
    """
    way = _decided(_at(properties, "DeploymentPreference", "Type"), f"{name}'s DeploymentPreference.Type")
    module, _, handler = _decided(properties.get("Handler"), f"{name}'s Handler").rpartition(".")
    code = _decided(properties.get("CodeUri", "."), f"{name}'s CodeUri")
    place = os.path.normpath(os.path.join(os.path.dirname(file), code))
    timeout = _decided(properties.get("Timeout", 3), f"{name}'s Timeout")
    release = {"function": f"{place}/{module.replace('.', '/')}.py:{handler}", "timeout": f"{timeout}s"}
    named = _at(properties, "DeploymentPreference", "Hooks")
    return {
        "platform": "lambda",
        "config": f"{configurations.PREFIX}Lambda{way}",
        "hooks": [event for key, event in SAM_HOOKS.items() if isinstance(named, dict) and key in named],
        "blue": release,
        "green": release,
    }


def _ecs(template: cloudformation.Template, group: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Give what a deployment group says, and the listener and target group that it names.

    Raises:
        GreenlightError: It has not exactly one pair of target groups, or leaves to a deployment what a rehearsal must
            know and the scenario does not say.
    """
    pairs = _at(group, "LoadBalancerInfo", "TargetGroupPairInfoList")
    if not (isinstance(pairs, list) and len(pairs) == 1):
        many = len(pairs) if isinstance(pairs, list) else "none"
        raise GreenlightError(
            f"a rehearsal needs a deployment group with one entry in TargetGroupPairInfoList, and this has {many}"
        )
    application = group.get("ApplicationName")
    if isinstance(application, dict):
        application = template.properties(logical_id(application)).get("ApplicationName")
    names = {"application": application, "group": group.get("DeploymentGroupName")}
    facts = {
        "platform": "ecs",
        "listener": _listener(template, pairs[0], data),
        "rollback": str(_at(group, "AutoRollbackConfiguration", "Enabled")).lower() == "true",
        **{key: value for key, value in names.items() if isinstance(value, str)},
    }
    config = group.get("DeploymentConfigName", configurations.DEFAULT["ecs"])
    if isinstance(config, str) or "config" not in data:
        facts["config"] = _decided(config, "DeploymentConfigName", "config")
    return facts


def _listener(template: cloudformation.Template, pair: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Give what the production listener and the first target group of a pair say; what the scenario says need not be."""
    facts: dict[str, Any] = {"test": _at(pair, "TestTrafficRoute") is not None}
    production = template.properties(logical_id(_at(pair, "ProdTrafficRoute", "ListenerArns", 0)))
    protocol = production.get("Protocol")
    if isinstance(protocol, str) or _at(data, "listener", "https") is None:
        protocol = _decided(protocol, "the Protocol of the production listener", "listener: {https: …, nlb: …}")
        facts |= {"https": protocol in ("HTTPS", "TLS"), "nlb": protocol not in ("HTTP", "HTTPS")}
    group = template.properties(logical_id(_at(pair, "TargetGroups", 0, "Name")))
    said = _at(data, "listener", "health_check")
    if not group and said is None:
        raise GreenlightError(
            "the first target group is not in the template; say listener.health_check in the scenario"
        )
    if group:
        health = {"path": group.get("HealthCheckPath", "/"), "codes": _at(group, "Matcher", "HttpCode") or "200"}
        facts["health_check"] = {
            key: _decided(value, f"the health check's {key}", f"listener.health_check.{key}")
            for key, value in health.items()
            if isinstance(value, str | int) or _at(said, key) is None
        }
    return facts


def _at(value: Any, *steps: str | int) -> Any:
    """Give what stands at a place in data; None where there is no such place."""
    for step in steps:
        if isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _decided(value: Any, what: str, key: str = "") -> str:
    """Give a text or number that the template itself decides.

    Raises:
        GreenlightError: It is absent, or only a deployment decides it.
    """
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    why = "not in the template" if value is None else f"{json.dumps(value, default=str)[:80]}, which is no plain text"
    say = f"say {key} in the scenario" if key else "a rehearsal needs it written out"
    raise GreenlightError(f"{what} is {why}; {say}, or give its parameter a value under parameters")
