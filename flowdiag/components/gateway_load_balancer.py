"""Gateway Load Balancers: hand packets, wrapped in GENEVE, to appliances, whatever stands behind the endpoint that took them up.

What an appliance does with a packet no AWS call shows; the walk goes on as if it came back unchanged, and decides nothing.
https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/gateway-load-balancers.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flowdiag.address import address
from flowdiag.balancing import Goal, Handling
from flowdiag.component import Component, View, holder, neighbours
from flowdiag.model import (
    TCP,
    UDP,
    Address,
    Evidence,
    Flow,
    Move,
    Observation,
    Packet,
    Place,
    PortRange,
    Query,
    Unread,
)

GENEVE = 6081  # https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-groups.html
NODE_PORTS = PortRange(first=1024, last=65535)
EMERGE = "emerge"  # the role of an endpoint at which a packet comes out again


@dataclass(frozen=True)
class Fleet:
    """What stands behind an endpoint: the service, the balancer with its node in the endpoint's zone, and the appliances."""

    service: Any = None
    balancer: Any = None
    node: Any = None
    zone: str = "unknown"
    handling: Handling = field(default_factory=Handling)


class GatewayLoadBalancerComponent(Component):
    """Behind an endpoint `place.id` is the service and `place.role` the endpoint; else `place.id` is a node's interface."""

    kind = "gateway_load_balancer"
    interface_types = ("gateway_load_balancer",)
    connections = "own"

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether there is an appliance to hand the packet to; of a node's own packets, whether it would send such a one."""
        node = view.get("network_interface", place.id, place.scope) if place.id.startswith("eni-") else None
        fleets = (Fleet(balancer=_balancer(node, view), node=node),) if node else _fleets(place, packet, view)
        fleet, several = fleets[0], len(fleets) > 1
        name = fleet.balancer.name if fleet.balancer else fleet.service.name if fleet.service else place.id
        goals = [f"{goal.target} ({goal.address}:{goal.port})" for one in fleets for goal in one.handling.goals]
        shown, words = ", ".join(dict.fromkeys(goals)), {one.handling.targets for one in fleets}
        idle = fleet.handling.idle
        said = (f"appliances {shown}" if shown else "", f"idle timeout {idle} s" if idle is not None else "")
        return Observation(
            table="gateway_load_balancer",
            inputs={
                "packet": _packet(place, packet, fleets, view),
                "service": "unknown" if isinstance(fleet.service, Unread) else "own" if fleet.service or node else "others",
                "balancer": "several" if several else _state(fleet),
                "zone": fleet.zone,
                "appliances": next(iter(words)) if len(words) == 1 else "mixed",
                "connection": _connection(fleet.balancer, packet, view) if node else "unknown",
            },
            words={
                "balancer": name,
                "endpoint": view.named("vpc_endpoint", place.role, place.scope),
                "service": fleet.service.name if fleet.service else place.id,
                "state": fleet.balancer.at if fleet.balancer else "not there",
                "flow": packet.flow.service(),
                "target": str(packet.flow.destination),
            },
            resource=fleet.balancer.id if fleet.balancer else place.id,
            name=name,
            detail=f"in GENEVE to {shown}" if shown else "",
            evidence=tuple(Evidence(where=place.id, text=text) for text in said if text),
            idle_timeout=idle,
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To every appliance that may get it; where none can be told, on as if it had come back unchanged."""
        if place.id.startswith("eni-"):
            node = view.get("network_interface", place.id, place.scope)
            return (_out_of(node, packet, view),) if node and packet.origin == place.id and packet.direction == "request" else ()
        unseen = packet.but(sender=None, receiver=None, proxy=None, lost=packet.lost or place.role)
        fleets = _fleets(place, packet, view)
        ways = [(goal, fleet) for fleet in fleets for goal in _known_or_all(fleet, packet, view)]
        moves = tuple(_to_appliance(goal, fleet, place, unseen, view) for goal, fleet in ways)
        guessed = tuple(move.model_copy(update={"guess": len(fleets) > 1}) for move in moves if move)
        return guessed or (_emerging(place, unseen, view),)


class ApplianceComponent(Component):
    """An appliance that got a packet in GENEVE; `place.id` is its interface, `place.role` the endpoint it comes back to."""

    kind = "appliance"

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Nothing: no AWS call shows what it does."""
        interface = view.get("network_interface", place.id, place.scope)
        name = (interface.instance or interface.name) if interface else place.id
        return Observation(
            table="appliance",
            inputs={"shown": "no"},
            words={"appliance": name, "endpoint": view.named("vpc_endpoint", place.role, place.scope)},
            resource=place.id,
            name=name,
            evidence=(Evidence(where=place.id, text=f"gets the packet by {place.role}"),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Back by the load balancer to the endpoint, as if unchanged."""
        return (_emerging(place, packet, view),)


# ---------------------------------------------------------------- what stands behind an endpoint


def _fleets(place: Place, packet: Packet, view: View) -> tuple[Fleet, ...]:
    """One for each load balancer that has a node in the endpoint's zone; one that tells what is lacking where none has."""
    service = view.get("vpc_endpoint_service", place.id, place.scope) if place.id.startswith("vpce-svc-") else None
    if not service:
        return (Fleet(service=service),)
    endpoint = view.get("vpc_endpoint", place.role, place.scope)
    subnet = view.get("subnet", next(iter(endpoint.subnet_ids), ""), endpoint.scope) if endpoint else None
    zone, nodes = service.covers(subnet), service.nodes(subnet, view)
    if nodes is None:
        return (Fleet(service, Unread(query=Query(kind="load_balancer", by="id", value=place.id)), zone=zone),)
    fleets = tuple(Fleet(service, b, node, zone, b.appliances(node, packet, view)) for b, node in nodes)
    return fleets or (Fleet(service, None, zone=zone),)


def _balancer(node: Any, view: View) -> Any:
    parts = node.description.removeprefix("ELB ").split("/")
    found = view.find("load_balancer", "name", parts[1], node.scope) if len(parts) == 3 else ()
    return found if isinstance(found, Unread) else next((b for b in found if b.id.endswith("/".join(parts))), None)


def _state(fleet: Fleet) -> str:
    if isinstance(fleet.balancer, Unread):
        return "unknown"
    return ("down" if fleet.balancer.word == "down" else "active") if fleet.balancer else "none"


def _packet(place: Place, packet: Packet, fleets: tuple[Fleet, ...], view: View) -> str:
    """A packet from an endpoint, a reply of which no appliance here saw the request, or one from or to a node itself."""
    if place.id.startswith("eni-"):
        return "reply to node" if packet.direction == "reply" else "own" if packet.origin == place.id else "to node"
    if packet.direction == "request":
        return "through"
    goals = [goal for fleet in fleets for goal in fleet.handling.goals]
    saw = [goal for fleet in fleets for goal in fleet.handling.goals if _saw(goal, fleet, packet, view)]
    return "half seen" if goals and not saw else "through"


def _saw(goal: Goal, fleet: Fleet, packet: Packet, view: View) -> bool:
    """Whether the request went by this appliance, which its security group remembers."""
    held = holder(fleet.node.vpc_id, goal.address, fleet.node.scope, view)
    return bool(held) and held.id in packet.tracked


def _known_or_all(fleet: Fleet, packet: Packet, view: View) -> tuple[Goal, ...]:
    """Both directions of a flow keep to one appliance: https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/introduction.html"""
    goals = fleet.handling.goals if fleet.handling.targets in ("some", "unhealthy") else ()
    saw = tuple(goal for goal in goals if packet.direction == "reply" and _saw(goal, fleet, packet, view))
    return saw or goals


def _connection(balancer: Any, packet: Packet, view: View) -> str:
    """Whether a node would send this of its own accord: GENEVE over UDP to an appliance, or a health check over TCP."""
    asked = balancer.asked_at(view) if balancer else None
    if asked is None:
        return "unknown"
    ports = {port for where, several in asked if where == packet.flow.destination for port in several}
    if not ports:
        return "no target"
    own = packet.flow.destination_ports
    if packet.flow.protocol == UDP:
        return "yes" if own is None or own.first == GENEVE else "other port"
    healthy = packet.flow.protocol == TCP and own is not None and own.first in ports - {GENEVE}
    return "yes" if healthy else "other protocol"


# ---------------------------------------------------------------- on and back


def _to_appliance(goal: Goal, fleet: Fleet, place: Place, packet: Packet, view: View) -> Move | None:
    """The packet in an envelope from the node to an appliance, whose security group and network ACLs see the envelope alone.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-group-register-targets.html
    """
    own = _own_address(fleet.node, goal.address.version)
    if own is None:
        return None
    ports = PortRange(first=goal.port, last=goal.port)
    envelope = Flow(source=own, destination=goal.address, protocol=UDP, source_ports=NODE_PORTS, destination_ports=ports)
    held = holder(fleet.node.vpc_id, goal.address, fleet.node.scope, view)
    back = Place(kind="appliance", id=held.id if held else str(goal.address), role=place.role, scope=place.scope)
    outer = Packet(
        flow=envelope,
        direction=packet.direction,
        sender=fleet.node.id,
        vpc=fleet.node.vpc_id,
        scope=fleet.node.scope,
        tracked=packet.tracked,
        carried=(back, packet),
    )
    return _out_of(fleet.node, outer, view)


def _out_of(node: Any, packet: Packet, view: View) -> Move:
    """Out of a node's interface, which has no security group."""
    onward = packet.but(subnet=node.subnet_id, vpc=node.vpc_id, scope=node.scope)
    if neighbours(node.subnet_id, node.vpc_id, packet.flow.destination, node.scope, view):
        return Move(to=Place(kind="vpc", id=node.vpc_id, role="deliver", scope=node.scope), packet=onward)
    acl = Place(kind="network_acl", id=node.subnet_id, role="outbound", scope=node.scope)
    to = Place(kind="route_table", id=node.subnet_id, role="route", scope=node.scope)
    return Move(to=to, packet=onward, guards=(acl,))


def _emerging(place: Place, packet: Packet, view: View) -> Move:
    view.assume(
        Query(kind="appliance", by="id", value=place.id, scope=place.scope),
        "the appliances send the packet on unchanged; no AWS call shows what they do",
    )
    to = Place(kind="vpc_endpoint", id=place.role, role=EMERGE, scope=place.scope)
    saw = () if packet.direction == "reply" or to in packet.watched else (to,)  # the answer should come back to the appliances
    return Move(to=to, packet=packet.but(watched=(*packet.watched, *saw)), as_if=True)


def _own_address(node: Any, version: int) -> Address | None:
    return next((own for text in node.addresses if (own := address(text)) and own.version == version), None)
