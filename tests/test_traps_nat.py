"""Traps of NAT gateways of other kinds: regional ones, private ones, and those that serve other VPCs."""

from __future__ import annotations

import pytest
from aws_replay import replay_session
from scenes import OUTSIDE, ask, codes, hubbed, verdict
from world import Subnet, Vpc, World
from world_balancers import LoadBalancer
from world_edges import Cloud
from world_firewall import Firewall
from world_services import TransitGateway, regional_nat

from flowdiag import diagnose

OPEN = ("reachable",)


def wide(world: World, *addresses: tuple[str, str], **more):
    """app-1 in zone a with a default route to a regional NAT gateway."""
    vpc = world.vpc("10.0.0.0/16")
    subnet = vpc.subnet("10.0.1.0/24")
    subnet.instance("app-1", "10.0.1.10", vpc.default_group)
    nat = regional_nat(vpc, *addresses, gateway=vpc.internet_gateway(), **more)
    subnet.route("0.0.0.0/0", nat["NatGatewayId"])
    return vpc, subnet, nat


@pytest.mark.parametrize(
    ("zones", "by_hand", "expected"),
    [
        ("a", "disabled", OPEN),
        ("ab", "disabled", OPEN),
        ("b", "disabled", ("blocked", "NG106")),
        ("b", "enabled", OPEN),
        ("bc", "enabled", OPEN),
    ],
)
def test_a_regional_nat_gateway_serves_its_zones(zones, by_hand, expected):
    """Where AWS manages the zones, others serve one that the gateway has not come to yet."""
    world = World()
    wide(world, *((zone, f"203.0.113.{n}") for n, zone in enumerate(zones)), AutoProvisionZones=by_hand)
    assert expected == verdict(ask(world, "app-1", OUTSIDE, 443))


def test_the_answer_comes_back_to_the_port_that_asked():
    """Both address and port are turned back, past the internet gateway and the gateway's own table."""
    world = World()
    wide(world, ("a", "203.0.113.6"))
    found = ask(world, "app-1", OUTSIDE, 443, source_port=40000)
    (leg,) = found.path.legs
    assert (OPEN, "10.0.1.10", 40000) == (
        verdict(found),
        str(leg.reply[-1].after.destination),
        leg.reply[-1].after.destination_ports.first,
    )


def test_a_regional_nat_gateway_needs_the_route_of_its_own_table():
    """No route to an internet gateway there, no way out."""
    world = World()
    vpc, subnet, _ = wide(world, ("a", "203.0.113.6"))
    lost = regional_nat(vpc, ("a", "203.0.113.7"))
    subnet.table.raw["Routes"].pop()
    subnet.route("0.0.0.0/0", lost["NatGatewayId"])
    assert ("blocked", "RT101") == verdict(ask(world, "app-1", OUTSIDE, 443))


def test_a_regional_nat_gateway_towards_private_addresses_is_left_open():
    """Which address it takes for them AWS does not show."""
    world = World()
    hub, app, _, *_ = hubbed(world)
    nat = regional_nat(app.vpc, ("a", "203.0.113.6"))
    app.route("10.9.2.0/24", nat["NatGatewayId"])
    assert ("inconclusive", "NG191") == verdict(ask(world, "web-1", "db-1"))
    assert hub.id


def test_a_regional_nat_gateway_may_have_a_firewall_behind_it():
    """Its own table may lead to an endpoint; the reply comes back by the gateway's edge, past the firewall."""
    world = World()
    vpc, _, nat = wide(world, ("a", "203.0.113.6"))
    walls = vpc.subnet("10.0.9.0/28")
    wall = Firewall(world, "inspect", walls, stateless_default="aws:pass")
    walls.route("0.0.0.0/0", next(iter(world.raw().values()))["InternetGateways"][0]["InternetGatewayId"])
    table = next(t for t in next(iter(world.raw().values()))["RouteTables"] if t["RouteTableId"] == nat["RouteTableId"])
    table["Routes"][-1]["GatewayId"] = wall.endpoints[0]
    assert OPEN == verdict(ask(world, "app-1", OUTSIDE, 443))


def test_a_regional_nat_gateway_is_read_live():
    """With its route table by id."""
    world = World()
    wide(world, ("a", "203.0.113.6"))
    session = replay_session(world.raw()[world.account, world.region])
    assert OPEN == verdict(diagnose("app-1", OUTSIDE, 443, session=session))


