"""config: green's configuration meets the plan's rules, and the named settings have not changed since blue.

Rules are JMESPath queries with expectations. For Lambda they query the version's configuration as AWS returns it,
with `Concurrency` (reserved) and `LogGroup` (`retentionInDays`) added where a query uses them; for ECS, the task
definition. Values of environment variables are compared, but never shown.

Example:
    checks:
      - name: the settings are those of the release
        config:
          expect: {"containerDefinitions[0].image": {matches: "^[0-9]+[.]dkr[.]ecr[.]"}, cpu: "256"}
          unchanged: [memory, "containerDefinitions[].environment[].name"]

Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html;
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.api import Context, Expectation, Finding, Params, compile_query, finding_from, inconclusive, validator

from ._configuration import check_rule, check_unchanged, has_configuration, read_configuration

if TYPE_CHECKING:
    from greenlight.api import Evidence


class Config(Params, frozen=True, kw_only=True):
    """Rules of green's configuration.

    Attributes:
        expect: Expectations by JMESPath query into green's configuration.
        unchanged: JMESPath queries that must have the same result in blue and green.
    """

    expect: dict[str, Expectation] = {}
    unchanged: list[str] = []

    def __post_init__(self) -> None:
        """Reject a check without rules, and queries that are not JMESPath."""
        if not self.expect and not self.unchanged:
            raise ValueError("config has no rules; write expect: {QUERY: VALUE} or unchanged: [QUERY]")
        for query in self.expect:
            compile_query(query, "expect", query)
        for number, query in enumerate(self.unchanged):
            compile_query(query, "unchanged", number)


@validator(
    Config,
    stages=("AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
    iam=(
        "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionConcurrency",
        "logs:DescribeLogGroups",
        "ecs:DescribeTaskDefinition",
    ),
    remediation=(
        "Compare the setting named in the finding with the template that was deployed: `aws lambda "
        "get-function-configuration --qualifier VERSION` or `aws ecs describe-task-definition`. Correct the "
        "template and deploy again; if the change is intended, change the rule in the plan in the same commit."
    ),
    cost=(
        "One or two read requests for each side (configuration, and concurrency or log group where queried); "
        "nothing reaches green."
    ),
)
def config(params: Config, context: Context) -> Finding:
    """Green's configuration meets the plan's rules, and the named settings have not changed since blue."""
    blue_side = context.deployment.blue
    queries = (*params.expect, *params.unchanged)
    green = read_configuration(context.deployment.green, queries, context)
    evidence: list[Evidence] = [check_rule(query, expected, green) for query, expected in params.expect.items()]
    if not params.unchanged or has_configuration(blue_side):
        blue = read_configuration(blue_side, queries, context) if params.unchanged else {}
        evidence += [check_unchanged(query, blue, green) for query in params.unchanged]
        return finding_from(evidence, f"{len(evidence)} settings are as expected")
    if any(not item.passed for item in evidence):
        return finding_from(evidence, "")
    return inconclusive("there is no blue to compare green's configuration with; this is the first version", *evidence)
