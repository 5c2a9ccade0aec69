"""lambda_state: the new version is ready to run: active, its last update successful, its provisioned concurrency there.

Waits while Lambda still prepares the version, for as long as the check may take.

Example:
    checks:
      - name: the new version is ready
        timeout: 1m
        lambda_state: {provisioned_concurrency: true}

Source: https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

from typing import Any

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    GreenlightError,
    Params,
    error,
    failed,
    finding_from,
    validator,
)

POLL_S = 2.0
_WAITING = ("Pending", "InProgress", "IN_PROGRESS")
_NONE_CONFIGURED = "ProvisionedConcurrencyConfigNotFoundException"


class LambdaState(Params, frozen=True, kw_only=True):
    """`provisioned_concurrency`: true asks that some is configured; without it, what is configured must be ready."""

    provisioned_concurrency: bool = False


@validator(
    LambdaState,
    platforms=("lambda",),
    stages=("BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:GetFunctionConfiguration", "lambda:GetProvisionedConcurrencyConfig"),
    remediation=(
        "Run `aws lambda get-function-configuration --function-name NAME --qualifier VERSION` and read "
        "StateReason: a VPC without free addresses, a key that may not be used, an image that cannot be pulled. "
        "Provisioned concurrency that FAILED has its reason in get-provisioned-concurrency-config."
    ),
    cost="Three read requests every 2 s until the version is ready; no invocation.",
)
def lambda_state(params: LambdaState, context: Context) -> Finding:
    """The new version is active, and so is its provisioned concurrency."""
    deployment, version = context.deployment, context.green.version
    while True:
        try:
            found = _states(context, deployment.function, version, params.provisioned_concurrency)
        except GreenlightError as problem:
            return error(str(problem))
        waiting = [each for each in found if each.actual in _WAITING]
        if not waiting:
            return finding_from(found, f"{deployment.function}:{version} is ready")
        if not context.sleep(POLL_S):
            first = waiting[0]
            return failed(
                f"{deployment.function}:{version} did not become ready in time: {first.query} is still {first.actual}",
                *found,
            )


def _states(context: Context, function: str, version: str, required: bool) -> list[Evidence]:
    configuration = context.aws_call("lambda", "get_function_configuration", FunctionName=function, Qualifier=version)
    where = f"{function}:{version}"
    # Neither field is given for functions that never left their first state; AWS calls those active.
    state, update = configuration.get("State", "Active"), configuration.get("LastUpdateStatus", "Successful")
    reason = configuration.get("StateReason") or configuration.get("LastUpdateStatusReason") or ""
    found = [
        Evidence(
            query="state", expected="Active", actual=state, passed=state == "Active", where=f"{where} {reason}".strip()
        ),
        Evidence(query="last update", expected="Successful", actual=update, passed=update == "Successful", where=where),
    ]
    configured = {
        each: status
        for each in (version, context.deployment.alias)
        if each and (status := _concurrency(context, function, each))
    }
    for qualifier, status in configured.items():
        query = f"provisioned concurrency of {qualifier}"
        found.append(
            Evidence(
                query=query,
                expected="READY",
                actual=status["Status"],
                passed=status["Status"] == "READY",
                where=status.get("StatusReason", where),
            )
        )
    if required and not configured:
        found.append(Evidence(query="provisioned concurrency", expected="READY", actual="none configured", where=where))
    return found


def _concurrency(context: Context, function: str, qualifier: str) -> dict[str, Any] | None:
    try:
        return context.aws_call(
            "lambda", "get_provisioned_concurrency_config", FunctionName=function, Qualifier=qualifier
        )
    except GreenlightError as problem:
        if getattr(problem, "code", "") == _NONE_CONFIGURED:
            return None
        raise
