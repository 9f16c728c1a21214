"""Core networks of Cloud WAN as the network manager shows them: attachments, and the routes of a segment at an edge. Only read;
the core network leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from flowdiag.address import holds, network, parts
from flowdiag.component import Cidr, Component, Id, Lookup, Part, Read, Resource, required
from flowdiag.model import Address, Network, Scope

ALIVE = ("AVAILABLE", "UPDATING")
DEAD = ("REJECTED", "FAILED", "CREATING", "PENDING_ATTACHMENT_ACCEPTANCE")  # of the others AWS does not say what they carry


class CoreNetworkShown(Part):
    """What GetCoreNetwork shows of it."""

    global_network_id: Id


class CoreNetwork(Resource):
    """A core network (https://docs.aws.amazon.com/networkmanager/latest/APIReference/API_CoreNetwork.html)."""

    kind: ClassVar[str] = "core_network"
    core_network_id: str
    core_network: CoreNetworkShown

    @property
    def id(self) -> str:
        """The core network id."""
        return self.core_network_id


class CoreNetworkAttachment(Resource):
    """What hangs on a core network (https://docs.aws.amazon.com/networkmanager/latest/APIReference/API_Attachment.html)."""

    kind: ClassVar[str] = "core_network_attachment"
    attachment_id: str
    core_network_id: Id
    owner_account_id: str = ""
    attachment_type: Id
    state: Id
    edge_location: str = ""
    resource_arn: Id
    segment_name: str = ""
    network_function_group_name: str = ""

    @property
    def id(self) -> str:
        """The attachment id."""
        return self.attachment_id

    @property
    def alive(self) -> bool:
        """True where it carries traffic."""
        return self.state in ALIVE

    @property
    def resource(self) -> str:
        """The id of what is attached, as the end of its ARN says it."""
        return self.resource_arn.rpartition("/")[2]

    @property
    def dead(self) -> bool:
        """True where it carries nothing for certain."""
        return self.state in DEAD

    @property
    def home(self) -> Scope:
        """Where the owner of a VPC reads its subnets."""
        return Scope(account=self.owner_account_id or self.scope.account, region=self.edge_location or self.scope.region)

    def is_of(self, vpc: str) -> bool:
        """Whether it is the attachment of this VPC."""
        return self.attachment_type == "VPC" and self.resource == vpc


class VpcOptions(Part):
    """The options of the attachment of a VPC (https://docs.aws.amazon.com/networkmanager/latest/APIReference/API_VpcOptions.html)."""

    security_group_referencing_support: bool = True


class VpcSide(Part):
    """What GetVpcAttachment shows of it."""

    subnet_arns: tuple[str, ...]
    options: VpcOptions = VpcOptions()


class CoreNetworkVpcAttachment(Resource):
    """The VPC side of an attachment (https://docs.aws.amazon.com/networkmanager/latest/APIReference/API_VpcAttachment.html)."""

    kind: ClassVar[str] = "core_network_vpc_attachment"
    attachment_id: str
    vpc_attachment: VpcSide

    @property
    def id(self) -> str:
        """The attachment id."""
        return self.attachment_id

    @property
    def subnet_ids(self) -> list[str]:
        """The subnets in which the attachment stands."""
        return [arn.rpartition("/")[2] for arn in self.vpc_attachment.subnet_arns]

    @property
    def shows_groups(self) -> bool:
        """Whether it lets rules beyond name the groups of senders, where the core network does."""
        return self.vpc_attachment.options.security_group_referencing_support


class RouteEnd(Part):
    """Where a route leads."""

    core_network_attachment_id: str = ""
    edge_location: str = ""
    network_function_group_name: str = ""
    resource_type: str = ""
    resource_id: str = ""


class CoreNetworkRoute(Part):
    """One route (https://docs.aws.amazon.com/networkmanager/latest/APIReference/API_NetworkRoute.html)."""

    destination_cidr_block: Cidr
    destinations: tuple[RouteEnd, ...] = ()
    state: Id

    def __str__(self) -> str:
        """As a person reads it."""
        ends = self.destinations
        leads = ", ".join(end.core_network_attachment_id or end.network_function_group_name or end.edge_location for end in ends)
        return f"{self.destination_cidr_block} → {leads or self.state.lower()}"


class CoreNetworkRoutes(Resource):
    """Every route of one segment at one edge, as GetNetworkRoutes gives them."""

    kind: ClassVar[str] = "core_network_routes"
    segment_edge: str
    network_routes: tuple[CoreNetworkRoute, ...]

    @property
    def id(self) -> str:
        """Global network, core network, segment and edge."""
        return self.segment_edge

    def choose(self, target: Address) -> tuple[CoreNetworkRoute | None, bool]:
        """The longest prefix (of equal ones AWS shows the route that it takes), and whether great parts of the internet are
        sent different ways, so that none of the routes is the one for anybody."""
        best = [self._longest(part) for part in parts(target)]
        return best[0], len({(route.state, route.destinations) if route else None for route in best}) > 1

    def _longest(self, target: Address | Network) -> CoreNetworkRoute | None:
        return max((r for r in self.network_routes if holds(r.destination_cidr_block, target)), key=_length, default=None)


def _length(route: CoreNetworkRoute) -> int:
    outer = network(route.destination_cidr_block)
    return outer.prefixlen if outer else 0


def _core(values: Sequence[str], _region: str) -> dict[str, Any]:
    return {"CoreNetworkId": values[0]}


def _segment_edge(values: Sequence[str], _region: str) -> dict[str, Any]:
    """A route table is named by three ids and a Region."""
    world, core, segment, edge = (*values[0].split("/"), "-", "-", "-")[:4]
    named = {"CoreNetworkId": core, "SegmentName": segment, "EdgeLocation": edge}
    return {"GlobalNetworkId": world, "RouteTableIdentifier": {"CoreNetworkSegmentEdge": named}}


class CoreNetworkAttachmentComponent(Component):
    """Reads attachments and routes; leads no packet."""

    kind = "core_network_attachment"
    reads = (
        Read(
            service="networkmanager",
            operation="get_core_network",
            action="networkmanager:GetCoreNetwork",
            responses=("CoreNetworkDetails",),
            id_field="CoreNetworkId",
            resource=CoreNetwork,
            lookups={"id": Lookup(keys=lambda raw: [raw["CoreNetworkId"]], parameter="CoreNetworkId")},
            single=True,
        ),
        Read(
            service="networkmanager",
            operation="list_attachments",
            action="networkmanager:ListAttachments",
            responses=("Attachments",),
            id_field="AttachmentId",
            resource=CoreNetworkAttachment,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["AttachmentId"]]),
                "core_network": Lookup(keys=required("CoreNetworkId"), request=_core),
            },
        ),
        Read(
            service="networkmanager",
            operation="get_vpc_attachment",
            action="networkmanager:GetVpcAttachment",
            responses=("CoreNetworkVpcAttachments",),
            id_field="AttachmentId",
            resource=CoreNetworkVpcAttachment,
            lookups={"id": Lookup(keys=lambda raw: [raw["AttachmentId"]], parameter="AttachmentId")},
            single=True,
        ),
        Read(
            service="networkmanager",
            operation="get_network_routes",
            action="networkmanager:GetNetworkRoutes",
            responses=("CoreNetworkRoutes",),
            id_field="SegmentEdge",
            resource=CoreNetworkRoutes,
            lookups={"id": Lookup(keys=lambda raw: [raw["SegmentEdge"]], request=_segment_edge)},
            single=True,
        ),
    )
