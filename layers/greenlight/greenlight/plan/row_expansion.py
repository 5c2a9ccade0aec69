"""The check key `each`: one check in the plan becomes one check for each of its rows.

A row's values replace `${each.KEY}` (or `${each}`, if rows are plain values) before all other references, as if the
author had written out every check: a row may contain `${secret:…}` or `${green.version}`, and `${each.x}` may be part
of such a name. Problems that a row's value causes are reported at the row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.core.display import to_json_text, truncate
from greenlight.core.errors import MAX_PROBLEMS
from greenlight.core.suggestions import did_you_mean, join_sorted
from greenlight.plan.yaml_reader import RelocatedNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.decoder import PathProblem
    from greenlight.plan.yaml_reader import Document, Node

MAX_CHECKS = 10_000
"""Maximum number of checks in a stage with rows."""

MAX_SIZE = 8 * 1024 * 1024
"""Maximum size of a check's expanded rows, in characters and values; the supervisor keeps them in memory."""

_REFERENCE = re.compile(r"\$\$\{|\$\{\s*each(?:\.(?P<key>[^{}$]*?))?\s*\}|(?P<other>\$\{)")
"""A literal `${`, which is skipped; a reference to the row, with its key; or any other reference."""

_MAX_LABEL = 60
_MAX_NAME = 197
"""Maximum length of a check's name without the space and the brackets around a row's label."""

_NOT_INSERTABLE = "only a text, a number, true or false can be inserted into a text"


class Row(NamedTuple):
    """The check of one row: its name, the validator's parameters, and the node of the parameters."""

    name: str
    params: Any
    node: Node


def expand_rows(
    document: Document, path: PlanPath, raw: dict[str, Any], validator: str, mistakes: list[PathProblem]
) -> list[Row]:
    """Expand a check's rows.

    Args:
        document: The parsed plan with all nodes.
        path: Path of the check.
        raw: The check as plain data; its control keys are valid.
        validator: The key of the check's parameters.
        mistakes: Receives problems; if there are any, the result is empty.
    """
    params, rows, node, rows_path = raw[validator], raw["each"], document.node(path), (*path, "each")
    before = len(mistakes)
    mistakes += _find_mistakes(params, rows, rows_path)
    if len(mistakes) > before:
        return []
    names = _row_names(raw["name"], rows, rows_path, mistakes)
    own_path = document.locate(path).path
    expanded = []
    for index, row in enumerate(rows):
        substitution = _RowSubstitution(row, node.children["each"].children[index], (*own_path, "each", index))
        row_params, row_node = substitution.substitute(params, node.children[validator])
        expanded.append(Row(names[index], row_params, row_node))
        mistakes += [((*rows_path, index, *key), _NOT_INSERTABLE) for key in substitution.not_insertable]
    return expanded if len(mistakes) == before else []


def _find_mistakes(params: Any, rows: Sequence[Any], path: PlanPath) -> list[PathProblem]:
    used_keys = _used_keys(params)
    if not rows:
        return [(path, "the list of rows is empty, so there is no check; add a row, or remove the key")]
    if not used_keys:
        return [(path, "the check does not use ${each.KEY} or ${each}, so all rows would be the same check")]
    if _size(params) + len(used_keys) * max(map(_size, rows)) > MAX_SIZE // len(rows):
        return [(path, f"{len(rows)} rows of this size are too large; write fewer or smaller rows")]
    mistakes: list[PathProblem] = []
    for index, row in enumerate(rows):
        if len(mistakes) > MAX_PROBLEMS:
            break
        mistakes += _row_mistakes(row, used_keys, (*path, index))
    return mistakes


def _is_row_reference(match: re.Match[str]) -> bool:
    return match[0] != "$${" and not match["other"]


def _used_keys(data: Any) -> list[str]:
    """Return the key of every occurrence of `${each.KEY}` in `data`; "" for `${each}`."""
    if isinstance(data, str):
        return [match["key"] or "" for match in _REFERENCE.finditer(data) if _is_row_reference(match)]
    if isinstance(data, dict):
        return [key for value in data.values() for key in _used_keys(value)]
    if isinstance(data, list):
        return [key for value in data for key in _used_keys(value)]
    return []


def _size(data: Any) -> int:
    """Return the size of plain data, in characters and values."""
    if isinstance(data, dict):
        return sum(len(key) + _size(value) for key, value in data.items()) + 1
    if isinstance(data, list):
        return sum(map(_size, data)) + 1
    if isinstance(data, str):
        return len(data) + 1
    return 8


