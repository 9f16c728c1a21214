"""What other tools have answered wrongly, each as a small world with the right answer.

The numbers are those of a collection of reproduced and reported cases; those about flow logs are tested with the flow logs.
"""

import pytest
from scenes import OUTSIDE, PUBLIC, ask, codes, peered, public_web, verdict


def test_r01_network_acls_that_allow_everything_allow_it(pair):
    """All four crossings allowed by rule 100: reachable."""
    for subnet in (pair.app, pair.data):
        subnet.acl().allow(100, "ingress").allow(100, "egress")
    pair.sg_db.ingress("tcp", 80, pair.sg_web)
    assert ("reachable",) == verdict(pair.ask(80))


def test_r02_a_rule_for_udp_53_does_not_allow_tcp_53(pair):
    """The protocol is part of the question."""
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("udp", 53, "0.0.0.0/0")
    assert [("blocked", "SG102"), ("reachable",)] == [verdict(pair.ask(53)), verdict(pair.ask(53, protocol="udp"))]


def test_r03_groups_may_name_each_other_on_both_sides(pair):
    """Egress to the database's group, ingress from the client's: reachable."""
    pair.sg_web.raw["IpPermissionsEgress"] = []
    pair.sg_web.egress("tcp", 5432, pair.sg_db)
    assert ("reachable",) == verdict(pair.ask())


def test_r04_a_more_specific_blackhole_is_not_skipped_for_a_default_route(world):
    """0.0.0.0/0 to an internet gateway does not rescue 10.9.0.0/16, whose peering is gone."""
    _, subnet, *_ = public_web(world)
    subnet.route("10.9.0.0/16", "pcx-0dead", state="blackhole")
    assert ("blocked", "RT102") == verdict(ask(world, "web-1", "10.9.1.1", 443))


def test_r05_the_second_group_of_a_rule_counts_too(pair):
    """Two groups in one entry, the sender in the second."""
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("tcp", 5432, pair.vpc.group("first"), pair.sg_web)
    assert ("reachable",) == verdict(pair.ask())


def test_r06_an_ipv6_entry_is_left_aside_for_ipv4(pair):
    """A network ACL may hold both families; only the packet's own counts."""
    pair.data.acl().allow(50, "ingress", cidr="::/0").allow(100, "ingress").deny(40, "egress", cidr="::/0").allow(100, "egress")
    assert ("reachable",) == verdict(pair.ask())


@pytest.mark.parametrize(
    ("target", "state", "expected"),
    [("eni-0dead", "blackhole", "blocked"), ("nat-0dead", "blackhole", "blocked"), ("vpce-0a1", "active", "inconclusive")],
)
def test_r07_routes_inside_the_vpc_count(pair, target, state, expected):
    """A route for the other subnet's whole CIDR is more specific than local: to a middlebox that is gone, it drops."""
    pair.app.route("10.0.2.0/24", target, state=state)
    assert expected == pair.ask().verdict


def test_r08_a_rule_for_a_prefix_list_allows_its_addresses(pair):
    """And no others."""
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("tcp", 5432, pair.world.prefix_list("10.0.1.0/28"))
    pair.app.instance("web-2", "10.0.1.99", pair.sg_web)
    assert [("reachable",), ("blocked", "SG102")] == [verdict(pair.ask()), verdict(pair.ask(source="web-2"))]


@pytest.mark.parametrize(("mapped", "routed", "expected"), [(False, True, "reachable"), (True, False, "blocked")])
def test_r09_r10_a_subnet_is_public_by_its_route(world, mapped, routed, expected):
    """MapPublicIpOnLaunch is about addresses of new instances and says nothing of the way out."""
    _, subnet, *_ = public_web(world)
    subnet.raw["MapPublicIpOnLaunch"] = mapped
    if not routed:
        subnet.table.raw["Routes"].pop()
    assert expected == ask(world, "web-1", "internet", 443).verdict


def test_r11_rules_for_other_protocols_are_no_error(pair):
    """ESP in a group and in a network ACL, beside the rule that decides."""
    pair.sg_db.ingress("50", None, "0.0.0.0/0")
    pair.data.acl().deny(10, "ingress", "50").allow(100, "ingress").allow(100, "egress")
    assert ("reachable",) == verdict(pair.ask())
    assert ("blocked", "NA102") == verdict(pair.ask(None, protocol=50))


