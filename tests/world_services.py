"""What stands between VPCs in a small world: transit gateways and endpoints; load balancers are in `world_balancers`.

hub = TransitGateway(world)
far = hub.attach(two, data)          # associated with the hub's one table, into which it propagates
"""

from __future__ import annotations

from typing import Any

from world import Subnet, Vpc, World, tags
from world_guards import Group, Raw


class TransitGateway:
    """A transit gateway with one route table, which new attachments are associated with and propagate into."""

    def __init__(self, world: World, name: str = "", referencing: str = "disable") -> None:
        self.world = world
        options = {"SecurityGroupReferencingSupport": referencing}
        look = {"OwnerId": world.account, "State": "available", "Options": options, "Tags": tags(name)}
        self.raw = world.add("TransitGateways", "tgw", look)
        self.id = str(self.raw["TransitGatewayId"])
        self.table = self.new_table()

    def new_table(self) -> Raw:
        """One more route table, without routes."""
        return self.world.add("TransitGatewayRoutes", "tgw-rtb", {"Routes": [], "AdditionalRoutesAvailable": False})

    def attach(self, vpc: Vpc, *subnets: Subnet, table: Raw | None = None, into: Raw | None = None, **options: str) -> str:
        """The id of a VPC's attachment: associated with `table`, propagating `into` one."""
        whose = {"State": "available", "TransitGatewayId": self.id, "Tags": []}
        inside = {"VpcId": vpc.id, "VpcOwnerId": vpc.world.account, "SubnetIds": [subnet.id for subnet in subnets]}
        known = {"Ipv6Support": "enable" if vpc.ipv6 else "disable", "SecurityGroupReferencingSupport": "enable", **options}
        raw = vpc.world.add("TransitGatewayVpcAttachments", "tgw-attach", {**whose, **inside, "Options": known})
        id = str(raw["TransitGatewayAttachmentId"])
        self._show(id, "vpc", vpc.id, vpc.world.account, table or self.table)
        if vpc.world is not self.world:
            self._share(vpc.world, id, vpc.id)
        for cidr in (*vpc.cidrs, *([vpc.ipv6] if vpc.ipv6 else ())):
            self.route(cidr, id, "vpc", vpc.id, table=into or self.table, type="propagated")
        return id

    def route(
        self,
        cidr: str,
        attachment: str = "",
        kind: str = "vpc",
        resource: str = "",
        table: Raw | None = None,
        type: str = "static",
    ) -> Raw:
        """A route to an attachment; without one a blackhole."""
        to = {"TransitGatewayAttachmentId": attachment, "ResourceType": kind, "ResourceId": resource}
        raw = {"DestinationCidrBlock": cidr, "Type": type, "State": "active" if attachment else "blackhole"}
        raw |= {"TransitGatewayAttachments": [to]} if attachment else {}
        (table or self.table)["Routes"].append(raw)
        return raw

    def peer(self, other: TransitGateway) -> str:
        """The id of a peering, which both sides show; routes to it are still to be made."""
        id = self.world.id("tgw-attach")
        for one, far in ((self, other), (other, self)):
            one._show(id, "peering", far.id, far.world.account, one.table)
        raw = {"TransitGatewayAttachmentId": id, "State": "available"}
        raw |= {"RequesterTgwInfo": self._side(), "AccepterTgwInfo": other._side()}
        for world in dict.fromkeys((self.world, other.world)):
            world.add("TransitGatewayPeeringAttachments", "tgw-attach", raw)
        return id

    def _side(self) -> Raw:
        return {"TransitGatewayId": self.id, "OwnerId": self.world.account, "Region": self.world.region}

    def _share(self, world: World, id: str, vpc: str) -> None:
        """What the account of an attached VPC is shown of a gateway that is not its own: itself, not the association."""
        if self.raw not in world.raw()[world.account, world.region]["TransitGateways"]:
            world.add("TransitGateways", "tgw", self.raw)
        whose = {"TransitGatewayId": self.id, "TransitGatewayOwnerId": self.world.account, "State": "available"}
        its = {"ResourceType": "vpc", "ResourceId": vpc, "ResourceOwnerId": world.account}
        world.add("TransitGatewayAttachments", "tgw-attach", {"TransitGatewayAttachmentId": id, **whose, **its})

    def _show(self, id: str, kind: str, resource: str, owner: str, table: Raw) -> None:
        associated = {"TransitGatewayRouteTableId": table["TransitGatewayRouteTableId"], "State": "associated"}
        mine = {"TransitGatewayId": self.id, "TransitGatewayOwnerId": self.world.account, "State": "available"}
        its = {"ResourceType": kind, "ResourceId": resource, "ResourceOwnerId": owner, "Association": associated}
        self.world.add("TransitGatewayAttachments", "tgw-attach", {"TransitGatewayAttachmentId": id, **mine, **its})


