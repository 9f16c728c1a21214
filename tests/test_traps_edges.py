"""Traps of the edges: what leads out of AWS, what comes in, and route tables of gateways."""

import pytest
from scenes import OUTSIDE, PUBLIC, ask, hubbed, public_web, verdict
from scenes_edges import IN, OUT, by_hub, by_vpn, inside
from world_edges import direct_connect, hang, no_direct_connect, vpn, vpn_gateway
from world_services import TransitGateway

from flowdiag import FlowdiagError

OPEN = ("reachable",)


@pytest.fixture
def gated(world):
    """web-1 in a VPC whose main table leads 10.8.0.0/16 to a virtual private gateway."""
    vpc = inside(world)
    gateway = vpn_gateway(vpc)
    vpc.route("10.8.0.0/16", gateway)
    return vpc, gateway


# ---------------------------------------------------------------- virtual private gateways


@pytest.mark.parametrize("asked", [OUT, IN])
def test_a_gateway_sends_by_what_is_up(world, gated, asked):
    """Of two connections with the same static route the one whose tunnels are up carries the flow, whichever is listed first."""
    _, gateway = gated
    vpn(world, gateway, ["10.8.0.0/16"], tunnels="DOWN DOWN")
    vpn(world, gateway, ["10.8.0.0/16"])
    no_direct_connect(world, gateway)
    assert OPEN == verdict(ask(world, *asked))


def test_a_longer_static_route_is_preferred_among_those_that_are_up(world, gated):
    """The longer prefix wins, and its tunnels take only another network."""
    _, gateway = gated
    vpn(world, gateway, ["10.8.0.0/16"])
    vpn(world, gateway, ["10.8.2.0/24"], RemoteIpv4NetworkCidr="10.0.7.0/24")
    no_direct_connect(world, gateway)
    assert ("blocked", "VC105") == verdict(ask(world, *OUT))


def test_a_connection_that_is_down_does_not_block_what_direct_connect_may_carry(world, gated):
    """Direct Connect is up, and what its routers announce is not shown: nothing is concluded from the VPN."""
    _, gateway = gated
    vpn(world, gateway, ["10.8.0.0/16"], tunnels="DOWN DOWN")
    direct_connect(world, gateway, ["10.0.0.0/16"])
    assert ("inconclusive", "VG194") == verdict(ask(world, *OUT))


def test_direct_connect_that_is_down_leaves_the_way_to_the_vpn(world, gated):
    """Health comes before the preference for Direct Connect."""
    _, gateway = gated
    vpn(world, gateway, ["10.8.0.0/16"])
    direct_connect(world, gateway, ["10.0.0.0/16"], bgp="down")
    assert OPEN == verdict(ask(world, *OUT))


def test_a_connection_without_telemetry_is_not_down(world, gated):
    """A reply without it tells nothing of the tunnels."""
    _, gateway = gated
    vpn(world, gateway, ["10.8.0.0/16"])["VgwTelemetry"] = []
    no_direct_connect(world, gateway)
    assert ("inconclusive", "VC190") == verdict(ask(world, *OUT))


def test_bgp_that_announces_nothing_leads_nowhere(world, gated):
    """Telemetry counts the routes that were accepted: none."""
    _, gateway = gated
    vpn(world, gateway, announced=0)
    no_direct_connect(world, gateway)
    assert ("blocked", "VG105") == verdict(ask(world, *OUT))


def test_a_nat_gateway_may_send_to_a_virtual_private_gateway(world):
    """Its own private address is that of an interface of the VPC, and the answer is turned back."""
    vpc = inside(world)
    gateway = vpn_gateway(vpc)
    front = vpc.subnet("10.0.3.0/24")
    vpc.route("10.8.0.0/16", front.nat("10.0.3.5"))
    front.route("10.8.0.0/16", gateway)
    vpn(world, gateway, ["10.8.0.0/16"])
    no_direct_connect(world, gateway)
    assert OPEN == verdict(ask(world, *OUT))


