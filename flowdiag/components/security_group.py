"""Security groups: stateful, allow-only, the union of all groups on an interface.

https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from flowdiag.address import covered, is_private, network
from flowdiag.component import Component, Id, Lookup, Read, Resource, View
from flowdiag.model import TCP, UDP, Address, Evidence, Flow, Observation, Packet, Place, Query, Unread

Answer = Literal["yes", "no", "part", "unknown"]  # `part`: of the ports, or of the internet
Lost = Literal["no", "yes", "transit", "stale"]
WHY_LOST = {
    "transit": "a reference to a group of another VPC does not count on this way",
    "stale": "stale: the group, or the peering with its VPC, was deleted",
}


class SecurityGroupVpcAssociation(Resource):
    """A security group that may be used in one more VPC (API_SecurityGroupVpcAssociation.html in the EC2 API reference)."""

    kind: ClassVar[str] = "security_group_vpc_association"
    group_id: Id
    vpc_id: Id
    state: Id

    @property
    def id(self) -> str:
        """The group and the VPC: AWS gives an association no id of its own."""
        return f"{self.group_id} in {self.vpc_id}"


@dataclass(frozen=True)
class Peer:
    """One peer that a rule names: its text, whether it covers the packet's far end, and what became of a group reference.

    `lost`: the far end is or was a member, and this is why it does not count; `pair` is the reference itself.
    """

    text: str
    answer: Answer
    lost: Lost = "no"
    pair: Any = None


@dataclass(frozen=True)
class Match:
    """One peer of one rule held against the packet: `fields` are the fields in which it differs."""

    text: str
    fields: tuple[str, ...]
    answer: Answer
    lost: Lost = "no"
    pair: Any = None
    peer: str = ""


def _associations(entries: Any) -> Iterator[Any]:
    for entry in entries:
        yield {**entry, "AssociationId": f"{entry['GroupId']} in {entry['VpcId']}"}


class SecurityGroupComponent(Component):
    """The groups on one interface as one guard; `place.id` is the interface, `place.role` `egress` or `ingress`."""

    kind = "security_group"
    reads = (
        Read(
            service="ec2",
            operation="describe_security_group_vpc_associations",
            action="ec2:DescribeSecurityGroupVpcAssociations",
            responses=("SecurityGroupVpcAssociations",),
            id_field="AssociationId",
            resource=SecurityGroupVpcAssociation,
            items=_associations,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["AssociationId"]]),
                "group": Lookup(keys=lambda raw: [raw["GroupId"]], filter="group-id"),
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
        if not any(m.answer == "yes" for m in matches):
            matches = [_stale(m, place, view) for m in matches]
        # An interface without groups belongs to a service and has no such guard: here they were not read.
        unread = [id for id, g in zip(ids, groups, strict=True) if not g] if ids else [f"the groups of {place.id}"]
        names = {g.group_id: g.group_name for g in interface.groups if g.group_name} if interface else {}
        seen = _observation(place, packet, read, [names.get(id, id) for id in unread], matches, tracked)
        sure = interface and not unread and packet.direction == "request" and seen.inputs["a rule matches"] == "yes"
        return _with_timeout(seen, interface, read, place.role, packet.flow, view) if sure else seen


def _with_timeout(seen: Observation, interface: Any, groups: list[Any], role: str, flow: Flow, view: View) -> Observation:
    """The observation with the idle time after which the connection is no longer tracked, where that is certain.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#connection-tracking-timeouts
    """
    seconds, said = _timeout(interface, flow.protocol, view)
    if seconds is None or not _tracked(groups, role, flow):
        return seen
    known = {"idle_timeout": seconds, "forgets": f"connection tracking of {interface.id}"}
    return seen.model_copy(update={**known, "evidence": (*seen.evidence, Evidence(where=interface.id, text=said))})


def _timeout(interface: Any, protocol: int, view: View) -> tuple[int | None, str]:
    """The seconds and what says so: what somebody set on the interface, or of TCP the default of the instance's type."""
    own = interface.connection_tracking_configuration
    field, seconds = {
        TCP: ("TcpEstablishedTimeout", own.tcp_established_timeout),
        UDP: ("UdpStreamTimeout", own.udp_stream_timeout),
    }.get(protocol, ("", None))
    if seconds or protocol != TCP or not interface.instance:
        return seconds, f"{field} {seconds}"
    instance = view.get("instance", interface.instance, interface.scope)
    default = instance.tcp_timeout if instance else None
    return default, f"{field} not set, {default} by default of {instance.instance_type}" if instance else ""


def _tracked(groups: list[Any], role: str, flow: Flow) -> bool:
    """Whether the rules alone have the connection tracked: not where everybody may open it and everybody may be answered.

    Some gateways have it tracked all the same, which is left aside: they forget it by themselves.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#untracked-connections
    """
    back = "egress" if role == "ingress" else "ingress"
    opened = any(rule.for_everybody(flow, any_port=False) for group in groups for rule in group.rules(role))
    answered = any(rule.for_everybody(flow, any_port=True) for group in groups for rule in group.rules(back))
    return not (opened and answered)


def _observation(
    place: Place, packet: Packet, read: list[Any], unread: list[str], matches: list[Match], tracked: bool
) -> Observation:
    admitting = next((m for m in matches if m.answer == "yes"), None)
    undecided = bool(unread) or any(m.answer == "unknown" for m in matches)
    matched = "yes" if admitting else "unknown" if undecided else "part" if any(m.answer == "part" for m in matches) else "no"
    near = min((m for m in matches if m.answer != "yes"), key=_distance, default=None)
    names = ", ".join([g.name for g in read] + unread) or place.id
    inputs = {
        "direction": place.role,
        "tracked reply": "yes" if tracked else "no",
        "a rule matches": matched,
        "any rule exists": "yes" if matches else "unknown" if unread else "no",
        "group reference lost": near.lost if near and not admitting else "no",
    }
    return Observation(
        table="security_group",
        inputs=inputs,
        words={
            "guard": names,
            "direction": place.role,
            "flow": packet.flow.service(),
            "lost": packet.lost or "its public address",
            "peer": near.peer if near else "",
        },
        resource=read[0].id if read else (unread[0] if unread else ""),
        name=names,
        detail="reply of a tracked connection" if tracked else admitting.text if admitting else "",
        near_miss=_told(near) if near and not (admitting or tracked) else "",
        evidence=tuple(Evidence(where=g.id, text=m.text) for g in read[:1] for m in (admitting or near,) if m),
        fix=_fix(place, packet, read),
    )


def _distance(match: Match) -> tuple[bool, bool, int]:
    """How near a rule is to admitting the packet: an undecided one first, then a lost identity, then the fewest fields."""
    return match.answer not in ("unknown", "part"), match.lost == "no", len(match.fields)


def _told(near: Match) -> str:
    if near.answer == "unknown":
        return f"undecided: {near.text}, which was not read whole"
    if near.answer == "part":
        return f"only a part: {near.text}"
    if near.lost in WHY_LOST:
        return f"nearest rule: {near.text} ({WHY_LOST[near.lost]})"
    return f"nearest rule: {near.text} (differs in {' and '.join(near.fields)})" if near.fields else ""


def _fix(place: Place, packet: Packet, read: list[Any]) -> dict[str, str]:
    other = packet.receiver if place.role == "egress" else packet.sender
    return {"group": read[0].id, "peer_interface": other or "", "interface": place.id} if read else {}


