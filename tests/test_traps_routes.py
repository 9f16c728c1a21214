"""Traps of the ways: route tables, internet gateways, NAT gateways, peerings and interfaces that forward."""

import pytest
from conftest import Pair
from test_traps import codes, verdict
from world import World

from flowdiag import diagnose

PUBLIC = "203.0.113.10"
OUTSIDE = "198.51.100.7"


def peered(world, other=None, **more):
    """web-1 in one VPC, db-1 in a peered one, routes both ways, sg-db open to sg-web."""
    left, right = world.vpc("10.0.0.0/16"), (other or world).vpc("10.9.0.0/16")
    app, data = left.subnet("10.0.1.0/24"), right.subnet("10.9.2.0/24")
    sg_web, sg_db = left.group("sg-web"), right.group("sg-db")
    sg_db.ingress("tcp", 5432, sg_web)
    app.instance("web-1", "10.0.1.10", sg_web)
    data.instance("db-1", "10.9.2.20", sg_db)
    peering = world.peer(left, right, **more)
    left.route("10.9.0.0/16", peering)
    right.route("10.0.0.0/16", peering)
    return left, right, app, data, sg_db, peering


def ask(world, source, destination, port=5432, *others, without=(), **more):
    """The diagnosis of a question to the worlds."""
    return diagnose(source, destination, port, snapshot=world.snapshot(*others, without=without), **more)


# ---------------------------------------------------------------- 5. route tables


def test_the_longest_prefix_wins_even_as_a_blackhole(world):
    """A more specific route whose target is gone takes the packets and drops them; the wider one does not help."""
    left, *_, peering = peered(world)
    left.route("10.9.2.0/24", "pcx-0dead", state="blackhole")
    assert ("blocked", "RT102") == verdict(ask(world, "web-1", "db-1"))
    left.route("10.9.2.16/28", peering)
    assert ("reachable",) == verdict(ask(world, "web-1", "db-1"))


def test_a_propagated_route_inside_the_vpc_loses_to_local(pair):
    """Even more specific: what a VPN advertises of the VPC's own range is not followed."""
    pair.vpc.route("10.0.2.0/24", "vgw-0a1", origin="EnableVgwRoutePropagation")
    assert ("reachable",) == verdict(pair.ask())


