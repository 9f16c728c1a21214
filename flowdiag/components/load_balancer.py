"""Network and Application Load Balancers: a node takes the packet up and sends it to one of the listener's targets.

https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from flowdiag.address import address
from flowdiag.component import Component, Lookup, Part, Read, Resource, View, holder
from flowdiag.model import ICMP, ICMPV6, TCP, UDP, Address, Evidence, Move, Observation, Packet, Place, PortRange, Query, Translation, Unread

NODE_PORTS = PortRange(first=1024, last=65535)
NETWORK, APPLICATION = "network", "application"
# Listener protocols by what they take on the wire.
TAKES = {"TCP": TCP, "TLS": TCP, "HTTP": TCP, "HTTPS": TCP, "UDP": UDP, "QUIC": UDP}


class Zone(Part):
    """A zone the load balancer is enabled for."""

    zone_name: str = ""
    subnet_id: str = ""


class LoadBalancer(Resource):
    """A load balancer (API_LoadBalancer.html in the Elastic Load Balancing v2 API reference)."""

    kind: ClassVar[str] = "load_balancer"
    load_balancer_arn: str
    load_balancer_name: str = ""
    type: str = ""
    scheme: str = ""
    vpc_id: str = ""
    availability_zones: tuple[Zone, ...] = ()

    @property
    def id(self) -> str:
        """The ARN."""
        return self.load_balancer_arn

    @property
    def name(self) -> str:
        """The name."""
        return self.load_balancer_name or self.id


class ForwardGroup(Part):
    """One target group of a forward action."""

    target_group_arn: str = ""
    weight: int = 1


class ForwardConfig(Part):
    """The target groups of a forward action."""

    target_groups: tuple[ForwardGroup, ...] = ()


class Action(Part):
    """What a listener does."""

    type: str = ""
    target_group_arn: str = ""
    forward_config: ForwardConfig | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The target groups that get traffic."""
        weighted = self.forward_config.target_groups if self.forward_config else ()
        named = [g.target_group_arn for g in weighted if g.weight > 0]
        return tuple(dict.fromkeys(named or ([self.target_group_arn] if self.target_group_arn else [])))


class Listener(Part):
    """One listener."""

    listener_arn: str = ""
    port: int = 0
    protocol: str = ""
    default_actions: tuple[Action, ...] = ()

    def takes(self, protocol: int, port: int) -> bool:
        """True where it accepts this protocol and port."""
        both = self.protocol in ("TCP_UDP", "TCP_QUIC") and protocol in (TCP, UDP)
        return self.port == port and (both or TAKES.get(self.protocol) == protocol)


class Listeners(Resource):
    """The listeners of one load balancer."""

    kind: ClassVar[str] = "load_balancer_listeners"
    load_balancer_arn: str
    listeners: tuple[Listener, ...] = ()

    @property
    def id(self) -> str:
        """The load balancer's ARN."""
        return self.load_balancer_arn


class Attribute(Part):
    """One attribute."""

    key: str = ""
    value: str = ""


class LoadBalancerAttributes(Resource):
    """The attributes of one load balancer."""

    kind: ClassVar[str] = "load_balancer_attributes"
    load_balancer_arn: str
    attributes: tuple[Attribute, ...] = ()

    @property
    def id(self) -> str:
        """The load balancer's ARN."""
        return self.load_balancer_arn


class TargetGroup(Resource):
    """A target group."""

    kind: ClassVar[str] = "target_group"
    target_group_arn: str
    target_group_name: str = ""
    target_type: str = "instance"
    protocol: str = ""
    port: int | None = None
    vpc_id: str = ""

    @property
    def id(self) -> str:
        """The ARN."""
        return self.target_group_arn


class TargetGroupAttributes(Resource):
    """The attributes of one target group."""

    kind: ClassVar[str] = "target_group_attributes"
    target_group_arn: str
    attributes: tuple[Attribute, ...] = ()

    @property
    def id(self) -> str:
        """The target group's ARN."""
        return self.target_group_arn