def test_a_regional_nat_gateway_that_is_gone_is_no_way_out():
    """Its state counts like that of any other."""
    world = World()
    wide(world, ("a", "203.0.113.6"), State="deleted")
    assert ("blocked", "NG101") == verdict(ask(world, "app-1", OUTSIDE, 443))


# ---------------------------------------------------------------- private ones


def private(world: World) -> tuple[TransitGateway, str]:
    """web-1 reaches db-1 over a transit gateway by a private NAT gateway of another range of its VPC."""
    hub, app, data, _, sg_db = hubbed(world)
    sg_db.raw["IpPermissions"] = []
    sg_db.ingress("tcp", 5432, "10.0.7.0/24")
    nats = app.vpc.subnet("10.0.7.0/24")
    nat = nats.nat("10.0.7.5")
    app.route("10.9.0.0/16", nat)
    nats.route("10.9.0.0/16", hub.id)
    assert data.id
    return hub, nat


def test_a_private_nat_gateway_leads_over_a_transit_gateway():
    """The far side sees the gateway's address, and answers to it."""
    world = World()
    private(world)
    found = ask(world, "web-1", "db-1")
    assert OPEN == verdict(found)
    assert "10.0.7.5" in {str(hop.after.source) for leg in found.path.legs for hop in leg.request}


def test_a_private_nat_gateway_hides_the_group_of_the_sender():
    """A rule that names the sender's group admits nobody behind it."""
    world = World()
    private(world)
    entries = next(iter(world.raw().values()))["SecurityGroups"]
    web = next(group for group in entries if group["GroupName"] == "sg-web")
    db = next(group for group in entries if group["GroupName"] == "sg-db")
    pair = {"GroupId": web["GroupId"], "UserId": world.account}
    db["IpPermissions"][0] |= {"IpRanges": [], "UserIdGroupPairs": [pair]}
    assert ("blocked", "SG105") == verdict(ask(world, "web-1", "db-1"))


def test_a_private_nat_gateway_whose_range_the_far_side_does_not_know():
    """The transit gateway has no route back to the gateway's range, which is not the VPC's own."""
    world = World()
    private(world)
    far = next(
        t for t in next(iter(world.raw().values()))["RouteTables"] if t["Routes"][0]["DestinationCidrBlock"] == "10.9.0.0/16"
    )
    far["Routes"][-1]["DestinationCidrBlock"] = "10.0.1.0/24"
    assert "RT101" in codes(ask(world, "web-1", "db-1"))


def test_central_egress_over_a_transit_gateway_is_open():
    """The design that AWS documents: a spoke's default route leads to the VPC that holds the NAT gateway."""
    world = World()
    spoke, egress = world.vpc("10.1.0.0/16"), world.vpc("10.5.0.0/16")
    app, gate, public = spoke.subnet("10.1.1.0/24"), egress.subnet("10.5.1.0/28"), egress.subnet("10.5.2.0/24")
    app.instance("app-1", "10.1.1.10", spoke.default_group)
    hub = TransitGateway(world)
    hub.attach(spoke, app)
    attached = hub.attach(egress, gate)
    hub.route("0.0.0.0/0", attached, resource=egress.id)
    app.route("0.0.0.0/0", hub.id)
    gate.route("0.0.0.0/0", public.nat("10.5.2.5", "203.0.113.5"))
    public.route("0.0.0.0/0", egress.internet_gateway())
    assert ("blocked", "IG102") == verdict(ask(world, "app-1", OUTSIDE, 443))  # the answer finds no way back to the spoke
    public.route("10.1.0.0/16", hub.id)
    assert OPEN == verdict(ask(world, "app-1", OUTSIDE, 443))


def by_transit_gateway(world: World, spoke: Vpc, app: Subnet, egress: Vpc, gate: Subnet) -> str:
    """A transit gateway between both, by whose id routes lead to it."""
    hub = TransitGateway(world)
    hub.attach(spoke, app)
    hub.route("0.0.0.0/0", hub.attach(egress, gate), resource=egress.id)
    return hub.id


def by_referencing(world: World, spoke: Vpc, app: Subnet, egress: Vpc, gate: Subnet) -> str:
    """A transit gateway that tells who the sender is, so that nothing is lost there."""
    id = by_transit_gateway(world, spoke, app, egress, gate)
    (hub,) = world.raw()[world.account, world.region]["TransitGateways"]
    hub["Options"]["SecurityGroupReferencingSupport"] = "enable"
    return id


