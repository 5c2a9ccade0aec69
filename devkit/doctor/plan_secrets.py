"""Checks of the secrets that a plan refers to, against the paths of the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.core.references import secret_names
from greenlight.core.secret_paths import forbidden_reason

from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.settings import Settings
    from greenlight.plan.model import Plan

    from .rules import Symptom


def check_secrets(plan: Plan, application: str, settings: Settings) -> Iterator[Symptom]:
    """Check that plans of the application may refer to each secret; no secret is read for that."""
    checks = [check for stage in plan.stages.values() for check in stage.checks]
    for reference in sorted(secret_names([check.params for check in checks])):
        if reason := forbidden_reason(reference, application, settings.secret_paths):
            names = sorted({check.name for check in checks if reference in secret_names(check.params)})
            yield make_symptom(
                "secret-not-allowed",
                f"the gate rejects the plan, because it refers to ${{secret:{reference}}}: {reason}",
                f"check: {', '.join(names)}",
                f"SecretPaths: {', '.join(settings.secret_paths)}",
                fix=f"create a secret below a path of {application}, and name it in the plan and in SecretArns",
            )
