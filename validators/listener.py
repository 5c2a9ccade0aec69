"""listener: the listeners forward as the stage of the deployment requires, and their certificates last long enough.

The production listener sends everything to blue until traffic has shifted, and then to green; the test listener sends
everything to green from AfterAllowTestTraffic on. Every rule that forwards to one of the two target groups is checked;
rules of other services on the same listener are not. The check waits while a listener still shows an earlier state.

Example:
    checks:
      - name: the listeners forward as they should
        listener: {test: true, certificate_days: 21}

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from greenlight.api import Context, Evidence, Finding, Params, error, finding_from, inconclusive, validator

from ._listener_rules import check_certificates, check_forwarding, read_listener_arns

POLL_S = 2.0


class Listener(Params, frozen=True, kw_only=True):
    """Requirements of the listeners.

    Attributes:
        test: Require a test listener.
        certificate_days: Minimum number of days until certificates expire.
    """

    test: bool = False
    certificate_days: Annotated[int, msgspec.Meta(ge=0)] = 14


@validator(
    Listener,
    stages=("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"),
    platforms=("ecs",),
    iam=(
        "codedeploy:GetDeploymentGroup",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeListenerCertificates",
        "acm:DescribeCertificate",
    ),
    remediation=(
        "Run `aws elbv2 describe-rules --listener-arn ARN` for the listener in the finding and compare its target "
        "groups and weights with the deployment group's. If a person or a template changes rules besides CodeDeploy, "
        "stop that first. Renew in ACM a certificate that expires soon."
    ),
    cost=(
        "One GetDeploymentGroup, a few Describe requests to the load balancer every 2 s until the rules are "
        "right, and one request to ACM for each certificate; no load on green."
    ),
)
def listener(params: Listener, context: Context) -> Finding:
    """Test and production listener forward as the stage requires, and their certificates last."""
    listeners = read_listener_arns(context)
    if "production" not in listeners:
        return error("the deployment group has no production listener")
    while True:
        rules = [result for name, arns in listeners.items() for result in check_forwarding(name, arns, context)]
        if params.test and "test" not in listeners:
            rules.append(Evidence(query="test listener", expected="one", actual="none in the deployment group"))
        if all(rule.passed for rule in rules) or not context.sleep(POLL_S):
            break
    all_arns = [arn for arns in listeners.values() for arn in arns]
    certificates, outside_acm = check_certificates(all_arns, params.certificate_days, context)
    message = f"{' and '.join(listeners)} listener forward as {context.deployment.stage} requires"
    finding = finding_from([*rules, *certificates], message)
    if outside_acm and finding.outcome == "PASS":
        message = f"{outside_acm[0]} is not in ACM, so its expiry date cannot be read"
        return inconclusive(message, *finding.evidence)
    return finding
