"""Output formats of lint: text, JSON, GitHub annotations, GitLab code quality, SARIF."""

from __future__ import annotations

import hashlib
import json
import urllib.parse
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.text import Text

from greenlight.core.frozen import FrozenStruct

from .conductors import StageConductor
from .rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from greenlight.core.errors import Problem


class File(FrozenStruct, frozen=True, kw_only=True):
    """One file that was linted; `text` is "" if it could not be read."""

    name: str
    text: str
    problems: tuple[Any, ...]
    conductors: tuple[StageConductor, ...] = ()


def _problems_with_file(files: Sequence[File]) -> Iterator[tuple[File, Problem]]:
    """Yield every problem with its file; a problem in a fragment has the fragment as its file."""
    for file in files:
        for problem in file.problems:
            yield File(name=problem.source, text="", problems=()) if problem.source else file, problem


def text(files: Sequence[File], console: Console) -> None:
    """Print `file:line:column: message [rule]`; on a terminal also the line, with a caret under the column."""
    for file, problem in _problems_with_file(files):
        place = f"{problem.source or file.name}:{problem.line or 1}:{problem.column or 1}: "
        warning = "warning: " if problem.severity == "warning" else ""
        colour = "yellow" if warning else "red"
        line = Text.assemble((place, "bold"), (warning, colour), str(problem), (f" [{problem.rule}]", "bright_black"))
        console.print(line, soft_wrap=True)  # terminals recognize the place as a link only if it is not wrapped
        terminal = console.is_terminal or console.file.isatty()
        if terminal and problem.line and file.text and not problem.source:
            _print_excerpt(file, problem, colour, console)


def _print_excerpt(file: File, problem: Problem, colour: str, console: Console) -> None:
    lines = file.text.split("\n")
    raw_line = lines[min(problem.line, len(lines)) - 1].rstrip("\r")
    line = "".join(character if character.isprintable() else " " for character in raw_line)
    start = max(0, problem.column - console.width + 20)
    margin = f"{problem.line:>5} | "
    console.print(Text.assemble((margin, "bright_black"), line[start : start + console.width - len(margin) - 1]))
    console.print(Text.assemble(" " * (len(margin) + problem.column - 1 - start), ("^", colour)))


def as_json(files: Sequence[File]) -> str:
    """Render one document: the files, and every problem."""
    problems = [
        {
            "file": problem.source or file.name,
            "line": problem.line,
            "column": problem.column,
            "path": problem.path,
            "message": problem.message,
            "severity": problem.severity,
            "rule": problem.rule,
        }
        for file, problem in _problems_with_file(files)
    ]
    conductors = [{"file": file.name} | msgspec.to_builtins(item) for file in files for item in file.conductors]
    document = {"files": [file.name for file in files], "problems": problems, "state_machine": conductors}
    return json.dumps(document, indent=2)


def github(files: Sequence[File]) -> str:
    """Render annotations of GitHub Actions.

    Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands; for the escaping:
    https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    """
    return "\n".join(
        f"::{problem.severity} file={_escape_property(_relative(file.name))},line={problem.line or 1},"
        f"col={problem.column or 1},title={_escape_property(f'greenlight {problem.rule}')}::{_escape(str(problem))}"
        for file, problem in _problems_with_file(files)
    )


def _escape(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(value: str) -> str:
    return _escape(value).replace(":", "%3A").replace(",", "%2C")


def gitlab(files: Sequence[File]) -> str:
    """Render a report for GitLab's code quality.

    Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    """
    return json.dumps(
        [
            {
                "description": str(problem),
                "check_name": problem.rule,
                "fingerprint": fingerprint,
                "severity": "major" if problem.severity == "error" else "minor",
                "location": {"path": _relative(file.name), "lines": {"begin": problem.line or 1}},
            }
            for file, problem, fingerprint in _with_fingerprints(files)
        ],
        indent=2,
    )


def sarif(files: Sequence[File]) -> str:
    """Render SARIF 2.1.0, as GitHub's code scanning and editors read it.

    Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    rule_indexes = {rule.id: index for index, rule in enumerate(RULES)}
    rules = [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.summary},
            "help": {
                "text": f"{rule.summary}\n\nWrong:\n{rule.bad}\nRight:\n{rule.good}" if rule.bad else rule.summary
            },
            "defaultConfiguration": {"level": rule.severity},
        }
        for rule in RULES
    ]
    results = [
        {
            "ruleId": problem.rule,
            "ruleIndex": rule_indexes[problem.rule],
            "level": problem.severity,
            "message": {"text": str(problem)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": urllib.parse.quote(_relative(file.name), safe="/:")},
                        "region": {"startLine": problem.line or 1, "startColumn": problem.column or 1},
                    }
                }
            ],
            "partialFingerprints": {"greenlight/v1": fingerprint},
        }
        for file, problem, fingerprint in _with_fingerprints(files)
    ]
    driver = {"name": "greenlight", "version": version("greenlight"), "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _with_fingerprints(files: Sequence[File]) -> Iterator[tuple[File, Problem, str]]:
    """Yield every problem with a fingerprint that is stable when lines move; a problem that occurs twice has two."""
    counts: dict[str, int] = {}
    for file, problem in _problems_with_file(files):
        identity = "\0".join((_relative(file.name), problem.rule, problem.path, problem.message))
        counts[identity] = counts.get(identity, 0) + 1
        yield file, problem, hashlib.sha256(f"{identity}\0{counts[identity]}".encode()).hexdigest()


def _relative(name: str) -> str:
    """Return a path relative to the current folder, with slashes, as code hosts show it; a URI is unchanged."""
    if "://" in name:
        return name
    folder, path = Path.cwd(), Path(name)
    if path.is_absolute() and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return path.as_posix()
