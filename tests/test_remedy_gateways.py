"""Remedies behind the subnet's border: transit gateways, peerings, gateways and appliances, each by one documented call.

Random networks are in `test_remedy_properties.py`, whole answers in `tests/cases/`.
"""

from __future__ import annotations

from typing import Any

import pytest
from proving import Peered, commands, only, proved, summaries
from scenes import public_web
from world import World
from world_edges import hang, no_direct_connect, vpn, vpn_gateway
from world_services import TransitGateway

from flowdiag.remedy import apply


class Hubbed:
    """web-1 and db-1 in two VPCs on one transit gateway whose only table is still empty."""

    def __init__(self, world: World, *more: str, ipv6: str = "") -> None:
        self.near, self.far = world.vpc("10.0.0.0/16"), world.vpc("10.9.0.0/16", *more, ipv6=ipv6)
        self.app, self.data = self.near.subnet("10.0.1.0/24"), self.far.subnet("10.9.2.0/24")
        self.sg_db = self.far.group("sg-db")
        self.sg_db.ingress("tcp", 5432, "10.0.0.0/16")
        self.app.instance("web-1", "10.0.1.10", self.near.group("sg-web"))
        self.data.instance("db-1", "10.9.2.20", self.sg_db)
        self.hub = TransitGateway(world)
        self.own = self.hub.attach(self.near, self.app)
        self.other = self.hub.attach(self.far, self.data, Ipv6Support="disable")
        self.hub.table["Routes"][:] = self.hub.table["Routes"][:1]
        self.near.route("10.9.0.0/16", self.hub.id)
        self.far.route("10.0.0.0/16", self.hub.id)


@pytest.fixture
def hubbed(world: World) -> Hubbed:
    return Hubbed(world)


def sides(world: World) -> list[dict[str, Any]]:
    """The attachments as the transit gateway's owner is shown them."""
    return world.raw()[world.account, world.region]["TransitGatewayAttachments"]


# ---------------------------------------------------------------- transit gateways


def test_a_vpc_propagates_all_its_cidrs(world: World):
    """What is proved is what AWS would do: every IPv4 CIDR, and none of IPv6 while the attachment does not support it."""
    made = Hubbed(world, "10.19.0.0/16", ipv6="2001:db8:0:100::/56")
    remedy = only(world.snapshot(), "web-1", "db-1")
    table = made.hub.table["TransitGatewayRouteTableId"]
    assert [f"propagate {made.other} ({made.far.id}) into {table} of {made.hub.id}"] == summaries(remedy)
    assert ["10.9.0.0/16", "10.19.0.0/16"] == [entry["DestinationCidrBlock"] for entry in remedy.changes[0].patch["add"]]
    (command,) = commands(remedy)
    assert "aws ec2 enable-transit-gateway-route-table-propagation" in command


def test_of_overlapping_vpcs_a_route_is_made(world: World, hubbed: Hubbed):
    """AWS does not propagate a VPC that overlaps one attached before, so nothing rests on it."""
    twin = world.vpc("10.9.0.0/16")
    hubbed.hub.attach(twin, twin.subnet("10.9.7.0/28"), into=hubbed.hub.new_table())
    (command,) = commands(only(world.snapshot(), "web-1", "db-1"))
    assert "aws ec2 create-transit-gateway-route --destination-cidr-block 10.9.0.0/16" in command


def test_a_blackhole_of_a_prefix_list_is_beaten_by_one_address(world: World, hubbed: Hubbed):
    """Nobody but its owner changes a list; a route for the one address is longer than any entry of it."""
    route = hubbed.hub.route("10.9.0.0/16")
    del route["DestinationCidrBlock"]
    route["PrefixListId"] = world.prefix_list("10.9.0.0/16")
    (command,) = commands(only(world.snapshot(), "web-1", "db-1"))
    assert "create-transit-gateway-route --destination-cidr-block 10.9.2.20/32" in command


def test_a_wide_blackhole_stays(world: World, hubbed: Hubbed):
    """A route for the VPC wins over it; what it keeps from others is not touched."""
    hubbed.hub.route("10.0.0.0/8")
    (command,) = commands(only(world.snapshot(), "web-1", "db-1"))
    assert "create-transit-gateway-route --destination-cidr-block 10.9.0.0/16" in command


def test_which_of_several_tables_is_meant_is_nobodys_guess(world: World, hubbed: Hubbed):
    """Without a default table, and with attachments on different ones, an association would be made up."""
    third = world.vpc("10.7.0.0/16")
    hubbed.hub.attach(third, third.subnet("10.7.1.0/28"), table=hubbed.hub.new_table())
    del sides(world)[0]["Association"]
    hubbed.sg_db.raw["IpPermissions"].clear()
    (remedy,) = proved(world.snapshot(), "web-1", "db-1")
    assert not remedy.verified
    assert "which route table is meant is not to be seen" in remedy.note


