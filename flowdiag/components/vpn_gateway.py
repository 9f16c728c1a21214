"""Virtual private gateways: between a VPC and what its VPN connections and Direct Connect reach.

https://docs.aws.amazon.com/vpn/latest/s2svpn/how_it_works.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, ClassVar, Literal

from flowdiag.component import (
    Component,
    Id,
    Lookup,
    Offer,
    Part,
    Read,
    Resource,
    View,
    by_id,
    by_name,
    given,
    holder,
    owner_scope,
)
from flowdiag.model import Address, Evidence, Move, Observation, Packet, Place, Scope, Translation, Unread

# Of several healthy ways with routes of one length: https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-route-priority.html
DIRECT_CONNECT, STATIC, BGP = 0, 1, 2
ANY_ADDRESS = IPv4Address(0)


@dataclass(frozen=True)
class Way:
    """A VPN connection or Direct Connect gateway behind a virtual private gateway.

    `covers` says whether it is known to lead to the address (yes, no, unknown), `works` whether it carries anything;
    `length` is the prefix of its static route, where it has one.
    """

    place: Place
    covers: str
    works: str
    rank: int
    length: int = 0


@dataclass(frozen=True)
class Ways:
    """The ways that may lead to an address, the preferred first, what was not read that may show more, and the ways that do not
    lead there as they are."""

    ways: tuple[Way, ...]
    missing: tuple[Unread, ...]
    others: tuple[Way, ...] = ()

    @property
    def unread(self) -> bool:
        """Whether there may be more."""
        return len(self.missing) > 0

    @property
    def healthy(self) -> list[Way]:
        """Those that may carry something: a gateway sends by healthy ways alone, whatever else it prefers."""
        return [way for way in self.ways if way.works != "no"]


class VpcAttachment(Part):
    """The VPC a gateway is attached to."""

    vpc_id: Id
    state: Literal["attaching", "attached", "detaching", "detached"]


class VpnGateway(Resource):
    """A virtual private gateway (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpnGateway.html)."""

    kind: ClassVar[str] = "vpn_gateway"
    vpn_gateway_id: str
    state: Literal["pending", "available", "deleting", "deleted"]
    vpc_attachments: tuple[VpcAttachment, ...]

    @property
    def id(self) -> str:
        """The gateway id."""
        return self.vpn_gateway_id

    @property
    def vpc(self) -> str:
        """The VPC it is attached to and carries packets of, or empty."""
        attached = (a.vpc_id for a in self.vpc_attachments if a.state == "attached" and self.state == "available")
        return next(attached, "")

    def ways(self, target: Address, view: View) -> Ways:
        """Everything behind the gateway that may lead to the address."""
        parts = (self._tunnelled(target, view), self._direct(target, view))
        found = sorted(
            (way for part in parts for way in part or ()),
            key=lambda way: (way.covers != "yes", -way.length, way.rank, way.place.id),
        )
        leading, others = (tuple(way for way in found if (way.covers == "no") is no) for no in (False, True))
        return Ways(leading, tuple(part for part in parts if isinstance(part, Unread)), others)

    def _tunnelled(self, target: Address, view: View) -> Any:
        """Its VPN connections, or Unread."""
        found = view.find("vpn_connection", "gateway", self.id, self.scope)
        if isinstance(found, Unread):
            return found
        alive = (c for c in found if c.state != "deleted")
        return tuple(
            Way(
                Place(kind="vpn_connection", id=c.id, role="out", scope=self.scope),
                c.covers(target),
                c.works,
                STATIC if c.options.static_routes_only else BGP,
                c.reach(target),
            )
            for c in alive
        )

    def _direct(self, target: Address, view: View) -> Any:
        """The Direct Connect gateways it is associated with, and private virtual interfaces of its own, or Unread."""
        associated = view.get("direct_connect_associations", self.id, self.scope)
        own = view.find("virtual_interface", "gateway", self.id, self.scope)
        if isinstance(associated, Unread) or isinstance(own, Unread):
            return associated if isinstance(associated, Unread) else own
        return (*self._associated(associated, target, view), *self._interfaces(own, target))

    def _associated(self, associated: Any, target: Address, view: View) -> Iterator[Way]:
        for association in associated.alive if associated else ():
            id = association.direct_connect_gateway_id
            attached = view.get("direct_connect_attachments", id, self.scope)
            works = "unknown" if not attached else attached.works(target.version, view)
            place = Place(kind="direct_connect_gateway", id=id, role="out", scope=self.scope)
            yield Way(place, "unknown", works, DIRECT_CONNECT)

    def _interfaces(self, own: Any, target: Address) -> Iterator[Way]:
        for interface in own:
            if interface.alive:
                place = Place(kind="direct_connect_gateway", id=interface.id, role="out", scope=self.scope)
                yield Way(place, "unknown", interface.works(target.version), DIRECT_CONNECT)


def _vpcs(raw: Mapping[str, Any]) -> list[str | None]:
    return [given(attachment, "VpcId") for attachment in raw["VpcAttachments"]]


class VpnGatewayComponent(Component):
    """`place.role` is `out` (from the VPC) or `in` (from the customer's network)."""

    kind = "vpn_gateway"
    traffic_paths = ("3",)
    prefixes = ("vgw",)
    target_role = "out"
    route_field = "GatewayId"
    offer_rank = 3
    reads = (
        Read(
            service="ec2",
            operation="describe_vpn_gateways",
            action="ec2:DescribeVpnGateways",
            responses=("VpnGateways",),
            id_field="VpnGatewayId",
            resource=VpnGateway,
            lookups={
                "id": by_id("VpnGatewayId", "vpn-gateway-id"),
                "vpc": Lookup(keys=_vpcs, filter="attachment.vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether it is attached, whether the VPC's end is an interface there, and whether anything behind it leads on."""
        gateway = _gateway(place, packet, view)
        inward = place.role == "in"
        name = gateway.name if gateway else place.id
        near = packet.flow.destination if inward else packet.flow.source
        ways = gateway.ways(packet.flow.destination, view) if gateway and gateway.vpc == packet.vpc and not inward else None
        return Observation(
            table="vpn_gateway",
            inputs={
                "direction": "in" if inward else "out",
                "attached": _attached(gateway, packet),
                "interface": _held(near, packet, view),
                "way": _known(ways, gateway, packet, view) if ways else "yes" if inward else "unknown",
                "edge route table": _edge(place, view) if inward else "no",
            },
            words={
                "gateway": name,
                "vpc": packet.vpc,
                "address": str(near),
                "destination": str(packet.flow.destination),
                "down": ", ".join(way.place.id for way in ways.ways if way.works == "no") if ways else "",
            },
            resource=place.id,
            name=name,
            detail=f"attached to {gateway.vpc or 'no VPC'}" if gateway else "",
            evidence=(Evidence(where=place.id, text=f"attached to {gateway.vpc or 'no VPC'}" if gateway else "not read"),),
            fix={"vpc": packet.vpc},
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Out by the ways that lead there, in by the gateway's own route table, or to the VPC's router; as if where it is not
        attached, or where nothing behind it is known to lead there."""
        gateway = _gateway(place, packet, view)
        if not gateway:
            return ()
        attached = gateway.vpc == packet.vpc
        if place.role == "in":
            return (Move(to=_inner(place, packet, view), packet=packet.but(subnet=""), as_if=not attached),)
        ways = gateway.ways(packet.flow.destination, view)
        known = attached and _known(ways, gateway, packet, view) == "yes"
        came = Translation(place=place.model_copy(update={"role": "in"}), before=packet.flow, after=packet.flow, vpc=packet.vpc)
        onward = packet.but(
            subnet="", vpc="", sender=None, lost=packet.lost or place.id, translations=(*packet.translations, came)
        )
        taken = _preferred(ways) if ways.ways else () if ways.unread or packet.flow.version == 6 else ways.others
        return tuple(Move(to=w.place, packet=onward, guess=len(taken) > 1, as_if=not known) for w in taken)

    def offers(self, packet: Packet, scope: Scope, view: View) -> Iterator[Offer]:
        """The gateway of the VPC, for an address that a connection of it is known to lead to by a static route."""
        for gateway in view.find("vpn_gateway", "vpc", packet.vpc, scope) or ():
            connections = view.find("vpn_connection", "gateway", gateway.id, scope) or ()
            covering = [c for c in connections if c.options.static_routes_only and c.covers(packet.flow.destination) == "yes"]
            if gateway.vpc == packet.vpc and covering:
                place = Place(kind="vpn_gateway", id=gateway.id, role="out", scope=scope)
                yield Offer(place, covering[0].route_for(packet.flow.destination))

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """What is behind the gateway, whatever the address."""
        gateway = view.get("vpn_gateway", place.id, place.scope)
        if not gateway:
            return
        gateway.ways(ANY_ADDRESS, view)
        view.find("route_table", "gateway", gateway.id, gateway.scope)
        for connection in view.find("vpn_connection", "gateway", gateway.id, gateway.scope) or ():
            view.get("customer_gateway", connection.customer_gateway_id, connection.scope)


def _gateway(place: Place, packet: Packet, view: View) -> Any:
    """The gateway, which the participants of a shared VPC do not see."""
    here = view.get("vpn_gateway", place.id, place.scope)
    if here is not None:
        return here
    return view.get("vpn_gateway", place.id, owner_scope(packet.vpc, place.scope, view))


def _attached(gateway: Any, packet: Packet) -> str:
    if isinstance(gateway, Unread):
        return "unknown"
    return "yes" if gateway and gateway.vpc == packet.vpc else "no"


def _held(near: Address, packet: Packet, view: View) -> str:
    """Whether the VPC's end of the flow is the private address of an interface there; the gateway drops all else.

    https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html (VGW_PRIVATE_IP_ASSOCIATION_…,
    GATEWAY_REJECTS_SPOOFED_TRAFFIC)
    """
    vpc = view.get("vpc", packet.vpc, packet.scope)
    if isinstance(vpc, Unread):
        return "unknown"
    if not vpc or not vpc.holds(near):
        return "foreign"
    found = holder(packet.vpc, near, packet.scope, view)
    return "unknown" if isinstance(found, Unread) else "yes" if found else "no"


def _known(ways: Ways, gateway: VpnGateway, packet: Packet, view: View) -> str:
    """Whether the gateway has a way to the destination.

    Static routes stand in the connections; what BGP taught the gateway shows only where a route table lets it propagate.
    A gateway routes nothing else: https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-route-priority.html
    """
    if any(way.covers == "yes" for way in ways.healthy):
        return "yes"
    if not ways.ways:
        return "unknown" if ways.unread else "no"
    if not ways.healthy:  # whichever would be taken, it says itself that it is down
        return "down" if ways.unread else "yes"
    static_down = any(way.covers == "yes" for way in ways.ways)  # its route may be the one that was propagated
    return "yes" if not static_down and _learned(gateway, packet, view) else "unlearned"


def _learned(gateway: VpnGateway, packet: Packet, view: View) -> bool:
    """Whether a route table of the VPC shows that the gateway has propagated a route to the destination."""
    own = view.find("route_table", "subnet", packet.subnet, packet.scope) if packet.subnet else ()
    near = own or view.find("route_table", "main", packet.vpc, packet.scope) or ()
    if any(table.learned(gateway.id, packet.flow.destination) for table in near):
        return True
    tables = view.find("route_table", "vpc", packet.vpc, packet.scope) or ()
    return any(table.learned(gateway.id, packet.flow.destination) for table in tables)


def _preferred(ways: Ways) -> list[Way]:
    """The ways of which one is taken: the healthy ones, and among those that are known to lead there the best."""
    healthy = ways.healthy or list(ways.ways)
    best = healthy[0]
    if all(way.covers == "yes" for way in healthy):
        return [way for way in healthy if (way.length, way.rank) == (best.length, best.rank)]
    return healthy


def _edge(place: Place, view: View) -> str:
    tables = view.find("route_table", "gateway", place.id, place.scope)
    return "unknown" if isinstance(tables, Unread) else "yes" if tables else "no"


def _inner(place: Place, packet: Packet, view: View) -> Place:
    """Where a packet goes that came in: by the gateway's own route table where it has one, else to the VPC's router."""
    tables = view.find("route_table", "gateway", place.id, place.scope)
    if tables:
        return Place(kind="edge_route_table", id=tables[0].id, role=place.id, scope=place.scope)
    return Place(kind="vpc", id=packet.vpc, role="deliver", scope=place.scope)
