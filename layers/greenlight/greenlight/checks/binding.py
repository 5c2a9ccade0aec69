"""A plan's checks bound to their validators: names looked up, `${…}` replaced, parameters typed.

All checks of all stages are bound before any runs, so that a mistake anywhere in a plan is found at the
first gate it meets, and not when a release waits at the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.checks.registry import MalformedError, Registry
from greenlight.core import references as substitute
from greenlight.core.display import truncate
from greenlight.core.errors import MAX_PROBLEMS, PlanError
from greenlight.core.plan_path import KeyStep
from greenlight.core.redaction import MASK
from greenlight.core.suggestions import suggest_or_list
from greenlight.plan.decoder import PathProblem, convert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlight.checks.validator import Validator
    from greenlight.core.deployment import Deployment
    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.model import Check, Plan


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
        "deployment.environment": deployment.environment,
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
    mistakes: list[PathProblem] = []
    binder = _Binder(names, secrets, registry, deployment, mistakes)
    bound = {
        stage: tuple(binder.bound(check, stage) for check in content.checks) for stage, content in plan.stages.items()
    }
    if mistakes:
        document = plan.document
        if document is None:
            raise AssertionError(f"a built-in plan is wrong: {mistakes}")
        raise PlanError(document.problems(mistakes), plan.source.uri, bound)
    return bound


class _Binder:
    """Binds one check after the other and collects mistakes."""

    def __init__(
        self,
        names: Mapping[str, Any],
        secrets: Mapping[str, str],
        registry: Registry,
        deployment: Deployment,
        mistakes: list[PathProblem],
    ) -> None:
        self._empty = {name for name, value in names.items() if value == "" and "." in name}  # variables have no dot
        self._names = {**names, **{name: f"${{{name}}}" for name in self._empty}}
        self._secrets, self._registry, self._deployment, self._mistakes = secrets, registry, deployment, mistakes

    def bound(self, check: Check, stage: str) -> Bound:
        place = (*check.path, check.validator)
        if len(self._mistakes) > MAX_PROBLEMS:
            return Bound(check, None, None)
        try:
            validator = self._registry.get(check.validator)
        except MalformedError as error:
            return Bound(check, None, None, str(error))
        if validator is None:
            known = self._registry.names()
            said = f"there is no validator {truncate(check.validator, 60)!r}{suggest_or_list(check.validator, known)}"
            self._mistakes.append(((*place[:-1], KeyStep(place[-1])), said))
            return Bound(check, None, None)
        if stage not in validator.stages:
            what = f"{check.validator} shows nothing at {stage}; it works at {', '.join(validator.stages)}"
            self._mistakes.append((place, what))
        now = stage == self._deployment.stage
        if now and not check.left_out(self._deployment) and (missing := self._missing(check.params)):
            return Bound(check, None, None, missing)
        return Bound(check, validator, self._params(check, validator, place))

    def _missing(self, params: Any) -> str:
        """Say which value of this deployment a check uses that there is not; "" when it has all.

        An empty text in its place would let `contains: ${green.version}` hold for everything.
        """
        for name in substitute.reference_names(params):
            if name in self._empty:
                why = getattr(self._deployment, name.partition(".")[0]).no_url if name.endswith(".url") else ""
                what = (
                    f"this {self._deployment.platform.value} deployment has no ${{{name}}} at {self._deployment.stage}"
                )
                return f"{what}: {why}" if why else what
        return ""

    def _params(self, check: Check, validator: Validator, place: PlanPath) -> Any:
        written = check.params
        captured = substitute.captured_names(written)
        if not captured and not substitute.has_references(written):
            params, found = convert(written, validator.params, place)
            self._mistakes += found
            return params
        references = substitute.secret_names(written)
        fetched = {f"secret:{each}": self._secrets.get(each, f"${{secret:{each}}}") for each in references}
        here = {**self._names, **fetched}
        wrong = substitute.capture_mistakes(captured, self._names, place)
        wrong += substitute.unknown_references(written, {**here, **dict.fromkeys(captured)}, place)
        keep = bool(captured or wrong)
        params, found = convert(substitute.replace(written, here, keep=keep), validator.params, place)
        if found and references:  # messages repeat values, and a secret is not repeated
            masked = {**here, **dict.fromkeys(fetched, MASK)}
            found = convert(substitute.replace(written, masked, keep=keep), validator.params, place)[1] or [
                (place, "the value of a secret does not fit where it stands")
            ]
        self._mistakes += wrong + found
        return params