def _matches(group: Any, role: str, packet: Packet, view: View) -> Iterator[Match]:
    """Every peer of every rule, held against the packet; a rule keeps the number it has in the reply of AWS."""
    end, preposition = ("source", "from") if role == "ingress" else ("destination", "to")
    for number, rule in enumerate(group.rules(role)):
        off = rule.differing(packet.flow)
        for peer in _peers(rule, role, packet, view, group):
            fields = off + ((_other_version(peer, packet) or end,) if peer.answer == "no" else ())
            number_of_it = f"rule {number} allows " if peer.answer == "yes" and not off else ""
            said = f"{number_of_it}{rule.service} {preposition} {peer.text}"
            part = not off and peer.answer == "yes" and rule.covers_part(packet.flow)
            answer: Answer = "no" if off else "part" if part else peer.answer
            yield Match(said, fields, answer, "no" if off else peer.lost, None if off else peer.pair, peer.text)


def _stale(match: Match, place: Place, view: View) -> Match:
    """A rule that would fit but for its group, told as stale where that group is no more: then it admits nobody.

    AWS names no owner of a group that was deleted in another VPC, and in the VPC's own account a group that is there is
    shown: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UserIdGroupPair.html
    """
    pair = match.pair
    if match.answer != "no" or match.lost != "no" or pair is None or pair.user_id not in ("", place.scope.account):
        return match
    gone = pair.reaches == "no" or view.get("security_group", pair.group_id, place.scope) is None
    return replace(match, lost="stale") if gone else match


def _peers(rule: Any, role: str, packet: Packet, view: View, group: Any) -> Iterator[Peer]:
    """Each peer a rule names, and whether it covers the packet's far end."""
    far = packet.flow.source if role == "ingress" else packet.flow.destination
    cidrs = [r.cidr_ip for r in rule.ip_ranges] + [r.cidr_ipv6 for r in rule.ipv6_ranges]
    together, apart = _share(cidrs, far, packet), [_share((cidr,), far, packet) for cidr in cidrs]
    for cidr, alone in zip(cidrs, apart, strict=True):
        yield Peer(cidr, alone if together in apart else together)  # two halves are the internet only together
    for listed in rule.prefix_list_ids:
        found = view.get("prefix_list", listed.prefix_list_id, group.scope)
        yield Peer(listed.prefix_list_id, _share(found.networks, far, packet) if found else "unknown")
    for pair in rule.user_id_group_pairs:
        answer, lost = _member(pair, role, packet, view)
        yield Peer(view.named("security_group", pair.group_id, group.scope), answer, lost, pair)


def _other_version(peer: Peer, packet: Packet) -> str:
    """`IP version` where a range is of the other one, for which no rule of this one counts; else empty."""
    outer = network(peer.text) if peer.pair is None else None
    return "IP version" if outer is not None and outer.version != packet.flow.version else ""


def _share(cidrs: Iterable[str], far: Address, packet: Packet) -> Answer:
    held = covered(cidrs, far, packet.any_of)
    return "part" if held == "unknown" else held


def _answer(truth: bool) -> Answer:
    return "yes" if truth else "no"


def _member(pair: Any, role: str, packet: Packet, view: View) -> tuple[Answer, Lost]:
    """Whether the far end is a member of the referenced group by a private address that still stands in the header.

    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html#security-group-referencing
    """
    if role == "ingress" and packet.proxy and _lent(pair, packet.proxy, packet, view):
        return "yes", "no"
    far = packet.sender if role == "ingress" else packet.receiver
    if not far and packet.lost and role == "ingress":
        lost = _was_member(pair, packet, view)
        return ("unknown", "no") if lost == "yes" and _may_be_shown(packet, view) else ("no", lost)
    if not far:
        return _stranger(pair, packet.flow.source if role == "ingress" else packet.flow.destination, packet, view), "no"
    interface = view.get("network_interface", far, packet.scope)
    if isinstance(interface, Unread):
        return "unknown", "no"
    member = _carries(interface, pair.group_id)
    if member == "yes":
        return _honoured(pair, role, interface, packet, view)
    return member, _was_member(pair, packet, view) if member == "no" and role == "ingress" else "no"


