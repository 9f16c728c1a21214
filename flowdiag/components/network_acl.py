"""Network ACLs: stateless, by rule number, first match; met only where a packet crosses a subnet's border.

https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from pydantic import model_validator

from flowdiag.address import ANYBODY, EVERY_PROTOCOL, AnyOf, covered, holds, network, parts, protocol_number
from flowdiag.component import Cidr, Component, Lookup, Part, ProtocolText, Read, Resource, View, by_id, by_name
from flowdiag.model import (
    ALL_PORTS,
    ICMP,
    ICMPV6,
    PROTOCOL_NAMES,
    TCP,
    UDP,
    Address,
    Evidence,
    Flow,
    Mtu,
    Network,
    Observation,
    Packet,
    Place,
    PortRange,
    Unread,
)

IMPLICIT_DENY = 32767  # shown as `*` in the console; 32768 is its IPv6 twin


class Ports(Part):
    """The port range of an entry; From is a Python keyword in all but name, so it has its AWS name by hand."""

    first: int
    last: int

    model_config = Part.model_config | {"alias_generator": {"first": "From", "last": "To"}.__getitem__}


class IcmpTypeCode(Part):
    """The ICMP type and code of an entry; -1 is every one."""

    type: int = -1
    code: int = -1


class Entry(Part):
    """One entry (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAclEntry.html)."""

    rule_number: int
    egress: bool
    protocol: ProtocolText
    rule_action: Literal["allow", "deny"]
    cidr_block: Cidr = ""
    ipv6_cidr_block: Cidr = ""
    port_range: Ports | None = None
    icmp_type_code: IcmpTypeCode | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Entry:
        if not self.cidr:
            raise ValueError("it names no CIDR")
        return self

    @property
    def cidr(self) -> str:
        """The one CIDR of the entry."""
        return self.cidr_block or self.ipv6_cidr_block

    @property
    def number(self) -> str:
        """The rule number as the console shows it."""
        return "*" if self.rule_number >= IMPLICIT_DENY else str(self.rule_number)

    def __str__(self) -> str:
        """`rule 100 allows tcp/443 from …` without the preposition, which depends on the direction."""
        return f"rule {self.number} {'allows' if self.rule_action == 'allow' else 'denies'} {self.service}"

    @property
    def service(self) -> str:
        """The protocol and ports of the entry in words."""
        number = protocol_number(self.protocol)
        if number == EVERY_PROTOCOL:
            return "all"
        name = PROTOCOL_NAMES.get(number or 0, f"protocol {self.protocol}")
        if number in (TCP, UDP) and self.port_range:
            return f"{name}/{PortRange(first=self.port_range.first, last=self.port_range.last)}"
        return name


class NetworkAcl(Resource):
    """A network ACL (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAcl.html)."""

    kind: ClassVar[str] = "network_acl"
    network_acl_id: str
    vpc_id: str = ""
    entries: tuple[Entry, ...]

    @property
    def id(self) -> str:
        """The network ACL id."""
        return self.network_acl_id


@dataclass(frozen=True)
class Ruling:
    """What a network ACL does with a packet: the ports it admits and refuses, and the entries that decided."""

    allowed: tuple[tuple[PortRange, Entry], ...]
    denied: tuple[tuple[PortRange, Entry | None], ...]

    @property
    def admitted(self) -> str:
        """`all`, `part` or `none` of the packet's ports."""
        return "none" if not self.allowed else "part" if self.denied else "all"

    def same_ports(self, other: Ruling) -> bool:
        """Whether both admit the same of the packet's ports, by whichever entries."""
        split = self.admitted == "part" and {ports for ports, _ in self.denied} != {ports for ports, _ in other.denied}
        return self.admitted == other.admitted and not split


def rulings(entries: tuple[Entry, ...], flow: Flow, outbound: bool, any_of: AnyOf = None) -> list[Ruling]:
    """The ruling on the far end, or on each part of what that stands for."""
    return [rule_on(entries, flow, outbound, part) for part in parts(_far(flow, outbound), any_of)]


def _far(flow: Flow, outbound: bool) -> Address:
    return flow.destination if outbound else flow.source


