"""The catalogue of validators as Markdown, made from what each says of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = """\
# Validators

Made from the validators themselves by `make docs`; a test compares the two.
"""


NOTES = {"cost": "cost", "remediation": "when it does not pass"}
"""What a validator may say of itself in a sentence, with the words that stand before it."""


def markdown(entries: Iterable[dict[str, Any]]) -> str:
    """Write entries as the Markdown of docs/validators.md, which is made from it and compared with it."""
    parts = [HEAD]
    for entry in entries:
        if "error" in entry:
            parts.append(f"## {entry['name']}\n\nCannot be used: {entry['error']}\n")
            continue
        facts = [
            f"- platforms: {', '.join(entry['platforms'])}",
            f"- stages: {'all' if len(entry['stages']) == len(STAGES) else ', '.join(entry['stages'])}",
            f"- IAM: {', '.join(f'`{action}`' for action in entry['iam']) or 'none'}",
            f"- {'**unsafe**: it may change data' if entry['unsafe'] else 'safe: it only reads'}",
            *(f"- {what}: {entry[key]}" for key, what in NOTES.items() if entry[key]),
        ]
        parts.append(f"## {entry['name']}\n\n" + _prose(entry["description"]) + "\n\n" + "\n".join(facts) + "\n")
        if rows := _rows(entry["parameters"]):
            parts.append("| parameter | type | default | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts).rstrip()


def _prose(description: str) -> str:
    """Turn a module docstring into Markdown: an indented example becomes a block of YAML."""
    lines: list[str] = []
    inside = False
    for line in description.splitlines():
        indented = line.startswith("    ")
        if indented and not inside:
            lines.append("```yaml")
        if inside and line and not indented:
            while lines[-1] == "":
                lines.pop()
            lines += ["```", ""]
        inside = indented or (inside and not line)
        lines.append(line[4:] if indented else line)
    while lines and lines[-1] == "":
        lines.pop()
    return "\n".join([*lines, "```"] if inside else lines)


def _rows(schema: dict[str, Any]) -> list[str]:
    """Give a table row for each parameter of a validator."""
    struct = schema["$defs"][str(schema["$ref"]).rpartition("/")[2]]
    required = struct.get("required", [])
    rows = []
    for name, field in struct["properties"].items():
        known = field.get("default") is not None
        default = "required" if name in required else f"`{json.dumps(field['default'])}`" if known else ""
        rows.append(f"| `{name}` | {describe_type(field)} | {default} | {table_cell(field.get('description', ''))} |")
    return rows


def table_cell(text: str) -> str:
    """Write a text so that it stays in its cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def describe_type(field: dict[str, Any]) -> str:
    """Name a field's type in a word or two."""
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(describe_type(each) for each in field["anyOf"] if each != {"type": "null"}))
    if "enum" in field:
        return " or ".join(f"`{each}`" for each in field["enum"] if each is not None)
    if field.get("pattern", "").endswith("(ms|s|m|h)$"):
        return "duration"
    if field.get("type") == "array":
        return f"list of {describe_type(field['items'])}" if isinstance(field.get("items"), dict) else "list"
    if field.get("type") == "object":
        inner = field.get("additionalProperties")
        return f"map of {describe_type(inner)}" if isinstance(inner, dict) else "map"
    return str(field.get("type", "any"))