def _honoured(pair: Any, role: str, member: Any, packet: Packet, view: View) -> tuple[Answer, Lost]:
    """Whether a rule here may name the group of a member that is known: across VPCs, egress rules count over a peering alone.

    A peering that AWS shows as deleted leaves a stale rule behind, which admits nobody; what such a rule does with a packet
    that comes by a transit gateway is not documented.
    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html#security-group-referencing
    https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html
    """
    if member.vpc_id == packet.vpc:
        return "yes", "no"
    if pair.reaches == "no" and (role == "egress" or any(border.peering for border in packet.crossed)):
        return "no", "stale"
    if pair.reaches != "yes":
        return "unknown", "no"
    peered = "yes" if role == "ingress" else _peered(packet.vpc, member.vpc_id, packet, view)
    return peered, "transit" if peered == "no" else "no"


def _peered(here: str, there: str, packet: Packet, view: View) -> Answer:
    """Whether an active peering of one Region joins the two VPCs."""
    sides = [view.find("vpc_peering", side, here, packet.scope) for side in ("requester", "accepter")]
    joined = (p for found in sides for p in found or () if p.other(here).vpc_id == there)
    if any(p.active and not p.crosses_regions for p in joined):
        return "yes"
    return "unknown" if any(isinstance(found, Unread) for found in sides) else "no"


def _lent(pair: Any, proxy: str, packet: Packet, view: View) -> bool:
    """Whether the group is that of the load balancer which handed the packet on, whoever's address stands in the header.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html
    """
    node = view.get("network_interface", proxy, packet.scope)
    return bool(node) and any(group.group_id == pair.group_id for group in node.groups)


def _stranger(pair: Any, peer: Address, packet: Packet, view: View) -> Answer:
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
    return "no" if group and group.vpc_id == packet.vpc and not _used_elsewhere(group, view) else "unknown"


def _used_elsewhere(group: Any, view: View) -> bool:
    """Whether the group is associated with other VPCs, where strangers may be its members; not so unless somebody said it.

    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-assoc.html
    """
    found = view.find("security_group_vpc_association", "group", group.id, group.scope)
    if isinstance(found, Unread):
        view.assume(found.query, "the group is associated with no other VPC")
        return False
    return any(a.vpc_id != group.vpc_id and a.state not in ("disassociated", "association-failed") for a in found)


def _carries(interface: Any, group_id: str) -> Answer:
    """Whether the interface is a member; one without any group that ought to have some is half-written."""
    if interface is None:
        return "no"
    if not interface.groups and not interface.bare:
        return "unknown"
    return _answer(any(group.group_id == group_id for group in interface.groups))


def _may_be_shown(packet: Packet, view: View) -> bool:
    """Whether the core network of Cloud WAN that brought the packet here may tell the groups of senders: off by default, and
    read nowhere, so that a rule that names one decides nothing.

    https://docs.aws.amazon.com/network-manager/latest/cloudwan/cloudwan-vpc-attachment.html
    """
    border = packet.came_by(packet.vpc)
    if border is None or border.by != packet.lost or not packet.lost.startswith("core-network-"):
        return False
    query = Query(kind="core_network_policy", by="id", value=packet.lost, scope=packet.scope)
    reason = "whether its policy lets rules name the groups of other VPCs is not read"
    command = f"aws networkmanager get-core-network-policy --core-network-id {packet.lost}"
    way_out = f"see security-group-referencing-support in the reply of {command}"
    view.lack(Unread(query=query, reason=reason, way_out=way_out, retry=False))
    return True


def _was_member(pair: Any, packet: Packet, view: View) -> Lost:
    """Whether the sender was a member before its identity was lost: by its address (at a NAT gateway, for one), or at a
    transit gateway that leaves the address as it is."""
    if not packet.lost:
        return "no"
    interface = view.get("network_interface", packet.origin, packet.scope) if packet.origin else None
    if not interface or _carries(interface, pair.group_id) != "yes":
        return "no"
    return "transit" if packet.lost.startswith("tgw-") else "yes"
