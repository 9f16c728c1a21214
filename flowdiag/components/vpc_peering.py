"""VPC peering: one VPC to another and no further.

https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from flowdiag.address import any_holds, holds
from flowdiag.component import (
    Component,
    Id,
    Ipv6Association,
    Lookup,
    Offer,
    Part,
    Read,
    Resource,
    View,
    by_id,
    by_name,
    owner_scope,
)
from flowdiag.model import TCP, Evidence, Move, Mtu, Observation, Packet, Place, Scope, Unread

# Within a Region, and across: https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
MTU, MTU_ACROSS = Mtu(most=9001), Mtu(most=8500)


class PeeringCidr(Part):
    """One IPv4 CIDR of a side."""

    cidr_block: str = ""


class PeeringOptions(Part):
    """What a side has set; another account's side may not be shown (API_VpcPeeringConnectionOptionsDescription.html)."""

    allow_dns_resolution_from_remote_vpc: bool | None = None


class PeeringVpc(Part):
    """One side of a peering."""

    vpc_id: Id
    owner_id: str = ""
    region: Id
    cidr_block: str = ""
    cidr_block_set: tuple[PeeringCidr, ...] = ()
    ipv6_cidr_block_set: tuple[Ipv6Association, ...] = ()
    peering_options: PeeringOptions = PeeringOptions()

    @property
    def cidrs(self) -> tuple[str, ...]:
        """Every CIDR of the side that AWS shows (none unless the peering is active)."""
        more = [c.cidr_block for c in self.cidr_block_set] + [c.ipv6_cidr_block for c in self.ipv6_cidr_block_set]
        return tuple(dict.fromkeys(cidr for cidr in (self.cidr_block, *more) if cidr))


class PeeringStatus(Part):
    """The state of a peering."""

    code: Id


class VpcPeering(Resource):
    """A peering connection (API_VpcPeeringConnection.html in the EC2 API reference)."""

    kind: ClassVar[str] = "vpc_peering"
    vpc_peering_connection_id: str
    requester_vpc_info: PeeringVpc
    accepter_vpc_info: PeeringVpc
    status: PeeringStatus

    @property
    def id(self) -> str:
        """The peering id."""
        return self.vpc_peering_connection_id

    @property
    def active(self) -> bool:
        """True where it carries traffic."""
        return self.status.code == "active"

    def other(self, vpc: str) -> PeeringVpc:
        """The side that is not this VPC."""
        return self.requester_vpc_info if self.accepter_vpc_info.vpc_id == vpc else self.accepter_vpc_info

    def own(self, vpc: str) -> PeeringVpc:
        """The side that is this VPC."""
        return self.accepter_vpc_info if self.accepter_vpc_info.vpc_id == vpc else self.requester_vpc_info

    def side_scope(self, side: PeeringVpc) -> Scope:
        """Where a side's resources are read; the peering's own scope fills what the side does not say."""
        return Scope(account=side.owner_id or self.scope.account, region=side.region or self.scope.region)

    def names_privately(self, vpc: str) -> bool | None:
        """Whether public names of hosts in this VPC mean private addresses in the other; None where it is not shown.

        https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-dns.html
        """
        return self.own(vpc).peering_options.allow_dns_resolution_from_remote_vpc

    @property
    def crosses_regions(self) -> bool:
        """True where the two sides lie in different Regions."""
        return self.requester_vpc_info.region != self.accepter_vpc_info.region


def _sides(raw: Mapping[str, Any]) -> list[str]:
    """The VPCs on both sides; raises KeyError for half of a side, which may be anybody's."""
    found = [raw[side]["VpcId"] for side in ("RequesterVpcInfo", "AccepterVpcInfo")]
    if not all(found):
        raise KeyError("VpcId")
    return found


