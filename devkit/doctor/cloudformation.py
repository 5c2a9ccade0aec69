"""Templates of CloudFormation and SAM: data, line numbers, and the values of intrinsic functions.

A value that only a deployment can determine stays a map such as {"Ref": NAME}, so that callers can distinguish
"unknown" from "absent".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from greenlight.core.document_decoding import nesting_exceeds
from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.plan.yaml_reader import syntax_problem

from ..lint.appspec import looks_like_appspec

if TYPE_CHECKING:
    from collections.abc import Callable

TemplatePath = tuple[str | int, ...]
FUNCTION, GROUP = "AWS::Serverless::Function", "AWS::CodeDeploy::DeploymentGroup"
SAM_HOOKS = {"PreTraffic": "BeforeAllowTraffic", "PostTraffic": "AfterAllowTraffic"}
"""Lifecycle events by the names that SAM's DeploymentPreference has for them."""
MAX_BYTES = 1_000_000
"""The largest template that CloudFormation accepts."""
_MAX_NODES = 200_000
_MAX_DEPTH = 80
_NO_VALUE = {"Ref": "AWS::NoValue"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TemplateError(GreenlightError):
    """The file is not a valid template."""


class Template(FrozenStruct, frozen=True, kw_only=True):
    """A template.

    Attributes:
        data: Its content, with intrinsic functions in their long forms.
        lines: Line numbers, counted from 1, by path.
        parameters: The values of its parameters.
    """

    data: dict[str, Any]
    lines: dict[TemplatePath, int]
    parameters: dict[str, Any] = {}

    def line(self, *path: str | int) -> int:
        """Return the line of a path, or of its nearest parent that is in the template."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def resources(self, *types: str) -> dict[str, dict[str, Any]]:
        """Return the resources of some types, or of all, by logical id, except those whose condition is false."""
        resources = self.data.get("Resources")
        return {
            name: resource
            for name, resource in (resources.items() if isinstance(resources, dict) else ())
            if isinstance(resource, dict)
            and (not types or resource.get("Type") in types)
            and self.condition(resource.get("Condition")) is not False
        }

    def properties(self, name: str) -> dict[str, Any]:
        """Return the resolved properties of a resource; those of a function include the template's Globals."""
        resource = self.resources().get(name, {})
        own = resource.get("Properties")
        if resource.get("Type") == FUNCTION:
            defaults = self.data.get("Globals")
            defaults = defaults.get("Function") if isinstance(defaults, dict) else None
            own = _merge(defaults, own) if isinstance(defaults, dict) else own
        value = self.resolve(own)
        return value if isinstance(value, dict) else {}

    def resolve(self, value: Any) -> Any:
        """Replace intrinsic functions that parameters and conditions determine; AWS::NoValue becomes None."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not None]
        if not isinstance(value, dict):
            return value
        if value == _NO_VALUE:
            return None
        if len(value) == 1:
            name, inner = next(iter(value.items()))
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](self, inner, value)
        resolved = {key: self.resolve(inner) for key, inner in value.items()}
        return {key: inner for key, inner in resolved.items() if inner is not None}

    def condition(self, condition: Any, depth: int = 0) -> bool | None:
        """Evaluate a condition; None if only a deployment can determine it."""
        if depth > _MAX_DEPTH:
            return None
        if isinstance(condition, str):
            conditions = self.data.get("Conditions")
            return self.condition(conditions.get(condition), depth + 1) if isinstance(conditions, dict) else None
        if not isinstance(condition, dict) or len(condition) != 1:
            return None
        name, inner = next(iter(condition.items()))
        if name == "Condition":
            return self.condition(inner, depth + 1)
        if not isinstance(inner, list):
            return None
        if name == "Fn::Equals":
            return self._equals(inner)
        combine = _COMBINATIONS.get(name)
        return combine([self.condition(item, depth + 1) for item in inner]) if combine else None

    def _equals(self, operands: list[Any]) -> bool | None:
        if len(operands) != 2:
            return None
        left, right = map(self.resolve, operands)
        return None if isinstance(left, dict | list) or isinstance(right, dict | list) else str(left) == str(right)


def _not(values: list[bool | None]) -> bool | None:
    return None if not values or values[0] is None else not values[0]


def _and(values: list[bool | None]) -> bool | None:
    if False in values:
        return False
    return None if None in values else True


def _or(values: list[bool | None]) -> bool | None:
    if True in values:
        return True
    return None if None in values else False


_COMBINATIONS: dict[str, Callable[[list[bool | None]], bool | None]] = {
    "Fn::Not": _not,
    "Fn::And": _and,
    "Fn::Or": _or,
}


def logical_id(value: Any) -> str:
    """Return the logical id in a Ref or a GetAtt; "" for any other value."""
    if not isinstance(value, dict) or len(value) != 1:
        return ""
    name, inner = next(iter(value.items()))
    if name == "Fn::GetAtt" and isinstance(inner, list) and inner:
        inner = inner[0]
    return inner if name in ("Ref", "Fn::GetAtt") and isinstance(inner, str) else ""


def deployment_preference(properties: dict[str, Any]) -> dict[str, Any] | None:
    """Return a function's DeploymentPreference; None without one, or if it is not enabled."""
    preference = properties.get("DeploymentPreference")
    if not isinstance(preference, dict) or str(preference.get("Enabled", True)).lower() == "false":
        return None
    return preference


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and an empty list for any other value."""
    return value if isinstance(value, list) else []


# ---- Intrinsic functions ---------------------------------------------------------------------------------------------


def _ref(template: Template, inner: Any, value: dict[str, Any]) -> Any:
    return template.parameters.get(inner, value) if isinstance(inner, str) else value


def _sub(template: Template, inner: Any, _value: dict[str, Any]) -> Any:
    text, variables = (inner[0], inner[1]) if isinstance(inner, list) and len(inner) == 2 else (inner, {})
    variables = template.resolve(variables)
    variables = variables if isinstance(variables, dict) else {}

    def replace(match: re.Match[str]) -> str:
        value = variables.get(match[1], template.parameters.get(match[1]))
        return match[0] if value is None or isinstance(value, dict | list) else str(value)

    return re.sub(r"\$\{([^!}][^}]*)\}", replace, text) if isinstance(text, str) else text


def _if(template: Template, inner: Any, value: dict[str, Any]) -> Any:
    condition = template.condition(inner[0]) if isinstance(inner, list) and len(inner) == 3 else None
    return value if condition is None else template.resolve(inner[1 if condition else 2])


def _join(template: Template, inner: Any, value: dict[str, Any]) -> Any:
    if not (isinstance(inner, list) and len(inner) == 2 and isinstance(inner[0], str)):
        return value
    parts = template.resolve(inner[1])
    is_resolved = isinstance(parts, list) and all(isinstance(part, str) for part in parts)
    return inner[0].join(parts) if is_resolved else value


def _find_in_map(template: Template, inner: Any, value: dict[str, Any]) -> Any:
    entry: Any = template.data.get("Mappings")
    for key in template.resolve(inner) if isinstance(inner, list) else ():
        entry = entry.get(key) if isinstance(entry, dict) and isinstance(key, str) else None
    return value if entry is None else entry


def _import_value(template: Template, inner: Any, _value: dict[str, Any]) -> Any:
    return {"Fn::ImportValue": template.resolve(inner)}


_FUNCTIONS = {
    "Ref": _ref,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::Join": _join,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import_value,
}


def _merge(defaults: Any, own: Any) -> Any:
    """Merge a function's properties into those of Globals as SAM does: maps merge, lists append, others replace."""
    if isinstance(defaults, dict) and isinstance(own, dict) and not (_is_intrinsic(defaults) or _is_intrinsic(own)):
        return {
            key: _merge(defaults[key], own[key]) if key in defaults and key in own else own.get(key, defaults.get(key))
            for key in {**defaults, **own}
        }
    if isinstance(defaults, list) and isinstance(own, list):
        return [*defaults, *own]
    return defaults if own is None else own


def _is_intrinsic(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


# ---- Parsing ---------------------------------------------------------------------------------------------------------


def parse_template(text: str, parameters: dict[str, str] | None = None) -> Template:
    """Parse a template, YAML or JSON; short forms such as !Ref become long forms.

    Args:
        text: The file's text.
        parameters: Values of parameters, which override their defaults.

    Raises:
        TemplateError: The text is not a template, or the template does not have one of the `parameters`.
    """
    lines: dict[TemplatePath, int] = {}
    data = _parse_yaml(text, lines)
    if not isinstance(data, dict) or not isinstance(data.get("Resources"), dict):
        if looks_like_appspec(data):
            raise TemplateError("the file is an AppSpec, not a template; to check it: greenlight appspec lint FILE")
        raise TemplateError("the file is not a template: it has no Resources")
    declared = data.get("Parameters")
    declared = declared if isinstance(declared, dict) else {}
    values = parameters or {}
    if unknown := sorted(values.keys() - declared.keys()):
        names = ", ".join(sorted(map(str, declared))) or "none"
        raise TemplateError(f"the template has no parameter {unknown[0]}; it has {names}")
    defaults = {
        name: parameter["Default"]
        for name, parameter in declared.items()
        if isinstance(parameter, dict) and "Default" in parameter
    }
    return Template(data=data, lines=lines, parameters={**defaults, **values})


def _parse_yaml(text: str, lines: dict[TemplatePath, int]) -> Any:
    if len(text) > MAX_BYTES:
        raise TemplateError(f"the template is larger than {MAX_BYTES} bytes, CloudFormation's limit")
    try:
        if nesting_exceeds(text, _MAX_DEPTH):
            raise ValueError("it is nested too deeply")
        node = yaml.compose(text, Loader=_LOADER)
        return _NodeConverter(lines).convert(node, (), 0) if node is not None else None
    except yaml.MarkedYAMLError as error:
        problem = syntax_problem(error, text)
        raise TemplateError(f"the template, line {problem.line}, column {problem.column}: {problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TemplateError(f"the template is not valid YAML: {' '.join(str(error).split())}") from error


class _NodeConverter:
    """Converts YAML nodes to data, and records their line numbers."""

    def __init__(self, lines: dict[TemplatePath, int]) -> None:
        self._lines, self._count = lines, 0
        self._scalars = yaml.constructor.SafeConstructor()

    def convert(self, node: yaml.Node, path: TemplatePath, depth: int) -> Any:
        """Convert a node.

        Raises:
            ValueError: The node is nested too deeply, or its aliases expand to too many nodes.
        """
        self._count += 1
        if self._count > _MAX_NODES or depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply, or its aliases expand to too much data")
        self._lines[path] = node.start_mark.line + 1
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = {}
            for key, inner in node.value:
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
                value[name] = self.convert(inner, (*path, name), depth + 1)
                self._lines[*path, name] = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            value = [self.convert(inner, (*path, number), depth + 1) for number, inner in enumerate(node.value)]
        elif node.tag.startswith("!") or node.tag.endswith(":timestamp"):
            value = node.value
        else:
            value = self._scalars.construct_object(node)
        return _long_form(node.tag, value) if node.tag.startswith("!") else value


def _long_form(tag: str, value: Any) -> Any:
    name = tag[1:]
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}
