"""Catalogue of validators, from their docstrings and parameters: as data and as the Markdown of docs/validators.md."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from greenlight.checks.registry import MalformedError
from greenlight.core.deployment import PLAN_STAGES

from . import struct_docs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.api import Validator

HEAD = """\
# Validators

`make docs` generates this page from the validators. A test compares the two.
"""


NOTES = {"cost": "cost", "remediation": "when it does not pass"}
"""Optional sentences of a validator, with their labels."""


def catalogue_entry(name: str, validator: Validator | MalformedError) -> dict[str, Any]:
    """Return the documentation of one validator as plain data."""
    if isinstance(validator, MalformedError):
        return {"name": name, "error": str(validator)}
    from .plan_schema import params_schema

    description = inspect.getdoc(inspect.getmodule(validator.run)) or ""
    return {
        "name": name,
        "summary": validator.summary,
        "description": description,
        "platforms": [platform.value for platform in validator.platforms],
        "stages": list(validator.stages),
        "iam": list(validator.iam),
        "unsafe": validator.unsafe,
        "remediation": validator.remediation,
        "cost": validator.cost,
        "example": struct_docs.example(description),
        "parameters": params_schema(validator.params),
    }


def markdown(entries: Iterable[dict[str, Any]]) -> str:
    """Render the entries as docs/validators.md."""
    parts = [HEAD]
    for entry in entries:
        if "error" in entry:
            parts.append(f"## {entry['name']}\n\nCannot be used: {entry['error']}\n")
            continue
        facts = [
            f"- platforms: {', '.join(entry['platforms'])}",
            f"- stages: {'all' if len(entry['stages']) == len(PLAN_STAGES) else ', '.join(entry['stages'])}",
            f"- IAM: {', '.join(f'`{action}`' for action in entry['iam']) or 'none'}",
            f"- {'**unsafe**: it may change data' if entry['unsafe'] else 'safe: it only reads'}",
            *(f"- {label}: {entry[key]}" for key, label in NOTES.items() if entry[key]),
        ]
        description = _description_markdown(entry["description"])
        parts.append(f"## {entry['name']}\n\n" + description + "\n\n" + "\n".join(facts) + "\n")
        if rows := _parameter_rows(entry["parameters"]):
            parts.append("| parameter | type | default | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts).rstrip()


def _description_markdown(description: str) -> str:
    """Convert a module docstring to Markdown: an indented example becomes a block of YAML."""
    lines: list[str] = []
    in_example = False
    for line in description.splitlines():
        indented = line.startswith("    ")
        if indented and not in_example:
            lines.append("```yaml")
        if in_example and line and not indented:
            _drop_blank_end(lines)
            lines += ["```", ""]
        in_example = indented or (in_example and not line)
        lines.append(line[4:] if indented else line)
    _drop_blank_end(lines)
    return "\n".join([*lines, "```"] if in_example else lines)


def _drop_blank_end(lines: list[str]) -> None:
    while lines and lines[-1] == "":
        lines.pop()


def _parameter_rows(schema: dict[str, Any]) -> list[str]:
    """Return a table row for each parameter of a validator."""
    struct = schema["$defs"][str(schema["$ref"]).rpartition("/")[2]]
    required = struct.get("required", [])
    rows = []
    for name, field in struct["properties"].items():
        default = ""
        if name in required:
            default = "required"
        elif field.get("default") is not None:
            default = f"`{json.dumps(field['default'])}`"
        rows.append(f"| `{name}` | {describe_type(field)} | {default} | {table_cell(field.get('description', ''))} |")
    return rows


def table_cell(text: str) -> str:
    """Escape a text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def describe_type(field: dict[str, Any]) -> str:
    """Return the type of a field in one or two words, from its JSON Schema."""
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        kinds = (describe_type(option) for option in field["anyOf"] if option != {"type": "null"})
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"] if value is not None)
    if field.get("pattern", "").endswith("(ms|s|m|h)$"):
        return "duration"
    if field.get("type") == "array":
        return f"list of {describe_type(field['items'])}" if isinstance(field.get("items"), dict) else "list"
    if field.get("type") == "object":
        values = field.get("additionalProperties")
        return f"map of {describe_type(values)}" if isinstance(values, dict) else "map"
    return str(field.get("type", "any"))
