"""Transit gateway attachments: what hangs on a transit gateway, with which table it is associated, and where a VPC's
attachment stands in its subnets. Only read; the transit gateway leads."""

from __future__ import annotations

from typing import ClassVar

from flowdiag.component import Component, Lookup, Part, Read, Resource, by_id

ALIVE = ("available", "modifying", "")


class Association(Part):
    """The transit gateway route table that packets from an attachment meet."""

    transit_gateway_route_table_id: str = ""
    state: str = ""


class TransitGatewayAttachment(Resource):
    """An attachment of any kind (API_TransitGatewayAttachment.html in the EC2 API reference)."""

    kind: ClassVar[str] = "transit_gateway_attachment"
    transit_gateway_attachment_id: str
    transit_gateway_id: str = ""
    transit_gateway_owner_id: str = ""
    resource_type: str = ""
    resource_id: str = ""
    resource_owner_id: str = ""
    state: str = ""
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
        usable = self.association and self.association.state in ("associated", "")
        return self.association.transit_gateway_route_table_id if self.association and usable else ""


class VpcAttachmentOptions(Part):
    """The options of a VPC attachment; absent ones have AWS's documented default."""

    ipv6_support: str = "disable"
    appliance_mode_support: str = ""
    security_group_referencing_support: str = ""


class TransitGatewayVpcAttachment(Resource):
    """The VPC side of an attachment (API_TransitGatewayVpcAttachment.html in the EC2 API reference)."""

    kind: ClassVar[str] = "transit_gateway_vpc_attachment"
    transit_gateway_attachment_id: str
    transit_gateway_id: str = ""
    vpc_id: str = ""
    vpc_owner_id: str = ""
    state: str = ""
    subnet_ids: tuple[str, ...] = ()
    options: VpcAttachmentOptions = VpcAttachmentOptions()

    @property
    def id(self) -> str:
        """The attachment id."""
        return self.transit_gateway_attachment_id

    @property
    def alive(self) -> bool:
        """True where it carries traffic."""
        return self.state in ALIVE


class TransitGatewayAttachmentComponent(Component):
    """Reads attachments; leads no packet."""

    kind = "transit_gateway_attachment"
    reads = (
        Read(
            service="ec2",
            operation="describe_transit_gateway_attachments",
            action="ec2:DescribeTransitGatewayAttachments",
            responses=("TransitGatewayAttachments",),
            id_field="TransitGatewayAttachmentId",
            resource=TransitGatewayAttachment,
            lookups={
                "id": by_id("TransitGatewayAttachmentId", "transit-gateway-attachment-id"),
                "resource": Lookup(keys=lambda raw: [raw.get("ResourceId")], filter="resource-id"),
                "gateway": Lookup(keys=lambda raw: [raw.get("TransitGatewayId")], filter="transit-gateway-id"),
            },
        ),
        Read(
            service="ec2",
            operation="describe_transit_gateway_vpc_attachments",
            action="ec2:DescribeTransitGatewayVpcAttachments",
            responses=("TransitGatewayVpcAttachments",),
            id_field="TransitGatewayAttachmentId",
            resource=TransitGatewayVpcAttachment,
            lookups={
                "id": by_id("TransitGatewayAttachmentId", "transit-gateway-attachment-id"),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
            },
        ),
    )
