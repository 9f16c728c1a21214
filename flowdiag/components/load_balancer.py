"""Nodes of load balancers: one takes a packet up, sends it to one of the targets, and brings the answer back to the client.

What it chooses is told by the load balancer itself: `elastic_load_balancer` (Application, Network), `classic_load_balancer`.
https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html
"""

from __future__ import annotations

from typing import Any

from flowdiag.address import address
from flowdiag.balancing import Goal, Handling
from flowdiag.component import Component, View, neighbours, taken_back
from flowdiag.detour import unserved
from flowdiag.model import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Address,
    Evidence,
    Move,
    Observation,
    Packet,
    Place,
    PortRange,
    Translation,
    Unread,
)

NODE_PORTS = PortRange(first=1024, last=65535)
# Roles of a node beside that of taking a packet up from its own network interface.
RETURN, LOOP, ANSWER, PRIVATE_LINK = "return", "loop", "answer", "private link"
OUT_OF_REACH = ("other zone", "unused", "zone off", "none in service")


class LoadBalancerComponent(Component):
    """A node of a load balancer; `place.id` is its network interface."""

    kind = "load_balancer"
    traffic_paths = ("1",)
    interface_types = ("network_load_balancer", "load_balancer")
    connections = "own"

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """A reply that the network itself brings back crosses the border of the node's subnet; what comes over PrivateLink
        meets the node's security groups unless that is turned off. No network ACL is known to stand there."""
        node = view.get("network_interface", place.id, place.scope)
        if not node or place.role not in (RETURN, PRIVATE_LINK):
            return ()
        if place.role == RETURN:
            acl = Place(kind="network_acl", id=node.subnet_id, role="inbound", scope=node.scope)
            return () if packet.subnet == node.subnet_id else (acl,)
        balancer = _balancer(node, view)
        enforced = bool(node.groups) and balancer and balancer.guards_private_link()
        return (Place(kind="security_group", id=node.id, role="ingress", scope=node.scope),) if enforced else ()

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether a listener takes the packet, and whether there is a target to send it to."""
        node = view.get("network_interface", place.id, place.scope)
        known, balancer = _remembered(place, packet), _balancer(node, view)
        kind = _packet(place, packet)
        handling = _handling(balancer, node, place, packet, view)
        own, ports = _own_target(balancer, packet, view) if kind == "own" else ("unknown", "")
        name = balancer.name if balancer else place.id
        ping = packet.flow.protocol in (ICMP, ICMPV6)
        shown = f"{packet.flow.source} → {known.before.destination}" if known else _shown(balancer, handling, ping)
        shown = f"a connection of its own to {packet.flow.destination}" if kind == "own" else shown
        near = "" if ping or handling.listener != "no" else f"listeners: {handling.said or 'none'}"
        return Observation(
            table="load_balancer",
            inputs={
                "packet": kind,
                "balancer": balancer.word if balancer else "unknown",
                "ping": "yes" if ping else "no",
                "listener": handling.listener,
                "targets": handling.targets,
                "own target": own,
            },
            words={
                "balancer": name,
                "flow": packet.flow.service(),
                "state": balancer.at if balancer else "",
                "target": str(packet.flow.destination),
                "listeners": handling.said or ports or "none",
            },
            resource=balancer.id if balancer else place.id,
            name=name,
            detail=shown,
            near_miss=near,
            evidence=tuple(Evidence(where=place.id, text=text) for text in _evidence(handling, shown, packet)),
            idle_timeout=handling.idle,
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To every target that may be chosen, as if to those that are out of use or reach where there are no others; a reply back
        to the client that the node remembers. Without any, or without a listener, on as if the node had an answer."""
        node = view.get("network_interface", place.id, place.scope)
        known = _remembered(place, packet)
        if not node or place.role in (LOOP, ANSWER):
            return ()
        if known:
            return (_turned_back(node, known, packet, view),)
        if packet.direction == "reply":
            return ()
        if _is_own(place, packet):
            return (_out_of(node, packet, view),)
        balancer = _balancer(node, view)
        handling = _handling(balancer, node, place, packet, view)
        if handling.listener == "yes" and handling.targets in ("some", "unhealthy"):
            moves = [_to_goal(goal, node, balancer, place, packet, view) for goal in handling.goals]
            if handling.answers:
                moves.append(Move(to=place.model_copy(update={"role": ANSWER}), packet=packet))
            return tuple(move.model_copy(update={"guess": handling.guess}) for move in moves)
        if handling.targets in OUT_OF_REACH and handling.beyond:
            moves = [_to_goal(goal, node, balancer, place, packet, view) for goal in handling.beyond]
            return tuple(move.model_copy(update={"guess": handling.guess, "as_if": True}) for move in moves)
        if place.role == PRIVATE_LINK or not _could_serve(balancer, handling, packet):
            return ()
        return (unserved(place.id, place.scope, packet),)

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """The load balancer with its listeners, and the target groups with their targets."""
        balancer = _balancer(view.get("network_interface", place.id, place.scope), view)
        if balancer:
            balancer.foresee(view)


