"""Cloud WAN core networks: from an attachment, by the routes of its segment at that edge, to another attachment.

https://docs.aws.amazon.com/network-manager/latest/cloudwan/cloudwan-route-evaluation.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flowdiag.address import is_private
from flowdiag.component import Component, View, owner_scope
from flowdiag.detour import homes
from flowdiag.model import Evidence, Move, Mtu, Observation, Packet, Place, Query, Translation, Unread

# What stands at the end of an attachment that leads out of AWS.
OUTSIDE = {"SITE_TO_SITE_VPN": "vpn_connection", "DIRECT_CONNECT_GATEWAY": "direct_connect_gateway"}
# What is told of an attachment that is not followed.
UNFOLLOWED = {"CONNECT": "connect", "TRANSIT_GATEWAY_ROUTE_TABLE": "transit gateway"}

# Only what comes from a VPC is told of: https://docs.aws.amazon.com/network-manager/latest/cloudwan/cloudwan-quotas.html
MTU, MTU_OF_OTHERS = Mtu(most=8500, holds_tcp=True), Mtu(most=8500, tells="no", holds_tcp=True)


@dataclass(frozen=True)
class Crossing:
    """What a core network does with a packet: the attachment it comes from, its subnet in the packet's zone, the winning
    route, and where that leads; each is None where there is none and Unread where that is not known. `divided`: great
    parts of the internet are sent different ways, and there is no winning route."""

    own: Any
    routes: Any = None
    route: Any = None
    divided: bool = False
    far: Any = None
    subnet: Any = None
    zone: str = "covered"

    @property
    def state(self) -> str:
        """The route column of the decision table."""
        if self.own and self.own.network_function_group_name and not self.own.segment_name:
            return "grouped"
        if not self.routes:
            return "unknown"
        if self.route is None:
            return "divided" if self.divided else "none"
        return {"ACTIVE": "active", "BLACKHOLE": "blackhole"}.get(self.route.state, "unknown")

    @property
    def lost(self) -> bool:
        """Whether the packet is dropped here for certain: without an attachment, or a route that leads to one that works."""
        missing = self.own is None or self.state in ("none", "blackhole")
        return missing or (self.state == "active" and bool(self.far) and self.far.dead)


class CoreNetworkComponent(Component):
    """`place.id` is the ARN of the core network, `place.role` the attachment the packet comes by (empty: that of its VPC)."""

    kind = "core_network"
    prefixes = ("networkmanager",)
    route_field = "CoreNetworkArn"

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """Into an attachment: the inbound rules of its subnet's network ACL, where the packet comes from another subnet."""
        subnet = _crossing(place, packet, view).subnet
        crosses = subnet and subnet.id != packet.subnet
        return (Place(kind="network_acl", id=subnet.id, role="inbound", scope=subnet.scope),) if crosses else ()

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the packet can get in, which route of its segment wins, and whether that leads anywhere that is followed."""
        crossing = _crossing(place, packet, view)
        name = _id(place)
        route = str(crossing.route or "")
        moves = _onward(crossing, place, packet, view)
        segment = crossing.own.segment_name if crossing.own else ""
        return Observation(
            table="core_network",
            inputs={
                "attachment": "unknown" if isinstance(crossing.own, Unread) else "yes" if crossing.own else "no",
                "zone": crossing.zone,
                "route": crossing.state,
                "beyond": _beyond(crossing, moves),
            },
            words={
                "network": name,
                "vpc": packet.vpc or place.role,
                "segment": segment,
                "destination": str(packet.flow.destination),
                "route": route,
                "group": _group(crossing),
                "beyond": crossing.far.resource if crossing.far else "",
            },
            resource=name,
            name=name,
            detail=f"segment {segment}: {route}" if segment and route else "",
            evidence=(Evidence(where=f"{name} segment {segment}" if segment else name, text=route or "no route"),),
            mtu=MTU_OF_OTHERS if place.role else MTU,
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To the attachment of the winning route: a VPC's subnets, or out of AWS; where it is dropped for want of one, on as
        if a route led to each that is known to lead there."""
        crossing = _crossing(place, packet, view)
        if not crossing.lost:
            return _onward(crossing, place, packet, view) or ()
        ends = _towards(crossing, place, packet, view)
        moves = [move for far in ends for move in _into(crossing.own, far, place, packet, view) or ()]
        return tuple(move.model_copy(update={"as_if": True, "guess": move.guess or len(ends) > 1}) for move in moves)

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """The attachments, and the routes that packets of the VPC meet."""
        attachments = view.find("core_network_attachment", "core_network", _id(place), place.scope)
        own = next((a for a in attachments or () if a.is_of(vpc)), None)
        if own:
            _routes(own, place, view)
            view.get("core_network_vpc_attachment", own.id, place.scope)


