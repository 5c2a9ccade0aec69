"""Imports between packages: which package may import which. A failure lists every offending line."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "layers" / "greenlight" / "greenlight"
DEVKIT = ROOT / "devkit"

ENGINE_ARROWS = {
    "core": "",
    "assertions": "core",
    "aws": "core",
    "discovery": "core aws",
    "network": "core",
    "report": "core",
    "plan": "core assertions",
    "verdict": "core plan",
    "publish": "core aws report",
    "checks": "core assertions aws network plan",
    "stores": "core aws plan verdict",
    "gate": "core aws checks discovery network plan publish report stores verdict",
    "machine": "core aws checks discovery gate plan publish stores verdict",
    "toolkit": "core assertions aws checks network",
    "api": "core assertions aws checks network toolkit",
    "testing": "core aws api checks network plan",
}
"""Each package of the engine with the packages that it may import, type-only imports included.

See docs/architecture.md.
"""

DEVKIT_ARROWS = {
    "terminal": "",
    "lint": "",
    "plans": "lint",
    "reports": "",
    "reference": "cli",
    "recording": "lint",
    "doctor": "lint plans",
    "rehearsal": "doctor reports terminal",
    "cli": "",
    "commands": "cli doctor lint plans recording reference rehearsal reports terminal",
}
"""Each package of devkit with the packages of devkit that it may import."""

PURE = ("core", "assertions", "plan", "verdict", "report")
"""Packages without any I/O."""

PURE_EXCEPT = ("core/clock",)
"""Modules with I/O in packages that otherwise have none: the one place that reads the system's clock."""

TYPES_ONLY = ("core/deployment", "core/finding", "core/frozen", "core/plan_path", "core/verdict")
"""Modules of pure packages without a test module: they only declare types, which have no behavior of their own."""

PURE_MODULES = (
    "network/request_target",
    "network/request_encoding",
    "network/cookies",
    "toolkit/xml_html",
    "toolkit/response_body",
    "toolkit/capture_substitution",
    "aws/dynamodb_json",
    "checks/findings",
    "checks/series",
)
"""Modules without any I/O in packages that have some."""

IO_MODULES = frozenset(
    [
        "socket",
        "ssl",
        "http",
        "urllib.request",
        "urllib3",
        "requests",
        "boto3",
        "botocore",
        "subprocess",
        "os",
        "pathlib",
        "shutil",
        "threading",
        "multiprocessing",
        "asyncio",
        "time",
        "random",
        "tempfile",
    ]
)
IO_OF_THE_ENGINE = frozenset(
    f"greenlight.{module}"
    for module in [
        "aws.client",
        "aws.secrets",
        "network.client",
        "network.connection",
        "network.guard",
        "network.requests_adapter",
    ]
)
IO_CALLS = frozenset({"open", "eval", "exec", "print"})


class Import(NamedTuple):
    """One import in a file: its place, the full name, and whether only a type checker reads it."""

    path: Path
    line: int
    name: str
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.name}"

    def is_below(self, *names: str) -> bool:
        return any(self.name == name or self.name.startswith(f"{name}.") for name in names)


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@functools.cache
def imports_of(path: Path) -> tuple[Import, ...]:
    return tuple(_imports(parse(path), path))


def _imports(tree: ast.Module, path: Path) -> Iterator[Import]:
    typing_blocks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    ]
    typing_only = {id(inner) for block in typing_blocks for line in block.body for inner in ast.walk(line)}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(path, node.level, node.module or "")
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            yield Import(path, node.lineno, name, id(node) in typing_only)


def _absolute(path: Path, level: int, module: str) -> str:
    """Return the full name of the module of an import statement of `level` dots in the file `path`."""
    if not level:
        return module
    package = path.relative_to(ROOT).parts[:-level]
    return ".".join((*package, module)) if module else ".".join(package)


def files(*folders: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
    )


