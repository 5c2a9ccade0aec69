"""Checks that the functions that run checks can connect to an ECS service's load balancer.

They read its scheme and its security groups.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html: a function outside a VPC has public source
addresses of AWS, one inside an address of its subnets and its own security groups;
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.finding import Severity

from .ecs_routing import LISTENER_NOT_FOUND, create_listener_commands
from .hook_names import stage_of
from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.plan.model import Check, Plan

    from .deployment_group import GroupState
    from .rules import Symptom

_CALLS_GREEN = ("compare", "graphql", "grpc_health", "http", "load", "openapi", "serves_green", "tls", "websocket")
"""The validators that connect to the deployment itself, through its listener."""
_OFFICE_PREFIX_LENGTH = 24
"""A public network with at least this prefix length is taken for a company's own, without addresses of AWS."""


def check_access_to_green(
    state: GroupState, plan: Plan, environment: str, functions: Mapping[str, dict[str, Any]]
) -> Iterator[Symptom]:
    """Check that the checks that call green have a URL for it, and that the network lets their function connect.

    Args:
        state: The deployment group.
        plan: Its plan.
        environment: The plan's environment for the group; "" if the plan has none.
        functions: Configurations of the functions that run the checks, by lifecycle event: hooks, or probes.
    """
    if plan.target.url:
        return
    for event, function in functions.items():
        stage = plan.stages.get(event)
        deployment = Deployment(
            id="",
            platform=state.platform,
            stage=event,
            application=state.application,
            group=state.group,
            environment=environment,
            region=state.region,
        )
        names = [check.name for check in stage.checks if _calls_green(check, deployment)] if stage else []
        if not names:
            continue
        reason, fix = _why_unreachable(state, event)
        if reason:
            yield make_symptom(
                "green-out-of-reach",
                f"{reason}; the checks of {event} that call green end as errors, and the gate answers Failed",
                *names,
                fix=fix,
            )
        else:
            yield from _check_route(state, event, function)


def _calls_green(check: Check, deployment: Deployment) -> bool:
    """Return whether a check can fail the gate and calls green, not a host that it names."""
    if check.validator not in _CALLS_GREEN or check.severity is Severity.ADVISORY or check.when.skip_reason(deployment):
        return False
    return not (isinstance(check.params, dict) and "host" in check.params) and "://" not in str(check.params)


def _why_unreachable(state: GroupState, event: str) -> tuple[str, str]:
    """Return why green has no URL at a lifecycle event, and the fix; "" if it has one. Follows the gate's discovery."""
    if state.platform is Platform.LAMBDA:
        return (
            "a Lambda version has no URL",
            "check it with lambda_invoke, or write the URL of the new version:\ntarget: {url: https://…}",
        )
    if event in ("BeforeInstall", "AfterInstall"):
        return f"at {event} no listener forwards to green yet", "move these checks to AfterAllowTestTraffic"
    if event != "AfterAllowTraffic" and not state.listener_arn("testTrafficRoute"):
        return (
            "without a test listener, nothing forwards to green before the traffic shift",
            create_listener_commands(state),
        )
    return "", ""


