"""Security groups: stateful, allow-only, the union of all groups on an interface.

https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from flowdiag.address import EVERY_PROTOCOL, any_holds, holds, is_private, protocol_number, splits_anybody
from flowdiag.component import Cidr, Component, Id, Lookup, Part, ProtocolText, Read, Resource, View, by_id, by_name
from flowdiag.model import ICMP, ICMPV6, TCP, UDP, Address, Evidence, Flow, Observation, Packet, Place, PortRange, Unread

Answer = Literal["yes", "no", "unknown"]


class IpRange(Part):
    """An IPv4 CIDR in a rule."""

    cidr_ip: Cidr


class Ipv6Range(Part):
    """An IPv6 CIDR in a rule."""

    cidr_ipv6: Cidr


class PrefixListId(Part):
    """A prefix list in a rule."""

    prefix_list_id: Id


class UserIdGroupPair(Part):
    """A referenced security group in a rule."""

    group_id: Id
    user_id: str = ""
    vpc_peering_connection_id: str = ""
    peering_status: str = ""


class IpPermission(Part):
    """One rule as DescribeSecurityGroups groups them (API_IpPermission.html in the EC2 API reference)."""

    ip_protocol: ProtocolText
    from_port: int | None = None
    to_port: int | None = None
    ip_ranges: tuple[IpRange, ...] = ()
    ipv6_ranges: tuple[Ipv6Range, ...] = ()
    prefix_list_ids: tuple[PrefixListId, ...] = ()
    user_id_group_pairs: tuple[UserIdGroupPair, ...] = ()

    @model_validator(mode="after")
    def _names_ports_and_peers(self) -> IpPermission:
        if protocol_number(self.ip_protocol) in (TCP, UDP) and (self.from_port is None or self.to_port is None):
            raise ValueError("it names no ports")
        if not (self.ip_ranges or self.ipv6_ranges or self.prefix_list_ids or self.user_id_group_pairs):
            raise ValueError("it names nobody")
        return self


class SecurityGroup(Resource):
    """A security group (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroup.html)."""

    kind: ClassVar[str] = "security_group"
    group_id: str
    group_name: str = ""
    vpc_id: str = ""
    owner_id: str = ""
    ip_permissions: tuple[IpPermission, ...]
    ip_permissions_egress: tuple[IpPermission, ...]

    @property
    def id(self) -> str:
        """The group id."""
        return self.group_id

    @property
    def name(self) -> str:
        """The Name tag, else the group name, else the id."""
        tagged = super().name
        return tagged if tagged != self.id else self.group_name or self.id


@dataclass(frozen=True)
class Match:
    """One peer of one rule held against the packet: `fields` are the fields in which it differs."""

    text: str
    fields: tuple[str, ...]
    answer: Answer
    lost: bool = False


class SecurityGroupComponent(Component):
    """The groups on one interface as one guard; `place.id` is the interface, `place.role` `egress` or `ingress`."""

    kind = "security_group"
    reads = (
        Read(
            service="ec2",
            operation="describe_security_groups",
            action="ec2:DescribeSecurityGroups",
            responses=("SecurityGroups",),
            id_field="GroupId",
            resource=SecurityGroup,
            lookups={
                "id": by_id("GroupId", "group-id"),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether a rule of any group admits the packet, or the reply is that of a tracked request."""
        interface = view.get("network_interface", place.id, place.scope)
        ids = [g.group_id for g in interface.groups] if interface else []
        groups = [view.get("security_group", id, place.scope) for id in ids]
        read = [g for g in groups if g]
        tracked = packet.direction == "reply" and place.id in packet.tracked
        matches = [m for g in read for m in _matches(g, place.role, packet, view)]
        # An interface without groups belongs to a service and has no such guard: here they were not read.
        unread = [id for id, g in zip(ids, groups, strict=True) if not g] if ids else [f"the groups of {place.id}"]
        names = {g.group_id: g.group_name for g in interface.groups if g.group_name} if interface else {}
        return _observation(place, packet, read, [names.get(id, id) for id in unread], matches, tracked)


