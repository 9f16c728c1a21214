"""Network Firewall: a packet enters at the firewall's endpoint by a route and, if the policy lets it, comes out there again.

https://docs.aws.amazon.com/network-firewall/latest/developerguide/how-it-works.html
https://docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-policy-processing.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from flowdiag.component import ENDPOINT_MTU, Component, Id, Lookup, Part, Read, Resource, View
from flowdiag.model import TCP, Evidence, Flow, Move, Observation, Packet, Place, PortRange, Scope, Unread

# https://docs.aws.amazon.com/network-firewall/latest/APIReference/API_Attachment.html
READY, GONE = ("READY", "SCALING"), ("CREATING", "FAILED")
# Why the stateful engine let a request pass, as far as its reply is concerned: for want of a rule, or for some ports so.
BY_DEFAULT, BY_BOTH = "passed by default", "passed by a rule and by default"
LOST = frozenset(("drop", "handshake"))


class EndpointAttachment(Part):
    """The firewall's endpoint in one subnet."""

    subnet_id: Id
    endpoint_id: str = ""
    status: str = ""
    status_message: str = ""


class SyncState(Part):
    """What AWS shows of a firewall in one Availability Zone."""

    attachment: EndpointAttachment | None = None


class FirewallStatus(Part):
    """The state of a firewall."""

    status: str = ""
    sync_states: Mapping[str, SyncState] = {}


class FirewallSettings(Part):
    """The settings of a firewall."""

    firewall_name: str = ""
    firewall_policy_arn: Id
    vpc_id: str = ""


class NetworkFirewall(Resource):
    """A firewall as DescribeFirewall gives it (API_DescribeFirewall.html in the Network Firewall API reference)."""

    kind: ClassVar[str] = "network_firewall"
    firewall_arn: str
    firewall: FirewallSettings
    firewall_status: FirewallStatus = FirewallStatus()

    @property
    def id(self) -> str:
        """The ARN."""
        return self.firewall_arn

    @property
    def name(self) -> str:
        """The name, the last part of the ARN."""
        return self.firewall.firewall_name or self.firewall_arn.rsplit("/", 1)[-1]

    @property
    def home(self) -> Scope:
        """Where its owner reads it and its policy."""
        parts = self.firewall.firewall_policy_arn.split(":")
        return Scope(account=parts[4], region=parts[3]) if len(parts) > 4 else self.scope

    def attachment(self, endpoint: str) -> EndpointAttachment | None:
        """What AWS shows of one of its endpoints; those of endpoint associations in other VPCs stand elsewhere."""
        found = (state.attachment for state in self.firewall_status.sync_states.values())
        return next((one for one in found if one and one.endpoint_id == endpoint), None)

    def foresee(self, view: View) -> None:
        """Ask for everything that it may need to judge a packet."""
        policy = view.get("firewall_policy", self.firewall.firewall_policy_arn, self.home)
        if policy:
            for reference in policy.firewall_policy.stateless_rule_group_references:
                view.get("firewall_stateless_rules", reference.resource_arn, self.home)
            for reference in policy.firewall_policy.stateful_rule_group_references:
                view.get("firewall_rule_group", reference.resource_arn, self.home)


@dataclass(frozen=True)
class Seen:
    """A firewall's endpoint as far as it was read: `firewall` and `policy` may be Unread or None."""

    endpoint: Any
    firewall: Any
    policy: Any
    state: str
    subnet: str
    told: str = ""