def rule_on(entries: tuple[Entry, ...], flow: Flow, outbound: bool, part: Address | Network | None = None) -> Ruling:
    """First match by rule number, port by port: the source decides inbound, the destination outbound.

    An ephemeral port range may be split between entries, so each match takes its ports away from what is left. `part` is
    the part of the internet that is asked about, any where none is told.
    """
    far = part or parts(_far(flow, outbound))[0]
    left = [flow.destination_ports or ALL_PORTS]
    allowed: list[tuple[PortRange, Entry]] = []
    denied: list[tuple[PortRange, Entry | None]] = []
    for entry in sorted((e for e in entries if e.egress == outbound), key=lambda e: e.rule_number):
        if not holds(entry.cidr, far) or not _covers_protocol(entry, flow):
            continue
        ports = _ports(entry, flow)
        hit = [common for rest in left if (common := rest.overlap(ports))]
        left = [piece for rest in left for piece in rest.minus(ports)]
        (allowed if entry.rule_action == "allow" else denied).extend((common, entry) for common in hit)
    denied.extend((rest, None) for rest in left)
    return Ruling(tuple(allowed), tuple(denied))


def _covers_protocol(entry: Entry, flow: Flow) -> bool:
    number = protocol_number(entry.protocol)
    if number == EVERY_PROTOCOL:
        return True
    if number != flow.protocol:
        return False
    code = entry.icmp_type_code
    if number not in (ICMP, ICMPV6) or flow.icmp is None or code is None:
        return True
    return code.type in (-1, flow.icmp[0]) and code.code in (-1, flow.icmp[1])


def _ports(entry: Entry, flow: Flow) -> PortRange:
    """The ports an entry covers; every port for `-1` and for protocols other than TCP and UDP."""
    if entry.port_range is None or flow.protocol not in (TCP, UDP) or protocol_number(entry.protocol) == EVERY_PROTOCOL:
        return ALL_PORTS
    return PortRange(first=entry.port_range.first, last=entry.port_range.last)


def _subnets(raw: Mapping[str, Any]) -> list[str | None]:
    return [a.get("SubnetId") for a in raw["Associations"]]