def _observation(
    place: Place, packet: Packet, read: list[SecurityGroup], unread: list[str], matches: list[Match], tracked: bool
) -> Observation:
    admitting = next((m for m in matches if m.answer == "yes"), None)
    undecided = bool(unread) or any(m.answer == "unknown" for m in matches)
    near = min((m for m in matches if m.answer != "yes"), key=_distance, default=None)
    names = ", ".join([g.name for g in read] + unread) or place.id
    near_miss = _told(near) if near else ""
    inputs = {
        "direction": place.role,
        "tracked reply": "yes" if tracked else "no",
        "a rule matches": "yes" if admitting else "unknown" if undecided else "no",
        "any rule exists": "yes" if matches else "unknown" if unread else "no",
        "group reference lost": "yes" if near is not None and near.lost and not admitting else "no",
    }
    return Observation(
        table="security_group",
        inputs=inputs,
        words={
            "guard": names,
            "direction": place.role,
            "flow": packet.flow.service(),
            "lost": packet.lost or "its public address",
        },
        resource=read[0].id if read else (unread[0] if unread else ""),
        name=names,
        detail="reply of a tracked connection" if tracked else admitting.text if admitting else "",
        near_miss="" if admitting or tracked else near_miss,
        evidence=tuple(Evidence(where=g.id, text=m.text) for g in read[:1] for m in (admitting or near,) if m),
        fix=_fix(place, packet, read),
    )


def _distance(match: Match) -> tuple[bool, bool, int]:
    """How near a rule is to admitting the packet: an undecided one first, then a lost identity, then the fewest fields."""
    return match.answer != "unknown", not match.lost, len(match.fields)


def _told(near: Match) -> str:
    if near.answer == "unknown":
        return f"undecided: {near.text}, which was not read whole"
    return f"nearest rule: {near.text} (differs in {' and '.join(near.fields)})" if near.fields else ""


def _fix(place: Place, packet: Packet, read: list[SecurityGroup]) -> dict[str, str]:
    other = packet.receiver if place.role == "egress" else packet.sender
    return {"group": read[0].id, "peer_interface": other or "", "interface": place.id} if read else {}


def _matches(group: SecurityGroup, role: str, packet: Packet, view: View) -> Iterator[Match]:
    """Every peer of every rule, held against the packet; a rule keeps the number it has in the reply of AWS."""
    permissions = group.ip_permissions if role == "ingress" else group.ip_permissions_egress
    peer = packet.flow.source if role == "ingress" else packet.flow.destination
    for number, rule in enumerate(permissions):
        service = _service(rule)
        off = _differing(rule, packet.flow)
        for text, answer, lost in _peers(rule, role, peer, packet, view, group):
            fields = off + (("source" if role == "ingress" else "destination",) if answer == "no" else ())
            preposition = "from" if role == "ingress" else "to"
            number_of_it = f"rule {number} allows " if answer == "yes" and not off else ""
            said = f"{number_of_it}{service} {preposition} {text}"
            part = not off and answer == "yes" and _part(rule, packet.flow)
            yield Match(said, fields, "no" if off else "unknown" if part else answer, lost and not off)


def _service(rule: IpPermission) -> str:
    number = protocol_number(rule.ip_protocol)
    if number == EVERY_PROTOCOL:
        return "all"
    if number in (ICMP, ICMPV6):
        return (
            rule.ip_protocol if rule.from_port in (None, -1) else f"{rule.ip_protocol} type {rule.from_port} code {rule.to_port}"
        )
    if number in (TCP, UDP) and rule.from_port is not None and rule.to_port is not None:
        return f"{rule.ip_protocol}/{PortRange(first=rule.from_port, last=rule.to_port)}"
    return rule.ip_protocol or "nothing"


