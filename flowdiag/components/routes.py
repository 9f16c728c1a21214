"""Routes: what stands in a route table, and which of it wins for a destination. The route table's component leads.

The longest prefix wins, then the kind of route: https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import model_validator

from flowdiag.address import holds, is_private, network, parts
from flowdiag.component import Cidr, Component, Id, Lookup, Part, Read, Resource, View, by_id, by_name
from flowdiag.model import Address, Network

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

    @property
    def propagated(self) -> bool:
        """True where a virtual private gateway put it here, as it learned it."""
        return self.origin == "EnableVgwRoutePropagation"

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

    def choose(self, target: Address, view: View) -> Choice:
        """Longest prefix, then static before prefix list before propagated; a blackhole route takes part and drops.

        That a blackhole route wins is an inference: AWS documents the state, not its part in the choice. A propagated route
        inside a local one loses to it (https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-route-priority.html).
        """
        choices = [self._choose(part, view) for part in parts(target)]
        ways = {choice.way for choice in choices}
        return choices[0] if len(ways) == 1 else Choice(None, undecided=_each(choices), divided=True)

    def _choose(self, target: Address | Network, view: View) -> Choice:
        found, unread = _candidates(self, target, view)
        best = min(found, key=lambda c: (-c.length, c.rank), default=None)
        winner = best.route.target if best else None
        rivals = {route.target for route in unread} - ({winner} if winner else set())
        if rivals:
            lists = ", ".join(sorted(r.destination for r in unread if r.target in rivals))
            return Choice(best.route if best else None, undecided=lists)
        equals = {c.route.target: str(c.route) for c in found if best and _rivals(c, best)}
        losers = [c for c in found if best and c.route.target != best.route.target and c.route.state in ("active", "")]
        beaten = min(losers, key=lambda c: (-c.length, c.rank, str(c.route)), default=None)
        return Choice(
            best.route if best else None, rivals=tuple(sorted(equals.values())), beaten=beaten.route if beaten else None
        )

    @property
    def endpoints(self) -> tuple[tuple[str, str], ...]:
        """The gateway endpoints it is associated with, each with the prefix list of its service."""
        led = (r for r in self.routes if r.gateway_id.startswith("vpce-") and r.state in ("active", ""))
        return tuple((r.gateway_id, r.destination_prefix_list_id) for r in led if r.destination_prefix_list_id)

    def learned(self, gateway: str, target: Address) -> bool:
        """Whether a gateway has propagated a route that covers the destination: then the gateway itself knows one."""
        return any(r.propagated and r.gateway_id == gateway and holds(r.destination, target) for r in self.routes)


@dataclass(frozen=True)
class Candidate:
    """A route that covers the destination: its prefix length, and its rank among equals (lower wins)."""

    route: Route
    length: int
    rank: int


@dataclass(frozen=True)
class Choice:
    """What a route table does with a destination: the winning route, and why it may be undecidable.

    `beaten` is the active route to another target that AWS would take if the winner were not there.
    `divided`: it sends great parts of the internet different ways, and which of them is meant is not known.
    """

    route: Route | None
    undecided: str = ""
    rivals: tuple[str, ...] = ()
    beaten: Route | None = None
    divided: bool = False

    @property
    def way(self) -> tuple[str, str, str, tuple[str, ...]]:
        """What two choices have in common that lead the same way, be it by different routes."""
        return (self.route.target if self.route else "", self.state, self.undecided, self.rivals if self.tie else ())

    @property
    def tie(self) -> bool:
        """True where equal routes lead to different targets."""
        return len(self.rivals) > 1

    @property
    def answer(self) -> str:
        """Whether there is a route, as the column of a decision table says it."""
        return "divided" if self.divided else "undecided" if self.undecided else "yes" if self.route else "no"

    @property
    def state(self) -> str:
        """The state of the winning route, as the column of a decision table says it; one that AWS leaves out is active."""
        if self.route is None:
            return "unknown" if self.undecided else "none"
        state = self.route.state or "active"
        return state if state in ("active", "blackhole") else "other"

    @property
    def detail(self) -> str:
        """The winning route as a person reads it, or what may win."""
        if self.divided:
            return self.undecided
        if self.undecided:
            return f"a route by {self.undecided} may win" + (f" over {self.route}" if self.route else "")
        if self.tie:
            return " or ".join(self.rivals)
        state = f" ({self.route.state})" if self.route and self.route.state not in ("active", "") else ""
        return f"{self.route}{state}" if self.route else ""


def _each(choices: list[Choice]) -> str:
    """What becomes of each part of the internet, in words."""
    return ", ".join(dict.fromkeys(choice.detail or "no route for the rest" for choice in choices))


def _rivals(one: Candidate, best: Candidate) -> bool:
    """Equal routes; and of overlapping prefix lists with different targets AWS picks one at random, whatever their length."""
    both_listed = bool(one.route.destination_prefix_list_id and best.route.destination_prefix_list_id)
    return both_listed or (one.length, one.rank) == (best.length, best.rank)


def _candidates(table: RouteTable, target: Address | Network, view: View) -> tuple[list[Candidate], list[Route]]:
    local = [r for r in table.routes if r.target == "local" and holds(r.destination, target)]
    found: list[Candidate] = []
    unread: list[Route] = []
    for route in table.routes:
        if route.propagated and local:
            continue
        if route.destination_prefix_list_id:
            listed = _listed(route, table, target, view)
            if listed is None:
                unread.append(route)
            else:
                found.extend(Candidate(route, length, 1) for length in listed)
        elif holds(route.destination, target):
            outer = network(route.destination)
            found.append(Candidate(route, outer.prefixlen if outer else 0, 2 if route.propagated else 0))
    return found, unread


def _listed(route: Route, table: RouteTable, target: Address | Network, view: View) -> list[int] | None:
    """Prefix lengths by which the route's prefix list covers the address; None where the list was not read.

    The list of a gateway endpoint holds public addresses of one AWS service only, so it never covers a private one:
    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    """
    if route.gateway_id.startswith("vpce-") and isinstance(target, Address) and is_private(target):
        return []
    found = view.get("prefix_list", route.destination_prefix_list_id, table.scope)
    if not found:
        return None
    return [outer.prefixlen for cidr in found.networks if holds(cidr, target) and (outer := network(cidr))]


_NOT_ASSOCIATED = ("disassociated", "failed")
_ASSOCIATED = ("SubnetId", "GatewayId", "PublicIpv4Pool")


def _associations(raw: Mapping[str, Any]) -> list[Any]:
    """What a raw table is associated with, not what it no longer is or could not be; raises TypeError for half of it, which may
    be anybody's: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RouteTableAssociationState.html
    """
    if not isinstance(raw["Associations"], list):
        raise TypeError("Associations is no list")
    return [a for a in raw["Associations"] if (a.get("AssociationState") or {}).get("State") not in _NOT_ASSOCIATED]


def _subnets(raw: Mapping[str, Any]) -> list[str | None]:
    associations = _associations(raw)
    if any(not (a.get("Main") or any(a.get(key) for key in _ASSOCIATED)) for a in associations):
        raise KeyError("SubnetId")  # it may be anybody's
    return [a.get("SubnetId") for a in associations]


def _main(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw.get("VpcId")] if any(a.get("Main") for a in _associations(raw)) else []


class RoutesComponent(Component):
    """Reads route tables and chooses among their routes; leads no packet."""

    kind = "routes"
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
                "main": Lookup(keys=_main, filter="vpc-id", also={"association.main": ("true",)}),
                "gateway": Lookup(
                    keys=lambda raw: [a.get("GatewayId") for a in _associations(raw)], filter="association.gateway-id"
                ),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )
