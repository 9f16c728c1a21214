"""Subnets: the border at which network ACLs and route tables apply. A packet never stands in one, so it is only read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flowdiag.address import holds
from flowdiag.component import Component, Ipv6Association, Lookup, Read, Resource, by_id, by_name
from flowdiag.model import Address, Move, Packet, Place


class Subnet(Resource):
    """A subnet as DescribeSubnets gives it (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Subnet.html)."""

    kind: ClassVar[str] = "subnet"
    subnet_id: str
    vpc_id: str = ""
    cidr_block: str = ""
    availability_zone: str = ""
    availability_zone_id: str = ""
    outpost_arn: str = ""
    ipv6_cidr_block_association_set: tuple[Ipv6Association, ...] = ()
    block_public_access_states: Mapping[str, Any] | None = None
    network_firewall_connectivity_type: str = ""

    @property
    def id(self) -> str:
        """The subnet id."""
        return self.subnet_id

    def holds(self, address: Address) -> bool:
        """True where the address lies in one of the subnet's CIDRs."""
        return holds(self.cidr_block, address) or any(holds(a.cidr, address) for a in self.ipv6_cidr_block_association_set)

    @property
    def block_public_access(self) -> str:
        """The mode of VPC Block Public Access that AWS shows with the subnet, or empty where it shows none."""
        return str((self.block_public_access_states or {}).get("InternetGatewayBlockMode", ""))

    @property
    def inspected(self) -> bool:
        """Whether an Automated Internet Firewall of the VPC, where there is one, sees the subnet's packets.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Subnet.html
        """
        return self.network_firewall_connectivity_type not in ("exclude", "az-unsupported")

    def exit(self, vpc: str, packet: Packet, guess: bool = False) -> Move:
        """On from a gateway's attachment in the subnet: by its route table, past its network ACL's outbound rules; to a
        neighbour in it past neither.

        https://docs.aws.amazon.com/vpc/latest/tgw/tgw-nacls.html
        """
        onward = packet.but(subnet=self.id, vpc=vpc, scope=self.scope)
        if self.holds(packet.flow.destination):
            return Move(to=Place(kind="vpc", id=vpc, role="deliver", scope=self.scope), packet=onward, guess=guess)
        acl = Place(kind="network_acl", id=self.id, role="outbound", scope=self.scope)
        to = Place(kind="route_table", id=self.id, role="route", scope=self.scope)
        return Move(to=to, packet=onward, guards=(acl,), guess=guess)

    def shares_zone(self, other: Subnet) -> bool | None:
        """Whether both lie in one availability zone, None where that is not known: a zone's name is each account's own.

        https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html
        """
        if self.availability_zone_id and other.availability_zone_id:
            return self.availability_zone_id == other.availability_zone_id
        named = self.availability_zone and other.availability_zone and self.scope.account == other.scope.account
        return self.availability_zone == other.availability_zone if named else None


class SubnetComponent(Component):
    """Reads subnets; leads no packet."""

    kind = "subnet"
    reads = (
        Read(
            service="ec2",
            operation="describe_subnets",
            action="ec2:DescribeSubnets",
            responses=("Subnets",),
            id_field="SubnetId",
            resource=Subnet,
            lookups={
                "id": by_id("SubnetId", "subnet-id"),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )
