"""Whether the hooks reach an ECS service's load balancer, as far as its scheme and its security groups tell.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html: a function outside a VPC comes from public
addresses of AWS, one inside from an address of its subnets, with its security groups;
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from greenlight.model import Platform

from devkit.doctor.rules import symptom

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.plan import Plan

    from devkit.doctor.rules import Symptom
    from devkit.doctor.scene import Scene

_CALLING = ("compare", "graphql", "grpc_health", "http", "load", "openapi", "serves_green", "tls", "websocket")
"""The validators that send something to the deployment itself, through its listener."""
_SOMEBODYS = 24
"""Bits of a public network from which on it is taken for somebody's office and not for AWS's addresses."""


def way_in(scene: Scene, read: Plan, hooks: Mapping[str, dict[str, Any]]) -> Iterator[Symptom]:
    """Look whether the hooks whose stage calls the service get through to its listener.

    Args:
        scene: The deployment group.
        read: Its plan.
        hooks: Configurations of greenlight's hooks by event.
    """
    calling = {
        str(found["FunctionName"]): found
        for event, found in hooks.items()
        if event in read.stages and any(each.validator in _CALLING for each in read.stages[event].checks)
    }
    arn = scene.listener("testTrafficRoute") or scene.listener("prodTrafficRoute")
    if scene.platform is not Platform.ECS or read.target.url or not (calling and arn):
        return
    absent = ("ListenerNotFound", "ListenerNotFoundException")
    answer = scene.reader.found("elbv2", "describe_listeners", absent, ListenerArns=[arn])
    listener = next(iter((answer or {}).get("Listeners", [])), None)
    if listener is None:
        return  # told where the listeners are looked at
    balancer = scene.reader.call(
        "elbv2", "describe_load_balancers", LoadBalancerArns=[str(listener["LoadBalancerArn"])]
    )["LoadBalancers"][0]
    for name, found in calling.items():
        own = found.get("VpcConfig", {})
        if balancer.get("Scheme") == "internal" and not own.get("SubnetIds"):
            vpc = balancer.get("VpcId", "its VPC")
            yield symptom(
                "hook-outside",
                f"the load balancer is internal, and {name} is outside of every VPC, so its checks reach nothing",
                f"load balancer: {balancer.get('DNSName')} in {vpc}",
                fix=f"install greenlight in {vpc}: sam deploy --parameter-overrides VpcSubnetIds=SUBNET,SUBNET VpcSecurityGroupIds=GROUP (docs/install.md)",
            )
        elif groups := balancer.get("SecurityGroups"):
            yield from _admitted(scene, name, own, int(listener["Port"]), groups)


def _admitted(scene: Scene, name: str, own: dict[str, Any], port: int, groups: list[str]) -> Iterator[Symptom]:
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
