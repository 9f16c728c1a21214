"""Traps of the guards: what network ACLs and security groups do that some tool gets wrong."""

import pytest
from scenes import Pair, ask, codes, neighbours, verdict
from world import World

from flowdiag import diagnose

LINUX, WINDOWS, ANY_CLIENT = (32768, 60999), (49152, 65535), (1024, 65535)


# ---------------------------------------------------------------- 1. network ACLs: where, and in which order


def test_inside_a_subnet_no_network_acl_applies(world, pair):
    """A network ACL that denies everything stands at the border only: neighbours do not meet it."""
    subnet, *_ = neighbours(world)
    subnet.acl()
    assert ("reachable",) == verdict(pair.ask(443, "one", "two"))


@pytest.mark.parametrize(("side", "code"), [("app", "NA101"), ("data", "NA102")])
def test_a_new_network_acl_denies_everything(pair, side, code):
    """A network ACL without entries of its own has `*` alone, which denies, on the way out as on the way in."""
    getattr(pair, side).acl()
    assert ("blocked", code) == verdict(pair.ask())


def test_the_lowest_rule_number_that_matches_decides(pair):
    """Entries are tried by number, whatever their order in the reply, and the first match ends it."""
    acl = pair.data.acl().allow(100, "egress").allow(100, "ingress").deny(90, "ingress", "tcp", 5432)
    assert ("blocked", "NA102") == verdict(pair.ask())
    acl.allow(80, "ingress", "tcp", (5000, 6000), cidr="10.0.1.0/24")
    assert ("reachable",) == verdict(pair.ask())


def test_an_entry_looks_at_the_source_inbound_and_the_destination_outbound(pair):
    """The far side's address counts: an inbound entry for the destination's own CIDR admits nothing."""
    acl = pair.data.acl().allow(100, "egress").allow(100, "ingress", cidr="10.0.2.0/24")
    assert ("blocked", "NA102") == verdict(pair.ask())
    acl.allow(110, "ingress", cidr="10.0.1.10/32")
    assert ("reachable",) == verdict(pair.ask())


def test_a_reply_that_lists_no_star_entry_denies_all_the_same(pair):
    """The implicit deny needs no entry to be there."""
    pair.data.acl().raw["Entries"] = []
    assert ("blocked", "NA102") == verdict(pair.ask())


def test_network_acls_of_both_subnets_are_held_against_both_directions(pair):
    """Four crossings, four blockers: each is named, the first on the path in the headline."""
    pair.app.acl()
    pair.data.acl()
    found = pair.ask()
    assert ["NA101", "NA102", "NA103", "NA104"] == codes(found)
    assert "NA101" == found.code


def test_a_network_acl_keeps_no_state(pair):
    """What was let in is not let out for that: the reply needs an entry of its own."""
    pair.data.acl().allow(100, "ingress")
    assert ("blocked", "NA103") == verdict(pair.ask())


# ---------------------------------------------------------------- 2. protocols, ports, ICMP


def test_a_udp_rule_does_not_admit_tcp(pair):
    """The protocol is a field like the port: udp/53 in a group or a network ACL says nothing of tcp/53."""
    pair.sg_db.ingress("udp", 53, pair.sg_web)
    assert ("blocked", "SG102") == verdict(pair.ask(53))
    assert ("reachable",) == verdict(pair.ask(53, protocol="udp"))
    pair.sg_db.ingress("tcp", 53, pair.sg_web)
    pair.data.acl().allow(100, "egress").allow(100, "ingress", "udp", 53)
    assert ("blocked", "NA102") == verdict(pair.ask(53))


def test_protocol_minus_one_is_every_protocol_and_port(pair):
    """`-1` covers TCP, UDP, ICMP and the rest, whatever ports an entry shows beside it."""
    pair.sg_db.ingress("-1", None, "10.0.1.0/24")
    pair.data.acl().allow(100, "ingress", "-1", (22, 22)).allow(100, "egress")
    assert ["reachable"] * 4 == [
        pair.ask(9999).verdict,
        pair.ask(53, protocol="udp").verdict,
        pair.ask(None, protocol="icmp").verdict,
        pair.ask(None, protocol=50).verdict,
    ]


