"""Transit gateways: from an attachment, by the route table it is associated with, to another attachment.

https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from flowdiag.component import Component, Offer, Part, Read, Resource, View, attached, by_id, by_name, owner_scope
from flowdiag.detour import PEERINGS, Heading, attachments_towards, home_cidr
from flowdiag.model import Evidence, Hop, Move, Mtu, Observation, Packet, Place, Scope, Translation, Unread

# What stands at the end of an attachment that leads out of AWS, by the kind of resource that a route shows of it.
OUTSIDE = {"vpn": "vpn_connection", "direct-connect-gateway": "direct_connect_gateway", "connect": "transit_gateway_connect"}

# What comes from another transit gateway is not told of: https://docs.aws.amazon.com/vpc/latest/tgw/transit-gateway-quotas.html
MTU, MTU_OF_PEERS = Mtu(most=8500, holds_tcp=True), Mtu(most=8500, tells="no", holds_tcp=True)

# Where groups are not referenced by way of a transit gateway: zones by id, zones of which some are named, services.
_UNREFERABLE = ("use1-az3",)
_LOCAL_ZONE = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d+-")  # us-east-1-bos-1a
_WAVELENGTH = "-wl"  # us-east-1-wl1-bos-wlz-1
_MOUNT_TARGET = "EFS mount target"


class Options(Part):
    """The options of a transit gateway."""

    default_route_table_association: str = ""
    association_default_route_table_id: str = ""
    security_group_referencing_support: str = "disable"


class TransitGateway(Resource):
    """A transit gateway (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TransitGateway.html)."""

    kind: ClassVar[str] = "transit_gateway"
    transit_gateway_id: str
    options: Options = Options()

    @property
    def id(self) -> str:
        """The transit gateway id."""
        return self.transit_gateway_id


@dataclass(frozen=True)
class Crossing:
    """What a transit gateway does with a packet.

    `own` is the VPC attachment it comes from (None for a peering), `subnet` that attachment's subnet in the packet's zone;
    `attachment`, `table` and `choice` are None where there is none and Unread where that is not known; `scope` is where the
    transit gateway's owner reads, as far as that is known.
    """

    attachment: Any
    scope: Scope
    own: Any = None
    subnet: Any = None
    zone: str = "covered"
    table: Any = None
    choice: Any = None

    @property
    def way(self) -> Any:
        """The route that wins and carries, or None."""
        decided = self.choice and not self.choice.undecided and self.choice.way
        return decided if decided and decided.state == "active" else None

    @property
    def lost(self) -> bool:
        """Whether the packet is dropped here for certain: without an attachment, a table, or a route that carries."""
        missing = not isinstance(self.attachment, Unread) and self.table is None
        return missing or self.route in ("none", "blackhole")

    @property
    def route(self) -> str:
        """The route column of the decision table."""
        if not self.choice:
            return "unknown"
        if self.choice.undecided:
            return "divided" if self.choice.divided else "undecided"
        state = self.choice.way.state if self.choice.way else "none"
        return state if state in ("active", "blackhole", "none") else "other"


class TransitGatewayComponent(Component):
    """`place.id` is the transit gateway, `place.role` the peering attachment the packet comes by (empty: that of its VPC)."""

    kind = "transit_gateway"
    traffic_paths = ("1",)
    prefixes = ("tgw",)
    interface_types = ("transit_gateway",)
    route_field = "TransitGatewayId"
    offer_rank = 2
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
        subnet = None if _is_interface(place) else _crossing(place, packet, view).subnet
        return (Place(kind="network_acl", id=subnet.id, role="inbound", scope=subnet.scope),) if subnet else ()

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the packet can get in, which route wins in the table it meets, and whether that leads anywhere."""
        if _is_interface(place):
            return _at_interface(place)
        crossing = _crossing(place, packet, view)
        gateway = view.get("transit_gateway", place.id, place.scope)
        name = gateway.name if gateway else place.id
        won = crossing.choice.way if crossing.choice else None
        table = crossing.table.id if crossing.table else ""
        divided = crossing.choice.divided if crossing.choice else ""
        text = divided or (won.text if won else f"no route to {packet.flow.destination}")
        return Observation(
            table="transit_gateway",
            inputs={
                "attachment": _yes(crossing.attachment),
                "zone": crossing.zone,
                "association": _yes(crossing.table),
                "route": crossing.route,
                "beyond": _beyond(crossing, place, packet, view),
            },
            words={
                "gateway": name,
                "vpc": packet.vpc or place.role,
                "destination": str(packet.flow.destination),
                "table": table,
                "route": won.text if won else divided,
            },
            resource=place.id,
            name=name,
            detail=f"{table}: {text}" if won or divided else "",
            near_miss=crossing.choice.near if crossing.choice and crossing.zone == "covered" else "",
            evidence=(Evidence(where=table or place.id, text=text),) if table else (),
            mtu=MTU_OF_PEERS if place.role else MTU,
            fix=_fix(crossing, place, packet, view) if crossing.lost or crossing.zone == "uncovered" else {},
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To the attachment of the winning route: a VPC's subnets, another transit gateway, or out of AWS; where it is dropped
        for want of one, on as if a route led to each that is known to lead there."""
        if _is_interface(place):
            return ()
        crossing = _crossing(place, packet, view)
        if crossing.way:
            moves = _onward(crossing.way, crossing, place, packet, view) or ()
            return tuple(move.model_copy(update={"as_if": crossing.zone != "covered"}) for move in moves)
        ways = _towards(crossing, place, packet, view)
        moves = tuple(move for way in ways for move in _onward(way, crossing, place, packet, view) or ())
        return tuple(move.model_copy(update={"as_if": True, "guess": move.guess or len(ways) > 1}) for move in moves)

    def offers(self, packet: Packet, scope: Scope, view: View) -> tuple[Offer, ...]:
        """The transit gateways that the VPC is attached to and that have a route to the address, but not back into this VPC; else
        those that lack one alone, because the VPC that has the address is attached too."""
        found = view.find("transit_gateway_vpc_attachment", "vpc", packet.vpc, scope) or ()
        places = [Place(kind="transit_gateway", id=a.transit_gateway_id, scope=scope) for a in found if a.alive]
        crossings = [(place, _crossing(place, packet, view)) for place in places]
        target = packet.flow.destination
        ways = [(place, crossing.way) for place, crossing in crossings if crossing.way]
        ways = [(place, way) for place, way in ways if (way.type, way.resource) != ("vpc", packet.vpc)]
        if ways:
            return tuple(Offer(place, way.destination or f"{target}/{target.max_prefixlen}") for place, way in ways)
        lacking = [place for place, crossing in crossings if crossing.lost and _towards(crossing, place, packet, view)]
        cidr = home_cidr(packet, view) if lacking else ""
        return tuple(Offer(place, cidr) for place in lacking if cidr)

    def interfaces(self, hop: Hop, subnets: tuple[str, ...], view: View) -> tuple[str, ...]:
        """Those of the attachments, one in each subnet that a packet enters or leaves the gateway by.

        https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
        """
        found = (view.find("network_interface", "subnet", subnet, hop.place.scope) or () for subnet in subnets)
        return tuple(i.id for several in found for i in several if i.service == "transit_gateway")

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """The attachment of the VPC with its association, and the routes that packets from there meet."""
        own = None if _is_interface(place) else _attached(place.id, vpc, place.scope, view)
        if own:
            view.get("transit_gateway", place.id, place.scope)
            table = _table(_associated(own, view), view)
            for route in table.routes if table else ():
                route.foresee(place.id, place.scope, view)


def _fix(crossing: Crossing, place: Place, packet: Packet, view: View) -> dict[str, str]:
    """What a remedy needs: the attachment the packet comes by, the route in its way, and where it would have to leave."""
    dead = crossing.choice.way if crossing.choice else None
    return {
        "attachment": crossing.attachment.id if crossing.attachment else "",
        "subnet": packet.subnet,
        "route": dead.destination if dead else "",
        "towards": " ".join(way.attachment for way in _towards(crossing, place, packet, view)),
    }


def _is_interface(place: Place) -> bool:
    return place.id.startswith("eni-")


def _at_interface(place: Place) -> Observation:
    """A packet sent to the address of an attachment's own interface."""
    inputs = {"attachment": "interface", "zone": "unknown", "association": "unknown", "route": "unknown", "beyond": "unknown"}
    words = {"gateway": place.id, "vpc": "", "destination": "", "table": "", "route": ""}
    return Observation(table="transit_gateway", inputs=inputs, words=words, resource=place.id, name=place.id)


def _yes(answer: Any) -> str:
    return "unknown" if isinstance(answer, Unread) else "yes" if answer else "no"


# ---------------------------------------------------------------- in


def _crossing(place: Place, packet: Packet, view: View) -> Crossing:
    if place.role:
        attachment = _told(place.id, place.role, place.scope, view)
        table = _table(attachment, view)
        return Crossing(attachment, _owner(place, attachment, table), table=table, choice=_choice(table, packet, view))
    own = _of_vpc(place.id, packet, view)
    if not own:
        return Crossing(own, place.scope)
    attachment = _associated(own, view)
    subnet, zone = own.entrance(_here(packet, view), view)
    table = _table(attachment, view)
    scope = _owner(place, attachment, table)
    return Crossing(attachment, scope, own, subnet, zone, table, _choice(table, packet, view))


def _owner(place: Place, attachment: Any, table: Any) -> Scope:
    """Where the owner of the transit gateway reads: whoever shows its routes or an association."""
    known = table or attachment
    return known.scope if known else place.scope


def _choice(table: Any, packet: Packet, view: View) -> Any:
    return table.choose(packet.flow.destination, view) if table else table


def _of_vpc(gateway: str, packet: Packet, view: View) -> Any:
    """The attachment of the packet's VPC; the participants of a shared VPC do not see it."""
    found = _attached(gateway, packet.vpc, packet.scope, view)
    if found is not None:
        return found
    home = owner_scope(packet.vpc, packet.scope, view)
    return None if home == packet.scope else _attached(gateway, packet.vpc, home, view)


def _attached(gateway: str, vpc: str, scope: Scope, view: View) -> Any:
    found = view.find("transit_gateway_vpc_attachment", "vpc", vpc, scope)
    if isinstance(found, Unread):
        return found
    return next((a for a in found if a.transit_gateway_id == gateway and a.alive), None)


def _told(gateway: str, attachment: str, scope: Scope, view: View) -> Any:
    """An attachment as this transit gateway shows it: both sides of a peering have one of the same id."""
    found = view.find("transit_gateway_side", "attachment", attachment, scope)
    if isinstance(found, Unread):
        return found
    return next((a for a in found if a.transit_gateway_id == gateway and a.alive), None)


def _associated(own: Any, view: View) -> Any:
    """The attachment with its association, which only the owner of the transit gateway may be shown."""
    here = view.get("transit_gateway_attachment", own.id, own.scope)
    if not here or here.table or here.transit_gateway_owner_id in ("", here.resource_owner_id):
        return here
    home = Scope(account=here.transit_gateway_owner_id, region=own.scope.region)
    return _told(own.transit_gateway_id, own.id, home, view)


def _here(packet: Packet, view: View) -> Any:
    """The subnet the packet comes from, where it is in one."""
    return view.get("subnet", packet.subnet, packet.scope) if packet.subnet else None


def _table(attachment: Any, view: View) -> Any:
    """The routes of the table the attachment is associated with; None without one."""
    if not attachment:
        return attachment
    return view.get("transit_gateway_routes", attachment.table, attachment.scope) if attachment.table else None


def _towards(crossing: Crossing, place: Place, packet: Packet, view: View) -> tuple[Heading, ...]:
    """The attachments that a dropped packet would have to leave by."""
    return attachments_towards(place.id, packet, crossing.scope, view) if crossing.lost else ()


# ---------------------------------------------------------------- out


def _beyond(crossing: Crossing, place: Place, packet: Packet, view: View) -> str:
    """Whether the winning route leads on; unknown where what it leads into was not read."""
    if not crossing.way:
        return "unknown"
    if crossing.way.type == "vpc":
        far = _far(crossing.way.attachment, crossing.scope, view)
        if far and not far.alive:
            return "no"
    return "unknown" if _onward(crossing.way, crossing, place, packet, view) is None else "yes"


def _onward(way: Any, crossing: Crossing, place: Place, packet: Packet, view: View) -> tuple[Move, ...] | None:
    """Every way on from a route; None where that was not read."""
    if way.type == "vpc":
        return _into_vpc(way, crossing, place, packet, view)
    if way.type in PEERINGS:
        return _to_peer(way, crossing, place, packet, view)
    if way.type in OUTSIDE:
        return _outside(way, crossing, place, packet, view)
    target = Place(kind="unsupported", id=way.resource or way.attachment, role=way.type, scope=place.scope)
    return (Move(to=target, packet=_unseen(packet, place).but(subnet="", vpc="")),)


def _outside(way: Any, crossing: Crossing, place: Place, packet: Packet, view: View) -> tuple[Move, ...] | None:
    """Out of AWS by any of the route's attachments; None where what is attached is not known of one."""
    connect, scope = way.type == "connect", crossing.scope
    ends = [(a, a.transit_gateway_attachment_id if connect else attached(a, place.id, scope, view)) for a in way.attachments]
    if not all(id for _, id in ends):
        return None
    return tuple(_out(attachment, way.type, id, place, packet, len(ends) > 1) for attachment, id in ends)


def _out(attachment: Any, type: str, id: str, place: Place, packet: Packet, guess: bool) -> Move:
    """Out of AWS by an attachment, at which the answer is taken to come in again; of several one is taken for each flow."""
    back = place.model_copy(update={"role": attachment.transit_gateway_attachment_id})
    noted = Translation(place=back, before=packet.flow, after=packet.flow)
    onward = _unseen(packet, place).but(subnet="", vpc="", translations=(*packet.translations, noted))
    return Move(to=Place(kind=OUTSIDE[type], id=id, role="out", scope=place.scope), packet=onward, guess=guess)


def _far(attachment: str, scope: Scope, view: View) -> Any:
    """The VPC attachment that a route leads to; its owner is asked where the gateway's owner does not show it."""
    far = view.get("transit_gateway_vpc_attachment", attachment, scope)
    if far is not None:
        return far
    told = view.get("transit_gateway_attachment", attachment, scope)
    owner = told.resource_owner_id if told else ""
    return view.get("transit_gateway_vpc_attachment", attachment, Scope(account=owner, region=scope.region))


def _into_vpc(way: Any, crossing: Crossing, place: Place, packet: Packet, view: View) -> tuple[Move, ...] | None:
    """Out of the destination attachment: in the zone the packet came from, else in any zone the attachment covers."""
    far = _far(way.attachment, crossing.scope, view)
    exits = far.exits(_here(packet, view), view) if far else None
    if exits is None:
        return None
    exits = far.kept(exits, packet)
    packets = [seen.across(place.id, far.vpc_id) for seen in _as_seen(crossing, far, place, packet, view)]
    guess = len(exits) * len(packets) > 1
    return tuple(_exit(subnet, far, seen, guess) for subnet in exits for seen in packets)


def _as_seen(crossing: Crossing, far: Any, place: Place, packet: Packet, view: View) -> tuple[Packet, ...]:
    """Whether inbound rules beyond may still name the sender's group: the gateway and both attachments have to support it.

    Where the gateway's options were not read, both are followed.
    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html#vpc-attachment-security
    """
    gateway = view.get("transit_gateway", place.id, place.scope)
    sides = (crossing.own, far)
    supported = all(side and side.options.security_group_referencing_support == "enable" for side in sides)
    able = _referable(packet, view) if packet.sender and supported else "no"
    if able == "no" or (gateway and gateway.options.security_group_referencing_support != "enable"):
        return (_unseen(packet, place),)
    return (packet,) if gateway and able == "yes" else (packet, _unseen(packet, place))


def _referable(packet: Packet, view: View) -> str:
    """Whether the two ends are such that a transit gateway passes on who the sender is: yes, no or unknown.

    Not in one zone, not to PrivateLink endpoints, to mount targets of EFS only where their groups let everything out, not on
    Outposts and in Wavelength Zones, and not in some Local Zones, of which AWS's page has named others over time.
    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html#vpc-attachment-security
    """
    ends = [view.get("network_interface", id, packet.scope) for id in (packet.sender, packet.receiver) if id]
    subnets = [view.get("subnet", end.subnet_id, end.scope) for end in ends if end]
    target = ends[-1] if packet.receiver else None
    answers = ["unknown" if _LOCAL_ZONE.match(subnet.availability_zone) else "yes" for subnet in subnets if subnet]
    if any(subnet and _is_unreferable(subnet) for subnet in subnets):
        return "no"
    if target and target.interface_type == "vpc_endpoint":
        return "no"
    if target and target.description.startswith(_MOUNT_TARGET):
        answers.append(_lets_all_out(target, view))
    return next((answer for answer in ("no", "unknown") if answer in answers), "yes")


def _is_unreferable(subnet: Any) -> bool:
    return subnet.availability_zone_id in _UNREFERABLE or bool(subnet.outpost_arn) or _WAVELENGTH in subnet.availability_zone


def _lets_all_out(interface: Any, view: View) -> str:
    groups = [view.get("security_group", group.group_id, interface.scope) for group in interface.groups]
    if any(group and group.lets_all_out for group in groups):
        return "yes"
    return "no" if all(groups) else "unknown"


def _unseen(packet: Packet, place: Place) -> Packet:
    return packet.but(sender=None, proxy=None, lost=packet.lost or place.id)


def _exit(subnet: Any, far: Any, packet: Packet, guess: bool) -> Move:
    """Out of the attachment; in appliance mode with the choice of its subnet, which holds for the reply too."""
    onward = packet.but(receiver=None)
    if far.options.appliance_mode_support == "enable" and packet.direction == "request":
        here = Place(kind="transit_gateway_attachment", id=far.id, role=subnet.id, scope=subnet.scope)
        onward = onward.but(chosen=(*onward.chosen, here))
    move: Move = subnet.exit(far.vpc_id, onward, guess)
    return move


def _to_peer(way: Any, crossing: Crossing, place: Place, packet: Packet, view: View) -> tuple[Move, ...] | None:
    """To the transit gateway on the other side of a peering, where the attachment has the same id."""
    here = _told(place.id, way.attachment, crossing.scope, view)
    home = here.peer_home(crossing.scope, view) if here else None
    if home is None:
        return None
    onward = _unseen(packet, place).but(subnet="", vpc="", scope=home, receiver=None)
    return (Move(to=Place(kind="transit_gateway", id=here.resource_id, role=way.attachment, scope=home), packet=onward),)
