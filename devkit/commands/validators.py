"""`greenlight validators`: what plans can check, read from the validators themselves."""

from __future__ import annotations

import inspect
import json
import sys
from typing import TYPE_CHECKING, Any

from devkit.reference import struct_docs, validator_catalogue
from devkit.terminal.console import stdout_console, styled
from greenlight.api import Validator
from greenlight.checks.registry import MalformedError, Registry
from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    import argparse

UNKNOWN = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take one name, or none for all."""
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="show this one in full")
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="what is printed (default text)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the catalogue: 0, or 2 for a name that there is not."""
    registry = Registry()
    entries = {name: entry(name, found) for name, found in registry.all() if arguments.name in ("", name)}
    if arguments.name and not entries:
        known = registry.names()
        print(
            f"greenlight validators: there is no validator {arguments.name!r}{did_you_mean(arguments.name, known)}; there are {', '.join(known)}",
            file=sys.stderr,
        )
        return UNKNOWN
    if arguments.format == "json":
        print(json.dumps({"validators": list(entries.values())}, indent=2))
    elif arguments.format == "markdown":
        print(validator_catalogue.markdown(entries.values()))
    elif arguments.name:
        _show(entries[arguments.name])
    else:
        _list(entries)
    return 0


def entry(name: str, found: Validator | MalformedError) -> dict[str, Any]:
    """Give one line of the catalogue as plain data."""
    if isinstance(found, MalformedError):
        return {"name": name, "error": str(found)}
    description = inspect.getdoc(inspect.getmodule(found.run)) or ""
    return {
        "name": name,
        "summary": found.summary,
        "description": description,
        "platforms": [platform.value for platform in found.platforms],
        "stages": list(found.stages),
        "iam": list(found.iam),
        "unsafe": found.unsafe,
        "remediation": found.remediation,
        "cost": found.cost,
        "example": struct_docs.example(description),
        "parameters": _parameters(found),
    }


def _parameters(found: Validator) -> dict[str, Any]:
    from devkit.reference.plan_schema import params_schema

    return params_schema(found.params)


def _list(entries: dict[str, dict[str, Any]]) -> None:
    console = stdout_console()
    width = max((len(name) for name in entries), default=0)
    for name, entry in entries.items():
        if "error" in entry:
            console.print(f"{name:{width}}  ", styled("ERROR"), f" {entry['error']}", sep="")
        else:
            console.print(f"{name:{width}}  {entry['summary']} ({', '.join(entry['platforms'])})")


def _show(entry: dict[str, Any]) -> None:
    console = stdout_console()
    if "error" in entry:
        console.print(styled("ERROR"), entry["error"])
        return
    console.print(entry["description"], soft_wrap=True)  # its example is copied from here
    console.print(f"\nplatforms: {', '.join(entry['platforms'])}")
    console.print(f"stages:    {', '.join(entry['stages'])}")
    console.print(f"IAM:       {', '.join(entry['iam']) or 'none'}")
    console.print(f"unsafe:    {'yes, it may change data' if entry['unsafe'] else 'no'}")
    for key, what in validator_catalogue.NOTES.items():
        if entry[key]:
            console.print(f"{what}: {entry[key]}")
    console.print("parameters (JSON Schema):")
    console.print(json.dumps(entry["parameters"], indent=2), soft_wrap=True)
