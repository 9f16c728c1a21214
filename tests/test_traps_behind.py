"""Traps behind a blocker: what the walk finds there is told, and decides nothing."""

from __future__ import annotations

import pytest
from scenes import Pair, ask, hubbed, peered, public_web, verdict
from world import World
from world_edges import Cloud, vpn, vpn_gateway
from world_firewall import Firewall
from world_services import TransitGateway


def dropped(world: World, cidr: str = "10.9.0.0/16"):
    """web-1 and db-1 on one transit gateway whose table does not know the one or the other."""
    hub, app, data, _, sg_db = hubbed(world)
    hub.table["Routes"][:] = [route for route in hub.table["Routes"] if route["DestinationCidrBlock"] != cidr]
    return hub, app, data, sg_db


@pytest.mark.parametrize(
    "spoil",
    [
        lambda hub, data, sg: None,
        lambda hub, data, sg: sg.raw["IpPermissions"].clear(),
        lambda hub, data, sg: data.vpc.main.raw["Routes"].pop(),
        lambda hub, data, sg: data.vpc.default_acl.raw["Entries"].clear(),
        lambda hub, data, sg: hub.table["Routes"].clear(),
    ],
    ids=["nothing", "a closed group", "no route back", "a closed network ACL", "no route of either"],
)
def test_what_stands_behind_a_blocker_is_not_the_headline(world, spoil):
    """The first obstacle on the path is what the answer begins with, whatever else there is."""
    hub, _, data, sg_db = dropped(world)
    spoil(hub, data, sg_db)
    assert ("blocked", "TG104") == verdict(ask(world, "web-1", "db-1"))


@pytest.mark.parametrize("without", ["Subnets", "SecurityGroups", "RouteTables", "NetworkAcls"])
def test_what_was_not_read_behind_a_blocker_changes_nothing(world, without):
    """The far account was not read: the near one is blocked for certain all the same."""
    other = World("444455556666")
    left, right = world.vpc("10.0.0.0/16"), other.vpc("10.9.0.0/16")
    app, data = left.subnet("10.0.1.0/24"), right.subnet("10.9.2.0/24")
    app.instance("web-1", "10.0.1.10", left.group("sg-web"))
    data.instance("db-1", "10.9.2.20", right.group("sg-db"))
    hub = TransitGateway(world)
    hub.attach(left, app)
    hub.attach(right, data)
    hub.table["Routes"].clear()
    left.route("10.9.0.0/16", hub.id)
    other.raw()[other.account, other.region][without].clear()
    assert ("blocked", "TG104") == verdict(ask(world, "web-1", "db-1", 5432, other))


def test_what_is_not_known_is_not_walked_past(world):
    """An unread table may lead anywhere: no as-if is made of it, and nothing behind it is told."""
    _, _, _, sg_db = dropped(world)
    sg_db.raw["IpPermissions"].clear()
    found = ask(world, "web-1", "db-1", without=["TransitGatewayRoutes"])
    assert (("inconclusive", "TG192"), 1) == (verdict(found), len(found.findings))


def test_behind_a_public_hosts_missing_address_no_known_host_is_judged(world):
    """Which address it would get is not known, and a group of a known host may admit that one."""
    public_web(world)
    closed = world.vpc("10.5.0.0/16")
    subnet = closed.subnet("10.5.1.0/24")
    subnet.route("0.0.0.0/0", closed.internet_gateway())
    subnet.instance("bare", "10.5.1.10", closed.group("sg-bare"))
    found = ask(world, "bare", "203.0.113.10", 443)
    assert ["IG104"] == [finding.code for finding in found.findings]


def test_a_function_gets_no_public_address(world):
    """Nobody can give one to an interface that a service manages, so nothing behind is told."""
    _, subnet, group, *_ = public_web(world)
    subnet.acl().allow(100, "egress")
    look = {"Description": "AWS Lambda VPC ENI-orders", "RequesterManaged": True}
    subnet.interface("10.0.1.50", group, type="lambda", name="orders", **look)
    found = ask(world, "10.0.1.50", "internet", 443)
    assert ["IG104"] == [finding.code for finding in found.findings]


