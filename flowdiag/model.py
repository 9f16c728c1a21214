"""The words of flowdiag as frozen values: every other module speaks in these and owns no type of its own that crosses a border.

The order is the order of the story: what was asked, what was read, what moves, what was seen, what is concluded.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from flowdiag.error import FlowdiagError as FlowdiagError

Item = TypeVar("Item")
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Direction = Literal["request", "reply"]
Verdict = Literal["reachable", "blocked", "broken", "partial", "inconclusive"]
Symptom = Literal["reject", "no_log", "accept_broken", "healthy", "unobserved"]
Silence = Literal["absent", "unaccepted", "pending", "unproven"]
Relation = Literal["confirmed", "predicted", "contradicted"]
RuleVerdict = Literal["allowed", "blocked", "partial", "inconclusive"]

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
GUARDS = frozenset(("security_group", "network_acl"))
"""What stands on an edge of the path and denies by rules; AWS logs each of their denials as REJECT
(https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html)."""
PROTOCOL_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}


class Value(BaseModel):
    """A frozen value; unknown fields are an error, so a typo in a test or a surface is found at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ---------------------------------------------------------------- what was asked


class PortRange(Value):
    """Ports `first` to `last`, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def overlap(self, other: PortRange) -> PortRange | None:
        """The ports that both ranges hold, or None."""
        first, last = max(self.first, other.first), min(self.last, other.last)
        return PortRange(first=first, last=last) if first <= last else None

    def minus(self, other: PortRange) -> tuple[PortRange, ...]:
        """The ports of this range that `other` does not hold: none, one or two ranges."""
        below = (self.first, min(self.last, other.first - 1))
        above = (max(self.first, other.last + 1), self.last)
        return tuple(PortRange(first=a, last=b) for a, b in (below, above) if a <= b)


ALL_PORTS = PortRange(first=0, last=65535)


class Flow(Value):
    """The 5-tuple of a packet as it stands on one hop; ports are ranges because a client's port is not known beforehand.

    `icmp` is (type, code) for ICMP and ICMPv6; ports are None for protocols that have none.
    """

    source: Address
    destination: Address
    protocol: int
    source_ports: PortRange | None = None
    destination_ports: PortRange | None = None
    icmp: tuple[int, int] | None = None

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.destination.version

    def reply(self) -> Flow:
        """The packet that answers this one; the reply of the reply is the request."""
        return Flow(
            source=self.destination,
            destination=self.source,
            protocol=self.protocol,
            source_ports=self.destination_ports,
            destination_ports=self.source_ports,
            icmp=_ICMP_ANSWER.get((self.protocol, *self.icmp), self.icmp) if self.icmp else None,
        )

    def rewritten(self, **changes: Any) -> Flow:
        """A copy with another header field, as a gateway writes it."""
        return self.model_copy(update=changes)

    def service(self) -> str:
        """The protocol and port as an engineer writes them: `tcp/5432`, `icmp echo request`, `protocol 50`."""
        name = PROTOCOL_NAMES.get(self.protocol, f"protocol {self.protocol}")
        if self.icmp:
            return f"{name} {_ICMP_NAMES.get((self.protocol, *self.icmp), f'type {self.icmp[0]} code {self.icmp[1]}')}"
        return f"{name}/{self.destination_ports}" if self.destination_ports else name


_ICMP_ANSWER = {
    (ICMP, 8, 0): (0, 0),
    (ICMP, 0, 0): (8, 0),
    (ICMPV6, 128, 0): (129, 0),
    (ICMPV6, 129, 0): (128, 0),
}
_ICMP_NAMES = {
    (ICMP, 8, 0): "echo request",
    (ICMP, 0, 0): "echo reply",
    (ICMPV6, 128, 0): "echo request",
    (ICMPV6, 129, 0): "echo reply",
}


class Question(Value):
    """What the person typed, checked for form; `protocol` is the IANA number, times are UTC."""

    source: str
    destination: str
    protocol: int = TCP
    port: int | None = None
    source_port: int | None = None
    start: datetime | None = None
    end: datetime | None = None


# ---------------------------------------------------------------- what was read


class Scope(Value):
    """The account and Region a resource was read in; an empty part means the folder did not say."""

    account: str = ""
    region: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.account, self.region) if part) or "this snapshot"


ANYWHERE = Scope()


BY_SOURCE = "source"
"""The lookup of a query for flow log records whose value is what people call the place they lie in."""


class Query(Value):
    """One thing the walk wants to know: the resources of `kind` whose lookup `by` gives `value`, in `scope`."""

    kind: str
    by: str
    value: str
    scope: Scope = ANYWHERE


class Unread(Value):
    """Evidence that was wanted and not had: why, which IAM action would grant it, what was assumed in its place.

    `way_out` says what to do where no grant would help, as with a file that is torn; `malformed`: it was had, and is too
    half-written to be used, so that no default may stand in for it.
    """

    query: Query
    reason: str = "not read"
    action: str = ""
    way_out: str = ""
    malformed: bool = False
    assumed: str | None = None
    retry: bool = Field(default=True, exclude=True)  # False once a live call for it failed: asking again is no use

    def __bool__(self) -> bool:
        return False


class Evidence(Value):
    """One thing AWS said: `where` (resource id and the place inside it), `text` as AWS shows it."""

    where: str
    text: str
    at: datetime | None = None


# ---------------------------------------------------------------- what moves


class Place(Value):
    """Where a packet is: a component by kind and id, and the part it plays there (`egress`, `inbound`, `arrive` …)."""

    kind: str
    id: str
    role: str = ""
    scope: Scope = ANYWHERE


class Translation(Value):
    """What a stateful or address-translating component did to the request, so that the reply can be turned back.

    `returns`: the network itself takes the reply back to this place, whatever the route tables say.
    """

    place: Place
    before: Flow
    after: Flow
    vpc: str = ""
    returns: Place | None = None


class Crossing(Value):
    """A border that a packet passed into a VPC: the peering, transit gateway or core network by its id, and as whose packet."""

    by: str
    vpc: str
    source: Address
    direction: Direction

    @property
    def peering(self) -> bool:
        """Whether it was a VPC peering."""
        return self.by.startswith("pcx-")


class Packet(Value):
    """A packet under way.

    `sender` and `receiver` are the ENIs whose private address stands in the header as source and destination, as long
    as security group references can still see them; a rewrite or a border that loses the identity sets them to None.
    `subnet` and `vpc` tell where the packet is now; subnet is empty once it has left one.
    `translations` and `tracked` (ENI ids) are what the request left behind, for the reply.
    `lost` names the component at which the sender's identity was lost, `origin` the ENI it started from;
    `crossed` are the borders passed into VPCs, by the request and then by its reply; `proxy` is the ENI of a load balancer
    that handed the packet on with its sender's address, whose groups an inbound rule may name as well; `carried` is the
    packet inside, where this one is only its envelope, and the place where it is taken out.
    `watched` are the places that keep state of the request without changing its header, so that the reply has to come back
    through them; `chosen` are choices for the request that hold for its reply too (an attachment and, as role, its subnet).
    `any_of` is an address in the header that stands for any of some CIDRs.
    """

    flow: Flow
    direction: Direction = "request"
    sender: str | None = None
    receiver: str | None = None
    subnet: str = ""
    vpc: str = ""
    scope: Scope = ANYWHERE
    translations: tuple[Translation, ...] = ()
    tracked: frozenset[str] = frozenset()
    lost: str = ""
    origin: str | None = None
    crossed: tuple[Crossing, ...] = ()
    proxy: str | None = None
    carried: tuple[Place, Packet] | None = None
    watched: tuple[Place, ...] = ()
    chosen: tuple[Place, ...] = ()
    any_of: tuple[Address, tuple[str, ...]] | None = None

    def but(self, **changes: Any) -> Packet:
        """A copy with some fields changed."""
        return self.model_copy(update=changes)

    def across(self, by: str, vpc: str) -> Packet:
        """A copy that has passed one more border, into this VPC."""
        passed = Crossing(by=by, vpc=vpc, source=self.flow.source, direction=self.direction)
        return self.but(crossed=(*self.crossed, passed))

    def came_by(self, vpc: str) -> Crossing | None:
        """The border by which it came into this VPC last, as the packet that it is now; None where it passed none."""
        mine = (c for c in reversed(self.crossed) if c.vpc == vpc and c.direction == self.direction)
        return next(mine, None)


class Move(Value):
    """Where a component sends a packet on, and the guards it meets on the way out.

    `guess`: one of several, and nothing readable says which. `as_if`: the packet does not get here, or not for certain;
    the walk goes on to find what else stands in the way. `detour`: no route leads on; the walk goes on as if one led to a
    gateway that could carry the packet, where there is one.
    """

    to: Place
    packet: Packet
    guards: tuple[Place, ...] = ()
    guess: bool = False
    as_if: bool = False
    detour: bool = False


# ---------------------------------------------------------------- what was seen


class Mtu(Value):
    """How large a packet gets past a component, and what the sender of a larger one hears, as AWS documents it.

    `most` are the bytes of an IP packet, None where there is no such limit, as at a guard; `tells`: whether the sender of a
    larger packet hears of it, by the ICMP message that this component sends, or that this guard lets back; `holds_tcp`: TCP
    is held to segments that fit, whatever the two ends agreed on.
    """

    most: int | None = None
    tells: Literal["yes", "no", "unknown"] = "yes"
    holds_tcp: bool = False


class Observation(Value):
    """What one component sees of one packet: the inputs of its decision table and the words of the headline.

    `inputs` are the table's input columns by name; `words` fill the `{…}` of the headline; `detail` is the short
    text beside the mark on the path; `near_miss` is the closest rule that did not match and the field it differs in;
    `denied` are the ports a partly open guard refuses, `denied_senders` those of the sender; `fix` are the facts a remedy
    needs; `idle_timeout` are the seconds without a packet after which this component forgets the connection, None where it
    has no such limit or none is known, and `forgets` what does so, where that is not the component itself; `mtu` is how
    large a packet gets past it, where AWS documents that.
    """

    table: str
    inputs: Mapping[str, str]
    words: Mapping[str, str] = Field(default_factory=dict)
    resource: str = ""
    name: str = ""
    detail: str = ""
    near_miss: str = ""
    evidence: tuple[Evidence, ...] = ()
    denied: tuple[PortRange, ...] = ()
    denied_senders: tuple[PortRange, ...] = ()
    fix: Mapping[str, str] = Field(default_factory=dict)
    idle_timeout: int | None = None
    forgets: str = ""
    mtu: Mtu | None = None


class Finding(Value):
    """A rule of a decision table that hit: `code` and `verdict` come from the table, the rest from the observation."""

    code: str
    table: str
    verdict: RuleVerdict
    headline: str
    resource: str = ""
    name: str = ""
    role: str = ""
    direction: Direction = "request"
    aws_code: str | None = None
    detail: str = ""
    near_miss: str = ""
    evidence: tuple[Evidence, ...] = ()
    inputs: Mapping[str, str] = Field(default_factory=dict)
    denied: tuple[PortRange, ...] = ()
    denied_senders: tuple[PortRange, ...] = ()
    fix: Mapping[str, str] = Field(default_factory=dict)
    idle_timeout: int | None = None
    forgets: str = ""
    mtu: Mtu | None = None
    flow: Flow | None = None
    as_if: bool = False

    def identity(self) -> tuple[str, str, str, str]:
        """Equal for one finding that several legs share."""
        return (self.code, self.resource, self.role, self.direction)


def first_of(items: Iterable[Item], key: Callable[[Item], Hashable]) -> tuple[Item, ...]:
    """The items in their order, of those with one key the first alone."""
    once: dict[Hashable, Item] = {}
    for item in items:
        once.setdefault(key(item), item)
    return tuple(once.values())


class Hop(Value):
    """One component on the path: the header before and after it, and what its table said."""

    place: Place
    name: str
    before: Flow
    after: Flow
    finding: Finding | None = None
    as_if: bool = False


class Endpoint(Value):
    """One end of the question: an ENI with one of its addresses, an address outside what was read, or the internet.

    `guess`: one of several ends, and nothing readable says which is meant; `managed`: it was named as a service's, and
    `service` is where the state of that service is observed. `ranges` are the CIDRs of which the address stands for any,
    where a name has very many addresses, and `prefix_list` is the id of the list that holds them.
    """

    label: str
    kind: Literal["eni", "address", "internet"]
    address: Address
    eni: str = ""
    vpc: str = ""
    scope: Scope = ANYWHERE
    guess: bool = False
    managed: bool = Field(default=False, exclude=True)
    service: Place | None = Field(default=None, exclude=True)
    ranges: tuple[str, ...] = Field(default=(), exclude=True)
    prefix_list: str = Field(default="", exclude=True)

    @property
    def stands_for_many(self) -> bool:
        """Whether the address is only one of those that are meant."""
        return self.kind == "internet" or bool(self.ranges)


class Leg(Value):
    """One way from one source to one destination and back; several legs are normal.

    `request_arrived` / `reply_arrived`: the walk got to the far end (whether or not guards let it); None where the
    walk ended at something unread. `guess`: one of several legs, and nothing readable says which is taken.
    """

    source: Endpoint
    destination: Endpoint
    request: tuple[Hop, ...] = ()
    reply: tuple[Hop, ...] = ()
    request_arrived: bool | None = False
    reply_arrived: bool | None = False
    guess: bool = False

    @property
    def hops(self) -> tuple[Hop, ...]:
        """Request, then reply."""
        return self.request + self.reply

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings in path order, allowed ones included."""
        return tuple(hop.finding for hop in self.hops if hop.finding)


