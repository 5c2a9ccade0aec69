"""Plan files as plain data, with the place of every value. Strict where YAML would surprise.

The core schema of YAML 1.2 decides what a plain word is (`no`, `1:30` and dates are text), and what
older YAML reads otherwise or what hides repetition is refused: duplicate keys, anchors and aliases,
merge keys, tags, numbers in other bases, numbers that are not finite, files too large or too deep.

Events are read and not composed nodes: PyYAML's composer recurses in C, and a file of nothing but `[`
would end the process before anybody could refuse it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from greenlight.core.display import truncate
from greenlight.core.errors import MAX_PROBLEMS, PlanError, Problem
from greenlight.core.plan_path import KeyStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from greenlight.core.plan_path import PlanPath

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,20}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_LIKE_A_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_OTHER_BASE = re.compile(r"[-+]?0([xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)", re.ASCII)
_GROUPED = re.compile(r"[-+]?[0-9]+(_[0-9]+)+(\.[0-9_]*)?", re.ASCII)
_DASHED = re.compile(r"\s*-\w+\s*:")
_COLON = re.compile(r"\s*(- )?\w+:[^\s:]")
_INTEGERS = range(-(2**63), 2**64)
"""What JSON libraries agree on; the worker's pipe and the report are JSON."""

_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2 section 5.1 keeps out of files; found here first, since its place is known here."""


class Node:
    """A value's place, counted from 1, and the nodes below it: a map by key, a list by index.

    `plain` is the word as it stands in the file where it has no quotes; "" for everything else. `key` is the place of
    the key that it stands under, line and column; None for a list's elements and the whole.
    """

    __slots__ = ("below", "column", "key", "line", "plain")

    def __init__(self, mark: Any, plain: str = "") -> None:
        """Keep the place of an event."""
        self.line, self.column = mark.line + 1, mark.column + 1
        self.below: dict[str | int, Node] = {}
        self.key: tuple[int, int] | None = None
        self.plain = plain


class RelocatedNode(Node):
    """A value that is not where the path to it says: it was taken from a row, or from another file.

    Attributes:
        path: Where it is; None where the path to it is right.
        source: URI of the file it is in; "" for the one that the way to it is in.
    """

    __slots__ = ("path", "source")

    def __init__(self, node: Node, path: PlanPath | None, source: str = "") -> None:
        """Stand for `node`, with what is below it."""
        self.line, self.column, self.key = node.line, node.column, node.key
        self.below, self.plain = node.below, node.plain
        self.path, self.source = path, source


class Document:
    """A parsed file: `data` is what it says, `problem` makes a Problem with the place of a path."""

    def __init__(self, data: Any, root: Node | None) -> None:
        """Keep the nodes for as long as places may be asked for."""
        self.data = data
        self._root = root

    def problem(self, message: str, path: PlanPath) -> Problem:
        """Make a Problem at `path`, or at the deepest part of it that exists."""
        node, source, told = self._found(path)
        line, column = (node.line, node.column) if node else (0, 0)
        if node and node.key and isinstance(path[-1], KeyStep) and self._found(path[:-1])[0] is not node:
            line, column = node.key
        return Problem(message, display_path(told), line, column, source=source)

    def told(self, path: PlanPath) -> PlanPath:
        """Give the path by which a person finds what is at `path`, in its own file."""
        return self._found(path)[2]

    def source(self, path: PlanPath) -> str:
        """Give the URI of the fragment that holds what is at `path`; "" for this file."""
        return self._found(path)[1]

    def _found(self, path: PlanPath) -> tuple[Node | None, str, PlanPath]:
        node, source, told = self._root, "", path
        for number, step in enumerate(path, 1):
            below = node.below.get(step) if node is not None else None
            if below is None:
                break
            node = below
            if isinstance(node, RelocatedNode) and node.path is not None:
                source, told = node.source or source, (*node.path, *path[number:])
        return node, source, told

    def problems(self, mistakes: Iterable[tuple[PlanPath, str]]) -> list[Problem]:
        """Make the Problems of mistakes, in the order of the file; what is wrong in every row is told once."""
        found = {}
        for path, message in mistakes:
            problem = self.problem(message, path)
            found[problem.source, problem.line, problem.column, problem.path, problem.message] = problem
        return [found[key] for key in sorted(found, key=lambda key: key[:3])]

    def node(self, path: PlanPath) -> Node:
        """Give the node at a path that exists."""
        node = self._root
        for step in path:
            assert node is not None  # noqa: S101 - data and nodes are of one shape
            node = node.below[step]
        assert node is not None  # noqa: S101 - as above
        return node

    def add(self, path: PlanPath, node: Node) -> PlanPath:
        """Put a node behind those of the list at `path`, which need not be there yet; gives the path to it."""
        above = self.node(path[:-1])
        if path[-1] not in above.below:
            above.below[path[-1]] = RelocatedNode(above, None)
            above.below[path[-1]].below = {}
        below = above.below[path[-1]].below
        below[len(below)] = node
        return (*path, len(below) - 1)

    def empty(self) -> Iterator[PlanPath]:
        """Give the path of every value that is left out: nothing stands behind its key."""
        waiting: list[tuple[PlanPath, Node, Any]] = [((), self._root, self.data)] if self._root else []
        while waiting:
            path, node, data = waiting.pop()
            if data is None and not node.plain:
                yield path
            waiting += [((*path, step), below, data[step]) for step, below in node.below.items()]

    def plain_words(self) -> Iterator[tuple[PlanPath, str]]:
        """Give every value that stands without quotes, with its path: what YAML gives a meaning of its own."""
        waiting: list[tuple[PlanPath, Node]] = [((), self._root)] if self._root else []
        while waiting:
            path, node = waiting.pop()
            if node.plain:
                yield path, node.plain
            waiting += [((*path, step), below) for step, below in node.below.items()]


def display_path(path: PlanPath) -> str:
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
    if unprintable := _UNPRINTABLE.search(text):
        before = text[: unprintable.start()].split("\n")
        message = f"the character U+{ord(unprintable[0]):04X} cannot stand in a plan; write it as an escape in quotes"
        raise PlanError([Problem(message, "", len(before), len(before[-1]) + 1)], source)
    builder = _Builder(yaml.parse(text, Loader=_LOADER))
    try:
        data, root = builder.document()
    except yaml.MarkedYAMLError as error:
        raise PlanError([*builder.problems, syntax(error, text)], source) from error
    except _Enough:
        raise PlanError(builder.problems, source) from None
    if builder.problems:
        raise PlanError(builder.problems, source)
    return Document(data, root)


def nesting_exceeds(text: str, depth: int) -> bool:
    """Tell whether YAML is nested deeper than `depth`.

    libyaml's composer and constructor call themselves for each level, and end the process when its stack is used up.

    Raises:
        yaml.YAMLError: It is no YAML.
    """
    at = 0
    for event in yaml.parse(text, Loader=_LOADER):
        at += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if at > depth:
            return True
    return False


def syntax(error: yaml.MarkedYAMLError, text: str) -> Problem:
    """Say what PyYAML says, where it says it, and what is meant by the commonest of it."""
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context
    if mark is None:
        return Problem(f"not valid YAML: {what}")
    line = text.split("\n")[mark.line] if mark.line < text.count("\n") + 1 else ""
    at = line[mark.column : mark.column + 1]
    before = next((each for each in reversed(text.split("\n")[: mark.line]) if each.strip()), "")
    if hint := _meant(str(what), line, mark.column, before):
        what = f"{what}; {hint}"
    elif "cannot start any token" in str(what) and at:
        what = "a tab stands here; indent with spaces" if at == "\t" else f"{at!r} begins a text only inside quotes"
    elif error.problem and error.context:
        since = f" that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
        what = f"{what} ({error.context}{since})"
    return Problem(f"not valid YAML: {what}", "", mark.line + 1, mark.column + 1)


def _meant(what: str, line: str, column: int, before: str) -> str:
    """Say what to write instead of the mistakes that everybody makes; "" for others. `before` is the line before."""
    if "mapping values are not allowed" in what:
        if _DASHED.match(before):
            return "in the line before, a blank stands behind the dash, as in - name: …"
        if _COLON.match(before):
            return "in the line before, a blank stands behind the colon, as in get: /health"
        return "a text with a colon and a blank in it stands in quotes, and a key at the beginning of its own line"
    if "found a tab character" in what:
        return "indent with spaces"
    if "expected ',' or" in what and line[:column].rstrip("{").endswith("$"):
        return "inside { } and [ ] a text with ${…} stands in quotes"
    return ""


class _Enough(Exception):  # noqa: N818 - it ends the reading, and is no error of its own
    """So much is wrong that reading on would not help."""


class _Builder:
    """Turns events into data and places, and collects what is refused."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self.problems: list[Problem] = []

    def document(self) -> tuple[Any, Node | None]:
        """Build the first document, and refuse a second."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None, None
        built = self._build(next(self._events), ())
        next(self._events)
        if not isinstance(after := next(self._events), yaml.StreamEndEvent):
            self._refuse(after, (), "a second document begins here, and a plan is one document; remove the ---")
        return built

    def _build(self, event: Any, path: PlanPath) -> tuple[Any, Node]:
        plain = isinstance(event, yaml.ScalarEvent) and not event.style
        node = Node(event.start_mark, str(event.value) if plain else "")
        if len(path) > MAX_DEPTH:
            self._refuse(event, path, f"nested deeper than {MAX_DEPTH} levels")
            raise _Enough
        if event.anchor is not None:  # of an alias, too
            self._refuse(event, path, "anchors and aliases are not allowed; write the value out, or use variables")
        if isinstance(event, yaml.AliasEvent):
            return None, node
        if event.tag is not None:
            self._refuse(event, path, f"the tag {event.tag} is not allowed; remove it")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path), node
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(node, path), node
        return self._mapping(node, path), node

    def _sequence(self, node: Node, path: PlanPath) -> list[Any]:
        data: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            value, node.below[len(data)] = self._build(event, (*path, len(data)))
            data.append(value)
        return data

    def _mapping(self, node: Node, path: PlanPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key in data:
                self._refuse(event, (*path, key), f"the key {key!r} stands here twice; the first would be lost")
            value, below = self._build(next(self._events), (*path, key))
            below.key = event.start_mark.line + 1, event.start_mark.column + 1
            data[key], node.below[key] = value, below
        return data

    def _key(self, event: Any, path: PlanPath) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            braces = isinstance(event, yaml.MappingStartEvent) and event.flow_style
            hint = (
                '; a text that begins with {{ stands in quotes, and a value of the plan is "${name}"' if braces else ""
            )
            self._refuse(event, path, f"a key must be a text{hint}")
            if not isinstance(event, yaml.AliasEvent):
                self._build(event, (*path, "?"))
            return "?"
        if event.anchor is not None or event.tag is not None:
            self._refuse(event, path, "a key has no anchor and no tag; remove it")
        if event.value == "<<" and not event.style:
            self._refuse(event, path, "merge keys are not allowed; write the values out")
        return str(event.value)

    def _scalar(self, event: Any, path: PlanPath) -> Any:
        text = event.value
        if event.style:  # quoted or block; the two parsers of PyYAML call plain None and ""
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return self._integer(event, path)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number in (float("inf"), float("-inf")):
                return self._refused(event, path, f"{text} is too large for a number; text stands in quotes")
            return number
        if text.lower().lstrip("+-") in (".nan", ".inf"):
            return self._refused(event, path, f"{text} equals nothing; write a finite number")
        if _OTHER_BASE.fullmatch(text) or _GROUPED.fullmatch(text):
            return self._refused(
                event, path, f"{truncate(text, 40)} may mean a number; write it in plain digits, or in quotes"
            )
        if _LIKE_A_NUMBER.fullmatch(text):
            return self._refused(event, path, f"{truncate(text, 40)} is too long for a number; text stands in quotes")
        return text

    def _integer(self, event: Any, path: PlanPath) -> Any:
        text = event.value
        digits = text.lstrip("+-")
        if len(digits) > 1 and digits[0] == "0":
            what = "may mean an octal number; write it without the leading zero, or in quotes"
            return self._refused(event, path, f"{text} {what}")
        if int(text) not in _INTEGERS:
            return self._refused(event, path, f"{text} is too long for a number; text stands in quotes")
        return int(text)

    def _refused(self, event: Any, path: PlanPath, message: str) -> Any:
        """Refuse a value, and give what stands for it while reading on."""
        self._refuse(event, path, message)
        return None

    def _refuse(self, event: Any, path: PlanPath, message: str) -> None:
        mark = event.start_mark
        self.problems.append(Problem(message, display_path(path), mark.line + 1, mark.column + 1))
        if len(self.problems) > MAX_PROBLEMS:
            raise _Enough
