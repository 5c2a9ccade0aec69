"""Plan files as plain data, with the place of every value. Strict where YAML would surprise.

The core schema of YAML 1.2 decides what a plain word is (`no`, `1:30` and dates are text), and what
older YAML reads otherwise or what hides repetition is refused: duplicate keys, anchors and aliases,
merge keys, tags, octal-looking numbers, numbers that are not finite, documents too large or too deep.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from greenlight.errors import PlanError, Problem

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40

Path = tuple["str | int", ...]

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")


class Document:
    """A parsed file: `data` is what it says, `problem` makes a Problem with the place of a path."""

    def __init__(self, data: Any, root: Any) -> None:
        """Keep the nodes for as long as places may be asked for."""
        self.data = data
        self._root = root

    def problem(self, message: str, path: Path) -> Problem:
        """Make a Problem at `path`, or at the deepest part of it that exists."""
        node = self._root
        for step in path:
            below = _child(node, step)
            if below is None:
                break
            node = below
        mark = node.start_mark if node is not None else None
        return Problem(message, shown(path), mark.line + 1 if mark else 0, mark.column + 1 if mark else 0)


def shown(path: Path) -> str:
    """Write a path the way people do: `stages.AfterAllowTraffic.checks[0].http`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read(text: str, source: str = "") -> Document:
    """Parse one YAML (or JSON) document.

    Raises:
        PlanError: It is not YAML, or uses what is refused here; the problem carries line and column.
    """
    if len(text) > MAX_BYTES:
        raise PlanError([Problem(f"the file is larger than {MAX_BYTES // 1024} KiB")], source)
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        problem = Problem(
            f"not valid YAML: {error.problem or error.context}",
            "",
            mark.line + 1 if mark else 0,
            mark.column + 1 if mark else 0,
        )
        raise PlanError([problem], source) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise PlanError([Problem(f"not valid YAML: {' '.join(str(error).split())[:200]}")], source) from error
    problems: list[Problem] = []
    data = _Builder(problems).build(root, (), 0) if root is not None else None
    if problems:
        raise PlanError(problems, source)
    return Document(data, root)


class _Builder:
    """Turns nodes into data and collects what is refused."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._seen: set[int] = set()

    def build(self, node: Any, path: Path, depth: int) -> Any:
        if depth > MAX_DEPTH:
            return self._refuse(node, path, f"nested deeper than {MAX_DEPTH} levels")
        if id(node) in self._seen:
            return self._refuse(
                node, path, "anchors and aliases are not allowed; write the value out, or use variables"
            )
        self._seen.add(id(node))
        if node.tag not in _TAGS:
            return self._refuse(node, path, f"the tag {node.tag} is not allowed; remove it")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, index), depth + 1) for index, child in enumerate(node.value)]
        return self._mapping(node, path, depth)

    def _mapping(self, node: Any, path: Path, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, path, "a key must be a text")
            elif key.value == "<<" and not key.style:
                self._refuse(key, path, "merge keys are not allowed; write the values out")
            elif key.value in data:
                self._refuse(
                    key, (*path, key.value), f"the key {key.value!r} stands here twice; the first would be lost"
                )
            else:
                data[key.value] = self.build(value, (*path, key.value), depth + 1)
        return data

    def _scalar(self, node: Any, path: Path) -> Any:
        text = node.value
        if node.style:  # quoted or block; the two parsers of PyYAML call plain None and ""
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            digits = text.lstrip("+-")
            if len(digits) > 1 and digits[0] == "0":
                return self._refuse(
                    node, path, f"{text} may mean an octal number; write it without the leading zero, or in quotes"
                )
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number in (float("inf"), float("-inf")):
                return self._refuse(node, path, f"{text} is too large for a number")
            return number
        if text.lower().lstrip("+-") in (".nan", ".inf"):
            return self._refuse(node, path, f"{text} equals nothing; write a finite number")
        return text

    def _refuse(self, node: Any, path: Path, message: str) -> None:
        self._problems.append(Problem(message, shown(path), node.start_mark.line + 1, node.start_mark.column + 1))


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if getattr(key, "value", None) == step), None)
    return None
