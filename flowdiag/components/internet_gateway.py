"""Internet gateways: swap an interface's private IPv4 address for its public one on the way out, and back on the way in.

https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from flowdiag.address import ANYBODY, address, is_private, is_shared
from flowdiag.component import (
    EVERYWHERE,
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
    internet_firewall,
    public_access,
    public_access_blocked,
)
from flowdiag.detour import is_elsewhere
from flowdiag.model import Address, Evidence, Flow, Move, Mtu, Observation, Packet, Place, Scope, Translation, Unread

MTU = Mtu(most=1500)  # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network_mtu.html


class GatewayAttachment(Part):
    """The VPC a gateway is attached to; `available` and `attached` both carry traffic."""

    vpc_id: Id
    state: Literal["", "attaching", "attached", "available", "detaching", "detached"] = ""


class InternetGateway(Resource):
    """An internet gateway (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InternetGateway.html)."""

    kind: ClassVar[str] = "internet_gateway"
    internet_gateway_id: str
    attachments: tuple[GatewayAttachment, ...]

    @property
    def id(self) -> str:
        """The gateway id."""
        return self.internet_gateway_id

    @property
    def vpc(self) -> str:
        """The VPC it is attached to, or empty."""
        return next((a.vpc_id for a in self.attachments if a.state in ("available", "attached", "")), "")


def _vpcs(raw: Mapping[str, Any]) -> list[str | None]:
    return [given(a, "VpcId") for a in raw["Attachments"]]


class InternetGatewayComponent(Component):
    """`place.role` is `out` (from the VPC) or `in` (from the internet)."""

    kind = "internet_gateway"
    traffic_paths = ("2", "8")
    connections = "kept"
    prefixes = ("igw",)
    target_role = "out"
    route_field = "GatewayId"
    offer_rank = 9
    reads = (
        Read(
            service="ec2",
            operation="describe_internet_gateways",
            action="ec2:DescribeInternetGateways",
            responses=("InternetGateways",),
            id_field="InternetGatewayId",
            resource=InternetGateway,
            lookups={
                "id": by_id("InternetGatewayId", "internet-gateway-id"),
                "vpc": Lookup(keys=_vpcs, filter="attachment.vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """An Automated Internet Firewall, where the VPC has one."""
        return internet_firewall(_treated(place, packet, view), place, packet, view)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether it is attached, has a public address to stand in for the private one, and may carry this at all."""
        gateway = view.get("internet_gateway", place.id, place.scope)
        inward = place.role == "in"
        mapped = _inside(packet, view) if inward else _outside(packet, view)
        far = packet.flow.source if inward else packet.flow.destination
        return Observation(
            table="internet_gateway",
            inputs={
                "direction": "in" if inward else "out",
                "attached": "unknown"
                if isinstance(gateway, Unread)
                else "yes"
                if gateway and gateway.vpc == packet.vpc
                else "no",
                "public address": _public_address(place, packet, mapped, view),
                "far address": "shared" if is_shared(far) else "private" if is_private(far) else "public",
                "edge route table": _edge(place, packet, inward, view),
                "block public access": _block_public_access(packet, inward, view),
            },
            words={
                "gateway": gateway.name if gateway else place.id,
                "source": str(packet.flow.source),
                "destination": str(packet.flow.destination),
                "vpc": packet.vpc,
                "appliance": "" if inward else _redirected(place, packet, view),
            },
            resource=place.id,
            name=gateway.name if gateway else place.id,
            detail=_shown(packet, mapped, inward),
            evidence=(Evidence(where=place.id, text=f"attached to {gateway.vpc or 'no VPC'}" if gateway else "not read"),),
            fix={"interface": "" if inward else packet.sender or "", "vpc": packet.vpc},
            mtu=MTU,
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Out to the internet, or in to the VPC's router, with the address swapped; out of a host that has no public address as
        if it had one, where nobody known would judge the packet by it."""
        inward = place.role == "in"
        mapped = _inside(packet, view) if inward else _outside(packet, view)
        if isinstance(mapped, Unread):
            return ()
        if mapped is None and inward:
            return ()
        if mapped is None and not _may_have_one(packet, view):
            return (Move(to=Place(kind="dead_end", id=place.id, scope=place.scope), packet=packet),)
        flow = packet.flow.rewritten(**{"destination" if inward else "source": mapped}) if mapped else packet.flow
        noted = (*packet.translations, Translation(place=place, before=packet.flow, after=flow, vpc=packet.vpc))
        if inward:
            onward = packet.but(flow=flow, subnet="", translations=noted)
            return (Move(to=_taken_back(flow, packet) or _inner(place, packet, view), packet=onward),)
        # A public source is no private address of anybody, so group references no longer see the sender.
        onward = packet.but(flow=flow, subnet="", vpc="", sender=None, lost=packet.lost or place.id, translations=noted)
        to = Place(kind="internet", id="internet", role="transit", scope=place.scope)
        return (Move(to=to, packet=onward, as_if=mapped is None),)

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """The gateway with its edge route table, whether public access is blocked, and that nobody here is anybody there."""
        gateway = view.get("internet_gateway", place.id, place.scope)
        scope = gateway.scope if gateway else place.scope
        view.find("route_table", "gateway", place.id, scope)
        public_access(view.get("vpc", vpc, scope), scope, view)
        for by in ("private_ip", "public_ip"):
            view.find("network_interface", by, str(ANYBODY[4]))
        view.find("network_interface", "ipv6", str(ANYBODY[6]))

    def offers(self, packet: Packet, scope: Scope, view: View) -> Iterator[Offer]:
        """The gateway of the VPC, for a packet to the internet."""
        if is_private(packet.flow.destination):
            return
        for gateway in view.find("internet_gateway", "vpc", packet.vpc, scope) or ():
            place = Place(kind="internet_gateway", id=gateway.id, role="out", scope=scope)
            yield Offer(place, EVERYWHERE[packet.flow.version])


def _outside(packet: Packet, view: View) -> Any:
    """The address the outside sees: the public IPv4 of the sending interface, or its IPv6 address as it is."""
    translated = _nat_address(packet, view)
    if translated:
        return translated
    interface = _sender(packet, view)
    if not interface:
        return interface
    if packet.flow.version == 6:
        return _advertised(packet.flow.source, packet, view) if interface.owns(packet.flow.source) else None
    return address(interface.public_of(packet.flow.source))


def _may_have_one(packet: Packet, view: View) -> bool:
    """Whether a public address can be given to the sender, and nobody known stands where the packet goes; which address it
    would be is not known, and the answer finds the private one again whatever it is."""
    sender = _sender(packet, view)
    return bool(sender) and not sender.requester_managed and is_elsewhere(packet.flow.destination, view)


def _sender(packet: Packet, view: View) -> Any:
    """The interface of this VPC that has the source address; behind an appliance the address alone still tells it."""
    if not packet.sender:
        return holder(packet.vpc, packet.flow.source, packet.scope, view)
    found = view.get("network_interface", packet.sender, packet.scope)
    return None if found and found.vpc_id != packet.vpc else found


def _nat_address(packet: Packet, view: View) -> Address | None:
    """A NAT gateway names its addresses itself; its interface need not show the association."""
    place = next((t.place for t in reversed(packet.translations) if t.after.source == packet.flow.source), None)
    nat = view.get("nat_gateway", place.id, place.scope) if place and place.kind == "nat_gateway" else None
    return address(nat.public_of(packet.flow.source)) if nat else None


def _inside(packet: Packet, view: View) -> Any:
    """The private address behind the destination, which has to be one of this VPC's."""
    if packet.flow.version == 6:
        found = holder(packet.vpc, packet.flow.destination, packet.scope, view)
        return _advertised(packet.flow.destination, packet, view) if found else found
    found = view.find("network_interface", "public_ip", str(packet.flow.destination), packet.scope)
    mapped = next((address(i.private_of(packet.flow.destination)) for i in found or () if i.vpc_id == packet.vpc), None)
    return mapped or _turned_before(packet) or (found if isinstance(found, Unread) else None)


def _advertised(own: Address, packet: Packet, view: View) -> Any:
    """An IPv6 address of this VPC, where the internet can be told of it; Unread where the VPC was not read."""
    vpc = view.get("vpc", packet.vpc, packet.scope)
    if isinstance(vpc, Unread):
        return vpc
    return None if is_private(own) or (vpc and vpc.hides(own)) else own


def _denied(packet: Packet, view: View) -> bool:
    """Whether the interface behind an IPv6 destination drops what comes by an internet gateway (DenyAllIgwTraffic).

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html
    """
    target = packet.flow.destination
    found = holder(packet.vpc, target, packet.scope, view) if target.version == 6 else None
    return bool(found.deny_all_igw_traffic) if found else False


def _public_address(place: Place, packet: Packet, mapped: Any, view: View) -> str:
    """Whether there is a public address; a firewall that stands in front may have one for a host that has none."""
    if place.role == "in" and _denied(packet, view):
        return "denied"
    lacks = mapped is None and place.role != "in" and packet.flow.version == 4
    inspected = internet_firewall(_treated(place, packet, view), place, packet, view)
    return "unknown" if lacks and inspected else _answer(mapped)


def _treated(place: Place, packet: Packet, view: View) -> str:
    """The subnet on this side of the gateway."""
    return next(iter(_subnets_inside(packet, view) if place.role == "in" else _subnets_outside(packet, view)), "")


def _answer(mapped: Any) -> str:
    return "unknown" if isinstance(mapped, Unread) else "yes" if mapped else "no"


def _turned_before(packet: Packet) -> Address | None:
    """The private address that a gateway put this public one in the place of, on the request's way out."""
    if packet.direction != "reply":
        return None
    gone_out = (t for t in packet.translations if t.place.role == "out" and t.after.source == packet.flow.destination)
    return next((t.before.source for t in gone_out), None)


def _taken_back(flow: Flow, packet: Packet) -> Place | None:
    """The gateway that stands in no subnet and takes back the replies to its address: a regional NAT gateway."""
    behind = (t.returns for t in packet.translations if t.place.kind == "nat_gateway" and t.after.source == flow.destination)
    return next(behind, None) if packet.direction == "reply" else None


def _edge(place: Place, packet: Packet, inward: bool, view: View) -> str:
    """Whether the gateway has a route table of its own, and whether a packet on its way out went past the appliance in it."""
    tables = view.find("route_table", "gateway", place.id, place.scope)
    if isinstance(tables, Unread):
        return "unknown"
    if not inward and _redirected(place, packet, view):
        return "bypassed"
    return "yes" if tables else "no"


def _redirected(place: Place, packet: Packet, view: View) -> str:
    """To what the gateway hands packets for the sender, where this one came straight from the sender's subnet; or empty.

    https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html (INGRESS_RTB_TRAFFIC_REDIRECTION)
    """
    tables = view.find("route_table", "gateway", place.id, place.scope)
    subnet = view.get("subnet", packet.subnet, packet.scope) if tables and packet.subnet else None
    route = tables[0].choose(packet.flow.source, view).route if subnet and subnet.holds(packet.flow.source) else None
    if not route or route.target == "local":
        return ""
    appliance = view.get("network_interface", route.target, place.scope) if route.target.startswith("eni-") else None
    return "" if appliance and appliance.owns(packet.flow.source) else str(route.target)


def _inner(place: Place, packet: Packet, view: View) -> Place:
    """Where a packet goes that came in: by the gateway's own route table where it has one, else to the VPC's router."""
    tables = view.find("route_table", "gateway", place.id, place.scope)
    if tables:
        return Place(kind="edge_route_table", id=tables[0].id, role=place.id, scope=place.scope)
    return Place(kind="vpc", id=packet.vpc, role="deliver", scope=place.scope)


def _block_public_access(packet: Packet, inward: bool, view: View) -> str:
    """Whether VPC Block Public Access stops the packet; of what a NAT gateway or a firewall sends on, both subnets count.

    Only a NAT gateway behind this very gateway, which lets nothing in that was not asked for, is spared by block-ingress.
    """
    behind = any(t.place.kind == "nat_gateway" and t.vpc == packet.vpc for t in packet.translations)
    translated = behind and not (inward and packet.direction == "request")
    subnets = _subnets_inside(packet, view) if inward else _subnets_outside(packet, view)
    return public_access_blocked(packet, subnets, not inward, not translated, view)


def _subnets_outside(packet: Packet, view: View) -> tuple[str, ...]:
    origin = view.get("network_interface", packet.origin, packet.scope) if packet.origin else None
    first = origin.subnet_id if origin and origin.vpc_id == packet.vpc else ""
    return tuple(dict.fromkeys(id for id in (packet.subnet, first) if id))


def _subnets_inside(packet: Packet, view: View) -> tuple[str, ...]:
    inside = _inside(packet, view)
    interface = holder(packet.vpc, inside, packet.scope, view) if inside else None
    return (interface.subnet_id,) if interface else ()


def _shown(packet: Packet, mapped: Any, inward: bool) -> str:
    if not mapped:
        return ""
    was = packet.flow.destination if inward else packet.flow.source
    return f"{was} → {mapped}" if was != mapped else f"{mapped}"