def package_of(path: Path, base: Path) -> str:
    """Return the package below `base` that a file belongs to; "" for a file at its top such as `__init__.py`."""
    first = path.relative_to(base).parts[0]
    return first.removesuffix(".py") if first != "__init__.py" else ""


def lines(offences: list[Import]) -> str:
    return "\n".join(map(str, offences))


BOTH_TABLES = pytest.mark.parametrize(
    ("base", "arrows"), [(ENGINE, ENGINE_ARROWS), (DEVKIT, DEVKIT_ARROWS)], ids=["engine", "devkit"]
)


@BOTH_TABLES
def test_no_import_goes_against_an_arrow(base: Path, arrows: dict[str, str]) -> None:
    offences = []
    for path in files(str(base)):
        package = package_of(path, base)
        allowed = {package, "__version__", *arrows.get(package, "").split()}
        for line in imports_of(path):
            parts = line.name.split(".")
            if parts[0] == base.name and len(parts) > 1 and parts[1] not in allowed:
                offences.append(line)

    assert not offences, lines(offences)


@BOTH_TABLES
def test_every_package_is_in_the_table_and_nothing_else_is(base: Path, arrows: dict[str, str]) -> None:
    packages = {package_of(path, base) for path in files(str(base))} - {"", "__main__"}

    assert packages == arrows.keys()


@BOTH_TABLES
def test_every_arrow_is_used(base: Path, arrows: dict[str, str]) -> None:
    used = {
        (package_of(path, base), line.name.split(".")[1])
        for path in files(str(base))
        for line in imports_of(path)
        if line.is_below(base.name) and "." in line.name
    }
    allowed = {(package, target) for package, targets in arrows.items() for target in targets.split()}

    assert allowed - used == set()


@BOTH_TABLES
def test_arrows_between_packages_form_no_cycle(base: Path, arrows: dict[str, str]) -> None:
    assert cycle({package: set(targets.split()) for package, targets in arrows.items()}) == []


def test_imports_between_modules_form_no_cycle() -> None:
    modules = {
        module_name(path): path for path in files("layers/greenlight/greenlight", "devkit", "validators", "hooks")
    }
    graph = {
        module: {target for line in imports_of(path) if (target := target_of(line.name, modules)) and target != module}
        for module, path in modules.items()
    }

    assert cycle(graph) == []


def module_name(path: Path) -> str:
    base = ENGINE.parent if ENGINE in path.parents else ROOT
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def target_of(name: str, modules: dict[str, Path]) -> str:
    """Return the module that the imported `name` is, or is a member of; "" for a module of others."""
    candidates = (name, name.rpartition(".")[0])
    return next((candidate for candidate in candidates if candidate in modules), "")


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return one cycle of the graph, node by node; an empty list without a cycle."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_the_engine_has_few_modules_at_its_top() -> None:
    assert sorted(path.name for path in ENGINE.glob("*.py")) == ["__init__.py", "__main__.py", "api.py"]


def test_devkit_has_only_packages_at_its_top() -> None:
    assert [path.name for path in DEVKIT.glob("*.py")] == ["__init__.py"]


def test_validators_import_the_api_their_helpers_and_other_distributions_only() -> None:
    ours = ("greenlight", "validators", "devkit", "hooks", "tests")
    offences = [
        line
        for path in files("validators")
        for line in imports_of(path)
        if line.is_below(*ours) and not line.is_below("greenlight.api") and not is_import_of_a_helper(line, path)
    ]

    assert not offences, lines(offences)


def is_import_of_a_helper(line: Import, path: Path) -> bool:
    """Check for `validators._…`, or for a type hint of a helper: the parameters of the validator that it helps."""
    is_helper = any(part.startswith("_") for part in path.relative_to(ROOT / "validators").parts)
    return line.name.startswith("validators._") or (is_helper and line.typing_only and line.is_below("validators"))


