"""target_health: the load balancer reports green's targets as healthy.

Targets must pass their health checks first, so the check waits for as long as its timeout allows. A target that is
being drained does not count.

Example:
    checks:
      - name: green's targets are healthy
        timeout: 2m
        target_health: {healthy: 2}

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import Context, Evidence, Finding, Params, error, failed, passed, validator

POLL_S = 2.0
_DRAINING = ("draining", "unhealthy.draining")


class TargetHealth(Params, frozen=True, kw_only=True):
    """The targets that must be healthy; every registered target must be, whatever their number.

    Attributes:
        side: The side whose target group is checked.
        healthy: Minimum number of healthy targets.
    """

    side: Literal["green", "blue"] = "green"
    healthy: Annotated[int, msgspec.Meta(ge=1)] = 1


@validator(
    TargetHealth,
    platforms=("ecs",),
    iam=("elasticloadbalancing:DescribeTargetHealth",),
    remediation=(
        "Run `aws elbv2 describe-target-health --target-group-arn ARN` and read reason and description: "
        "Target.Timeout means a security group or a slow start, Target.ResponseCodeMismatch the health check's path "
        "or codes, Target.NotInUse a target group that no listener uses."
    ),
    cost=(
        "One DescribeTargetHealth request every 2 s until the targets are healthy; no load on green beyond the "
        "load balancer's own health checks."
    ),
)
def target_health(params: TargetHealth, context: Context) -> Finding:
    """The load balancer reports green's targets as healthy."""
    arn = getattr(context.deployment, params.side).target_group
    if not arn:
        return error(f"{params.side} has no target group at {context.deployment.stage}")
    while True:
        response = context.aws_call("elbv2", "describe_target_health", TargetGroupArn=arn)
        targets = [target for target in response.get("TargetHealthDescriptions", []) if _state(target) not in _DRAINING]
        results = [_evidence(target) for target in targets]
        if len(targets) >= params.healthy and all(result.passed for result in results):
            return passed(f"{_count_states(targets)} in {_group_name(arn)}", *results)
        if not context.sleep(POLL_S):
            expected = f"expected all healthy and at least {params.healthy}"
            return failed(f"{_group_name(arn)}: {_count_states(targets)}; {expected}{_advice(targets)}", *results)


def _state(target: dict[str, Any]) -> str:
    return str(target.get("TargetHealth", {}).get("State", "unknown"))


def _evidence(target: dict[str, Any]) -> Evidence:
    health, address = target.get("TargetHealth", {}), target.get("Target", {})
    return Evidence(
        query=f"{address.get('Id')}:{address.get('Port')}",
        expected="healthy",
        actual=" ".join(str(health[key]) for key in ("State", "Reason", "Description") if health.get(key)),
        passed=_state(target) == "healthy",
    )


def _count_states(targets: list[dict[str, Any]]) -> str:
    states = Counter(map(_state, targets))
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no targets are registered"


def _advice(targets: list[dict[str, Any]]) -> str:
    reasons = {target.get("TargetHealth", {}).get("Reason") for target in targets}
    if "Target.NotInUse" in reasons:
        return "; no listener sends traffic to the group yet: use a test listener, or a canary or linear configuration"
    return ""


def _group_name(arn: str) -> str:
    return arn.split("/")[1] if arn.count("/") >= 2 else arn