def test_r12_a_group_of_the_peer_vpc_may_be_named(world):
    """Two peered VPCs of a Region, routes both ways: the reference works."""
    peered(world)
    assert ("reachable",) == verdict(ask(world, "web-1", "db-1"))


def test_r14_an_active_peering_without_routes_carries_nothing(world):
    """Both tables lack the route, and both are named."""
    sides = peered(world)[:2]
    for side in sides:
        side.main.raw["Routes"].pop()
    found = ask(world, "web-1", "db-1")
    assert ["RT101", "RT101"] == codes(found)
    assert [side.main.id for side in sides] == [finding.resource for finding in found.findings]


def test_r15_a_network_acl_is_asked_where_groups_allow(pair):
    """tcp/443 denied on the way in."""
    pair.sg_db.ingress("tcp", 443, "0.0.0.0/0")
    pair.data.acl().deny(90, "ingress", "tcp", 443).allow(100, "ingress").allow(100, "egress")
    assert ("blocked", "NA102") == verdict(pair.ask(443))


def test_r16_a_fresh_network_acl_denies(pair):
    """Only the default network ACL is born with an allow entry."""
    pair.data.acl()
    assert ("blocked", "NA102") == verdict(pair.ask())


@pytest.mark.parametrize("port", [22, 3389])
def test_r17_a_low_numbered_deny_beats_a_later_allow(world, port):
    """From the internet to 22: denied, although a later entry allows everything."""
    _, subnet, group, *_ = public_web(world)
    group.ingress("tcp", port, "0.0.0.0/0")
    subnet.acl().deny(10, "ingress", "tcp", 22).deny(20, "ingress", "tcp", 3389).allow(100, "ingress").allow(100, "egress")
    assert ("blocked", "NA102") == verdict(ask(world, OUTSIDE, PUBLIC, port))
    assert ("reachable",) == verdict(ask(world, OUTSIDE, PUBLIC, 443))


def test_r18_the_table_of_the_subnet_counts_among_several(world):
    """The first table that the reply lists may be another subnet's."""
    vpc, *_, gateway = public_web(world)
    vpc.subnet("10.0.7.0/24").route("198.51.100.0/24", "nat-0dead", state="blackhole")
    vpc.route("0.0.0.0/0", "nat-0dead", state="blackhole")
    next(iter(world.raw().values()))["RouteTables"].reverse()
    assert ("reachable",) == verdict(ask(world, "web-1", OUTSIDE, 443))
    assert gateway


def test_r19_an_explicit_private_table_beats_a_public_main_one(world):
    """The main table leads to the internet gateway; the subnet's own does not."""
    vpc, subnet, *_, gateway = public_web(world)
    vpc.route("0.0.0.0/0", gateway)
    subnet.table.raw["Routes"].pop()
    assert ("blocked", "RT101") == verdict(ask(world, "web-1", "internet", 443))


def test_r20_an_open_group_alone_exposes_nobody(world):
    """0.0.0.0/0 in the group, but a private subnet and no public address."""
    _, subnet, *_ = public_web(world, public="")
    assert "blocked" == ask(world, "internet", "web-1", 443).verdict
    subnet.table.raw["Routes"].pop()
    assert "blocked" == ask(world, "internet", "web-1", 443).verdict


def test_r27_a_nat_instance_is_no_error(pair):
    """A route to an interface leads to its guest, of which no call tells anything: named, and left open."""
    box = pair.vpc.subnet("10.0.50.0/24").instance("nat-box", "10.0.50.5", pair.vpc.default_group)
    box.eni.raw["SourceDestCheck"] = False
    pair.vpc.default_group.ingress("-1", None, "10.0.0.0/16")
    pair.app.route("0.0.0.0/0", box.eni.id)
    found = pair.ask(443, destination=OUTSIDE)
    assert (("inconclusive", "NI192"), box.eni.id) == (verdict(found), found.findings[0].resource)


def test_r28_what_could_not_be_analysed_is_not_unreachable(pair):
    """A denied call leaves the answer open."""
    found = pair.ask(without=["SecurityGroups"])
    assert ("inconclusive", "SG190") == verdict(found)


def test_r29_an_interface_without_source_destination_check_still_talks(pair):
    """Turning the check off opens the interface to more, not to less."""
    pair.web.eni.raw["SourceDestCheck"] = False
    pair.db.eni.raw["SourceDestCheck"] = False
    assert ("reachable",) == verdict(pair.ask())