def test_a_blackhole_whose_target_works_is_not_routed_to_it_again(world):
    """AWS shows the route as a blackhole and the peering as active: a route to the same peering would be no remedy."""
    left, right, *_ = peered(world)
    left.main.raw["Routes"][-1]["State"] = "blackhole"
    right.route("0.0.0.0/0", right.internet_gateway())
    assert () == ask(world, "web-1", "db-1").remedies


def test_a_core_networks_route_with_several_ends_is_not_called_dead(world):
    """One of two ends carries nothing, and the other may."""
    left, right, spare = world.vpc("10.0.0.0/16"), world.vpc("10.9.0.0/16"), world.vpc("10.8.0.0/16")
    app, data = left.subnet("10.0.1.0/24"), right.subnet("10.9.2.0/24")
    app.instance("web-1", "10.0.1.10", left.default_group)
    data.instance("db-1", "10.9.2.20", right.default_group)
    cloud = Cloud(world)
    cloud.attach(left, app)
    dead, alive = cloud.attach(spare, spare.subnet("10.8.1.0/28"), state="REJECTED"), cloud.attach(right, data)
    left.route("10.9.0.0/16", cloud.arn)
    ends = [{"CoreNetworkAttachmentId": a["AttachmentId"], "EdgeLocation": world.region} for a in (dead, alive)]
    cloud.routes["NetworkRoutes"][-1]["Destinations"] = ends
    assert ("inconclusive", "CW193") == verdict(ask(world, "web-1", "db-1"))


@pytest.mark.parametrize("static", [(), ("10.8.0.0/16",)], ids=["BGP", "static"])
def test_an_idle_tunnel_blocks_what_begins_in_aws_alone(world, static):
    """The customer gateway brings a tunnel up by sending; nothing that AWS is sent does."""
    vpc = world.vpc("10.0.0.0/16")
    group = vpc.group("sg-inside")
    group.ingress("-1", None, "10.0.0.0/8")
    vpc.subnet("10.0.1.0/24").instance("web-1", "10.0.1.10", group)
    gateway = vpn_gateway(vpc)
    vpc.route("10.8.0.0/16", gateway)
    vpn(world, gateway, static, tunnels="DOWN DOWN")
    world.add("DirectConnectGatewayAssociations", "dx", {"associatedGatewayId": gateway, "directConnectGatewayAssociations": []})
    assert ("blocked", "VC102") == verdict(ask(world, "web-1", "10.8.2.20", 443))
    assert ("inconclusive", "VC193") == verdict(ask(world, "10.8.2.20", "web-1", 443))


def test_a_pair_that_is_open_has_nothing_behind(pair: Pair):
    """Where nothing blocks, no hop is walked as if."""
    assert not any(hop.as_if for leg in pair.ask().path.legs for hop in leg.hops)


def test_a_reply_that_ends_elsewhere_is_told_where_it_ends(world):
    """It also came back past the firewall of the request, which is not where it ended."""
    home, one, other = world.vpc("10.7.0.0/16"), world.vpc("10.1.0.0/16"), world.vpc("10.1.0.0/16")
    app, walls, data = one.subnet("10.1.1.0/24"), one.subnet("10.1.9.0/28"), home.subnet("10.7.2.0/24")
    open_to_all = home.group("sg-open")
    open_to_all.ingress("-1", None, "0.0.0.0/0")
    app.instance("near", "10.1.1.10", one.group("sg-near"))
    data.instance("far", "10.7.2.20", open_to_all)
    stranger = other.subnet("10.1.1.0/24").instance("stranger", "10.1.1.10", other.group("sg-stranger"))
    wall = Firewall(world, "inspect", walls)
    app.route("10.7.0.0/16", wall.endpoints[0])
    there, wrong = world.peer(one, home), world.peer(home, other)
    walls.route("10.7.0.0/16", there)
    home.route("10.1.0.0/16", wrong)
    (finding,) = [f for f in ask(world, "near", "far").findings if f.code == "AR102"]
    assert f"the reply ends at {stranger.eni.id}, not at near" == finding.headline