class Target(Part):
    """One target as it was registered."""

    id: str = ""
    port: int | None = None
    availability_zone: str = ""


class Health(Part):
    """The state of a target."""

    state: str = ""
    reason: str = ""


class TargetHealth(Part):
    """One target with its state."""

    target: Target = Target()
    target_health: Health = Health()


class Targets(Resource):
    """The targets of one group with their health."""

    kind: ClassVar[str] = "target_health"
    target_group_arn: str
    target_health_descriptions: tuple[TargetHealth, ...] = ()

    @property
    def id(self) -> str:
        """The target group's ARN."""
        return self.target_group_arn


def _names(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw.get("LoadBalancerName")]


def _read(operation: str, response: str, resource: type[Resource], field: str, single: bool = True, **more: Lookup) -> Read:
    action = "".join(part.capitalize() for part in operation.split("_"))
    parameter = field if single else f"{field}s"
    by_arn = Lookup(keys=lambda raw: [raw[field]], parameter=parameter)
    return Read(
        service="elbv2",
        operation=operation,
        action=f"elasticloadbalancing:{action}",
        responses=(response,),
        id_field=field,
        resource=resource,
        lookups={"id": by_arn, **more},
        single=single,
    )


@dataclass(frozen=True)
class Leg:
    """One target a node may choose: its address and port, and whether the client's address stays in the header."""

    address: Address
    port: int
    preserved: bool
    target: str


class LoadBalancerComponent(Component):
    """A node of a load balancer; `place.id` is its network interface."""

    kind = "load_balancer"
    interface_types = ("network_load_balancer", "load_balancer")
    reads = (
        _read(
            "describe_load_balancers",
            "LoadBalancers",
            LoadBalancer,
            "LoadBalancerArn",
            single=False,
            name=Lookup(keys=_names, parameter="Names"),
        ),
        _read("describe_listeners", "LoadBalancerListeners", Listeners, "LoadBalancerArn"),
        _read("describe_load_balancer_attributes", "LoadBalancerAttributes", LoadBalancerAttributes, "LoadBalancerArn"),
        _read("describe_target_groups", "TargetGroups", TargetGroup, "TargetGroupArn", single=False),
        _read("describe_target_group_attributes", "TargetGroupAttributes", TargetGroupAttributes, "TargetGroupArn"),
        _read("describe_target_health", "LoadBalancerTargetHealth", Targets, "TargetGroupArn"),
    )

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """A reply that the network itself brings back crosses the border of the node's subnet."""
        node = view.get("network_interface", place.id, place.scope)
        if place.role != "return" or not node or packet.subnet == node.subnet_id:
            return ()
        return (Place(kind="network_acl", id=node.subnet_id, role="inbound", scope=node.scope),)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether a listener takes the packet, and whether there is a target to send it to."""
        node = view.get("network_interface", place.id, place.scope)
        known = _remembered(place, packet)
        balancer = _balancer(node, view)
        listener = _listener(balancer, packet, view)
        legs = _legs(balancer, listener, node, packet, view) if listener else ()
        name = balancer.name if balancer else place.id
        return Observation(
            table="load_balancer",
            inputs={
                "packet": "reply" if known else "request",
                "listener": _listener_word(listener),
                "targets": _targets_word(legs, packet),
                "ping": _ping(packet, balancer),
            },
            words={"balancer": name, "flow": packet.flow.service(), "node": place.id},
            resource=balancer.id if balancer else place.id,
            name=name,
            detail=_shown(known, legs, packet),
            evidence=(Evidence(where=place.id, text=_shown(known, legs, packet) or packet.flow.service()),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To every target that may be chosen; a reply back to the client that the node remembers."""
        node = view.get("network_interface", place.id, place.scope)
        known = _remembered(place, packet)
        if not node:
            return ()
        if known:
            flow = known.before.reply()
            return (_out_of(node, packet.but(flow=flow, sender=node.id), view),)
        balancer = _balancer(node, view)
        listener = _listener(balancer, packet, view)
        legs = _legs(balancer, listener, node, packet, view) if listener else ()
        return tuple(_to_target(leg, node, place, packet, view) for leg in legs or ())


