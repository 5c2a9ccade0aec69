"""The arrows of the house: who may import whom. Every offending line is named."""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "layers" / "greenlight" / "greenlight"
TESTING = ENGINE / "testing"

LEVELS: tuple[tuple[str, ...], ...] = (
    ("testing",),
    ("conductors",),
    ("steps",),
    ("runner", "bind", "registry", "transports", "discovery", "sources", "report", "publish"),
    ("api",),  # gives validators all that they may use, most of it when first asked for
    ("compare", "answer", "exchange", "invocation", "lambda_events", "lookups"),
    ("validator",),
    ("context", "session"),
    ("plan",),
    ("planfile",),
    (
        "decode",
        "rows",
        "fragments",
        "environments",
        "judge",
        "address",
        "repeat",
        "retry",
        "shadow",
        "override",
        "redact",
        "markup",
        "body",
        "captures",
        "filled",
        "findings",
        "series",
        "aws",
        "http",
        "secrets",
    ),
    ("guard", "connection", "cookies", "certificate"),
    ("expect", "yamlread", "settings"),
    ("arguments",),
    ("predicates", "filters"),
    ("query", "schemas", "substitute"),
    ("patterns", "formats", "semver", "values", "missing", "dynamodb"),
    ("words",),
    ("units", "nearest", "errors"),
    ("oneline", "model"),
    ("",),
)
"""The engine's rooms from the street to the cellar; each may use its own level and those below.

`conductors -> steps -> {transports, sources, registry, report, publish} -> {plan, expect, judge, aws, http, secrets}
-> {model, errors, settings}` with the rooms that were built since. "" is the package itself, which holds the version.
"""

PURE = (
    "arguments", "predicates", "filters", "schemas", "patterns", "formats", "semver", "values", "missing",
    "judge", "expect", "query", "units", "redact", "substitute", "plan", "planfile", "decode", "nearest", "oneline", "yamlread",
    "address", "repeat", "retry", "rows", "fragments", "environments", "cookies", "markup", "body", "shadow",
    "words", "model", "errors", "settings", "dynamodb", "filled", "findings", "series",
    "report.json", "report.text", "report.summary", "report.junit", "report.markdown", "report.tap", "override",
    "report.html", "report.tags", "report.figures",
)  # fmt: skip
WORLD = {
    "socket", "ssl", "http", "urllib.request", "urllib3", "requests", "boto3", "botocore", "subprocess", "os",
    "pathlib", "shutil", "threading", "multiprocessing", "asyncio", "time", "random", "tempfile",
}  # fmt: skip
WORLD_OF_THE_ENGINE = {
    "greenlight.aws.client",
    "greenlight.network.connection",
    "greenlight.network.guard",
    "greenlight.network.client",
    "greenlight.aws.secrets",
    "greenlight.network.requests_adapter",
}


class Import:
    """One import in a file: what it names, where, and whether only a type checker reads it."""

    def __init__(self, path: Path, line: int, name: str, typing_only: bool) -> None:
        self.path, self.line, self.name, self.typing_only = path, line, name, typing_only

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.name}"

    def under(self, names: set[str] | tuple[str, ...]) -> bool:
        return any(self.name == name or self.name.startswith(f"{name}.") for name in names)


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@functools.cache
def imports_of(path: Path) -> tuple[Import, ...]:
    return tuple(_imports(parsed(path), path))


def _imports(tree: ast.Module, path: Path) -> Iterator[Import]:
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            yield Import(path, node.lineno, name, id(node) in for_types)


def files(*folders: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
    )