def test_validators_take_the_time_from_the_clock_of_their_context() -> None:
    forbidden = ("time.time", "time.monotonic", "time.sleep", "datetime.now", "datetime.datetime.now")
    offences = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {name}"
        for path in files("validators")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in forbidden
    ]

    assert not offences, "\n".join(offences)


def test_the_api_exports_every_name_in_all() -> None:
    import greenlight.api

    assert [name for name in greenlight.api.__all__ if not hasattr(greenlight.api, name)] == []


@pytest.mark.parametrize("folder", ["layers", "validators", "hooks", "examples"])
def test_deployed_code_does_not_import_devkit_or_tests(folder: str) -> None:
    forbidden = ("devkit", "hooks", "tests", "pytest", "hypothesis", "moto", "greenlight.testing")
    testing = ENGINE / "testing"  # the layer is built without it
    deployed = [path for path in files(folder) if testing not in path.parents and "tests" not in path.parts]
    offences = [line for path in deployed for line in imports_of(path) if line.is_below(*forbidden)]

    assert not offences, lines(offences)


def test_the_engine_imports_no_validator() -> None:
    offences = [line for path in files("layers") for line in imports_of(path) if line.is_below("validators")]

    assert not offences, lines(offences)


def test_hooks_import_the_gate_and_its_vocabulary_only() -> None:
    allowed = ("greenlight.gate", "greenlight.machine", "greenlight.publish", "greenlight.core")
    offences = [
        line
        for path in files("hooks")
        for line in imports_of(path)
        if line.is_below("greenlight", "validators") and not line.is_below(*allowed)
    ]

    assert not offences, lines(offences)


def pure_files() -> list[Path]:
    impure = {ENGINE / f"{module}.py" for module in PURE_EXCEPT}
    packages = [path for package in PURE for path in files(str(ENGINE / package)) if path not in impure]
    return packages + [ENGINE / f"{module}.py" for module in PURE_MODULES]


def test_pure_packages_import_nothing_that_does_io() -> None:
    offences = [
        line
        for path in pure_files()
        for line in imports_of(path)
        if not line.typing_only and line.is_below(*IO_MODULES, *IO_OF_THE_ENGINE)
    ]

    assert not offences, lines(offences)


def test_pure_packages_open_no_file() -> None:
    offences = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {node.func.id}"
        for path in pure_files()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IO_CALLS
    ]

    assert not offences, "\n".join(offences)


def test_no_test_module_imports_another() -> None:
    offences = [line for path in files("tests") for line in imports_of(path) if is_import_of_a_test_module(line)]

    assert not offences, lines(offences)


def is_import_of_a_test_module(line: Import) -> bool:
    return line.is_below("tests") and any(part.startswith("test_") for part in line.name.split("."))


@pytest.mark.parametrize("package", PURE)
def test_every_pure_module_has_a_test_module_of_its_name(package: str) -> None:
    modules = {path.stem for path in (ENGINE / package).glob("*.py")} - {"__init__"}
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "unit" / package).glob("test_*.py")}
    missing = {f"{package}/{module}" for module in modules - tested}
    types_only = {module for module in TYPES_ONLY if module.startswith(f"{package}/")}

    assert missing == types_only


def test_the_hook_imports_little_before_it_can_answer() -> None:
    heavy = ("boto3", "botocore", "requests", "urllib3", "jinja2", "regex", "jsonschema", "difflib", "validators")
    code = f"import sys, greenlight.gate.handler; print([name for name in {heavy!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "[]"


def test_the_page_on_architecture_names_every_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

    assert sorted(package for package in (*ENGINE_ARROWS, *DEVKIT_ARROWS) if f"`{package}" not in page) == []


def test_every_place_that_the_page_on_architecture_names_exists() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    places = re.findall(r"`([\w./-]+(?:/|\.py|\.in|\.yaml))`", page)
    bases = (ROOT, ENGINE, DEVKIT)
    missing = [place for place in places if "NAME" not in place and not any((base / place).exists() for base in bases)]
    assert len(places) > 20
    assert missing == []
