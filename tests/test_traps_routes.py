"""Traps of the ways: route tables, peerings, and interfaces that forward."""

import pytest
from scenes import Pair, ask, codes, peered, public_web, verdict
from world import World
from world_edges import vpn, vpn_gateway

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
    """Length comes before kind outside the VPC: the packet goes to the VPN, and out of AWS instead of over the peering."""
    left, *_ = peered(world)
    gateway = vpn_gateway(left)
    left.route("10.9.2.0/24", gateway, origin="EnableVgwRoutePropagation")
    vpn(world, gateway, ["10.9.2.0/24"])
    assert ("inconclusive", "VC191") == verdict(ask(world, "web-1", "db-1"))


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