def test_a_network_acl_entry_without_ports_covers_them_all(pair):
    """tcp without a port range is all of TCP, and nothing of UDP."""
    pair.data.acl().allow(100, "ingress", "tcp").allow(100, "egress", "tcp")
    pair.sg_db.ingress("-1", None, pair.sg_web)
    assert ("reachable",) == verdict(pair.ask(8080))
    assert ("blocked", "NA102") == verdict(pair.ask(8080, protocol="udp"))


PINGS = [((8, -1), "reachable"), ((8, 0), "reachable"), (None, "reachable"), ((0, 0), "blocked")]


@pytest.mark.parametrize(("kind", "expected"), PINGS)
def test_icmp_rules_hold_type_and_code_where_others_hold_ports(pair, kind, expected):
    """A ping is an echo request, type 8 code 0; a rule for echo replies does not admit it."""
    pair.sg_db.ingress("icmp", kind, pair.sg_web)
    assert expected == pair.ask(None, protocol="icmp").verdict


def test_an_icmp_rule_for_another_code_does_not_admit_a_ping(pair):
    """Type 8 with a code that an echo request does not have."""
    pair.sg_db.ingress("icmp", (8, 3), pair.sg_web)
    assert ("blocked", "SG102") == verdict(pair.ask(None, protocol="icmp"))


def test_a_network_acl_sees_the_echo_reply_as_type_0(pair):
    """Without state, the answer to a ping is a packet of its own type."""
    pair.sg_db.ingress("icmp", None, pair.sg_web)
    acl = pair.data.acl().allow(100, "ingress", "icmp", (8, -1)).allow(100, "egress", "icmp", (8, -1))
    assert ("blocked", "NA103") == verdict(pair.ask(None, protocol="icmp"))
    acl.allow(110, "egress", "icmp", (0, 0))
    assert ("reachable",) == verdict(pair.ask(None, protocol="icmp"))


def test_a_tcp_rule_does_not_admit_a_ping(pair):
    """ICMP has no ports, so no port of another protocol stands for it."""
    pair.sg_db.ingress("tcp", None, pair.sg_web)
    assert ("blocked", "SG102") == verdict(pair.ask(None, protocol="icmp"))


def test_rules_of_other_protocols_and_families_are_left_aside(pair):
    """ESP by number and an IPv6 entry neither stop the evaluation nor match."""
    pair.sg_db.ingress("50", None, "10.0.0.0/8")
    pair.data.acl().deny(10, "ingress", "50").deny(20, "ingress", cidr="::/0").allow(100, "ingress").allow(100, "egress")
    assert ("reachable",) == verdict(pair.ask())


# ---------------------------------------------------------------- 3. the client's ephemeral ports


@pytest.mark.parametrize(
    ("platform", "ports", "expected"),
    [
        (None, ANY_CLIENT, ["reachable"]),
        (None, LINUX, ["reachable"]),
        (None, WINDOWS, ["partial", "32768-49151"]),
        ("windows", WINDOWS, ["reachable"]),
        ("windows", LINUX, ["partial", "61000-65535"]),
        (None, (443, 443), ["blocked", "32768-60999"]),
        ("windows", (1024, 49151), ["blocked", "49152-65535"]),
    ],
)
def test_a_reply_needs_the_whole_ephemeral_range_of_the_client(world, platform, ports, expected):
    """Open for part of it, a network ACL drops some connections and not others: partial, with the missing ports named."""
    pair = Pair(world)
    if platform:
        pair.web.raw["Platform"] = platform
    pair.data.acl().allow(100, "ingress").allow(100, "egress", "tcp", ports)
    found = pair.ask()
    assert expected == [found.verdict, *(str(ports) for finding in found.findings for ports in finding.denied)]


def test_the_ranges_that_are_missing_are_named_one_by_one(pair):
    """A deny in the middle of the range leaves a hole, which the headline tells."""
    pair.app.acl().allow(100, "egress").allow(100, "ingress", "tcp", ANY_CLIENT).deny(90, "ingress", "tcp", (40000, 40009))
    found = pair.ask()
    assert ("partial", "NA111") == verdict(found)
    assert "40000-40009" in found.headline