class Trace(Value):
    """Every leg of the flow; `graph.Path` is a Trace that can be had as a networkx graph."""

    legs: tuple[Leg, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all legs in path order, each once, where it first stands."""
        return first_of((f for leg in self.legs for f in leg.findings), Finding.identity)


# ---------------------------------------------------------------- the wire


class Record(Value):
    """One flow log line that concerns the flow. Times are Unix seconds, exact to ±60 s by AWS's documentation
    (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html).

    `packet_source` / `packet_destination` are pkt-srcaddr and pkt-dstaddr; `more` holds every other field by AWS's name.
    `gateway` is the attachment (or the transit gateway) whose own flow log this is: such a record has neither interface nor
    action, and tells in `more` what was lost (https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html).
    """

    interface: str
    source: str
    destination: str
    source_port: int | None = None
    destination_port: int | None = None
    protocol: int | None = None
    packets: int | None = None
    bytes: int | None = None
    start: int | None = None
    end: int | None = None
    action: str = ""
    status: str = ""
    tcp_flags: int | None = None
    direction: str = ""
    reject_reason: str = ""
    packet_source: str = ""
    packet_destination: str = ""
    gateway: str = ""
    more: Mapping[str, str] = Field(default_factory=dict)
    where: str = ""
    line: str = ""

    @property
    def place(self) -> str:
        """What saw it: an interface, a transit gateway, or a regional NAT gateway, which has no interface and is told by
        `resource-id`: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html"""
        return self.interface or self.gateway or self.more.get("resource-id", "")


class Watcher(Value):
    """One flow log that watches an interface (or a regional NAT gateway): by itself, or with its whole subnet or VPC.

    `interval` is the longest aggregation interval in seconds; `lacks` are fields that its format leaves out and that
    would tell this flow from others; `retention` is how many days the destination keeps records, where that is known.
    """

    id: str
    level: Literal["interface", "subnet", "vpc", "gateway"]
    traffic: Literal["", "ALL", "ACCEPT", "REJECT"] = ""
    destination_type: str = ""
    destination: str = ""
    interval: int = 600
    created: datetime | None = None
    failure: str = ""
    lacks: tuple[str, ...] = ()
    retention: int | None = None

    @property
    def place(self) -> str:
        """The place to read its records from, as a person names it; empty where nothing reads them there."""
        if self.destination_type == "s3" and ":s3:::" in self.destination:
            return f"s3://{self.destination.partition(':s3:::')[2]}"
        kept = self.destination_type in ("cloud-watch-logs", "") and self.destination
        return f"cloudwatch:{self.destination}" if kept else ""


class Coverage(Value):
    """What silence on one interface of the path is worth: whether a record of the flow would be there, and why not.

    `silence` is absent (a record would be there), unaccepted (one of accepted packets would), pending (records of that
    time are not due before `until`) or unproven. Where absent or unaccepted hold for part of the time asked about only,
    `part` says for which, and `until` when the rest of it is due. `interface` is empty at an end that is no interface of a
    VPC; `stands_for` is the gateway or service behind it. `watchers` are None where it was not read which flow logs there are.
    """

    interface: str = ""
    name: str = ""
    stands_for: str = ""
    silence: Silence
    code: str
    headline: str
    watchers: tuple[Watcher, ...] | None = None
    until: datetime | None = None
    part: str = ""


class Sighting(Value):
    """What the wire shows of one packet at one ENI: `seen` is accept, reject, mixed, absent (the ENI is covered and
    nothing is there), unaccepted (the same, where a denial may not be on record) or unobserved (nobody looked).

    `stands_for` is the gateway or service behind the interface, `leaving` whether the packet left it or came in.
    """

    interface: str
    stands_for: str = ""
    leaving: bool = False
    point: Literal[
        "request_source", "request_between", "request_destination", "reply_destination", "reply_between", "reply_source"
    ]
    seen: Literal["accept", "reject", "mixed", "absent", "unaccepted", "unobserved"]
    records: tuple[Record, ...] = ()
    count: int = 0
    last: datetime | None = None
    note: str = ""


def unobserved(sightings: Iterable[Sighting]) -> list[tuple[Sighting, str]]:
    """Every sighting that saw nothing and proves nothing, one an interface and packet, each with the packet that is meant;
    empty words where the interface saw no other packet of the flow either."""
    every = tuple(sightings)
    blind: dict[tuple[str, str], Sighting] = {}
    for one in every:
        if one.seen == "unobserved":
            blind.setdefault((one.interface, _packet(one, every)), one)
    return [(one, packet) for (_, packet), one in blind.items()]


def _packet(one: Sighting, every: Iterable[Sighting]) -> str:
    """Which packet a sighting is of, as far as it has to be told from those that the interface did see."""
    others = [other for other in every if other.interface == one.interface and other.seen != "unobserved"]
    way = one.point.split("_")[0]
    both = any(other.point == one.point for other in others)  # a gateway's interface sees it come and go
    side = (" leaving it" if one.leaving else " entering it") if both else ""
    return f"the {way}{side}" if others else ""


class Candidate(Value):
    """One cause the symptom allows, as the field notes or AWS's documentation list it, and how the evidence settles it.

    `page` is the documentation page that corrects the field notes, where it does.
    """

    code: str
    cause: str
    status: Literal["confirmed", "possible", "ruled out", "corrected"]
    headline: str
    note: str = ""
    page: str = ""


class Change(Value):
    """One change to one AWS resource: the sentence, the command, and what it does to a snapshot for proving it.

    `caveat`: why AWS may not take it, as far as what was read tells. `also` is what AWS does of its own accord once it is made,
    told of the snapshot alone: a blackhole becomes a route again.
    """

    summary: str
    command: str = ""
    caveat: str = ""
    kind: str = ""
    resource: str = ""
    scope: Scope = ANYWHERE
    patch: Mapping[str, Any] = Field(default_factory=dict)
    also: tuple[Change, ...] = ()


class Remedy(Value):
    """The smallest set of changes that opens the flow as a whole; `verified` only after walking a changed copy."""

    changes: tuple[Change, ...]
    verified: bool = False
    note: str = ""


# ---------------------------------------------------------------- what is concluded


class Answer(Value):
    """All that is concluded; `diagnosis.Diagnosis` is an Answer that can be drawn on a surface.

    `code` is the code of the headline, `codes` those of the rows of the tables `verdict`, `course`, `answer` and `wire` that
    it rests on, each a page of `flowdiag explain`; `findings` are those that block or leave something open, the deciding one
    first;
    `coverage` tells of every interface on the path what silence there is worth; `course` tells where connections of the
    flow fared differently one after another;
    `narrows` are the places that take smaller packets than the sender may use, which changes no verdict: `partial` where
    the larger ones may get lost without a word;
    `sources` tell where flow log records came from, `files` every file that was read, `notes` what of them could not be
    used and why, `unused` what of them nothing here is answered from, which is no loss; `read_at` is when the configuration
    was read, where that is known.
    """

    question: Question
    verdict: Verdict
    symptom: Symptom
    relation: Relation
    code: str
    headline: str
    codes: tuple[str, ...] = ()
    why: str = ""
    findings: tuple[Finding, ...] = ()
    path: Trace = Trace()
    narrows: tuple[Finding, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    course: str = ""
    records: tuple[Record, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    unread: tuple[Unread, ...] = ()
    sources: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    read_at: datetime | None = None
