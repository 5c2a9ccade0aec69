"""A function and its parameters, made a validator with its entry in the catalogue."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.core.deployment import STAGES, Platform
from greenlight.core.finding import Finding
from greenlight.core.units import Duration, Size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from greenlight.checks.context import Context

IamRequirement = str | tuple[str, str]
"""An IAM action, or one with the ARN of the resource it is needed for."""

NOTE_LENGTH = 600
"""Characters of what a validator says of itself for people: what to do next, and what a run costs."""


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a validator's parameters; an unknown key in a plan is refused."""


class Validator:
    """A validator with its catalogue entry; made by the decorator, called by the runner."""

    def __init__(
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
        """Check the entry; see `validator`."""
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
        """Give the IAM actions that a check with these parameters needs, each with its resource, "*" where none is known."""
        wanted = self.iam if self.iam_for is None else self.iam_for(params)
        return [(each, "*") if isinstance(each, str) else each for each in wanted]

    def __call__(self, params: Any, context: Context) -> Finding:
        """Run it."""
        return self.run(params, context)


def validator(
    params: type[Params],
    *,
    platforms: Iterable[str] = ("ecs", "lambda"),
    stages: Iterable[str] = STAGES,
    iam: Iterable[str] = (),
    unsafe: bool = False,
    remediation: str = "",
    cost: str = "",
    iam_for: Callable[[Any], Iterable[IamRequirement]] | None = None,
) -> Callable[[Callable[[Any, Context], Finding]], Validator]:
    """Make a function the validator of its name.

    Args:
        params: What a plan may say, a frozen `Params`.
        platforms: Where it means something.
        stages: When it means something.
        iam: IAM actions its calls need.
        unsafe: It may change data of the service under test.
        remediation: What a person does when the check did not pass, in a sentence or two: where to look, which command.
        cost: What one run costs: AWS requests and invocations, load on green; "" for nothing beyond requests to green.
        iam_for: Gives, of `iam`, what a check with the given parameters needs: actions, or pairs of an action and the ARN
            of its resource. An ARN begins with arn:aws: and may hold *. All of `iam` when left out.

    Raises:
        TypeError: The function, its parameters or its entry cannot be used; said where the file is loaded.
    """
    if not (isinstance(params, type) and issubclass(params, Params)):
        raise TypeError(f"@validator takes a subclass of greenlight.api.Params, not {params!r}")
    for field in msgspec.structs.fields(params):
        if isinstance(field.default, (Duration, Size)):
            raise TypeError(
                f"{params.__name__}.{field.name}: write its default as field_default({type(field.default).__name__}(...))"
            )
    for key, said in (("remediation", remediation), ("cost", cost)):
        # They go into every report as they are, so they must be what can be written, on one line.
        if not (isinstance(said, str) and said.isprintable() and len(said) <= NOTE_LENGTH):
            raise TypeError(f"@validator: {key} is one line of at most {NOTE_LENGTH} characters")
    wrong = [stage for stage in stages if stage not in STAGES]
    if wrong:
        raise TypeError(f"@validator: there is no stage {wrong[0]!r}")

    def decorate(run: Callable[[Any, Context], Finding]) -> Validator:
        accepted = list(inspect.signature(run).parameters.values())
        if len(accepted) != 2 or any(
            each.kind not in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in accepted
        ):
            raise TypeError(f"{run.__name__} must take exactly (params, context)")
        if not inspect.getdoc(run):
            raise TypeError(f"{run.__name__} needs a docstring; its first line is its line in the catalogue")
        return Validator(
            run,
            params,
            platforms=[Platform(each) for each in platforms],
            stages=tuple(stages),
            iam=tuple(iam),
            unsafe=unsafe,
            remediation=remediation,
            cost=cost,
            iam_for=iam_for,
        )

    return decorate