def test_the_guards_see_the_address_of_the_customers_network(world):
    """Nothing is translated, so a rule for it admits what comes in, and one for another does not."""
    by_vpn(world)
    group = world.raw()[world.account, world.region]["SecurityGroups"][-1]
    group["IpPermissions"][0]["IpRanges"][0]["CidrIp"] = "10.7.0.0/16"
    assert ("blocked", "SG102") == verdict(ask(world, *IN))


def test_an_address_of_the_vpc_that_nobody_has_is_no_address_outside(world):
    """It would be delivered inside the VPC, so the customer's network cannot have it: the name is wrong."""
    by_vpn(world)
    with pytest.raises(FlowdiagError, match=r"'10\.0\.1\.99' is in the range of"):
        ask(world, "10.0.1.99", "web-1", 443)


def test_a_public_address_by_a_vpn_of_a_known_interface_is_not_called_blocked(world, gated):
    """The customer's network may send it to the internet and so back in; nothing is concluded."""
    vpc, gateway = gated
    vpc.route("0.0.0.0/0", gateway)
    vpn(world, gateway, ["0.0.0.0/0"])
    no_direct_connect(world, gateway)
    other = world.vpc("10.3.0.0/16")
    other.subnet("10.3.1.0/24").instance("api-1", "10.3.1.10", other.default_group, public="203.0.113.200")
    assert ("inconclusive", "VC191") == verdict(ask(world, "10.0.1.10", "203.0.113.200", 443))


# ---------------------------------------------------------------- transit gateways


def test_two_peered_transit_gateways_of_one_region_share_an_attachment_id(world):
    """Both sides show the same id, and the side is that of the gateway on which the packet is."""
    left, right = world.vpc("10.0.0.0/16"), world.vpc("10.9.0.0/16")
    app, data = left.subnet("10.0.1.0/24"), right.subnet("10.9.2.0/24")
    sg_db = right.group("sg-db")
    sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    app.instance("web-1", "10.0.1.10", left.default_group)
    data.instance("db-1", "10.9.2.20", sg_db)
    one, other = TransitGateway(world), TransitGateway(world)
    one.attach(left, app)
    other.attach(right, data)
    peering = one.peer(other)
    one.route("10.9.0.0/16", peering, "peering", other.id)
    other.route("10.0.0.0/16", peering, "peering", one.id)
    left.route("10.9.0.0/16", one.id)
    right.route("10.0.0.0/16", other.id)
    assert OPEN == verdict(ask(world, "web-1", "db-1"))
    other.route("10.0.1.0/24")
    assert ("blocked", "TG105") == verdict(ask(world, "web-1", "db-1"))


def test_equal_connections_of_which_one_is_down_leave_the_answer_open(world):
    """Each flow takes one of them, and nothing readable says which."""
    vpc = inside(world)
    hub = TransitGateway(world)
    hub.attach(vpc, vpc.subnet("10.0.9.0/28"))
    vpc.route("10.8.0.0/16", hub.id)
    up, down = vpn(world)["VpnConnectionId"], vpn(world, tunnels="DOWN DOWN")["VpnConnectionId"]
    hang(hub, "vpn", up, "10.8.0.0/16")
    second = hang(hub, "vpn", down)
    end = {"TransitGatewayAttachmentId": second, "ResourceType": "vpn", "ResourceId": down}
    hub.table["Routes"][-1]["TransitGatewayAttachments"].append(end)
    assert "inconclusive" == ask(world, *OUT).verdict


def test_a_missing_route_to_a_transit_gateway_is_a_remedy(world):
    """The VPC is attached, and the transit gateway knows the way: one route is all that is missing."""
    hub, app, *_ = hubbed(world)
    app.vpc.main.raw["Routes"].pop()
    found = ask(world, "web-1", "db-1")
    (change,) = found.remedies[0].changes
    assert ("blocked", "RT101") == verdict(found)
    assert found.remedies[0].verified
    assert f"--destination-cidr-block 10.9.0.0/16 --transit-gateway-id {hub.id}" in change.command


# ---------------------------------------------------------------- route tables of gateways


