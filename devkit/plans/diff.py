"""What one text of a plan checks less, more or otherwise than another. Values are never repeated, only where they stand."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Literal

from greenlight.core.finding import OnFirstDeployment, OnInconclusive, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.units import Duration, Size
from greenlight.plan.schema import When

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from greenlight.plan.model import Check, Plan

Kind = Literal["weakened", "removed", "added", "changed"]
KINDS: tuple[Kind, ...] = ("weakened", "removed", "added", "changed")

_STRENGTH = (Severity.ADVISORY, Severity.REQUIRED_WITH_OVERRIDE, Severity.BLOCKING)
_UPPER, _LOWER = ("lt", "lte"), ("gt", "gte")


class Change(FrozenStruct, frozen=True, kw_only=True):
    """One difference.

    Attributes:
        kind: `weakened` lets a release pass that would not have passed before; `changed` may or may not.
        check: "" where the whole stage, or the whole plan, is meant; so is `stage`.
    """

    kind: Kind
    what: str
    stage: str = ""
    check: str = ""

    def __str__(self) -> str:
        """Write it as one sentence with its place."""
        place = ": ".join(part for part in (self.stage, self.check) if part)
        return f"{place}: {self.what}" if place else self.what


def compare_plans(old: Plan, new: Plan) -> tuple[Change, ...]:
    """Give what differs from `old` in `new`, the weakened first."""
    found = list(_whole(old, new))
    for stage in dict.fromkeys((*old.stages, *new.stages)):
        before, after = ({check.name: check for check in _checks(plan, stage)} for plan in (old, new))
        if stage in old.stages and stage not in new.stages:
            found.append(Change(kind="weakened", stage=stage, what="the stage is gone; OnMissingPlan decides there"))
            continue
        for name in dict.fromkeys((*before, *after)):
            for kind, what in _of_check(before.get(name), after.get(name)):
                found.append(Change(kind=kind, what=what, stage=stage, check=name))
    return tuple(sorted(found, key=lambda change: KINDS.index(change.kind)))


def _checks(plan: Plan, stage: str) -> tuple[Check, ...]:
    return plan.stages[stage].checks if stage in plan.stages else ()


def _whole(old: Plan, new: Plan) -> Iterator[Change]:
    ends = [datetime.date.fromisoformat(plan.shadow.until) if plan.shadow else datetime.date.min for plan in (old, new)]
    if ends[1] > ends[0]:
        yield Change(kind="weakened", what=f"a shadow until {ends[1]}: no gate of the plan decides before that is over")
    elif old.shadow != new.shadow:
        yield Change(kind="changed", what="the shadow is shorter, gone, or has another reason")
    for name in dict.fromkeys((*old.variables, *new.variables)):
        if old.variables.get(name) != new.variables.get(name):
            yield Change(kind="changed", what=f"the variable {name}")
    if old.target != new.target:
        yield Change(kind="changed", what="the target")


def _of_check(old: Check | None, new: Check | None) -> Iterator[tuple[Kind, str]]:
    if old is None or new is None:
        yield from _one_side(old, new)
        return
    if old.severity != new.severity:
        weaker = _STRENGTH.index(new.severity) < _STRENGTH.index(old.severity)
        what = f"severity {old.severity.value} is now {new.severity.value}"
        yield ("weakened" if weaker else "changed"), what
    yield from _borne(old, new)
    if old.validator != new.validator:
        yield "changed", f"{old.validator} is now {new.validator}, which looks at something else"
        return
    yield from _params(old.params, new.params)


def _one_side(old: Check | None, new: Check | None) -> Iterator[tuple[Kind, str]]:
    if old is not None:
        advisory = old.severity is Severity.ADVISORY
        yield ("removed", "the check is gone; it was advisory") if advisory else ("weakened", "the check is gone")
    elif new is not None:
        yield "added", f"a check with {new.validator}, {new.severity.value}"


def _borne(old: Check, new: Check) -> Iterator[tuple[Kind, str]]:
    """Give what the control keys bear now and did not, or the other way round."""
    for name, weak in (("on_inconclusive", OnInconclusive.TOLERATE), ("on_first_deployment", OnFirstDeployment.SKIP)):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield ("weakened" if after == weak else "changed"), f"{name} {before.value} is now {after.value}"
    if old.when != new.when:
        always = When()
        yield (
            ("weakened" if old.when == always else "changed"),
            ("it runs only for some deployments now" if old.when == always else "it runs for other deployments (when)"),
        )
    if new.retry.attempts > old.retry.attempts:
        yield "weakened", f"tried {new.retry.attempts} times, and not {old.retry.attempts}"
    elif old.retry != new.retry:
        yield "changed", "retry"
    yield from _repeated(old, new)
    for name in ("timeout_s", "needs", "tags"):
        if getattr(old, name) != getattr(new, name):
            yield "changed", name.removesuffix("_s")


def _repeated(old: Check, new: Check) -> Iterator[tuple[Kind, str]]:
    if old.repeat == new.repeat:
        return
    if old.repeat is None or new.repeat is None:
        tolerant = new.repeat is not None and bool(new.repeat.failure_limit or new.repeat.inconclusive_limit)
        lost = new.repeat is None
        yield (
            ("weakened" if tolerant or lost else "changed"),
            ("it is measured once, and not repeatedly" if lost else "it is measured repeatedly"),
        )
        return
    more_is_weaker = ("failure_limit", "inconclusive_limit", "consecutive_error_limit")
    for name in (*more_is_weaker, "count", "consecutive_success_limit", "interval"):
        before, after = getattr(old.repeat, name), getattr(new.repeat, name)
        if before != after:
            weaker = after > before if name in more_is_weaker else name != "interval" and after < before
            yield ("weakened" if weaker else "changed"), f"repeat.{name} {before} is now {after}"


def _params(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[Kind, str]]:
    """Compare a validator's parameters; what stands below `expect` is what must hold."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            here = (*path, str(key))
            if key not in new:
                weaker = _expected(here)
                yield ("weakened" if weaker else "changed"), f"{'expectation ' * weaker}{_named(here)} is gone"
            elif key not in old:
                yield "changed", f"{_named(here)} is new"
            else:
                yield from _params(old[key], new[key], here)
    elif isinstance(old, list) and isinstance(new, list) and not _expected(path):
        for number, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _params(before, after, (*path[:-1], f"{path[-1]}[{number}]") if path else (f"[{number}]",))
        if len(new) < len(old):
            yield "weakened", f"{_named(path)} has {len(new)} entries, and not {len(old)}"
        elif len(new) > len(old):
            yield "changed", f"{_named(path)} has {len(new)} entries, and not {len(old)}"
    elif type(old) is not type(new) or old != new:
        wider = _wider(path[-1] if path else "", old, new)
        yield ("weakened" if wider else "changed"), f"{_named(path)} is {'wider' if wider else 'another'}"


def _expected(path: tuple[str, ...]) -> bool:
    return any(part == "expect" or part.startswith("expect[") for part in path)


def _named(path: tuple[str, ...]) -> str:
    return ".".join(path) or "what is given to the validator"


def _wider(key: str, old: Any, new: Any) -> bool:
    """Say whether a limit lets more through; of what is no number it is not known."""
    if key == "in" and isinstance(old, list) and isinstance(new, list):
        return all(each in new for each in old)
    before, after = _number(old), _number(new)
    if before is None or after is None:
        return False
    return (key in _UPPER and after > before) or (key in _LOWER and after < before)


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    read: tuple[Callable[[Any], float], ...] = (Duration.parse, Size.parse)
    for each in read if isinstance(value, str) else ():
        try:
            return float(each(value))
        except ValueError:
            continue
    return None
