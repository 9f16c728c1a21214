"""Route tables: the longest prefix wins, then the kind of route; met when a packet leaves its subnet.

https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import model_validator

from flowdiag.address import holds, is_private, network
from flowdiag.component import Cidr, Component, Id, Lookup, Part, Read, Resource, View, by_id, by_name
from flowdiag.model import Address, Evidence, Move, Observation, Packet, Place, Unread

TARGETS = (
    "nat_gateway_id",
    "transit_gateway_id",
    "vpc_peering_connection_id",
    "egress_only_internet_gateway_id",
    "carrier_gateway_id",
    "local_gateway_id",
    "core_network_arn",
    "odb_network_arn",
    "network_interface_id",
    "gateway_id",
    "instance_id",
    "ip_address",
)


class Route(Part):
    """One route (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html)."""

    destination_cidr_block: Cidr = ""
    destination_ipv6_cidr_block: Cidr = ""
    destination_prefix_list_id: str = ""
    state: str = ""
    origin: str = ""
    nat_gateway_id: str = ""
    transit_gateway_id: str = ""
    vpc_peering_connection_id: str = ""
    egress_only_internet_gateway_id: str = ""
    carrier_gateway_id: str = ""
    local_gateway_id: str = ""
    core_network_arn: str = ""
    odb_network_arn: str = ""
    network_interface_id: str = ""
    gateway_id: str = ""
    instance_id: str = ""
    ip_address: str = ""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Route:
        if not self.destination:
            raise ValueError("it names no destination")
        return self

    @property
    def destination(self) -> str:
        """The CIDR or prefix list the route is for."""
        return self.destination_cidr_block or self.destination_ipv6_cidr_block or self.destination_prefix_list_id

    @property
    def target(self) -> str:
        """The id of what the route points to, or `local`."""
        return next((value for name in TARGETS if (value := getattr(self, name))), "")

    def __str__(self) -> str:
        """As a person reads it: `10.0.0.0/16 → local`."""
        return f"{self.destination} → {self.target or 'nothing'}"


class RouteAssociation(Part):
    """What a route table is associated with."""

    main: bool = False
    subnet_id: str = ""
    gateway_id: str = ""


class RouteTable(Resource):
    """A route table (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RouteTable.html)."""

    kind: ClassVar[str] = "route_table"
    route_table_id: str
    vpc_id: Id
    associations: tuple[RouteAssociation, ...]
    routes: tuple[Route, ...]

    @property
    def id(self) -> str:
        """The route table id."""
        return self.route_table_id


@dataclass(frozen=True)
class Candidate:
    """A route that covers the destination: its prefix length, and its rank among equals (lower wins)."""

    route: Route
    length: int
    rank: int


@dataclass(frozen=True)
class Choice:
    """What a route table does with a destination: the winning route, and why it may be undecidable."""

    route: Route | None
    undecided: str = ""
    rivals: tuple[str, ...] = ()

    @property
    def tie(self) -> bool:
        """True where equal routes lead to different targets."""
        return len(self.rivals) > 1


def choose(table: RouteTable, target: Address, view: View) -> Choice:
    """Longest prefix, then static before prefix list before propagated; a blackhole route takes part and drops.

    That a blackhole route wins is an inference: AWS documents the state, not its part in the choice. A propagated route
    inside a local one loses to it (https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-route-priority.html).
    """
    found, unread = _candidates(table, target, view)
    best = min(found, key=lambda c: (-c.length, c.rank), default=None)
    winner = best.route.target if best else None
    rivals = {route.target for route in unread} - ({winner} if winner else set())
    if rivals:
        lists = ", ".join(sorted(r.destination for r in unread if r.target in rivals))
        return Choice(best.route if best else None, undecided=lists)
    equals = {c.route.target: str(c.route) for c in found if best and (c.length, c.rank) == (best.length, best.rank)}
    return Choice(best.route if best else None, rivals=tuple(sorted(equals.values())))


def _candidates(table: RouteTable, target: Address, view: View) -> tuple[list[Candidate], list[Route]]:
    local = [r for r in table.routes if r.target == "local" and holds(r.destination, target)]
    found: list[Candidate] = []
    unread: list[Route] = []
    for route in table.routes:
        propagated = route.origin == "EnableVgwRoutePropagation"
        if propagated and local:
            continue
        if route.destination_prefix_list_id:
            listed = _listed(route, table, target, view)
            if listed is None:
                unread.append(route)
            else:
                found.extend(Candidate(route, length, 1) for length in listed)
        elif holds(route.destination, target):
            outer = network(route.destination)
            found.append(Candidate(route, outer.prefixlen if outer else 0, 2 if propagated else 0))
    return found, unread


def _listed(route: Route, table: RouteTable, target: Address, view: View) -> list[int] | None:
    """Prefix lengths by which the route's prefix list covers the address; None where the list was not read.

    The list of a gateway endpoint holds public addresses of one AWS service only, so it never covers a private one:
    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    """
    if route.gateway_id.startswith("vpce-") and is_private(target):
        return []
    found = view.get("prefix_list", route.destination_prefix_list_id, table.scope)
    if not found:
        return None
    return [outer.prefixlen for cidr in found.networks if holds(cidr, target) and (outer := network(cidr))]


_ASSOCIATED = ("SubnetId", "GatewayId", "PublicIpv4Pool")


def _associations(raw: Mapping[str, Any]) -> list[Any]:
    """What a raw table is associated with; raises TypeError for half of it, which may be anybody's."""
    if not isinstance(raw["Associations"], list):
        raise TypeError("Associations is no list")
    return raw["Associations"]


