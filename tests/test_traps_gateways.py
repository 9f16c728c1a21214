"""Traps of the ways out: internet gateways, public addresses and NAT gateways."""

import pytest
from scenes import OUTSIDE, PUBLIC, ask, behind_nat, public_web, verdict
from world import World

# ---------------------------------------------------------------- 6. internet gateways and public addresses


def test_a_public_subnet_is_one_whose_route_leads_to_an_internet_gateway(world):
    """With a public address an instance reaches the internet and is reached from it, whatever the subnet's settings."""
    public_web(world)
    assert ("reachable",) == verdict(ask(world, "web-1", "internet", 443))
    assert ("reachable",) == verdict(ask(world, "internet", "web-1", 443))
    assert ("reachable",) == verdict(ask(world, OUTSIDE, PUBLIC, 443))


def test_without_a_public_address_an_internet_gateway_drops_what_leaves(world):
    """A route alone is not enough: there is nothing to put in the place of the private source."""
    public_web(world, public="")
    assert ("blocked", "IG104") == verdict(ask(world, "web-1", "internet", 443))


def test_without_a_public_address_nothing_comes_in(world):
    """The internet cannot name a private address, so an open group and a public subnet expose nobody."""
    public_web(world, public="")
    assert "blocked" == ask(world, "internet", "web-1", 443).verdict


def test_without_a_route_to_the_gateway_a_public_address_is_of_no_use(world):
    """What came in is answered by the subnet's route table, which knows no way out."""
    _, subnet, *_ = public_web(world)
    subnet.raw["MapPublicIpOnLaunch"] = True
    subnet.table.raw["Routes"].pop()
    assert ("blocked", "RT101") == verdict(ask(world, "web-1", "internet", 443))
    inward = ask(world, OUTSIDE, PUBLIC, 443)
    assert (("blocked", "RT101"), "reply") == (verdict(inward), inward.findings[0].direction)


def test_an_internet_gateway_drops_private_destinations(world):
    """0.0.0.0/0 matches a private address of nobody here, and the gateway drops it."""
    public_web(world)
    assert ("blocked", "IG102") == verdict(ask(world, "web-1", "10.77.0.1", 443))


def test_a_gateway_that_is_attached_elsewhere_carries_nothing(world):
    """A route may outlive the attachment."""
    _, subnet, *_ = public_web(world)
    stray = world.vpc("10.5.0.0/16").internet_gateway()
    subnet.table.raw["Routes"][-1]["GatewayId"] = stray
    assert ("blocked", "IG101") == verdict(ask(world, "web-1", "internet", 443))


def test_a_public_address_of_another_account_is_that_accounts_interface(world):
    """It is no address outside AWS: its VPC's gateway, network ACL and groups decide."""
    public_web(world)
    away = World("444455556666", "eu-west-1")
    vpc = away.vpc("10.0.0.0/16")
    subnet, group = vpc.subnet("10.0.1.0/24"), vpc.group("sg-api")
    subnet.route("0.0.0.0/0", vpc.internet_gateway())
    subnet.instance("api-1", "10.0.1.10", group, public="203.0.113.200")
    found = ask(world, "web-1", "203.0.113.200", 8443, away)
    assert (("blocked", "SG103"), "sg-api") == (verdict(found), found.findings[0].name)
    group.ingress("tcp", 8443, f"{PUBLIC}/32")
    assert ("reachable",) == verdict(ask(world, "web-1", "203.0.113.200", 8443, away))


def test_an_address_of_which_nothing_is_known_lies_outside(world):
    """An address that nobody read holds is the internet's: the walk ends where AWS does."""
    public_web(world)
    assert ("reachable",) == verdict(ask(world, "web-1", OUTSIDE, 443))


def test_the_guards_of_a_public_host_see_private_addresses(world):
    """The gateway rewrites before delivery: entries for the outside address decide, those for the public one do not."""
    _, subnet, *_ = public_web(world)
    acl = subnet.acl().allow(100, "egress").allow(100, "ingress", "tcp", 443, f"{OUTSIDE}/32")
    assert ("reachable",) == verdict(ask(world, OUTSIDE, PUBLIC, 443))
    acl.deny(90, "egress", cidr=f"{PUBLIC}/32").deny(90, "ingress", cidr=f"{PUBLIC}/32")
    assert ("reachable",) == verdict(ask(world, OUTSIDE, PUBLIC, 443))


def test_block_public_access_is_believed_where_it_is_shown(world):
    """Bidirectional blocks both ways, block-ingress what comes in; where nothing shows it, off is assumed and told."""
    vpc, *_ = public_web(world)
    found = ask(world, "web-1", "internet", 443)
    assert ["off"] == [unread.assumed for unread in found.unread if unread.query.kind == "block_public_access_options"]
    vpc.raw["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": "off"}
    assert ["internet"] == [unread.query.kind for unread in ask(world, "web-1", "internet", 443).unread]
    vpc.raw["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": "block-bidirectional"}
    assert ("blocked", "IG106") == verdict(ask(world, "web-1", "internet", 443))
    assert ("blocked", "IG106") == verdict(ask(world, OUTSIDE, PUBLIC, 443))


def test_a_subnet_may_be_excluded_from_block_public_access(world):
    """The subnet shows the mode that applies to it; where it was not read, the VPC's mode blocks nobody for certain."""
    vpc, subnet, *_ = public_web(world)
    vpc.raw["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": "block-bidirectional"}
    subnet.raw["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": "off"}
    assert ("reachable",) == verdict(ask(world, "web-1", "internet", 443))
    assert ("inconclusive", "IG194") == verdict(ask(world, "web-1", "internet", 443, without=["Subnets"]))


