"""Random small worlds with a question to them, and a second, plain opinion on what the answer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import strategies as st
from world import Acl, Group, Instance, RouteTable, Subnet, Vpc, World

from flowdiag import Diagnosis, Snapshot, diagnose

OUTSIDE = "198.51.100.7"
CIDRS = (
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.1.1.0/24",
    "10.0.1.10/32",
    "198.51.100.0/24",
    "203.0.113.0/24",
)
PORTS = (None, 80, 443, (1, 442), (1024, 65535), (32768, 60999), (32768, 45000), (45001, 65535))
PROTOCOLS = ("-1", "tcp", "udp")
ASKED = (80, 443)
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass
class Drawn:
    """A world and a question to it; `ends` are the two instances where both ends are one."""

    world: World
    source: str = ""
    destination: str = ""
    port: int = 443
    groups: list[Group] = field(default_factory=list)
    hosts: list[Instance] = field(default_factory=list)
    ends: tuple[Instance, Instance] | None = None

    def ask(self, snapshot: Snapshot | None = None) -> Diagnosis:
        """The diagnosis, from the world as it stands or from another snapshot of it."""
        return diagnose(self.source, self.destination, self.port, snapshot=snapshot or self.world.snapshot())

    def __repr__(self) -> str:
        return f"{self.source} → {self.destination}, tcp/{self.port}: {self.world.raw()}"


@st.composite
def drawn(draw: Draw, private: bool = False) -> Drawn:
    """One or two VPCs with everything in them. `private`: a question between two instances by private addresses."""
    made = Drawn(World())
    vpcs = [_vpc(draw, made, number) for number in range(draw(st.integers(1, 2)))]
    for vpc in vpcs:
        _rules(draw, vpc, made)
    _routes(draw, made.world, vpcs)
    made.port = draw(st.sampled_from(ASKED))
    _question(draw, made, private)
    return made


def _vpc(draw: Draw, made: Drawn, number: int) -> Vpc:
    vpc = made.world.vpc(f"10.{number}.0.0/16")
    own = [vpc.group(f"group-{number}-{n}") for n in range(draw(st.integers(1, 2)))]
    made.groups += own
    vpc.subnets = [vpc.subnet(f"10.{number}.{n}.0/24") for n in range(1, draw(st.integers(2, 4)))]  # type: ignore[attr-defined]
    for subnet in vpc.subnets:  # type: ignore[attr-defined]
        for _ in range(draw(st.integers(1, 2))):
            _host(draw, made, subnet, own)
    return vpc


def _host(draw: Draw, made: Drawn, subnet: Subnet, groups: list[Group]) -> None:
    number = len(made.hosts)
    address = f"{subnet.raw['CidrBlock'].removesuffix('0/24')}{10 + number}"
    public = f"203.0.113.{10 + number}" if draw(st.booleans()) else ""
    carried = draw(st.lists(st.sampled_from(groups), min_size=1, max_size=2, unique=True))
    made.hosts.append(subnet.instance(f"host-{number}", address, *carried, public=public))


def _rules(draw: Draw, vpc: Vpc, made: Drawn) -> None:
    """Mostly open guards, so that what is left has a chance to matter."""
    for group in made.groups:
        if group.vpc is vpc:
            if draw(st.integers(0, 4)):
                group.ingress("-1", None, "0.0.0.0/0")
            for _ in range(draw(st.integers(0, 2))):
                group.ingress(*draw(rules(made.groups)))
            if not draw(st.integers(0, 6)):
                group.raw["IpPermissionsEgress"] = []
                group.egress(*draw(rules(made.groups)))
    for subnet in vpc.subnets:  # type: ignore[attr-defined]
        if not draw(st.integers(0, 2)):
            _entries(draw, subnet.acl())


def rules(groups: list[Group]) -> st.SearchStrategy[tuple[Any, ...]]:
    """What `Group.ingress` takes: protocol, ports, and one or two peers."""
    peers = st.lists(st.sampled_from([*CIDRS, *groups]), min_size=1, max_size=2, unique=True)
    return st.tuples(st.sampled_from(PROTOCOLS), st.sampled_from(PORTS), peers).map(lambda r: (r[0], r[1], *r[2]))


def _entries(draw: Draw, acl: Acl) -> None:
    """Few entries that decide early, many of them about clients' ports, and mostly an open end."""
    for direction in ("ingress", "egress"):
        for number in draw(st.lists(st.integers(1, 9), max_size=2, unique=True)):
            about = (PROTOCOLS, PORTS, CIDRS) if draw(st.booleans()) else (["tcp"], PORTS[4:], ["0.0.0.0/0"])
            add = draw(st.sampled_from([acl.allow, acl.deny]))
            add(number, direction, *draw(st.tuples(*map(st.sampled_from, about))))
        if draw(st.integers(0, 3)):
            acl.allow(100, direction)


def _routes(draw: Draw, world: World, vpcs: list[Vpc]) -> None:
    status = draw(st.sampled_from(["active", "active", "active", "deleted"]))
    peering = world.peer(*vpcs, status=status) if len(vpcs) == 2 else ""
    for number, vpc in enumerate(vpcs):
        ways = _ways_out(draw, vpc)
        for place in (vpc, *vpc.subnets):  # type: ignore[attr-defined]
            if place is vpc or draw(st.booleans()):
                _table(draw, vpc.main if place is vpc else place.table, f"10.{1 - number}", peering, ways)


