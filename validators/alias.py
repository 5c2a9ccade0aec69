"""alias: the function's alias points to the version that this stage requires.

Before traffic shifts, all of it goes to blue's version; after the shift, all of it goes to green's. No other version
has a weight. The check waits while the alias still has an earlier state.

Example:
    checks:
      - name: the alias has moved
        alias: {}

Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html
"""

from __future__ import annotations

from greenlight.api import Context, Evidence, Finding, Params, error, finding_from, validator

POLL_S = 1.0


class Alias(Params, frozen=True, kw_only=True):
    """No parameters: the stage determines the version that the alias must have."""


@validator(
    Alias,
    platforms=("lambda",),
    stages=("BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:GetAlias",),
    remediation=(
        "Run `aws lambda get-alias --function-name FUNCTION --name ALIAS` and find out what moved the alias: another "
        "deployment, a manual change, or CloudFormation. Stop that, set the alias back to the version that users "
        "had, and deploy again."
    ),
    cost="One GetAlias request a second until the alias has the expected version; no invocation.",
)
def alias(params: Alias, context: Context) -> Finding:  # noqa: ARG001 - the runner always passes parameters
    """The function's alias points to the version that this stage requires."""
    deployment = context.deployment
    is_shifted = deployment.stage == "AfterAllowTraffic"
    expected = (deployment.green if is_shifted else deployment.blue).version
    if not deployment.alias or not expected:
        return error(
            f"CodeDeploy names no {'version' if deployment.alias else 'alias'}, so the alias cannot be checked"
        )
    place = f"{deployment.function}:{deployment.alias}"
    while True:
        answer = context.aws_call("lambda", "get_alias", FunctionName=deployment.function, Name=deployment.alias)
        version = answer.get("FunctionVersion", "")
        weights = answer.get("RoutingConfig", {}).get("AdditionalVersionWeights") or {}
        evidence = [
            Evidence(query="version", expected=expected, actual=version, passed=version == expected, where=place),
            Evidence(query="weights of other versions", expected={}, actual=weights, passed=not weights, where=place),
        ]
        if all(item.passed for item in evidence) or not context.sleep(POLL_S):
            return finding_from(evidence, f"{place} points to version {version} only")