def test_an_appliance_does_not_pass_itself(world):
    """A gateway's table that leads the whole VPC to an appliance leaves the appliance's own traffic alone."""
    vpc, _, group, _, gateway = public_web(world)
    inspect = vpc.subnet("10.0.9.0/28")
    inspect.route("0.0.0.0/0", gateway)
    firewall = inspect.instance("firewall", "10.0.9.7", group, public="203.0.113.97", SourceDestCheck=False)
    edge = vpc.edge_table(gateway)
    edge.raw["Routes"].clear()
    edge.route("10.0.0.0/16", firewall.eni.id)
    assert "IG108" not in [finding.code for finding in ask(world, "firewall", OUTSIDE, 443).findings]
    assert "IG108" in [finding.code for finding in ask(world, "web-1", OUTSIDE, 443).findings]


def test_a_subnet_that_the_gateways_table_leaves_alone_uses_it_directly(world):
    """The table leads another subnet to an appliance."""
    vpc, _, group, _, gateway = public_web(world)
    firewall = vpc.subnet("10.0.9.0/28").instance("firewall", "10.0.9.7", group, public="203.0.113.97")
    vpc.edge_table(gateway).route("10.0.5.0/24", firewall.eni.id)
    assert OPEN == verdict(ask(world, "web-1", OUTSIDE, 443))
    assert OPEN == verdict(ask(world, OUTSIDE, PUBLIC, 443))


def test_a_public_address_in_another_vpc_is_none_for_this_gateway(world):
    """Over a transit gateway that shows groups the sender is known, and its public address is still its own VPC's."""
    hub, app, data, *_ = hubbed(world, referencing="enable")
    web = next(f for f in world.raw()[world.account, world.region]["NetworkInterfaces"] if f["PrivateIpAddress"] == "10.0.1.10")
    for part in (web, web["PrivateIpAddresses"][0]):
        part["Association"] = {"PublicIp": PUBLIC}
    data.vpc.route("0.0.0.0/0", data.vpc.internet_gateway())
    app.vpc.route("0.0.0.0/0", hub.id)
    far = world.raw()[world.account, world.region]["TransitGatewayVpcAttachments"][1]["TransitGatewayAttachmentId"]
    hub.route("0.0.0.0/0", far, "vpc", data.vpc.id)
    assert ("blocked", "IG104") == verdict(ask(world, "web-1", OUTSIDE, 443))


# ---------------------------------------------------------------- what a transit gateway's route says of its attachment


def _retold(world, key, kind, resource):
    """Every attachment of the kind under a response key with another `ResourceId`, or without one where that is None."""
    found = world.raw()[world.account, world.region][key]
    shown = [a for one in found for route in one.get("Routes", [one]) for a in route.get("TransitGatewayAttachments", [route])]
    for attachment in (a for a in shown if a["ResourceType"] == kind):
        if resource is None:
            del attachment["ResourceId"]
        else:
            attachment["ResourceId"] = resource(attachment["ResourceId"])


@pytest.mark.parametrize("asked", [OUT, IN])
@pytest.mark.parametrize("resource", [None, lambda _: None, lambda _: "", lambda own: f"{own}(203.0.113.99)"])
@pytest.mark.parametrize("kind", ["vpn", "direct-connect-gateway", "connect"])
def test_a_route_need_not_name_what_is_attached(world, kind, resource, asked):
    """The attachment itself tells what it joins, and the address of a VPN connection's tunnel is no part of its id."""
    by_hub(kind)(world)
    _retold(world, "TransitGatewayRoutes", kind, resource)
    assert OPEN == verdict(ask(world, *asked))


@pytest.mark.parametrize("asked", [OUT, IN])
@pytest.mark.parametrize("kind", ["vpn", "direct-connect-gateway"])
def test_what_is_attached_is_not_known_where_nothing_names_it(world, kind, asked):
    """Neither the route nor the attachment names it: that is no proof that it does not exist."""
    by_hub(kind)(world)
    for key in ("TransitGatewayRoutes", "TransitGatewayAttachments"):
        _retold(world, key, kind, None)
    assert "inconclusive" == ask(world, *asked).verdict
