"""Network and Application Load Balancers: a node takes the packet up and sends it to one of the listener's targets.

https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from flowdiag.address import address, any_holds
from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View, neighbours
from flowdiag.model import ICMP, ICMPV6, Address, Evidence, Move, Observation, Packet, Place, PortRange, Translation, Unread

NODE_PORTS = PortRange(first=1024, last=65535)
FOLLOWED = ("network", "application")
DOWN = ("provisioning", "failed")
RETURN, LOOP = "return", "loop"  # roles of a node beside that of taking a packet up


class BalancerState(Part):
    """The state of a load balancer."""

    code: Literal["active", "provisioning", "active_impaired", "failed"]


class LoadBalancer(Resource):
    """A load balancer (API_LoadBalancer.html in the Elastic Load Balancing v2 API reference)."""

    kind: ClassVar[str] = "load_balancer"
    load_balancer_arn: str
    load_balancer_name: Id
    type: Id
    vpc_id: Id
    state: BalancerState

    @property
    def id(self) -> str:
        """The ARN."""
        return self.load_balancer_arn

    @property
    def name(self) -> str:
        """The name."""
        return self.load_balancer_name


class Attribute(Part):
    """One attribute."""

    key: Id
    value: str = ""


class LoadBalancerAttributes(Resource):
    """The attributes of one load balancer."""

    kind: ClassVar[str] = "load_balancer_attributes"
    load_balancer_arn: str
    attributes: tuple[Attribute, ...]

    @property
    def id(self) -> str:
        """The load balancer's ARN."""
        return self.load_balancer_arn


def _names(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw.get("LoadBalancerName")]


def _read(operation: str, response: str, resource: type[Resource], single: bool = True, **more: Lookup) -> Read:
    field = "LoadBalancerArn"
    by_arn = Lookup(keys=lambda raw: [raw[field]], parameter=field if single else f"{field}s")
    return Read(
        service="elbv2",
        operation=operation,
        action=f"elasticloadbalancing:{''.join(part.capitalize() for part in operation.split('_'))}",
        responses=(response,),
        id_field=field,
        resource=resource,
        lookups={"id": by_arn, **more},
        single=single,
    )


@dataclass(frozen=True)
class Handling:
    """What a node does with a packet: its load balancer (None: none, Unread: not known), words of the decision table, targets."""

    balancer: Any
    listener: str = "unknown"
    targets: str = "unknown"
    goals: tuple[Any, ...] = ()


class LoadBalancerComponent(Component):
    """A node of a load balancer; `place.id` is its network interface."""

    kind = "load_balancer"
    interface_types = ("network_load_balancer", "load_balancer")
    reads = (
        _read(
            "describe_load_balancers",
            "LoadBalancers",
            LoadBalancer,
            single=False,
            name=Lookup(keys=_names, parameter="Names"),
        ),
        _read("describe_load_balancer_attributes", "LoadBalancerAttributes", LoadBalancerAttributes),
    )

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """A reply that the network itself brings back crosses the border of the node's subnet."""
        node = view.get("network_interface", place.id, place.scope)
        if place.role != RETURN or not node or packet.subnet == node.subnet_id:
            return ()
        return (Place(kind="network_acl", id=node.subnet_id, role="inbound", scope=node.scope),)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether a listener takes the packet, and whether there is a target to send it to."""
        node = view.get("network_interface", place.id, place.scope)
        known = _remembered(place, packet)
        reply = packet.direction == "reply"
        handling = Handling(_balancer(node, view)) if reply or place.role == LOOP else _handling(node, packet, view)
        balancer = handling.balancer
        name = balancer.name if balancer else place.id
        ping = packet.flow.protocol in (ICMP, ICMPV6)
        shown = f"{packet.flow.source} → {known.before.destination}" if known else _shown(handling, ping)
        return Observation(
            table="load_balancer",
            inputs={
                "packet": "reply" if reply else "loop" if place.role == LOOP else "request",
                "balancer": _kind(balancer, node),
                "ping": "yes" if ping else "no",
                "listener": handling.listener,
                "targets": handling.targets,
            },
            words={
                "balancer": name,
                "flow": packet.flow.service(),
                "state": balancer.state.code if balancer else "",
                "type": _type(node),
            },
            resource=balancer.id if balancer else place.id,
            name=name,
            detail=shown,
            evidence=(Evidence(where=place.id, text=shown or packet.flow.service()),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To every target that may be chosen; a reply back to the client that the node remembers."""
        node = view.get("network_interface", place.id, place.scope)
        known = _remembered(place, packet)
        if not node or place.role == LOOP:
            return ()
        if known:
            return (_out_of(node, packet.but(flow=known.before.reply(), sender=node.id), view),)
        if packet.direction == "reply":
            return ()
        handling = _handling(node, packet, view)
        goals = handling.goals if handling.targets == "some" else ()
        return tuple(_to_goal(goal, node, place, packet, view) for goal in goals)

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """The load balancer with its listeners, and the target groups with their targets."""
        balancer = _balancer(view.get("network_interface", place.id, place.scope), view)
        if not balancer:
            return
        view.get("load_balancer_attributes", balancer.id, balancer.scope)
        found = view.get("load_balancer_listeners", balancer.id, balancer.scope)
        for arn in (arn for listener in (found.listeners if found else ()) for arn in listener.groups):
            for kind in ("target_group", "target_group_attributes", "target_health"):
                view.get(kind, arn, balancer.scope)


