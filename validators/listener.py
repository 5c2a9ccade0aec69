"""listener: test and production listener forward where this deployment says at this stage, and their certificates last.

The production listener sends everything to blue until traffic has shifted and to green then; the test listener sends
everything to green from AfterAllowTestTraffic on. Every rule that names one of the two target groups is looked at;
rules of other services on the same listener are not. Waits while a listener still shows an earlier state. moto keeps rules
and weights, but no deployment there changes them, and every certificate it makes lasts a year, so the tests use answers
written down.

Example:
    checks:
      - name: the listeners forward as they should
        listener: {test: true, certificate_days: 21}

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html
"""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import msgspec

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    GreenlightError,
    Params,
    error,
    finding_from,
    get_deployment_group,
    inconclusive,
    validator,
)

POLL_S = 2.0
_TEST_IS_GREEN = ("AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")


class Listener(Params, frozen=True, kw_only=True):
    """`test` true asks that there is a test listener; `certificate_days` that certificates last that long at least."""

    test: bool = False
    certificate_days: Annotated[int, msgspec.Meta(ge=0)] = 14


@validator(
    Listener,
    platforms=("ecs",),
    iam=(
        "codedeploy:GetDeploymentGroup",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeListenerCertificates",
        "acm:DescribeCertificate",
    ),
    remediation=(
        "Run `aws elbv2 describe-rules --listener-arn ARN` for the listener named and compare its target groups "
        "and weights with the deployment group's. Somebody or some template changes rules beside CodeDeploy: stop "
        "that first. A certificate that ends soon is renewed in ACM."
    ),
    cost=(
        "One GetDeploymentGroup, a few Describe requests to the load balancer every 2 s until the rules are "
        "right, and one request to ACM for each certificate; no load on green."
    ),
)
def listener(params: Listener, context: Context) -> Finding:
    """Test and production listener forward where this deployment says, and their certificates last."""
    try:
        routes = _routes(context)
        if "production" not in routes:
            return error("the deployment group names no production listener")
        while True:
            found = [each for name, arns in routes.items() for each in _forwarding(name, arns, context)]
            if params.test and "test" not in routes:
                found.append(Evidence(query="test listener", expected="one", actual="none in the deployment group"))
            if all(each.passed for each in found) or not context.sleep(POLL_S):
                break
        certificates, unread = _certificates([arn for arns in routes.values() for arn in arns], params, context)
    except GreenlightError as problem:
        return error(str(problem))
    finding = finding_from(
        [*found, *certificates], f"{' and '.join(routes)} listener forward as {context.deployment.stage} asks"
    )
    if unread and finding.outcome == "PASS":
        return inconclusive(f"{unread[0]} is not in ACM, so nobody can say here when it expires", *finding.evidence)
    return finding


def _routes(context: Context) -> dict[str, list[str]]:
    """Give the ARNs of production and test listeners as the deployment group has them."""
    pairs = get_deployment_group(context).get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
    keys = {"production": "prodTrafficRoute", "test": "testTrafficRoute"}
    found = {name: pairs[0].get(key, {}).get("listenerArns", []) for name, key in keys.items()}
    return {name: arns for name, arns in found.items() if arns}


def _forwarding(name: str, arns: list[str], context: Context) -> list[Evidence]:
    """Say of every rule that leads to blue or green how much it sends where."""
    deployment = context.deployment
    stages = ("AfterAllowTraffic",) if name == "production" else _TEST_IS_GREEN
    side = "green" if deployment.stage in stages else "blue"
    sides = {deployment.blue.target_group: "blue", deployment.green.target_group: "green"}
    sides.pop("", None)
    if side not in sides.values():
        raise GreenlightError(f"{side} has no target group at {deployment.stage}, so nothing can be said of listeners")
    found = []
    for arn in arns:
        pages = context.aws_pages("elbv2", "describe_rules", ListenerArn=arn)
        rules = [rule for page in pages for rule in page.get("Rules", [])]
        shares = [(rule, _shares(rule, sides)) for rule in rules]
        for rule, share in ((rule, share) for rule, share in shares if share.keys() & sides.values()):
            query = f"{name} listener, rule {rule.get('Priority', 'default')}"
            right = share == {side: 100}
            found.append(Evidence(query=query, expected={side: 100}, actual=share, passed=right, where=arn))
        if not any(share.keys() & sides.values() for _, share in shares):
            actual = "no rule forwards to blue or green"
            found.append(Evidence(query=f"{name} listener", expected={side: 100}, actual=actual, where=arn))
    return found


def _shares(rule: dict[str, Any], sides: dict[str, str]) -> dict[str, float]:
    """Give the share of traffic in percent by side; what goes to neither is `other`."""
    forward: dict[str, Any] = next((each for each in rule.get("Actions", []) if each.get("Type") == "forward"), {})
    groups = forward.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": forward.get("TargetGroupArn")}]
    if len(groups) == 1:  # a single group gets everything, whatever its weight says
        groups = [{**groups[0], "Weight": 1}]
    total = sum(each.get("Weight", 0) for each in groups)
    shares: dict[str, float] = {}
    for each in groups:
        side = sides.get(str(each.get("TargetGroupArn")), "other")
        if each.get("Weight", 0) or (not total and side != "other"):
            shares[side] = shares.get(side, 0) + (100 * each.get("Weight", 0) / total if total else 0)
    return shares


def _certificates(arns: list[str], params: Listener, context: Context) -> tuple[list[Evidence], list[str]]:
    """Say of each certificate how long it lasts, and which ones ACM does not know."""
    found, unread = [], []
    listeners = context.aws_call("elbv2", "describe_listeners", ListenerArns=arns).get("Listeners", [])
    secure = [each["ListenerArn"] for each in listeners if each.get("Protocol") in ("HTTPS", "TLS")]
    listed = [
        each
        for arn in secure
        for page in context.aws_pages("elbv2", "describe_listener_certificates", ListenerArn=arn)
        for each in page.get("Certificates", [])
    ]
    for arn in dict.fromkeys(str(each.get("CertificateArn")) for each in listed):
        if ":acm:" not in arn:
            unread.append(arn)
            continue
        certificate = context.aws_call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
        ends = certificate.get("NotAfter")
        days = (ends - datetime.datetime.now(datetime.UTC)).days if ends else None
        right = certificate.get("Status") == "ISSUED" and days is not None and days >= params.certificate_days
        actual = f"{certificate.get('Status', 'unknown')}, {'no end known' if days is None else f'{days} days left'}"
        expected = f"ISSUED, at least {params.certificate_days} days left"
        query = f"certificate {certificate.get('DomainName', arn)}"
        found.append(Evidence(query=query, expected=expected, actual=actual, passed=right, where=arn))
    return found, unread