def by_cloud(world: World, spoke: Vpc, app: Subnet, egress: Vpc, gate: Subnet) -> str:
    """A core network of Cloud WAN."""
    cloud = Cloud(world)
    cloud.attach(spoke, app)
    cloud.attach(egress, gate)
    cloud.routes["NetworkRoutes"].append({**cloud.routes["NetworkRoutes"][-1], "DestinationCidrBlock": "0.0.0.0/0"})
    return cloud.arn


@pytest.mark.parametrize("inspected", [False, True])
@pytest.mark.parametrize("joined", [by_transit_gateway, by_referencing, by_cloud])
def test_central_egress_is_open_however_it_is_joined(joined, inspected):
    """AWS documents it by a transit gateway and by Cloud WAN; a firewall in the spoke changes nothing of that."""
    world = World()
    spoke, egress = world.vpc("10.1.0.0/16"), world.vpc("10.5.0.0/16")
    app, fire, door = (spoke.subnet(f"10.1.{n}.0/24") for n in (1, 2, 3))
    gate, public = (egress.subnet(f"10.5.{n}.0/24") for n in (1, 2))
    app.instance("app-1", "10.1.1.10", spoke.default_group)
    way = joined(world, spoke, door, egress, gate)
    wall = Firewall(world, "wall", fire).endpoints[0]
    app.route("0.0.0.0/0", wall if inspected else way)
    fire.route("0.0.0.0/0", way)
    if inspected:
        door.route("10.1.1.0/24", wall)
    gate.route("0.0.0.0/0", public.nat("10.5.2.5", "203.0.113.5"))
    public.route("0.0.0.0/0", egress.internet_gateway())
    public.route("10.1.0.0/16", way)
    assert OPEN == verdict(ask(world, "app-1", OUTSIDE, 443))


# ---------------------------------------------------------------- peerings


def test_what_came_in_by_a_transit_gateway_did_not_come_by_a_peering():
    """A reply that a transit gateway brings to another NAT gateway is translated there, and refused for its new address."""
    world = World()
    left, right = world.vpc("10.0.0.0/16"), world.vpc("10.1.0.0/16")
    app, gate, nats, data = *(left.subnet(f"10.0.{n}.0/24") for n in (1, 8, 9)), right.subnet("10.1.1.0/24")
    app.instance("app-1", "10.0.1.10", left.group("sg-app"))
    sg_db = right.group("sg-db")
    sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    data.instance("db-1", "10.1.1.20", sg_db)
    hub = TransitGateway(world)
    hub.attach(left, gate)
    hub.attach(right, data)
    app.route("10.1.0.0/16", world.peer(left, right))
    data.route("10.0.0.0/16", hub.id)
    gate.route("10.0.1.0/24", nats.nat("10.0.9.5"))
    assert ("blocked", "AR103") == verdict(ask(world, "app-1", "db-1"))


def test_a_reply_returns_by_the_peering_that_its_nat_gateway_used():
    """Behind the far load balancer stands another peering, by which a reply to the NAT gateway never came."""
    world = World()
    home, site, far = (world.vpc(f"10.{n}.0.0/16") for n in range(3))
    app, nats = home.subnet("10.0.1.0/24"), home.subnet("10.0.9.0/24")
    front, back = site.subnet("10.1.1.0/24"), far.subnet("10.2.1.0/24")
    app.instance("app-1", "10.0.1.10", home.group("sg-app"))
    sg_web, sg_site = far.group("sg-web"), site.group("sg-site")
    sg_web.ingress("tcp", 443, "10.1.0.0/16")
    sg_site.ingress("tcp", 443, "10.0.0.0/16")
    back.instance("web-1", "10.2.1.20", sg_web)
    near, beyond = world.peer(home, site), world.peer(site, far)
    app.route("10.1.0.0/16", nats.nat("10.0.9.5"))
    nats.route("10.1.0.0/16", near)
    front.route("10.2.0.0/16", beyond)
    back.route("10.1.0.0/16", beyond)
    shop = LoadBalancer("shop", {front: "10.1.1.50"}, sg_site, type="application")
    shop.listen(443, ["10.2.1.20"], protocol="HTTPS")
    assert OPEN == verdict(ask(world, "app-1", "shop", 443))
