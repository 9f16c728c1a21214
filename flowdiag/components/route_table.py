"""Route tables: met when a packet leaves its subnet; the route that wins says where to.

https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
"""

from __future__ import annotations

from typing import Any

from flowdiag.address import closest
from flowdiag.component import Component, View
from flowdiag.model import Address, Evidence, Move, Observation, Packet, Place, Query, Unread


class RouteTableComponent(Component):
    """The route table of a subnet; `place.id` is the subnet."""

    kind = "route_table"

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Which route wins, and whether it is in a state to carry anything."""
        table = table_of(place, packet, view)
        if not table:
            inputs = {"route": "unknown", "state": "unknown", "tie": "no", "return to sender": "no"}
            words = {"guard": f"the route table of {place.id}", "destination": str(packet.flow.destination)}
            return Observation(
                table="route_table", inputs=inputs, words=words, resource=place.id, name=place.id, detail="was not read"
            )
        choice = table.choose(packet.flow.destination, view)
        returned = choice.route is None and not choice.divided and bool(_sender_peering(packet))
        return Observation(
            table="route_table",
            inputs={
                "route": choice.answer,
                "state": choice.state,
                "tie": "yes" if choice.tie else "no",
                "return to sender": "yes" if returned else "no",
            },
            words=_words(table, choice, packet),
            resource=table.id,
            name=table.name,
            detail=choice.detail,
            near_miss=_near(table, choice, packet.flow.destination),
            evidence=(
                Evidence(
                    where=table.id,
                    text=choice.undecided
                    if choice.divided
                    else str(choice.route)
                    if choice.route
                    else f"no route covers {packet.flow.destination}",
                ),
            ),
            fix={
                "table": table.id,
                "destination": str(packet.flow.destination),
                "route": choice.route.destination if choice.route else "",
            },
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To the target of the winning route; where none carries, on as if one did, and a blackhole as if its target worked."""
        table = table_of(place, packet, view)
        if not table:
            return ()
        choice = table.choose(packet.flow.destination, view)
        if choice.undecided or choice.tie:
            return ()
        if choice.route and choice.route.state in ("active", ""):
            return (Move(to=_target(choice.route.target, table), packet=packet.but(vpc=table.vpc_id)),)
        if choice.route is None and (peering := _sender_peering(packet)):
            return (Move(to=Place(kind="vpc_peering", id=peering, role="cross", scope=table.scope), packet=packet),)
        if choice.route is not None and choice.route.state != "blackhole":
            return ()
        lost = choice.route.target if choice.route else ""
        to = _target(lost, table) if lost else Place(kind="dead_end", id=table.id, scope=table.scope)
        return (Move(to=to, packet=packet.but(vpc=table.vpc_id), as_if=bool(lost), detour=True),)


def table_of(place: Place, packet: Packet, view: View) -> Any:
    """The subnet's own table, else the VPC's main one (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html)."""
    if place.id.startswith("rtb-"):
        return view.get("route_table", place.id, place.scope)
    own = view.find("route_table", "subnet", place.id, place.scope)
    main = view.find("route_table", "main", packet.vpc, place.scope)
    if isinstance(own, Unread):
        return own
    if len(own or main or ()) > 1:
        query = Query(kind="route_table", by="subnet", value=place.id, scope=place.scope)
        claim = f"{' and '.join(t.id for t in own or main)} both claim to be it"
        return view.lack(Unread(query=query, reason=claim, retry=False))
    if own:
        return own[0]
    return main[0] if main else main or None


def _words(table: Any, choice: Any, packet: Packet) -> dict[str, str]:
    return {
        "guard": table.name,
        "destination": str(packet.flow.destination),
        "route": str(choice.route) if choice.route else "",
        "lists": choice.undecided,
    }


def _near(table: Any, choice: Any, target: Address) -> str:
    """What a missing route or a blackhole leaves to look at: the nearest route, or the usable one that it beats."""
    if choice.undecided or choice.tie:
        return ""
    if choice.route:
        return f"beats {choice.beaten}" if choice.beaten and choice.state == "blackhole" else ""
    nearest = closest((route.destination for route in table.routes), target)
    return next((f"nearest route: {route}" for route in table.routes if nearest and route.destination == nearest), "")


def _target(target: str, table: Any) -> Place:
    if target == "local":
        return Place(kind="vpc", id=table.vpc_id, role="deliver", scope=table.scope)
    return Place(kind="route_target", id=target, scope=table.scope)


def _sender_peering(packet: Packet) -> str:
    """The peering by which a NAT gateway's request came into this VPC: its replies return that way even without a route.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
    """
    nat = packet.flow.destination
    translated = any(t.place.kind == "nat_gateway" and t.after.source == nat for t in packet.translations)
    if packet.direction != "reply" or not translated:
        return ""
    came = (c.by for c in packet.crossed if c.peering and c.source == nat and (c.vpc, c.direction) == (packet.vpc, "request"))
    return next(came, "")