# ---------------------------------------------------------------- what a node does with a packet


def _balancer(node: Any, view: View) -> Any:
    """The load balancer that an interface belongs to, by the name in its description: `ELB net/name/id`."""
    parts = _described(node)
    if len(parts) != 3:
        return None
    found = view.find("load_balancer", "name", parts[1], node.scope)
    return found if isinstance(found, Unread) else next((b for b in found if b.id.endswith("/".join(parts))), None)


def _described(node: Any) -> list[str]:
    return node.description.removeprefix("ELB ").split("/") if node else []


def _type(node: Any) -> str:
    """The type of load balancer that the description of a node tells: a Classic Load Balancer has a name and nothing more."""
    parts = _described(node)
    return {"net": "network", "app": "application", "gwy": "gateway"}.get(parts[0] if len(parts) == 3 else "", "classic")


def _kind(balancer: Any, node: Any) -> str:
    if balancer and balancer.type in FOLLOWED:
        return "down" if balancer.state.code in DOWN else str(balancer.type)
    return "other" if balancer or (node and _type(node) not in FOLLOWED) else "unknown"


def _handling(node: Any, packet: Packet, view: View) -> Handling:
    balancer = _balancer(node, view)
    if not balancer or balancer.type not in FOLLOWED:
        return Handling(balancer)
    found = view.get("load_balancer_listeners", balancer.id, balancer.scope)
    if not found:
        return Handling(balancer)
    listener = next((entry for entry in found.listeners if entry.takes(packet.flow)), None)
    if listener is None or listener.answers:
        return Handling(balancer, "answers" if listener else "no")
    groups = [view.get("target_group", arn, balancer.scope) for arn in listener.groups]
    parts = [_of_group(group, balancer, node, packet, view) if group else ("unknown", ()) for group in groups]
    word = _together({word for word, _ in parts})
    if word == "function":
        return Handling(balancer, "answers")
    return Handling(balancer, "yes", word, tuple(dict.fromkeys(goal for _, goals in parts for goal in goals)))


def _together(words: set[str]) -> str:
    """What several target groups come to: what is not known of one is not known of all, nor are all of them alike."""
    open_words = ("unknown", "unfollowed", "doubtful")
    return next((word for word in open_words if word in words), next(iter(words), "none") if len(words) < 2 else "doubtful")


def _of_group(group: Any, balancer: Any, node: Any, packet: Packet, view: View) -> tuple[str, tuple[Any, ...]]:
    """The targets a node chooses from: healthy ones, or all where none is anywhere (fail open); its own zone's unless
    cross-zone is on. What it does where the healthy ones are all in other zones is not documented.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html
    """
    if group.target_type not in ("instance", "ip"):
        return ("function" if group.target_type == "lambda" else "unfollowed"), ()
    goals = group.goals(view)
    near = None if goals is None else group.near(goals, _crosses_zones(balancer, view), node, view)
    if goals is None or near is None:
        return "unknown", ()
    healthy = tuple(goal for goal in near if goal.healthy)
    if near and not healthy and any(goal.healthy for goal in goals):
        return "doubtful", ()
    chosen = healthy or near
    if not all(_fits(goal, balancer, node, packet, view) for goal in chosen):
        return "unfollowed", ()
    return ("some" if chosen else "none"), chosen