def _subnets(raw: Mapping[str, Any]) -> list[str | None]:
    associations = _associations(raw)
    if any(not (a.get("Main") or any(a.get(key) for key in _ASSOCIATED)) for a in associations):
        raise KeyError("SubnetId")  # it may be anybody's
    return [a.get("SubnetId") for a in associations]


def _main(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw.get("VpcId")] if any(a.get("Main") for a in _associations(raw)) else []


class RouteTableComponent(Component):
    """The route table of a subnet; `place.id` is the subnet."""

    kind = "route_table"
    reads = (
        Read(
            service="ec2",
            operation="describe_route_tables",
            action="ec2:DescribeRouteTables",
            responses=("RouteTables",),
            id_field="RouteTableId",
            resource=RouteTable,
            lookups={
                "id": by_id("RouteTableId", "route-table-id"),
                "subnet": Lookup(keys=_subnets, filter="association.subnet-id"),
                "main": Lookup(keys=_main, filter="vpc-id", also={"association.main": "true"}),
                "gateway": Lookup(
                    keys=lambda raw: [a.get("GatewayId") for a in _associations(raw)], filter="association.gateway-id"
                ),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Which route wins, and whether it is in a state to carry anything."""
        table = table_of(place, packet, view)
        if not table:
            inputs = {"route": "unknown", "state": "unknown", "tie": "no", "return to sender": "no"}
            words = {"guard": f"the route table of {place.id}", "destination": str(packet.flow.destination)}
            return Observation(
                table="route_table", inputs=inputs, words=words, resource=place.id, name=place.id, detail="was not read"
            )
        choice = choose(table, packet.flow.destination, view)
        returned = choice.route is None and bool(_sender_peering(packet))
        return Observation(
            table="route_table",
            inputs={
                "route": "undecided" if choice.undecided else "yes" if choice.route else "no",
                "state": _state(choice),
                "tie": "yes" if choice.tie else "no",
                "return to sender": "yes" if returned else "no",
            },
            words=_words(table, choice, packet),
            resource=table.id,
            name=table.name,
            detail=_detail(choice),
            near_miss="" if choice.route or choice.undecided else _nearest(table, packet.flow.destination),
            evidence=(
                Evidence(
                    where=table.id, text=str(choice.route) if choice.route else f"no route covers {packet.flow.destination}"
                ),
            ),
            fix={
                "table": table.id,
                "destination": str(packet.flow.destination),
                "route": choice.route.destination if choice.route else "",
            },
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To the target of the winning route; where none carries, to a dead end and on as if one did."""
        table = table_of(place, packet, view)
        if not table:
            return ()
        choice = choose(table, packet.flow.destination, view)
        if choice.undecided or choice.tie:
            return ()
        if choice.route and choice.route.state in ("active", ""):
            return (Move(to=_target(choice.route.target, table), packet=packet.but(vpc=table.vpc_id)),)
        if choice.route is None and (peering := _sender_peering(packet)):
            return (Move(to=Place(kind="vpc_peering", id=peering, role="cross", scope=table.scope), packet=packet),)
        if choice.route is not None and choice.route.state != "blackhole":
            return ()
        detour = next(_detours(table, packet, view), None)
        if detour is None:
            return (Move(to=Place(kind="dead_end", id=table.id, scope=table.scope), packet=packet),)
        return (Move(to=detour, packet=packet.but(vpc=table.vpc_id), as_if=True),)


def table_of(place: Place, packet: Packet, view: View) -> Any:
    """The subnet's own table, else the VPC's main one (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html)."""
    if place.id.startswith("rtb-"):
        return view.get("route_table", place.id, place.scope)
    own = view.find("route_table", "subnet", place.id, place.scope)
    main = view.find("route_table", "main", packet.vpc, place.scope)
    if isinstance(own, Unread):
        return own
    if own:
        return own[0]
    return main[0] if main else main or None


def _state(choice: Choice) -> str:
    if choice.route is None:
        return "unknown" if choice.undecided else "none"
    return (
        choice.route.state if choice.route.state in ("active", "blackhole") else "active" if not choice.route.state else "other"
    )


def _detail(choice: Choice) -> str:
    if choice.undecided:
        return f"a route by {choice.undecided} may win" + (f" over {choice.route}" if choice.route else "")
    if choice.tie:
        return " or ".join(choice.rivals)
    state = f" ({choice.route.state})" if choice.route and choice.route.state not in ("active", "") else ""
    return f"{choice.route}{state}" if choice.route else ""


def _words(table: RouteTable, choice: Choice, packet: Packet) -> dict[str, str]:
    return {
        "guard": table.name,
        "destination": str(packet.flow.destination),
        "route": str(choice.route) if choice.route else "",
        "lists": choice.undecided,
    }


def _nearest(table: RouteTable, target: Address) -> str:
    """The route whose network lies closest to the destination, by common leading bits."""
    best: tuple[int, str] = (-1, "")
    for route in table.routes:
        outer = network(route.destination)
        if outer is not None and outer.version == target.version:
            bits = outer.max_prefixlen
            common = bits - (int(outer.network_address) ^ int(target)).bit_length()
            best = max(best, (min(common, outer.prefixlen), f"nearest route: {route}"))
    return best[1]


def _target(target: str, table: RouteTable) -> Place:
    if target == "local":
        return Place(kind="vpc", id=table.vpc_id, role="deliver", scope=table.scope)
    return Place(kind="route_target", id=target, scope=table.scope)


def _sender_peering(packet: Packet) -> str:
    """The peering by which a NAT gateway's request came: its replies return that way even without a route.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
    """
    if packet.direction != "reply" or not packet.crossed:
        return ""
    to_nat = any(t.place.kind == "nat_gateway" and t.after.source == packet.flow.destination for t in packet.translations)
    return packet.crossed[-1] if to_nat else ""


def _detours(table: RouteTable, packet: Packet, view: View) -> Iterator[Place]:
    """Gateways that could carry the packet if a route led there: what a remedy would point a route to."""
    target = packet.flow.destination
    vpc = view.get("vpc", table.vpc_id, table.scope)
    if vpc and vpc.holds(target):
        yield Place(kind="vpc", id=table.vpc_id, role="deliver", scope=table.scope)
    for peering in _peerings(table, view):
        if peering.active and any(holds(cidr, target) for cidr in peering.other(table.vpc_id).cidrs):
            yield Place(kind="vpc_peering", id=peering.id, role="cross", scope=table.scope)
    if not is_private(target):
        yield from _ways_out(table, packet, view)


def _ways_out(table: RouteTable, packet: Packet, view: View) -> Iterator[Place]:
    sender = view.get("network_interface", packet.sender, packet.scope) if packet.sender else None
    gateways = view.find("internet_gateway", "vpc", table.vpc_id, table.scope) or ()
    translated = any(t.place.kind == "nat_gateway" for t in packet.translations)
    public = translated or packet.flow.version == 6 or (sender and sender.public_of(packet.flow.source))
    if not public:
        for nat in view.find("nat_gateway", "vpc", table.vpc_id, table.scope) or ():
            if nat.state == "available" and nat.connectivity_type == "public" and nat.subnet_id:
                yield Place(kind="nat_gateway", id=nat.id, scope=table.scope)
    for gateway in gateways:
        yield Place(kind="internet_gateway", id=gateway.id, role="out", scope=table.scope)


def _peerings(table: RouteTable, view: View) -> list[Any]:
    sides = ("requester", "accepter")
    return [p for side in sides for p in view.find("vpc_peering", side, table.vpc_id, table.scope) or ()]
