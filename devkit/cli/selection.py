"""Options that select checks of a plan by tag and replace the values of its variables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.suggestions import suggest_or_list
from greenlight.plan import yaml_reader
from greenlight.stores import file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from greenlight.plan.model import Check, Plan

PREFIX = "GREENLIGHT_VAR_"
_TYPE_NAMES = {str: "a string", bool: "true or false", int: "a number", float: "a number"}


class _Variable(NamedTuple):
    """A value for a variable, with the option, file or environment variable that it comes from."""

    name: str
    value: Any
    source: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options for tags and variables."""
    add = parser.add_argument
    add(
        "--tag",
        action="append",
        default=[],
        help="run only checks with this tag and the checks that they need (repeatable)",
    )
    add("--not-tag", action="append", default=[], metavar="TAG", help="leave out checks with this tag (repeatable)")
    add(
        "--var",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"set a variable of the plan (repeatable); also as {PREFIX}NAME in the environment",
    )
    add(
        "--var-file",
        action="append",
        default=[],
        metavar="FILE",
        help="set variables from a file: a YAML map (repeatable)",
    )


def select_checks(plan: Plan, stage: str, tags: Sequence[str], not_tags: Sequence[str]) -> Plan:
    """Return the plan with only some checks of a stage selected.

    Args:
        plan: The plan.
        stage: The stage; the checks of other stages do not change.
        tags: Select checks with one of these tags; all checks if empty.
        not_tags: Leave out checks with one of these tags. A check that a selected check needs runs in any case.

    Raises:
        GreenlightError: No check of the stage has such a tag.
    """
    if not (tags or not_tags):
        return plan
    checks = plan.stages[stage].checks
    valid_tags = {tag for check in checks for tag in check.tags}
    for tag in (*tags, *not_tags):
        if tag not in valid_tags:
            raise GreenlightError(f"no check of {stage} has the tag {tag!r}{suggest_or_list(tag, valid_tags)}")
    selected = {check.name for check in checks if _matches(check, tags, not_tags)}
    for check in reversed(checks):  # a needed check always comes before the check that needs it
        if check.name in selected:
            selected.update(check.needs)
    options = " ".join([*(f"--tag {tag}" for tag in tags), *(f"--not-tag {tag}" for tag in not_tags)])
    marked = tuple(
        check if check.name in selected else replace(check, unselected=f"not selected by {options}") for check in checks
    )
    return replace(plan, stages={**plan.stages, stage: replace(plan.stages[stage], checks=marked)})


def _matches(check: Check, tags: Sequence[str], not_tags: Sequence[str]) -> bool:
    return (not tags or not set(check.tags).isdisjoint(tags)) and set(check.tags).isdisjoint(not_tags)


def replace_variables(
    plan: Plan, files: Sequence[str], flags: Sequence[str], environ: Mapping[str, str] = os.environ
) -> Plan:
    """Return the plan with other values for its variables: from files, then the environment, then flags.

    Raises:
        GreenlightError: The plan does not have a variable of this name, or its value has another type.
    """
    variables = dict(plan.variables)
    for name, value, source in _read_variables(files, flags, environ):
        if name not in plan.variables:
            raise GreenlightError(f"{source}: the plan has no variable {name!r}{suggest_or_list(name, plan.variables)}")
        actual, expected = _type_name(value), _type_name(plan.variables[name])
        if actual != expected:
            quotes = f"; quote it for the shell and for YAML: {name}='\"…\"'" if expected == "a string" else ""
            raise GreenlightError(f"{source}: {name} is {expected} in the plan, and this is {actual}{quotes}")
        variables[name] = value
    return replace(plan, variables=variables)


def _type_name(value: Any) -> str:
    return _TYPE_NAMES.get(type(value), "not a single value")


def _read_variables(files: Sequence[str], flags: Sequence[str], environ: Mapping[str, str]) -> Iterator[_Variable]:
    for name in files:
        source = f"--var-file {name}"
        content = file.read(name)
        if content is None:
            raise GreenlightError(f"{source}: file not found")
        data = _parse_yaml(content[0], source)
        if not isinstance(data, dict):
            raise GreenlightError(f"{source} is not a valid YAML map of variables")
        yield from (_Variable(key, value, source) for key, value in data.items())
    for key in sorted(environ):
        if key.startswith(PREFIX):
            yield _Variable(key[len(PREFIX) :], _parse_yaml(environ[key], key), key)
    for flag in flags:
        name, equals, text = flag.partition("=")
        if not equals:
            raise GreenlightError(f"--var {flag!r} is not NAME=VALUE; write for example --var tenant=smoke")
        source = f"--var {name}"
        yield _Variable(name, _parse_yaml(text, source), source)


def _parse_yaml(text: str, source: str) -> Any:
    try:
        return yaml_reader.read(text).data
    except PlanError as error:
        raise GreenlightError(f"{source}: {error}") from error