class NetworkFirewallComponent(Component):
    """`place.id` is the endpoint, to which a VPC endpoint that is a firewall's hands on."""

    kind = "network_firewall"
    traffic_paths = ("1",)
    reads = (
        Read(
            service="network-firewall",
            operation="describe_firewall",
            action="network-firewall:DescribeFirewall",
            responses=("NetworkFirewalls",),
            id_field="FirewallArn",
            resource=NetworkFirewall,
            lookups={"id": Lookup(keys=lambda raw: [raw["FirewallArn"]], parameter="FirewallArn")},
            single=True,
        ),
    )

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """The network ACL of the endpoint's subnet, as for every endpoint of its type even where the sender is in that subnet.

        https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-load-balancer-endpoints.html
        """
        subnet = _seen(place, view).subnet
        return (Place(kind="network_acl", id=subnet, role="inbound", scope=place.scope),) if subnet else ()

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether it works, what each of its two engines does with the packet, and whether it sees both directions."""
        seen = _seen(place, view)
        known = _remembered(place, packet)
        stateless = seen.policy.stateless(packet.flow, packet.direction == "reply", view) if seen.policy else None
        rest = _inspected(seen, stateless, packet, known, view) if stateless else UNINSPECTED
        name = seen.firewall.name if seen.firewall else place.id
        texts = [said for said in (stateless.text if stateless else "", rest.text) if said]
        partly = stateless is not None and stateless.word == "partial"
        told = (texts[0] if rest.word == "pass" else ", then ".join(texts)) if partly else texts[-1] if texts else ""
        idle = seen.policy.tcp_timeout if seen.policy and rest.forwarded and packet.flow.protocol == TCP else None
        said = [*texts, *([f"idle timeout {idle} s"] if idle else [])]
        return Observation(
            table="network_firewall",
            inputs={
                "packet": packet.direction,
                "state": seen.state,
                "stateless": stateless.word if stateless else "unknown",
                "stateful": rest.word,
                "both ways": "yes" if packet.direction == "request" or known or not rest.forwarded else "no",
            },
            words={
                "firewall": name,
                "endpoint": place.id,
                "state": seen.told,
                "packet": packet.direction,
                "flow": packet.flow.service(),
                "rule": told or "rules that were not read",
            },
            resource=place.id,
            name=name,
            detail=told,
            evidence=tuple(Evidence(where=seen.policy.name if seen.policy else place.id, text=text) for text in said),
            denied=_whole_of(packet.flow, rest.dropped, "source_ports", "destination_ports") if partly else (),
            denied_senders=_whole_of(packet.flow, rest.dropped, "destination_ports", "source_ports") if partly else (),
            idle_timeout=idle,
            mtu=ENDPOINT_MTU,
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Out again in the endpoint's subnet, by its route table; group references no longer see the sender.

        https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html#security-group-referencing
        """
        seen = _seen(place, view)
        if not seen.subnet:
            return ()
        onward = packet.but(
            subnet=seen.subnet,
            vpc=seen.endpoint.vpc_id,
            sender=None,
            receiver=None,
            proxy=None,
            lost=packet.lost or place.id,
            watched=(*packet.watched, *_watched(seen, place, packet, view)),
        )
        subnet = view.get("subnet", seen.subnet, place.scope)
        if subnet and subnet.holds(packet.flow.destination):
            to = Place(kind="vpc", id=seen.endpoint.vpc_id, role="deliver", scope=place.scope)
            return (Move(to=to, packet=onward),)
        acl = Place(kind="network_acl", id=seen.subnet, role="outbound", scope=place.scope)
        to = Place(kind="route_table", id=seen.subnet, role="route", scope=place.scope)
        return (Move(to=to, packet=onward, guards=(acl,)),)


def _seen(place: Place, view: View) -> Seen:
    endpoint = view.get("vpc_endpoint", place.id, place.scope)
    arn = endpoint.firewall if endpoint else ""
    parts = arn.split(":")
    scope = Scope(account=parts[4], region=parts[3]) if len(parts) > 4 else place.scope
    firewall = view.get("network_firewall", arn, scope) if arn else None
    policy = view.get("firewall_policy", firewall.firewall.firewall_policy_arn, firewall.home) if firewall else None
    attachment = firewall.attachment(place.id) if firewall else None
    subnet = attachment.subnet_id if attachment else next(iter(endpoint.subnet_ids), "") if endpoint else ""
    told = f"{attachment.status} {attachment.status_message}".strip() if attachment else ""
    return Seen(endpoint, firewall, policy, _state(endpoint, firewall, policy, attachment), subnet, told)


def _state(endpoint: Any, firewall: Any, policy: Any, attachment: EndpointAttachment | None) -> str:
    """Whether the endpoint works; unknown where it, its firewall or the policy was not read."""
    if not endpoint or not firewall or isinstance(policy, Unread) or policy is None:
        return "unknown"
    if attachment is None:
        return "ready" if endpoint.state.lower() == "available" else "unknown"
    return "ready" if attachment.status in READY else "gone" if attachment.status in GONE else "unknown"