class VpcPeeringComponent(Component):
    """A peering crossed from `packet.vpc` to the other side."""

    kind = "vpc_peering"
    traffic_paths = ("4", "5")
    prefixes = ("pcx",)
    target_role = "cross"
    route_field = "VpcPeeringConnectionId"
    offer_rank = 1
    reads = (
        Read(
            service="ec2",
            operation="describe_vpc_peering_connections",
            action="ec2:DescribeVpcPeeringConnections",
            responses=("VpcPeeringConnections",),
            id_field="VpcPeeringConnectionId",
            resource=VpcPeering,
            lookups={
                "id": by_id("VpcPeeringConnectionId", "vpc-peering-connection-id"),
                "requester": Lookup(keys=lambda raw: _sides(raw)[:1], filter="requester-vpc-info.vpc-id"),
                "accepter": Lookup(keys=lambda raw: _sides(raw)[1:], filter="accepter-vpc-info.vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether it is active, and whether both addresses belong to the VPCs on its two sides."""
        peering = _peering(place, packet, view)
        if not peering:
            unread = isinstance(peering, Unread)
            inputs = {"active": "unknown" if unread else "no", "source in VPC": "unknown", "destination in VPC": "unknown"}
            words = {"peering": place.id, "status": "not read" if unread else "deleted", "vpc": "", "address": ""}
            return Observation(
                table="vpc_peering", inputs=inputs, words=words, resource=place.id, name=place.id, detail=words["status"]
            )
        other, own = peering.other(packet.vpc), peering.own(packet.vpc)
        return Observation(
            table="vpc_peering",
            inputs={
                "active": "yes" if peering.active else "no",
                "source in VPC": _handed_on(packet) or _inside(own, packet.flow.source, peering.side_scope(own), view),
                "destination in VPC": _inside(other, packet.flow.destination, peering.side_scope(other), view),
            },
            words={
                "peering": peering.name,
                "status": peering.status.code,
                "vpc": other.vpc_id,
                "source": str(packet.flow.source),
                "destination": str(packet.flow.destination),
            },
            resource=peering.id,
            name=peering.name,
            detail=f"{packet.vpc} → {other.vpc_id}, {peering.status.code}",
            evidence=(Evidence(where=peering.id, text=f"Status {peering.status.code}"),),
            mtu=MTU_ACROSS if peering.crosses_regions else MTU,
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To the router of the VPC on the other side; across Regions group references lose sight of the sender."""
        peering = _peering(place, packet, view)
        if not peering:
            return ()
        other = peering.other(packet.vpc)
        scope = peering.side_scope(other)
        identity = (
            {"sender": None, "receiver": None, "proxy": None, "lost": packet.lost or place.id} if peering.crosses_regions else {}
        )
        onward = packet.across(place.id, other.vpc_id).but(vpc=other.vpc_id, subnet="", scope=scope, **identity)
        to = Place(kind="vpc", id=other.vpc_id, role="deliver", scope=scope)
        return (Move(to=to, packet=onward, as_if=not peering.active),)

    def offers(self, packet: Packet, scope: Scope, view: View) -> Iterator[Offer]:
        """The active peerings with a VPC that has the address."""
        found = [p for side in ("requester", "accepter") for p in view.find("vpc_peering", side, packet.vpc, scope) or ()]
        for peering in found:
            cidrs = peering.other(packet.vpc).cidrs if peering.active else ()
            for cidr in (cidr for cidr in cidrs if holds(cidr, packet.flow.destination)):
                yield Offer(Place(kind="vpc_peering", id=peering.id, role="cross", scope=scope), cidr)


def _peering(place: Place, packet: Packet, view: View) -> Any:
    """The peering, which belongs to the owner of a shared VPC and may not be shown to its participants.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html
    """
    here = view.get("vpc_peering", place.id, place.scope)
    return here if here is not None else view.get("vpc_peering", place.id, owner_scope(packet.vpc, place.scope, view))


def _handed_on(packet: Packet) -> str:
    """By what a load balancer of this VPC sends the packet on with its client's address, as it may to a peered VPC; or empty.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
    """
    if packet.direction != "request" or not packet.proxy:
        return ""
    return "handed on" if packet.flow.protocol == TCP else "handed on not TCP"


def _inside(side: PeeringVpc, target: Any, scope: Scope, view: View) -> str:
    if any_holds(side.cidrs, target):
        return "yes"
    vpc = view.get("vpc", side.vpc_id, scope)
    if vpc:
        return "yes" if vpc.holds(target) else "no"
    # The sets may be cut off in older replies; only a VPC that was read can say no.
    return "unknown" if isinstance(vpc, Unread) else "no"
