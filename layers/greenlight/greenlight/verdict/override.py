"""Overrides, with which a person takes responsibility for a required-with-override check that does not pass.

An override is an object in the plan bucket. It applies only if every part matches the gate. An override that is
malformed, expired, created in the future, or for another deployment or plan does not apply, and the report has the
reason.
"""

from __future__ import annotations

import datetime
import urllib.parse
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from greenlight.core.display import is_blank, truncate
from greenlight.core.field_types import Name, StrictStruct
from greenlight.core.finding import Finding, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.json_decoding import DuplicateKeyError, InvalidJsonError, decode_json
from greenlight.core.verdict import AppliedOverride
from greenlight.verdict.judge import can_be_overridden

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA = "greenlight.override/1"
FOLDER = "overrides"

LONGEST = datetime.timedelta(days=7)
"""The longest validity of an override; a longer exception belongs in the plan."""

CLOCKS_DIFFER = datetime.timedelta(minutes=5)
"""How far the clock of the override's author may be ahead of the hook's."""

Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class Scope(StrictStruct, frozen=True, kw_only=True):
    """Scope of an override: exactly one deployment, or one plan by its digest (`PlanSource.digest`)."""

    deployment: Annotated[str, msgspec.Meta(pattern=r"^d-[A-Za-z0-9]{1,64}$(?!\n)")] | None = None
    plan_sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")] | None = None

    def __post_init__(self) -> None:
        """Reject an empty scope, which would cover everything, and one with both keys."""
        if (self.deployment is None) == (self.plan_sha256 is None):
            raise ValueError("a scope is either one deployment or one plan_sha256")

    def __str__(self) -> str:
        """Return the scope as reports show it."""
        return f"deployment {self.deployment}" if self.deployment else f"plan sha256 {self.plan_sha256}"


class Override(StrictStruct, frozen=True, kw_only=True):
    """An override as stored, in JSON.

    Attributes:
        who: The person responsible, by their own statement; the log of the bucket records who stored it.
        why: The reason.
        created, expires: Times with their offset from UTC, at most 7 days apart.
        checks: Names of the checks, exactly as in the plan.

    Raises:
        ValueError: The values contradict each other, or a text is blank.
    """

    schema: Literal["greenlight.override/1"]
    who: Annotated[str, msgspec.Meta(max_length=300)]
    why: Annotated[str, msgspec.Meta(max_length=1000)]
    created: Moment
    expires: Moment
    scope: Scope
    checks: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=20)]

    def __post_init__(self) -> None:
        """Reject blank texts, wildcards, and impossible or overlong validities."""
        for key in ("who", "why"):
            if is_blank(getattr(self, key)):
                raise ValueError(f"{key!r} is blank")
        for key in ("created", "expires"):
            try:
                getattr(self, key).astimezone(datetime.UTC)
            except OverflowError as error:
                raise ValueError(f"{key!r} is beyond the years 1 to 9999 in UTC") from error
        if "*" in self.checks:
            raise ValueError("'*' does not name a check; name each check that is overridden")
        if self.expires <= self.created:
            raise ValueError("it expires before it was created")
        if self.expires - self.created > LONGEST:
            raise ValueError(f"it would be valid for more than {LONGEST.days} days")


class StoredOverride(FrozenStruct, frozen=True, kw_only=True):
    """An object in the store of overrides; `stored_at` is the store's own time, not the author's."""

    uri: str
    data: bytes
    stored_at: datetime.datetime
    version_id: str = ""


class OverrideContext(FrozenStruct, frozen=True, kw_only=True):
    """A gate to which overrides may apply.

    Attributes:
        deployment: Id of its deployment.
        plan_sha256: Digest of its plan; "" for a plan without a text.
        findings: Findings of its checks.
        now: The current time.
    """

    deployment: str
    plan_sha256: str
    findings: tuple[Finding, ...]
    now: datetime.datetime


def override_prefix(application: str, group: str) -> str:
    """Return the key prefix of a deployment group's overrides; "" for a group without a name."""
    if not (application and group):
        return ""
    return "/".join((FOLDER, *(urllib.parse.quote(part, safe=" ") for part in (application, group)), ""))


def applicable_overrides(
    stored: Sequence[StoredOverride], gate: OverrideContext
) -> tuple[tuple[AppliedOverride, ...], tuple[str, ...]]:
    """Return the overrides that apply to a gate.

    Args:
        stored: All objects in the store for the gate's deployment group; their content is not trusted.
        gate: The gate.

    Returns:
        The applied overrides, one for each overridden check, in the order of the checks, and a note on every override
        that does not apply.
    """
    applied: dict[str, AppliedOverride] = {}
    notes: list[str] = []
    overridable = {finding.name for finding in gate.findings if can_be_overridden(finding)}
    for candidate in stored:
        override, reason = parse_override(candidate.data)
        if override is not None:
            reason = rejection_reason(override, candidate.stored_at, gate)
        if override is None or reason:
            notes.append(f"the override {candidate.uri} is not honoured: {reason}")
            continue
        notes += [
            f"the override {candidate.uri} is not honoured for {message}"
            for message in _inapplicable_checks(override, gate)
        ]
        for name in override.checks:
            if name in overridable and name not in applied:
                applied[name] = _apply(override, name, candidate)
    return tuple(applied[finding.name] for finding in gate.findings if finding.name in applied), tuple(notes)


def parse_override(data: bytes) -> tuple[Override | None, str]:
    """Parse an override strictly; return it, or None and the reason why it is malformed."""
    try:
        decode_json(data)
    except DuplicateKeyError as error:
        return None, f"it is malformed: it {error}"
    except InvalidJsonError:
        pass  # the typed decoder reports it with its place
    try:
        return msgspec.json.decode(data, type=Override), ""
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return None, f"it is malformed: {truncate(str(error), 200)}"


def rejection_reason(override: Override, stored_at: datetime.datetime, gate: OverrideContext) -> str:
    """Return why a well-formed override does not apply to this gate now; "" if it does."""
    if override.created > gate.now + CLOCKS_DIFFER:
        return f"its creation time is in the future, at {_format_utc(override.created)}"
    if override.expires <= gate.now:
        return f"it expired at {_format_utc(override.expires)}"
    if override.expires - stored_at > LONGEST + CLOCKS_DIFFER:
        return (
            f"it was stored at {_format_utc(stored_at)} and would be valid for more than {LONGEST.days} days from then"
        )
    scope = override.scope
    if scope.deployment is not None and scope.deployment != gate.deployment:
        return f"it is for the deployment {scope.deployment}"
    if scope.plan_sha256 is not None and scope.plan_sha256 != gate.plan_sha256:
        return f"it is for the plan with the sha256 {scope.plan_sha256}, and this one has {gate.plan_sha256 or 'none'}"
    return ""


def _inapplicable_checks(override: Override, gate: OverrideContext) -> Iterator[str]:
    severities = {finding.name: finding.severity for finding in gate.findings}
    for name in override.checks:
        if name not in severities:
            yield f"{name!r}: no check of this stage has this name"
        elif severities[name] is not Severity.REQUIRED_WITH_OVERRIDE:
            yield f"{name!r}: it is {severities[name]}, and only a required-with-override check can be overridden"


def _apply(override: Override, check: str, stored: StoredOverride) -> AppliedOverride:
    return AppliedOverride(
        check=check,
        who=override.who,
        why=override.why,
        created=_format_utc(override.created),
        expires=_format_utc(override.expires),
        scope=str(override.scope),
        uri=stored.uri,
        version_id=stored.version_id,
    )


def _format_utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds")
