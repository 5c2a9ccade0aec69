"""Markdown of docs/cli.md, generated from the parser and the usage examples.

`python -m devkit.reference.cli_reference` prints it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..cli.main import build_full_parser
from ..cli.usage import USAGE, argument_syntax, arguments, subcommands

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# The command line

`make docs` generates this page from the text of `greenlight COMMAND --help`. A test compares the two and runs the
examples.

Every command exits with status 130 after Ctrl-C, except `check --watch`, which exits with the status of its last run.
Results go to standard output and messages to standard error, so that a pipe receives only results. Output is coloured
only on a terminal; set `NO_COLOR` to turn colours off. `greenlight completion SHELL` prints completions for bash, zsh
and fish.
"""


def markdown(parser: argparse.ArgumentParser) -> str:
    """Render the page."""
    commands = subcommands(parser)
    lines = [_HEAD, "| command | |", "|---|---|"]
    lines += [f"| [`{name}`](#{name}) | {_cell(command.summary)} |" for name, command in commands.items()]
    for name, command in commands.items():
        description = command.parser.description or command.summary
        lines += ["", f"## {name}", "", _sentence(description), "", *_argument_tables(name, command.parser)]
        if usage := USAGE.get(name):
            examples = "\n".join(f"$ {line}    # {purpose}" for line, purpose in usage.examples)
            lines += [f"```console\n{examples}\n```", "", "| exit status | |", "|---|---|"]
            lines += [f"| {status} | {meaning} |" for status, meaning in usage.exits]
    return "\n".join(lines).rstrip() + "\n"


def _argument_tables(path: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the lines of the argument table of a command, followed by a section for each of its subcommands."""
    rows = [
        f"| `{_cell(argument_syntax(action))}` | {_cell(action.help or '')}{_required_mark(action)} |"
        for action in arguments(parser)
    ]
    if rows:
        yield from ("| argument | |", "|---|---|", *rows, "")
    for name, command in subcommands(parser).items():
        yield f"### {path} {name}\n\n{_sentence(command.parser.description or command.summary)}\n"
        yield from _argument_tables(f"{path} {name}", command.parser)


def _required_mark(action: argparse.Action) -> str:
    return " (required)" if action.option_strings and action.required else ""


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith(".") else f"{line[:1].upper()}{line[1:]}."


def _cell(text: str) -> str:
    return text.replace("%%", "%").replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(build_full_parser()), end="")