class NetworkAclComponent(Component):
    """The network ACL of a subnet; `place.id` is the subnet, `place.role` `outbound` or `inbound`."""

    kind = "network_acl"
    reads = (
        Read(
            service="ec2",
            operation="describe_network_acls",
            action="ec2:DescribeNetworkAcls",
            responses=("NetworkAcls",),
            id_field="NetworkAclId",
            resource=NetworkAcl,
            lookups={
                "id": by_id("NetworkAclId", "network-acl-id"),
                "subnet": Lookup(keys=_subnets, filter="association.subnet-id"),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """How much of the packet's ports the entries admit, and which entry decided."""
        found = view.find("network_acl", "subnet", place.id, place.scope)
        if not found or len(found) > 1:  # unread, or half-written: a subnet always has a network ACL
            unread = isinstance(found, Unread)
            inputs = {"direction": place.role, "packet": packet.direction, "admits": "unknown"}
            words = {"guard": f"the network ACL of {place.id}"}
            lacking = "no network ACL is" if not found else f"{' and '.join(acl.id for acl in found)} are both"
            detail = "was not read" if unread else f"{lacking} associated with the subnet"
            told = {"resource": place.id, "name": place.id, "detail": detail, "mtu": MTUS["unknown"]}
            return Observation(table="network_acl", inputs=inputs, words=words, **told)
        return _observation(found[0], place, packet, _direction(place, packet, view))


def _direction(place: Place, packet: Packet, view: View) -> str:
    """Over the subnet's border, or to somebody `within`, where only what some of AWS's own services send is asked for."""
    subnet = view.get("subnet", place.id, place.scope) if place.role == "outbound" else None
    return "within" if subnet and packet.subnet == place.id and subnet.holds(packet.flow.destination) else place.role


def _observation(acl: NetworkAcl, place: Place, packet: Packet, direction: str) -> Observation:
    outbound = place.role == "outbound"
    several = rulings(acl.entries, packet.flow, outbound, packet.any_of)
    ruling = several[0]
    admits = ruling.admitted if all(one.same_ports(ruling) for one in several) else "divided"
    denied = tuple(ports for ports, _ in ruling.denied)
    decider = ruling.denied[0][1] if ruling.denied else ruling.allowed[0][1]
    said = _said(decider, outbound) if admits != "divided" else _divided(several, outbound)
    shown = ", ".join(map(str, denied)) if packet.flow.destination_ports else ""
    return Observation(
        table="network_acl",
        inputs={"direction": direction, "packet": packet.direction, "admits": admits},
        words={"guard": acl.name, "ports": shown, "flow": packet.flow.service(), "whole": _whole(packet, outbound)},
        resource=acl.id,
        name=acl.name,
        detail=f"denies ports {shown}: {said}" if admits == "part" else said,
        near_miss=_nearest(acl, packet.flow, outbound) if admits == "none" else "",
        evidence=(Evidence(where=acl.id, text=said),),
        denied=denied if admits in ("part", "none") and packet.flow.destination_ports else (),
        mtu=MTUS[_lets_back(acl.entries, packet.flow, not outbound)],
        fix={
            "acl": acl.id,
            "subnet": place.id,
            "before": str(min((e.rule_number for one in several for _, e in one.denied if e), default=IMPLICIT_DENY)),
        },
    )


# What tells a sender that its packet was too large: https://docs.aws.amazon.com/vpc/latest/userguide/path_mtu_discovery.html
TOO_LARGE = {
    4: Flow(source=ANYBODY[4], destination=ANYBODY[4], protocol=ICMP, icmp=(3, 4)),
    6: Flow(source=ANYBODY[6], destination=ANYBODY[6], protocol=ICMPV6, icmp=(2, 0)),
}
MTUS = {tells: Mtu(tells=tells) for tells in get_args(Mtu.model_fields["tells"].annotation)}


def _lets_back(entries: tuple[Entry, ...], flow: Flow, outbound: bool) -> str:
    """Whether the word that a packet was too large gets back to its sender: from anywhere, from nowhere, or from some places.

    Which address sends it is not known; on the way out of the subnet the sender is the one it is sent to.
    """
    parted = False
    for entry in sorted((e for e in entries if e.egress == outbound), key=lambda e: e.rule_number):
        outer = network(entry.cidr)
        if outer is None or outer.version != flow.version or not _covers_protocol(entry, TOO_LARGE[flow.version]):
            continue
        whole = flow.source in outer if outbound else outer.prefixlen == 0
        if entry.rule_action == "allow" and (whole or not outbound):
            return "yes" if whole and not parted else "unknown"
        if whole:
            return "no"
        parted = parted or not outbound
    return "no"


def _said(entry: Entry | None, outbound: bool) -> str:
    if entry is None:
        return "rule * denies all"
    everywhere = entry.cidr in ("0.0.0.0/0", "::/0")
    return str(entry) if everywhere else f"{entry} {'to' if outbound else 'from'} {entry.cidr}"


def _whole(packet: Packet, outbound: bool) -> str:
    """What is divided, where the entries divide it."""
    listed = packet.any_of is not None and packet.any_of[0] == _far(packet.flow, outbound)
    return "the service's addresses" if listed else "the internet"


def _divided(several: list[Ruling], outbound: bool) -> str:
    """Every entry that decides for a part of what is meant."""
    deciders = [entry for one in several for _, entry in (*one.denied, *one.allowed)]
    return ", ".join(dict.fromkeys(_said(entry, outbound) for entry in deciders))


def _nearest(acl: NetworkAcl, flow: Flow, outbound: bool) -> str:
    """The allow entry that misses the packet in the fewest fields."""
    best: tuple[int, str] = (9, "")
    for entry in acl.entries:
        if entry.egress != outbound or entry.rule_action != "allow":
            continue
        off = _differing(entry, flow, outbound)
        if off and len(off) < best[0]:
            best = (len(off), f"nearest rule: {_said(entry, outbound)} (differs in {' and '.join(off)})")
    return best[1]


def _differing(entry: Entry, flow: Flow, outbound: bool) -> tuple[str, ...]:
    ports, outer = _ports(entry, flow), network(entry.cidr)
    other_version = outer is not None and outer.version != flow.version
    far = "IP version" if other_version else "destination" if outbound else "source"
    return tuple(
        name
        for name, off in (
            ("protocol", not _covers_protocol(entry, flow)),
            ("port", flow.destination_ports is not None and ports.overlap(flow.destination_ports) is None),
            (far, covered((entry.cidr,), _far(flow, outbound)) != "yes"),
        )
        if off
    )
