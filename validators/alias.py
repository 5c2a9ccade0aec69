"""alias: the function's alias points where this deployment has brought it.

Before traffic shifts, all of it goes to the version users had; after the shift all of it goes to the new version, and
nothing is split. Waits while the alias still shows an earlier state. moto stores an alias's weights, and nothing there ever
shifts them, so the tests use answers written down.

Example:
    checks:
      - name: the alias has moved
        alias: {}

Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html
"""

from __future__ import annotations

from greenlight.api import Context, Evidence, Finding, GreenlightError, Params, error, finding_from, validator

POLL_S = 1.0


class Alias(Params, frozen=True, kw_only=True):
    """No parameters: the stage says which version the alias must have."""


@validator(
    Alias,
    platforms=("lambda",),
    stages=("BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:GetAlias",),
    remediation=(
        "Run `aws lambda get-alias --function-name FUNCTION --name ALIAS` and look who moved it: a deployment "
        "beside CodeDeploy, a manual change, or CloudFormation. Stop that, set the alias back to the version "
        "users had, and deploy again."
    ),
    cost="One GetAlias request a second until the alias is as it should be; no invocation.",
)
def alias(params: Alias, context: Context) -> Finding:  # noqa: ARG001 - the runner hands on parameters always
    """The function's alias points where this deployment has brought it."""
    deployment = context.deployment
    shifted = deployment.stage == "AfterAllowTraffic"
    wanted = (deployment.green if shifted else deployment.blue).version
    if not deployment.alias or not wanted:
        return error(f"CodeDeploy names no {'version' if deployment.alias else 'alias'} that could be looked for")
    where = f"{deployment.function}:{deployment.alias}"
    while True:
        try:
            answer = context.aws_call("lambda", "get_alias", FunctionName=deployment.function, Name=deployment.alias)
        except GreenlightError as problem:
            return error(str(problem))
        version = answer.get("FunctionVersion", "")
        weights = answer.get("RoutingConfig", {}).get("AdditionalVersionWeights") or {}
        found = [
            Evidence(query="version", expected=wanted, actual=version, passed=version == wanted, where=where),
            Evidence(query="weights of other versions", expected={}, actual=weights, passed=not weights, where=where),
        ]
        if all(each.passed for each in found) or not context.sleep(POLL_S):
            return finding_from(found, f"{where} points to version {version} alone")
