"""Templates of CloudFormation and SAM as written: data, lines, and what their functions come to.

What only a deployment can know stays a map such as {"Ref": NAME}, so that whoever asks can tell "unknown" from "absent".
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from devkit.lint.appspec import looks_like_appspec
from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.plan.yaml_reader import nesting_exceeds, syntax_problem

Path = tuple[str | int, ...]
FUNCTION, GROUP = "AWS::Serverless::Function", "AWS::CodeDeploy::DeploymentGroup"
SAM_HOOKS = {"PreTraffic": "BeforeAllowTraffic", "PostTraffic": "AfterAllowTraffic"}
"""Stages by the names that SAM has for them in a DeploymentPreference."""
MAX_BYTES = 1_000_000
"""CloudFormation takes no larger template."""
_MAX_NODES = 200_000
_MAX_DEPTH = 80
_NOTHING = {"Ref": "AWS::NoValue"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TemplateError(GreenlightError):
    """The file is no template."""


class Template(FrozenStruct, frozen=True, kw_only=True):
    """A template: `data` in long forms, `lines` counted from 1 by path, and the parameters' values."""

    data: dict[str, Any]
    lines: dict[Path, int]
    parameters: dict[str, Any] = {}

    def line(self, *path: str | int) -> int:
        """Give the line of a path, or of the nearest thing around it that is written."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def resources(self, *kinds: str) -> dict[str, dict[str, Any]]:
        """Give the resources of some types by logical id, all of them without types; those whose condition is false left out."""
        found = self.data.get("Resources")
        return {
            name: each
            for name, each in (found.items() if isinstance(found, dict) else ())
            if isinstance(each, dict)
            and (not kinds or each.get("Type") in kinds)
            and self.holds(each.get("Condition")) is not False
        }

    def properties(self, name: str) -> dict[str, Any]:
        """Give the properties of a resource as they come out; of a function with what Globals say."""
        resource = self.resources().get(name, {})
        own = resource.get("Properties")
        if resource.get("Type") == FUNCTION:
            shared = self.data.get("Globals")
            shared = shared.get("Function") if isinstance(shared, dict) else None
            own = _merged(shared, own) if isinstance(shared, dict) else own
        value = self.value(own)
        return value if isinstance(value, dict) else {}

    def value(self, value: Any) -> Any:
        """Replace what parameters and conditions decide; None for AWS::NoValue."""
        if isinstance(value, list):
            return [each for each in map(self.value, value) if each is not None]
        if not isinstance(value, dict):
            return value
        if value == _NOTHING:
            return None
        if len(value) == 1:
            name, inner = next(iter(value.items()))
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](self, inner, value)
        resolved = {key: self.value(inner) for key, inner in value.items()}
        return {key: inner for key, inner in resolved.items() if inner is not None}

    def holds(self, condition: Any, depth: int = 0) -> bool | None:
        """Tell whether a condition is true; None where only a deployment knows."""
        if depth > _MAX_DEPTH:
            return None
        if isinstance(condition, str):
            known = self.data.get("Conditions")
            return self.holds(known.get(condition), depth + 1) if isinstance(known, dict) else None
        if not isinstance(condition, dict) or len(condition) != 1:
            return None
        name, inner = next(iter(condition.items()))
        if name == "Condition":
            return self.holds(inner, depth + 1)
        if not isinstance(inner, list):
            return None
        if name == "Fn::Equals" and len(inner) == 2:
            one, other = map(self.value, inner)
            return None if isinstance(one, dict | list) or isinstance(other, dict | list) else str(one) == str(other)
        held = [self.holds(each, depth + 1) for each in inner]
        if name == "Fn::Not" and held:
            return None if held[0] is None else not held[0]
        if name == "Fn::And":
            return False if False in held else None if None in held else True
        if name == "Fn::Or":
            return True if True in held else None if None in held else False
        return None


def logical(value: Any) -> str:
    """Give the logical id that a Ref or a GetAtt names; "" for neither."""
    if not isinstance(value, dict) or len(value) != 1:
        return ""
    name, inner = next(iter(value.items()))
    if name == "Fn::GetAtt" and isinstance(inner, list) and inner:
        inner = inner[0]
    return inner if name in ("Ref", "Fn::GetAtt") and isinstance(inner, str) else ""


def shift(properties: dict[str, Any]) -> dict[str, Any] | None:
    """Give the DeploymentPreference by which SAM shifts a function's users; None where there is none, or it is off."""
    found = properties.get("DeploymentPreference")
    return found if isinstance(found, dict) and str(found.get("Enabled", True)).lower() != "false" else None


def _ref(template: Template, inner: Any, value: dict[str, Any]) -> Any:
    return template.parameters.get(inner, value) if isinstance(inner, str) else value


