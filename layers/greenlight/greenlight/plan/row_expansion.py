"""`each`: one check as written becomes one for each of its rows. Pure.

A row is put in place of `${each.KEY}` (of `${each}`, where rows are plain values) before anything else is read, as if
its check had been written out by hand: a row may hold `${secret:…}` or `${green.version}`, and `${each.x}` may be a
part of such a name. What is then wrong is told at the row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.core.display import to_json_text, truncate
from greenlight.core.errors import MAX_PROBLEMS
from greenlight.core.suggestions import did_you_mean, join_sorted
from greenlight.plan.yaml_reader import RelocatedNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.decoder import Mistake
    from greenlight.plan.yaml_reader import Document, Node

MAX_CHECKS = 500
"""Checks that rows may bring a stage to."""

MAX_SIZE = 8 * 1024 * 1024
"""Characters and values that all rows of a check may come to; the supervisor holds them all."""

_REFERENCE = re.compile(r"\$\$\{|\$\{\s*each(?:\.([^{}$]*?))?\s*\}|(\$\{)")
"""A literal `${`, which is skipped; a row's value, by its key; or any other reference."""

_MAX_LABEL = 60
_NO_PART = "only a text, a number, true or false can be a part of a text"


class Row:
    """One row's check: its name, the validator's parameters, and where these stand."""

    __slots__ = ("name", "node", "params")

    def __init__(self, name: str, params: Any, node: Node) -> None:
        """Keep what the row made of the check."""
        self.name, self.params, self.node = name, params, node


def expanded(
    document: Document, path: PlanPath, raw: dict[str, Any], validator: str, mistakes: list[Mistake]
) -> list[Row]:
    """Make a check's rows.

    Args:
        document: Gives everything its place.
        path: Of the check.
        raw: The check as written, its control keys being right.
        validator: The key of its parameters.
        mistakes: Takes what is wrong; nothing is made then.
    """
    params, rows, node, place = raw[validator], raw["each"], document.node(path), (*path, "each")
    before = len(mistakes)
    used = _used(params)
    if not rows:
        mistakes.append((place, "no rows are no checks; write a row, or take the key out"))
    elif not used:
        mistakes.append((place, "nothing in the check says ${each.KEY} or ${each}, so every row would check the same"))
    elif _size(params) + len(used) * max(map(_size, rows)) > MAX_SIZE // len(rows):
        mistakes.append((place, f"{len(rows)} rows of this size are too much; write fewer or smaller ones"))
    else:
        for index, row in enumerate(rows):
            if len(mistakes) > MAX_PROBLEMS:
                break
            mistakes += _row_mistakes(row, used, (*place, index))
    if len(mistakes) > before:
        return []
    names = _names(raw["name"], rows, place, mistakes)
    made = []
    for index, row in enumerate(rows):
        here = (*document.told(path), "each", index)
        filler = _Filler(row, node.below["each"].below[index], here)
        made.append(Row(names[index], *filler.filled(params, node.below[validator])))
        mistakes += [((*place, index, *key), _NO_PART) for key in filler.no_parts]
    return made if len(mistakes) == before else []


def _used(data: Any) -> list[str]:
    """Give the keys that `${each.KEY}` asks for, as often as they stand there; "" for `${each}`."""
    if isinstance(data, str):
        return [match[1] or "" for match in _REFERENCE.finditer(data) if match[0] != "$${" and not match[2]]
    below = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return [key for each in below for key in _used(each)]


def _size(data: Any) -> int:
    """Measure plain data, in characters and values."""
    if isinstance(data, dict):
        return sum(len(key) + _size(value) for key, value in data.items()) + 1
    return sum(map(_size, data)) + 1 if isinstance(data, list) else len(data) + 1 if isinstance(data, str) else 8


