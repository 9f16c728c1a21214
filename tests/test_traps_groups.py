"""Traps of references to security groups: which way they count, and when they are stale."""

from __future__ import annotations

import pytest
from scenes import Pair, ask, codes, hubbed, peered, verdict
from world import Group, World
from world_edges import Cloud


def referencing(world, egress_to_group=True):
    """web-1 and db-1 on a transit gateway that supports references; web-1 may send to members of sg-db alone."""
    _, app, data, sg_web, sg_db = hubbed(world, referencing="enable")
    sg_web.raw["IpPermissionsEgress"] = []
    sg_web.egress("tcp", 5432, sg_db if egress_to_group else "10.9.0.0/16")
    return app.vpc, data.vpc, sg_web, sg_db


def test_an_egress_rule_names_no_group_across_a_transit_gateway():
    """Across a transit gateway references count in ingress rules only, so this one lets nothing out."""
    world = World()
    referencing(world)
    assert ("blocked", "SG107") == verdict(ask(world, "web-1", "db-1"))


def test_an_egress_rule_may_name_a_group_of_a_peered_vpc():
    """Over an active peering of one Region references count in both directions."""
    world = World()
    left, _, app, _, sg_db, _ = peered(world)
    sg_out = left.group("sg-out", egress=False)
    sg_out.egress("tcp", 5432, sg_db)
    sg_db.ingress("tcp", 5432, sg_out)
    app.instance("web-2", "10.0.1.11", sg_out)
    assert "reachable" == ask(world, "web-2", "db-1").verdict


def test_a_peering_to_another_region_carries_no_reference():
    """Inter-Region peerings carry packets and no references, in egress rules neither."""
    world, other = World(), World(region="eu-west-1")
    left, _, app, _, sg_db, _ = peered(world, other)
    sg_out = left.group("sg-out", egress=False)
    sg_out.egress("tcp", 5432, sg_db)
    sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    app.instance("web-2", "10.0.1.11", sg_out)
    assert ("blocked", "SG107") == verdict(ask(world, "web-2", "db-1", 5432, other))


def test_without_the_peerings_it_stays_open_whether_the_rule_counts():
    """A peering that was not read may join the two VPCs, so nothing is said to be blocked."""
    world = World()
    referencing(world)
    assert "inconclusive" == ask(world, "web-1", "db-1", without=("VpcPeeringConnections",)).verdict


@pytest.mark.parametrize("status", ["deleted", "rejected", "expired", "failed"])
def test_a_rule_behind_a_deleted_peering_admits_nobody(status):
    """AWS shows the state of the peering in the reference itself."""
    world = World()
    _, _, _, _, sg_db, peering = peered(world)
    sg_db.raw["IpPermissions"][0]["UserIdGroupPairs"][0] |= {"VpcPeeringConnectionId": peering, "PeeringStatus": status}
    assert "SG108" in codes(ask(world, "web-1", "db-1"))


def test_a_reference_in_a_state_nobody_documented_decides_nothing():
    """Neither admitted nor refused."""
    world = World()
    _, _, _, _, sg_db, _ = peered(world)
    sg_db.raw["IpPermissions"][0]["UserIdGroupPairs"][0]["PeeringStatus"] = "resting"
    assert ("inconclusive", "SG190") == verdict(ask(world, "web-1", "db-1"))


def test_a_stale_reference_that_a_transit_gateway_may_revive_decides_nothing():
    """Whether a rule whose peering is gone counts for a packet that comes by a transit gateway is not documented."""
    world = World()
    _, _, sg_web, sg_db = referencing(world, egress_to_group=False)
    sg_db.raw["IpPermissions"] = []
    sg_db.ingress("tcp", 5432, sg_web)
    sg_db.raw["IpPermissions"][0]["UserIdGroupPairs"][0]["PeeringStatus"] = "deleted"
    assert ("inconclusive", "SG190") == verdict(ask(world, "web-1", "db-1"))


def test_another_accounts_group_is_not_called_deleted_because_it_is_not_shown():
    """A group that this account is not shown may well exist; the rule is only told as one that names others."""
    pair = Pair()
    pair.sg_db.raw["IpPermissions"][0]["UserIdGroupPairs"] = [{"GroupId": "sg-0far", "UserId": "444455556666"}]
    assert ("blocked", "SG102") == verdict(pair.ask())


def test_a_deleted_group_in_a_rule_that_would_not_fit_anyhow_is_no_stale_rule():
    """The nearest rule is for another port: that is what is told."""
    pair = Pair()
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("tcp", 22, pair.vpc.group("sg-old"))
    pair.world.raw()[pair.world.account, pair.world.region]["SecurityGroups"].pop()
    assert ("blocked", "SG102") == verdict(pair.ask())