def _sub(template: Template, inner: Any, _value: dict[str, Any]) -> Any:
    text, local = (inner[0], inner[1]) if isinstance(inner, list) and len(inner) == 2 else (inner, {})
    local = template.value(local)
    local = local if isinstance(local, dict) else {}

    def put(match: re.Match[str]) -> str:
        found = local.get(match[1], template.parameters.get(match[1]))
        return match[0] if found is None or isinstance(found, dict | list) else str(found)

    return re.sub(r"\$\{([^!}][^}]*)\}", put, text) if isinstance(text, str) else text


def _if(template: Template, inner: Any, value: dict[str, Any]) -> Any:
    held = template.holds(inner[0]) if isinstance(inner, list) and len(inner) == 3 else None
    return value if held is None else template.value(inner[1 if held else 2])


def _join(template: Template, inner: Any, value: dict[str, Any]) -> Any:
    if not (isinstance(inner, list) and len(inner) == 2 and isinstance(inner[0], str)):
        return value
    parts = template.value(inner[1])
    whole = isinstance(parts, list) and all(isinstance(each, str) for each in parts)
    return inner[0].join(parts) if whole else value


def _mapped(template: Template, inner: Any, value: dict[str, Any]) -> Any:
    found: Any = template.data.get("Mappings")
    for key in template.value(inner) if isinstance(inner, list) else ():
        found = found.get(key) if isinstance(found, dict) and isinstance(key, str) else None
    return value if found is None else found


def _import(template: Template, inner: Any, _value: dict[str, Any]) -> Any:
    return {"Fn::ImportValue": template.value(inner)}


_FUNCTIONS = {
    "Ref": _ref,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::Join": _join,
    "Fn::FindInMap": _mapped,
    "Fn::ImportValue": _import,
}


def _merged(shared: Any, own: Any) -> Any:
    """Put a function's properties over those of Globals: maps together, lists one after the other, else its own."""
    if isinstance(shared, dict) and isinstance(own, dict) and not (_is_function(shared) or _is_function(own)):
        return {
            key: _merged(shared[key], own[key]) if key in shared and key in own else own.get(key, shared.get(key))
            for key in {**shared, **own}
        }
    if isinstance(shared, list) and isinstance(own, list):
        return [*shared, *own]
    return shared if own is None else own


def _is_function(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def read(text: str, given: dict[str, str] | None = None) -> Template:
    """Read a template, YAML or JSON; short forms such as !Ref come out as their long ones.

    Args:
        text: The file's text.
        given: Values of parameters, over their defaults.

    Raises:
        TemplateError: It is none, or `given` names a parameter that it does not have.
    """
    if len(text) > MAX_BYTES:
        raise TemplateError(f"the template is larger than the {MAX_BYTES} bytes that CloudFormation takes")
    lines: dict[Path, int] = {}
    try:
        if nesting_exceeds(text, _MAX_DEPTH):
            raise ValueError("it is nested too deep")
        node = yaml.compose(text, Loader=_LOADER)
        data = _Plain(lines).of(node, (), 0) if node is not None else None
    except yaml.MarkedYAMLError as error:
        problem = syntax_problem(error, text)
        raise TemplateError(f"the template, line {problem.line}, column {problem.column}: {problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TemplateError(f"the template is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict) or not isinstance(data.get("Resources"), dict):
        if looks_like_appspec(data):
            raise TemplateError("the file is an AppSpec, and no template; greenlight appspec lint reads it")
        raise TemplateError("the file is no template: it has no Resources")
    declared = data.get("Parameters")
    declared = declared if isinstance(declared, dict) else {}
    if unknown := sorted((given or {}).keys() - declared.keys()):
        raise TemplateError(
            f"the template has no parameter {unknown[0]}; it has {', '.join(sorted(map(str, declared))) or 'none'}"
        )
    defaults = {
        name: each["Default"] for name, each in declared.items() if isinstance(each, dict) and "Default" in each
    }
    return Template(data=data, lines=lines, parameters={**defaults, **(given or {})})


class _Plain:
    """Turns YAML nodes into data and writes down their lines."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines, self._count = lines, 0
        self._scalars = yaml.constructor.SafeConstructor()

    def of(self, node: yaml.Node, path: Path, depth: int) -> Any:
        """Give the data of a node."""
        self._count += 1
        if self._count > _MAX_NODES or depth > _MAX_DEPTH:
            raise ValueError("it is nested too deep, or larger than it looks")
        self._lines[path] = node.start_mark.line + 1
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = {}
            for key, inner in node.value:
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
                value[name] = self.of(inner, (*path, name), depth + 1)
                self._lines[*path, name] = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            value = [self.of(inner, (*path, number), depth + 1) for number, inner in enumerate(node.value)]
        elif node.tag.startswith("!") or node.tag.endswith(":timestamp"):
            value = node.value
        else:
            value = self._scalars.construct_object(node)
        return _long(node.tag, value) if node.tag.startswith("!") else value


def _long(tag: str, value: Any) -> Any:
    name = tag[1:]
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}
