"""What a person chooses of a plan on the command line: which checks run, and other values of its variables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.suggestions import suggest_or_list
from greenlight.plan import yaml_reader
from greenlight.stores import file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from greenlight.plan.model import Plan

PREFIX = "GREENLIGHT_VAR_"
_KINDS = {str: "a text", bool: "true or false", int: "a number", float: "a number"}

Given = tuple[str, Any, str]
"""A variable's name, its value, and where it was given."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take tags and variables."""
    add = parser.add_argument
    add(
        "--tag",
        action="append",
        default=[],
        help="run only checks with this tag, and what they need (repeat it for more)",
    )
    add("--not-tag", action="append", default=[], metavar="TAG", help="leave out checks with this tag")
    add(
        "--var",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"another value of a variable; also {PREFIX}NAME",
    )
    add("--var-file", action="append", default=[], metavar="FILE", help="a YAML map of variables")


def select_checks(plan: Plan, stage: str, tags: Sequence[str], not_tags: Sequence[str]) -> Plan:
    """Let only the checks of a stage run that have one of `tags` (any, where there are none) and none of `not_tags`.

    What a chosen check needs runs, too, whatever its tags are.

    Raises:
        GreenlightError: No check of the stage has such a tag.
    """
    if not (tags or not_tags):
        return plan
    checks = plan.stages[stage].checks
    known = {tag for check in checks for tag in check.tags}
    for tag in (*tags, *not_tags):
        if tag not in known:
            raise GreenlightError(f"no check of {stage} has the tag {tag!r}{suggest_or_list(tag, known)}")
    running = {
        check.name
        for check in checks
        if (not tags or set(check.tags) & set(tags)) and not set(check.tags) & set(not_tags)
    }
    for check in reversed(checks):  # what is needed stands before
        if check.name in running:
            running.update(check.needs)
    by = " ".join([*(f"--tag {tag}" for tag in tags), *(f"--not-tag {tag}" for tag in not_tags)])
    made = tuple(
        check if check.name in running else replace(check, unselected=f"not selected by {by}") for check in checks
    )
    return replace(plan, stages={**plan.stages, stage: replace(plan.stages[stage], checks=made)})


def replace_variables(
    plan: Plan, files: Sequence[str], flags: Sequence[str], environ: Mapping[str, str] = os.environ
) -> Plan:
    """Put other values in place of a plan's variables: from files, then the environment, then flags.

    Raises:
        GreenlightError: One that the plan does not have, or of another type than the plan's.
    """
    variables = dict(plan.variables)
    for name, value, where in _given(files, flags, environ):
        if name not in plan.variables:
            raise GreenlightError(f"{where}: the plan has no variable {name!r}{suggest_or_list(name, plan.variables)}")
        mine, theirs = (_KINDS.get(type(each), "no plain value") for each in (value, plan.variables[name]))
        if mine != theirs:
            quotes = f"; write it in quotes inside of quotes, {name}='\"…\"'" if theirs == "a text" else ""
            raise GreenlightError(f"{where}: {name} is {theirs} in the plan, and this is {mine}{quotes}")
        variables[name] = value
    return replace(plan, variables=variables)


def _given(files: Sequence[str], flags: Sequence[str], environ: Mapping[str, str]) -> Iterator[Given]:
    for name in files:
        found = file.read(name)
        if found is None:
            raise GreenlightError(f"--var-file {name}: there is no such file")
        data = _yaml(found[0], f"--var-file {name}")
        if not isinstance(data, dict):
            raise GreenlightError(f"--var-file {name} is no YAML map of variables")
        yield from ((key, value, f"--var-file {name}") for key, value in data.items())
    for key in sorted(environ):
        if key.startswith(PREFIX):
            yield key[len(PREFIX) :], _yaml(environ[key], key), key
    for flag in flags:
        name, equals, text = flag.partition("=")
        if not equals:
            raise GreenlightError(f"--var {flag!r} is no NAME=VALUE; write for example --var tenant=smoke")
        yield name, _yaml(text, f"--var {name}"), f"--var {name}"


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml_reader.read(text).data
    except PlanError as error:
        raise GreenlightError(f"{where}: {error}") from error