def test_a_static_route_beats_a_propagated_one_of_equal_length(world):
    """Kind decides between equals, wherever they stand in the table."""
    left, *_ = peered(world)
    left.main.raw["Routes"].insert(0, {"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "vgw-0a1", "State": "active"})
    left.main.raw["Routes"][0]["Origin"] = "EnableVgwRoutePropagation"
    assert ("reachable",) == verdict(ask(world, "web-1", "db-1"))


def test_a_longer_propagated_route_beats_a_static_one(world):
    """Length comes before kind outside the VPC: the packet goes to the VPN, which is not followed."""
    left, *_ = peered(world)
    left.route("10.9.2.0/24", "vgw-0a1", origin="EnableVgwRoutePropagation")
    assert ("inconclusive", "UN190") == verdict(ask(world, "web-1", "db-1"))


def test_an_explicit_association_beats_the_main_table(world):
    """A subnet with a table of its own sees no route of the main one."""
    _, _, app, *_ = peered(world)
    assert app.table.id
    assert ("blocked", "RT101") == verdict(ask(world, "web-1", "db-1"))


def test_a_table_of_another_subnet_counts_for_nothing(world):
    """Routes of the VPC's other tables are other subnets' routes."""
    left, _, _, _, _, peering = peered(world)
    left.main.raw["Routes"] = [r for r in left.main.raw["Routes"] if r.get("GatewayId") == "local"]
    left.subnet("10.0.7.0/24").route("10.9.0.0/16", peering)
    found = ask(world, "web-1", "db-1")
    assert ("blocked", "RT101") == verdict(found)
    assert left.main.id == found.findings[0].resource


def test_inside_a_subnet_no_route_table_applies(pair):
    """Neighbours reach each other whatever routes their subnet has."""
    pair.data.table.raw["Routes"] = [{"DestinationCidrBlock": "10.0.2.20/32", "NatGatewayId": "nat-0dead", "State": "blackhole"}]
    pair.sg_db.ingress("tcp", 5432, "10.0.2.0/24")
    pair.data.instance("near", "10.0.2.99", pair.vpc.default_group)
    assert ("reachable",) == verdict(pair.ask(source="near"))


def test_secondary_cidrs_of_a_vpc_are_local(world):
    """A VPC may have several ranges, each with a local route."""
    vpc = world.vpc("10.0.0.0/16", "100.64.0.0/16")
    group = vpc.group("open")
    group.ingress("-1", None, group)
    vpc.subnet("10.0.1.0/24").instance("one", "10.0.1.10", group)
    vpc.subnet("100.64.1.0/24").instance("two", "100.64.1.10", group)
    assert ("reachable",) == verdict(ask(world, "one", "two"))


def test_a_route_by_prefix_list_is_a_route_for_each_of_its_cidrs(world):
    """A list counts by the prefix in it that covers the address; one that was not read may win, so nothing is decided."""
    left, *_ = peered(world)
    lists = world.prefix_list("172.16.0.0/12", "10.9.2.0/24")
    left.route(lists, "pcx-0dead", state="blackhole")
    assert ("blocked", "RT102") == verdict(ask(world, "web-1", "db-1"))
    found = ask(world, "web-1", "db-1", without=["ManagedPrefixListEntries"])
    assert ("inconclusive", "RT191") == verdict(found)
    assert "ec2:GetManagedPrefixListEntries" in {unread.action for unread in found.unread}


def test_a_static_route_beats_a_prefix_list_of_equal_length(world):
    """Equal prefixes: static first, then the list."""
    left, *_ = peered(world)
    left.route(world.prefix_list("10.9.0.0/16"), "vgw-0a1")
    assert ("reachable",) == verdict(ask(world, "web-1", "db-1"))


def test_two_prefix_lists_that_tie_decide_nothing(world):
    """AWS picks at random between overlapping lists with different targets, so no tool can know."""
    left, _, _, _, _, peering = peered(world)
    left.main.raw["Routes"].pop()
    left.route(world.prefix_list("10.9.0.0/16"), peering)
    left.route(world.prefix_list("10.9.0.0/16"), "vgw-0a1")
    assert ("inconclusive", "RT192") == verdict(ask(world, "web-1", "db-1"))


def test_a_route_in_a_state_that_aws_does_not_document_is_not_trusted(world):
    """Neither active nor blackhole: nothing is said."""
    left, *_ = peered(world)
    left.main.raw["Routes"][-1]["State"] = "filtered"
    assert ("inconclusive", "RT193") == verdict(ask(world, "web-1", "db-1"))


# ---------------------------------------------------------------- 6. internet gateways and public addresses


def public_web(world, public=PUBLIC):
    """web-1 in a subnet that routes to an internet gateway, open to tcp/443 from everybody."""
    vpc = world.vpc("10.0.0.0/16")
    subnet, group = vpc.subnet("10.0.1.0/24"), vpc.group("sg-web")
    group.ingress("tcp", 443, "0.0.0.0/0")
    gateway = vpc.internet_gateway()
    subnet.route("0.0.0.0/0", gateway)
    return vpc, subnet, group, subnet.instance("web-1", "10.0.1.10", group, public=public), gateway


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
    assert ["off"] == [unread.assumed for unread in found.unread if unread.query.kind == "block_public_access"]
    vpc.raw["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": "off"}
    assert () == ask(world, "web-1", "internet", 443).unread
    vpc.raw["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": "block-bidirectional"}
    assert ("blocked", "IG106") == verdict(ask(world, "web-1", "internet", 443))
    assert ("blocked", "IG106") == verdict(ask(world, OUTSIDE, PUBLIC, 443))


# ---------------------------------------------------------------- 7. NAT gateways


def behind_nat(world, **more):
    """app-1 in a private subnet whose default route leads to a NAT gateway in a public one."""
    vpc = world.vpc("10.0.0.0/16")
    private, public = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.100.0/24")
    nat = public.nat("10.0.100.5", **{"public": "203.0.113.50", **more})
    private.route("0.0.0.0/0", nat)
    public.route("0.0.0.0/0", vpc.internet_gateway())
    private.instance("app-1", "10.0.1.10", vpc.default_group)
    return vpc, private, public, nat


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
        ([(*IN,), (*OUT, 443, "198.51.100.1/32")], ["blocked", "NA103"]),
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


# ---------------------------------------------------------------- 8. peerings


def test_a_peering_with_routes_both_ways_carries_the_flow_and_the_group_reference(world):
    """Same Region: the far group sees who is asking."""
    peered(world)
    assert ("reachable",) == verdict(ask(world, "web-1", "db-1"))


@pytest.mark.parametrize(("side", "direction"), [(0, "request"), (1, "reply")])
def test_both_sides_of_a_peering_need_a_route(world, side, direction):
    """One-sided routes lose either the request or the reply, and the finding says which."""
    sides = peered(world)
    sides[side].main.raw["Routes"].pop()
    found = ask(world, "web-1", "db-1")
    assert (("blocked", "RT101"), direction) == (verdict(found), found.findings[0].direction)


def test_a_peering_without_routes_is_no_way(world):
    """Peered is not routed: all that is missing is named at once."""
    left, right, *_ = peered(world)
    left.main.raw["Routes"].pop()
    right.main.raw["Routes"].pop()
    assert ["RT101", "RT101"] == codes(ask(world, "web-1", "db-1"))


@pytest.mark.parametrize("status", ["pending-acceptance", "expired", "rejected", "deleted", "failed", "provisioning"])
def test_a_peering_carries_nothing_unless_it_is_active(world, status):
    """A route to it, even one that still says active, leads nowhere."""
    peered(world, status=status)
    assert ("blocked", "PX101") == verdict(ask(world, "web-1", "db-1"))


def test_a_peering_is_not_transitive(world):
    """A's packets end in B: routes to C over B's peering do not help."""
    left, middle, right = world.vpc("10.0.0.0/16"), world.vpc("10.5.0.0/16"), world.vpc("10.9.0.0/16")
    group = right.group("open")
    group.ingress("-1", None, "0.0.0.0/0")
    left.subnet("10.0.1.0/24").instance("one", "10.0.1.10", left.default_group)
    right.subnet("10.9.1.0/24").instance("three", "10.9.1.10", group)
    first, second = world.peer(left, middle), world.peer(middle, right)
    left.route("10.9.0.0/16", first)
    middle.route("10.9.0.0/16", second)
    middle.route("10.0.0.0/16", first)
    right.route("10.0.0.0/16", second)
    assert ("blocked", "PX102") == verdict(ask(world, "one", "three"))


def test_a_peering_does_not_lead_to_the_internet(world):
    """No edge to edge: the other VPC's internet gateway is of no use."""
    vpc, *_ = public_web(world)
    other = world.vpc("10.9.0.0/16")
    other.route("0.0.0.0/0", world.peer(other, vpc))
    other.subnet("10.9.1.0/24").instance("guest", "10.9.1.10", other.default_group)
    assert ("blocked", "PX102") == verdict(ask(world, "guest", "internet", 443))


def test_the_guards_of_the_other_side_count(world):
    """The peer's VPC is walked too: its network ACL and its groups, with their own names."""
    _, _, _, data, sg_db, _ = peered(world)
    sg_db.raw["IpPermissions"] = []
    acl = data.acl()
    found = ask(world, "web-1", "db-1")
    assert ["NA102", "SG103", "NA103"] == codes(found)
    assert [acl.id, sg_db.id, acl.id] == [finding.resource for finding in found.findings]


def test_a_peer_in_another_account_is_walked_where_it_was_read(world):
    """Two accounts of one Region: ids and references of the other account work."""
    other = World("444455556666")
    peered(world, other)
    assert ("reachable",) == verdict(ask(world, "web-1", "db-1", 5432, other))


def test_a_peer_that_was_not_read_is_not_open(world):
    """Its address is all that is known of the far side: inconclusive, and what is missing is listed."""
    other = World("444455556666")
    peered(world, other)
    found = ask(world, "web-1", "10.9.2.20")
    assert "inconclusive" == found.verdict
    assert found.unread


def test_across_regions_group_references_are_lost(world):
    """A peering between Regions carries packets but not membership; a CIDR does."""
    other = World(region="eu-west-1")
    *_, sg_db, _ = peered(world, other)
    assert ("blocked", "SG105") == verdict(ask(world, "web-1", "db-1", 5432, other))
    sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    assert ("reachable",) == verdict(ask(world, "web-1", "db-1", 5432, other))


# ---------------------------------------------------------------- 10. interfaces that forward


@pytest.mark.parametrize(("check", "expected"), [(True, ("blocked", "NI103")), (False, ("inconclusive", "NI192"))])
def test_an_interface_forwards_only_without_source_destination_checking(world, check, expected):
    """A route to an appliance: checked, it drops foreign packets; unchecked, its guest decides, which no call shows."""
    pair = Pair(world)
    middle = pair.vpc.subnet("10.0.50.0/24")
    box = middle.instance("box", "10.0.50.5", pair.vpc.default_group)
    box.eni.raw["SourceDestCheck"] = check
    pair.app.route("10.0.2.0/24", box.eni.id)
    pair.vpc.default_group.ingress("-1", None, "0.0.0.0/0")
    assert expected == verdict(pair.ask())


def test_a_source_that_is_not_the_interfaces_own_needs_the_check_off(pair):
    """The interface of the question sends from its own addresses; a stopped appliance forwards for nobody."""
    box = pair.vpc.subnet("10.0.50.0/24").instance("box", "10.0.50.5", pair.vpc.default_group, state="stopped")
    box.eni.raw["SourceDestCheck"] = False
    pair.app.route("10.0.2.0/24", box.eni.id)
    assert "NI101" in codes(pair.ask())
    assert "reachable" != pair.ask().verdict