# ---------------------------------------------------------------- what a node does with a packet


def _balancer(node: Any, view: View) -> Any:
    """The load balancer that an interface belongs to, by its description: `ELB net/name/id`, of a Classic one `ELB name`."""
    path = node.description.removeprefix("ELB ") if node else ""
    parts = path.split("/")
    if len(parts) != 3:
        return view.get("classic_load_balancer", path, node.scope) if path and len(parts) == 1 else None
    found = view.find("load_balancer", "name", parts[1], node.scope)
    return found if isinstance(found, Unread) else next((b for b in found if b.id.endswith(path)), None)


def _packet(place: Place, packet: Packet) -> str:
    """What comes here: a request, one that would go back to its sender, one the node itself opens, or a reply."""
    if packet.direction == "reply":
        return "reply"
    return "loop" if place.role == LOOP else "own" if _is_own(place, packet) else "request"


def _is_own(place: Place, packet: Packet) -> bool:
    return packet.origin == place.id


def _handling(balancer: Any, node: Any, place: Place, packet: Packet, view: View) -> Handling:
    if not balancer or _packet(place, packet) != "request":
        return Handling()
    if place.role == ANSWER:
        return Handling("answers", answers=True)
    found = balancer.handle(node, packet, view, place.role != PRIVATE_LINK)
    return found if isinstance(found, Handling) else Handling()


def _could_serve(balancer: Any, handling: Handling, packet: Packet) -> bool:
    """Whether a listener or a target is all that lacks, of a kind that this load balancer can have."""
    lacks = handling.listener in ("no", "other port") or handling.targets in ("empty", *OUT_OF_REACH)
    spoken = (TCP, UDP) if balancer and balancer.word == "network" else (TCP,)
    return lacks and packet.flow.protocol in spoken


def _own_target(balancer: Any, packet: Packet, view: View) -> tuple[str, str]:
    """Whether the node would ask there of its own accord, and at which ports: only targets, at the ports of requests and of
    health checks: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html"""
    asked = balancer.asked_at(view) if balancer else None
    if asked is None:
        return "unknown", ""
    ports = sorted({port for where, several in asked if where == packet.flow.destination for port in several})
    if not ports:
        return "no", ""
    own = packet.flow.destination_ports
    return ("yes" if own is None or own.first in ports else "other port"), " and ".join(map(str, ports))


def _shown(balancer: Any, handling: Handling, ping: bool) -> str:
    if handling.listener == "answers" or (ping and balancer and balancer.word == "application"):
        return "answers by itself"
    listed = ", ".join(dict.fromkeys(f"{goal.target} ({_where(goal)})" for goal in handling.goals))
    return f"none is healthy: {listed}" if handling.targets == "unhealthy" else listed


def _where(goal: Any) -> str:
    """Where a target is asked, and what AWS holds against it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
    """
    return f"{goal.address}:{goal.port}" + (f", {goal.reason}" if goal.reason else "")


def _evidence(handling: Handling, shown: str, packet: Packet) -> tuple[str, ...]:
    listener = f"listener {handling.said}" if handling.said and handling.listener in ("yes", "answers") else ""
    idle = f"idle timeout {handling.idle} s" if handling.idle is not None else ""
    return (shown or packet.flow.service(), *(text for text in (listener, idle) if text))


