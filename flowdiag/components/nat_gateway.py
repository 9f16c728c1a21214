"""NAT gateways: put their own address in place of the sender's, remember it, and turn the reply back.

A zonal one stands in a subnet with an interface there, a regional one in the VPC as a whole, with a route table of its own.

https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from flowdiag.address import address, is_private
from flowdiag.component import EVERYWHERE, Component, Lookup, Offer, Part, Read, Resource, View, by_id, by_name, owner_scope
from flowdiag.model import (
    ICMP,
    TCP,
    UDP,
    Address,
    Evidence,
    Hop,
    Move,
    Mtu,
    Observation,
    Packet,
    Place,
    PortRange,
    Scope,
    Translation,
    Unread,
)
from flowdiag.named import Named, Vicinity, all_of, arn_scope, every

_NAMED = re.compile(r"^(?:arn:[^:]+:ec2:[^:]*:\d*:natgateway/)?(?P<id>nat-[0-9a-z]+)$")
GONE = ("failed", "disassociating", "unassigning")
SOURCE_PORTS = PortRange(first=1024, last=65535)
IDLE = 350  # seconds: https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html#nat-gateway-troubleshooting-timeout
MTU = Mtu(most=8500, holds_tcp=True)  # https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html


class NatGatewayAddress(Part):
    """One address pair of a NAT gateway."""

    private_ip: str = ""
    public_ip: str = ""
    network_interface_id: str = ""
    is_primary: bool = False
    status: str = ""
    availability_zone: str = ""
    availability_zone_id: str = ""

    def serves(self, subnet: Any) -> bool | None:
        """Whether it is for packets from the zone of this subnet; None where one of the two zones is not known."""
        if not subnet:
            return None
        pairs = ((self.availability_zone_id, subnet.availability_zone_id), (self.availability_zone, subnet.availability_zone))
        return next((own == its for own, its in pairs if own and its), None)


class NatGateway(Resource):
    """A NAT gateway (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html)."""

    kind: ClassVar[str] = "nat_gateway"
    nat_gateway_id: str
    vpc_id: str = ""
    subnet_id: str = ""
    state: str = ""
    connectivity_type: str = "public"
    availability_mode: str = "zonal"
    auto_provision_zones: str = ""
    route_table_id: str = ""
    failure_message: str = ""
    nat_gateway_addresses: tuple[NatGatewayAddress, ...] = ()

    @property
    def id(self) -> str:
        """The NAT gateway id."""
        return self.nat_gateway_id

    @property
    def primary(self) -> NatGatewayAddress | None:
        """The address new connections leave from; which secondary one a flow gets is not documented."""
        return next((a for a in self.nat_gateway_addresses if a.is_primary), next(iter(self.nat_gateway_addresses), None))

    @property
    def regional(self) -> bool:
        """Whether it is one of the VPC as a whole; a reply that names no subnet is taken to be of one."""
        return self.availability_mode == "regional" or not self.subnet_id

    def own(self, pair: NatGatewayAddress) -> str:
        """The address it puts in place of a sender's; of a regional gateway AWS shows the public one alone."""
        return pair.private_ip or (pair.public_ip if self.regional else "")

    def public_of(self, own: Address) -> str:
        """The Elastic IP of one of its own addresses, or empty."""
        return next((a.public_ip for a in self.nat_gateway_addresses if self.own(a) == str(own)), "")

    def serving(self, subnet: Any) -> tuple[NatGatewayAddress, ...]:
        """The addresses that a packet from this subnet may get; which of several is not documented.

        A regional gateway has some for each zone; in a zone that it has not come to yet, those of others serve for up to
        an hour: https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html
        """
        alive = tuple(a for a in self.nat_gateway_addresses if a.status not in GONE)
        near = tuple(a for a in alive if self.regional and a.serves(subnet))
        return near or alive

    def zone(self, subnet: Any) -> str:
        """Of a regional gateway whether it is for the zone of this subnet: yes, no or unknown."""
        answers = {a.serves(subnet) for a in self.nat_gateway_addresses if a.status not in GONE}
        if True in answers or self.auto_provision_zones == "enabled":
            return "yes" if answers else "unknown"
        return "no" if answers == {False} and self.auto_provision_zones == "disabled" else "unknown"