def _balancer(node: Any, view: View) -> Any:
    """The load balancer that an interface belongs to, by the name in its description: `ELB net/name/id`."""
    if not node:
        return node
    parts = node.description.removeprefix("ELB ").split("/")
    if len(parts) != 3:
        return Unread(query=_query("load_balancer", node.id), reason="the interface does not name its load balancer")
    found = view.find("load_balancer", "name", parts[1], node.scope)
    return found if isinstance(found, Unread) else next((b for b in found if b.id.endswith("/".join(parts))), None)


def _query(kind: str, value: str) -> Query:
    return Query(kind=kind, by="id", value=value)


def _listener(balancer: Any, packet: Packet, view: View) -> Any:
    if not balancer:
        return balancer
    found = view.get("load_balancer_listeners", balancer.id, balancer.scope)
    if not found:
        return found
    ports = packet.flow.destination_ports
    return next((x for x in found.listeners if ports and x.takes(packet.flow.protocol, ports.first)), None)


def _legs(balancer: Any, listener: Any, node: Any, packet: Packet, view: View) -> tuple[Leg, ...] | Unread:
    """The targets a node chooses from: healthy ones, or all where none is (fail open); its own zone's unless cross-zone is on.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html
    """
    found: list[tuple[TargetHealth, TargetGroup]] = []
    for arn in (arn for action in listener.default_actions for arn in action.groups):
        group, health = view.get("target_group", arn, balancer.scope), view.get("target_health", arn, balancer.scope)
        if isinstance(group, Unread) or isinstance(health, Unread):
            return group if isinstance(group, Unread) else health
        found += [(entry, group) for entry in (health.target_health_descriptions if health else ()) if group]
    in_use = [pair for pair in found if pair[0].target_health.state not in ("unused", "draining")]
    healthy = [pair for pair in in_use if pair[0].target_health.state in ("healthy", "")]
    legs = [_leg(entry, group, balancer, packet, view) for entry, group in healthy or in_use]
    unread = next((leg for leg in legs if isinstance(leg, Unread)), None)
    if unread is not None:
        return unread
    zoned = _in_zone([leg for leg in legs if isinstance(leg, Leg)], balancer, node, view)
    return zoned


def _leg(entry: TargetHealth, group: Any, balancer: Any, packet: Packet, view: View) -> Leg | Unread | None:
    port = entry.target.port or group.port or 0
    if group.target_type in ("lambda", "alb"):
        return Unread(query=_query("target_group", group.id), reason=f"targets of type {group.target_type} are not followed")
    if group.target_type == "instance":
        interfaces = view.find("network_interface", "instance", entry.target.id, balancer.scope)
        if isinstance(interfaces, Unread):
            return interfaces
        primary = min(interfaces, key=lambda i: i.attachment.device_index if i.attachment else 0, default=None)
        where = address(primary.private_ip_address) if primary else None
    else:
        where = address(entry.target.id)
    if where is None:
        return None
    return Leg(where, port, _preserved(group, balancer, packet, view), entry.target.id)


def _preserved(group: Any, balancer: Any, packet: Packet, view: View) -> bool:
    """Whether targets see the client's address: read from the group, else AWS's default by target type and protocol.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
    """
    if balancer.type != NETWORK:
        return False
    if group.protocol in ("UDP", "TCP_UDP", "QUIC", "TCP_QUIC") or group.target_type == "alb":
        return True
    attributes = view.get("target_group_attributes", group.id, balancer.scope)
    said = next((a.value for a in attributes.attributes if a.key == "preserve_client_ip.enabled"), "") if attributes else ""
    if said:
        return bool(said == "true")
    default = group.target_type == "instance"
    view.assume(_query("target_group_attributes", group.id), f"preserve_client_ip.enabled {str(default).lower()}")
    return bool(default)


