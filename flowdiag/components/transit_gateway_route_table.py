"""Transit gateway route tables: longest prefix, then the kind of route; each attachment meets the one it is associated with.

https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html#tgw-route-evaluation-overview
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, ClassVar

from pydantic import model_validator

from flowdiag.address import closest, holds, network, parts
from flowdiag.component import Cidr, Component, Id, Lookup, Part, Read, Resource, View, attached
from flowdiag.model import Address, Network, Query, Scope

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


@dataclass(frozen=True)
class Way:
    """A route that covers the destination: the attachment it leads to, its prefix length, its rank and its text.

    `attachments` are all of them where equal routes of VPN connections or the like share one; `destination` is its CIDR,
    empty where a prefix list stands for it.
    """

    attachment: str
    type: str
    resource: str
    length: int
    rank: int
    state: str
    text: str
    attachments: tuple[Any, ...] = ()
    destination: str = ""


@dataclass(frozen=True)
class Choice:
    """What a table does with a destination; `undecided` where another route, not read or just as good, may win.

    `near` is what a missing route or a blackhole leaves to look at: the nearest route, or the active one that it beats.
    `divided` tells how it sends great parts of the internet different ways, where which of them is meant is not known.
    """

    way: Way | None
    undecided: bool = False
    near: str = ""
    divided: str = ""


class RouteAttachment(Part):
    """The attachment a route leads to."""

    transit_gateway_attachment_id: Id
    resource_id: str = ""
    resource_type: Id

    def foresee(self, gateway: str, scope: Scope, view: View) -> None:
        """Ask for what stands at the end of an attachment that leads out of AWS."""
        resource = attached(self, gateway, scope, view)
        if self.resource_type == "vpn":
            connection = view.get("vpn_connection", resource, scope) if resource else None
            if connection:
                view.get("customer_gateway", connection.customer_gateway_id, scope)
        elif self.resource_type == "direct-connect-gateway":
            view.get("direct_connect_associations", gateway, scope)
            known = view.get("direct_connect_attachments", resource, scope) if resource else None
            if known:
                known.interfaces(view)
        elif self.resource_type == "connect":
            view.get("transit_gateway_connect", self.transit_gateway_attachment_id, scope)
            view.find("connect_peer", "attachment", self.transit_gateway_attachment_id, scope)
        if self.resource_type != "vpc":
            view.find("transit_gateway_side", "attachment", self.transit_gateway_attachment_id, scope)


class TransitGatewayRoute(Part):
    """One route (API_TransitGatewayRoute.html in the EC2 API reference)."""

    destination_cidr_block: Cidr = ""
    prefix_list_id: str = ""
    type: Id
    state: Id
    transit_gateway_attachments: tuple[RouteAttachment, ...] = ()

    @model_validator(mode="after")
    def _leads_somewhere(self) -> TransitGatewayRoute:
        if not (self.destination_cidr_block or self.prefix_list_id):
            raise ValueError("it names no destination")
        if self.state == "active" and not self.transit_gateway_attachments:
            raise ValueError("it is active and names no attachment")
        return self

    @property
    def rank(self) -> int:
        """Its place among routes of the same prefix; lower wins."""
        if self.type == "static":
            return RANKS["prefix list"] if self.prefix_list_id else RANKS["static"]
        kinds = [RANKS.get(a.resource_type, 9) for a in self.transit_gateway_attachments]
        return min(kinds, default=9)

    def foresee(self, gateway: str, scope: Scope, view: View) -> None:
        """Ask for what stands behind every attachment it leads to."""
        for attachment in self.transit_gateway_attachments:
            attachment.foresee(gateway, scope, view)

    def way(self, length: int) -> Way:
        """The route as a way to a destination that it covers by so many bits."""
        to = next(iter(self.transit_gateway_attachments), None)
        attachment, type, resource = (to.transit_gateway_attachment_id, to.resource_type, to.resource_id) if to else ("", "", "")
        known = self.transit_gateway_attachments
        return Way(attachment, type, resource, length, self.rank, self.state, str(self), known, self.destination_cidr_block)

    def __str__(self) -> str:
        """As a person reads it: `10.1.0.0/16 → tgw-attach-1`."""
        leads = ", ".join(a.transit_gateway_attachment_id for a in self.transit_gateway_attachments)
        propagated = " (propagated)" if self.type == "propagated" else ""
        return f"{self.destination_cidr_block or self.prefix_list_id} → {leads or self.state}{propagated}"


class TransitGatewayRoutes(Resource):
    """Every route of one table, propagated ones too, as SearchTransitGatewayRoutes gives them."""

    kind: ClassVar[str] = "transit_gateway_routes"
    transit_gateway_route_table_id: str
    routes: tuple[TransitGatewayRoute, ...]
    additional_routes_available: bool = False

    @model_validator(mode="after")
    def _is_all(self) -> TransitGatewayRoutes:
        if self.additional_routes_available:
            raise ValueError("AWS has more routes than the reply shows")
        return self

    @property
    def id(self) -> str:
        """The route table id."""
        return self.transit_gateway_route_table_id

    def choose(self, target: Address, view: View) -> Choice:
        """The longest prefix, then the lowest rank; a blackhole route takes part and drops."""
        choices = [self._choose(part, view) for part in parts(target)]
        ends = {(c.way.attachment, c.way.state, c.undecided) if c.way else ("", "", c.undecided) for c in choices}
        if len(ends) == 1:
            return choices[0]
        each = dict.fromkeys(c.way.text if c.way else "no route for the rest" for c in choices)
        return Choice(None, undecided=True, divided=", ".join(each))

    def _choose(self, target: Address | Network, view: View) -> Choice:
        ways, unread = self._ways(target, view)
        best = min(ways, key=lambda way: (-way.length, way.rank), default=None)
        rivals = {way.attachment for way in ways if best and (way.length, way.rank) == (best.length, best.rank)}
        undecided = unread or len(rivals) > 1
        return Choice(best, undecided, near="" if undecided else self._near(best, ways, target))

    def _near(self, best: Way | None, ways: list[Way], target: Address | Network) -> str:
        losers = [way for way in ways if way.state == "active"] if best and best.state == "blackhole" else []
        beaten = min(losers, key=lambda way: (-way.length, way.rank, way.text), default=None)
        first = target if isinstance(target, IPv4Address | IPv6Address) else target.network_address
        nearest = "" if best else closest(self._shown(), first)
        told = next((f"nearest route: {r}" for r in self.routes if nearest and r.destination_cidr_block == nearest), "")
        return f"beats {beaten.text}" if beaten else told

    def _shown(self) -> tuple[str, ...]:
        """The CIDRs of its routes."""
        return tuple(route.destination_cidr_block for route in self.routes)

    def _ways(self, target: Address | Network, view: View) -> tuple[list[Way], bool]:
        """Every route that covers the destination, and whether a route that was not read may cover it too."""
        ways, unread = [], False
        for route in self.routes:
            lengths = self._lengths(route, target, view)
            unread = unread or lengths is None
            ways += [route.way(length) for length in lengths or ()]
        return ways, unread

    def _lengths(self, route: TransitGatewayRoute, target: Address | Network, view: View) -> list[int] | None:
        """The prefix lengths by which a route covers the destination; None where its prefix list was not read."""
        cidrs: tuple[str, ...] = (route.destination_cidr_block,)
        if not route.destination_cidr_block:
            listed = view.get("prefix_list", route.prefix_list_id, self.scope)
            if not listed:
                return None
            cidrs = listed.networks
        return [outer.prefixlen for cidr in cidrs if holds(cidr, target) and (outer := network(cidr))]


class TransitGatewayStaticRoutes(TransitGatewayRoutes):
    """The static routes alone: what attachments propagate into the table is added to them."""

    def _shown(self) -> tuple[str, ...]:
        """None: one that is propagated, and not among these, may lie closer."""
        return ()

    def _ways(self, target: Address | Network, view: View) -> tuple[list[Way], bool]:
        ways, unread = super()._ways(target, view)
        found = view.get("transit_gateway_propagations", self.id, self.scope)
        if not found:
            return ways, True
        entries = [p for p in found.transit_gateway_route_table_propagations if p.state != "disabled"]
        unread = unread or any(p.state != "enabled" for p in entries)  # under way in or out
        for entry in (p for p in entries if p.resource_type == "vpc"):
            cidrs = self._cidrs(entry, target, view)
            unread = unread or cidrs is None
            ways += [entry.way(cidr) for cidr in cidrs or () if holds(cidr, target)]
        return ways, unread or self._may_be_announced(entries, ways, view)

    def _cidrs(self, entry: Propagation, target: Address | Network, view: View) -> tuple[str, ...] | None:
        """What a VPC propagates: all its CIDRs, those of IPv6 only where its attachment supports IPv6; None where not read.

        https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
        """
        attachment = view.get("transit_gateway_attachment", entry.transit_gateway_attachment_id, self.scope)
        owner = attachment.resource_owner_id if attachment else ""
        home = Scope(account=owner or self.scope.account, region=self.scope.region)
        vpc = view.get("vpc", entry.resource_id, home)
        attached = view.get("transit_gateway_vpc_attachment", entry.transit_gateway_attachment_id, home)
        if not vpc or (target.version == 6 and not attached):
            return None
        return () if target.version == 6 and attached.options.ipv6_support != "enable" else tuple(vpc.cidrs)

    def _may_be_announced(self, entries: list[Propagation], ways: list[Way], view: View) -> bool:
        """Whether a VPN or Direct Connect gateway may announce the destination: what it propagates is in no saved reply.

        Where a VPC or a static route covers the destination, that no network outside announces a part of it is assumed.
        """
        outside = [entry.transit_gateway_attachment_id for entry in entries if entry.resource_type != "vpc"]
        if outside and ways:
            query = Query(kind="announced_routes", by="table", value=self.id, scope=self.scope)
            view.assume(query, f"{', '.join(outside)} announces no longer prefix")
        return bool(outside) and not ways


class Propagation(Part):
    """One attachment that propagates into a table."""

    transit_gateway_attachment_id: Id
    resource_id: str = ""
    resource_type: Id
    state: Id

    def way(self, cidr: str) -> Way:
        """A CIDR of the VPC as a way into it."""
        outer, to = network(cidr), self.transit_gateway_attachment_id
        text = f"{cidr} → {to} (propagated)"
        return Way(to, "vpc", self.resource_id, outer.prefixlen if outer else 0, RANKS["vpc"], "active", text, (self,), cidr)


class TransitGatewayPropagations(Resource):
    """Which attachments propagate into one table."""

    kind: ClassVar[str] = "transit_gateway_propagations"
    transit_gateway_route_table_id: str
    transit_gateway_route_table_propagations: tuple[Propagation, ...]

    @property
    def id(self) -> str:
        """The route table id."""
        return self.transit_gateway_route_table_id


def _id(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw["TransitGatewayRouteTableId"]]


def _reads() -> Iterator[Read]:
    field = "TransitGatewayRouteTableId"
    asked = Lookup(keys=_id, parameter=field, also={"state": ("active", "blackhole")})
    for key, resource, lookup in (
        ("TransitGatewayRoutes", TransitGatewayRoutes, asked),
        ("TransitGatewayStaticRoutes", TransitGatewayStaticRoutes, Lookup(keys=_id)),
    ):
        yield Read(
            service="ec2",
            operation="search_transit_gateway_routes",
            action="ec2:SearchTransitGatewayRoutes",
            responses=(key,),
            id_field=field,
            resource=resource,
            lookups={"id": lookup},
            single=True,
        )


class TransitGatewayRouteTableComponent(Component):
    """Reads the routes of transit gateway route tables; leads no packet.

    Live, one search gives every route. A saved folder may hold static routes and propagations apart, since the AWS CLI
    has a call for each; what a VPC propagates is then its CIDRs.
    """

    kind = "transit_gateway_route_table"
    reads = (
        *_reads(),
        Read(
            service="ec2",
            operation="get_transit_gateway_route_table_propagations",
            action="ec2:GetTransitGatewayRouteTablePropagations",
            responses=("TransitGatewayPropagations",),
            id_field="TransitGatewayRouteTableId",
            resource=TransitGatewayPropagations,
            lookups={"id": Lookup(keys=_id)},  # live, the search gives what was propagated
            single=True,
        ),
    )
