"""`greenlight new`: a validator with its test and its docs, or a plan, which work as they are written."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.plans import scaffold
from greenlight.checks.registry import MalformedError, Registry
from greenlight.core.errors import GreenlightError
from greenlight.plan.schema import CONTROL_KEYS

if TYPE_CHECKING:
    import argparse

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
DOCS = Path("docs", "validators.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to make."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    validator = kinds.add_parser(
        "validator", help="write validators/NAME.py, tests/validators/test_NAME.py, and its part of docs/validators.md"
    )
    validator.add_argument("name", metavar="NAME", help="as plans will write it, such as queue_depth")
    validator.add_argument("--folder", default=".", help="the project to write it into (default: where you are)")
    plan = kinds.add_parser("plan", help="write a first plan")
    plan.add_argument("--platform", choices=scaffold.PLATFORMS, default="ecs", help="what is deployed (default ecs)")
    plan.add_argument("-o", "--output", default="", metavar="FILE", help="write there and not to standard output")


def run(arguments: argparse.Namespace) -> int:
    """Write it, and nothing over anything: 0.

    Raises:
        GreenlightError: The name cannot be, or is taken, or a file cannot be written; nothing is written then.
    """
    try:
        if arguments.kind == "plan":
            _plan(arguments.platform, arguments.output)
        else:
            _validator(arguments.name, Path(arguments.folder))
    except FileExistsError as error:
        raise GreenlightError(f"{error.filename} exists, and nothing is written over it") from error
    except OSError as error:
        raise GreenlightError(f"{error.filename} cannot be written: {error.strerror}") from error
    return 0


def _plan(platform: str, output: str) -> None:
    if not output:
        sys.stdout.write(scaffold.plan(platform))
        return
    _write(Path(output), scaffold.plan(platform, output))


def _validator(name: str, root: Path) -> None:
    if why := _wrong(name):
        raise GreenlightError(f"a validator cannot be called {name!r}: {why}")
    if not root.is_dir():
        raise GreenlightError(f"there is no folder {root}")
    files = {
        root / "validators" / f"{name}.py": scaffold.validator(name),
        root / "tests" / "validators" / f"test_{name}.py": scaffold.test_of(name),
    }
    docs = root / DOCS
    from devkit.reference.validator_catalogue import HEAD

    if docs.exists() and not docs.read_text(encoding="utf-8").startswith(HEAD):
        raise GreenlightError(f"{docs} is not the catalogue that is made from validators; it is not written over")
    for file in files:
        if file.exists():
            raise FileExistsError(0, "", str(file))
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, text)
    docs.parent.mkdir(parents=True, exist_ok=True)
    docs.write_text(_catalogue(root), encoding="utf-8")
    print(
        f"next: pytest {root / 'tests' / 'validators' / f'test_{name}.py'}; then make both say what you mean",
        file=sys.stderr,
    )


def _wrong(name: str) -> str:
    """Say why a validator cannot have this name; "" when it can."""
    if not _NAME.fullmatch(name):
        better = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
        hint = f"; did you mean {better!r}?" if _NAME.fullmatch(better) else ""
        return f"it is written in plans and names a function, so use small letters, digits and single underscores{hint}"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "it is a word of Python"
    if name in CONTROL_KEYS:
        return "it is a word of plans, beside which a check names its validator"
    if name in Registry().names():
        return f"there is one already; `greenlight validators {name}` shows it"
    return ""


def _catalogue(root: Path) -> str:
    """Write the catalogue of a project's validators anew, from what they say of themselves."""
    from devkit.commands.validators import entry
    from devkit.reference.validator_catalogue import markdown
    from greenlight.testing import load_validator

    entries = []
    for file in sorted((root / "validators").glob("*.py")):
        if not file.stem.startswith("_"):
            try:
                entries.append(entry(file.stem, load_validator(file)))
            except MalformedError as error:
                entries.append(entry(file.stem, error))
    return f"{markdown(entries)}\n"


def _write(file: Path, text: str) -> None:
    with file.open("x", encoding="utf-8") as opened:
        opened.write(text)
    print(f"wrote {file}", file=sys.stderr)