def test_ranges_that_leave_nothing_between_them_block(pair):
    """One network ACL admits replies to the lower ports, the other to the upper ones: no connection ever works."""
    pair.data.acl().allow(100, "ingress").allow(100, "egress", "tcp", (32768, 45000))
    pair.app.acl().allow(100, "egress").allow(100, "ingress", "tcp", (45001, 60999))
    assert "blocked" == pair.ask().verdict


def test_a_managed_client_uses_any_port_from_1024(world):
    """Lambda, like load balancers and NAT gateways, is not bound to what Linux picks."""
    pair = Pair(world)
    pair.app.interface("10.0.1.50", pair.sg_web, type="lambda")
    pair.data.acl().allow(100, "ingress").allow(100, "egress", "tcp", LINUX)
    found = pair.ask(source="10.0.1.50")
    assert ("partial", ["1024-32767", "61000-65535"]) == (found.verdict, [str(p) for p in found.findings[0].denied])


def test_a_client_of_which_nothing_is_known_may_use_any_port_from_1024(pair):
    """What comes from the internet has any system behind it: a Linux range alone is partial."""
    gateway = pair.vpc.internet_gateway()
    pair.data.route("0.0.0.0/0", gateway)
    pair.data.instance("edge", "10.0.2.99", pair.sg_db, public="203.0.113.9")
    pair.sg_db.ingress("tcp", 443, "0.0.0.0/0")
    pair.data.acl().allow(100, "ingress").allow(100, "egress", "tcp", LINUX)
    assert ("partial", "NA111") == verdict(pair.ask(443, "198.51.100.7", "203.0.113.9"))


def test_a_given_source_port_is_the_only_one_that_counts(pair):
    """Whoever names the client's port asks about that connection."""
    pair.data.acl().allow(100, "ingress").allow(100, "egress", "tcp", 40000)
    assert ["reachable", "blocked"] == [pair.ask(source_port=port).verdict for port in (40000, 40001)]


# ---------------------------------------------------------------- 4. security groups and their references


def test_security_groups_let_the_reply_of_what_they_let_in_pass(pair):
    """Stateful: neither the server's group needs a rule out nor the client's one in."""
    pair.sg_db.raw["IpPermissionsEgress"] = []
    assert ("reachable",) == verdict(pair.ask())


def test_a_group_without_egress_rules_lets_nothing_out(pair):
    """No rule, no packet."""
    pair.sg_web.raw["IpPermissionsEgress"] = []
    assert ("blocked", "SG103") == verdict(pair.ask())


def test_the_rules_of_all_groups_of_an_interface_count_together(pair):
    """One group that admits is enough, whatever the others leave out."""
    other = pair.vpc.group("other")
    other.ingress("tcp", 22, "10.0.1.0/24")
    pair.db.eni.raw["Groups"].append({"GroupId": other.id, "GroupName": "other"})
    assert ["reachable", "reachable", "blocked"] == [pair.ask(port).verdict for port in (22, 5432, 80)]


def test_every_group_pair_of_a_rule_counts(pair):
    """AWS lists peers of the same ports in one entry; the second pair is as good as the first."""
    stranger = pair.vpc.group("stranger")
    pair.sg_db.ingress("tcp", 8080, stranger, pair.sg_web)
    assert ("reachable",) == verdict(pair.ask(8080))


def test_a_reference_admits_members_only(pair):
    """A group that the sender does not carry admits it not, and the near miss says so."""
    bastion = pair.vpc.group("sg-bastion")
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("tcp", 5432, bastion)
    found = pair.ask()
    assert ("blocked", "SG102") == verdict(found)
    assert "differs in source" in found.findings[0].near_miss


def test_a_group_may_reference_itself(world, pair):
    """Members talk to each other; a self reference admits nobody else."""
    mesh = pair.vpc.group("mesh")
    mesh.ingress("-1", None, mesh)
    pair.app.instance("node-1", "10.0.1.51", mesh)
    pair.data.instance("node-2", "10.0.2.52", mesh)
    assert ("reachable",) == verdict(pair.ask(7000, "node-1", "node-2"))
    assert ("blocked", "SG102") == verdict(pair.ask(7000, "web-1", "node-2"))


def test_carrying_the_same_group_opens_nothing_by_itself(pair):
    """Membership is no rule: without a self reference members are strangers."""
    alike = pair.vpc.group("alike")
    pair.app.instance("node-1", "10.0.1.51", alike)
    pair.data.instance("node-2", "10.0.2.52", alike)
    assert ("blocked", "SG103") == verdict(pair.ask(7000, "node-1", "node-2"))