def test_block_ingress_still_lets_a_nat_gateway_out(world):
    """The mode stops what comes in, and instances with public addresses; NAT gateways go on."""
    for part in behind_nat(world)[:3]:
        part.raw["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": "block-ingress"}
    assert ("reachable",) == verdict(ask(world, "app-1", "internet", 443))


# ---------------------------------------------------------------- 7. NAT gateways


def test_a_nat_gateway_lets_a_private_host_out_and_the_answer_in(world):
    """TCP, UDP and ping; nothing else is translated."""
    behind_nat(world)
    assert ["reachable", "reachable", "reachable", "blocked"] == [
        ask(world, "app-1", "internet", 443).verdict,
        ask(world, "app-1", OUTSIDE, 53, protocol="udp").verdict,
        ask(world, "app-1", "internet", None, protocol="icmp").verdict,
        ask(world, "app-1", "internet", None, protocol=50).verdict,
    ]


@pytest.mark.parametrize("state", ["failed", "pending", "deleted"])
def test_a_nat_gateway_that_is_not_available_carries_nothing(world, state):
    """Only `available` works for certain."""
    behind_nat(world, State=state)
    assert ("blocked", "NG101") == verdict(ask(world, "app-1", "internet", 443))


def test_a_nat_gateway_that_is_being_deleted_may_still_carry_something(world):
    """AWS says so of the state itself, so nothing is said of the flow."""
    behind_nat(world, State="deleting")
    assert ("inconclusive", "NG190") == verdict(ask(world, "app-1", "internet", 443))


def test_a_nat_gateway_leaves_by_the_route_table_of_its_own_subnet(world):
    """In a subnet without a way out it is a dead end."""
    _, _, public, _ = behind_nat(world)
    public.table.raw["Routes"].pop()
    found = ask(world, "app-1", "internet", 443)
    assert (("blocked", "RT101"), public.table.id) == (verdict(found), found.findings[0].resource)


def test_a_private_nat_gateway_has_nothing_to_show_the_internet(world):
    """Without an Elastic IP the internet gateway drops what it sends."""
    behind_nat(world, public="")
    assert ("blocked", "IG104") == verdict(ask(world, "app-1", "internet", 443))


IN, OUT = ("ingress", "tcp"), ("egress", "tcp")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(*IN, 443, "10.0.1.0/24"), (*OUT,), (*IN, (1024, 65535))], ["reachable"]),
        ([(*OUT,), (*IN, (1024, 65535))], ["blocked", "NA102"]),
        ([(*IN,), (*OUT, (1024, 65535))], ["blocked", "NA101"]),
        ([(*IN, 443), (*OUT,)], ["blocked", "NA104"]),
        ([(*IN, (443, 60999)), (*OUT,)], ["partial", "NA111"]),
        ([(*IN,), (*OUT, 443)], ["blocked", "NA103"]),
    ],
)
def test_the_network_acl_of_the_nat_gateways_subnet_is_crossed_four_times(world, entries, expected):
    """In from the client, out to the server, in with the answer to ports 1024-65535, out to the client."""
    _, _, public, _ = behind_nat(world)
    acl = public.acl()
    for number, (direction, *what) in enumerate(entries, 100):
        acl.allow(number, direction, *what)
    assert expected == list(verdict(ask(world, "app-1", "internet", 443)))


def test_the_network_acl_of_the_client_sees_no_translation(world):
    """Behind the NAT gateway the client's subnet sees the server's address and the client's own ports."""
    _, private, *_ = behind_nat(world)
    private.acl().allow(100, "egress", "tcp", 443, f"{OUTSIDE}/32").allow(100, "ingress", "tcp", (32768, 60999), f"{OUTSIDE}/32")
    assert ("reachable",) == verdict(ask(world, "app-1", OUTSIDE, 443))


def test_nobody_opens_a_connection_to_a_nat_gateway(world):
    """It has no security group and no port forwarding: only what it knows comes back in."""
    behind_nat(world)
    assert ("blocked", "NG105") == verdict(ask(world, "app-1", "10.0.100.5", 443))
    assert ("blocked", "NG105") == verdict(ask(world, OUTSIDE, "203.0.113.50", 443))


def test_a_nat_gateway_serves_its_own_vpc_only(world):
    """A peer that routes its traffic to it gets nowhere."""
    vpc, *_, nat = behind_nat(world)
    other = world.vpc("10.9.0.0/16")
    peering = world.peer(vpc, other)
    other.route("0.0.0.0/0", peering)
    vpc.route("10.9.0.0/16", peering)
    other.subnet("10.9.1.0/24").instance("guest", "10.9.1.10", other.default_group)
    assert "blocked" == ask(world, "guest", "internet", 443).verdict
    assert nat


def test_a_nat_gateway_reaches_a_peer_and_gets_the_answer_back(world):
    """The far guard sees the NAT gateway's private address; the answer returns to it even without a route back."""
    vpc, _, public, _ = behind_nat(world)
    other = world.vpc("10.9.0.0/16")
    peering = world.peer(vpc, other)
    public.route("10.9.0.0/16", peering)
    group = other.group("sg-far")
    group.ingress("tcp", 443, "10.0.100.5/32")
    other.subnet("10.9.1.0/24").instance("far", "10.9.1.10", group)
    assert ("reachable",) == verdict(ask(world, "app-1", "far", 443))
    group.raw["IpPermissions"] = []
    group.ingress("tcp", 443, "10.0.1.0/24")
    assert ("blocked", "SG102") == verdict(ask(world, "app-1", "far", 443))
