"""Application of a plan's shadow to the result of its gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.verdict.judge import shadow_verdict

if TYPE_CHECKING:
    from greenlight.core.settings import Settings
    from greenlight.gate.result import GateResult
    from greenlight.plan.shadow import Shadow


def is_shadowed(shadow: Shadow | None, settings: Settings | None) -> bool:
    """Return whether a shadow is in force and the installation allows shadows, so that the verdict does not count."""
    return (
        shadow is not None
        and settings is not None
        and settings.allow_shadow
        and shadow.in_force(SYSTEM_CLOCK.now_utc().date())
    )


def apply_shadow(result: GateResult, shadow: Shadow | None, settings: Settings | None) -> GateResult:
    """Return the result for CodeDeploy: Succeeded if the shadow is in force and the installation allows shadows.

    If the shadow has no effect, the report gets a note with the reason.
    """
    if shadow is None or settings is None:
        return result
    today = SYSTEM_CLOCK.now_utc().date()
    if not shadow.in_force(today):
        return result.with_notes(shadow.mistake(today) or shadow.notice(today))
    if not settings.allow_shadow:
        return result.with_notes(
            f"the plan has a shadow until {shadow.until}, but this installation does not allow shadows, "
            "so the verdict counts"
        )
    return replace(result, verdict=shadow_verdict(result.verdict, shadow.until, shadow.why))
