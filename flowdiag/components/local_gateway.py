"""Local gateways: from the subnets of an Outpost to the local network around it.

https://docs.aws.amazon.com/outposts/latest/userguide/routing.html
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from flowdiag.address import address, holds, network, parts
from flowdiag.component import Cidr, Component, Id, Lookup, Part, Read, Resource, View, by_id, entrance, holder, required
from flowdiag.model import Address, Evidence, Move, Network, Observation, Packet, Place, Query, Translation, Unread


class LocalGatewayAssociation(Resource):
    """A VPC on the route table of a local gateway (API_LocalGatewayRouteTableVpcAssociation.html in the EC2 API reference)."""

    kind: ClassVar[str] = "local_gateway_association"
    local_gateway_route_table_vpc_association_id: str
    local_gateway_route_table_id: Id
    local_gateway_id: Id
    vpc_id: Id
    state: Id

    @property
    def id(self) -> str:
        """The association id."""
        return self.local_gateway_route_table_vpc_association_id


class LocalGatewayRouteTable(Resource):
    """How a local gateway's table carries addresses (API_LocalGatewayRouteTable.html in the EC2 API reference)."""

    kind: ClassVar[str] = "local_gateway_route_table"
    local_gateway_route_table_id: str
    mode: Literal["direct-vpc-routing", "coip"]

    @property
    def id(self) -> str:
        """The route table id."""
        return self.local_gateway_route_table_id


class LocalGatewayRoute(Part):
    """One route (API_LocalGatewayRoute.html in the EC2 API reference)."""

    destination_cidr_block: Cidr = ""
    destination_prefix_list_id: str = ""
    local_gateway_virtual_interface_group_id: str = ""
    network_interface_id: str = ""
    state: Id

    @model_validator(mode="after")
    def _leads_somewhere(self) -> LocalGatewayRoute:
        if not (self.destination_cidr_block or self.destination_prefix_list_id):
            raise ValueError("it names no destination")
        return self

    @property
    def leads_to(self) -> str:
        """The id of what it leads to; empty where it shows none."""
        return self.local_gateway_virtual_interface_group_id or self.network_interface_id

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.destination_cidr_block or self.destination_prefix_list_id} → {self.leads_to or self.state}"


class LocalGatewayRoutes(Resource):
    """Every route of one table, as SearchLocalGatewayRoutes gives them."""

    kind: ClassVar[str] = "local_gateway_routes"
    local_gateway_route_table_id: str
    routes: tuple[LocalGatewayRoute, ...]

    @property
    def id(self) -> str:
        """The route table id."""
        return self.local_gateway_route_table_id

    def choose(self, target: Address) -> tuple[LocalGatewayRoute | None, bool]:
        """The longest prefix, and whether another may win: a prefix list, which is not followed, may hold a longer one, and
        great parts of the internet may be sent different ways."""
        best = [self._longest(part) for part in parts(target)]
        ways = {(route.state, route.leads_to) if route else None for route in best}
        return best[0], len(ways) > 1 or any(route.destination_prefix_list_id for route in self.routes)

    def _longest(self, target: Address | Network) -> LocalGatewayRoute | None:
        return max((r for r in self.routes if holds(r.destination_cidr_block, target)), key=_length, default=None)


def _length(route: LocalGatewayRoute) -> int:
    outer = network(route.destination_cidr_block)
    return outer.prefixlen if outer else 0


