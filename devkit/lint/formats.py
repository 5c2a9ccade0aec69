"""Problems as people and as other programs read them."""

from __future__ import annotations

import hashlib
import json
import urllib.parse
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from devkit.lint.rules import RULES
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from greenlight.core.errors import Problem


class File(FrozenStruct, frozen=True, kw_only=True):
    """One file that was looked at; `text` is "" where it could not be read."""

    name: str
    text: str
    problems: tuple[Any, ...]


def _each(files: Sequence[File]) -> Iterator[tuple[File, Problem]]:
    """Give every problem with its file; one in a fragment that the file takes in, with that."""
    for file in files:
        for problem in file.problems:
            yield File(name=problem.source, text="", problems=()) if problem.source else file, problem


def text(files: Sequence[File], console: Console) -> None:
    """Write `file:line:column: message [rule]`; on a terminal also the line, with a caret below the place."""
    for file, problem in _each(files):
        place = f"{problem.source or file.name}:{problem.line or 1}:{problem.column or 1}: "
        warning = "warning: " if problem.severity == "warning" else ""
        colour = "yellow" if warning else "red"
        said = Text.assemble((place, "bold"), (warning, colour), str(problem), (f" [{problem.rule}]", "bright_black"))
        console.print(said, soft_wrap=True)  # a place that is wrapped is no link
        terminal = console.is_terminal or console.file.isatty()
        if terminal and problem.line and file.text and not problem.source:
            _excerpt(file, problem, colour, console)


def _excerpt(file: File, problem: Problem, colour: str, console: Console) -> None:
    lines = file.text.split("\n")
    line = "".join(
        each if each.isprintable() else " " for each in lines[min(problem.line, len(lines)) - 1].rstrip("\r")
    )
    start = max(0, problem.column - console.width + 20)
    margin = f"{problem.line:>5} | "
    console.print(Text.assemble((margin, "bright_black"), line[start : start + console.width - len(margin) - 1]))
    console.print(Text.assemble(" " * (len(margin) + problem.column - 1 - start), ("^", colour)))


def as_json(files: Sequence[File]) -> str:
    """One document: the files, and every problem."""
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
        for file, problem in _each(files)
    ]
    return json.dumps({"files": [file.name for file in files], "problems": problems}, indent=2)


def github(files: Sequence[File]) -> str:
    """Write annotations of GitHub Actions.

    Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands; what is escaped:
    https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    """
    return "\n".join(
        f"::{problem.severity} file={_property(_relative(file.name))},line={problem.line or 1},col={problem.column or 1},"
        f"title={_property(f'greenlight {problem.rule}')}::{_escaped(str(problem))}"
        for file, problem in _each(files)
    )


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _escaped(value).replace(":", "%3A").replace(",", "%2C")


def gitlab(files: Sequence[File]) -> str:
    """Write a report of GitLab's code quality.

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
            for file, problem, fingerprint in _known(files)
        ],
        indent=2,
    )


def sarif(files: Sequence[File]) -> str:
    """Write SARIF 2.1.0, as GitHub's code scanning and editors read it.

    Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    places = {rule.id: index for index, rule in enumerate(RULES)}
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
            "ruleIndex": places[problem.rule],
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
        for file, problem, fingerprint in _known(files)
    ]
    driver = {"name": "greenlight", "version": version("greenlight"), "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _known(files: Sequence[File]) -> Iterator[tuple[File, Problem, str]]:
    """Give every problem with a fingerprint that stays when lines move; the same problem twice has two."""
    seen: dict[str, int] = {}
    for file, problem in _each(files):
        what = "\0".join((_relative(file.name), problem.rule, problem.path, problem.message))
        seen[what] = seen.get(what, 0) + 1
        yield file, problem, hashlib.sha256(f"{what}\0{seen[what]}".encode()).hexdigest()


def _relative(name: str) -> str:
    """Write a path as services find it in the repository: from here, with slashes; a URI stays as it is."""
    if "://" in name:
        return name
    here, path = Path.cwd(), Path(name)
    return path.relative_to(here).as_posix() if path.is_absolute() and path.is_relative_to(here) else path.as_posix()