def test_the_default_table_is_the_one(world: World, hubbed: Hubbed):
    """What attachments get by default is what this one is given."""
    table = hubbed.hub.new_table()
    hubbed.hub.route("10.9.0.0/16", hubbed.other, "vpc", hubbed.far.id, table=table)
    default = {"AssociationDefaultRouteTableId": table["TransitGatewayRouteTableId"]}
    hubbed.hub.raw["Options"] |= {"DefaultRouteTableAssociation": "enable", **default}
    del sides(world)[0]["Association"]
    (command,) = commands(only(world.snapshot(), "web-1", "db-1"))
    assert f"--transit-gateway-route-table-id {table['TransitGatewayRouteTableId']}" in command


@pytest.mark.parametrize("kind", ["vpn", "connect", "direct-connect-gateway"])
def test_beside_bgp_no_static_route_is_proposed(world: World, hubbed: Hubbed, kind: str):
    """What an attachment learns by BGP is not shown, and AWS warns of static routes beside it."""
    resource = vpn(world, TransitGatewayId=hubbed.hub.id)["VpnConnectionId"] if kind == "vpn" else "dxgw-0f1"
    hang(hubbed.hub, kind, resource)
    hubbed.near.route("10.8.0.0/16", hubbed.hub.id)
    assert () == proved(world.snapshot(), "web-1", "10.8.2.20", 443)


def test_a_static_connection_gets_what_the_vpc_sends(world: World, hubbed: Hubbed):
    """A VPN that routes statically has its routes in the transit gateway's table."""
    office = vpn(world, static=["10.8.0.0/16"], TransitGatewayId=hubbed.hub.id)["VpnConnectionId"]
    hang(hubbed.hub, "vpn", office)
    hubbed.near.route("10.8.0.0/16", hubbed.hub.id)
    (command,) = commands(only(world.snapshot(), "web-1", "10.8.2.20", 443))
    assert "create-transit-gateway-route --destination-cidr-block 10.8.0.0/16" in command


def test_a_zone_is_covered_by_the_senders_subnet(world: World):
    """One subnet of the zone opens it."""
    made = Hubbed(world)
    made.hub.route("10.9.0.0/16", made.other, "vpc", made.far.id)
    away = made.near.subnet("10.0.5.0/24", zone="b")
    away.instance("web-2", "10.0.5.10", made.near.group("sg-away"))
    (command,) = commands(only(world.snapshot(), "web-2", "db-1"))
    assert f"--transit-gateway-attachment-id {made.own} --add-subnet-ids {away.id}" in command


def test_a_route_and_what_the_gateway_lacks_are_found_together(world: World, hubbed: Hubbed):
    """Neither the VPC nor the transit gateway knows the way: the walk goes on behind both."""
    hubbed.near.main.raw["Routes"].pop()
    first, second = only(world.snapshot(), "web-1", "db-1").changes
    assert "enable-transit-gateway-route-table-propagation" in first.command
    assert f"--destination-cidr-block 10.9.0.0/16 --transit-gateway-id {hubbed.hub.id}" in second.command


# ---------------------------------------------------------------- peerings


@pytest.mark.parametrize("place", [(), ("444455556666", "eu-west-1")], ids=["one account", "two"])
def test_a_pending_peering_is_accepted_by_its_accepter(world: World, place: tuple[str, ...]):
    """Accepting is all it takes: the blackholes that lead to it carry again, and no command is made up for them."""
    other = World(*place) if place else world
    pair = Peered(world, other, routes=False)
    pair.near.route("10.1.0.0/16", pair.pcx, state="blackhole")
    pair.far.route("10.0.0.0/16", pair.pcx, state="blackhole")
    pair.sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    for each in {id(one): one for one in (world, other)}.values():
        for peering in each.raw()[each.account, each.region]["VpcPeeringConnections"]:
            peering["Status"] = {"Code": "pending-acceptance"}
            for side in ("RequesterVpcInfo", "AccepterVpcInfo"):
                peering[side].pop("CidrBlock", None)
                peering[side].pop("CidrBlockSet", None)
    remedy = only(world.snapshot(other), "web-1", "db-1")
    elsewhere = f" --region {other.region}" if other.region != world.region else ""
    assert [f"aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id {pair.pcx}{elsewhere}"] == commands(remedy)