def room_of(path: Path) -> str:
    parts = path.relative_to(ENGINE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def level_of(room: str) -> int | None:
    return next((number for number, rooms in enumerate(LEVELS) if room in rooms), None)


def named(offences: list[Import]) -> str:
    return "\n".join(map(str, offences))


def test_no_import_is_relative() -> None:
    offences = [each for path in files("layers", "validators", "hooks", "devkit") for each in imports_of(path)]
    offences = [each for each in offences if each.name.startswith(".")]

    assert not offences, named(offences)


def test_validators_import_the_api_and_packages_of_strangers_only() -> None:
    ours = ("greenlight", "validators", "devkit", "hooks", "tests")
    offences = [
        each
        for path in files("validators")
        for each in imports_of(path)
        if each.under(ours) and not each.under(("greenlight.api",))
    ]

    assert not offences, named(offences)


def test_the_api_holds_every_name_it_promises() -> None:
    import greenlight.api

    assert [name for name in greenlight.api.__all__ if not hasattr(greenlight.api, name)] == []


@pytest.mark.parametrize("folder", ["layers", "validators", "hooks", "examples"])
def test_nothing_that_is_deployed_imports_the_laptops_side_or_the_tests(folder: str) -> None:
    forbidden = ("devkit", "hooks", "tests", "pytest", "hypothesis", "moto")
    deployed = [path for path in files(folder) if TESTING not in path.parents]  # the layer is built without that
    offences = [each for path in deployed for each in imports_of(path) if each.under(forbidden)]

    assert not offences, named(offences)


@pytest.mark.parametrize("folder", ["layers", "validators", "hooks"])
def test_nothing_that_is_deployed_imports_what_tests_use(folder: str) -> None:
    others = [path for path in files(folder) if TESTING not in path.parents]
    offences = [each for path in others for each in imports_of(path) if each.under(("greenlight.testing",))]

    assert not offences, named(offences)


def test_the_engine_imports_no_validator() -> None:
    offences = [each for path in files("layers") for each in imports_of(path) if each.under(("validators",))]

    assert not offences, named(offences)


def test_hooks_import_conductors_and_what_answers_for_them_only() -> None:
    allowed = ("greenlight.conductors", "greenlight.transports", "greenlight.publish", "greenlight.model")
    offences = [
        each
        for path in files("hooks")
        for each in imports_of(path)
        if each.under(("greenlight", "validators")) and not each.under(allowed)
    ]

    assert not offences, named(offences)


def test_every_room_of_the_engine_has_its_level() -> None:
    rooms = {room_of(path) for path in ENGINE.rglob("*.py")}

    assert [room for room in sorted(rooms) if level_of(room) is None] == []


def test_no_room_imports_one_above_it() -> None:
    offences = []
    for path in files("layers"):
        mine = level_of(room_of(path))
        for each in imports_of(path):
            if each.typing_only or not each.under(("greenlight",)):
                continue
            room = each.name.split(".")[1]
            theirs = level_of(room) if (ENGINE / room).exists() or (ENGINE / f"{room}.py").exists() else level_of("")
            if mine is not None and theirs is not None and theirs < mine:
                offences.append(each)

    assert not offences, named(offences)


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_touches_no_world(room: str) -> None:
    path = ENGINE / f"{room.replace('.', '/')}.py"
    offences = [
        each
        for each in imports_of(path)
        if not each.typing_only and (each.under(WORLD | WORLD_OF_THE_ENGINE) or each.name.startswith("urllib.request"))
    ]

    assert not offences, named(offences)


def test_a_pure_room_opens_no_file() -> None:
    offences = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {node.func.id}"
        for room in PURE
        for path in [ENGINE / f"{room.replace('.', '/')}.py"]
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("open", "eval", "exec", "print")
    ]

    assert not offences, "\n".join(offences)


def test_every_module_says_what_it_is() -> None:
    everything = files("layers", "validators", "hooks", "devkit", "tests")
    offences = [
        str(path.relative_to(ROOT)) for path in everything if parsed(path).body and not ast.get_docstring(parsed(path))
    ]

    assert not offences, "\n".join(offences)


def test_what_the_supervisor_imports_before_it_can_answer_is_little() -> None:
    import subprocess

    heavy = ("boto3", "botocore", "requests", "urllib3", "jinja2", "regex", "jsonschema", "difflib", "validators")
    code = f"import sys, greenlight.gate.handler; print([each for each in {heavy!r} if each in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "[]"


def test_the_page_on_the_house_names_every_room_of_the_engine() -> None:
    page = (ROOT / "docs" / "house.md").read_text()
    rooms = {room_of(path) for path in files("layers/greenlight/greenlight")} - {""}
    assert sorted(room for room in rooms if f"`{room}`" not in page and f"`{room}/`" not in page) == []


def test_every_place_that_the_page_on_the_house_names_is_there() -> None:
    import re

    named = re.findall(r"`([\w./-]+(?:/|\.py|\.in|\.yaml))`", (ROOT / "docs" / "house.md").read_text())
    bases = (ROOT, ENGINE, ROOT / "devkit", ROOT / "devkit" / "rehearsal")
    gone = [each for each in named if "NAME" not in each and not any((base / each).exists() for base in bases)]
    assert len(named) > 30
    assert gone == []
