"""The reference of the plan language as Markdown, made from the types the engine reads plans with.

Prose, keys and examples are those of docstrings; a key that is added there appears here. The tests run every example.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from devkit.reference import predicate_docs, struct_docs
from devkit.reference.plan_schema import components_of
from devkit.reference.validator_catalogue import cell, type_words
from greenlight.assertions import expectation
from greenlight.assertions.filters import FILTERS
from greenlight.aws import secrets
from greenlight.checks import binding
from greenlight.core import references, units
from greenlight.core.deployment import STAGES, Deployment, Platform, Side
from greenlight.plan import includes
from greenlight.plan import schema as planfile
from greenlight.toolkit import http_expectation, http_request

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# The plan

Made from the types that read plans by `make docs`; a test compares the two, and runs every example. What can be checked
is in [validators.md](validators.md).
"""

_TITLES = {
    planfile.PlanFile: "The whole",
    planfile.StageFile: "A stage",
    planfile.Control: "A check",
    http_request.HttpRequest: "A request",
    http_expectation.ResponseExpectation: "An answer",
}
_LINKS = {
    "duration": "[duration](#durations-and-sizes)",
    "Expectation": "[expectation](#expectations)",
    "SizeExpectation": "[expectation](#expectations) with units",
    "DurationExpectation": "[expectation](#expectations) with units",
}

FRAGMENT = struct_docs.example_of(includes.FragmentFile)
"""What `file:shared/web.yaml` is in the examples."""


class Section(NamedTuple):
    """A part of the reference: its heading, what is said, and its example as YAML ("" where there is none)."""

    title: str
    body: str
    example: str


def sections() -> Iterator[Section]:
    """Give every part of the reference, in the order in which people need them."""
    kinds = kinds_of_a_plan()
    titles = {kind: _TITLES.get(kind) or f"`{_key(kind)}`" for kind in kinds}
    named, components = components_of(kinds)
    schemas = {kind: components[str(named[kind]["$ref"]).rpartition("/")[2]] for kind in kinds}
    schemas[planfile.StageFile]["properties"]["checks"]["items"] = named[planfile.Control]
    words = {name: type_words(each) for name, each in components.items() if "enum" in each}
    links = {**_LINKS, **words, **{kind.__name__: f"[{each}](#{_anchor(each)})" for kind, each in titles.items()}}
    for kind in kinds:
        said = f"{struct_docs.prose(kind)}\n\n{_keys(schemas[kind], links)}"
        yield Section(titles[kind], said, struct_docs.example_of(kind))
    yield _of_module("Variables and other values", references, _values())
    yield _of_module("Secrets", secrets, "")
    yield Section("Fragments", f"{struct_docs.module_prose(includes)}\n\n```text\n{FRAGMENT}```", "")
    yield Section("Durations and sizes", _units(), "")
    yield Section("Expectations", f"{struct_docs.module_prose(expectation)}\n\n{_literals()}", "")
    yield Section("Predicates", _predicates(), "")


def markdown() -> str:
    """Write the reference as the Markdown of docs/plan.md, which is made from it and compared with it."""
    parts = [_HEAD]
    for title, body, example in sections():
        parts.append(f"## {title}\n\n{body}\n")
        if example:
            parts.append(f"```yaml\n{example}```\n")
    return "\n".join(parts).rstrip()


def kinds_of_a_plan() -> list[struct_docs.Kind]:
    """Give every struct that a plan is made of, those of single validators left out."""
    rest = struct_docs.structs(
        [planfile.Control, planfile.PlanFile, http_request.HttpRequest, http_expectation.ResponseExpectation]
    )
    return list(dict.fromkeys([planfile.PlanFile, planfile.StageFile, *rest]))


def whole(example: str) -> str:
    """Make a plan of an example, which is a whole one, a stage, or keys that stand beside the stages."""
    if example.startswith(("checks:", "bake:", "include:")):
        stage = "".join(f"    {line}" for line in example.splitlines(keepends=True))
        return f"version: 1\nstages:\n  AfterAllowTestTraffic:\n{stage}"
    return example if "stages:\n" in example else f"{whole(_ANY)}{example}"


_ANY = "checks:\n  - name: green answers\n    http: {get: /health, expect: {status: 200}}\n"


def _key(kind: struct_docs.Kind) -> str:
    """Name a struct as the plan does: by the first key that holds one."""
    for each in kinds_of_a_plan():
        for field in msgspec.structs.fields(each):
            if kind in struct_docs.structs([field.type])[:1]:
                return field.encode_name
    return kind.__name__


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-")


def _keys(schema: dict[str, Any], links: dict[str, str]) -> str:
    rows = ["| key | is | default | |", "|---|---|---|---|"]
    for key, field in schema["properties"].items():
        words = re.sub(r"\w+", lambda match: links.get(match[0], match[0]), type_words(field))
        default = "required" if key in schema.get("required", ()) else _default(field)
        rows.append(f"| `{key}` | {cell(words)} | {default} | {cell(field.get('description', ''))} |")
    return "\n".join(rows)


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value is None or isinstance(value, dict) or value in ("", (), []):
        return ""
    return f"`{value if isinstance(value, str) else _written(value)}`"


def _of_module(title: str, module: Any, more: str) -> Section:
    return Section(
        title, f"{struct_docs.module_prose(module)}{more and chr(10) * 2}{more}", struct_docs.example_of_module(module)
    )


def _values() -> str:
    """List the values of a deployment, by the names that plans use."""
    sides = struct_docs.keys(Side)
    deployment = struct_docs.keys(Deployment)
    rows = ["| value | |", "|---|---|"]
    for name in binding.deployment_names(Deployment(id="", platform=Platform.ECS, stage=STAGES[0])):
        of, _, key = name.partition(".")
        said = deployment[key] if of == "deployment" else f"{of.capitalize()}'s. {sides[key]}"
        rows.append(f"| `${{{name}}}` | {cell(said)} |")
    return "\n".join(rows)


def _units() -> str:
    """Show durations and sizes with each of their units."""
    durations = ", ".join(f"`1{unit}` ({seconds:g} s)" for unit, seconds in units.DURATION_UNITS.items())
    sizes = ", ".join(f"`1{unit}` ({number} bytes)" for unit, number in units.SIZE_UNITS.items())
    return f"{units.__doc__}\n\n- {units.Duration.__doc__} Units: {durations}.\n- {units.Size.__doc__} Units: {sizes}."


def _literals() -> str:
    return _rows((None, row) for row in predicate_docs.LITERALS)


def _predicates() -> str:
    meanings = [f"- `{name}`: {said}" for name, said in predicate_docs.MEANING.items()]
    rows = _rows((name, row) for name, rows in predicate_docs.ROWS.items() for row in rows)
    filters = [f"- `{_written(each.example)}`: {each.description}" for each in FILTERS.values()]
    listed = "\n".join(filters)
    said = "`filters` are done with the value, one after the other, before it is compared:"
    return "\n".join(meanings) + f"\n\n{rows}\n\n{said}\n\n{listed}"


def _rows(rows: Any) -> str:
    lines = ["| seen | expected | holds |", "|---|---|---|"]
    lines += [
        f"| `{cell(_written(row.actual))}` | `{cell(_written(row.expected))}` | {'yes' if row.holds else 'no'} |"
        for _, row in rows
    ]
    return "\n".join(lines)


def _written(value: Any) -> str:
    """Write a value as a plan has it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