def _differing(rule: IpPermission, flow: Flow) -> tuple[str, ...]:
    """The fields other than the peer in which a rule does not cover the packet.

    Ports are ignored for `-1` and for protocols without ports; ICMP holds its type in FromPort, its code in ToPort:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    number = protocol_number(rule.ip_protocol)
    if number == EVERY_PROTOCOL:
        return ()
    if number != flow.protocol:
        return ("protocol",)
    if flow.icmp:
        return _icmp_differs(rule, flow.icmp)
    if number in (TCP, UDP) and _covered(rule, flow.destination_ports) == "no":
        return ("port",)
    return ()


def _part(rule: IpPermission, flow: Flow) -> bool:
    ported = protocol_number(rule.ip_protocol) in (TCP, UDP)
    return ported and _covered(rule, flow.destination_ports) == "unknown"


def _icmp_differs(rule: IpPermission, icmp: tuple[int, int]) -> tuple[str, ...]:
    kind, code = icmp
    if rule.from_port not in (None, -1) and rule.from_port != kind:
        return ("ICMP type",)
    return ("ICMP code",) if rule.from_port not in (None, -1) and rule.to_port not in (None, -1, code) else ()


def _covered(rule: IpPermission, ports: PortRange | None) -> Answer:
    """Whether a rule covers the ports; unknown where it covers a part, for which of them is used is not known beforehand."""
    if ports is None:
        return "yes"
    if rule.from_port is None or rule.to_port is None:
        return "no"
    last = 65535 if rule.to_port == -1 else rule.to_port
    if last < rule.from_port:
        return "no"
    common = ports.overlap(PortRange(first=max(rule.from_port, 0), last=last))
    return "no" if common is None else "yes" if common == ports else "unknown"


def _peers(
    rule: IpPermission, role: str, peer: Address, packet: Packet, view: View, group: SecurityGroup
) -> Iterator[tuple[str, Answer, bool]]:
    """Each peer a rule names: its text, whether it covers the packet's far address, and whether identity was lost."""
    cidrs = [r.cidr_ip for r in rule.ip_ranges] + [r.cidr_ipv6 for r in rule.ipv6_ranges]
    for cidr in cidrs:
        yield cidr, "unknown" if splits_anybody(cidr, peer) else _answer(holds(cidr, peer)), False
    for listed in rule.prefix_list_ids:
        found = view.get("prefix_list", listed.prefix_list_id, group.scope)
        yield listed.prefix_list_id, _answer(any_holds(found.networks, peer)) if found else "unknown", False
    for pair in rule.user_id_group_pairs:
        answer, lost = _member(pair, role, packet, view)
        yield view.named("security_group", pair.group_id, group.scope), answer, lost


def _answer(truth: bool) -> Answer:
    return "yes" if truth else "no"


def _member(pair: UserIdGroupPair, role: str, packet: Packet, view: View) -> tuple[Answer, bool]:
    """Whether the far end is a member of the referenced group by a private address that still stands in the header.

    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html#security-group-referencing
    """
    if role == "ingress" and packet.proxy and _lent(pair, packet.proxy, packet, view):
        return "yes", False
    far = packet.sender if role == "ingress" else packet.receiver
    if far:
        interface = view.get("network_interface", far, packet.scope)
        if isinstance(interface, Unread):
            return "unknown", False
        member = _carries(interface, pair.group_id)
        return member, member == "no" and role == "ingress" and _was_member(pair, packet, view)
    if packet.lost and role == "ingress":
        return "no", _was_member(pair, packet, view)
    return _stranger(pair, packet.flow.source if role == "ingress" else packet.flow.destination, packet, view), False


def _lent(pair: UserIdGroupPair, proxy: str, packet: Packet, view: View) -> bool:
    """Whether the group is that of the load balancer which handed the packet on, whoever's address stands in the header.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html
    """
    node = view.get("network_interface", proxy, packet.scope)
    return bool(node) and any(group.group_id == pair.group_id for group in node.groups)


def _stranger(pair: UserIdGroupPair, peer: Address, packet: Packet, view: View) -> Answer:
    """A far end that the question does not know as an interface: perhaps one that was not read.

    A group of a peered VPC has its members there, and nothing read of this VPC tells who they are.
    """
    found = view.find("network_interface", "private_ip" if peer.version == 4 else "ipv6", str(peer), packet.scope)
    if isinstance(found, Unread):
        return "unknown"
    answers = {_carries(interface, pair.group_id) for interface in found if interface.vpc_id == packet.vpc}
    if answers or not is_private(peer):
        return next((answer for answer in ("yes", "unknown") if answer in answers), "no")
    group = view.get("security_group", pair.group_id, packet.scope)
    return "no" if group and group.vpc_id == packet.vpc else "unknown"


def _carries(interface: Any, group_id: str) -> Answer:
    """Whether the interface is a member; one without any group that ought to have some is half-written."""
    if interface is None:
        return "no"
    if not interface.groups and not interface.bare:
        return "unknown"
    return _answer(any(group.group_id == group_id for group in interface.groups))


def _was_member(pair: UserIdGroupPair, packet: Packet, view: View) -> bool:
    """Whether the sender was a member before its address was replaced (by a NAT gateway's, for one)."""
    if not packet.lost:
        return False
    interface = view.get("network_interface", packet.origin, packet.scope) if packet.origin else None
    return bool(interface) and _carries(interface, pair.group_id) == "yes"
