"""Checks whether a function in a VPC can reach an AWS service, from route tables and VPC endpoints.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html: a function in a VPC has no public
address, so an internet gateway does not connect it; https://docs.aws.amazon.com/codedeploy/latest/userguide/vpc-endpoints.html;
https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html.
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


_NAMES = {"codedeploy": "CodeDeploy", "s3": "S3"}


def check_network(state: GroupState, hook: dict[str, Any]) -> Iterator[Symptom]:
    """Check that every subnet of a hook has a route to CodeDeploy."""
    yield from check_route(state, hook, "codedeploy", "hook-without-way-out")


def check_route(state: GroupState, function: dict[str, Any], service: str, rule: str) -> Iterator[Symptom]:
    """Check that every subnet of a function has a default route or an endpoint of a service.

    Args:
        state: The deployment group.
        function: Configuration of the function.
        service: Name of the service in the names of its endpoints, `codedeploy` or `s3`.
        rule: Id of the rule that is broken otherwise.
    """
    subnets = function.get("VpcConfig", {}).get("SubnetIds") or []
    if not subnets:
        return
    vpc, name, service_name = str(function["VpcConfig"]["VpcId"]), function["FunctionName"], _NAMES[service]
    tables = state.reader.pages("ec2", "describe_route_tables", "RouteTables", Filters=_filter("vpc-id", vpc))
    isolated = [subnet for subnet in subnets if not _has_egress(_route_table(tables, subnet))]
    endpoints = _endpoints(state.reader, vpc, f".{state.region}.{service}") if isolated else []
    isolated = [subnet for subnet in isolated if not _has_endpoint(endpoints, _route_table(tables, subnet))]
    if not isolated:
        return
    listed = ", ".join(isolated)
    if len(isolated) == len(subnets):
        message = f"{name} is in {vpc} and cannot reach {service_name} from any of its subnets {listed}"
    else:
        message = f"{name} cannot reach {service_name} from the subnets {listed} of {vpc}, and Lambda may run it there"
    gateways = dict.fromkeys(
        str(route["GatewayId"])
        for subnet in isolated
        for route in _default_routes(_route_table(tables, subnet))
        if route.get("GatewayId")
    )
    yield make_symptom(
        rule,
        message,
        f"no default route to a NAT gateway, and no VPC endpoint of {service_name} for these subnets",
        *(f"the internet gateway {gateway} does not help: a function has no public address" for gateway in gateways),
        fix="add a route to a NAT gateway to these subnets, or create an endpoint: "
        + _create_endpoint_command(state, service, vpc, isolated, tables),
    )


def _create_endpoint_command(
    state: GroupState, service: str, vpc: str, subnets: list[str], tables: list[dict[str, Any]]
) -> str:
    """Return the command that creates an endpoint; a gateway endpoint, which is free, where there is one."""
    common = f"--vpc-id {vpc} --service-name com.amazonaws.{state.region}.{service}"
    if service != "s3":
        return (
            f"aws ec2 create-vpc-endpoint --vpc-endpoint-type Interface --private-dns-enabled {common} "
            f"--subnet-ids {' '.join(subnets)}"
        )
    ids = dict.fromkeys(str(_route_table(tables, subnet).get("RouteTableId", "TABLE")) for subnet in subnets)
    return f"aws ec2 create-vpc-endpoint --vpc-endpoint-type Gateway {common} --route-table-ids {' '.join(ids)}"


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


def _endpoints(reader: Reader, vpc: str, suffix: str) -> list[dict[str, Any]]:
    """Return the endpoints of a VPC for the service whose name ends with `suffix` that can be used."""
    endpoints = reader.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=_filter("vpc-id", vpc))
    return [
        endpoint
        for endpoint in endpoints
        if str(endpoint.get("ServiceName", "")).endswith(suffix)
        and str(endpoint.get("State", "")).lower() == "available"
    ]


def _has_endpoint(endpoints: list[dict[str, Any]], table: dict[str, Any]) -> bool:
    """Return whether a subnet with this route table uses one of the endpoints: by its name, or as a route."""
    return any(
        endpoint.get("PrivateDnsEnabled") or table.get("RouteTableId", "") in (endpoint.get("RouteTableIds") or ())
        for endpoint in endpoints
    )
