"""Differences between two plans: which checks are weakened, removed, added or changed.

Messages name the place of a difference and never repeat a value, which may be a secret.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from greenlight.core.deployment import SHIFT
from greenlight.core.finding import OnFirstDeployment, OnInconclusive, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.units import Duration, Size
from greenlight.plan.schema import When

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from greenlight.plan.hold import Hold
    from greenlight.plan.model import Check, Plan, Watch
    from greenlight.plan.repeat import Repeat
    from greenlight.plan.schema import Accepts

Kind = Literal["weakened", "removed", "added", "changed"]
KINDS: tuple[Kind, ...] = ("weakened", "removed", "added", "changed")

_SEVERITY_ORDER = (Severity.ADVISORY, Severity.REQUIRED_WITH_OVERRIDE, Severity.BLOCKING)
_UPPER_LIMITS, _LOWER_LIMITS = ("lt", "lte"), ("gt", "gte")
_WEAKER_IF_GREATER = ("failure_limit", "inconclusive_limit", "consecutive_error_limit")
_WEAKER_IF_LESS = ("count", "consecutive_success_limit")


class Change(FrozenStruct, frozen=True, kw_only=True):
    """One difference.

    Attributes:
        kind: `weakened` if a release can pass now that could not pass before; `changed` if that is not known.
        message: The difference in a sentence.
        stage: "" if the change concerns the whole plan.
        check: "" if the change concerns the whole stage or plan.
    """

    kind: Kind
    message: str = msgspec.field(name="what")
    stage: str = ""
    check: str = ""

    def __str__(self) -> str:
        """Return the message with its place in front."""
        place = ": ".join(part for part in (self.stage, self.check) if part)
        return f"{place}: {self.message}" if place else self.message


class _Difference(NamedTuple):
    """A difference of a check, without the stage and the name of the check."""

    kind: Kind
    message: str


def compare_plans(old: Plan, new: Plan) -> tuple[Change, ...]:
    """Return the differences of `new` from `old`, weakened checks first."""
    changes = list(_compare_plan_keys(old, new))
    for stage in dict.fromkeys((*old.stages, *new.stages)):
        if stage in old.stages and stage not in new.stages:
            message = "the stage is gone; OnMissingPlan decides there"
            if stage == SHIFT:
                message = "the stage is gone; no check runs while traffic shifts"
            changes.append(Change(kind="weakened", stage=stage, message=message))
            continue
        changes += _compare_accepts(stage, _accepts(old, stage), _accepts(new, stage))
        changes += _compare_holds(stage, _hold(old, stage), _hold(new, stage))
        if stage == SHIFT and stage in old.stages:
            changes += _compare_watch(old.stages[stage].watch, new.stages[stage].watch)
        before, after = _checks_by_name(old, stage), _checks_by_name(new, stage)
        for name in dict.fromkeys((*before, *after)):
            for kind, message in _compare_checks(before.get(name), after.get(name)):
                changes.append(Change(kind=kind, message=message, stage=stage, check=name))
    return tuple(sorted(changes, key=lambda change: KINDS.index(change.kind)))


def _checks_by_name(plan: Plan, stage: str) -> dict[str, Check]:
    return {check.name: check for check in plan.stages[stage].checks} if stage in plan.stages else {}


def _accepts(plan: Plan, stage: str) -> Accepts | None:
    return plan.stages[stage].accepts if stage in plan.stages else None


def _compare_accepts(stage: str, old: Accepts | None, new: Accepts | None) -> Iterator[Change]:
    """Compare the weaker evidence that a stage accepts."""
    if old == new:
        return
    if new is None:
        yield Change(kind="changed", stage=stage, message="it accepts no weaker evidence any more (accepts)")
    elif old is None or (old.evidence, new.evidence) == ("readiness", "environment"):
        message = f"it accepts {new.evidence} as evidence, so it can succeed without asking green (accepts)"
        yield Change(kind="weakened", stage=stage, message=message)
    else:
        yield Change(kind="changed", stage=stage, message="the evidence that it accepts, or the reason (accepts)")


def _hold(plan: Plan, stage: str) -> Hold | None:
    return plan.stages[stage].hold if stage in plan.stages else None


def _compare_holds(stage: str, old: Hold | None, new: Hold | None) -> Iterator[Change]:
    """Compare the approvals for which a stage waits."""
    if old == new:
        return
    if new is None:
        yield Change(kind="weakened", stage=stage, message="it succeeds without the approval of a person (hold)")
    elif old is None:
        yield Change(kind="added", stage=stage, message="it waits for the approval of a person (hold)")
    elif old.needs_other and not new.needs_other:
        message = "the deployer may approve the deployment (hold.not)"
        yield Change(kind="weakened", stage=stage, message=message)
    else:
        yield Change(kind="changed", stage=stage, message="the people whom it asks, their time, or the reason (hold)")


def _compare_watch(old: Watch, new: Watch) -> Iterator[Change]:
    """Compare how two plans watch the shift of the traffic."""
    if new.tolerate != old.tolerate:
        kind: Kind = "weakened" if new.tolerate > old.tolerate else "changed"
        message = f"{new.tolerate} bad rounds in a row are tolerated instead of {old.tolerate} (tolerate)"
        yield Change(kind=kind, stage=SHIFT, message=message)
    if new.every_s != old.every_s:
        kind = "weakened" if new.every_s > old.every_s else "changed"
        message = f"a round begins every {new.every_s:g} s instead of every {old.every_s:g} s (every)"
        yield Change(kind=kind, stage=SHIFT, message=message)
    if set(new.stop_on) != set(old.stop_on):
        kind = "weakened" if set(old.stop_on) - set(new.stop_on) else "changed"
        outcomes = ", ".join(new.stop_on) or "nothing"
        yield Change(kind=kind, stage=SHIFT, message=f"a round is bad because of {outcomes} (stop_on)")


def _compare_plan_keys(old: Plan, new: Plan) -> Iterator[Change]:
    """Compare the keys of the plan beside its stages."""
    old_end, new_end = _shadow_end(old), _shadow_end(new)
    if new_end > old_end:
        message = f"a shadow until {new_end}: until then no gate of the plan can fail a deployment"
        yield Change(kind="weakened", message=message)
    elif old.shadow != new.shadow:
        yield Change(kind="changed", message="the shadow is shorter, gone, or has another reason")
    for name in dict.fromkeys((*old.variables, *new.variables)):
        if old.variables.get(name) != new.variables.get(name):
            yield Change(kind="changed", message=f"the variable {name}")
    if old.target != new.target:
        yield Change(kind="changed", message="the target")


def _shadow_end(plan: Plan) -> datetime.date:
    return datetime.date.fromisoformat(plan.shadow.until) if plan.shadow else datetime.date.min


def _compare_checks(old: Check | None, new: Check | None) -> Iterator[_Difference]:
    if old is None or new is None:
        yield from _compare_presence(old, new)
        return
    if old.severity != new.severity:
        is_weaker = _SEVERITY_ORDER.index(new.severity) < _SEVERITY_ORDER.index(old.severity)
        yield _difference(f"severity {old.severity.value} is now {new.severity.value}", is_weaker=is_weaker)
    yield from _compare_control_keys(old, new)
    if old.validator != new.validator:
        yield _difference(f"{old.validator} is now {new.validator}, which checks something else")
        return
    yield from _compare_params(old.params, new.params)


def _difference(message: str, *, is_weaker: bool = False) -> _Difference:
    return _Difference("weakened" if is_weaker else "changed", message)


def _compare_presence(old: Check | None, new: Check | None) -> Iterator[_Difference]:
    if new is not None:
        yield _Difference("added", f"a check with {new.validator}, {new.severity.value}")
    elif old is not None and old.severity is Severity.ADVISORY:
        yield _Difference("removed", "the check is gone; it was advisory")
    elif old is not None:
        yield _Difference("weakened", "the check is gone")


def _compare_control_keys(old: Check, new: Check) -> Iterator[_Difference]:
    """Compare the keys of a check that decide when it runs and which outcomes it tolerates."""
    lenient = {"on_inconclusive": OnInconclusive.TOLERATE, "on_first_deployment": OnFirstDeployment.SKIP}
    for name, lenient_value in lenient.items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield _difference(f"{name} {before.value} is now {after.value}", is_weaker=after == lenient_value)
    if old.when != new.when:
        if old.when == When():
            yield _difference("it runs only for some deployments now (when)", is_weaker=True)
        else:
            yield _difference("it runs for other deployments now (when)")
    if new.retry.attempts > old.retry.attempts:
        yield _difference(f"{new.retry.attempts} attempts instead of {old.retry.attempts} (retry)", is_weaker=True)
    elif old.retry != new.retry:
        yield _difference("retry")
    if old.repeat != new.repeat:
        yield from _compare_repeat(old.repeat, new.repeat)
    for name in ("timeout_s", "needs", "tags"):
        if getattr(old, name) != getattr(new, name):
            yield _difference(name.removesuffix("_s"))


def _compare_repeat(old: Repeat | None, new: Repeat | None) -> Iterator[_Difference]:
    if new is None:
        yield _difference("it is measured once instead of repeatedly", is_weaker=True)
        return
    if old is None:
        is_tolerant = bool(new.failure_limit or new.inconclusive_limit)
        yield _difference("it is measured repeatedly", is_weaker=is_tolerant)
        return
    for name in (*_WEAKER_IF_GREATER, *_WEAKER_IF_LESS, "interval"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            is_weaker = (name in _WEAKER_IF_GREATER and after > before) or (name in _WEAKER_IF_LESS and after < before)
            yield _difference(f"repeat.{name} {before} is now {after}", is_weaker=is_weaker)


def _compare_params(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[_Difference]:
    """Compare the parameters of a validator. Below `expect` are the conditions that a release has to meet."""
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _compare_maps(old, new, path)
    elif isinstance(old, list) and isinstance(new, list) and not _is_expectation(path):
        yield from _compare_lists(old, new, path)
    elif type(old) is not type(new) or old != new:
        if _is_wider(path[-1] if path else "", old, new):
            yield _difference(f"{_display_path(path)} is wider", is_weaker=True)
        else:
            yield _difference(f"{_display_path(path)} is different")


def _compare_maps(old: dict[Any, Any], new: dict[Any, Any], path: tuple[str, ...]) -> Iterator[_Difference]:
    for key in dict.fromkeys((*old, *new)):
        key_path = (*path, str(key))
        name = _display_path(key_path)
        if key in old and key in new:
            yield from _compare_params(old[key], new[key], key_path)
        elif key in new:
            yield _difference(f"{name} is new")
        elif _is_expectation(key_path):
            yield _difference(f"expectation {name} is gone", is_weaker=True)
        else:
            yield _difference(f"{name} is gone")


def _compare_lists(old: list[Any], new: list[Any], path: tuple[str, ...]) -> Iterator[_Difference]:
    for number, (before, after) in enumerate(zip(old, new, strict=False)):
        item_path = (*path[:-1], f"{path[-1]}[{number}]") if path else (f"[{number}]",)
        yield from _compare_params(before, after, item_path)
    if len(new) != len(old):
        entries = "entry" if len(new) == 1 else "entries"
        message = f"{_display_path(path)} has {len(new)} {entries} instead of {len(old)}"
        yield _difference(message, is_weaker=len(new) < len(old))


def _is_expectation(path: tuple[str, ...]) -> bool:
    return any(part == "expect" or part.startswith("expect[") for part in path)


def _display_path(path: tuple[str, ...]) -> str:
    return ".".join(path) or "the validator's parameter"


def _is_wider(key: str, old: Any, new: Any) -> bool:
    """Return whether a limit lets more values pass; False for values that cannot be compared."""
    if key == "in" and isinstance(old, list) and isinstance(new, list):
        return all(value in new for value in old)
    before, after = _to_number(old), _to_number(new)
    if before is None or after is None:
        return False
    return (key in _UPPER_LIMITS and after > before) or (key in _LOWER_LIMITS and after < before)


def _to_number(value: Any) -> float | None:
    """Convert a number, a duration or a size; return None for any other value."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    parsers: tuple[Callable[[Any], float], ...] = (Duration.parse, Size.parse)
    for parse in parsers:
        try:
            return float(parse(value))
        except ValueError:
            continue
    return None
