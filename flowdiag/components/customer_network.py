"""The customer's own network: where packets from private addresses outside AWS start, and where they may enter.

AWS sees such a network only by what leads there. Which way a packet takes into AWS is decided by the customer's routers;
the way that AWS's own routes take back to the sender is the best hint there is, and taken with a word.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flowdiag.component import Component, View, attached, entrance, is_outside
from flowdiag.model import Evidence, Flow, Move, Observation, Packet, Place, Query, Scope, Translation, Unread

# What stands at the end of a transit gateway's attachment, by the kind of resource that AWS shows of it.
BEHIND = {"vpn": "vpn_connection", "direct-connect-gateway": "direct_connect_gateway", "connect": "transit_gateway_connect"}

TELL_NOTHING = ("local_gateway",)  # gateways behind which AWS shows no further hop


class WayIn(NamedTuple):
    """Where a packet leaves the customer's network, and the gateway at which it then enters AWS."""

    outside: Place
    gateway: Place
    vpc: str


class Ways(NamedTuple):
    """What is known of the ways in: known, several, none, elsewhere (another VPC) or unknown; `route` is the route back."""

    state: str
    ways: tuple[WayIn, ...] = ()
    route: str = ""


class CustomerNetworkComponent(Component):
    """`place.role` is `leave` (a packet from a private address that no interface has starts here) or `arrive` (one came by
    a gateway that tells nothing of what is behind it)."""

    kind = "customer_network"
    outside = True

    def observe(self, place: Place, packet: Packet, view: View) -> Observation | None:
        """Where the packet enters AWS, as far as AWS's own routes to its sender tell; or whether it may leave AWS at all."""
        if place.role == "arrive":
            return _arrived(place, packet, view)
        if entrance(packet, *TELL_NOTHING):
            return None
        found = _ways_in(packet, view)
        source = str(packet.flow.source)
        if found.ways:
            view.assume(
                Query(kind="customer_network", by="address", value=source),
                "its routers send by the gateways that AWS answers through",
            )
        gateways = " or ".join(dict.fromkeys(way.outside.id for way in found.ways))
        words = {"source": source, "destination": str(packet.flow.destination), "gateways": gateways, "route": found.route}
        return Observation(
            table="customer_network",
            inputs={"way": found.state, "destination": "yes"},
            words=words,
            resource=place.id,
            name="customer network",
            detail=f"{source} enters by {gateways}" if gateways else "",
            evidence=(Evidence(where="customer network", text=f"the way back: {found.route or 'no route'}"),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To every gateway by which it may enter; an answer to the one by which the request went out."""
        if place.role == "arrive":
            return ()
        back = entrance(packet, *TELL_NOTHING)
        if back:
            return (Move(to=back.place, packet=packet.but(vpc=back.vpc, scope=back.place.scope, subnet="", sender=None)),)
        ways = _ways_in(packet, view).ways
        return tuple(Move(to=way.outside, packet=_with(way, packet), guess=len(ways) > 1) for way in ways)


def _arrived(place: Place, packet: Packet, view: View) -> Observation:
    target = str(packet.flow.destination)
    return Observation(
        table="customer_network",
        inputs={"way": "arrived", "destination": is_outside(packet.flow.destination, view)},
        words={"source": str(packet.flow.source), "destination": target, "gateways": "", "route": ""},
        resource=place.id,
        name=place.id,
        detail=f"{target} leaves AWS here",
        evidence=(Evidence(where=place.id, text=target),),
    )


def _with(way: WayIn, packet: Packet) -> Packet:
    """The packet with the gateway it is to enter by."""
    back: Flow = packet.flow.reply()
    noted = Translation(place=way.gateway, before=back, after=back, vpc=way.vpc)
    return packet.but(vpc=way.vpc, scope=way.gateway.scope, translations=(*packet.translations, noted))


def _ways_in(packet: Packet, view: View) -> Ways:
    receiver = view.get("network_interface", packet.receiver) if packet.receiver else None
    if not receiver:
        return Ways("unknown" if isinstance(receiver, Unread) else "none")
    table = _table(receiver, view)
    if isinstance(table, Unread):
        return Ways("unknown")
    route = table.choose(packet.flow.source, view).route if table else None
    shown = str(route) if route else ""
    target = route.target if route else ""
    if target.startswith("vgw-"):
        return _told(_by_vpn_gateway(view.get("vpn_gateway", target, receiver.scope), packet, view), shown)
    if target.startswith("tgw-"):
        return _by_route(target, receiver.vpc_id, receiver.scope, packet, view, shown)
    if target.startswith("pcx-"):
        return Ways("elsewhere", route=shown)
    return _by_attachment(receiver, packet, view, shown)


def _table(receiver: Any, view: View) -> Any:
    """The route table of the receiver's subnet."""
    own = view.find("route_table", "subnet", receiver.subnet_id, receiver.scope)
    found = own if own or isinstance(own, Unread) else view.find("route_table", "main", receiver.vpc_id, receiver.scope)
    return found if isinstance(found, Unread) else next(iter(found), None)


def _told(ways: Any, route: str) -> Ways:
    if isinstance(ways, Unread):
        return Ways("unknown", route=route)
    return Ways("none" if not ways else "known" if len(ways) == 1 else "several", tuple(ways), route)


def _by_vpn_gateway(gateway: Any, packet: Packet, view: View) -> Any:
    """By what is behind a virtual private gateway and may lead to the sender; Unread where that is not known."""
    if not gateway:
        return gateway or ()
    found = gateway.ways(packet.flow.source, view)
    if not found.ways and found.unread:
        return found.missing[0]
    healthy = found.healthy or found.ways
    sure = [way for way in healthy if way.covers == "yes"]
    inner = Place(kind="vpn_gateway", id=gateway.id, role="in", scope=gateway.scope)
    taken = sure or healthy
    return [WayIn(way.place.model_copy(update={"role": "leave"}), inner, gateway.vpc) for way in taken]


def _by_route(gateway: str, vpc: str, scope: Scope, packet: Packet, view: View, route: str) -> Ways:
    """By the attachment to which the transit gateway sends what the VPC answers."""
    attachments = view.find("transit_gateway_vpc_attachment", "vpc", vpc, scope)
    if isinstance(attachments, Unread):
        return Ways("unknown", route=route)
    own = next((a for a in attachments if a.transit_gateway_id == gateway and a.alive), None)
    shown = view.get("transit_gateway_attachment", own.id, scope) if own else None
    routes = view.get("transit_gateway_routes", shown.table, shown.scope) if shown and shown.table else None
    if not routes:
        return Ways("unknown", route=route)
    choice = routes.choose(packet.flow.source, view)
    if choice.undecided:
        return Ways("unknown", route=route)
    if choice.way and choice.way.type in BEHIND:
        ways = [_by_transit(gateway, a, choice.way.type, vpc, scope, view) for a in choice.way.attachments]
        return _told(ways, choice.way.text) if all(ways) else Ways("unknown", route=choice.way.text)
    if choice.way and choice.way.state == "active":
        return Ways("elsewhere", route=choice.way.text)
    found = _outside(gateway, vpc, scope, view)
    return Ways("unknown", route=route) if found is None else _told(found, route)


def _by_transit(gateway: str, attachment: Any, type: str, vpc: str, scope: Scope, view: View) -> WayIn | None:
    """In by an attachment; None where what is attached is not known."""
    known = attachment.transit_gateway_attachment_id
    id = known if type == "connect" else attached(attachment, gateway, scope, view)
    if not id:
        return None
    outside = Place(kind=BEHIND[type], id=id, role="leave", scope=scope)
    inner = Place(kind="transit_gateway", id=gateway, role=attachment.transit_gateway_attachment_id, scope=scope)
    return WayIn(outside, inner, vpc)


def _outside(gateway: str, vpc: str, scope: Scope, view: View) -> Any:
    """Every attachment of the transit gateway that leads out of AWS, or Unread; None where one does not tell what it joins."""
    found = view.find("transit_gateway_side", "gateway", gateway, scope)
    if isinstance(found, Unread):
        return found
    alive = (a for a in found if a.alive and a.resource_type in BEHIND)
    ways = [_by_transit(gateway, a, a.resource_type, vpc, scope, view) for a in alive]
    return ways if all(ways) else None


def _by_attachment(receiver: Any, packet: Packet, view: View, route: str) -> Ways:
    """No route leads back by such a gateway: by any that is attached to the VPC, then."""
    vpc, scope = receiver.vpc_id, receiver.scope
    gateways = view.find("vpn_gateway", "vpc", vpc, scope)
    attachments = view.find("transit_gateway_vpc_attachment", "vpc", vpc, scope)
    if isinstance(gateways, Unread) or isinstance(attachments, Unread):
        return Ways("unknown", route=route)
    parts = [_by_vpn_gateway(gateway, packet, view) for gateway in gateways if gateway.vpc == vpc]
    parts += [_outside(a.transit_gateway_id, vpc, scope, view) for a in attachments if a.alive]
    if any(part is None or isinstance(part, Unread) for part in parts):
        return Ways("unknown", route=route)
    return _told([way for part in parts for way in part], route)
