"""A plan's checks bound to their validators: names looked up, `${…}` replaced, parameters typed.

All checks of all stages are bound before any runs, so that a mistake anywhere in a plan is found at the
first gate it meets, and not when a release waits at the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight import substitute
from greenlight.decode import convert
from greenlight.errors import PlanError
from greenlight.nearest import nearest
from greenlight.registry import MalformedError, Registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlight.api import Validator
    from greenlight.model import Deployment
    from greenlight.plan import Check, Plan
    from greenlight.yamlread import Path


class Bound:
    """A check that can run: its validator and typed parameters, or why its validator is malformed."""

    __slots__ = ("check", "malformed", "params", "validator")

    def __init__(self, check: Check, validator: Validator | None, params: Any, malformed: str = "") -> None:
        """Hold either a validator with parameters, or the reason there is none."""
        self.check, self.validator, self.params, self.malformed = check, validator, params, malformed


def deployment_names(deployment: Deployment) -> dict[str, str]:
    """Give the values of a deployment that a plan may use, by the name it uses."""
    names = {
        "deployment.id": deployment.id,
        "deployment.application": deployment.application,
        "deployment.group": deployment.group,
        "deployment.stage": deployment.stage,
        "deployment.platform": deployment.platform.value,
        "deployment.function": deployment.function,
        "deployment.alias": deployment.alias,
        "deployment.cluster": deployment.cluster,
        "deployment.service": deployment.service,
        "deployment.region": deployment.region,
    }
    for side in ("blue", "green"):
        values = getattr(deployment, side)
        for field in ("url", "host", "version", "task_set", "task_definition", "target_group"):
            names[f"{side}.{field}"] = getattr(values, field)
    return names


def bind(
    plan: Plan, deployment: Deployment, secrets: Mapping[str, str], registry: Registry
) -> dict[str, tuple[Bound, ...]]:
    """Bind every check.

    Args:
        plan: Read and closed, parameters still plain.
        deployment: Gives the deployment's values.
        secrets: Values by reference; one not fetched keeps its reference, since no check of this stage uses it.
        registry: Finds validators.

    Raises:
        PlanError: Unknown validators, unknown names, parameters that do not fit; all of them.
    """
    names = {**plan.variables, **deployment_names(deployment)}
    mistakes: list[tuple[Path, str]] = []
    bound = {
        stage: tuple(_bound(check, names, secrets, registry, mistakes) for check in content.checks)
        for stage, content in plan.stages.items()
    }
    if mistakes:
        document = plan.document
        if document is None:
            raise AssertionError(f"a built-in plan is wrong: {mistakes}")
        raise PlanError([document.problem(message, path) for path, message in mistakes], plan.source.uri)
    return bound


def _bound(
    check: Check,
    names: Mapping[str, Any],
    secrets: Mapping[str, str],
    registry: Registry,
    mistakes: list[tuple[Path, str]],
) -> Bound:
    place = (*check.path, check.validator)
    try:
        validator = registry.get(check.validator)
    except MalformedError as error:
        return Bound(check, None, None, str(error))
    if validator is None:
        known = registry.names()
        mistakes.append(
            (
                place,
                f"there is no validator {check.validator!r}{nearest(check.validator, known)}; "
                f"there are {', '.join(known)}",
            )
        )
        return Bound(check, None, None)
    captured = substitute.captures(check.params)
    fetched = {
        f"secret:{reference}": secrets.get(reference, f"${{secret:{reference}}}")
        for reference in substitute.secrets(check.params)
    }
    here = {**names, **fetched}
    unknown = substitute.unknown(check.params, {**here, **dict.fromkeys(captured)}, place)
    params, found = convert(
        substitute.replace(check.params, here, keep=bool(captured or unknown)), validator.params, place
    )
    mistakes += unknown + found
    return Bound(check, validator, params)