def _crosses_zones(balancer: Any, view: View) -> bool:
    """On for an Application Load Balancer; for a Network Load Balancer as its attribute says, off by default."""
    if balancer.type == "application":
        return True
    found = view.get("load_balancer_attributes", balancer.id, balancer.scope)
    if isinstance(found, Unread):
        view.assume(found.query, "AWS's default: load balancing across zones is off")
    return any(a.key == "load_balancing.cross_zone.enabled" and a.value == "true" for a in (found.attributes if found else ()))


def _fits(goal: Any, balancer: Any, node: Any, packet: Packet, view: View) -> bool:
    """Whether the way to a target is one that is followed: the node has an address of its family, and a client's address
    is kept only towards the load balancer's own VPC and those peered with it in its Region.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
    """
    if not _keeps(goal, balancer, packet):
        return _own_address(node, goal.address.version) is not None
    vpc = view.get("vpc", balancer.vpc_id, balancer.scope)
    if vpc and any_holds(vpc.cidrs, goal.address):
        return True
    sides = (view.find("vpc_peering", side, balancer.vpc_id, balancer.scope) or () for side in ("requester", "accepter"))
    near = [p.other(balancer.vpc_id) for side in sides for p in side if p.active and not p.crosses_regions]
    return any(any_holds(side.cidrs, goal.address) for side in near)


def _keeps(goal: Any, balancer: Any, packet: Packet) -> bool:
    """Whether the client's address stays in the header; it cannot where the target is of the other family."""
    return bool(balancer.type == "network" and goal.preserved and goal.address.version == packet.flow.version)


def _own_address(node: Any, version: int) -> Address | None:
    return next((own for text in node.addresses if (own := address(text)) and own.version == version), None)


# ---------------------------------------------------------------- on and back


def _to_goal(goal: Any, node: Any, place: Place, packet: Packet, view: View) -> Move:
    """The request as the target sees it: its own address and port, and the client's or the node's address.

    A client that is the target itself does not take its own packet back:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-troubleshooting.html#loopback-timeout
    """
    flow = packet.flow.rewritten(destination=goal.address, destination_ports=PortRange(first=goal.port, last=goal.port))
    kept = _keeps(goal, _balancer(node, view), packet)
    if kept and goal.address == packet.flow.source:
        return Move(to=place.model_copy(update={"role": LOOP}), packet=packet)
    if not kept:
        flow = flow.rewritten(source=_own_address(node, goal.address.version), source_ports=NODE_PORTS)
    back = Place(kind="load_balancer", id=node.id, role=RETURN, scope=node.scope) if kept else None
    noted = Translation(place=place, before=packet.flow, after=flow, vpc=node.vpc_id, returns=back)
    seen = {"sender": packet.sender, "proxy": node.id} if kept else {"sender": node.id, "proxy": None}
    return _out_of(node, packet.but(flow=flow, receiver=None, translations=(*packet.translations, noted), **seen), view)


def _out_of(node: Any, packet: Packet, view: View) -> Move:
    """Out of a node's interface: into its own subnet directly, else over the subnet's border by its route table."""
    onward = packet.but(subnet=node.subnet_id, vpc=node.vpc_id, scope=node.scope)
    groups = (Place(kind="security_group", id=node.id, role="egress", scope=node.scope),) if node.groups else ()
    if neighbours(node.subnet_id, node.vpc_id, packet.flow.destination, node.scope, view):
        return Move(to=Place(kind="vpc", id=node.vpc_id, role="deliver", scope=node.scope), packet=onward, guards=groups)
    acl = Place(kind="network_acl", id=node.subnet_id, role="outbound", scope=node.scope)
    to = Place(kind="route_table", id=node.subnet_id, role="route", scope=node.scope)
    return Move(to=to, packet=onward, guards=(*groups, acl))


def _remembered(place: Place, packet: Packet) -> Translation | None:
    """What this node did to the request that the packet answers."""
    if packet.direction != "reply":
        return None
    mine = (t for t in packet.translations if t.place.kind == "load_balancer" and t.place.id == place.id)
    return next((t for t in mine if t.after.reply() == packet.flow), None)


def _shown(handling: Handling, ping: bool) -> str:
    if handling.listener == "answers" or (ping and handling.balancer and handling.balancer.type == "application"):
        return "answers by itself"
    return ", ".join(dict.fromkeys(f"{goal.target} ({goal.address}:{goal.port})" for goal in handling.goals))
