"""Whether the hooks reach an ECS service's load balancer, as far as its scheme and its security groups tell.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html: a function outside a VPC comes from public
addresses of AWS, one inside from an address of its subnets, with its security groups;
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from devkit.doctor import ecs_routing
from devkit.doctor.rules import symptom
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from devkit.doctor.deployment_group import GroupState
    from devkit.doctor.rules import Symptom
    from greenlight.plan.model import Check, Plan

_CALLING = ("compare", "graphql", "grpc_health", "http", "load", "openapi", "serves_green", "tls", "websocket")
"""The validators that send something to the deployment itself, through its listener."""
_SOMEBODYS = 24
"""Bits of a public network from which on it is taken for somebody's office and not for AWS's addresses."""


def way_in(scene: GroupState, read: Plan, environment: str, hooks: Mapping[str, dict[str, Any]]) -> Iterator[Symptom]:
    """Look whether the checks that call green have a way to it: a URL at their stage, and a network that lets the hook in.

    Args:
        scene: The deployment group.
        read: Its plan.
        environment: Which of the plan's environments the group is; "" where the plan has none.
        hooks: Configurations of greenlight's hooks by event.
    """
    for event, found in () if read.target.url else hooks.items():
        stage = read.stages.get(event)
        here = Deployment(
            id="",
            platform=scene.platform,
            stage=event,
            application=scene.application,
            group=scene.group,
            environment=environment,
            region=scene.region,
        )
        calling = [each.name for each in stage.checks if _calls(each, here)] if stage else []
        why, fix = _no_way(scene, event)
        if calling and why:
            yield symptom(
                "green-out-of-reach",
                f"{why}; the checks of {event} that call green end as errors, and the gate stays closed",
                *calling,
                fix=fix,
            )
        elif calling:
            yield from _through(scene, event, found)


def _calls(check: Check, here: Deployment) -> bool:
    """Tell whether a check that can close the gate calls green itself, and not a place that it names."""
    if check.validator not in _CALLING or check.severity is Severity.ADVISORY or check.when.skip_reason(here):
        return False
    return not (isinstance(check.params, dict) and "host" in check.params) and "://" not in str(check.params)


def _no_way(scene: GroupState, event: str) -> tuple[str, str]:
    """Say why green has no URL at a stage, and what to do; "" where it has one. As the gate's discovery does."""
    if scene.platform is Platform.LAMBDA:
        return (
            "a Lambda version has no URL",
            "check it with lambda_invoke, or write where the new version answers:\ntarget: {url: https://…}",
        )
    if event in ("BeforeInstall", "AfterInstall"):
        return f"no listener leads to green yet at {event}", "move these checks to AfterAllowTestTraffic"
    if event != "AfterAllowTraffic" and not scene.listener("testTrafficRoute"):
        return "without a test listener nothing leads to green before users do", ecs_routing.another_listener(scene)
    return "", ""


def _through(scene: GroupState, event: str, found: dict[str, Any]) -> Iterator[Symptom]:
    """Look whether a hook gets to the load balancer, and through it to the listener of its stage."""
    arn = scene.listener("prodTrafficRoute" if event == "AfterAllowTraffic" else "testTrafficRoute")
    absent = ("ListenerNotFound", "ListenerNotFoundException")
    answer = scene.reader.found("elbv2", "describe_listeners", absent, ListenerArns=[arn]) if arn else None
    listener = next(iter((answer or {}).get("Listeners", [])), None)
    if listener is None:
        return  # told where the listeners are looked at
    balancer = scene.reader.call(
        "elbv2", "describe_load_balancers", LoadBalancerArns=[str(listener["LoadBalancerArn"])]
    )["LoadBalancers"][0]
    name, own = str(found["FunctionName"]), found.get("VpcConfig", {})
    if balancer.get("Scheme") == "internal" and not own.get("SubnetIds"):
        vpc = balancer.get("VpcId", "its VPC")
        yield symptom(
            "hook-outside",
            f"the load balancer is internal, and {name} is outside of every VPC, so its checks reach nothing",
            f"load balancer: {balancer.get('DNSName')} in {vpc}",
            fix=f"install greenlight in {vpc}: sam deploy --parameter-overrides VpcSubnetIds=SUBNET,SUBNET VpcSecurityGroupIds=GROUP",
        )
    elif groups := balancer.get("SecurityGroups"):
        yield from _admitted(scene, name, own, int(listener["Port"]), groups)


def _admitted(scene: GroupState, name: str, own: dict[str, Any], port: int, groups: list[str]) -> Iterator[Symptom]:
    described = scene.reader.pages("ec2", "describe_security_groups", "SecurityGroups", GroupIds=groups)
    rules = [rule for each in described for rule in each.get("IpPermissions", []) if _covers(rule, port)]
    inside = bool(own.get("SubnetIds"))
    if any(_admits(rule, own.get("SecurityGroupIds") or [], inside=inside) for rule in rules):
        return
    sources = dict.fromkeys(source for rule in rules for source in _sources(rule))
    source = f"--source-group {own['SecurityGroupIds'][0]}" if own.get("SecurityGroupIds") else "--cidr 0.0.0.0/0"
    yield symptom(
        "hook-shut-out",
        f"{name} does not get through to port {port} of the load balancer: its security groups do not let it in",
        f"port {port} is open for: {', '.join(sources) or 'nobody'}",
        f"{name} comes from: {', '.join(own.get('SecurityGroupIds') or []) or 'public addresses of AWS'}",
        fix=f"aws ec2 authorize-security-group-ingress --group-id {groups[0]} --protocol tcp --port {port} {source}"
        + ("" if inside else "\nwhich opens it to everybody; to keep it shut install greenlight in the VPC and admit its NAT gateway"),
    )  # fmt: skip


def _covers(rule: dict[str, Any], port: int) -> bool:
    return str(rule.get("IpProtocol")) == "-1" or (
        str(rule.get("IpProtocol")) in ("tcp", "6")
        and int(rule.get("FromPort", 0)) <= port <= int(rule.get("ToPort", 65535))
    )


def _admits(rule: dict[str, Any], own: list[str], *, inside: bool) -> bool:
    """Tell whether a rule may let a hook in; a list of prefixes may hold anything."""
    if rule.get("PrefixListIds") or any(each.get("GroupId") in own for each in rule.get("UserIdGroupPairs", [])):
        return True
    networks = [ipaddress.ip_network(str(each["CidrIp"]), strict=False) for each in rule.get("IpRanges", [])]
    if inside:  # its addresses, or those of its NAT gateway, are not looked up: any network may be theirs
        return bool(networks or rule.get("Ipv6Ranges"))
    return any(each.prefixlen < _SOMEBODYS and (each.prefixlen == 0 or not each.is_private) for each in networks)


def _sources(rule: dict[str, Any]) -> Iterator[str]:
    for key, member in (("UserIdGroupPairs", "GroupId"), ("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")):
        yield from (str(each.get(member)) for each in rule.get(key, []))