def _stateful(seen: Seen, packet: Packet, known: Place | None, view: View) -> tuple[str, str, str]:
    """What the stateful engine does, by which rule, and what lets it pass. It judges a connection by its request; only
    where that passed for want of a rule are the rules held against the reply as well, and where some of its ports did,
    a reply that they drop may be of one of those or not.

    https://docs.aws.amazon.com/network-firewall/latest/developerguide/suricata-rule-evaluation-order.html
    """
    if known and known.role not in (BY_DEFAULT, BY_BOTH):
        return "pass", "judged with its request", "rule"
    vpc = view.get("vpc", seen.firewall.firewall.vpc_id, seen.firewall.scope) if seen.firewall.firewall.vpc_id else None
    ruling = seen.policy.stateful(packet.flow, packet.direction == "reply", vpc.cidrs if vpc else None, view)
    doubtful = known is not None and known.role == BY_BOTH and ruling.word in LOST
    return "unknown" if doubtful else ruling.word, ruling.text, ruling.by


@dataclass(frozen=True)
class Inspected:
    """What becomes of what the stateless rules leave of a packet: the word for all of it, the rule behind it, whether the
    stateful engine sees any of it, every part that does not pass, those that the stateless rules drop among them, and what
    lets it pass where it passes (as in a Ruling)."""

    word: str
    text: str = ""
    forwarded: bool = False
    dropped: tuple[Flow, ...] = ()
    by: str = "rule"


UNINSPECTED = Inspected("skipped")


def _inspected(seen: Seen, stateless: Any, packet: Packet, known: Place | None, view: View) -> Inspected:
    """What the stateful engine makes of a packet that is forwarded, or of those of its ports that are not dropped before."""
    if stateless.word == "forward":
        word, text, by = _stateful(seen, packet, known, view)
        return Inspected(word, text, forwarded=True, by=by)
    if stateless.word != "partial":
        return UNINSPECTED
    judged = [(piece, *_rest(seen, piece, packet, known, view)) for piece in stateless.left]
    words = {word for _, word, _, _ in judged}
    ways = {by for _, word, _, by in judged if word == "pass"}
    lost = (piece.flow for piece, word, _, _ in judged if word in LOST)
    dropped = (*(piece.flow for piece in stateless.dropped), *lost)
    word = "pass" if "pass" in words else "unknown" if not words <= LOST else "drop" if len(words) > 1 else words.pop()
    texts = dict.fromkeys(text for _, found, text, _ in judged if text and (word == "unknown" or found == word or found in LOST))
    forwarded = any("forward" in piece.outcomes for piece in stateless.left)
    return Inspected(word, " and ".join(texts), forwarded, dropped, ways.pop() if len(ways) == 1 else "both")


def _rest(seen: Seen, piece: Any, packet: Packet, known: Place | None, view: View) -> tuple[str, str, str]:
    """What becomes of one part of a packet that the stateless rules do not drop, or not for everybody."""
    ways = piece.outcomes - {"drop"}
    if ways == {"forward"}:
        return _stateful(seen, packet.but(flow=piece.flow), known, view)
    return ("pass" if ways == {"pass"} else "unknown"), "", "rule"


def _whole_of(flow: Flow, dropped: tuple[Flow, ...], whole: str, ports: str) -> tuple[PortRange, ...]:
    """Ports of one end that are dropped whatever the other end's port is."""
    sure = (getattr(part, ports) for part in dropped if getattr(part, whole) == getattr(flow, whole))
    return tuple(found for found in sure if found)


def _watched(seen: Seen, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
    """What the stateful engine remembers of a request: the reply has to come back through this endpoint.

    https://docs.aws.amazon.com/network-firewall/latest/developerguide/asymmetric-routing.html
    """
    if packet.direction == "reply":
        return ()
    stateless = seen.policy.stateless(packet.flow, False, view) if seen.policy else None
    rest = _inspected(seen, stateless, packet, None, view) if stateless else UNINSPECTED
    if stateless and stateless.word != "unknown" and not rest.forwarded:
        return ()
    role = {"default": BY_DEFAULT, "both": BY_BOTH}.get(rest.by, "") if rest.word == "pass" else ""
    return (place.model_copy(update={"role": role}),)


def _remembered(place: Place, packet: Packet) -> Place | None:
    """What this endpoint remembers of the request that a reply belongs to."""
    return next((before for before in packet.watched if before.id == place.id), None) if packet.direction == "reply" else None
