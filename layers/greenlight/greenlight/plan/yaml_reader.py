"""Reader of a strict subset of YAML, which returns plain data with the place of every value.

The core schema of YAML 1.2 determines the type of an unquoted scalar: `no`, `1:30` and dates are texts. The reader
rejects constructs that YAML 1.1 interprets differently or that hide repetition: duplicate keys, anchors and aliases,
merge keys, tags, numbers in other bases, and numbers that are not finite. It also rejects files that are too large or
nested too deeply.

The reader consumes PyYAML's events instead of its composed nodes: PyYAML's composer recurses in C, so a file that
contains only `[` characters would crash the process.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from greenlight.core.display import truncate
from greenlight.core.errors import MAX_PROBLEMS, PlanError, Problem
from greenlight.core.plan_path import KeyStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from greenlight.core.plan_path import PlanPath

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40
MAX_VALUES = 50_000
"""Values of a file; each takes half a kilobyte of the supervisor's memory."""

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,20}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_LIKE_A_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_OTHER_BASE = re.compile(r"[-+]?0([xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)", re.ASCII)
_GROUPED = re.compile(r"[-+]?[0-9]+(_[0-9]+)+(\.[0-9_]*)?", re.ASCII)
_DASH_WITHOUT_BLANK = re.compile(r"\s*-\w+\s*:")
_COLON_WITHOUT_BLANK = re.compile(r"\s*(- )?\w+:[^\s:]")
_INTEGERS = range(-(2**63), 2**64)
"""Integers that all JSON libraries can read; the worker's pipe and the report use JSON."""

_CORE_SCHEMA_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML 1.2 section 5.1 excludes; they are searched for before parsing, to report their place."""


class Node:
    """The place of a value.

    Attributes:
        line, column: Counted from 1.
        children: Nodes of a map's values by key, or of a list's items by index.
        plain: Source text of a scalar without quotes; "" for everything else.
        key: Line and column of the value's key; None for items of a list and for the root.
    """

    __slots__ = ("children", "column", "key", "line", "plain")

    def __init__(self, mark: Any, plain: str = "") -> None:
        """Create a node at the mark of an event."""
        self.line, self.column = mark.line + 1, mark.column + 1
        self.children: dict[str | int, Node] = {}
        self.key: tuple[int, int] | None = None
        self.plain = plain


class RelocatedNode(Node):
    """A value whose path in the document is not its path in a file: it comes from a row or from another file.

    Attributes:
        path: Path of the value in the file that contains it; None if it equals the path in the document.
        source: URI of the file that contains the value; "" for the file of the parent node.
    """

    __slots__ = ("path", "source")

    def __init__(self, node: Node, path: PlanPath | None, source: str = "") -> None:
        """Copy `node`; the copy shares its children."""
        self.line, self.column, self.key = node.line, node.column, node.key
        self.children, self.plain = node.children, node.plain
        self.path, self.source = path, source


class Location(NamedTuple):
    """The location of a path in a file.

    Attributes:
        node: The deepest existing node on the path; None for an empty file.
        source: URI of the fragment that contains the node; "" for the plan itself.
        path: The path in the file that contains the node.
    """

    node: Node | None
    source: str
    path: PlanPath


class Document:
    """A parsed file: its plain `data`, and the place of every value in it."""

    def __init__(self, data: Any, root: Node | None) -> None:
        """Combine `data` with its nodes; `root` is None for an empty file."""
        self.data = data
        self._root = root

    def locate(self, path: PlanPath) -> Location:
        """Return the location of `path`, or of the deepest part of it that exists."""
        node, source, own_path = self._root, "", path
        for depth, step in enumerate(path, 1):
            child = node.children.get(step) if node is not None else None
            if child is None:
                break
            node = child
            if isinstance(node, RelocatedNode) and node.path is not None:
                source, own_path = node.source or source, (*node.path, *path[depth:])
        return Location(node, source, own_path)

    def problem(self, message: str, path: PlanPath) -> Problem:
        """Create a Problem at `path`, or at the deepest part of it that exists."""
        node, source, own_path = self.locate(path)
        line, column = (node.line, node.column) if node else (0, 0)
        if node and node.key and isinstance(path[-1], KeyStep) and self.locate(path[:-1]).node is not node:
            line, column = node.key
        return Problem(message, display_path(own_path), line, column, source=source)

    def problems(self, mistakes: Iterable[tuple[PlanPath, str]]) -> list[Problem]:
        """Convert problems at paths to Problems, in the order of the file and without duplicates.

        A mistake in a check with rows is found once for each row, but always at the same place.
        """
        problems = {}
        for path, message in mistakes:
            problem = self.problem(message, path)
            problems[problem.source, problem.line, problem.column, problem.path, problem.message] = problem
        return [problems[key] for key in sorted(problems, key=lambda key: key[:3])]

    def node(self, path: PlanPath) -> Node:
        """Return the node at a path that exists."""
        node = self._root
        for step in path:
            assert node is not None  # noqa: S101 - data and nodes have the same shape
            node = node.children[step]
        assert node is not None  # noqa: S101 - as above
        return node

    def append_node(self, path: PlanPath, node: Node) -> PlanPath:
        """Append a node to the list at `path`, create the list if it does not exist, and return the node's path."""
        parent = self.node(path[:-1])
        if path[-1] not in parent.children:
            parent.children[path[-1]] = RelocatedNode(parent, None)
            parent.children[path[-1]].children = {}
        items = parent.children[path[-1]].children
        items[len(items)] = node
        return (*path, len(items) - 1)

    def empty_values(self) -> Iterator[PlanPath]:
        """Yield the path of every key without a value."""
        for path, node, value in self._walk():
            if value is None and not node.plain:
                yield path

    def plain_scalars(self) -> Iterator[tuple[PlanPath, str]]:
        """Yield the path and the source text of every scalar without quotes, whose type YAML determines."""
        for path, node, _ in self._walk():
            if node.plain:
                yield path, node.plain

    def _walk(self) -> Iterator[tuple[PlanPath, Node, Any]]:
        """Yield the path, node and value of everything in the file."""
        pending: list[tuple[PlanPath, Node, Any]] = [((), self._root, self.data)] if self._root else []
        while pending:
            path, node, data = pending.pop()
            yield path, node, data
            pending += [((*path, step), child, data[step]) for step, child in node.children.items()]


