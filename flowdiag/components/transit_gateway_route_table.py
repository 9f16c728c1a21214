"""Transit gateway route tables: longest prefix, then the kind of route; each attachment meets the one it is associated with.

https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html#tgw-route-evaluation-overview
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flowdiag.component import Component, Lookup, Part, Read, Resource

# Equal prefixes: a static route, then a prefix list reference, then what is propagated, by where it comes from.
RANKS = {
    "static": 0,
    "prefix list": 1,
    "vpc": 2,
    "direct-connect-gateway": 3,
    "connect": 4,
    "vpn": 5,
    "vpn-concentrator": 6,
    "client-vpn": 7,
    "peering": 8,
    "tgw-peering": 8,
}


class RouteAttachment(Part):
    """The attachment a route leads to."""

    transit_gateway_attachment_id: str = ""
    resource_id: str = ""
    resource_type: str = ""


class TransitGatewayRoute(Part):
    """One route (API_TransitGatewayRoute.html in the EC2 API reference)."""

    destination_cidr_block: str = ""
    prefix_list_id: str = ""
    type: str = ""
    state: str = ""
    transit_gateway_attachments: tuple[RouteAttachment, ...] = ()

    @property
    def rank(self) -> int:
        """Its place among routes of the same prefix; lower wins."""
        if self.type == "static":
            return RANKS["prefix list"] if self.prefix_list_id else RANKS["static"]
        kinds = [RANKS.get(a.resource_type, 9) for a in self.transit_gateway_attachments]
        return min(kinds, default=9)

    def __str__(self) -> str:
        """As a person reads it: `10.1.0.0/16 → tgw-attach-1`."""
        leads = ", ".join(a.transit_gateway_attachment_id for a in self.transit_gateway_attachments)
        return f"{self.destination_cidr_block or self.prefix_list_id} → {leads or self.state or 'nothing'}"


class TransitGatewayRoutes(Resource):
    """Every route of one table, propagated ones too, as SearchTransitGatewayRoutes gives them."""

    kind: ClassVar[str] = "transit_gateway_routes"
    complete: ClassVar[bool] = True
    transit_gateway_route_table_id: str
    routes: tuple[TransitGatewayRoute, ...] = ()
    additional_routes_available: bool = False

    @property
    def id(self) -> str:
        """The route table id."""
        return self.transit_gateway_route_table_id


class TransitGatewayStaticRoutes(TransitGatewayRoutes):
    """The static routes alone: what propagates has to be added."""

    complete: ClassVar[bool] = False


class Propagation(Part):
    """One attachment that propagates into a table."""

    transit_gateway_attachment_id: str = ""
    resource_id: str = ""
    resource_type: str = ""
    state: str = ""


class TransitGatewayPropagations(Resource):
    """Which attachments propagate into one table."""

    kind: ClassVar[str] = "transit_gateway_propagations"
    transit_gateway_route_table_id: str
    transit_gateway_route_table_propagations: tuple[Propagation, ...] = ()

    @property
    def id(self) -> str:
        """The route table id."""
        return self.transit_gateway_route_table_id


def _id(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw["TransitGatewayRouteTableId"]]


class TransitGatewayRouteTableComponent(Component):
    """Reads the routes of transit gateway route tables; leads no packet.

    Live, one search gives every route. A saved folder may hold static routes and propagations apart, since the AWS CLI
    has a call for each; what a VPC propagates is then its CIDRs.
    """

    kind = "transit_gateway_route_table"
    reads = (
        Read(
            service="ec2",
            operation="search_transit_gateway_routes",
            action="ec2:SearchTransitGatewayRoutes",
            responses=("TransitGatewayRoutes",),
            id_field="TransitGatewayRouteTableId",
            resource=TransitGatewayRoutes,
            lookups={"id": Lookup(keys=_id, parameter="TransitGatewayRouteTableId", also={"state": "active,blackhole"})},
            single=True,
        ),
        Read(
            service="ec2",
            operation="search_transit_gateway_routes",
            action="ec2:SearchTransitGatewayRoutes",
            responses=("TransitGatewayStaticRoutes",),
            id_field="TransitGatewayRouteTableId",
            resource=TransitGatewayStaticRoutes,
            lookups={"id": Lookup(keys=_id)},
        ),
        Read(
            service="ec2",
            operation="get_transit_gateway_route_table_propagations",
            action="ec2:GetTransitGatewayRouteTablePropagations",
            responses=("TransitGatewayPropagations",),
            id_field="TransitGatewayRouteTableId",
            resource=TransitGatewayPropagations,
            lookups={"id": Lookup(keys=_id, parameter="TransitGatewayRouteTableId")},
            single=True,
        ),
    )
