"""Transit gateways: from an attachment, by the route table it is associated with, to another attachment.

https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from flowdiag.address import holds, network
from flowdiag.component import Component, Part, Read, Resource, View, by_id, by_name
from flowdiag.model import Address, Evidence, Move, Observation, Packet, Place, Scope, Unread


class Options(Part):
    """The options of a transit gateway."""

    security_group_referencing_support: str = "disable"


class TransitGateway(Resource):
    """A transit gateway (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TransitGateway.html)."""

    kind: ClassVar[str] = "transit_gateway"
    transit_gateway_id: str
    owner_id: str = ""
    state: str = ""
    options: Options = Options()

    @property
    def id(self) -> str:
        """The transit gateway id."""
        return self.transit_gateway_id


@dataclass(frozen=True)
class Way:
    """A route that covers the destination: the attachment it leads to, its prefix length and rank, and its text."""

    attachment: str
    type: str
    resource: str
    length: int
    rank: int
    state: str
    text: str


@dataclass(frozen=True)
class Entry:
    """How a packet comes in: the attachment (None: none, Unread: not known), and its subnet in the packet's zone."""

    attachment: Any
    subnet: Any = None
    zone: str = "covered"


class TransitGatewayComponent(Component):
    """`place.id` is the transit gateway, `place.role` the attachment the packet comes from (empty: that of its VPC)."""

    kind = "transit_gateway"
    prefixes = ("tgw",)
    interface_types = ("transit_gateway",)
    reads = (
        Read(
            service="ec2",
            operation="describe_transit_gateways",
            action="ec2:DescribeTransitGateways",
            responses=("TransitGateways",),
            id_field="TransitGatewayId",
            resource=TransitGateway,
            lookups={"id": by_id("TransitGatewayId", "transit-gateway-id"), "name": by_name()},
        ),
    )

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """Into an attachment: the inbound rules of its subnet's network ACL, even where the sender is in that subnet.

        https://docs.aws.amazon.com/vpc/latest/tgw/tgw-nacls.html
        """
        entry = _entry(place, packet, view)
        if not entry.subnet or not packet.subnet:
            return ()
        return (Place(kind="network_acl", id=entry.subnet.id, role="inbound", scope=entry.subnet.scope),)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the packet can get in, which table it meets, and which route wins there."""
        if place.id.startswith("eni-"):
            return _arrived_at_interface(place)
        entry = _entry(place, packet, view)
        table = _table(entry, view)
        way = _way(table, packet.flow.destination, place.scope, view) if table else table
        gateway = view.get("transit_gateway", place.id, place.scope)
        name = gateway.name if gateway else place.id
        return Observation(
            table="transit_gateway",
            inputs={
                "attachment": _yes(entry.attachment),
                "zone": entry.zone,
                "association": _yes(table) if entry.attachment else "unknown",
                "route": "unknown" if way is None and not table else "undecided" if isinstance(way, Unread) else "yes" if way else "no",
                "state": way.state if way else "unknown",
            },
            words={
                "gateway": name,
                "vpc": packet.vpc,
                "destination": str(packet.flow.destination),
                "table": table.id if table else "",
                "route": way.text if way else "",
            },
            resource=place.id,
            name=name,
            detail=f"{table.id}: {way.text}" if way else "",
            evidence=(Evidence(where=table.id if table else place.id, text=way.text if way else "no route"),),
            fix={"table": table.id if table else "", "destination": str(packet.flow.destination)},
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To the attachment of the winning route: a VPC's subnets, another transit gateway, or out of AWS."""
        entry = _entry(place, packet, view)
        table = _table(entry, view)
        way = _way(table, packet.flow.destination, place.scope, view) if table and entry.zone == "covered" else None
        if not way or way.state != "active":
            return ()
        if way.type == "vpc":
            return _into_vpc(way, place, packet, view)
        if way.type in ("peering", "tgw-peering"):
            return _to_peer(way, place, packet, view)
        target = Place(kind="route_target", id=way.resource or way.attachment, role=way.type, scope=place.scope)
        return (Move(to=target, packet=packet.but(subnet="", vpc="", sender=None, lost=packet.lost or place.id)),)