def _ways_out(draw: Draw, vpc: Vpc) -> list[str]:
    if not draw(st.booleans()):
        return []
    gateway = vpc.internet_gateway()
    if not draw(st.booleans()):
        return [gateway]
    public = vpc.subnet(f"{vpc.cidrs[0].removesuffix('0.0/16')}100.0/24")
    public.route("0.0.0.0/0", gateway)
    return [gateway, public.nat(f"{vpc.cidrs[0].removesuffix('0.0/16')}100.5", public=f"203.0.113.{200 + len(vpc.cidrs[0])}")]


def _table(draw: Draw, table: RouteTable, far: str, peering: str, ways: list[str]) -> None:
    if ways and draw(st.integers(0, 3)):
        table.route("0.0.0.0/0", draw(st.sampled_from(ways)))
    if peering and draw(st.integers(0, 4)):
        table.route(f"{far}.0.0/16", peering)
    if not draw(st.integers(0, 7)):
        table.route(draw(st.sampled_from([f"{far}.1.0/24", "198.51.100.0/24"])), "nat-0dead", state="blackhole")


def _question(draw: Draw, made: Drawn, private: bool) -> None:
    one, other = draw(st.permutations(made.hosts))[:2] if len(made.hosts) > 1 else (made.hosts[0], None)
    made.source = one.eni.id
    if other and (private or draw(st.integers(0, 2))):
        made.destination, made.ends = other.eni.id, (one, other)
    else:
        publics = [h.eni.raw["Association"]["PublicIp"] for h in made.hosts if h is not one and "Association" in h.eni.raw]
        made.destination = draw(st.sampled_from([*publics, OUTSIDE, "internet", "10.0.1.200", "10.1.1.200"]))
        if made.destination in publics and draw(st.booleans()):
            made.source = OUTSIDE


# ---------------------------------------------------------------- a second opinion


class Undecided(Exception):  # noqa: N818 - no error: the plain reading does not cover this way
    """The plain reading stops here."""


def opinion(made: Drawn) -> str:
    """reachable, partial or blocked between two instances by private addresses, read plainly, one port at a time."""
    assert made.ends is not None
    keys = next(iter(made.world.raw().values()))
    one, other = (host.eni.raw for host in made.ends)
    here, there = one["PrivateIpAddress"], other["PrivateIpAddress"]
    open_groups = _grouped(keys, one, "IpPermissionsEgress", there, other, made.port) and _grouped(
        keys, other, "IpPermissions", here, one, made.port
    )
    if not open_groups:
        return "blocked"
    if one["SubnetId"] == other["SubnetId"]:
        return "reachable"
    if not (_routed(keys, one, other) and _routed(keys, other, one)):
        return "blocked"
    if not (_admitted(keys, one, True, there, made.port) and _admitted(keys, other, False, here, made.port)):
        return "blocked"
    answered = [_admitted(keys, other, True, here, p) and _admitted(keys, one, False, there, p) for p in _client_ports()]
    return "reachable" if all(answered) else "partial" if any(answered) else "blocked"


def _client_ports() -> list[int]:
    """Linux's ports, but only those at which some entry of ours may begin or end."""
    borders = {border for ports in PORTS if ports for border in (ports if isinstance(ports, tuple) else (ports, ports))}
    near = {border + step for border in borders for step in (-1, 0, 1)} | {32768, 60999}
    return sorted(port for port in near if 32768 <= port <= 60999)


def _grouped(keys: Any, eni: Any, side: str, address: str, peer: Any, port: int) -> bool:
    carried = {group["GroupId"] for group in eni["Groups"]}
    theirs = {group["GroupId"] for group in peer["Groups"]}
    for group in keys["SecurityGroups"]:
        for rule in group[side] if group["GroupId"] in carried else ():
            if rule["IpProtocol"] == "-1" or (rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"]):
                cidrs = [r["CidrIp"] for r in rule["IpRanges"]]
                if any(_in(address, c) for c in cidrs) or any(p["GroupId"] in theirs for p in rule["UserIdGroupPairs"]):
                    return True
    return False


def _admitted(keys: Any, eni: Any, egress: bool, address: str, port: int) -> bool:
    acl = next(a for a in keys["NetworkAcls"] if eni["SubnetId"] in [s["SubnetId"] for s in a["Associations"]])
    for entry in sorted(acl["Entries"], key=lambda e: e["RuleNumber"]):
        if entry["Egress"] != egress or not _in(address, entry["CidrBlock"]):
            continue
        ports = entry.get("PortRange", {"From": 0, "To": 65535})
        if entry["Protocol"] == "-1" or (entry["Protocol"] == "6" and ports["From"] <= port <= ports["To"]):
            return bool(entry["RuleAction"] == "allow")
    return False


def _routed(keys: Any, eni: Any, peer: Any) -> bool:
    def of(table: Any, what: str, value: Any) -> bool:
        return any(a.get(what) == value for a in table["Associations"])

    tables = [t for t in keys["RouteTables"] if t["VpcId"] == eni["VpcId"]]
    table = next((t for t in tables if of(t, "SubnetId", eni["SubnetId"])), None) or next(
        t for t in tables if of(t, "Main", True)
    )
    fitting = [r for r in table["Routes"] if _in(peer["PrivateIpAddress"], r["DestinationCidrBlock"])]
    if not fitting:
        return False
    best = max(fitting, key=lambda r: ip_network(r["DestinationCidrBlock"]).prefixlen)
    if best.get("NatGatewayId") and best["State"] == "active":
        raise Undecided
    if best.get("GatewayId") == "local":
        return bool(eni["VpcId"] == peer["VpcId"])
    peerings = {p["VpcPeeringConnectionId"]: p["Status"]["Code"] for p in keys["VpcPeeringConnections"]}
    return best["State"] == "active" and peerings.get(best.get("VpcPeeringConnectionId")) == "active"


def _in(address: str, cidr: str) -> bool:
    return ip_address(address) in ip_network(cidr)
