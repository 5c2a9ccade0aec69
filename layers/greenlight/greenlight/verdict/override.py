"""Overrides: who answers for letting one required-with-override check pass, why, for what and until when. Pure.

An override is an object that somebody was allowed to store; it opens a gate only where every word of it fits. What is
malformed, expired, from the future or meant for something else is not honoured, and the report says why.
"""

from __future__ import annotations

import datetime
import urllib.parse
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from greenlight.core.display import truncate
from greenlight.core.field_types import Name, StrictStruct
from greenlight.core.finding import Finding, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.verdict import AppliedOverride
from greenlight.verdict.judge import can_be_overridden

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA = "greenlight.override/1"
FOLDER = "overrides"

LONGEST = datetime.timedelta(days=7)
"""How long an override holds at most: an emergency is over by then, or it is a change of the plan."""

CLOCKS_DIFFER = datetime.timedelta(minutes=5)
"""How far the clock of whoever wrote an override may be ahead of the hook's."""

Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class Scope(StrictStruct, frozen=True, kw_only=True):
    """What an override is for: exactly one deployment, or one plan by its digest (`PlanSource.digest`)."""

    deployment: Annotated[str, msgspec.Meta(pattern=r"^d-[A-Za-z0-9]{1,64}$(?!\n)")] | None = None
    plan_sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")] | None = None

    def __post_init__(self) -> None:
        """Refuse a scope of nothing, which would be one of everything, and a scope of two things."""
        if (self.deployment is None) == (self.plan_sha256 is None):
            raise ValueError("a scope is either one deployment or one plan_sha256")

    def __str__(self) -> str:
        """Name it as reports do."""
        return f"deployment {self.deployment}" if self.deployment else f"plan sha256 {self.plan_sha256}"


class Override(StrictStruct, frozen=True, kw_only=True):
    """An override as it is stored, in JSON.

    Attributes:
        who: Who answers for it, as they say themselves; the log of the bucket knows who stored it.
        why: The reason, in words.
        created, expires: With their offset from UTC; at most 7 days apart.
        checks: Names, exactly as in the plan.

    Raises:
        ValueError: On making one that means nothing.
    """

    schema: Literal["greenlight.override/1"]
    who: Annotated[str, msgspec.Meta(max_length=300)]
    why: Annotated[str, msgspec.Meta(max_length=1000)]
    created: Moment
    expires: Moment
    scope: Scope
    checks: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=20)]

    def __post_init__(self) -> None:
        """Refuse what nobody answers for, and what has no end."""
        for key in ("who", "why"):
            if not getattr(self, key).strip():
                raise ValueError(f"{key!r} says nothing")
        for key in ("created", "expires"):
            try:
                getattr(self, key).astimezone(datetime.UTC)
            except OverflowError as error:
                raise ValueError(f"{key!r} is a moment that UTC does not have") from error
        if "*" in self.checks:
            raise ValueError("'*' names no check; an override names each by its own name")
        if self.expires <= self.created:
            raise ValueError("it expires before it begins")
        if self.expires - self.created > LONGEST:
            raise ValueError(f"it would hold for more than {LONGEST.days} days")


class Kept(FrozenStruct, frozen=True, kw_only=True):
    """An object where overrides are kept; `stored_at` is the store's own word for when it came there."""

    uri: str
    data: bytes
    stored_at: datetime.datetime
    version_id: str = ""


class OverrideContext(FrozenStruct, frozen=True, kw_only=True):
    """The gate that asks: its deployment, its plan's digest ("" for one without a text), its findings, and the time."""

    deployment: str
    plan_sha256: str
    findings: tuple[Finding, ...]
    now: datetime.datetime


def override_prefix(application: str, group: str) -> str:
    """Give the prefix of the keys under which a deployment group's overrides are kept; "" for a group without a name."""
    if not (application and group):
        return ""
    return "/".join((FOLDER, *(urllib.parse.quote(part, safe=" ") for part in (application, group)), ""))


def applicable_overrides(
    kept: Sequence[Kept], gate: OverrideContext
) -> tuple[tuple[AppliedOverride, ...], tuple[str, ...]]:
    """Say which overrides this gate honours.

    Args:
        kept: Everything that was found; nothing in it is trusted.
        gate: Who asks.

    Returns:
        One override for each check that would close the gate and has one, in the order of the checks, and a note for
        everything that was not honoured.
    """
    granted: dict[str, AppliedOverride] = {}
    notes: list[str] = []
    waiting = {finding.name for finding in gate.findings if can_be_overridden(finding)}
    for each in kept:
        override, why = read(each.data)
        why = why or (refusal(override, each.stored_at, gate) if override else "")
        if override is None or why:
            notes.append(f"the override {each.uri} is not honoured: {why}")
            continue
        notes += [f"the override {each.uri} is not honoured for {what}" for what in _elsewhere(override, gate)]
        for name in override.checks:
            if name in waiting and name not in granted:
                granted[name] = _granted(override, name, each)
    return tuple(granted[each.name] for each in gate.findings if each.name in granted), tuple(notes)


def read(data: bytes) -> tuple[Override | None, str]:
    """Read an override, strictly; either it or why it is none."""
    try:
        return msgspec.json.decode(data, type=Override), ""
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return None, f"it is malformed: {truncate(str(error), 200)}"


def refusal(override: Override, stored_at: datetime.datetime, gate: OverrideContext) -> str:
    """Say why a well-formed override does not hold for this gate now; "" when it does."""
    if override.created > gate.now + CLOCKS_DIFFER:
        return f"it says that it was created in the future, at {_said(override.created)}"
    if override.expires <= gate.now:
        return f"it expired at {_said(override.expires)}"
    if override.expires - stored_at > LONGEST + CLOCKS_DIFFER:
        return f"it was stored at {_said(stored_at)} and would hold for more than {LONGEST.days} days from then"
    scope = override.scope
    if scope.deployment is not None and scope.deployment != gate.deployment:
        return f"it is for the deployment {scope.deployment}"
    if scope.plan_sha256 is not None and scope.plan_sha256 != gate.plan_sha256:
        return f"it is for the plan with the sha256 {scope.plan_sha256}, and this one has {gate.plan_sha256 or 'none'}"
    return ""


def _elsewhere(override: Override, gate: OverrideContext) -> Iterator[str]:
    severities = {finding.name: finding.severity for finding in gate.findings}
    for name in override.checks:
        if name not in severities:
            yield f"{name!r}: no check of this stage is called so"
        elif severities[name] is not Severity.REQUIRED_WITH_OVERRIDE:
            yield f"{name!r}: it is {severities[name]}, and only a required-with-override check can be overridden"


def _granted(override: Override, check: str, kept: Kept) -> AppliedOverride:
    return AppliedOverride(
        check=check,
        who=override.who,
        why=override.why,
        created=_said(override.created),
        expires=_said(override.expires),
        scope=str(override.scope),
        uri=kept.uri,
        version_id=kept.version_id,
    )


def _said(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds")
