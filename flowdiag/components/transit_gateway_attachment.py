"""Transit gateway attachments: what hangs on a transit gateway, with which table it is associated, where a VPC's attachment
stands in its subnets, and whom a peering joins. Only read; the transit gateway leads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal

from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View, by_id
from flowdiag.model import Packet, Scope

ALIVE = ("available", "modifying")
# What AWS calls the states (API_TransitGatewayVpcAttachment.html); of another one nothing is known.
State = Literal[
    "initiatingRequest",
    "initiating",
    "pendingAcceptance",
    "rollingBack",
    "pending",
    "available",
    "modifying",
    "deleting",
    "deleted",
    "failed",
    "rejected",
    "rejecting",
    "failing",
]


class Association(Part):
    """The transit gateway route table that packets from an attachment meet."""

    transit_gateway_route_table_id: Id
    state: Literal["associating", "associated", "disassociating", "disassociated"]


class TransitGatewayAttachment(Resource):
    """An attachment of any kind (API_TransitGatewayAttachment.html in the EC2 API reference)."""

    kind: ClassVar[str] = "transit_gateway_attachment"
    transit_gateway_attachment_id: str
    transit_gateway_id: Id
    transit_gateway_owner_id: str = ""
    resource_type: Id
    resource_id: str = ""
    resource_owner_id: str = ""
    state: State
    association: Association | None = None

    @property
    def id(self) -> str:
        """The attachment id."""
        return self.transit_gateway_attachment_id

    @property
    def alive(self) -> bool:
        """True where it carries traffic."""
        return self.state in ALIVE

    @property
    def table(self) -> str:
        """The id of the associated route table, or empty."""
        usable = self.association and self.association.state == "associated"
        return self.association.transit_gateway_route_table_id if self.association and usable else ""


class TransitGatewaySide(TransitGatewayAttachment):
    """The same as one of two peered transit gateways shows it: in one account and Region both sides have the same id."""

    kind: ClassVar[str] = "transit_gateway_side"

    def peer_home(self, scope: Scope, view: View) -> Scope | None:
        """Where the transit gateway on the other side of a peering is read: by its id, else as the peering shows it."""
        known = view.get("transit_gateway", self.resource_id, scope) if self.resource_id else None
        if known or not self.resource_id:
            return Scope.model_validate(known.scope) if known else None
        peering = view.get("transit_gateway_peering", self.id, scope)
        return peering.home_of(self.resource_id) if peering else None


def _sides(entries: Iterable[Any]) -> Iterable[Any]:
    """Every entry with what tells it from that of the other side."""
    return ({**entry, "Side": f"{entry['TransitGatewayAttachmentId']} {entry['TransitGatewayId']}"} for entry in entries)


class VpcAttachmentOptions(Part):
    """The options of a VPC attachment; absent ones have AWS's documented default."""

    ipv6_support: str = "disable"
    appliance_mode_support: str = "disable"
    security_group_referencing_support: str = "enable"


class TransitGatewayVpcAttachment(Resource):
    """The VPC side of an attachment (API_TransitGatewayVpcAttachment.html in the EC2 API reference)."""

    kind: ClassVar[str] = "transit_gateway_vpc_attachment"
    transit_gateway_attachment_id: str
    transit_gateway_id: Id
    vpc_id: Id
    vpc_owner_id: str = ""
    state: State
    subnet_ids: tuple[str, ...]
    options: VpcAttachmentOptions = VpcAttachmentOptions()

    @property
    def id(self) -> str:
        """The attachment id."""
        return self.transit_gateway_attachment_id

    @property
    def alive(self) -> bool:
        """True where it carries traffic."""
        return self.state in ALIVE

    @property
    def home(self) -> Scope:
        """Where the owner of the VPC reads its subnets."""
        return Scope(account=self.vpc_owner_id or self.scope.account, region=self.scope.region)

    def entrance(self, here: Any, view: View) -> tuple[Any, str]:
        """Its subnet in the zone of the subnet `here`, and whether it has one: without, that zone cannot reach the gateway.

        https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
        """
        subnets = self._subnets(view)
        if not here:
            return None, "unknown"
        shared = [subnet.shares_zone(here) if subnet else None for subnet in subnets]
        if True in shared:
            return subnets[shared.index(True)], "covered"
        return None, "unknown" if None in shared else "uncovered"

    def exits(self, here: Any, view: View) -> list[Any] | None:
        """The subnets in which a packet from the subnet `here` may come out; None where they were not all read.

        That of the same zone, else any; in appliance mode one is chosen for each flow, whatever its zone:
        https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
        """
        subnets = self._subnets(view)
        same = [s for s in subnets if s and here and s.shares_zone(here)]
        if same and self.options.appliance_mode_support != "enable":
            return same
        return subnets if subnets and all(subnets) else None

    def kept(self, exits: list[Any], packet: Packet) -> list[Any]:
        """In appliance mode both directions of a flow come out in one zone: the reply in that of the request.

        https://docs.aws.amazon.com/vpc/latest/tgw/transit-gateway-appliance-scenario.html
        """
        before = [place.role for place in packet.chosen if place.id == self.id] if packet.direction == "reply" else []
        return [subnet for subnet in exits if subnet.id in before] or exits

    def _subnets(self, view: View) -> list[Any]:
        return [view.get("subnet", id, self.home) for id in self.subnet_ids]


