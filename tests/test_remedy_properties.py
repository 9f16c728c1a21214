"""Remedies in random networks: every verified remedy, applied, opens the flow, and none of its changes could be left out."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from proving import Pair, Peered, proved, walked
from world import World
from world_guards import Acl, Group
from world_services import TransitGateway

from flowdiag import Snapshot
from flowdiag.conclude import passes
from flowdiag.model import Change
from flowdiag.remedy import apply

PORTS = st.sampled_from([None, 5432, (5000, 6000), (1024, 65535), (40000, 50000), (32768, 60999), 22])
CIDRS = st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "10.0.1.0/24", "10.0.1.10/32", "10.0.2.20/32", "192.0.2.0/24"])
PROTOCOLS = st.sampled_from(["-1", "tcp", "udp"])
RULES = st.lists(st.tuples(PROTOCOLS, PORTS, CIDRS), max_size=2)
ACTIONS = st.sampled_from(["allow", "deny"])
DIRECTIONS = st.sampled_from(["ingress", "egress"])
ENTRIES = st.lists(
    st.tuples(ACTIONS, st.integers(2, 400), DIRECTIONS, PROTOCOLS, PORTS, CIDRS),
    max_size=6,
    unique_by=lambda entry: (entry[1], entry[2]),
)
HUBS = st.sampled_from(["propagated", "static", "missing", "blackhole", "wide blackhole", "narrow blackhole"])
ROUTES = st.sampled_from(["right", "missing", "blackhole", "wide blackhole", "narrow blackhole"])


def fill(group: Group, drawn: st.DataObject) -> None:
    """Random rules both ways in the place of the group's own."""
    for direction, key in ((group.ingress, "IpPermissions"), (group.egress, "IpPermissionsEgress")):
        group.raw[key].clear()
        for protocol, ports, cidr in drawn.draw(RULES):
            direction(protocol, ports if protocol != "-1" else None, cidr)


def spoil(acl: Acl, drawn: st.DataObject) -> None:
    """Random entries, before the ones that allow all or in their place."""
    for action, number, direction, protocol, ports, cidr in drawn.draw(ENTRIES):
        (acl.allow if action == "allow" else acl.deny)(number, direction, protocol, ports if protocol != "-1" else None, cidr)
    if drawn.draw(st.booleans()):
        acl.allow(500, "ingress").allow(500, "egress")


def lead(vpc: Any, destination: str, narrow: str, pcx: str, state: str) -> None:
    """One side's route to the other: there, missing, or hidden by a route that leads nowhere."""
    if state in ("right", "narrow blackhole"):
        vpc.route(destination, pcx)
    if state.endswith("blackhole"):
        dead = {"blackhole": destination, "wide blackhole": "10.0.0.0/8", "narrow blackhole": narrow}[state]
        vpc.route(dead, vpc.world.id("eni"), state="blackhole")


def assert_opens(snapshot: Snapshot) -> None:
    """A remedy for whatever blocks web-1 from db-1, verified, opening it, and smallest."""
    if passes(walked(snapshot, "web-1", "db-1")):
        assert () == proved(snapshot, "web-1", "db-1")
        return
    (remedy,) = proved(snapshot, "web-1", "db-1")
    assert remedy.verified, remedy.note
    assert passes(walked(made(snapshot, remedy.changes), "web-1", "db-1"))
    for change in remedy.changes:
        fewer = tuple(other for other in remedy.changes if other is not change)
        assert not passes(walked(made(snapshot, fewer), "web-1", "db-1"))


def made(snapshot: Snapshot, changes: tuple[Change, ...]) -> Snapshot:
    for change in changes:
        snapshot = apply(change, snapshot)
    return snapshot


@given(st.data())
def test_two_subnets_are_always_opened(drawn: st.DataObject):
    """Whatever the groups, network ACLs and a stray blackhole do to a flow inside a VPC, the smallest remedy opens it."""
    world = World()
    pair = Pair(world)
    fill(pair.sg_web, drawn)
    fill(pair.sg_db, drawn)
    shared = drawn.draw(st.booleans())
    for acl in (pair.vpc.default_acl,) if shared else (pair.app.acl(), pair.data.acl()):
        spoil(acl, drawn)
    if drawn.draw(st.booleans()):
        pair.app.route("10.0.2.0/24", world.id("eni"), state="blackhole")
    assert_opens(world.snapshot())


@given(st.data(), ROUTES, ROUTES, st.booleans())
def test_a_peered_pair_is_always_opened(drawn: st.DataObject, there: str, back: str, crosses: bool):
    """The same between two VPCs of one Region or two, with routes missing or leading nowhere on either side."""
    world, other = World(), World(region="eu-west-1" if crosses else "us-east-1", account="444455556666")
    pair = Peered(world, other, routes=False)
    fill(pair.sg_web, drawn)
    fill(pair.sg_db, drawn)
    spoil(pair.near.default_acl, drawn)
    lead(pair.near, "10.1.0.0/16", "10.1.2.0/24", pair.pcx, there)
    lead(pair.far, "10.0.0.0/16", "10.0.1.0/24", pair.pcx, back)
    assert_opens(world.snapshot(other))


def spread(hub: TransitGateway, cidr: str, attachment: str, vpc: Any, state: str) -> None:
    """What a transit gateway's table knows of a VPC: its propagated route or a static one, nothing, or a route that drops."""
    narrow = cidr.replace("0.0/16", "0.0/17")
    if state in ("propagated", "static", "narrow blackhole"):
        hub.route(cidr, attachment, "vpc", vpc.id, type="static" if state == "static" else "propagated")
    if state.endswith("blackhole"):
        hub.route({"blackhole": cidr, "wide blackhole": "10.0.0.0/8", "narrow blackhole": narrow}[state])


@given(st.data(), HUBS, HUBS, st.booleans(), st.booleans())
def test_a_pair_on_a_transit_gateway_is_always_opened(drawn: st.DataObject, there: str, back: str, near: bool, far: bool):
    """The same over a transit gateway, with VPC routes, its own routes and the attachments' associations missing or wrong."""
    world = World()
    pair = Peered(world, world, routes=False)
    for group in (pair.sg_web, pair.sg_db):
        fill(group, drawn)
    hub = TransitGateway(world)
    sides = [hub.attach(vpc, vpc.subnet(cidr)) for vpc, cidr in ((pair.near, "10.0.9.0/28"), (pair.far, "10.1.9.0/28"))]
    hub.table["Routes"].clear()
    spread(hub, "10.1.0.0/16", sides[1], pair.far, there)
    if not (there == back == "wide blackhole"):
        spread(hub, "10.0.0.0/16", sides[0], pair.near, back)
    for vpc, cidr in ((pair.near, "10.1.0.0/16"), (pair.far, "10.0.0.0/16")):
        if drawn.draw(st.booleans()):
            vpc.route(cidr, hub.id)
    table = hub.table["TransitGatewayRouteTableId"]
    hub.raw["Options"] |= {"DefaultRouteTableAssociation": "enable", "AssociationDefaultRouteTableId": table}
    for entry, associated in zip(world.raw()[world.account, world.region]["TransitGatewayAttachments"], (near, far), strict=True):
        if not associated:
            del entry["Association"]
    world.raw()[world.account, world.region]["VpcPeeringConnections"].clear()
    assert_opens(world.snapshot())