def _row_mistakes(row: Any, used_keys: list[str], path: PlanPath) -> list[PathProblem]:
    mistakes: list[PathProblem] = []
    if not isinstance(row, dict):
        if keys := sorted({key for key in used_keys if key}):
            message = f"this row is a plain value, but the check uses ${{each.{keys[0]}}}; write a map"
            mistakes.append((path, message))
    elif "" in used_keys:
        message = (
            f"this row is a map, but the check uses ${{each}}; write ${{each.KEY}}, with one of {join_sorted(row)}"
        )
        mistakes.append((path, message))
    else:
        mistakes += _key_mistakes(row, used_keys, path)
    if _used_keys(row):
        mistakes.append((path, "a row's value cannot refer to a row; write out the value"))
    return mistakes


def _key_mistakes(row: dict[str, Any], used_keys: list[str], path: PlanPath) -> list[PathProblem]:
    missing = [key for key in dict.fromkeys(used_keys) if key not in row]
    if missing:
        return [(path, f"the row has no {key!r}, which the check uses{did_you_mean(key, row)}") for key in missing]
    unused = [key for key in row if key not in used_keys and key != "name"]
    message = "the check does not use ${{each.{}}}; use it, or remove the key"
    return [((*path, key), message.format(truncate(key, 60))) for key in unused]


def _row_names(name: str, rows: Sequence[Any], path: PlanPath, mistakes: list[PathProblem]) -> list[str]:
    """Return a unique name for each row's check, built from the row's `name` or its first values."""
    labels: list[str] = []
    for index, row in enumerate(rows):
        own_name = row.get("name") if isinstance(row, dict) else None
        if own_name is None:
            label = _label(row) or f"row {index + 1}"
            labels.append(label if label not in labels else f"{label}, row {index + 1}")
            continue
        name_path = (*path, index, "name")
        if not isinstance(own_name, str) or not own_name.strip() or "${" in own_name:
            mistakes.append((name_path, "a row's name must be a text without ${…}"))
        elif truncate(own_name, _MAX_LABEL) in labels:
            message = f"an earlier row has the name {truncate(own_name, 60)!r}; names must be unique"
            mistakes.append((name_path, message))
        labels.append(truncate(str(own_name), _MAX_LABEL))
    return [f"{truncate(name, _MAX_NAME - len(label))} [{label}]" for label in labels]


def _label(row: Any) -> str:
    """Return the first plain values of a row, which distinguish it from other rows."""
    values = row.values() if isinstance(row, dict) else (row,)
    texts = [to_json_text(value).strip() for value in values if isinstance(value, (str, int, float))]
    return truncate(", ".join([text for text in texts if text and "${" not in text][:3]), _MAX_LABEL)


class _RowSubstitution:
    """Substitution of references by one row's values; all rows share the parts without references.

    Attributes:
        not_insertable: Paths in the row of the lists and maps to which a text refers.
    """

    def __init__(self, row: Any, node: Node, path: PlanPath) -> None:
        """Substitute values of `row`; `node` and `path` are its place in the file that contains it."""
        self._row, self._node, self._path = row, node, path
        self.not_insertable: list[PlanPath] = []

    def substitute(self, data: Any, node: Node) -> tuple[Any, Node]:
        """Return data and its node with the row's values."""
        if isinstance(data, str):
            return self._substitute_text(data, node) if "${" in data else (data, node)
        if not isinstance(data, (dict, list)):
            return data, node
        items = data.items() if isinstance(data, dict) else enumerate(data)
        results = {key: self.substitute(value, node.children[key]) for key, value in items}
        if all(value is data[key] for key, (value, _) in results.items()):
            return data, node
        copy = RelocatedNode(node, node.path if isinstance(node, RelocatedNode) else None)
        copy.children = {key: child for key, (_, child) in results.items()}
        values = {key: value for key, (value, _) in results.items()}
        return (values if isinstance(data, dict) else list(values.values())), copy

    def _substitute_text(self, text: str, node: Node) -> tuple[Any, Node]:
        whole = _REFERENCE.fullmatch(text)
        if whole is not None and _is_row_reference(whole):
            return self._value(whole["key"]), self._place(whole["key"])
        parts: list[str] = []
        keys: list[str | None] = []
        end, has_other_references = 0, False
        for match in _REFERENCE.finditer(text):
            if not _is_row_reference(match):
                has_other_references = has_other_references or bool(match["other"])
                continue
            value = self._value(match["key"])
            if not isinstance(value, (str, int, float)):
                self.not_insertable.append((match["key"],) if match["key"] else ())
                value = ""
            keys.append(match["key"])
            parts += [text[end : match.start()], to_json_text(value)]
            end = match.end()
        if not keys:
            return text, node
        # If another reference in the text is wrong, the place of the text is more helpful than that of the row.
        return "".join([*parts, text[end:]]), node if has_other_references else self._place(keys[0])

    def _value(self, key: str | None) -> Any:
        return self._row[key] if key else self._row

    def _place(self, key: str | None) -> Node:
        node, path = (self._node.children[key], (*self._path, key)) if key else (self._node, self._path)
        return RelocatedNode(node, path)
