"""Decorator that turns a function and its parameters into a validator with an entry in the catalogue."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.core.deployment import PLAN_STAGES, Platform
from greenlight.core.finding import Finding
from greenlight.core.units import Duration, Size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from greenlight.checks.context import Context

IamRequirement = str | tuple[str, str]
"""An IAM action, or a pair of an IAM action and the ARN of its resource."""

MAX_NOTE_LENGTH = 600
"""Characters of `remediation` and of `cost`."""


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base class of a validator's parameters; an unknown key in a plan is rejected."""


class Validator:
    """Validator with its catalogue entry; the decorator creates it, the runner calls it."""

    def __init__(  # noqa: PLR0913 - one argument for each part of the catalogue entry
        self,
        run: Callable[[Any, Context], Finding],
        params: type[Params],
        *,
        platforms: Sequence[Platform],
        stages: Sequence[str],
        iam: Sequence[str],
        unsafe: bool,
        remediation: str,
        cost: str,
        iam_for: Callable[[Any], Iterable[IamRequirement]] | None,
    ) -> None:
        """Store the parts of a valid entry; the decorator `validator` describes them."""
        self.name = run.__name__.rstrip("_")
        self.run = run
        self.params = params
        self.platforms = tuple(platforms)
        self.stages = tuple(stages)
        self.iam = tuple(iam)
        self.unsafe = unsafe
        self.remediation = remediation
        self.cost = cost
        self.iam_for = iam_for
        self.summary = (inspect.getdoc(run) or "").split("\n")[0]

    def required_iam(self, params: Any) -> list[tuple[str, str]]:
        """Return the IAM actions that a check with these parameters needs, each with its resource or "*"."""
        requirements = self.iam if self.iam_for is None else self.iam_for(params)
        return [(item, "*") if isinstance(item, str) else item for item in requirements]

    def __call__(self, params: Any, context: Context) -> Finding:
        """Run the validator."""
        return self.run(params, context)


def validator(  # noqa: PLR0913 - one argument for each part of the catalogue entry
    params: type[Params],
    *,
    platforms: Iterable[str] = ("ecs", "lambda"),
    stages: Iterable[str] = PLAN_STAGES,
    iam: Iterable[str] = (),
    unsafe: bool = False,
    remediation: str = "",
    cost: str = "",
    iam_for: Callable[[Any], Iterable[IamRequirement]] | None = None,
) -> Callable[[Callable[[Any, Context], Finding]], Validator]:
    """Return a decorator that turns a function into the validator of its name.

    Args:
        params: Class of its parameters, a frozen `Params`.
        platforms: Platforms that it works on.
        stages: Stages at which it can be used.
        iam: IAM actions that its AWS calls need.
        unsafe: Whether it may change data of the service under test.
        remediation: Advice for a check that did not pass, in a sentence or two: where to look, which command to run.
        cost: Cost of one run: AWS requests and invocations, load on green; "" if it only sends requests to green.
        iam_for: Returns the part of `iam` that particular parameters need, as actions or as pairs of an action and the
            ARN of its resource. An ARN begins with arn:aws: and may contain *. All of `iam` by default.

    Raises:
        TypeError: The function, its parameters or its entry cannot be used. It is raised when the file is loaded.
    """
    _check_entry(params, {"remediation": remediation, "cost": cost}, stages)

    def decorate(run: Callable[[Any, Context], Finding]) -> Validator:
        parameters = list(inspect.signature(run).parameters.values())
        positional = [item for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
        if len(parameters) != 2 or len(positional) != 2:
            raise TypeError(f"{run.__name__} must take exactly (params, context)")
        if not inspect.getdoc(run):
            raise TypeError(f"{run.__name__} needs a docstring; its first line is its line in the catalogue")
        return Validator(
            run,
            params,
            platforms=[Platform(platform) for platform in platforms],
            stages=tuple(stages),
            iam=tuple(iam),
            unsafe=unsafe,
            remediation=remediation,
            cost=cost,
            iam_for=iam_for,
        )

    return decorate


def _check_entry(params: Any, notes: dict[str, str], stages: Iterable[str]) -> None:
    if not (isinstance(params, type) and issubclass(params, Params)):
        raise TypeError(f"@validator takes a subclass of greenlight.api.Params, not {params!r}")
    for field in msgspec.structs.fields(params):
        if isinstance(field.default, (Duration, Size)):
            unit = type(field.default).__name__
            raise TypeError(f"{params.__name__}.{field.name}: write its default as field_default({unit}(...))")
    for key, note in notes.items():
        # Every report repeats a note as it is, so it must be printable and on one line.
        if not (isinstance(note, str) and note.isprintable() and len(note) <= MAX_NOTE_LENGTH):
            raise TypeError(f"@validator: {key} is one line of at most {MAX_NOTE_LENGTH} characters")
    for stage in stages:
        if stage not in PLAN_STAGES:
            raise TypeError(f"@validator: there is no stage {stage!r}")
