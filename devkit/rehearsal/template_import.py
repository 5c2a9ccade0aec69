"""Import of a service's template and AppSpec as keys of a scenario.

The rehearsal then uses the settings of the real deployment. A scenario does not repeat them, and one that contradicts
them is rejected.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from greenlight.core.errors import GreenlightError

from ..doctor import cloudformation, revision
from ..doctor.cloudformation import FUNCTION, GROUP, SAM_HOOKS, deployment_preference, logical_id
from . import configurations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Location = tuple[str | int, ...]


def add_imported_values(data: dict[str, Any], folder: Path) -> tuple[dict[str, Any], list[tuple[Location, str]]]:
    """Add the values of the files under `template` and `appspec` to the data of a scenario.

    Returns:
        The complete data, and the mistakes: of the files, or values of the scenario that contradict them.
    """
    imported: dict[str, Any] = {}
    for key, read in (("template", _import_template), ("appspec", _import_appspec)):
        if isinstance(name := data.get(key), str):
            try:
                imported = _merge(imported, read(data, name, (folder / name).read_text(encoding="utf-8")))
            except OSError as error:
                return data, [((key,), f"{folder / name} cannot be read: {error.strerror or error}")]
            except UnicodeDecodeError as error:
                return data, [((key,), f"{folder / name} is not UTF-8 text (byte {error.start})")]
            except GreenlightError as error:
                return data, [((key,), f"{name}: {error}")]
    return _merge(imported, data), list(_find_contradictions(imported, data, ()))


def _merge(imported: Any, own: Any) -> Any:
    """Merge maps, where `own` takes precedence; the green of each deployment inherits the scenario's green."""
    if not (isinstance(imported, dict) and isinstance(own, dict)):
        return own
    merged = {**imported, **{key: _merge(imported.get(key), value) for key, value in own.items()}}
    if isinstance(rows := own.get("deployments"), list) and "green" in imported:
        green = merged.pop("green") if "green" in own else imported["green"]
        merged["deployments"] = [
            {**row, "green": _merge(green, row.get("green"))} if isinstance(row, dict) else row for row in rows
        ]
        if "green" not in own:
            merged.pop("green", None)
    return merged


def _find_contradictions(
    imported: dict[str, Any], own: dict[str, Any], path: Location
) -> Iterator[tuple[Location, str]]:
    for key, imported_value in imported.items():
        own_value = own.get(key, imported_value)
        if isinstance(imported_value, dict) and isinstance(own_value, dict):
            yield from _find_contradictions(imported_value, own_value, (*path, key))
        elif own_value != imported_value:
            yield (
                (*path, key),
                f"{key} is {own_value!r} here and {imported_value!r} in the template or AppSpec; leave the key out",
            )