def test_an_egress_reference_looks_at_the_receiver(pair):
    """A client allowed to talk to members of sg-db only reaches db-1, and no one else."""
    pair.sg_web.raw["IpPermissionsEgress"] = []
    pair.sg_web.egress("tcp", 5432, pair.sg_db)
    pair.data.instance("db-2", "10.0.2.21", pair.vpc.default_group)
    assert ("reachable",) == verdict(pair.ask())
    assert ("blocked", "SG101") == verdict(pair.ask(destination="db-2"))


def test_a_reference_is_lost_behind_a_nat_gateway(pair):
    """The far guard sees the NAT gateway's address, which is no member's."""
    hop = pair.vpc.subnet("10.0.3.0/24")
    pair.app.route("10.0.2.0/24", hop.nat("10.0.3.5"))
    assert ("blocked", "SG105") == verdict(pair.ask())
    pair.sg_db.ingress("tcp", 5432, "10.0.3.5/32")
    assert ("reachable",) == verdict(pair.ask())


def test_a_reference_is_lost_with_a_public_address(pair):
    """By the public address the packet leaves through the internet gateway: the far guard sees the sender's public one."""
    gateway = pair.vpc.internet_gateway()
    for subnet in (pair.app, pair.data):
        subnet.route("0.0.0.0/0", gateway)
    front = pair.app.instance("front", "10.0.1.30", pair.sg_web, public="203.0.113.30")
    pair.data.instance("back", "10.0.2.30", pair.sg_db, public="203.0.113.40")
    assert front.id
    assert ("blocked", "SG105") == verdict(pair.ask(5432, "front", "203.0.113.40"))
    assert ("reachable",) == verdict(pair.ask(5432, "front", "back"))
    pair.sg_db.ingress("tcp", 5432, "203.0.113.30/32")
    assert ("reachable",) == verdict(pair.ask(5432, "front", "203.0.113.40"))


def test_a_reference_to_a_group_elsewhere_is_not_decided_by_what_was_read_here(world):
    """The far end lies in a peered VPC of an account that was not read: perhaps it is a member, perhaps not."""
    other = World("444455556666")
    here, there = world.vpc("10.0.0.0/16"), other.vpc("10.9.0.0/16")
    client, server = here.group("client", egress=False), there.group("server")
    here.subnet("10.0.1.0/24").instance("web-1", "10.0.1.10", client)
    there.subnet("10.9.1.0/24").instance("db-1", "10.9.1.20", server)
    here.route("10.9.0.0/16", world.peer(here, there))
    client.egress("tcp", 5432, server)
    found = diagnose("web-1", "10.9.1.20", 5432, snapshot=world.snapshot())
    assert ("inconclusive", True) == (found.verdict, "SG190" in codes(found))
    client.raw["IpPermissionsEgress"] = []
    client.egress("tcp", 5432, client)
    assert ("blocked", "SG101") == verdict(diagnose("web-1", "10.9.1.20", 5432, snapshot=world.snapshot()))


def test_prefix_lists_in_rules(pair):
    """A rule for a prefix list admits the list's addresses; a list that was not read is unknown, not empty."""
    listed = pair.world.prefix_list("192.168.0.0/16", "10.0.1.0/24")
    pair.sg_db.ingress("tcp", 443, listed)
    assert ("reachable",) == verdict(pair.ask(443))
    found = pair.ask(443, without=["ManagedPrefixListEntries"])
    assert ("inconclusive", "SG190") == verdict(found)
    assert ["ec2:GetManagedPrefixListEntries"] == [unread.action for unread in found.unread]


@pytest.mark.parametrize("state", ["disassociated", "failed"])
def test_an_association_that_is_none_leaves_the_main_table(pair, state):
    """A route table stays listed with the subnet for a while after it was taken from it, or could not be given to it."""
    pair.app.route("10.0.2.0/24", "nat-0dead", state="blackhole")
    pair.app.table.raw["Associations"][0]["AssociationState"] = {"State": state}
    assert ("reachable",) == verdict(ask(pair.world, pair.web.eni.id, pair.db.eni.id))
