"""Comparison of a plan file with the plan that is stored in AWS: changed lines, and changed checks."""

from __future__ import annotations

import difflib
import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.core.display import escape_controls
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.frozen import FrozenStruct
from greenlight.plan import parser as plans
from greenlight.plan import yaml_reader
from greenlight.plan.environments import environment_names

from ..lint import secrets
from .diff import KINDS, Change, compare_plans

if TYPE_CHECKING:
    from greenlight.plan.includes import Fetch
    from greenlight.plan.model import Plan

    from .remote import RemotePlan, StoredPlan


class LocalPlan(NamedTuple):
    """A plan on this machine: its name, its text, and the function that fetches its fragments."""

    name: str
    text: str
    fetch: Fetch


class PlanDiff(FrozenStruct, frozen=True, kw_only=True):
    """The difference of a plan file from the stored plan.

    Attributes:
        same: The two texts are equal.
        text: Lines of a unified diff; empty if the texts are equal, or if a secret is in one of them.
        changes: Differences of the checks, in any environment of the plans.
        notes: Parts that were not compared or are not shown, with the reason.
    """

    same: bool
    text: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def compare_with_remote(file: LocalPlan, remote: RemotePlan, stored: StoredPlan | None) -> PlanDiff:
    """Compare a plan file with `stored`, the plan that was read from `remote`."""
    if stored is None:
        changes: tuple[Change, ...] = ()
        notes: tuple[str, ...] = (f"there is no plan in the {remote.noun} yet",)
    elif stored.text == file.text:
        return PlanDiff(same=True)
    else:
        changes, notes = _compare_checks(stored.text, file, remote)
    old = stored.text if stored else ""
    if _may_contain_secret(old) or _may_contain_secret(file.text):
        notes = (*notes, "the lines are not shown, because they contain a secret or are not valid YAML")
        return PlanDiff(same=False, changes=changes, notes=notes)
    old_name = remote.uri if stored else "/dev/null"
    lines = difflib.unified_diff(old.splitlines(), file.text.splitlines(), old_name, file.name)
    text = tuple(escape_controls(line.rstrip("\n")) for line in lines)
    return PlanDiff(same=False, text=text, changes=changes, notes=notes)


def environments_of(text: str) -> list[str]:
    """Return the names of a plan's environments; [""] if it has none.

    Raises:
        PlanError: The text is not valid YAML.
    """
    return list(environment_names(_parse_yaml(text)))


@functools.lru_cache(maxsize=2)  # the texts of the file and the stored plan, each of which is parsed many times
def _parse_yaml(text: str) -> Any:
    return yaml_reader.read(text).data


def _may_contain_secret(text: str) -> bool:
    """Return whether a text seems to contain a secret; True for a text that is not valid YAML."""
    if not text:
        return False
    try:
        data = _parse_yaml(text)
    except PlanError:
        return True
    places = (data, *text.splitlines())  # the lines too, because a comment is not part of the data
    return any(any(True for _ in secrets.find_secrets(place)) for place in places)


def _compare_checks(old: str, file: LocalPlan, remote: RemotePlan) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Compare the checks of two plans in every environment of either; return changes and notes."""
    try:
        names = dict.fromkeys([*environments_of(old), *environments_of(file.text)])
        pairs = [[_parse_environment(text, name, file.fetch) for text in (old, file.text)] for name in names]
    except GreenlightError as error:
        return (), (f"the checks were not compared: the plan in the {remote.noun} cannot be read: {error}",)
    changes: dict[Change, None] = {}  # a set in order
    notes: list[str] = []
    for name, (before, after) in zip(names, pairs, strict=True):
        if before is None or after is None:
            notes.append(f"only one of the two plans has the environment {name!r}")
        else:
            changes.update(dict.fromkeys(compare_plans(before, after)))
    return tuple(sorted(changes, key=lambda change: KINDS.index(change.kind))), tuple(notes)


def _parse_environment(text: str, environment: str, fetch: Fetch) -> Plan | None:
    """Parse a plan for an environment; return None if the plan has other environments only."""
    names = environments_of(text)
    if environment not in names and names != [""]:
        return None
    return plans.parse(text, environment=environment, fetch=fetch)