class LocalGatewayComponent(Component):
    """`place.role` is `out` (from the VPC) or `in` (an answer of the local network)."""

    kind = "local_gateway"
    connections = "kept"
    prefixes = ("lgw",)
    target_role = "out"
    route_field = "LocalGatewayId"
    reads = (
        Read(
            service="ec2",
            operation="describe_local_gateway_route_table_vpc_associations",
            action="ec2:DescribeLocalGatewayRouteTableVpcAssociations",
            responses=("LocalGatewayRouteTableVpcAssociations",),
            id_field="LocalGatewayRouteTableVpcAssociationId",
            resource=LocalGatewayAssociation,
            lookups={
                "id": by_id("LocalGatewayRouteTableVpcAssociationId", "local-gateway-route-table-vpc-association-id"),
                "vpc": Lookup(keys=required("VpcId"), filter="vpc-id"),
            },
        ),
        Read(
            service="ec2",
            operation="describe_local_gateway_route_tables",
            action="ec2:DescribeLocalGatewayRouteTables",
            responses=("LocalGatewayRouteTables",),
            id_field="LocalGatewayRouteTableId",
            resource=LocalGatewayRouteTable,
            lookups={"id": by_id("LocalGatewayRouteTableId", "local-gateway-route-table-id")},
        ),
        Read(
            service="ec2",
            operation="search_local_gateway_routes",
            action="ec2:SearchLocalGatewayRoutes",
            responses=("LocalGatewayRoutes",),
            id_field="LocalGatewayRouteTableId",
            resource=LocalGatewayRoutes,
            lookups={
                "id": Lookup(
                    keys=lambda raw: [raw["LocalGatewayRouteTableId"]],
                    parameter="LocalGatewayRouteTableId",
                    also={"state": ("active", "blackhole")},
                )
            },
            single=True,
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the VPC is on its table, a route leads on, and the sender has an address that the local network knows."""
        inward = place.role == "in"
        association = _association(place, packet, view)
        route, state = _route(association, packet, view)
        return Observation(
            table="local_gateway",
            inputs={
                "association": "unknown" if isinstance(association, Unread) else "yes" if association else "no",
                "route": "active" if inward else state,
                "address": "yes" if inward else _answer(association, packet, view),
            },
            words={
                "gateway": place.id,
                "vpc": packet.vpc,
                "source": str(packet.flow.source),
                "destination": str(packet.flow.destination),
                "route": str(route or ""),
            },
            resource=place.id,
            name=place.id,
            detail="" if inward else str(route or ""),
            evidence=(Evidence(where=place.id, text=str(route or "no route was read")),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Out to the local network, with the customer-owned address where the table asks for one; or back in. Without an
        association, a route or an address on as if there were one: the answer finds the private address again."""
        association = _association(place, packet, view)
        if place.role == "in":
            return self._in(place, packet)
        mapped = _mapped(association, packet, view) if association else None
        state = _route(association, packet, view)[1] if association else "none" if association is None else "unknown"
        known = "no" if association is None else _answer(association, packet, view)
        if state not in ("active", "none", "blackhole") or known == "unknown":
            return ()
        flow = packet.flow.rewritten(source=mapped) if mapped else packet.flow
        back = place.model_copy(update={"role": "in"})
        noted = Translation(place=back, before=packet.flow, after=flow, vpc=packet.vpc)
        lost = packet.lost or place.id
        onward = packet.but(flow=flow, subnet="", vpc="", sender=None, lost=lost, translations=(*packet.translations, noted))
        to = Place(kind="customer_network", id="local network", role="arrive", scope=place.scope)
        return (Move(to=to, packet=onward, as_if=state != "active" or not mapped),)

    def _in(self, place: Place, packet: Packet) -> tuple[Move, ...]:
        known = entrance(packet, "local_gateway")
        if known is None:
            return ()
        onward = packet.but(flow=packet.flow.rewritten(destination=known.before.source), subnet="")
        return (Move(to=Place(kind="vpc", id=packet.vpc, role="deliver", scope=place.scope), packet=onward),)

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """The table of the VPC and its routes."""
        for association in view.find("local_gateway_association", "vpc", vpc, place.scope) or ():
            view.get("local_gateway_route_table", association.local_gateway_route_table_id, place.scope)
            view.get("local_gateway_routes", association.local_gateway_route_table_id, place.scope)


def _association(place: Place, packet: Packet, view: View) -> Any:
    found = view.find("local_gateway_association", "vpc", packet.vpc, place.scope)
    if isinstance(found, Unread):
        return found
    known = [a for a in found if a.local_gateway_id == place.id and a.state != "disassociated"]
    odd = next((a for a in known if a.state != "associated"), None)
    if odd is None:
        return next(iter(known), None)
    query = Query(kind="local_gateway_association", by="id", value=odd.id, scope=odd.scope)
    return view.lack(Unread(query=query, reason=f"its state {odd.state} does not tell whether it carries traffic", retry=False))


def _route(association: Any, packet: Packet, view: View) -> tuple[LocalGatewayRoute | None, str]:
    """The winning route and its state as the column of the decision table says it."""
    if not association:
        return None, "unknown"
    table = view.get("local_gateway_routes", association.local_gateway_route_table_id, association.scope)
    if not table:
        return None, "unknown"
    route, may_be_listed = table.choose(packet.flow.destination)
    if may_be_listed:
        return route, "unknown"
    state = route.state if route else "none"
    return route, state if state in ("active", "blackhole", "none") else "other"


def _answer(association: Any, packet: Packet, view: View) -> str:
    """Whether the local network has an address for the sender: yes, no, managed (none but instances are served), or unknown."""
    if not association:
        return "unknown"
    table = view.get("local_gateway_route_table", association.local_gateway_route_table_id, association.scope)
    sender = _sender(packet, view)
    if not table or isinstance(sender, Unread):
        return "unknown"
    if sender is None:
        return "no"
    if table.mode == "direct-vpc-routing":
        return "managed" if sender.requester_managed else "yes"
    return "yes" if sender.outer_of(packet.flow.source, "customer_owned_ip") else "no"


def _mapped(association: Any, packet: Packet, view: View) -> Address | None:
    """The source as the local network sees it: the VPC's own address, or the customer-owned one; None where that is open."""
    if _answer(association, packet, view) not in ("yes", "managed"):
        return None
    table = view.get("local_gateway_route_table", association.local_gateway_route_table_id, association.scope)
    if table.mode == "direct-vpc-routing":
        return packet.flow.source
    return address(_sender(packet, view).outer_of(packet.flow.source, "customer_owned_ip"))


def _sender(packet: Packet, view: View) -> Any:
    if packet.sender:
        return view.get("network_interface", packet.sender, packet.scope)
    return holder(packet.vpc, packet.flow.source, packet.scope, view)
