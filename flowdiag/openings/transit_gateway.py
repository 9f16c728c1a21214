"""A transit gateway that knows no way → an association of the attachment, a propagation into its table, or a static route.

https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html
"""

from __future__ import annotations

from typing import Any

from flowdiag.address import holds, network
from flowdiag.detour import PEERINGS, home_cidr
from flowdiag.model import GUARDS, Change, Packet, Scope
from flowdiag.openings.blocker import Blocker
from flowdiag.snapshot import Snapshot

STATIC = ("vpc", "vpn", *PEERINGS)  # https://docs.aws.amazon.com/vpc/latest/tgw/tgw-create-static-route.html


def change(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """The sender's subnet where its zone is not covered; an association where the attachment has none; else a propagation, or a
    static route, to where the destination is."""
    saw = blocker.finding.inputs
    if saw["zone"] == "uncovered":
        return _cover(blocker, snapshot)
    if saw["attachment"] != "yes" or saw["zone"] != "covered":
        return ""
    if saw["association"] == "no":
        return _associate(blocker, snapshot)
    return _lead_on(blocker, snapshot) if saw["route"] in ("none", "blackhole") else ""


# ---------------------------------------------------------------- zone and association


def _cover(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """The sender's own subnet as one of the attachment's: any subnet of a zone opens it for the whole zone.

    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
    """
    own = snapshot.get("transit_gateway_vpc_attachment", blocker.finding.fix["attachment"], blocker.place.scope)
    subnet = snapshot.get("subnet", blocker.finding.fix["subnet"], blocker.place.scope)
    if not own or not subnet:
        return "its attachment or the sender's subnet was not read"
    words = ["modify-transit-gateway-vpc-attachment", "--transit-gateway-attachment-id", own.id, "--add-subnet-ids", subnet.id]
    return Change(
        summary=f"add {blocker.named(subnet)} ({subnet.availability_zone}) to {blocker.named(own)} of {blocker.finding.name}",
        command=blocker.command(words, own),
        kind=own.kind,
        resource=own.id,
        scope=own.scope,
        patch={"list": "SubnetIds", "add": [subnet.id]},
    )


def _associate(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """With the table that attachments get by default, or that all others have.

    https://docs.aws.amazon.com/vpc/latest/tgw/associate-tgw-route-table.html
    """
    side = _side(blocker.finding.fix["attachment"], blocker, snapshot)
    own = snapshot.get("transit_gateway_attachment", side.id, side.scope) if side else None
    if not own or own.transit_gateway_id != blocker.place.id:  # in one account both sides of a peering have the same id
        return "its attachment is not told from that of the other side"
    tables = _usual_tables(own, blocker, snapshot)
    if len(tables) != 1:
        listed = ", ".join(tables) or "none"
        return f"which route table is meant is not to be seen: those of its other attachments are {listed}"
    words = ["associate-transit-gateway-route-table", "--transit-gateway-route-table-id", tables[0]]
    return Change(
        summary=f"associate {_named(own, blocker)} with {tables[0]} of {blocker.finding.name}",
        command=blocker.command([*words, "--transit-gateway-attachment-id", own.id], own),
        kind=own.kind,
        resource=own.id,
        scope=own.scope,
        patch={"set": {"Association": {"TransitGatewayRouteTableId": tables[0], "State": "associated"}}},
    )


def _usual_tables(own: Any, blocker: Blocker, snapshot: Snapshot) -> list[str]:
    gateway = snapshot.get("transit_gateway", blocker.place.id, own.scope)
    usual = gateway.options if gateway else None
    if usual and usual.default_route_table_association == "enable" and usual.association_default_route_table_id:
        return [usual.association_default_route_table_id]
    sides = snapshot.find("transit_gateway_side", "gateway", blocker.place.id, own.scope) or ()
    return sorted({side.table for side in sides if side.alive and side.table})


# ---------------------------------------------------------------- propagation and routes


def _lead_on(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """To the one attachment by which the walk went on as if a route led there, unless what is behind it carries nothing."""
    towards = blocker.finding.fix["towards"].split()
    if len(towards) != 1:
        return f"several attachments may lead there: {', '.join(towards)}" if towards else "no attachment is known to lead there"
    near = _side(blocker.finding.fix["attachment"], blocker, snapshot)
    far = _side(towards[0], blocker, snapshot)
    table = snapshot.get("transit_gateway_routes", near.table, near.scope) if near else None
    if not table or not far:
        return "its attachments were not read"
    behind = next((hop for hop in blocker.hops[blocker.at + 1 :] if hop.place.kind not in GUARDS), None)
    if behind and behind.place.kind != "route_table" and behind.finding and behind.finding.verdict == "blocked":
        return behind.finding.headline
    spread = _spread(far, snapshot) if far.resource_type == "vpc" and blocker.finding.inputs["route"] == "none" else []
    if any(holds(cidr, blocker.flow.destination) for cidr in spread) and not _clashes(spread, far, table, snapshot):
        return _propagate(spread, far, table, blocker)
    if far.resource_type not in STATIC or _learns(far, snapshot):
        return f"{far.id} propagates what it is told by BGP, which is not shown"
    return _route(far, table, blocker, snapshot)


def _learns(far: Any, snapshot: Snapshot) -> bool:
    """Whether the routes of an attachment come by BGP, beside which AWS warns of static ones."""
    own = far.resource_id.partition("(")[0].strip()
    connection = snapshot.get("vpn_connection", own, far.scope) if far.resource_type == "vpn" and own else None
    return far.resource_type == "vpn" and not (connection and connection.options.static_routes_only)


def _spread(far: Any, snapshot: Snapshot) -> list[str]:
    """What a VPC propagates: all its CIDRs, those of IPv6 where its attachment supports IPv6.

    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
    """
    attachment = snapshot.get("transit_gateway_vpc_attachment", far.id, _home(far))
    six = bool(attachment) and attachment.options.ipv6_support == "enable"
    return [cidr for cidr in _cidrs(far, snapshot) if six or ":" not in cidr]


def _clashes(spread: list[str], far: Any, table: Any, snapshot: Snapshot) -> bool:
    """Whether it may not work as it should: a VPC that overlaps one attached before does not propagate, and beside routes of
    the table that overlap nobody can say what else changes.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTransitGatewayVpcAttachment.html
    """
    sides = snapshot.find("transit_gateway_side", "gateway", far.transit_gateway_id, far.scope) or ()
    others = [side for side in sides if side.alive and side.resource_type == "vpc" and side.id != far.id]
    taken = [cidr for side in others for cidr in _cidrs(side, snapshot)]
    known = [outer for route in table.routes if (outer := network(route.destination_cidr_block)) and outer.prefixlen]
    known += [outer for cidr in taken if (outer := network(cidr))]
    own = [inner for cidr in spread if (inner := network(cidr))]
    return any(one.version == other.version and one.overlaps(other) for one in own for other in known)


def _cidrs(side: Any, snapshot: Snapshot) -> tuple[str, ...]:
    vpc = snapshot.get("vpc", side.resource_id, _home(side))
    return tuple(vpc.cidrs) if vpc else ()


def _home(side: Any) -> Scope:
    """Where the owner of what is attached reads."""
    return Scope(account=side.resource_owner_id or side.scope.account, region=side.scope.region)


def _propagate(spread: list[str], far: Any, table: Any, blocker: Blocker) -> Change:
    """https://docs.aws.amazon.com/vpc/latest/tgw/enable-tgw-route-propagation.html"""
    words = ["enable-transit-gateway-route-table-propagation", "--transit-gateway-route-table-id", table.id]
    return Change(
        summary=f"propagate {_named(far, blocker)} into {table.id} of {blocker.finding.name}",
        command=blocker.command([*words, "--transit-gateway-attachment-id", far.id], table),
        kind="transit_gateway_routes",
        resource=table.id,
        scope=table.scope,
        patch={"list": "Routes", "add": [_entry(cidr, far, "propagated") for cidr in spread]},
    )


def _route(far: Any, table: Any, blocker: Blocker, snapshot: Snapshot) -> Change:
    """A static route, or the blackhole led on where it would win over a new one.

    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-create-static-route.html
    """
    wanted, dead = _wanted(blocker, snapshot), blocker.finding.fix["route"]
    known = next((r for r in table.routes if dead and r.destination_cidr_block == dead and r.state == "blackhole"), None)
    narrow = known is not None and _within(dead, wanted)
    replaces = narrow and known is not None and known.type == "static"
    cidr = dead if narrow else wanted
    verb = "replace-transit-gateway-route" if replaces else "create-transit-gateway-route"
    words = [verb, "--destination-cidr-block", cidr, "--transit-gateway-route-table-id", table.id]
    instead = ", in place of the blackhole" if replaces else ""
    return Change(
        summary=f"route {cidr} → {_named(far, blocker)} in {table.id} of {blocker.finding.name}{instead}",
        command=blocker.command([*words, "--transit-gateway-attachment-id", far.id], table),
        kind="transit_gateway_routes",
        resource=table.id,
        scope=table.scope,
        patch={
            "list": "Routes",
            "add": _entry(cidr, far, "static"),
            **({"drop": {"DestinationCidrBlock": cidr, "State": "blackhole"}} if replaces else {}),
        },
    )


def _wanted(blocker: Blocker, snapshot: Snapshot) -> str:
    """What a route is for: the CIDR of the VPC that holds the destination, else what the VPC in front sends by the gateway.

    One address alone where neither is known, or where a prefix list's blackhole is in the way, which only that surely beats.
    """
    target = blocker.flow.destination
    alone = f"{target}/{target.max_prefixlen}"
    if blocker.finding.inputs["route"] == "blackhole" and not blocker.finding.fix["route"]:
        return alone
    own = home_cidr(Packet(flow=blocker.flow), snapshot.view())
    outer = network(blocker.sent) if blocker.sent else None
    return own or (blocker.sent if outer and outer.prefixlen else alone)


def _within(inner: str, outer: str) -> bool:
    one, other = network(inner), network(outer)
    return one is not None and other is not None and one.prefixlen >= other.prefixlen


def _entry(cidr: str, far: Any, type: str) -> dict[str, Any]:
    """A route as SearchTransitGatewayRoutes shows it."""
    to = {"TransitGatewayAttachmentId": far.id, "ResourceType": far.resource_type, "ResourceId": far.resource_id}
    return {"DestinationCidrBlock": cidr, "Type": type, "State": "active", "TransitGatewayAttachments": [to]}


def _side(attachment: str, blocker: Blocker, snapshot: Snapshot) -> Any:
    """An attachment as this gateway's owner shows it."""
    found = snapshot.find("transit_gateway_side", "attachment", attachment) or ()
    sides = [side for side in found if side.transit_gateway_id == blocker.place.id]
    return next((side for side in sides if side.table), next(iter(sides), None))


def _named(side: Any, blocker: Blocker) -> str:
    return f"{blocker.named(side)} ({side.resource_id})"
