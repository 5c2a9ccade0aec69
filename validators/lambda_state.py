"""lambda_state: the new version is ready: active, last update successful, provisioned concurrency allocated.

The check waits while Lambda still prepares the version, for as long as its timeout allows. It wakes a version that is
Inactive because it was idle for weeks.

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
    get_function_configuration,
    validator,
)

from ._lambda_wake import INACTIVE, wake

POLL_S = 2.0
_IN_PROGRESS = ("Pending", "InProgress", "IN_PROGRESS")
_NOT_CONFIGURED = "ProvisionedConcurrencyConfigNotFoundException"


class LambdaState(Params, frozen=True, kw_only=True):
    """Requirements of the version beyond its state.

    Attributes:
        provisioned_concurrency: Require provisioned concurrency; if it is configured, it must be ready in any case.
    """

    provisioned_concurrency: bool = False


@validator(
    LambdaState,
    platforms=("lambda",),
    stages=("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:GetFunctionConfiguration", "lambda:GetProvisionedConcurrencyConfig", "lambda:InvokeFunction"),
    remediation=(
        "Run `aws lambda get-function-configuration --function-name NAME --qualifier VERSION` and read "
        "StateReason: a VPC without free addresses, a key that may not be used, an image that cannot be pulled. "
        "For provisioned concurrency that FAILED, get-provisioned-concurrency-config shows the reason."
    ),
    cost=(
        "Three read requests every 2 s until the version is ready. A version that is Inactive is invoked once to wake "
        "it; Lambda rejects that invocation."
    ),
)
def lambda_state(params: LambdaState, context: Context) -> Finding:
    """The new version is active, and so is its provisioned concurrency."""
    target = f"{context.deployment.function}:{context.green.version}"
    is_woken = False
    while True:
        configuration = get_function_configuration(context)
        if (version := configuration.get("Version")) != context.green.version:
            if context.sleep(POLL_S):
                continue
            named = f"names version {version}" if version else "names no version"
            return error(
                f"the response to lambda:GetFunctionConfiguration for {target} {named}; nothing shows its state"
            )
        states = [*_version_states(configuration, target), *_concurrency_states(params, context, target)]
        if states[0].actual == INACTIVE and not is_woken:
            wake(context, context.green.version)
            is_woken = True
        pending = [state for state in states if state.actual in (*_IN_PROGRESS, INACTIVE)]
        if not pending:
            return finding_from(states, f"{target} is ready")
        if not context.sleep(POLL_S):
            reason = f"{pending[0].query} is still {pending[0].actual}"
            return failed(f"{target} did not become ready in time: {reason}", *states)


def _version_states(configuration: dict[str, Any], target: str) -> list[Evidence]:
    # AWS leaves both fields out for functions that never left their first state, and treats those as active.
    state, update = configuration.get("State", "Active"), configuration.get("LastUpdateStatus", "Successful")
    reason = configuration.get("StateReason") or configuration.get("LastUpdateStatusReason") or ""
    place = f"{target} {reason}".strip()
    return [
        Evidence(query="state", expected="Active", actual=state, passed=state == "Active", where=place),
        Evidence(
            query="last update", expected="Successful", actual=update, passed=update == "Successful", where=target
        ),
    ]


def _concurrency_states(params: LambdaState, context: Context, target: str) -> list[Evidence]:
    """Return the state of the provisioned concurrency of version and alias, if configured."""
    states = []
    for qualifier in filter(None, (context.green.version, context.deployment.alias)):
        concurrency = _provisioned_concurrency(context, qualifier)
        if concurrency is not None:
            status = concurrency.get("Status")
            if not status:
                raise GreenlightError(
                    f"the response to lambda:GetProvisionedConcurrencyConfig for {qualifier} lacks Status"
                )
            query, place = f"provisioned concurrency of {qualifier}", concurrency.get("StatusReason", target)
            states.append(Evidence(query=query, expected="READY", actual=status, passed=status == "READY", where=place))
    if params.provisioned_concurrency and not states:
        query = "provisioned concurrency"
        states.append(Evidence(query=query, expected="READY", actual="none configured", where=target))
    return states


def _provisioned_concurrency(context: Context, qualifier: str) -> dict[str, Any] | None:
    call = {"FunctionName": context.deployment.function, "Qualifier": qualifier}
    try:
        return context.aws_call("lambda", "get_provisioned_concurrency_config", **call)
    except GreenlightError as problem:
        if getattr(problem, "code", "") == _NOT_CONFIGURED:
            return None
        raise