def _import_appspec(_data: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    appspec = revision.parse_revision(text, name)
    if appspec.problems:
        raise GreenlightError(appspec.problems[0])
    return {"platform": "ecs" if "taskdefinition" in appspec.properties else "lambda", "hooks": list(appspec.hooks)}


def _import_template(data: dict[str, Any], file: str, text: str) -> dict[str, Any]:
    parameters = data.get("parameters")
    parameters = {key: str(value) for key, value in parameters.items()} if isinstance(parameters, dict) else {}
    template = cloudformation.parse_template(text, parameters)
    functions = [
        name for name in template.resources(FUNCTION) if deployment_preference(template.properties(name)) is not None
    ]
    groups = list(template.resources(GROUP))
    if len(functions) + len(groups) != 1:
        raise GreenlightError("a rehearsal needs one function with a DeploymentPreference, or one deployment group")
    if functions:
        return _import_function(template.properties(functions[0]), functions[0], file)
    return _import_group(template, template.properties(groups[0]), data)


def _import_function(properties: dict[str, Any], name: str, file: str) -> dict[str, Any]:
    """Return the keys of a scenario for a function's properties.

    Raises:
        GreenlightError: A required property is missing or is not decided by the template.
    """
    preference = _require_plain(
        _value_at(properties, "DeploymentPreference", "Type"), f"{name}'s DeploymentPreference.Type"
    )
    module, _, handler = _require_plain(properties.get("Handler"), f"{name}'s Handler").rpartition(".")
    code = _require_plain(properties.get("CodeUri", "."), f"{name}'s CodeUri")
    folder = os.path.normpath(os.path.join(os.path.dirname(file), code))
    timeout = _require_plain(properties.get("Timeout", 3), f"{name}'s Timeout")
    release = {"function": f"{folder}/{module.replace('.', '/')}.py:{handler}", "timeout": f"{timeout}s"}
    hooks = _value_at(properties, "DeploymentPreference", "Hooks")
    return {
        "platform": "lambda",
        "config": f"{configurations.PREFIX}Lambda{preference}",
        "hooks": [event for key, event in SAM_HOOKS.items() if isinstance(hooks, dict) and key in hooks],
        "blue": release,
        "green": release,
    }


def _import_group(template: cloudformation.Template, group: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a scenario for a deployment group and its listener and target group.

    Raises:
        GreenlightError: The group does not have exactly one pair of target groups, or a required value is neither in
            the template nor in the scenario.
    """
    pairs = _value_at(group, "LoadBalancerInfo", "TargetGroupPairInfoList")
    if not (isinstance(pairs, list) and len(pairs) == 1):
        count = len(pairs) if isinstance(pairs, list) else "none"
        raise GreenlightError(
            f"a rehearsal needs a deployment group with one entry in TargetGroupPairInfoList, and this has {count}"
        )
    application = group.get("ApplicationName")
    if isinstance(application, dict):
        application = template.properties(logical_id(application)).get("ApplicationName")
    names = {"application": application, "group": group.get("DeploymentGroupName")}
    imported = {
        "platform": "ecs",
        "listener": _import_listener(template, pairs[0], data),
        "rollback": str(_value_at(group, "AutoRollbackConfiguration", "Enabled")).lower() == "true",
        **{key: value for key, value in names.items() if isinstance(value, str)},
    }
    config = group.get("DeploymentConfigName", configurations.DEFAULT["ecs"])
    if isinstance(config, str) or "config" not in data:
        imported["config"] = _require_plain(config, "DeploymentConfigName", "config")
    return imported


def _import_listener(template: cloudformation.Template, pair: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Return the listener's keys for a pair of target groups; values that the scenario sets may be missing.

    Raises:
        GreenlightError: A required value is neither in the template nor in the scenario.
    """
    imported: dict[str, Any] = {"test": _value_at(pair, "TestTrafficRoute") is not None}
    production = template.properties(logical_id(_value_at(pair, "ProdTrafficRoute", "ListenerArns", 0)))
    protocol = production.get("Protocol")
    if isinstance(protocol, str) or _value_at(data, "listener", "https") is None:
        protocol = _require_plain(protocol, "the Protocol of the production listener", "listener: {https: …, nlb: …}")
        imported |= {"https": protocol in ("HTTPS", "TLS"), "nlb": protocol not in ("HTTP", "HTTPS")}
    group = template.properties(logical_id(_value_at(pair, "TargetGroups", 0, "Name")))
    own_check = _value_at(data, "listener", "health_check")
    if not group and own_check is None:
        raise GreenlightError(
            "the first target group is not in the template; set listener.health_check in the scenario"
        )
    if group:
        health = {"path": group.get("HealthCheckPath", "/"), "codes": _value_at(group, "Matcher", "HttpCode") or "200"}
        imported["health_check"] = {
            key: _require_plain(value, f"the health check's {key}", f"listener.health_check.{key}")
            for key, value in health.items()
            if isinstance(value, str | int) or _value_at(own_check, key) is None
        }
    return imported


def _value_at(value: Any, *steps: str | int) -> Any:
    """Return the value at a path in data; None if the path does not exist."""
    for step in steps:
        if isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _require_plain(value: Any, name: str, key: str = "") -> str:
    """Return a text or number of the template as text.

    Raises:
        GreenlightError: The value is absent, or an expression that only a deployment resolves.
    """
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        problem = "not in the template"
    else:
        problem = f"{json.dumps(value, default=str)[:80]}, which is not a plain text or number"
    advice = f"set {key} in the scenario" if key else "write the value in the template"
    raise GreenlightError(f"{name} is {problem}; {advice}, or set its parameter under parameters")
