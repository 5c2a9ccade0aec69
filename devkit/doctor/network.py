"""Checks whether a hook in a VPC can reach CodeDeploy, from route tables and VPC endpoints.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html: a function in a VPC has no public
address, so an internet gateway does not connect it; https://docs.aws.amazon.com/codedeploy/latest/userguide/vpc-endpoints.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .deployment_group import GroupState
    from .reader import Reader
    from .rules import Symptom

_EGRESS_TARGETS = (
    "NatGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
    "CoreNetworkArn",
)
"""Targets of a route by which a function without a public address can reach the internet."""


def check_network(state: GroupState, hook: dict[str, Any]) -> Iterator[Symptom]:
    """Check that every subnet of a hook has a default route, or its VPC an endpoint of CodeDeploy."""
    subnets = hook.get("VpcConfig", {}).get("SubnetIds") or []
    if not subnets:
        return
    vpc, name = str(hook["VpcConfig"]["VpcId"]), hook["FunctionName"]
    tables = state.reader.pages("ec2", "describe_route_tables", "RouteTables", Filters=_filter("vpc-id", vpc))
    isolated = [subnet for subnet in subnets if not _has_egress(_route_table(tables, subnet))]
    if not isolated or _has_endpoint(state.reader, vpc, state.region):
        return
    listed = ", ".join(isolated)
    if len(isolated) == len(subnets):
        message = f"{name} is in {vpc} and cannot reach CodeDeploy from any of its subnets {listed}"
    else:
        message = f"{name} cannot reach CodeDeploy from the subnets {listed} of {vpc}, and Lambda may run it there"
    gateways = dict.fromkeys(
        str(route["GatewayId"])
        for subnet in isolated
        for route in _default_routes(_route_table(tables, subnet))
        if route.get("GatewayId")
    )
    yield make_symptom(
        "hook-without-way-out",
        message,
        "no default route to a NAT gateway, and no VPC endpoint of CodeDeploy with private DNS",
        *(f"the internet gateway {gateway} does not help: a function has no public address" for gateway in gateways),
        fix="add a route to a NAT gateway to these subnets, or create an endpoint: aws ec2 create-vpc-endpoint "
        f"--vpc-endpoint-type Interface --private-dns-enabled --vpc-id {vpc} "
        f"--service-name com.amazonaws.{state.region}.codedeploy --subnet-ids {' '.join(isolated)}",
    )


def _filter(name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]}]


def _route_table(tables: list[dict[str, Any]], subnet: str) -> dict[str, Any]:
    """Return the route table of a subnet: its own, or else the VPC's main one."""
    own, main = [], []
    for table in tables:
        associations = table.get("Associations", [])
        if any(association.get("SubnetId") == subnet for association in associations):
            own.append(table)
        if any(association.get("Main") for association in associations):
            main.append(table)
    return next(iter(own or main), {})


def _default_routes(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        route
        for route in table.get("Routes", [])
        if route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State") != "blackhole"
    ]


def _has_egress(table: dict[str, Any]) -> bool:
    return any(route.get(target) for route in _default_routes(table) for target in _EGRESS_TARGETS)


def _has_endpoint(reader: Reader, vpc: str, region: str) -> bool:
    endpoints = reader.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=_filter("vpc-id", vpc))
    return any(
        str(endpoint.get("ServiceName", "")).endswith(f".{region}.codedeploy")
        and str(endpoint.get("State", "")).lower() == "available"
        and endpoint.get("PrivateDnsEnabled")
        for endpoint in endpoints
    )
