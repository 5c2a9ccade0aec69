"""Reference of the plan language as Markdown, generated from the types that the engine decodes plans with.

Prose, keys and examples come from docstrings, so that a new key appears without a change here. The tests run every
example.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from greenlight.assertions import expectation
from greenlight.assertions.filters import FILTERS
from greenlight.aws import secrets
from greenlight.checks import binding
from greenlight.core import references, units
from greenlight.core.deployment import STAGES, Deployment, Platform, Side
from greenlight.plan import includes
from greenlight.plan import schema as planfile
from greenlight.toolkit import http_expectation, http_request

from . import predicate_docs, struct_docs
from .plan_schema import schema_components
from .validator_catalogue import describe_type, table_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEAD = """\
# The plan

`make docs` generates this page from the types that plans are decoded with. A test compares the two and runs every
example. The validators are on a separate page: [validators.md](validators.md).
"""

_TITLES = {
    planfile.PlanFile: "The plan file",
    planfile.StageFile: "A stage",
    planfile.Control: "A check",
    http_request.HttpRequest: "A request",
    http_expectation.ResponseExpectation: "A response",
}
_LINKS = {
    "duration": "[duration](#durations-and-sizes)",
    "Expectation": "[expectation](#expectations)",
    "SizeExpectation": "[expectation](#expectations) with units",
    "DurationExpectation": "[expectation](#expectations) with units",
}

FRAGMENT = struct_docs.example_of(includes.FragmentFile)
"""Content of `file:shared/web.yaml`, which the examples include."""


class Section(NamedTuple):
    """A section of the reference: its heading, its Markdown, and its example as YAML, or ""."""

    title: str
    body: str
    example: str


def sections() -> Iterator[Section]:
    """Yield the sections of the reference in their order on the page."""
    kinds = plan_structs()
    titles = {kind: _TITLES.get(kind) or f"`{_key(kind)}`" for kind in kinds}
    named, components = schema_components(kinds)
    schemas = {kind: components[str(named[kind]["$ref"]).rpartition("/")[2]] for kind in kinds}
    schemas[planfile.StageFile]["properties"]["checks"]["items"] = named[planfile.Control]
    choices = {name: describe_type(component) for name, component in components.items() if "enum" in component}
    struct_links = {kind.__name__: f"[{title}](#{_anchor(title)})" for kind, title in titles.items()}
    links = {**_LINKS, **choices, **struct_links}
    for kind in kinds:
        body = f"{struct_docs.prose(kind)}\n\n{_key_table(schemas[kind], links)}"
        yield Section(titles[kind], body, struct_docs.example_of(kind))
    yield _module_section("Variables and other values", references, _deployment_values())
    yield _module_section("Secrets", secrets, "")
    yield Section("Fragments", f"{struct_docs.module_prose(includes)}\n\n```text\n{FRAGMENT}```", "")
    yield Section("Durations and sizes", _units(), "")
    yield Section("Expectations", f"{struct_docs.module_prose(expectation)}\n\n{_literals()}", "")
    yield Section("Predicates", _predicates(), "")


def markdown() -> str:
    """Render the reference as docs/plan.md."""
    parts = [_HEAD]
    for title, body, example in sections():
        parts.append(f"## {title}\n\n{body}\n")
        if example:
            parts.append(f"```yaml\n{example}```\n")
    return "\n".join(parts).rstrip()


def plan_structs() -> list[struct_docs.Kind]:
    """Return the structs of the plan language, without the structs of single validators."""
    rest = struct_docs.structs(
        [planfile.Control, planfile.PlanFile, http_request.HttpRequest, http_expectation.ResponseExpectation]
    )
    return list(dict.fromkeys([planfile.PlanFile, planfile.StageFile, *rest]))


def complete_plan(example: str) -> str:
    """Complete an example, which is a plan, a stage, or keys beside the stages, to a plan."""
    if example.startswith(("checks:", "bake:", "include:")):
        stage = "".join(f"    {line}" for line in example.splitlines(keepends=True))
        return f"version: 1\nstages:\n  AfterAllowTestTraffic:\n{stage}"
    return example if "stages:\n" in example else f"{complete_plan(_EXAMPLE_STAGE)}{example}"


_EXAMPLE_STAGE = "checks:\n  - name: green answers\n    http: {get: /health, expect: {status: 200}}\n"


def _key(kind: struct_docs.Kind) -> str:
    """Return the first key of a plan that has a struct of this kind as its value."""
    for parent in plan_structs():
        for field in msgspec.structs.fields(parent):
            if kind in struct_docs.structs([field.type])[:1]:
                return field.encode_name
    return kind.__name__


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-")


def _key_table(schema: dict[str, Any], links: dict[str, str]) -> str:
    rows = ["| key | type | default | |", "|---|---|---|---|"]
    for key, field in schema["properties"].items():
        kind = re.sub(r"\w+", lambda match: links.get(match[0], match[0]), describe_type(field))
        default = "required" if key in schema.get("required", ()) else _default(field)
        rows.append(f"| `{key}` | {table_cell(kind)} | {default} | {table_cell(field.get('description', ''))} |")
    return "\n".join(rows)


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value is None or isinstance(value, dict) or value in ("", (), []):
        return ""
    return f"`{value if isinstance(value, str) else _to_flow_yaml(value)}`"


def _module_section(title: str, module: Any, table: str) -> Section:
    prose = struct_docs.module_prose(module)
    return Section(title, f"{prose}\n\n{table}" if table else prose, struct_docs.example_of_module(module))


def _deployment_values() -> str:
    """Render the table of deployment values by their names in plans."""
    sides = struct_docs.key_descriptions(Side)
    deployment = struct_docs.key_descriptions(Deployment)
    rows = ["| value | |", "|---|---|"]
    for name in binding.deployment_values(Deployment(id="", platform=Platform.ECS, stage=STAGES[0])):
        owner, _, key = name.partition(".")
        description = deployment[key] if owner == "deployment" else f"{owner.capitalize()}'s. {sides[key]}"
        rows.append(f"| `${{{name}}}` | {table_cell(description)} |")
    return "\n".join(rows)


def _units() -> str:
    """Render the description of durations and sizes with their units."""
    durations = ", ".join(f"`1{unit}` ({seconds:g} s)" for unit, seconds in units.DURATION_UNITS.items())
    sizes = ", ".join(f"`1{unit}` ({number} bytes)" for unit, number in units.SIZE_UNITS.items())
    return f"{units.__doc__}\n\n- {units.Duration.__doc__} Units: {durations}.\n- {units.Size.__doc__} Units: {sizes}."


def _literals() -> str:
    return _rows(predicate_docs.LITERALS)


def _predicates() -> str:
    meanings = [f"- `{name}`: {meaning}" for name, meaning in predicate_docs.MEANING.items()]
    rows = _rows(row for rows in predicate_docs.ROWS.values() for row in rows)
    filters = [f"- `{_to_flow_yaml(item.example)}`: {item.description}" for item in FILTERS.values()]
    introduction = "`filters` are applied to the value one after the other, before it is compared:"
    return "\n\n".join(["\n".join(meanings), rows, introduction, "\n".join(filters)])


def _rows(rows: Iterable[predicate_docs.Row]) -> str:
    lines = ["| value | expected | passes |", "|---|---|---|"]
    for row in rows:
        cells = [f"`{table_cell(_to_flow_yaml(value))}`" for value in (row.actual, row.expected)]
        lines.append(f"| {cells[0]} | {cells[1]} | {'yes' if row.holds else 'no'} |")
    return "\n".join(lines)


def _to_flow_yaml(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_to_flow_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_to_flow_yaml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