# ---------------------------------------------------------------- on and back


def _to_goal(goal: Goal, node: Any, balancer: Any, place: Place, packet: Packet, view: View) -> Move:
    """The request as the target sees it: its own address and port, and the client's or the node's address.

    Where it is the client's, rules of the target's groups cannot name the client's group, only that of the load balancer:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-register-targets.html
    A client that is the target itself does not take its own packet back:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-troubleshooting.html#loopback-timeout
    """
    flow = packet.flow.rewritten(destination=goal.address, destination_ports=PortRange(first=goal.port, last=goal.port))
    kept = goal.preserved
    if kept and goal.address == packet.flow.source:
        return Move(to=place.model_copy(update={"role": LOOP}), packet=packet)
    if not kept:
        flow = flow.rewritten(source=_own_address(node, goal.address.version), source_ports=NODE_PORTS)
    back = Place(kind="load_balancer", id=node.id, role=RETURN, scope=node.scope) if kept else None
    noted = Translation(place=place, before=packet.flow, after=flow, vpc=node.vpc_id, returns=back)
    seen = {"sender": None, "proxy": node.id, "lost": packet.lost or node.id} if kept else {"sender": node.id, "proxy": None}
    onward = packet.but(flow=flow, receiver=None, translations=(*packet.translations, noted), **seen)
    return _out_of(node, onward, view, everywhere=balancer.word == "classic")


def _turned_back(node: Any, known: Translation, packet: Packet, view: View) -> Move:
    """The answer on its way to the client; one that came over PrivateLink leaves by the endpoint that took it up."""
    turned = packet.but(flow=known.before.reply(), sender=node.id)
    door = next((t for t in packet.translations if known.place.role == PRIVATE_LINK and t.after == known.before), None)
    if door is None:
        return _out_of(node, turned, view)
    to = Place(kind="network_interface", id=door.place.id, role="leave", scope=door.place.scope)
    back = turned.but(flow=door.before.reply(), sender=door.place.id, subnet="", vpc=door.vpc, scope=door.place.scope)
    return Move(to=to, packet=back)


def _out_of(node: Any, packet: Packet, view: View, everywhere: bool = False) -> Move:
    """Out of a node's interface: into its own subnet directly, else over the subnet's border by its route table.

    A Classic Load Balancer's requests meet the outbound rules of its network ACL `everywhere`, inside its subnet too:
    https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html
    """
    onward = packet.but(subnet=node.subnet_id, vpc=node.vpc_id, scope=node.scope)
    groups = () if node.bare else (Place(kind="security_group", id=node.id, role="egress", scope=node.scope),)
    acl = Place(kind="network_acl", id=node.subnet_id, role="outbound", scope=node.scope)
    taken = taken_back(packet)
    if taken and taken.returns:
        other = view.get("network_interface", taken.returns.id, taken.returns.scope)
        crossing = () if other and other.subnet_id == node.subnet_id else (acl,)
        return Move(to=taken.returns, packet=onward, guards=(*groups, *crossing))
    if neighbours(node.subnet_id, node.vpc_id, packet.flow.destination, node.scope, view):
        to = Place(kind="vpc", id=node.vpc_id, role="deliver", scope=node.scope)
        return Move(to=to, packet=onward, guards=(*groups, *((acl,) if everywhere else ())))
    to = Place(kind="route_table", id=node.subnet_id, role="route", scope=node.scope)
    return Move(to=to, packet=onward, guards=(*groups, acl))


def _own_address(node: Any, version: int) -> Address | None:
    return next((own for text in node.addresses if (own := address(text)) and own.version == version), None)


def _remembered(place: Place, packet: Packet) -> Translation | None:
    """What this node did to the request that the packet answers."""
    if packet.direction != "reply":
        return None
    mine = (t for t in packet.translations if t.place.kind == "load_balancer" and t.place.id == place.id)
    return next((t for t in mine if t.after.reply() == packet.flow), None)
