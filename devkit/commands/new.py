"""`greenlight new`: create a validator with its test and documentation, or a plan, all of which work unchanged."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from greenlight.checks.registry import MalformedError, Registry
from greenlight.core.errors import GreenlightError
from greenlight.plan.schema import CONTROL_KEYS

from ..plans import scaffold

if TYPE_CHECKING:
    import argparse

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
DOCS = Path("docs", "validators.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands `validator` and `plan`."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    validator = kinds.add_parser(
        "validator",
        help="create validators/NAME.py and tests/validators/test_NAME.py, and update docs/validators.md",
    )
    validator.add_argument("name", metavar="NAME", help="name of the validator in plans, such as queue_depth")
    validator.add_argument("--folder", default=".", help="folder of the project (default: the current folder)")
    plan = kinds.add_parser("plan", help="create a first plan")
    plan.add_argument(
        "--platform", choices=scaffold.PLATFORMS, default="ecs", help="compute platform of the service (default ecs)"
    )
    plan.add_argument(
        "-o", "--output", default="", metavar="FILE", help="write to this file instead of standard output"
    )


def run(arguments: argparse.Namespace) -> int:
    """Create the files, without replacing any; always returns 0.

    Raises:
        GreenlightError: The name is not valid or is taken, or a file cannot be written. Nothing is written then.
    """
    try:
        if arguments.kind == "plan":
            _create_plan(arguments.platform, arguments.output)
        else:
            _create_validator(arguments.name, Path(arguments.folder))
    except FileExistsError as error:
        raise GreenlightError(f"{error.filename} already exists and is not replaced") from error
    except OSError as error:
        raise GreenlightError(f"{error.filename} cannot be written: {error.strerror}") from error
    return 0


def _create_plan(platform: str, output: str) -> None:
    if output:
        _create_file(Path(output), scaffold.plan_source(platform, output))
    else:
        sys.stdout.write(scaffold.plan_source(platform))


def _create_validator(name: str, root: Path) -> None:
    if reason := _name_error(name):
        raise GreenlightError(f"{name!r} is not a valid name for a validator: {reason}")
    if not root.is_dir():
        raise GreenlightError(f"there is no folder {root}")
    test = root / "tests" / "validators" / f"test_{name}.py"
    files = {root / "validators" / f"{name}.py": scaffold.validator_source(name), test: scaffold.test_source(name)}
    docs = root / DOCS
    from ..reference.validator_catalogue import HEAD

    if docs.exists() and not docs.read_text(encoding="utf-8").startswith(HEAD):
        raise GreenlightError(f"{docs} is not a generated catalogue of validators and is not replaced")
    for file in files:
        if file.exists():
            raise FileExistsError(0, "", str(file))
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        _create_file(file, text)
    docs.parent.mkdir(parents=True, exist_ok=True)
    docs.write_text(build_catalogue(root), encoding="utf-8")
    print(f"next: run pytest {test}, then change the validator and its test to check what you need", file=sys.stderr)


def _name_error(name: str) -> str:
    """Return why a validator cannot have this name, or ""."""
    if not _NAME.fullmatch(name):
        snake_case = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
        hint = f"; did you mean {snake_case!r}?" if _NAME.fullmatch(snake_case) else ""
        return f"it is a key in plans and the name of a function; use a-z, 0-9 and single underscores{hint}"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "it is a keyword of Python"
    if name in CONTROL_KEYS:
        return "it is a key that every check in a plan can have"
    if name in Registry().names():
        return f"there is already such a validator; see greenlight validators {name}"
    return ""


def build_catalogue(root: Path) -> str:
    """Render docs/validators.md from the validators of a project."""
    from greenlight.testing import load_validator

    from ..reference.validator_catalogue import catalogue_entry, markdown

    entries = []
    for file in sorted((root / "validators").glob("*.py")):
        if not file.stem.startswith("_"):
            try:
                entries.append(catalogue_entry(file.stem, load_validator(file)))
            except MalformedError as error:
                entries.append(catalogue_entry(file.stem, error))
    return f"{markdown(entries)}\n"


def _create_file(file: Path, text: str) -> None:
    with file.open("x", encoding="utf-8") as stream:
        stream.write(text)
    print(f"created {file}", file=sys.stderr)
