"""Whether a hook in a VPC has a way to CodeDeploy, as far as routes and endpoints tell.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html: a function in a VPC has no public
address, so an internet gateway is no way; https://docs.aws.amazon.com/codedeploy/latest/userguide/vpc-endpoints.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devkit.doctor.rules import symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devkit.doctor.deployment_group import GroupState
    from devkit.doctor.reader import Reader
    from devkit.doctor.rules import Symptom

_WAYS = (
    "NatGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
    "CoreNetworkArn",
)


def way_out(scene: GroupState, found: dict[str, Any]) -> Iterator[Symptom]:
    """Look for a default route or an endpoint of CodeDeploy, for every subnet of a hook."""
    subnets = found.get("VpcConfig", {}).get("SubnetIds") or []
    if not subnets:
        return
    vpc = str(found["VpcConfig"]["VpcId"])
    tables = scene.reader.pages("ec2", "describe_route_tables", "RouteTables", Filters=_of("vpc-id", vpc))
    shut = [subnet for subnet in subnets if not _leads_out(_table(tables, subnet))]
    if shut and not _endpoint(scene.reader, vpc, scene.region):
        gateways = [
            str(route["GatewayId"])
            for subnet in shut
            for route in _defaults(_table(tables, subnet))
            if route.get("GatewayId")
        ]
        yield symptom(
            "hook-without-way-out",
            f"{found['FunctionName']} is in {vpc} and reaches CodeDeploy from none of the subnets {', '.join(shut)}"
            if len(shut) == len(subnets)
            else f"{found['FunctionName']} does not reach CodeDeploy from the subnets {', '.join(shut)} of {vpc}, and Lambda may run it there",
            "no default route to a NAT gateway, no endpoint of CodeDeploy with private DNS",
            *(
                f"an internet gateway is no way for a function, which has no public address: {each}"
                for each in dict.fromkeys(gateways)
            ),
            fix=f"give these subnets a route to a NAT gateway, or: aws ec2 create-vpc-endpoint --vpc-endpoint-type Interface --private-dns-enabled --vpc-id {vpc} --service-name com.amazonaws.{scene.region}.codedeploy --subnet-ids {' '.join(shut)}",
        )


def _of(name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]}]


def _table(tables: list[dict[str, Any]], subnet: str) -> dict[str, Any]:
    """Give the route table of a subnet: its own, or the VPC's main one."""
    own = [each for each in tables if any(one.get("SubnetId") == subnet for one in each.get("Associations", []))]
    main = [each for each in tables if any(one.get("Main") for one in each.get("Associations", []))]
    return next(iter(own or main), {})


def _defaults(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        route
        for route in table.get("Routes", [])
        if route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State") != "blackhole"
    ]


def _leads_out(table: dict[str, Any]) -> bool:
    return any(route.get(way) for route in _defaults(table) for way in _WAYS)


def _endpoint(reader: Reader, vpc: str, region: str) -> bool:
    found = reader.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=_of("vpc-id", vpc))
    return any(
        str(each.get("ServiceName", "")).endswith(f".{region}.codedeploy")
        and str(each.get("State", "")).lower() == "available"
        and each.get("PrivateDnsEnabled")
        for each in found
    )