class NatGatewayComponent(Component):
    """A NAT gateway by its id (a route leads here), or by its interface (a reply, or a stranger, arrives there)."""

    kind = "nat_gateway"
    traffic_paths = ("1",)
    prefixes = ("nat",)
    interface_types = ("nat_gateway", "natGateway")
    connections = "shared"
    route_field = "NatGatewayId"
    offer_rank = 8
    spoken = "nat"
    reads = (
        Read(
            service="ec2",
            operation="describe_nat_gateways",
            action="ec2:DescribeNatGateways",
            responses=("NatGateways",),
            id_field="NatGatewayId",
            resource=NatGateway,
            lookups={
                "id": by_id("NatGatewayId", "nat-gateway-id"),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def claims(self, text: str) -> bool:
        """A NAT gateway's id or ARN."""
        return bool(_NAMED.match(text))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The gateway with this id, ARN or Name tag: the interfaces that its addresses name.

        A regional one has none: https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html
        """
        known = _NAMED.match(text)
        by, value = ("id", known["id"]) if known else ("name", text)
        found = view.find("nat_gateway", by, value, arn_scope(text))
        if isinstance(found, Unread):
            return found
        return every(_as_named(nat, view) for nat in found if nat.state != "deleted")

    def residents(self, place: Vicinity, view: View) -> tuple[str, ...]:
        """The gateways of the VPC."""
        return tuple(nat.name for nat in view.find("nat_gateway", "vpc", place.vpc, place.scope) or ())

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """The network ACL of its subnet, where the packet comes from another one; it has no security group."""
        nat = _gateway(place.id, place, packet, view)
        if not nat or not nat.subnet_id or nat.subnet_id == packet.subnet:
            return ()
        return (Place(kind="network_acl", id=nat.subnet_id, role="inbound", scope=nat.scope),)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether it works, whether it translates this kind of packet, and whether it knows the connection."""
        known = _remembered(packet)
        id = known.place.id if known else _owner(place, packet, view)
        nat = _gateway(id, place, packet, view)
        returning = place.role == "back" or not place.id.startswith("nat-")
        name = nat.name if nat else id
        return Observation(
            table="nat_gateway",
            inputs={
                "packet": ("reply" if known else "stranger") if returning else "outgoing",
                "state": _state(nat, returning and not known),
                "translates": _translates(packet),
                "source in VPC": "yes" if returning else _in_vpc(nat, packet, view),
                "kind": _mode(nat, packet, view),
            },
            words={
                "gateway": name,
                "state": f"state {nat.state or '-'}" if nat else "not read",
                "source": str(packet.flow.source),
                "flow": packet.flow.service(),
            },
            resource=id,
            name=name,
            detail=_shown(nat, known if returning else None, packet),
            idle_timeout=IDLE,
            mtu=MTU,
            evidence=(Evidence(where=id, text=_text(nat)),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Out by its subnet's route table, with its own address as source; or back to the client it remembers."""
        returning = place.role == "back" or not place.id.startswith("nat-")
        known = _remembered(packet) if returning else None
        nat = _gateway(known.place.id if known else place.id, place, packet, view)
        if not nat or not nat.primary or (returning and not known) or _mode(nat, packet, view) == "unclear":
            return ()
        ways = (_turned_back(packet, known),) if known else _turned(nat, packet, view)
        return tuple(_out(nat, after, view, len(ways) > 1) for after in ways)

    def interfaces(self, hop: Hop, subnets: tuple[str, ...], view: View) -> tuple[str, ...]:
        """The interface of the address that it gives the packet; a regional one has none, and its records bear its own id.

        https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
        """
        nat = view.get("nat_gateway", hop.place.id, hop.place.scope)
        if nat and nat.regional:
            return (nat.id,)
        own = nat.nat_gateway_addresses if nat else ()
        return tuple(a.network_interface_id for a in own if a.network_interface_id and a.private_ip == str(hop.after.source))

    def offers(self, packet: Packet, scope: Scope, view: View) -> Iterator[Offer]:
        """The working public ones, for a packet to the internet that has no public address yet."""
        if is_private(packet.flow.destination) or _is_public(packet, view):
            return
        for nat in view.find("nat_gateway", "vpc", packet.vpc, scope) or ():
            if nat.state == "available" and nat.connectivity_type == "public" and nat.subnet_id:
                yield Offer(Place(kind="nat_gateway", id=nat.id, scope=scope), EVERYWHERE[packet.flow.version])


def _as_named(nat: NatGateway, view: View) -> Named | Unread:
    ids = [own.network_interface_id for own in nat.nat_gateway_addresses if own.network_interface_id]
    faces = all_of(view.get("network_interface", id, nat.scope) for id in ids)
    outside = f"is a NAT gateway in state {nat.state or '-'} without a network interface: ask from a client behind it"
    return faces if isinstance(faces, Unread) else Named(nat.id, nat.name, faces, outside=outside)


def _gateway(id: str, place: Place, packet: Packet, view: View) -> Any:
    """The gateway, which the participants of a shared VPC are not shown; None for an interface of which none is known.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html
    """
    if not id.startswith("nat-"):
        return None
    here = view.get("nat_gateway", id, place.scope)
    return here if here is not None else view.get("nat_gateway", id, owner_scope(packet.vpc, place.scope, view))


def _out(nat: NatGateway, after: Packet, view: View, guess: bool) -> Move:
    """Out of the gateway's subnet by its route table, or to a neighbour in it; a regional one is in no subnet."""
    onward = after.but(subnet=nat.subnet_id, vpc=nat.vpc_id)
    if nat.regional:
        to = Place(kind="route_table", id=nat.route_table_id, role="route", scope=nat.scope)
        return Move(to=to, packet=onward.but(subnet=""), guess=guess)
    subnet = view.get("subnet", nat.subnet_id, nat.scope)
    if subnet and subnet.holds(after.flow.destination):
        to = Place(kind="vpc", id=nat.vpc_id, role="deliver", scope=nat.scope)
        return Move(to=to, packet=onward, guess=guess)
    acl = Place(kind="network_acl", id=nat.subnet_id, role="outbound", scope=nat.scope)
    to = Place(kind="route_table", id=nat.subnet_id, role="route", scope=nat.scope)
    return Move(to=to, packet=onward, guards=(acl,), guess=guess)


def _is_public(packet: Packet, view: View) -> bool:
    """Whether an internet gateway has a public address for the sender, or a NAT gateway has translated it already."""
    sender = view.get("network_interface", packet.sender, packet.scope) if packet.sender else None
    translated = any(t.place.kind == "nat_gateway" for t in packet.translations)
    return bool(translated or packet.flow.version == 6 or (sender and sender.public_of(packet.flow.source)))


def _owner(place: Place, packet: Packet, view: View) -> str:
    """The gateway that an interface belongs to, where it is known; else the interface itself."""
    if place.id.startswith("nat-"):
        return place.id
    gateways = view.find("nat_gateway", "vpc", packet.vpc, place.scope) if packet.vpc else ()
    owns = (g.id for g in gateways or () if any(a.network_interface_id == place.id for a in g.nat_gateway_addresses))
    return next(owns, place.id)


def _turned(nat: NatGateway, packet: Packet, view: View) -> tuple[Packet, ...]:
    """The request with one of the gateway's addresses and a port of its own choice, 1024-65535, as source.

    Which of several addresses a flow gets is not documented, so each is a way it may go.
    """
    made = (_with_source(own, nat, packet) for own in nat.serving(_zone(packet, view)))
    return tuple(after for after in made if after)


def _with_source(own: NatGatewayAddress, nat: NatGateway, packet: Packet) -> Packet | None:
    source = address(nat.own(own))
    if source is None or source.version != packet.flow.version:
        return None
    ports = SOURCE_PORTS if packet.flow.source_ports else None
    flow = packet.flow.rewritten(source=source, source_ports=ports)
    here = Place(kind="nat_gateway", id=nat.id, scope=nat.scope)
    back = here.model_copy(update={"role": "back"}) if nat.regional else None
    noted = Translation(place=here, before=packet.flow, after=flow, vpc=nat.vpc_id, returns=back)
    return packet.but(flow=flow, sender=own.network_interface_id or None, lost=nat.id, translations=(*packet.translations, noted))


def _turned_back(packet: Packet, known: Translation) -> Packet:
    flow = packet.flow.rewritten(destination=known.before.source, destination_ports=known.before.source_ports)
    return packet.but(flow=flow)


def _remembered(packet: Packet) -> Translation | None:
    """The translation of the request that this reply belongs to."""
    if packet.direction != "reply":
        return None
    return next(
        (t for t in packet.translations if t.place.kind == "nat_gateway" and t.after.source == packet.flow.destination), None
    )


def _state(nat: Any, stranger: bool) -> str:
    if stranger:
        return "available"  # a stranger is refused whatever the state
    if isinstance(nat, Unread):
        return "unknown"
    if nat is None:
        return "gone"
    # A gateway that is being deleted may still carry traffic: API_NatGateway.html in the EC2 API reference.
    if nat.state != "available":
        return "gone" if nat.state in ("pending", "failed", "deleted") else "unknown"
    written = nat.regional or (nat.primary and nat.primary.private_ip)
    return "available" if written else "unknown"


def _translates(packet: Packet) -> str:
    """TCP, UDP and ICMP over IPv4; IPv6 only as NAT64, which is not followed here."""
    if packet.flow.version == 6:
        return "nat64" if str(packet.flow.destination).startswith("64:ff9b:") else "no"
    return "yes" if packet.flow.protocol in (TCP, UDP, ICMP) else "no"


def _in_vpc(nat: Any, packet: Packet, view: View) -> str:
    """Whether the sender is of the gateway's VPC, or came in another way that AWS documents: by a transit gateway or Cloud WAN.

    https://docs.aws.amazon.com/vpc/latest/tgw/transit-gateway-nat-igw.html
    https://docs.aws.amazon.com/whitepapers/latest/building-scalable-secure-multi-vpc-network-infrastructure/centralized-egress-to-internet.html
    """
    vpc = view.get("vpc", nat.vpc_id, nat.scope) if nat else None
    if not nat or isinstance(vpc, Unread) or vpc is None:
        return "unknown"
    if vpc.holds(packet.flow.source):
        return "yes"
    border = packet.came_by(nat.vpc_id)
    return "unknown" if border is None else "no" if border.peering else "transit"


def _mode(nat: Any, packet: Packet, view: View) -> str:
    """Zonal, or regional: `unzoned` where it is not for the packet's zone, `unclear` where its way on is not known."""
    if not nat or not nat.regional:
        return "zonal"
    if _remembered(packet):
        return "regional"
    private = all(a.private_ip for a in nat.nat_gateway_addresses)
    public = all(a.private_ip or a.public_ip for a in nat.nat_gateway_addresses)
    shown = nat.route_table_id.startswith("rtb-") and (private if is_private(packet.flow.destination) else public)
    return {"yes": "regional", "no": "unzoned"}.get(nat.zone(_zone(packet, view)), "unclear") if shown else "unclear"


def _zone(packet: Packet, view: View) -> Any:
    """The subnet the packet comes from, which tells its zone."""
    return view.get("subnet", packet.subnet, packet.scope) if packet.subnet else None


def _text(nat: Any) -> str:
    if not nat:
        return "not read"
    return f"State {nat.state}, {nat.connectivity_type}" + (f": {nat.failure_message}" if nat.failure_message else "")


def _shown(nat: Any, known: Translation | None, packet: Packet) -> str:
    if known:
        return f"{packet.flow.destination} → {known.before.source}"
    return f"{packet.flow.source} → {nat.own(nat.primary)}" if nat and nat.primary and not nat.regional else ""
