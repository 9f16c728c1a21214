"""Traps of NAT gateways of other kinds: regional ones, private ones, and those that serve other VPCs."""

from __future__ import annotations

import pytest
from aws_replay import replay_session
from scenes import OUTSIDE, ask, codes, hubbed, verdict
from world import World
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
