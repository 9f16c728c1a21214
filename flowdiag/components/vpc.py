"""The VPC router's `local` route: hands a packet to the network interface that holds the destination address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flowdiag.address import any_holds, holds, is_aws_own, network
from flowdiag.component import (
    CidrState,
    Component,
    Ipv6Association,
    Lookup,
    Offer,
    Part,
    Read,
    Resource,
    View,
    by_id,
    by_name,
    holder,
)
from flowdiag.model import Address, Evidence, Move, Observation, Packet, Place, Scope, Unread


class CidrAssociation(Part):
    """One IPv4 CIDR of a VPC."""

    cidr_block: str = ""
    cidr_block_state: CidrState = CidrState()

    @property
    def cidr(self) -> str:
        """The CIDR, or empty where it is no longer in use."""
        return "" if self.cidr_block_state.state in ("disassociating", "disassociated", "failed") else self.cidr_block


class EncryptionControl(Part):
    """Whether the VPC enforces encryption in transit (API_VpcEncryptionControl.html in the EC2 API reference)."""

    mode: str = ""
    state: str = ""


class InternetFirewall(Part):
    """An Automated Internet Firewall of a VPC (API_NetworkFirewallAssociation.html in the EC2 API reference)."""

    firewall_arn: str = ""
    firewall_onboarding_status: str = ""
    firewall_mode: str = ""

    @property
    def name(self) -> str:
        """Its name, which ends its ARN."""
        return self.firewall_arn.rpartition("/")[2] or "internet firewall"


class Vpc(Resource):
    """A VPC as DescribeVpcs gives it (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Vpc.html)."""

    kind: ClassVar[str] = "vpc"
    vpc_id: str
    cidr_block: str = ""
    owner_id: str = ""
    dhcp_options_id: str = ""
    cidr_block_association_set: tuple[CidrAssociation, ...] = ()
    ipv6_cidr_block_association_set: tuple[Ipv6Association, ...] = ()
    block_public_access_states: Mapping[str, Any] | None = None
    encryption_control: EncryptionControl | None = None
    network_firewall_associations: tuple[InternetFirewall, ...] = ()

    @property
    def id(self) -> str:
        """The VPC id."""
        return self.vpc_id

    @property
    def cidrs(self) -> tuple[str, ...]:
        """Every CIDR of the VPC, IPv4 and IPv6."""
        more = [a.cidr for a in self.cidr_block_association_set]
        more += [a.cidr for a in self.ipv6_cidr_block_association_set]
        return tuple(dict.fromkeys(cidr for cidr in (self.cidr_block, *more) if cidr))

    def holds(self, address: Address) -> bool:
        """True where the address lies in one of the VPC's CIDRs."""
        return any_holds(self.cidrs, address)

    @property
    def internet_firewall(self) -> InternetFirewall | None:
        """The firewall that may drop what passes to and from the internet; one that only monitors drops nothing."""
        return next((one for one in self.network_firewall_associations if one.firewall_mode != "monitor"), None)

    def hides(self, address: Address) -> bool:
        """True where the address lies in a CIDR of private IPv6 addresses, which no gateway to the internet carries.

        https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html
        """
        return any(one.private and holds(one.cidr, address) for one in self.ipv6_cidr_block_association_set)

    @property
    def enforces_encryption(self) -> str:
        """`yes` in mode enforce, `no` in mode monitor or without encryption controls, `unknown` while that changes.

        https://docs.aws.amazon.com/vpc/latest/userguide/vpc-encryption-controls.html
        """
        control = self.encryption_control
        if control is None or control.state == "deleted" or (control.mode == "monitor" and control.state == "available"):
            return "no"
        return "yes" if control.mode == "enforce" and control.state == "available" else "unknown"

    @property
    def block_public_access(self) -> str:
        """The mode of VPC Block Public Access that AWS shows with the VPC, or empty where it shows none."""
        return str((self.block_public_access_states or {}).get("InternetGatewayBlockMode", ""))


class VpcComponent(Component):
    """Delivers inside one VPC; `place.id` is the VPC."""

    kind = "vpc"
    traffic_paths = ("1",)
    connections = "kept"
    offer_rank = 0
    reads = (
        Read(
            service="ec2",
            operation="describe_vpcs",
            action="ec2:DescribeVpcs",
            responses=("Vpcs",),
            id_field="VpcId",
            resource=Vpc,
            lookups={
                "id": by_id("VpcId", "vpc-id"),
                "vpc": Lookup(keys=lambda raw: [raw["VpcId"]], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether somebody holds the destination address here."""
        target = packet.flow.destination
        held = self._held(place, target, view)
        return Observation(
            table="vpc",
            inputs={"address": held},
            words={"address": str(target), "vpc": place.id},
            resource=place.id,
            detail=f"{target} {_DETAIL[held]}",
            evidence=(Evidence(where=place.id, text=f"{target} {_DETAIL[held]}"),),
        )

    def _held(self, place: Place, target: Address, view: View) -> str:
        if is_aws_own(target):
            return "reserved"
        interface = holder(place.id, target, place.scope, view)
        if isinstance(interface, Unread):
            return "unknown"
        if interface is not None:
            return "held"
        return _reserved(place, target, view)

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """On to the interface that holds the address."""
        interface = None if is_aws_own(packet.flow.destination) else holder(place.id, packet.flow.destination, place.scope, view)
        if not interface:
            return ()
        to = Place(kind="network_interface", id=interface.id, role="arrive", scope=interface.scope)
        return (Move(to=to, packet=packet.but(vpc=place.id, scope=interface.scope)),)

    def offers(self, packet: Packet, scope: Scope, view: View) -> tuple[Offer, ...]:
        """The VPC itself, for an address of its own."""
        found = view.get("vpc", packet.vpc, scope)
        target = packet.flow.destination
        own = (cidr for cidr in found.cidrs if holds(cidr, target)) if found else ()
        place = Place(kind="vpc", id=packet.vpc, role="deliver", scope=scope)
        return tuple(Offer(place, cidr) for cidr in own)


_DETAIL = {
    "held": "is held by a network interface",
    "unheld": "is held by no network interface",
    "reserved": "is an address of AWS's own",
    "unknown": "may be held by an interface that was not read",
}


def _reserved(place: Place, target: Address, view: View) -> str:
    """The first four and the last address of a subnet are AWS's: router, resolver, future use, broadcast.

    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
    """
    subnets = view.find("subnet", "vpc", place.id, place.scope)
    if isinstance(subnets, Unread):
        return "unknown"
    vpc = view.get("vpc", place.id, place.scope)
    networks = [s.cidr_block for s in subnets] + list(vpc.cidrs if vpc else ())
    return "reserved" if any(_reserved_in(cidr, target) for cidr in networks) else "unheld"


def _reserved_in(cidr: str, target: Address) -> bool:
    outer = network(cidr)
    if outer is None or outer.version != target.version or target not in outer:
        return False
    return int(target) - int(outer.network_address) < 4 or int(outer.broadcast_address) == int(target)