def _yes(answer: Any) -> str:
    return "unknown" if isinstance(answer, Unread) else "yes" if answer else "no"


def _arrived_at_interface(place: Place) -> Observation:
    """A packet sent to the address of an attachment's interface: nothing listens there."""
    inputs = {"attachment": "no", "zone": "covered", "association": "unknown", "route": "unknown", "state": "unknown"}
    words = {"gateway": place.id, "vpc": "the address it was sent to", "destination": "", "table": "", "route": ""}
    return Observation(table="transit_gateway", inputs=inputs, words=words, resource=place.id, name=place.id)


def _entry(place: Place, packet: Packet, view: View) -> Entry:
    if place.role.startswith("tgw-attach"):
        return Entry(view.get("transit_gateway_attachment", place.role, place.scope))
    found = view.find("transit_gateway_vpc_attachment", "vpc", packet.vpc, packet.scope)
    if isinstance(found, Unread):
        return Entry(found)
    own = next((a for a in found if a.transit_gateway_id == place.id and a.alive), None)
    if own is None:
        return Entry(None)
    attachment = view.get("transit_gateway_attachment", own.id, own.scope)
    subnet, zone = _subnet_in_zone(own, packet, view)
    return Entry(attachment, subnet, zone)


def _subnet_in_zone(own: Any, packet: Packet, view: View) -> tuple[Any, str]:
    """The attachment's subnet in the zone the packet comes from: without one, its zone cannot reach the transit gateway.

    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
    """
    here = view.get("subnet", packet.subnet, packet.scope) if packet.subnet else None
    subnets = [view.get("subnet", id, own.scope) for id in own.subnet_ids]
    if here is None:
        return None, "covered"
    if isinstance(here, Unread) or any(isinstance(s, Unread) for s in subnets):
        return None, "unknown"
    same = next((s for s in subnets if s and s.availability_zone == here.availability_zone), None)
    return same, "covered" if same else "uncovered"


def _table(entry: Entry, view: View) -> Any:
    """The routes of the table the attachment is associated with; None without one."""
    if not entry.attachment:
        return entry.attachment
    return view.get("transit_gateway_routes", entry.attachment.table, entry.attachment.scope) if entry.attachment.table else None


def _way(table: Any, target: Address, scope: Scope, view: View) -> Way | Unread | None:
    """Longest prefix, then rank; Unread where a prefix list or a propagation was not read."""
    ways: list[Way] = []
    for route in table.routes:
        length = _length(route, target, scope, view)
        if isinstance(length, Unread):
            return length
        if length >= 0:
            ways.append(_as_way(route, length))
    propagated = () if table.complete else _propagated(table, target, view)
    if isinstance(propagated, Unread):
        return propagated
    return min((*ways, *propagated), key=lambda way: (-way.length, way.rank), default=None)


def _length(route: Any, target: Address, scope: Scope, view: View) -> int | Unread:
    """The prefix length by which a route covers the destination, -1 where it does not."""
    if route.destination_cidr_block:
        outer = network(route.destination_cidr_block)
        return outer.prefixlen if outer and holds(route.destination_cidr_block, target) else -1
    listed = view.get("prefix_list", route.prefix_list_id, scope)
    if isinstance(listed, Unread):
        return listed
    lengths = [outer.prefixlen for cidr in (listed.networks if listed else ()) if holds(cidr, target) and (outer := network(cidr))]
    return max(lengths, default=-1)


def _as_way(route: Any, length: int) -> Way:
    to = next(iter(route.transit_gateway_attachments), None)
    return Way(
        attachment=to.transit_gateway_attachment_id if to else "",
        type=to.resource_type if to else "",
        resource=to.resource_id if to else "",
        length=length,
        rank=route.rank,
        state=route.state if route.state in ("active", "blackhole") else "other",
        text=str(route),
    )


