"""NAT gateways: put their own address in place of the sender's, remember it, and turn the reply back.

https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from flowdiag.address import address, is_private
from flowdiag.component import EVERYWHERE, Component, Lookup, Offer, Part, Read, Resource, View, by_id, by_name
from flowdiag.model import (
    ICMP,
    TCP,
    UDP,
    Address,
    Evidence,
    Hop,
    Move,
    Observation,
    Packet,
    Place,
    PortRange,
    Scope,
    Translation,
    Unread,
)
from flowdiag.named import Named, all_of, arn_scope, every

_NAMED = re.compile(r"^(?:arn:[^:]+:ec2:[^:]*:\d*:natgateway/)?(?P<id>nat-[0-9a-z]+)$")
GONE = ("failed", "disassociating", "unassigning")
SOURCE_PORTS = PortRange(first=1024, last=65535)


class NatGatewayAddress(Part):
    """One address pair of a NAT gateway."""

    private_ip: str = ""
    public_ip: str = ""
    network_interface_id: str = ""
    is_primary: bool = False
    status: str = ""


class NatGateway(Resource):
    """A NAT gateway (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html)."""

    kind: ClassVar[str] = "nat_gateway"
    nat_gateway_id: str
    vpc_id: str = ""
    subnet_id: str = ""
    state: str = ""
    connectivity_type: str = "public"
    availability_mode: str = "zonal"
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

    def public_of(self, private: Address) -> str:
        """The Elastic IP of one of its private addresses, or empty."""
        return next((a.public_ip for a in self.nat_gateway_addresses if a.private_ip == str(private)), "")


class NatGatewayComponent(Component):
    """A NAT gateway by its id (a route leads here), or by its interface (a reply, or a stranger, arrives there)."""

    kind = "nat_gateway"
    prefixes = ("nat",)
    interface_types = ("nat_gateway", "natGateway")
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

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """The network ACL of its subnet, where the packet comes from another one; it has no security group."""
        nat = view.get("nat_gateway", place.id, place.scope) if place.id.startswith("nat-") else None
        if not nat or not nat.subnet_id or nat.subnet_id == packet.subnet:
            return ()
        return (Place(kind="network_acl", id=nat.subnet_id, role="inbound", scope=nat.scope),)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether it works, whether it translates this kind of packet, and whether it knows the connection."""
        known = _remembered(packet)
        id = known.place.id if known else _owner(place, packet, view)
        nat = view.get("nat_gateway", id, place.scope) if id.startswith("nat-") else None
        returning = not place.id.startswith("nat-")
        name = nat.name if nat else id
        return Observation(
            table="nat_gateway",
            inputs={
                "packet": ("reply" if known else "stranger") if returning else "outgoing",
                "state": _state(nat, returning and not known),
                "translates": _translates(packet),
                "source in VPC": "yes" if returning else _in_vpc(nat, packet, view),
                "kind": _mode(nat),
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
            evidence=(Evidence(where=id, text=_text(nat)),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Out by its subnet's route table, with its own address as source; or back to the client it remembers."""
        known = None if place.id.startswith("nat-") else _remembered(packet)
        nat = view.get("nat_gateway", known.place.id if known else place.id, place.scope)
        if not nat or not nat.subnet_id or not nat.primary or (place.id != nat.id and not known):
            return ()
        ways = (_turned_back(packet, known),) if known else _turned(nat, packet)
        return tuple(_out(nat, after, view, len(ways) > 1) for after in ways)

    def interfaces(self, hop: Hop, subnets: tuple[str, ...], view: View) -> tuple[str, ...]:
        """The interface of the address that it gives the packet."""
        nat = view.get("nat_gateway", hop.place.id, hop.place.scope)
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


def _out(nat: NatGateway, after: Packet, view: View, guess: bool) -> Move:
    """Out of the gateway's subnet by its route table, or to a neighbour in it."""
    onward = after.but(subnet=nat.subnet_id, vpc=nat.vpc_id)
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


def _turned(nat: NatGateway, packet: Packet) -> tuple[Packet, ...]:
    """The request with one of the gateway's addresses and a port of its own choice, 1024-65535, as source.

    Which of several addresses a flow gets is not documented, so each is a way it may go.
    """
    made = (_with_source(own, nat, packet) for own in nat.nat_gateway_addresses if own.status not in GONE)
    return tuple(after for after in made if after)


def _with_source(own: NatGatewayAddress, nat: NatGateway, packet: Packet) -> Packet | None:
    source = address(own.private_ip)
    if source is None or source.version != packet.flow.version:
        return None
    ports = SOURCE_PORTS if packet.flow.source_ports else None
    flow = packet.flow.rewritten(source=source, source_ports=ports)
    noted = Translation(place=Place(kind="nat_gateway", id=nat.id, scope=nat.scope), before=packet.flow, after=flow)
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
    written = _mode(nat) == "regional" or (nat.primary and nat.primary.private_ip)
    return "available" if written else "unknown"


def _translates(packet: Packet) -> str:
    """TCP, UDP and ICMP over IPv4; IPv6 only as NAT64, which is not followed here."""
    if packet.flow.version == 6:
        return "nat64" if str(packet.flow.destination).startswith("64:ff9b:") else "no"
    return "yes" if packet.flow.protocol in (TCP, UDP, ICMP) else "no"


def _in_vpc(nat: Any, packet: Packet, view: View) -> str:
    """Only packets from interfaces of its own VPC are translated when they come over a peering or a VPN."""
    vpc = view.get("vpc", nat.vpc_id, nat.scope) if nat else None
    if not nat or isinstance(vpc, Unread) or vpc is None:
        return "unknown"
    return "yes" if vpc.holds(packet.flow.source) else "no" if packet.crossed else "unknown"


def _mode(nat: Any) -> str:
    return "regional" if nat and (nat.availability_mode == "regional" or not nat.subnet_id) else "zonal"


def _text(nat: Any) -> str:
    if not nat:
        return "not read"
    return f"State {nat.state}, {nat.connectivity_type}" + (f": {nat.failure_message}" if nat.failure_message else "")


def _shown(nat: Any, known: Translation | None, packet: Packet) -> str:
    if known:
        return f"{packet.flow.destination} → {known.before.source}"
    return f"{packet.flow.source} → {nat.primary.private_ip}" if nat and nat.primary else ""