def associated(pair, state="associated"):
    """sg-web may be used in one more VPC, where somebody this account does not see holds 192.168.7.7."""
    raw = {"GroupId": pair.sg_web.id, "VpcId": "vpc-0other", "VpcOwnerId": "444455556666", "State": state}
    pair.world.add("SecurityGroupVpcAssociations", "sg", raw)
    pair.sg_web.raw["IpPermissionsEgress"] = []
    pair.sg_web.egress("-1", None, pair.sg_web)
    pair.vpc.route("192.168.0.0/16", "vgw-0a1")
    return pair.ask(443, "web-1", "192.168.7.7")


def test_a_group_used_in_other_vpcs_may_have_members_nobody_read():
    """Whether the stranger is a member of the group is not known, so its rule decides nothing."""
    assert "SG190" in codes(associated(Pair()))


def test_a_group_used_in_one_vpc_has_no_strangers_as_members():
    """An association that was taken away counts no more."""
    assert "SG101" in codes(associated(Pair(), "disassociated"))


def test_associations_that_were_not_read_are_taken_as_none_and_listed():
    """AWS makes a group for one VPC; that nobody associated it with more is assumed, and the assumption is told."""
    pair = Pair()
    pair.sg_web.raw["IpPermissionsEgress"] = []
    pair.sg_web.egress("-1", None, pair.sg_web)
    pair.vpc.route("192.168.0.0/16", "vgw-0a1")
    told = pair.ask(443, "web-1", "192.168.7.7", without=("SecurityGroupVpcAssociations",))
    assert "SG101" in codes(told)
    assert ["the group is associated with no other VPC"] == [unread.assumed for unread in told.unread if unread.assumed]


# ---------------------------------------------------------------- across Cloud WAN


def clouded(world: World, other: World | None = None) -> tuple[Group, Group]:
    """web-1 and db-1 in two VPCs behind one core network, and their groups, of which sg-db names that of web-1."""
    left, right = world.vpc("10.0.0.0/16"), (other or world).vpc("10.9.0.0/16")
    app, data = left.subnet("10.0.1.0/24"), right.subnet("10.9.2.0/24")
    sg_web, sg_db = left.group("sg-web"), right.group("sg-db")
    sg_db.ingress("tcp", 5432, sg_web)
    app.instance("web-1", "10.0.1.10", sg_web)
    data.instance("db-1", "10.9.2.20", sg_db)
    cloud = Cloud(world)
    for vpc, subnet in ((left, app), (right, data)):
        cloud.attach(vpc, subnet)
        vpc.route("10.0.0.0/8", cloud.arn)
    return sg_web, sg_db


def test_whether_a_core_network_tells_groups_is_left_open(world):
    """Its policy, which says so, is not read, and an attachment does unless it was turned off; the answer says where to look."""
    clouded(world)
    found = ask(world, "web-1", "db-1")
    assert ("inconclusive", "SG190") == verdict(found)
    (unread,) = found.unread
    assert ("core_network_policy", True) == (unread.query.kind, "get-core-network-policy" in unread.way_out)


@pytest.mark.parametrize("side", [0, 1])
def test_an_attachment_of_cloud_wan_can_refuse_to_tell_groups(world, side):
    """One of the two is enough."""
    clouded(world)
    attachment = world.raw()[world.account, world.region]["CoreNetworkVpcAttachments"][side]["VpcAttachment"]
    attachment["Options"] = {"SecurityGroupReferencingSupport": False}
    found = ask(world, "web-1", "db-1")
    assert (("blocked", "SG105"), ()) == (verdict(found), found.unread)


def test_groups_are_told_at_one_edge_of_cloud_wan_alone(world):
    """The other VPC is attached in another Region."""
    west = World(world.account, "us-west-2")
    clouded(world, west)
    world.raw()[world.account, world.region]["Attachments"][1]["EdgeLocation"] = west.region
    assert "SG105" in codes(ask(world, "web-1", "db-1", 5432, west))


def test_a_core_network_that_may_tell_groups_changes_nothing_for_others(world):
    """A rule that names a range admits, and one that names a group the sender is not of does not."""
    _, sg_db = clouded(world)
    sg_db.raw["IpPermissions"] = []
    sg_db.ingress("tcp", 5432, sg_db)
    assert ("blocked", "SG102") == verdict(ask(world, "web-1", "db-1"))
    sg_db.ingress("tcp", 5432, "10.0.1.0/24")
    assert ("reachable",) == verdict(ask(world, "web-1", "db-1"))