def _propagated(table: Any, target: Address, view: View) -> tuple[Way, ...] | Unread:
    """What the attachments that propagate into a table add to it: a VPC's own CIDRs, all of them.

    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
    """
    found = view.get("transit_gateway_propagations", table.id, table.scope)
    if isinstance(found, Unread):
        return found
    ways = []
    for entry in found.transit_gateway_route_table_propagations if found else ():
        if entry.state not in ("enabled", "") or entry.resource_type != "vpc":
            continue
        vpc = view.get("vpc", entry.resource_id, table.scope)
        attached = view.get("transit_gateway_vpc_attachment", entry.transit_gateway_attachment_id, table.scope)
        if isinstance(vpc, Unread) or (target.version == 6 and isinstance(attached, Unread)):
            return vpc if isinstance(vpc, Unread) else attached
        if target.version == 6 and not (attached and attached.options.ipv6_support == "enable"):
            continue  # IPv6 CIDRs propagate only where the attachment supports IPv6
        ways += [_from_vpc(entry, cidr) for cidr in (vpc.cidrs if vpc else ()) if holds(cidr, target)]
    return tuple(ways)


def _from_vpc(entry: Any, cidr: str) -> Way:
    outer = network(cidr)
    id = entry.transit_gateway_attachment_id
    return Way(id, "vpc", entry.resource_id, outer.prefixlen if outer else 0, 2, "active", f"{cidr} → {id} (propagated)")


def _into_vpc(way: Way, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
    """Out of the destination attachment: in the zone the packet came from, else in any zone the attachment covers.

    The attachment's subnet routes the packet on; its network ACL's outbound rules apply unless the receiver is in that
    very subnet (https://docs.aws.amazon.com/vpc/latest/tgw/tgw-nacls.html).
    """
    far = view.get("transit_gateway_vpc_attachment", way.attachment, place.scope)
    if not far:
        return ()
    subnets = [view.get("subnet", id, far.scope) for id in far.subnet_ids]
    known = [s for s in subnets if s]
    here = view.get("subnet", packet.subnet, packet.scope) if packet.subnet else None
    same = [s for s in known if here and s.availability_zone == here.availability_zone]
    exits = known if far.options.appliance_mode_support == "enable" else same or known
    seen = _sees_groups(place, packet, far, view)
    return tuple(_exit(subnet, far, place, packet if seen else _unseen(packet, place), len(exits) > 1) for subnet in exits)


def _sees_groups(place: Place, packet: Packet, far: Any, view: View) -> bool:
    """Whether inbound rules beyond may still name the sender's group: the gateway and both attachments have to support it.

    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html#vpc-attachment-security
    """
    gateway = view.get("transit_gateway", place.id, place.scope)
    if place.role or not gateway or gateway.options.security_group_referencing_support != "enable":
        return False
    near = next((a for a in view.find("transit_gateway_vpc_attachment", "vpc", packet.vpc, packet.scope) or ()
                 if a.transit_gateway_id == place.id and a.alive), None)
    return all(a is not None and a.options.security_group_referencing_support in ("enable", "") for a in (near, far))


def _unseen(packet: Packet, place: Place) -> Packet:
    return packet.but(sender=None, lost=packet.lost or place.id)


def _exit(subnet: Any, far: Any, place: Place, packet: Packet, guess: bool) -> Move:
    inside = subnet.holds(packet.flow.destination)
    guards = () if inside else (Place(kind="network_acl", id=subnet.id, role="outbound", scope=subnet.scope),)
    to = Place(kind="route_table", id=subnet.id, role="route", scope=subnet.scope)
    if inside:
        to = Place(kind="vpc", id=far.vpc_id, role="deliver", scope=subnet.scope)
    onward = packet.but(subnet=subnet.id, vpc=far.vpc_id, scope=subnet.scope, receiver=None)
    return Move(to=to, packet=onward, guards=guards, guess=guess)


def _to_peer(way: Way, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
    """To the transit gateway on the other side of a peering attachment, which shows the same attachment id."""
    here = view.get("transit_gateway_attachment", way.attachment, place.scope)
    peer = here.resource_id if here else way.resource
    if not peer:
        return ()
    gateway = view.get("transit_gateway", peer, place.scope)
    scope = gateway.scope if gateway else place.scope
    to = Place(kind="transit_gateway", id=peer, role=way.attachment, scope=scope)
    return (Move(to=to, packet=packet.but(subnet="", vpc="", scope=scope, sender=None, receiver=None, lost=packet.lost or place.id)),)