class PeeredGateway(Part):
    """One side of a peering of transit gateways."""

    transit_gateway_id: Id
    owner_id: str = ""
    region: Id


class TransitGatewayPeering(Resource):
    """A peering of two transit gateways (API_TransitGatewayPeeringAttachment.html in the EC2 API reference)."""

    kind: ClassVar[str] = "transit_gateway_peering"
    transit_gateway_attachment_id: str
    requester_tgw_info: PeeredGateway
    accepter_tgw_info: PeeredGateway

    @property
    def id(self) -> str:
        """The attachment id, which both sides show."""
        return self.transit_gateway_attachment_id

    def home_of(self, gateway: str) -> Scope | None:
        """Where the owner of one of the two transit gateways reads it."""
        sides = (self.requester_tgw_info, self.accepter_tgw_info)
        return next((Scope(account=s.owner_id, region=s.region) for s in sides if s.transit_gateway_id == gateway), None)


def _named(field: str) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    """The keys of a lookup by a field that every entry has: one that lacks it may be anybody's."""

    def keys(raw: Mapping[str, Any]) -> Iterable[str]:
        if not raw[field]:
            raise KeyError(field)
        return [raw[field]]

    return keys


def _by_attachment() -> Lookup:
    return by_id("TransitGatewayAttachmentId", "transit-gateway-attachment-id")


class TransitGatewayAttachmentComponent(Component):
    """Reads attachments; leads no packet."""

    kind = "transit_gateway_attachment"
    reads = (
        Read(
            service="ec2",
            operation="describe_transit_gateway_attachments",
            action="ec2:DescribeTransitGatewayAttachments",
            responses=("TransitGatewayAttachments",),
            id_field="Side",
            resource=TransitGatewaySide,
            lookups={
                "id": Lookup(keys=_named("Side")),
                "attachment": Lookup(keys=_named("TransitGatewayAttachmentId"), filter="transit-gateway-attachment-id"),
                "gateway": Lookup(keys=_named("TransitGatewayId"), filter="transit-gateway-id"),
            },
            items=_sides,
        ),
        Read(
            service="ec2",
            operation="describe_transit_gateway_attachments",
            action="ec2:DescribeTransitGatewayAttachments",
            responses=("TransitGatewayAttachments",),
            id_field="TransitGatewayAttachmentId",
            resource=TransitGatewayAttachment,
            lookups={"id": _by_attachment()},
        ),
        Read(
            service="ec2",
            operation="describe_transit_gateway_vpc_attachments",
            action="ec2:DescribeTransitGatewayVpcAttachments",
            responses=("TransitGatewayVpcAttachments",),
            id_field="TransitGatewayAttachmentId",
            resource=TransitGatewayVpcAttachment,
            lookups={
                "id": _by_attachment(),
                "vpc": Lookup(keys=_named("VpcId"), filter="vpc-id"),
            },
        ),
        Read(
            service="ec2",
            operation="describe_transit_gateway_peering_attachments",
            action="ec2:DescribeTransitGatewayPeeringAttachments",
            responses=("TransitGatewayPeeringAttachments",),
            id_field="TransitGatewayAttachmentId",
            resource=TransitGatewayPeering,
            lookups={"id": _by_attachment()},
        ),
    )