def _id(place: Place) -> str:
    return place.id.rpartition("/")[2]


def _crossing(place: Place, packet: Packet, view: View) -> Crossing:
    attachments = view.find("core_network_attachment", "core_network", _id(place), place.scope)
    own = _own(attachments, place, packet, view)
    if not own:
        return Crossing(own)
    routes = _routes(own, place, view)
    route, divided = routes.choose(packet.flow.destination) if routes else (None, False)
    route = None if divided else route
    id = route.destinations[0].core_network_attachment_id if route and len(route.destinations) == 1 else ""
    far = next((a for a in attachments or () if id and a.id == id), None)
    subnet, zone = (None, "covered") if place.role else _entrance(own, place, packet, view)
    return Crossing(own, routes, route, divided, far, subnet, zone)


def _own(attachments: Any, place: Place, packet: Packet, view: View) -> Any:
    """The attachment the packet comes by; that of a shared VPC is shown to the owner of the VPC."""
    if isinstance(attachments, Unread):
        return attachments
    own = _working((a for a in attachments if a.id == place.role or (not place.role and a.is_of(packet.vpc))), view)
    home = owner_scope(packet.vpc, packet.scope, view)
    if own is not None or place.role or home == packet.scope:
        return own
    theirs = view.find("core_network_attachment", "core_network", _id(place), home)
    return theirs if isinstance(theirs, Unread) else _working((a for a in theirs if a.is_of(packet.vpc)), view)


def _working(several: Iterable[Any], view: View) -> Any:
    """The one that carries traffic, None where none does, or Unread where its state does not tell."""
    known = [attachment for attachment in several if not attachment.dead]
    odd = next((a for a in known if not a.alive), None)
    found = next((a for a in known if a.alive), None)
    if found or odd is None:
        return found
    query = Query(kind="core_network_attachment", by="id", value=odd.id, scope=odd.scope)
    return view.lack(Unread(query=query, reason=f"its state {odd.state} does not tell whether it carries traffic", retry=False))


def _entrance(own: Any, place: Place, packet: Packet, view: View) -> tuple[Any, str]:
    """The attachment's subnet in the zone of the sender; what becomes of packets from another zone is not documented."""
    here = view.get("subnet", packet.subnet, packet.scope) if packet.subnet else None
    side = view.get("core_network_vpc_attachment", own.id, place.scope)
    subnets = [view.get("subnet", id, own.home) for id in side.subnet_ids] if side else []
    near = next((subnet for subnet in subnets if subnet and here and subnet.shares_zone(here)), None)
    return (near, "covered") if near else (None, "unknown")


def _routes(own: Any, place: Place, view: View) -> Any:
    """The routes of the attachment's segment at its edge; a network function group has none of a segment."""
    core = view.get("core_network", _id(place), place.scope)
    if not core or not own.segment_name or not own.edge_location:
        return core if isinstance(core, Unread) else None
    key = f"{core.core_network.global_network_id}/{_id(place)}/{own.segment_name}/{own.edge_location}"
    return view.get("core_network_routes", key, place.scope)


def _beyond(crossing: Crossing, moves: tuple[Move, ...] | None) -> str:
    """Whether the winning route leads on, and if that is not followed, to what."""
    if crossing.far and crossing.far.dead:
        return "no"
    if moves is not None:
        return "yes"
    known = UNFOLLOWED.get(crossing.far.attachment_type, "unknown") if crossing.far and crossing.far.alive else "unknown"
    return "inspected" if crossing.far is None and _group(crossing) else known