def test_a_rejected_peering_cannot_be_accepted(world: World):
    """It has to be made anew, which is no change to it."""
    pair = Peered(world, world)
    pair.sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    world.raw()[world.account, world.region]["VpcPeeringConnections"][0]["Status"] = {"Code": "rejected"}
    assert () == proved(world.snapshot(), "web-1", "db-1")


# ---------------------------------------------------------------- gateways and appliances


def test_a_detached_internet_gateway_is_attached(world: World):
    """Its routes show as blackholes until then, and carry again."""
    vpc, subnet, *_, gateway = public_web(world)
    world.raw()[world.account, world.region]["InternetGateways"][0]["Attachments"] = []
    subnet.table.raw["Routes"][-1]["State"] = "blackhole"
    remedy = only(world.snapshot(), "web-1", "internet", 443)
    assert [f"aws ec2 attach-internet-gateway --internet-gateway-id {gateway} --vpc-id {vpc.id}"] == commands(remedy)


def test_the_gateway_of_another_vpc_is_left_alone(world: World):
    """A gateway serves one VPC: to take it from another would be no remedy."""
    _, subnet, *_ = public_web(world)
    subnet.table.raw["Routes"][-1]["GatewayId"] = world.vpc("10.5.0.0/16").internet_gateway()
    assert () == proved(world.snapshot(), "web-1", "internet", 443)


@pytest.fixture
def gated(world: World) -> tuple[Any, str]:
    """web-1 in a VPC that sends 10.8.0.0/16 to its virtual private gateway."""
    vpc = world.vpc("10.0.0.0/16")
    vpc.subnet("10.0.1.0/24").instance("web-1", "10.0.1.10", vpc.group("sg-web"))
    gateway = vpn_gateway(vpc)
    vpc.route("10.8.0.0/16", gateway)
    no_direct_connect(world, gateway)
    return vpc, gateway


def test_a_detached_virtual_private_gateway_is_attached(world: World, gated: tuple[Any, str]):
    """Where the VPC has no other."""
    vpc, gateway = gated
    vpn(world, gateway, ["10.8.0.0/16"])
    world.raw()[world.account, world.region]["VpnGateways"][0]["VpcAttachments"][0]["State"] = "detached"
    remedy = only(world.snapshot(), "web-1", "10.8.2.20", 443)
    assert [f"aws ec2 attach-vpn-gateway --vpn-gateway-id {gateway} --vpc-id {vpc.id}"] == commands(remedy)


def test_the_one_static_connection_gets_the_route(world: World, gated: tuple[Any, str]):
    """Of several nothing tells which one leads there."""
    _, gateway = gated
    office = vpn(world, gateway, ["10.7.0.0/16"])["VpnConnectionId"]
    expected = f"aws ec2 create-vpn-connection-route --vpn-connection-id {office} --destination-cidr-block 10.8.0.0/16"
    assert [expected] == commands(only(world.snapshot(), "web-1", "10.8.2.20", 443))
    vpn(world, gateway, ["10.6.0.0/16"])
    assert () == proved(world.snapshot(), "web-1", "10.8.2.20", 443)


def test_an_appliance_that_checks_addresses_is_told_not_to(world: World):
    """What its guest then does no walk proves, so the remedy is not called verified."""
    vpc = world.vpc("10.0.0.0/16")
    app, data, walls = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.2.0/24"), vpc.subnet("10.0.9.0/28")
    group = vpc.group("sg-all")
    group.ingress("-1", None, "0.0.0.0/0")
    app.instance("web-1", "10.0.1.10", group)
    data.instance("db-1", "10.0.2.20", group)
    wall = walls.instance("wall", "10.0.9.7", group)
    app.route("10.0.2.0/24", wall.eni.id)
    (remedy,) = proved(world.snapshot(), "web-1", "db-1")
    expected = f"aws ec2 modify-network-interface-attribute --network-interface-id {wall.eni.id} --no-source-dest-check"
    assert ([expected], False) == (commands(remedy), remedy.verified)


def test_what_aws_does_by_itself_is_applied_with_the_change(world: World):
    """A change carries its effects, so that applying it elsewhere proves the same."""
    _, subnet, *_ = public_web(world)
    world.raw()[world.account, world.region]["InternetGateways"][0]["Attachments"] = []
    subnet.table.raw["Routes"][-1]["State"] = "blackhole"
    snapshot = world.snapshot()
    (change,) = only(snapshot, "web-1", "internet", 443).changes
    (table,) = apply(change, snapshot).find("route_table", "subnet", subnet.id)
    assert ["active", "active"] == [route.state for route in table.routes]
