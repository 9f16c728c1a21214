"""A missing or dead route → one route to the gateway through which the walk went on as if there were one.

https://docs.aws.amazon.com/vpc/latest/userguide/WorkWithRouteTables.html
"""

from __future__ import annotations

import re
from typing import Any

from flowdiag.address import network
from flowdiag.components import components
from flowdiag.model import GUARDS, Change, Packet, Place
from flowdiag.openings.blocker import Blocker
from flowdiag.snapshot import Snapshot


def change(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """A route to the gateway through which the walk went on as if there were one, unless that one drops the packet."""
    table = snapshot.get("route_table", blocker.finding.resource, blocker.place.scope)
    hop = next((hop for hop in blocker.hops[blocker.at + 1 :] if hop.place.kind not in GUARDS), None)
    if not table or hop is None or not _leads_on(hop.place):
        return "no gateway is known that could carry it"
    if hop.finding and hop.finding.verdict == "blocked":
        return hop.finding.headline
    dead = blocker.finding.fix.get("route", "")
    if any(route.destination == dead and route.state == "blackhole" and route.target == hop.place.id for route in table.routes):
        return f"AWS shows it as a blackhole although {hop.name} seems to work: read both again"
    if hop.place.kind == "vpc":
        return _undo_blackhole(blocker, table, dead, snapshot)
    if hop.place.kind == "nat_gateway" and _serves_itself(table, hop.place, snapshot):
        return f"{hop.name} is routed by the same table, so a route to it would run in a circle"
    return _towards(hop.place, blocker, table, dead, snapshot)


def _leads_on(place: Place) -> bool:
    """Whether a route can name it; the last word on a packet that arrived elsewhere stands at no component."""
    component = components().get(place.kind)
    return place.kind == "vpc" or bool(component and component.route_field)


def _towards(onward: Place, blocker: Blocker, table: Any, dead: str, snapshot: Snapshot) -> Change | str:
    """A new route, or the blackhole led elsewhere where it would win over a new one."""
    wanted = _destination(blocker, table, onward, snapshot)
    raw = next((r for r in table.routes if dead and r.destination == dead and r.state == "blackhole"), None)
    if onward.kind == "vpc_endpoint" and not (raw and raw.destination_prefix_list_id):
        return _associate(blocker, table, wanted, onward)
    if raw is None or not _as_narrow(dead, wanted):
        return _route_change(blocker, table, "create-route", wanted, onward)
    if raw.gateway_id.startswith("vpce-") and raw.destination_prefix_list_id:
        return "a route of a gateway endpoint cannot be edited"
    static = raw.origin != "EnableVgwRoutePropagation"  # a propagated route cannot be replaced, but loses to a static one
    return _route_change(blocker, table, "replace-route" if static else "create-route", dead, onward)


def _associate(blocker: Blocker, table: Any, listed: str, endpoint: Place) -> Change:
    """A gateway endpoint makes its own route in every table it is associated with.

    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    """
    words = ["modify-vpc-endpoint", "--vpc-endpoint-id", endpoint.id, "--add-route-table-ids", table.id]
    route = {"DestinationPrefixListId": listed, "GatewayId": endpoint.id, "Origin": "CreateRoute", "State": "active"}
    return Change(
        summary=f"associate {endpoint.id} with {_shared_by(blocker, table)}",
        command=blocker.command(words, table),
        kind="route_table",
        resource=table.id,
        scope=table.scope,
        patch={"list": "Routes", "add": route},
    )


def _destination(blocker: Blocker, table: Any, onward: Place, snapshot: Snapshot) -> str:
    """What the gateway offers to carry: the peer VPC's CIDR that holds the address, everything where it leads to the internet."""
    target = blocker.flow.destination
    packet = Packet(flow=blocker.flow, vpc=table.vpc_id, scope=table.scope)
    offered = components()[onward.kind].offers(packet, table.scope, snapshot.view())
    return next((offer.cidr for offer in offered if offer.place.id == onward.id), f"{target}/{target.max_prefixlen}")


def _as_narrow(dead: str, wanted: str) -> bool:
    """Whether the blackhole is inside what a new route would be for: then it wins over that, and must itself be replaced."""
    inner, outer = network(dead), network(wanted)
    return inner is None or outer is None or inner.prefixlen >= outer.prefixlen


def _serves_itself(table: Any, nat: Place, snapshot: Snapshot) -> bool:
    gateway = snapshot.get("nat_gateway", nat.id, nat.scope)
    own = snapshot.find("route_table", "subnet", gateway.subnet_id, gateway.scope) if gateway else ()
    return own[0].id == table.id if own else _is_main(table)


def _is_main(table: Any) -> bool:
    return any(association.main for association in table.associations)


def _undo_blackhole(blocker: Blocker, table: Any, dead: str, snapshot: Snapshot) -> Change | str:
    """Inside the VPC the local route carries everything; a blackhole before it goes, one in its place is turned back.

    https://docs.aws.amazon.com/vpc/latest/userguide/replace-local-route-target.html
    """
    vpc = snapshot.get("vpc", table.vpc_id, table.scope)
    if not dead or not vpc:
        return "the VPC's local route is missing from what was read"
    return _route_change(blocker, table, "replace-route" if dead in vpc.cidrs else "delete-route", dead, None)


def _route_change(blocker: Blocker, table: Any, verb: str, destination: str, onward: Place | None) -> Change:
    """The change of one route; without a gateway it leads to `local`."""
    key, flag = _destination_key(destination)
    field = components()[onward.kind].route_field if onward else "GatewayId"
    option = "-" + re.sub("(?=[A-Z])", "-", field).lower() if onward else "--local-target"
    target = onward.id if onward else "local"
    words = [verb, "--route-table-id", table.id, flag, destination]
    deletes = verb == "delete-route"
    route = {key: destination, field: target, "Origin": "CreateRoute", "State": "active"}
    return Change(
        summary=_route_summary(blocker, table, verb, destination, target),
        command=blocker.command(words if deletes else [*words, option, *([target] if onward else [])], table),
        kind="route_table",
        resource=table.id,
        scope=table.scope,
        patch={
            "list": "Routes",
            **({} if deletes else {"add": route}),
            **({} if verb == "create-route" else {"drop": {key: destination, "State": "blackhole"}}),
        },
    )


def _destination_key(destination: str) -> tuple[str, str]:
    if destination.startswith("pl-"):
        return "DestinationPrefixListId", "--destination-prefix-list-id"
    if ":" in destination:
        return "DestinationIpv6CidrBlock", "--destination-ipv6-cidr-block"
    return "DestinationCidrBlock", "--destination-cidr-block"


def _route_summary(blocker: Blocker, table: Any, verb: str, destination: str, target: str) -> str:
    where = _shared_by(blocker, table)
    if verb == "delete-route":
        return f"remove the blackhole route {destination} from {where}"
    return f"route {destination} → {target} in {where}" + (", in place of the blackhole" if verb == "replace-route" else "")


def _shared_by(blocker: Blocker, table: Any) -> str:
    """The name of a table, with a word of warning where other subnets use it too."""
    named = blocker.named(table)
    shared = _is_main(table) and all(association.subnet_id != blocker.place.id for association in table.associations)
    return f"{named} (the main table, which every subnet without one of its own shares)" if shared else named