def _row_mistakes(row: Any, used: list[str], path: PlanPath) -> list[Mistake]:
    found: list[Mistake] = []
    if not isinstance(row, dict):
        if wrong := sorted({key for key in used if key}):
            found.append((path, f"this row is a plain value, and the check uses ${{each.{wrong[0]}}}; write a map"))
    elif "" in used:
        known = join_sorted(row)
        found.append(
            (path, f"this row is a map, and the check uses ${{each}}; write ${{each.KEY}}, with one of {known}")
        )
    else:
        found += [
            (path, f"the row has no {key!r}, which the check uses{did_you_mean(key, row)}")
            for key in dict.fromkeys(used)
            if key not in row
        ]
        for key in () if found else row:
            if key not in used and key != "name":
                what = f"nothing in the check uses ${{each.{truncate(key, 60)}}}; use it, or take the key out"
                found.append(((*path, key), what))
    if _used(row):
        found.append((path, "a row's values cannot refer to rows; write the value out"))
    return found


def _names(name: str, rows: Sequence[Any], path: PlanPath, mistakes: list[Mistake]) -> list[str]:
    """Give each row's check a name of its own: the row's `name`, or its first values."""
    labels: list[str] = []
    for index, row in enumerate(rows):
        given = row.get("name") if isinstance(row, dict) else None
        if given is None:
            label = _label(row) or f"row {index + 1}"
            labels.append(label if label not in labels else f"{label}, row {index + 1}")
            continue
        place = (*path, index, "name")
        if not isinstance(given, str) or not given.strip() or "${" in given:
            mistakes.append((place, "a row's name is a text without ${…}"))
        elif truncate(given, _MAX_LABEL) in labels:
            mistakes.append((place, f"another row before this is called {truncate(given, 60)!r}; names must differ"))
        labels.append(truncate(str(given), _MAX_LABEL))
    return [f"{truncate(name, 197 - len(label))} [{label}]" for label in labels]


def _label(row: Any) -> str:
    """Show the first values of a row that a person can tell rows apart by."""
    values = row.values() if isinstance(row, dict) else (row,)
    plain = [to_json_text(value) for value in values if isinstance(value, (str, int, float))]
    told = [text.strip() for text in plain if text.strip() and "${" not in text]
    return truncate(", ".join(told[:3]), _MAX_LABEL)


class _Filler:
    """Puts one row's values in place of its references; what has none is shared by all rows."""

    def __init__(self, row: Any, node: Node, path: PlanPath) -> None:
        self._row, self._node, self._path = row, node, path
        self.no_parts: list[PlanPath] = []

    def filled(self, data: Any, node: Node) -> tuple[Any, Node]:
        """Give data and its places with the row's values in them."""
        if isinstance(data, str):
            return self._text(data, node) if "${" in data else (data, node)
        items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
        made = {key: self.filled(value, node.below[key]) for key, value in items}
        if all(value is data[key] for key, (value, _) in made.items()):
            return data, node
        here = RelocatedNode(node, node.path if isinstance(node, RelocatedNode) else None)
        here.below = {key: place for key, (_, place) in made.items()}
        values = {key: value for key, (value, _) in made.items()}
        return (values if isinstance(data, dict) else list(values.values())), here

    def _text(self, text: str, node: Node) -> tuple[Any, Node]:
        whole = _REFERENCE.fullmatch(text)
        if whole is not None and whole[0] != "$${" and not whole[2]:
            return self._value(whole[1]), self._place(whole[1])
        parts, end, keys, others = [], 0, [], False
        for match in _REFERENCE.finditer(text):
            if match[0] == "$${" or match[2]:
                others = others or bool(match[2])
                continue
            value = self._value(match[1])
            if not isinstance(value, (str, int, float)):
                self.no_parts.append((match[1],) if match[1] else ())
                value = ""
            keys.append(match[1])
            parts += [text[end : match.start()], to_json_text(value)]
            end = match.end()
        if not keys:
            return text, node
        # A text with a reference of its own may be wrong by itself, and then its own place helps more than the row's.
        return "".join([*parts, text[end:]]), node if others else self._place(keys[0])

    def _value(self, key: str | None) -> Any:
        return self._row[key] if key else self._row

    def _place(self, key: str | None) -> Node:
        node, path = (self._node.below[key], (*self._path, key)) if key else (self._node, self._path)
        return RelocatedNode(node, path)
