"""`greenlight validators`: show what plans can check, from the documentation of the validators."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from greenlight.checks.registry import Registry
from greenlight.core.suggestions import did_you_mean

from ..reference import validator_catalogue
from ..terminal.console import stdout_console, styled

if TYPE_CHECKING:
    import argparse

UNKNOWN_NAME = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the validator and the format."""
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="show everything about this validator")
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="output format (default text)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the catalogue; return 0, or 2 for an unknown name."""
    registry = Registry()
    entries = {
        name: validator_catalogue.catalogue_entry(name, validator)
        for name, validator in registry.all()
        if arguments.name in ("", name)
    }
    if arguments.name and not entries:
        names = registry.names()
        hint = did_you_mean(arguments.name, names)
        message = f"unknown validator {arguments.name!r}{hint}; the validators are {', '.join(names)}"
        print(f"greenlight validators: {message}", file=sys.stderr)
        return UNKNOWN_NAME
    if arguments.format == "json":
        print(json.dumps({"validators": list(entries.values())}, indent=2))
    elif arguments.format == "markdown":
        print(validator_catalogue.markdown(entries.values()))
    elif arguments.name:
        _print_entry(entries[arguments.name])
    else:
        _print_list(entries)
    return 0


def _print_list(entries: dict[str, dict[str, Any]]) -> None:
    console = stdout_console()
    width = max((len(name) for name in entries), default=0)
    for name, entry in entries.items():
        if "error" in entry:
            console.print(f"{name:{width}}  ", styled("ERROR"), f" {entry['error']}", sep="")
        else:
            console.print(f"{name:{width}}  {entry['summary']} ({', '.join(entry['platforms'])})")


def _print_entry(entry: dict[str, Any]) -> None:
    console = stdout_console()
    if "error" in entry:
        console.print(styled("ERROR"), entry["error"])
        return
    console.print(entry["description"], soft_wrap=True)  # not wrapped, because its example is copied from here
    console.print(f"\nplatforms: {', '.join(entry['platforms'])}")
    console.print(f"stages:    {', '.join(entry['stages'])}")
    console.print(f"IAM:       {', '.join(entry['iam']) or 'none'}")
    console.print(f"unsafe:    {'yes, it may change data' if entry['unsafe'] else 'no'}")
    for key, label in validator_catalogue.NOTES.items():
        if entry[key]:
            console.print(f"{label}: {entry[key]}")
    console.print("parameters (JSON Schema):")
    console.print(json.dumps(entry["parameters"], indent=2), soft_wrap=True)