def gateway_endpoint(vpc: Vpc, service: str = "s3", **more: Any) -> str:
    """The id of a gateway endpoint; routes to it are still to be made."""
    return _endpoint(vpc, {"VpcEndpointType": "Gateway", "NetworkInterfaceIds": [], **more}, service)


def interface_endpoint(subnet: Subnet, address: str, *groups: Group, service: str = "ec2", **more: Any) -> str:
    """The id of an interface endpoint with its interface in one subnet."""
    look = {"Description": "VPC Endpoint Interface", "RequesterManaged": True}
    face = subnet.interface(address, *groups, type="vpc_endpoint", **look)
    place = {"SubnetIds": [subnet.id], "NetworkInterfaceIds": [face.id]}
    return _endpoint(subnet.vpc, {"VpcEndpointType": "Interface", **place, **more}, service)


def appliance_endpoint(subnet: Subnet, address: str, service: str, **more: Any) -> str:
    """The id of an endpoint for a Gateway Load Balancer's service, in one subnet; routes to it are still to be made."""
    look = {"Description": "VPC Endpoint Interface", "RequesterManaged": True, "SourceDestCheck": False}
    face = subnet.interface(address, type="gateway_load_balancer_endpoint", **look)
    place = {"SubnetIds": [subnet.id], "NetworkInterfaceIds": [face.id]}
    return _endpoint(subnet.vpc, {"VpcEndpointType": "GatewayLoadBalancer", **place, **more}, service)


def _endpoint(vpc: Vpc, raw: Raw, service: str) -> str:
    name = {"ServiceName": service if "." in service else f"com.amazonaws.{vpc.world.region}.{service}"}
    added = vpc.world.add("VpcEndpoints", "vpce", {"VpcId": vpc.id, "State": "available", **name, "Tags": [], **raw})
    return str(added["VpcEndpointId"])


def egress_only_gateway(vpc: Vpc) -> str:
    """The id of an egress-only internet gateway attached to the VPC; routes to it are still to be made."""
    attached = {"Attachments": [{"State": "attached", "VpcId": vpc.id}], "Tags": []}
    return str(vpc.world.add("EgressOnlyInternetGateways", "eigw", attached)["EgressOnlyInternetGatewayId"])


def block_public_access(world: World, mode: str, **excluded: tuple[str, str]) -> None:
    """VPC Block Public Access of the account; exclusions are (id of a VPC or subnet, mode), their names are for the reader."""
    options = {"AwsAccountId": world.account, "AwsRegion": world.region, "State": "update-complete"}
    world.add("VpcBlockPublicAccessOptions", "bpa", {**options, "InternetGatewayBlockMode": mode})
    for id, allowed in excluded.values():
        arn = f"arn:aws:ec2:{world.region}:{world.account}:{id.split('-')[0]}/{id}"
        look = {"ResourceArn": arn, "InternetGatewayExclusionMode": allowed, "State": "create-complete"}
        world.add("VpcBlockPublicAccessExclusions", "vpcbpa-exclude", look)
