"""docs/cli.md, made from the parser and its usage examples: `python -m devkit.reference.cli_reference` prints it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from devkit.cli.main import build_full_parser
from devkit.cli.usage import USAGE, argument_syntax, arguments, subcommands

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# The command line

Made by `make docs` from what `greenlight COMMAND --help` says; a test compares the two and calls every example.

Every command ends with 130 after Ctrl-C, but `check --watch` as its last run did. Results go to standard output, and what is said about them to standard error,
so that a pipe gets results alone. Colours are for terminals; `NO_COLOR` takes them away. `greenlight completion SHELL`
prints completions for bash, zsh and fish.
"""


def markdown(parser: argparse.ArgumentParser) -> str:
    """Write docs/cli.md."""
    lines = [_HEAD, "| command | |", "|---|---|"]
    below = subcommands(parser)
    lines += [f"| [`{name}`](#{name}) | {_cell(said)} |" for name, (said, _) in below.items()]
    for name, (said, each) in below.items():
        lines += ["", f"## {name}", "", _sentence(each.description or said), "", *_tables(name, each)]
        if usage := USAGE.get(name):
            shown = "\n".join(f"$ {line}    # {what}" for line, what in usage.examples)
            lines += [f"```console\n{shown}\n```", ""]
            lines += ["| exit status | |", "|---|---|", *(f"| {status} | {what} |" for status, what in usage.exits)]
    return "\n".join(lines).rstrip() + "\n"


def _tables(path: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    rows = [
        f"| `{_cell(argument_syntax(each))}` | {_cell(each.help or '')}{_needed(each)} |" for each in arguments(parser)
    ]
    if rows:
        yield from ("| argument | |", "|---|---|", *rows, "")
    for name, (said, each) in subcommands(parser).items():
        yield f"### {path} {name}\n\n{_sentence(each.description or said)}\n"
        yield from _tables(f"{path} {name}", each)


def _needed(action: argparse.Action) -> str:
    return " (required)" if action.option_strings and action.required else ""


def _sentence(text: str) -> str:
    said = " ".join(text.split())
    return said if said.endswith(".") else f"{said[:1].upper()}{said[1:]}."


def _cell(text: str) -> str:
    return text.replace("%%", "%").replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(build_full_parser()), end="")
