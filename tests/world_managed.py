"""Managed services in a small world, in the shape in which their describe calls show them, with the interfaces AWS makes.

orders = function("orders-fn", {app: "10.0.1.40"}, sg_fn)
database("orders-db", {data: "10.0.2.45"}, sg_db)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from world import Interface, Subnet, World
from world_guards import Group, Raw


def arn(world: World, service: str, resource: str) -> str:
    """The ARN of something in the world's account and Region."""
    return f"arn:aws:{service}:{world.region}:{world.account}:{resource}"


def function(name: str, places: Mapping[Subnet, str], *groups: Group, world: World | None = None, **more: Any) -> Raw:
    """A function with an interface of Lambda's at an address of each subnet; with no subnets, one outside any VPC."""
    world = world or next(iter(places)).world
    for subnet, address in places.items():
        look = {"Description": f"AWS Lambda VPC ENI-{name}-0f3a", "RequesterManaged": True}
        subnet.interface(address, *groups, type="lambda", **look)
    raw = {"FunctionName": name, "FunctionArn": arn(world, "lambda", f"function:{name}"), "State": "Active", **more}
    if places:
        config = {"SubnetIds": [subnet.id for subnet in places], "SecurityGroupIds": [group.id for group in groups]}
        raw["VpcConfig"] = {**config, "VpcId": next(iter(places)).vpc.id}
    return world.add("Functions", "fn", raw)


def database(name: str, places: Mapping[Subnet, str], *groups: Group, port: int = 3306, public: str = "", **more: Any) -> Raw:
    """An available database whose group holds these subnets; it lies in the first one's zone, at its address there.

    An empty address means a subnet of its group in which it does not lie.
    """
    first = next(iter(places))
    for subnet, address in places.items():
        if address:
            look = {"Description": "RDSNetworkInterface", "RequesterManaged": True, "public": public}
            subnet.interface(address, *groups, **look)
    world = first.world
    listed = [{"SubnetIdentifier": s.id, "SubnetAvailabilityZone": {"Name": s.raw["AvailabilityZone"]}} for s in places]
    raw = {"DBInstanceIdentifier": name, "DBInstanceArn": arn(world, "rds", f"db:{name}"), "Engine": "mysql"}
    raw |= {
        "DBInstanceStatus": "available",
        "AvailabilityZone": first.raw["AvailabilityZone"],
        "PubliclyAccessible": bool(public),
    }
    raw |= {"Endpoint": {"Address": f"{name}.abc123.{world.region}.rds.amazonaws.com", "Port": port}}
    raw |= {"DBSubnetGroup": {"VpcId": first.vpc.id, "Subnets": listed}}
    raw |= {"VpcSecurityGroups": [{"VpcSecurityGroupId": group.id, "Status": "active"} for group in groups], **more}
    return world.add("DBInstances", "db", raw)


def cluster(name: str, writer: Raw, readers: Iterable[Raw], world: World, **more: Any) -> Raw:
    """An Aurora cluster of these databases."""
    members = [(writer, True), *((reader, False) for reader in readers)]
    listed = [{"DBInstanceIdentifier": m["DBInstanceIdentifier"], "IsClusterWriter": writes} for m, writes in members]
    raw = {"DBClusterIdentifier": name, "DBClusterArn": arn(world, "rds", f"cluster:{name}"), "DBClusterMembers": listed}
    return world.add("DBClusters", "cluster", {**raw, "Status": "available", **more})


def elastic_ip(world: World, public: str, face: Interface | None = None, name: str = "") -> str:
    """The allocation id of an Elastic IP, of an interface or of nobody."""
    raw: Raw = {"PublicIp": public, "Domain": "vpc", "Tags": [{"Key": "Name", "Value": name}] if name else []}
    if face:
        raw |= {"NetworkInterfaceId": face.id, "AssociationId": world.id("eipassoc")}
    return str(world.add("Addresses", "eipalloc", raw)["AllocationId"])