def _in_zone(legs: list[Leg], balancer: Any, node: Any, view: View) -> tuple[Leg, ...]:
    """The targets in the node's zone where cross-zone load balancing is off."""
    if _cross_zone(balancer, view):
        return tuple(legs)
    here = view.get("subnet", node.subnet_id, node.scope)
    kept = []
    for leg in legs:
        interface = holder(balancer.vpc_id, leg.address, balancer.scope, view)
        subnet = view.get("subnet", interface.subnet_id, interface.scope) if interface else None
        if not subnet or not here or subnet.availability_zone == here.availability_zone:
            kept.append(leg)
    return tuple(kept)


def _cross_zone(balancer: Any, view: View) -> bool:
    """On for an Application Load Balancer; for a Network Load Balancer as its attribute says, off by default."""
    if balancer.type == APPLICATION:
        return True
    attributes = view.get("load_balancer_attributes", balancer.id, balancer.scope)
    return any(a.key == "load_balancing.cross_zone.enabled" and a.value == "true" for a in (attributes.attributes if attributes else ()))


def _to_target(leg: Leg, node: Any, place: Place, packet: Packet, view: View) -> Move:
    """The request as the target sees it: its own address and port, and the client's or the node's address."""
    flow = packet.flow.rewritten(destination=leg.address, destination_ports=PortRange(first=leg.port, last=leg.port))
    if not leg.preserved:
        flow = flow.rewritten(source=address(node.private_ip_address), source_ports=NODE_PORTS)
    back = Place(kind="load_balancer", id=node.id, role="return", scope=node.scope) if leg.preserved else None
    noted = Translation(place=place, before=packet.flow, after=flow, vpc=node.vpc_id, returns=back)
    sender = packet.sender if leg.preserved else node.id
    onward = packet.but(flow=flow, sender=sender, receiver=None, translations=(*packet.translations, noted))
    return _out_of(node, onward, view)


def _out_of(node: Any, packet: Packet, view: View) -> Move:
    """Out of a node's interface: into its own subnet directly, else over the subnet's border by its route table."""
    onward = packet.but(subnet=node.subnet_id, vpc=node.vpc_id, scope=node.scope)
    groups = (Place(kind="security_group", id=node.id, role="egress", scope=node.scope),) if node.groups else ()
    subnet = view.get("subnet", node.subnet_id, node.scope)
    if subnet and subnet.holds(packet.flow.destination):
        return Move(to=Place(kind="vpc", id=node.vpc_id, role="deliver", scope=node.scope), packet=onward, guards=groups)
    acl = Place(kind="network_acl", id=node.subnet_id, role="outbound", scope=node.scope)
    return Move(to=Place(kind="route_table", id=node.subnet_id, role="route", scope=node.scope), packet=onward, guards=(*groups, acl))


def _remembered(place: Place, packet: Packet) -> Translation | None:
    if packet.direction != "reply":
        return None
    mine = (t for t in packet.translations if t.place.kind == "load_balancer" and t.place.id == place.id)
    return next((t for t in mine if t.after.reply() == packet.flow), None)


def _listener_word(listener: Any) -> str:
    """Whether a listener takes the packet; `answers` where the load balancer answers it itself, without a target."""
    if not listener:
        return "unknown" if isinstance(listener, Unread) else "no"
    itself = all(action.type in ("redirect", "fixed-response") for action in listener.default_actions)
    return "answers" if itself and listener.default_actions else "yes"


def _targets_word(legs: Any, packet: Packet) -> str:
    if isinstance(legs, Unread):
        return "unknown"
    if not legs:
        return "none"
    return "itself" if all(leg.preserved and leg.address == packet.flow.source for leg in legs) else "some"


def _ping(packet: Packet, balancer: Any) -> str:
    """A Network Load Balancer drops pings, an Application Load Balancer answers them itself.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-troubleshooting.html
    """
    if packet.flow.protocol not in (ICMP, ICMPV6):
        return "no"
    return "unknown" if not balancer else "answered" if balancer.type == APPLICATION else "dropped"


def _shown(known: Translation | None, legs: Any, packet: Packet) -> str:
    if known:
        return f"{packet.flow.source} → {known.before.destination}"
    return ", ".join(f"{leg.target} ({leg.address}:{leg.port})" for leg in legs or ())