def _check_route(state: GroupState, event: str, function: dict[str, Any]) -> Iterator[Symptom]:
    """Check that a function can connect to the load balancer, on the port of the listener of its stage."""
    arn = state.listener_arn("prodTrafficRoute" if event == "AfterAllowTraffic" else "testTrafficRoute")
    if not arn:
        return
    response = state.reader.find("elbv2", "describe_listeners", LISTENER_NOT_FOUND, ListenerArns=[arn])
    listener = next(iter((response or {}).get("Listeners", [])), None)
    if listener is None:
        return  # ecs_routing.check_listeners reports this
    load_balancers = state.reader.call(
        "elbv2", "describe_load_balancers", LoadBalancerArns=[str(listener["LoadBalancerArn"])]
    )
    load_balancer = load_balancers["LoadBalancers"][0]
    name, vpc_config = str(function["FunctionName"]), function.get("VpcConfig", {})
    if load_balancer.get("Scheme") == "internal" and not vpc_config.get("SubnetIds"):
        vpc = load_balancer.get("VpcId", "its VPC")
        hooks_fix = (
            f"deploy greenlight into {vpc}: sam deploy --parameter-overrides VpcSubnetIds=SUBNET,SUBNET "
            "VpcSecurityGroupIds=GROUP"
        )
        probe_fix = (
            f"write network: vpc in the plan, and deploy greenlight with subnets of {vpc}: "
            "sam deploy --parameter-overrides ProbeSubnetIds=SUBNET,SUBNET ProbeSecurityGroupIds=GROUP"
        )
        yield make_symptom(
            "hook-outside",
            f"the load balancer is internal and {name} is not in a VPC, so its checks cannot connect",
            f"load balancer: {load_balancer.get('DNSName')} in {vpc}",
            fix=f"{hooks_fix}\nor, for this service alone, {probe_fix}" if stage_of(function) else probe_fix,
        )
    elif groups := load_balancer.get("SecurityGroups"):
        yield from _check_security_groups(state, function, int(listener["Port"]), groups)


def _check_security_groups(
    state: GroupState, function: dict[str, Any], port: int, load_balancer_groups: list[str]
) -> Iterator[Symptom]:
    name, vpc_config = str(function["FunctionName"]), function.get("VpcConfig", {})
    own_groups, in_vpc = vpc_config.get("SecurityGroupIds") or [], bool(vpc_config.get("SubnetIds"))
    groups = state.reader.pages("ec2", "describe_security_groups", "SecurityGroups", GroupIds=load_balancer_groups)
    rules = [rule for group in groups for rule in group.get("IpPermissions", []) if _covers_port(rule, port)]
    if any(_allows(rule, own_groups, in_vpc=in_vpc) for rule in rules):
        return
    sources = dict.fromkeys(source for rule in rules for source in _sources(rule))
    source = f"--source-group {own_groups[0]}" if own_groups else "--cidr 0.0.0.0/0"
    warning = (
        "\nThis opens the port to the internet. To avoid that, deploy greenlight into the VPC and allow its "
        "NAT gateway."
    )
    yield make_symptom(
        "hook-shut-out",
        f"{name} cannot connect to port {port} of the load balancer: its security groups do not allow it",
        f"port {port} allows: {', '.join(sources) or 'no source'}",
        f"{name} connects from: {', '.join(own_groups) or 'public addresses of AWS'}",
        fix=f"aws ec2 authorize-security-group-ingress --group-id {load_balancer_groups[0]} --protocol tcp "
        f"--port {port} {source}{'' if in_vpc else warning}",
    )


def _covers_port(rule: dict[str, Any], port: int) -> bool:
    return str(rule.get("IpProtocol")) == "-1" or (
        str(rule.get("IpProtocol")) in ("tcp", "6")
        and int(rule.get("FromPort", 0)) <= port <= int(rule.get("ToPort", 65535))
    )


def _allows(rule: dict[str, Any], own_groups: list[str], *, in_vpc: bool) -> bool:
    """Return whether a rule may allow a function. A prefix list is not read, so it may contain any address."""
    if rule.get("PrefixListIds"):
        return True
    if any(pair.get("GroupId") in own_groups for pair in rule.get("UserIdGroupPairs", [])):
        return True
    networks = [ipaddress.ip_network(str(item["CidrIp"]), strict=False) for item in rule.get("IpRanges", [])]
    if in_vpc:  # its addresses and those of its NAT gateway are not read, so any network may contain them
        return bool(networks or rule.get("Ipv6Ranges"))
    return any(
        network.prefixlen < _OFFICE_PREFIX_LENGTH and (network.prefixlen == 0 or not network.is_private)
        for network in networks
    )


def _sources(rule: dict[str, Any]) -> Iterator[str]:
    for key, member in (("UserIdGroupPairs", "GroupId"), ("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")):
        yield from (str(source.get(member)) for source in rule.get(key, []))
