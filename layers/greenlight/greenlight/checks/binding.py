"""Binding of a plan's checks to validators: looks up names, replaces `${…}` and converts parameters to their types.

All checks of all stages are bound before any check runs. The first gate of a deployment therefore finds every mistake
in the plan, including mistakes in later stages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.checks.registry import MalformedError, Registry
from greenlight.core import references
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
    """A check with its validator and typed parameters, or with the reason why it cannot run.

    Attributes:
        check: The check of the plan.
        validator: None if the check cannot run.
        params: Typed parameters of the validator.
        malformed: Reason why the check cannot run.
    """

    __slots__ = ("check", "malformed", "params", "validator")

    def __init__(self, check: Check, validator: Validator | None, params: Any, malformed: str = "") -> None:
        """Store either a validator with parameters, or the reason why the check cannot run."""
        self.check, self.validator, self.params, self.malformed = check, validator, params, malformed


def deployment_values(deployment: Deployment) -> dict[str, str]:
    """Return the values of a deployment that a plan may use, by name."""
    values = {
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
    for name in ("blue", "green"):
        side = getattr(deployment, name)
        for field in ("url", "host", "version", "task_set", "task_definition", "target_group"):
            values[f"{name}.{field}"] = getattr(side, field)
    return values


def bind(
    plan: Plan, deployment: Deployment, secrets: Mapping[str, str], registry: Registry
) -> dict[str, tuple[Bound, ...]]:
    """Bind every check of a plan.

    Args:
        plan: A parsed plan, whose parameters are still plain data.
        deployment: Source of the deployment's values.
        secrets: Values by reference. References to other secrets, which only other stages use, are kept.
        registry: Source of validators.

    Returns:
        The bound checks of each stage.

    Raises:
        PlanError: Validators or names are unknown, or parameters are not valid; the error lists all problems.
    """
    values = {**plan.variables, **deployment_values(deployment)}
    binder = _Binder(values, secrets, registry, deployment)
    bound = {
        stage: tuple(binder.bind_check(check, stage) for check in content.checks)
        for stage, content in plan.stages.items()
    }
    if binder.mistakes:
        document = plan.document
        if document is None:
            raise AssertionError(f"a built-in plan is wrong: {binder.mistakes}")
        raise PlanError(document.problems(binder.mistakes), plan.source.uri, bound)
    return bound


class _Binder:
    """Binds checks and collects mistakes."""

    def __init__(
        self, values: Mapping[str, Any], secrets: Mapping[str, str], registry: Registry, deployment: Deployment
    ) -> None:
        # Only deployment values have a dot in their name. If empty, they are missing; an empty variable is a value.
        self._empty = {name for name, value in values.items() if value == "" and "." in name}
        self._values = {**values, **{name: f"${{{name}}}" for name in self._empty}}
        self._secrets, self._registry, self._deployment = secrets, registry, deployment
        self._size = 0
        self.mistakes: list[PathProblem] = []

    def bind_check(self, check: Check, stage: str) -> Bound:
        """Bind one check and collect its mistakes."""
        path = (*check.path, check.validator)
        if len(self.mistakes) > MAX_PROBLEMS:
            return Bound(check, None, None)
        try:
            validator = self._registry.get(check.validator)
        except MalformedError as error:
            return Bound(check, None, None, str(error))
        if validator is None:
            hint = suggest_or_list(check.validator, self._registry.names())
            message = f"there is no validator {truncate(check.validator, 60)!r}{hint}"
            self.mistakes.append(((*path[:-1], KeyStep(path[-1])), message))
            return Bound(check, None, None)
        if stage not in validator.stages:
            stages = ", ".join(validator.stages)
            self.mistakes.append((path, f"{check.validator} shows nothing at {stage}; use it at {stages}"))
        runs_now = stage == self._deployment.stage and not check.skip_reason(self._deployment)
        if runs_now and (reason := self._missing_value(check.params)):
            return Bound(check, None, None, reason)
        return Bound(check, validator, self._bind_params(check, validator, path))

    def _missing_value(self, params: Any) -> str:
        """Return a message about a referenced value that this deployment lacks; "" if it lacks none.

        If the value were replaced by an empty text, `contains: ${green.version}` would always pass.
        """
        for name in references.reference_names(params):
            if name in self._empty:
                platform, stage = self._deployment.platform.value, self._deployment.stage
                message = f"this {platform} deployment has no ${{{name}}} at {stage}"
                side = name.partition(".")[0]
                reason = getattr(self._deployment, side).no_url if name.endswith(".url") else ""
                return f"{message}: {reason}" if reason else message
        return ""

    def _bind_params(self, check: Check, validator: Validator, path: PlanPath) -> Any:
        raw = check.params
        captured = references.captured_names(raw)
        if not captured and not references.has_references(raw):
            params, mistakes = convert(raw, validator.params, path)
            self.mistakes += mistakes
            return params
        secret_names = references.secret_names(raw)
        secrets = {f"secret:{name}": self._secrets.get(name, f"${{secret:{name}}}") for name in secret_names}
        values = {**self._values, **secrets}
        reference_mistakes = references.capture_mistakes(captured, self._values, path)
        reference_mistakes += references.unknown_references(raw, {**values, **dict.fromkeys(captured)}, path)
        self._size += references.replaced_size(raw, values)
        if self._size > references.MAX_REPLACED:
            limit = f"{references.MAX_REPLACED // 1024**2} MiB"
            message = (
                f"with their variables, the plan's texts up to here are larger than {limit}; use fewer or smaller ones"
            )
            self.mistakes.append((path, message))
            return None
        keep = bool(captured or reference_mistakes)
        params, mistakes = convert(references.replace(raw, values, keep=keep), validator.params, path)
        if mistakes and secret_names:  # messages repeat values, and a secret must not be repeated
            masked = {**values, **dict.fromkeys(secrets, MASK)}
            mistakes = convert(references.replace(raw, masked, keep=keep), validator.params, path)[1] or [
                (path, "the value of a secret is not valid for this parameter")
            ]
        self.mistakes += reference_mistakes + mistakes
        return params
