"""Listeners of a load balancer: where their rules forward, and how long their certificates last; for `listener`."""

from __future__ import annotations

import datetime
from typing import Any

from greenlight.api import Context, Evidence, GreenlightError, get_deployment_group

_STAGES_WITH_GREEN = {
    "production": ("AfterAllowTraffic",),
    "test": ("AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"),
}
"""The stages at which each listener sends everything to green; before them it sends everything to blue."""


def read_listener_arns(context: Context) -> dict[str, list[str]]:
    """Return the ARNs of the deployment group's production and test listeners."""
    pairs = get_deployment_group(context).get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
    keys = {"production": "prodTrafficRoute", "test": "testTrafficRoute"}
    arns_by_name = {name: pairs[0].get(key, {}).get("listenerArns", []) for name, key in keys.items()}
    return {name: arns for name, arns in arns_by_name.items() if arns}


def check_forwarding(name: str, arns: list[str], context: Context) -> list[Evidence]:
    """Check every rule that forwards to blue or green: all of its traffic must go to one side.

    Raises:
        GreenlightError: That side has no target group, or AWS refused or did not answer.
    """
    deployment = context.deployment
    side = "green" if deployment.stage in _STAGES_WITH_GREEN[name] else "blue"
    sides = {deployment.blue.target_group: "blue", deployment.green.target_group: "green"}
    sides.pop("", None)
    if side not in sides.values():
        raise GreenlightError(f"{side} has no target group at {deployment.stage}, so listeners cannot be checked")
    results = []
    for arn in arns:
        pages = context.aws_pages("elbv2", "describe_rules", ListenerArn=arn)
        shares_of_rules = [(rule, _traffic_shares(rule, sides)) for page in pages for rule in page.get("Rules", [])]
        relevant = [(rule, shares) for rule, shares in shares_of_rules if shares.keys() & sides.values()]
        for rule, shares in relevant:
            query = f"{name} listener, rule {rule.get('Priority', 'default')}"
            passed = shares == {side: 100}
            results.append(Evidence(query=query, expected={side: 100}, actual=shares, passed=passed, where=arn))
        if not relevant:
            actual = "no rule forwards to blue or green"
            results.append(Evidence(query=f"{name} listener", expected={side: 100}, actual=actual, where=arn))
    return results


def _traffic_shares(rule: dict[str, Any], sides: dict[str, str]) -> dict[str, float]:
    """Return the share of traffic in percent by side; other target groups are `other`."""
    forward: dict[str, Any] = next(
        (action for action in rule.get("Actions", []) if action.get("Type") == "forward"), {}
    )
    groups = forward.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": forward.get("TargetGroupArn")}]
    if len(groups) == 1:  # a single group gets all traffic, whatever its weight
        groups = [{**groups[0], "Weight": 1}]
    total = sum(group.get("Weight", 0) for group in groups)
    shares: dict[str, float] = {}
    for group in groups:
        side, weight = sides.get(str(group.get("TargetGroupArn")), "other"), group.get("Weight", 0)
        if weight or (not total and side != "other"):
            shares[side] = shares.get(side, 0) + (100 * weight / total if total else 0)
    return shares


def check_certificates(arns: list[str], least_days: int, context: Context) -> tuple[list[Evidence], list[str]]:
    """Check that each certificate is issued and lasts; also return the ARNs of those that are not in ACM."""
    results, outside_acm = [], []
    listeners = context.aws_call("elbv2", "describe_listeners", ListenerArns=arns).get("Listeners", [])
    secure_arns = [listener["ListenerArn"] for listener in listeners if listener.get("Protocol") in ("HTTPS", "TLS")]
    certificate_arns = [
        str(certificate.get("CertificateArn"))
        for arn in secure_arns
        for page in context.aws_pages("elbv2", "describe_listener_certificates", ListenerArn=arn)
        for certificate in page.get("Certificates", [])
    ]
    for arn in dict.fromkeys(certificate_arns):
        if ":acm:" in arn:
            certificate = context.aws_call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
            results.append(_check_certificate(certificate, least_days, arn, context.clock.now_utc()))
        else:
            outside_acm.append(arn)
    return results, outside_acm


def _check_certificate(certificate: dict[str, Any], least_days: int, arn: str, now: datetime.datetime) -> Evidence:
    status, ends = certificate.get("Status", "unknown"), certificate.get("NotAfter")
    days_left = (ends - now).days if ends else None
    return Evidence(
        query=f"certificate {certificate.get('DomainName', arn)}",
        expected=f"ISSUED, at least {least_days} days left",
        actual=f"{status}, {'no expiry date' if days_left is None else f'{days_left} days left'}",
        passed=status == "ISSUED" and days_left is not None and days_left >= least_days,
        where=arn,
    )