def display_path(path: PlanPath) -> str:
    """Return a path as text: `stages.AfterAllowTraffic.checks[0].http`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read(text: str, source: str = "") -> Document:
    """Parse one YAML (or JSON) document.

    Raises:
        PlanError: The text is not valid YAML, or uses a rejected construct; every problem has a line and a column.
    """
    if len(text) > MAX_BYTES:
        raise PlanError([Problem(f"the file is larger than {MAX_BYTES // 1024} KiB")], source)
    if unprintable := _UNPRINTABLE.search(text):
        before = text[: unprintable.start()].split("\n")
        message = f"the character U+{ord(unprintable[0]):04X} is not allowed in a plan; write it as an escape in quotes"
        raise PlanError([Problem(message, "", len(before), len(before[-1]) + 1)], source)
    builder = _Builder(yaml.parse(text, Loader=_LOADER))
    try:
        data, root = builder.document()
    except yaml.MarkedYAMLError as error:
        raise PlanError([*builder.problems, syntax_problem(error, text)], source) from error
    except _TooManyProblemsError:
        raise PlanError(builder.problems, source) from None
    if builder.problems:
        raise PlanError(builder.problems, source)
    return Document(data, root)


def syntax_problem(error: yaml.MarkedYAMLError, text: str) -> Problem:
    """Convert a syntax error of PyYAML to a Problem, with a hint for the most common mistakes."""
    mark = error.problem_mark or error.context_mark
    message = error.problem or error.context
    if mark is None:
        return Problem(f"not valid YAML: {message}")
    lines = text.split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    character = line[mark.column : mark.column + 1]
    previous_line = next((before for before in reversed(lines[: mark.line]) if before.strip()), "")
    if hint := _syntax_hint(str(message), line, mark.column, previous_line):
        message = f"{message}; {hint}"
    elif "cannot start any token" in str(message) and character:
        is_tab = character == "\t"
        message = (
            "there is a tab here; indent with spaces"
            if is_tab
            else f"a text that begins with {character!r} needs quotes"
        )
    elif error.problem and error.context:
        begin = f" that begins on line {error.context_mark.line + 1}" if error.context_mark else ""
        message = f"{message} ({error.context}{begin})"
    return Problem(f"not valid YAML: {message}", "", mark.line + 1, mark.column + 1)


def _syntax_hint(message: str, line: str, column: int, previous_line: str) -> str:
    """Return a hint for the most common mistakes; "" for others."""
    if "mapping values are not allowed" in message:
        if _DASH_WITHOUT_BLANK.match(previous_line):
            return "on the line before, the dash needs a space after it, as in - name: …"
        if _COLON_WITHOUT_BLANK.match(previous_line):
            return "on the line before, the colon needs a space after it, as in get: /health"
        return "a text that contains a colon and a space needs quotes, and a key begins on a new line"
    if "found a tab character" in message:
        return "indent with spaces"
    if "expected ',' or" in message and line[:column].rstrip("{").endswith("$"):
        return "inside { } and [ ] a text with ${…} needs quotes"
    return ""


class _TooManyProblemsError(Exception):
    """Reading ends early: there are more problems than an error lists, or the nesting is too deep."""


class _Builder:
    """Builder of data and nodes from events, which collects problems."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._values = 0
        self.problems: list[Problem] = []

    def document(self) -> tuple[Any, Node | None]:
        """Build the first document, and reject a second."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None, None
        document = self._build(next(self._events), ())
        next(self._events)
        if not isinstance(after := next(self._events), yaml.StreamEndEvent):
            self._add_problem(
                after, (), "a second document begins here, but a plan is a single document; remove the ---"
            )
        return document

    def _build(self, event: Any, path: PlanPath) -> tuple[Any, Node]:
        plain = isinstance(event, yaml.ScalarEvent) and not event.style
        node = Node(event.start_mark, str(event.value) if plain else "")
        self._values += 1
        if self._values > MAX_VALUES:
            self._add_problem(event, path, f"the file has more than {MAX_VALUES} values; write fewer")
            raise _TooManyProblemsError
        if len(path) > MAX_DEPTH:
            self._add_problem(event, path, f"nested deeper than {MAX_DEPTH} levels")
            raise _TooManyProblemsError
        if event.anchor is not None:  # set for aliases as well
            self._add_problem(event, path, "anchors and aliases are not allowed; write out the value, or use variables")
        if isinstance(event, yaml.AliasEvent):
            return None, node
        if event.tag is not None:
            self._add_problem(event, path, f"the tag {event.tag} is not allowed; remove it")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path), node
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(node, path), node
        return self._mapping(node, path), node

    def _sequence(self, node: Node, path: PlanPath) -> list[Any]:
        data: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            value, node.children[len(data)] = self._build(event, (*path, len(data)))
            data.append(value)
        return data

    def _mapping(self, node: Node, path: PlanPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key in data:
                self._add_problem(
                    event, (*path, key), f"the key {key!r} occurs twice, so the first value would be lost; remove one"
                )
            value, child = self._build(next(self._events), (*path, key))
            child.key = event.start_mark.line + 1, event.start_mark.column + 1
            data[key], node.children[key] = value, child
        return data

    def _key(self, event: Any, path: PlanPath) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            hint = ""
            if isinstance(event, yaml.MappingStartEvent) and event.flow_style:
                hint = '; a text that begins with {{ needs quotes, and a variable of the plan is "${name}"'
            self._add_problem(event, path, f"a key must be a text{hint}")
            if not isinstance(event, yaml.AliasEvent):
                self._build(event, (*path, "?"))
            return "?"
        if event.anchor is not None or event.tag is not None:
            self._add_problem(event, path, "a key cannot have an anchor or a tag; remove it")
        if event.value == "<<" and not event.style:
            self._add_problem(event, path, "merge keys are not allowed; write out the values")
        return str(event.value)

    def _scalar(self, event: Any, path: PlanPath) -> Any:
        text = event.value
        if event.style:  # quoted or block; for plain scalars it is None or "", depending on PyYAML's parser
            return text
        if text in _CORE_SCHEMA_WORDS:
            return _CORE_SCHEMA_WORDS[text]
        if _INTEGER.fullmatch(text):
            return self._integer(event, path)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number in (float("inf"), float("-inf")):
                return self._reject_scalar(event, path, f"{text} is too large for a number; text needs quotes")
            return number
        if text.lower().lstrip("+-") in (".nan", ".inf"):
            return self._reject_scalar(event, path, f"{text} is not a finite number; write a finite number")
        if _OTHER_BASE.fullmatch(text) or _GROUPED.fullmatch(text):
            return self._reject_scalar(
                event, path, f"{truncate(text, 40)} may mean a number; write it in plain digits, or in quotes"
            )
        if _LIKE_A_NUMBER.fullmatch(text):
            return self._reject_scalar(event, path, f"{truncate(text, 40)} is too long for a number; text needs quotes")
        return text

    def _integer(self, event: Any, path: PlanPath) -> Any:
        text = event.value
        digits = text.lstrip("+-")
        if len(digits) > 1 and digits[0] == "0":
            message = f"{text} may mean an octal number; write it without the leading zero, or in quotes"
            return self._reject_scalar(event, path, message)
        if int(text) not in _INTEGERS:
            return self._reject_scalar(event, path, f"{text} is too long for a number; text needs quotes")
        return int(text)

    def _reject_scalar(self, event: Any, path: PlanPath, message: str) -> Any:
        """Add a problem and return None, which replaces the value while reading continues."""
        self._add_problem(event, path, message)
        return None

    def _add_problem(self, event: Any, path: PlanPath, message: str) -> None:
        mark = event.start_mark
        self.problems.append(Problem(message, display_path(path), mark.line + 1, mark.column + 1))
        if len(self.problems) > MAX_PROBLEMS:
            raise _TooManyProblemsError