def _group(crossing: Crossing) -> str:
    """The network function group that sends the packet, or that the winning route leads through first; or empty."""
    if crossing.state == "grouped":
        return str(crossing.own.network_function_group_name)
    ends = crossing.route.destinations if crossing.route else ()
    return next((end.network_function_group_name for end in ends if end.network_function_group_name), "")


def _towards(crossing: Crossing, place: Place, packet: Packet, view: View) -> list[Any]:
    """The attachments that a dropped packet would have to leave by: that of the route, else those of the VPCs that hold its
    destination; of a private address that nobody holds those that lead out of AWS."""
    if crossing.far:
        return [crossing.far]
    holding = homes(packet, view)
    listed = view.find("core_network_attachment", "core_network", _id(place), place.scope) or ()
    alive = [attachment for attachment in listed if attachment.alive]
    if holding:
        return [a for a in alive if any(a.is_of(home.vpc) for home in holding)]
    outside = holding is not None and is_private(packet.flow.destination)
    return [a for a in alive if outside and a.attachment_type in OUTSIDE]


def _onward(crossing: Crossing, place: Place, packet: Packet, view: View) -> tuple[Move, ...] | None:
    """Every way on from the winning route; None where that was not read or is not followed."""
    if crossing.state != "active" or not crossing.far or not crossing.far.alive:
        return None
    return _into(crossing.own, crossing.far, place, packet, view)


def _into(own: Any, far: Any, place: Place, packet: Packet, view: View) -> tuple[Move, ...] | None:
    """Every way on through an attachment; None where it was not read or is of a kind that is not followed."""
    if far.attachment_type == "VPC":
        return _into_vpc(own, far, place, packet, view)
    return (_out(far, place, packet),) if far.attachment_type in OUTSIDE else None


def _out(far: Any, place: Place, packet: Packet) -> Move:
    """Out of AWS by an attachment, at which the answer is taken to come in again."""
    back = place.model_copy(update={"role": far.id})
    noted = Translation(place=back, before=packet.flow, after=packet.flow)
    onward = _unseen(packet, place).but(subnet="", vpc="", translations=(*packet.translations, noted))
    to = Place(kind=OUTSIDE[far.attachment_type], id=far.resource, role="out", scope=far.home)
    return Move(to=to, packet=onward)


def _unseen(packet: Packet, place: Place, at: str = "") -> Packet:
    return packet.but(sender=None, proxy=None, lost=packet.lost or at or _id(place))


def _blind(own: Any, far: Any, place: Place, view: View) -> str:
    """The attachment at which it is certain that no group is seen any more: one of another edge, or one that has references
    turned off; or empty. What the core network itself is told is not read, and is the guards' to ask.

    https://docs.aws.amazon.com/network-manager/latest/cloudwan/cloudwan-vpc-attachment.html
    """
    ends = [one for one in (own, far) if one and one.attachment_type == "VPC"]
    if len({one.edge_location for one in ends if one.edge_location}) > 1:
        return str(far.id)
    sides = [view.get("core_network_vpc_attachment", one.id, place.scope) for one in ends]
    return next((str(side.id) for side in sides if side and not side.shows_groups), "")


def _into_vpc(own: Any, far: Any, place: Place, packet: Packet, view: View) -> tuple[Move, ...] | None:
    """Out of the subnets of the far attachment, by their route table; in which one a packet comes out is not documented."""
    side = view.get("core_network_vpc_attachment", far.id, place.scope)
    subnets = [view.get("subnet", id, far.home) for id in side.subnet_ids] if side else []
    if not subnets or not all(subnets):
        return None
    seen = _unseen(packet, place, _blind(own, far, place, view))
    onward = seen.but(receiver=None).across(_id(place), far.resource)
    return tuple(subnet.exit(far.resource, onward, len(subnets) > 1) for subnet in subnets)
