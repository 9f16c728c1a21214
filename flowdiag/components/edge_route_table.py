"""Edge route tables: what comes into a VPC by its internet or virtual private gateway may meet an appliance first.

https://docs.aws.amazon.com/vpc/latest/userguide/gateway-route-tables.html
"""

from __future__ import annotations

from typing import Any

from flowdiag.component import Component, View
from flowdiag.model import Evidence, Move, Observation, Packet, Place, Unread

NEEDS_PUBLIC = "igw-"


class EdgeRouteTableComponent(Component):
    """The route table of a gateway: `place.id` is the table, `place.role` the gateway by which the packet came in."""

    kind = "edge_route_table"

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Which route wins, and whether the appliance it leads to can take traffic of this gateway."""
        table = view.get("route_table", place.id, place.scope)
        choice = table.choose(packet.flow.destination, view) if table else None
        target = choice.route.target if choice and choice.route else ""
        text = choice.detail if choice else ""
        name = table.name if table else place.id
        return Observation(
            table="edge_route_table",
            inputs={
                "route": "unknown" if not choice or choice.tie or choice.undecided else choice.state,
                "appliance": _appliance(target, place, packet, view),
            },
            words={
                "table": name,
                "gateway": place.role,
                "destination": str(packet.flow.destination),
                "route": text,
                "appliance": view.named("network_interface", target, place.scope) if target else "",
            },
            resource=place.id,
            name=name,
            detail=text,
            evidence=(Evidence(where=place.id, text=text or f"no route covers {packet.flow.destination}"),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To the VPC's own router, or to the appliance or endpoint that the winning route names."""
        table = view.get("route_table", place.id, place.scope)
        choice = table.choose(packet.flow.destination, view) if table else None
        if not choice or choice.tie or choice.undecided:
            return ()
        if choice.state == "blackhole":
            return (Move(to=Place(kind="dead_end", id=place.id, scope=place.scope), packet=packet, detour=True),)
        if choice.state != "active":
            return ()
        target = choice.route.target
        if target == "local":
            return (Move(to=Place(kind="vpc", id=table.vpc_id, role="deliver", scope=place.scope), packet=packet),)
        return (Move(to=Place(kind="route_target", id=target, scope=place.scope), packet=packet),)


def _appliance(target: str, place: Place, packet: Packet, view: View) -> str:
    """Whether the interface of the route has a public address, which traffic of an internet gateway takes for granted.

    AWS says so without a word on IPv6; a global IPv6 address is taken to be as good.
    """
    if not target.startswith("eni-") or not place.role.startswith(NEEDS_PUBLIC):
        return "none"
    interface: Any = view.get("network_interface", target, place.scope)
    if isinstance(interface, Unread):
        return "unknown"
    if interface is None:  # the interface itself says that it is gone
        return "none"
    public = interface.public or (packet.flow.version == 6 and interface.ipv6_addresses)
    return "public" if public else "private"
