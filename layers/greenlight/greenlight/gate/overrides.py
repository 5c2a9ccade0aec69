"""The overrides that apply to one gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.aws.deadline import run_with_deadline
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.verdict.judge import can_be_overridden

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.finding import Finding
    from greenlight.core.settings import Settings
    from greenlight.core.verdict import AppliedOverride
    from greenlight.gate.prepare import Prepared


def find_overrides(
    prepared: Prepared, settings: Settings, aws: Aws, findings: tuple[Finding, ...], deadline: float
) -> tuple[tuple[AppliedOverride, ...], tuple[str, ...]]:
    """Return the overrides that apply to these findings, and notes on those that do not.

    The store is read only if an override could change the verdict. An override that cannot be read by `deadline`
    (monotonic) does not apply.
    """
    from greenlight.stores.overrides import read_overrides
    from greenlight.verdict import override

    deployment, bucket = prepared.deployment, settings.plan_bucket
    prefix = override.override_prefix(deployment.application, deployment.group)
    if not (bucket and prefix and any(map(can_be_overridden, findings))):
        return (), ()
    try:
        stored, notes = run_with_deadline(
            deadline,
            lambda: read_overrides(aws.repeating(deadline), bucket, prefix),
            "the overrides were not read",
        )
        context = override.OverrideContext(
            deployment=deployment.id,
            plan_sha256=prepared.plan.source.digest,
            findings=findings,
            now=SYSTEM_CLOCK.now_utc(),
        )
        applied, rejected = override.applicable_overrides(stored, context)
    except Exception as error:  # noqa: BLE001 - an override that cannot be read must not open the gate
        return (), (f"no override applies, because the overrides could not be read: {error}",)
    return applied, (*notes, *rejected)
