"""Traps of the evidence: which host is meant, what was not read, what is half written, and IPv6 beside IPv4."""

import json

import pytest
from scenes import OUTSIDE, Pair, ask, behind_nat, codes, neighbours, peered, public_web, verdict
from world import ASKED_APART, ID_FIELDS, World, save

from flowdiag import FlowdiagError, Snapshot, diagnose

# ---------------------------------------------------------------- 13. which host is meant


def test_a_secondary_private_address_is_its_interfaces(pair):
    """Rules by CIDR look at the address that stands in the header, not at the interface's first one."""
    pair.data.interface("10.0.2.40", pair.sg_db, secondary=["10.0.2.41"])
    pair.data.acl().allow(100, "ingress").allow(100, "egress").deny(90, "egress", cidr="10.0.1.99/32")
    assert ("reachable",) == verdict(pair.ask(destination="10.0.2.41"))
    pair.app.interface("10.0.1.98", pair.sg_web, secondary=["10.0.1.99"])
    assert ("blocked", "NA103") == verdict(pair.ask(source="10.0.1.99"))
    assert ("reachable",) == verdict(pair.ask(source="10.0.1.98"))


def test_a_public_address_belongs_to_one_of_the_private_ones(world):
    """Each private address has its own public one, and the gateway maps each to the other."""
    vpc, subnet, group, *_ = public_web(world)
    subnet.interface("10.0.1.60", group, public="203.0.113.60", secondary=[("10.0.1.61", "203.0.113.61"), "10.0.1.62"])
    subnet.acl().allow(100, "egress").allow(100, "ingress").deny(90, "egress", cidr="203.0.113.0/24")
    assert ("reachable",) == verdict(ask(world, "10.0.1.61", "internet", 443))
    assert ("blocked", "IG104") == verdict(ask(world, "10.0.1.62", "internet", 443))
    found = ask(world, OUTSIDE, "203.0.113.61", 443)
    assert ("reachable", "10.0.1.61") == (found.verdict, str(found.path.legs[0].request[-1].before.destination))
    assert vpc.id


def test_an_instance_with_two_interfaces_is_reached_by_the_address_that_was_named(world):
    """Each interface has groups and a subnet of its own."""
    pair = Pair(world)
    pair.db.attach(pair.app.interface("10.0.1.77", pair.vpc.default_group), index=1)
    assert ("reachable",) == verdict(pair.ask(destination="10.0.2.20"))
    assert ("blocked", "SG102") == verdict(pair.ask(destination="10.0.1.77"))


def test_an_address_that_several_vpcs_have_is_asked_back(world):
    """Overlapping VPCs: no guess, but the candidates, and `vpc-…/address` settles it."""
    one, other = Pair(world), Pair(world)
    other.db.raw["Tags"] = other.web.raw["Tags"] = []
    with pytest.raises(FlowdiagError, match="fits 2 network interfaces") as told:
        one.ask(source="10.0.1.10", destination="10.0.2.20")
    assert all(pair.vpc.id in str(told.value) for pair in (one, other))
    assert ("reachable",) == verdict(one.ask(source=f"{other.vpc.id}/10.0.1.10", destination=f"{other.vpc.id}/10.0.2.20"))


def test_the_senders_vpc_settles_an_address_that_several_have(world):
    """From inside a VPC its own 10.0.2.20 is meant: the other one cannot be reached by that address."""
    one, other = Pair(world), Pair(world)
    other.sg_db.raw["IpPermissions"] = []
    other.db.raw["Tags"] = other.web.raw["Tags"] = []
    assert ("reachable",) == verdict(one.ask(source=one.web.eni.id, destination="10.0.2.20"))
    assert ("blocked", "SG103") == verdict(one.ask(source=other.web.eni.id, destination="10.0.2.20"))


@pytest.mark.parametrize("state", ["stopped", "stopping", "shutting-down", "pending", "terminated"])
@pytest.mark.parametrize("end", ["web", "db"])
def test_an_instance_that_does_not_run_neither_sends_nor_answers(world, state, end):
    """The interface stays in place when its instance is stopped, with groups, routes and address."""
    pair = Pair(world)
    getattr(pair, end).raw["State"] = {"Name": state}
    found = pair.ask(source=pair.web.eni.id, destination=pair.db.eni.id)
    assert ("blocked", "NI101") == verdict(found)


def test_an_instance_that_is_not_among_those_read_is_not_taken_for_stopped(pair):
    """In a shared VPC the interface's account has the instance; nothing is said of it here."""
    pair.db.eni.raw["Attachment"]["InstanceId"] = "i-0abc"
    assert ("inconclusive", "NI191") == verdict(pair.ask(destination=pair.db.eni.id))


def test_an_interface_attached_to_nothing_answers_nobody(pair):
    """Available means that nobody is behind it."""
    pair.data.interface("10.0.2.66", pair.sg_db, Status="available")
    assert ("blocked", "NI101") == verdict(pair.ask(destination="10.0.2.66"))


def test_an_address_that_nobody_holds_is_told_as_such(pair):
    """Inside the VPC every address in use is an interface's, so a free one leads to nobody."""
    assert ("blocked", "VP101") == verdict(pair.ask(destination="10.0.2.250"))


@pytest.mark.parametrize("target", ["169.254.169.254", "169.254.169.253", "10.0.0.2", "10.0.1.1"])
def test_addresses_that_aws_answers_itself_are_not_judged(pair, target):
    """Link-local services, the resolver and the router: no guard applies and no flow log shows them."""
    pair.app.acl()
    pair.sg_web.raw["IpPermissionsEgress"] = []
    found = pair.ask(53, destination=target, protocol="udp")
    assert ("inconclusive", "VP191") == verdict(found)


@pytest.mark.parametrize("target", ["10.0.2.1", "10.0.2.255"])
def test_addresses_of_another_subnet_that_no_host_has_are_not_reached(pair, target):
    """Its router and its broadcast address."""
    assert ("inconclusive", "VP191") == verdict(pair.ask(53, destination=target, protocol="udp"))


# ---------------------------------------------------------------- 13. half-written evidence

NEEDED = ("Subnets", "NetworkInterfaces", "RouteTables", "NetworkAcls", "SecurityGroups")
SPOILT = {"null": None, "a number": 7, "a text": "x", "a list": [], "an object": {}, "a list of nulls": [None]}


def _fields():
    """Every field of the evidence that the answer rests on, once without it and once with something else in its place."""
    for key, field in (
        ("NetworkInterfaces", "SubnetId"),
        ("NetworkInterfaces", "VpcId"),
        ("NetworkInterfaces", "Groups"),
        ("NetworkInterfaces", "PrivateIpAddress"),
        ("NetworkInterfaces", "PrivateIpAddresses"),
        ("NetworkInterfaces", "Attachment"),
        ("NetworkInterfaces", "SourceDestCheck"),
        ("NetworkInterfaces", "TagSet"),
        ("Subnets", "CidrBlock"),
        ("Subnets", "VpcId"),
        ("Subnets", "Ipv6CidrBlockAssociationSet"),
        ("RouteTables", "Routes"),
        ("RouteTables", "Associations"),
        ("RouteTables", "VpcId"),
        ("NetworkAcls", "Entries"),
        ("NetworkAcls", "Associations"),
        ("SecurityGroups", "IpPermissions"),
        ("SecurityGroups", "IpPermissionsEgress"),
        ("Reservations", "Instances"),
    ):
        for spoil in ("absent", *SPOILT):
            yield pytest.param(key, field, spoil, id=f"{key}.{field} {spoil}")


@pytest.mark.parametrize(("key", "field", "spoil"), list(_fields()))
def test_a_spoilt_field_is_no_exception_and_opens_nothing(pair, key, field, spoil):
    """A flow that is blocked by every guard is not made reachable by evidence that cannot be understood."""
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_web.raw["IpPermissionsEgress"] = []
    pair.data.acl()
    for entry in next(iter(pair.world.raw().values()))[key]:
        if spoil == "absent":
            entry.pop(field, None)
        else:
            entry[field] = SPOILT[spoil]
    try:
        found = pair.ask(source=pair.web.eni.id, destination=pair.db.eni.id)
    except FlowdiagError:
        return
    assert "reachable" != found.verdict


@pytest.mark.parametrize("key", [*NEEDED, "Reservations"])
@pytest.mark.parametrize("content", ['{"KEY": [', '{"KEY": null}', '{"KEY": {}}', '{"KEY": [null, 3]}', "[]", "null", "", "\x00"])
def test_a_spoilt_file_is_unread_not_empty(pair, tmp_path, key, content):
    """A reply cut off in the middle, or none at all, leaves the answer open (or the ends unknown) and never decides it.

    Subnets only tell who is whose neighbour, which the interfaces tell too.
    """
    pair.world.save(tmp_path)
    file = next(tmp_path.rglob(f"{key}.json"))
    file.write_text(content.replace("KEY", key))
    snapshot = Snapshot.load(tmp_path)
    try:
        told = diagnose(pair.web.eni.id, pair.db.eni.id, 5432, snapshot=snapshot).verdict
    except FlowdiagError:
        told = "no such interface"
    answers = {"Subnets": "reachable", "NetworkInterfaces": "no such interface"}
    assert answers.get(key, "inconclusive") == told


# ---------------------------------------------------------------- 14. what was not read

GRANTS = {
    "RouteTables": "ec2:DescribeRouteTables",
    "NetworkAcls": "ec2:DescribeNetworkAcls",
    "SecurityGroups": "ec2:DescribeSecurityGroups",
    "Reservations": "ec2:DescribeInstances",
}


@pytest.mark.parametrize("key", GRANTS)
def test_an_absent_file_is_unread_and_leaves_the_answer_open(pair, key):
    """Nobody saved it: neither reachable nor blocked, and the action that would grant it is listed."""
    found = pair.ask(source=pair.web.eni.id, destination=pair.db.eni.id, without=[key])
    assert "inconclusive" == found.verdict
    assert GRANTS[key] in {unread.action for unread in found.unread}


@pytest.mark.parametrize("key", ["RouteTables", "NetworkAcls", "SecurityGroups", "Subnets"])
def test_an_absent_file_does_not_hide_a_blocker(pair, key):
    """What was read and blocks still blocks: the answer may be kept, never turned into reachable."""
    pair.sg_web.raw["IpPermissionsEgress"] = []
    found = pair.ask(source=pair.web.eni.id, destination=pair.db.eni.id, without=[key])
    assert found.verdict in ("blocked", "inconclusive")
    assert "SG103" in codes(found) or key == "SecurityGroups"


def test_without_the_subnets_the_interfaces_tell_who_is_whose_neighbour(world, pair):
    """Both interfaces name their subnet: neighbours still meet no network ACL, others still do."""
    subnet, *_ = neighbours(world)
    subnet.acl()
    found = pair.ask(443, "one", "two", without=["Subnets"])
    assert (("reachable",), "ec2:DescribeSubnets") == (verdict(found), found.unread[0].action)
    pair.data.acl()
    assert ("blocked", "NA102") == verdict(pair.ask(without=["Subnets"]))


@pytest.mark.parametrize(
    ("key", "action"), [("InternetGateways", "ec2:DescribeInternetGateways"), ("NatGateways", "ec2:DescribeNatGateways")]
)
def test_gateways_that_were_not_read_leave_the_answer_open(world, key, action):
    """A route names them; whether they are attached or available is not known."""
    behind_nat(world)
    found = ask(world, "app-1", "internet", 443, without=[key])
    assert "inconclusive" == found.verdict
    assert action in {unread.action for unread in found.unread}


def test_a_peering_that_was_not_read_leaves_the_answer_open(world):
    """The route to it alone says nothing of its state."""
    peered(world)
    found = ask(world, "web-1", "db-1", without=["VpcPeeringConnections"])
    assert "inconclusive" == found.verdict
    assert "ec2:DescribeVpcPeeringConnections" in {unread.action for unread in found.unread}


def test_a_region_that_was_not_read_says_nothing(world):
    """Replies of one Region do not make those of another empty."""
    other = World(region="eu-west-1")
    peered(world, other)
    found = ask(world, "web-1", "10.9.2.20", 5432, other, without=["SecurityGroups"])
    assert "inconclusive" == found.verdict


def test_a_reply_cut_off_by_a_token_is_not_the_whole_of_it(pair, tmp_path):
    """The CLI stopped paging: a security group that is not on the first page is unread, not deleted."""
    pair.world.save(tmp_path)
    file = next(tmp_path.rglob("SecurityGroups.json"))
    file.write_text(json.dumps({"SecurityGroups": [pair.sg_web.raw], "NextToken": "eyJ2"}))
    found = diagnose("web-1", "db-1", 5432, snapshot=Snapshot.load(tmp_path))
    assert ("inconclusive", "SG190") == verdict(found)


def test_an_interface_on_the_first_page_holds_its_address(pair, tmp_path):
    """The CLI stopped paging: whose address it is in that VPC is known of those that were listed, whatever follows."""
    pair.world.save(tmp_path)
    file = next(tmp_path.rglob("NetworkInterfaces.json"))
    whole = diagnose("web-1", "db-1", 5432, snapshot=Snapshot.load(tmp_path))
    file.write_text(json.dumps({**json.loads(file.read_text()), "NextToken": "eyJ2"}))
    ends = (end.eni for end in (whole.path.legs[0].source, whole.path.legs[0].destination))
    found = diagnose(*ends, 5432, snapshot=Snapshot.load(tmp_path))
    assert [f.code for f in whole.path.findings] == [f.code for f in found.path.findings]


def test_a_deleted_group_that_is_still_referenced_admits_nobody(pair):
    """A stale rule stays when the group it names is gone."""
    gone = pair.vpc.group("gone")
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("tcp", 5432, gone)
    groups = next(iter(pair.world.raw().values()))["SecurityGroups"]
    groups.remove(gone.raw)
    assert ("blocked", "SG108") == verdict(pair.ask())


# ---------------------------------------------------------------- IPv6 beside IPv4


def ask6(pair, port=5432, **more):
    """web-1 → db-1 by their IPv6 addresses."""
    return pair.ask(port, "2001:db8:1:1::10", "2001:db8:1:2::20", **more)


def test_ipv6_passes_the_same_guards(pair6):
    """Group references, the default network ACL and local routes exist in both families."""
    assert ("reachable",) == verdict(ask6(pair6))


def test_rules_of_one_family_say_nothing_of_the_other(pair6):
    """0.0.0.0/0 is everybody in IPv4 only, in groups, network ACLs and routes alike."""
    pair6.sg_db.ingress("tcp", 443, "0.0.0.0/0")
    assert ["blocked", "reachable"] == [ask6(pair6, 443).verdict, pair6.ask(443).verdict]
    pair6.sg_db.ingress("tcp", 443, "::/0")
    assert ("reachable",) == verdict(ask6(pair6, 443))
    pair6.data.acl().allow(100, "ingress").allow(100, "egress")
    assert (("blocked", "NA102"), ("reachable",)) == (verdict(ask6(pair6, 443)), verdict(pair6.ask(443)))


def test_a_default_route_of_ipv4_never_carries_ipv6(pair6):
    """The families are routed apart."""
    pair6.vpc.route("0.0.0.0/0", pair6.vpc.internet_gateway())
    found = pair6.ask(443, "2001:db8:1:1::10", "2001:db8:ffff::1")
    assert ("blocked", "RT101") == verdict(found)


def test_ipv6_meets_the_internet_without_translation(pair6):
    """A global address is its own public one, and the same rules hold in both directions."""
    pair6.vpc.route("::/0", pair6.vpc.internet_gateway())
    pair6.sg_web.ingress("tcp", 443, "::/0")
    assert ("reachable",) == verdict(pair6.ask(443, "2001:db8:1:1::10", "2001:db8:ffff::1"))
    assert ("reachable",) == verdict(pair6.ask(443, "2001:db8:ffff::1", "2001:db8:1:1::10"))


def test_an_interface_may_deny_internet_traffic_over_ipv6(pair6):
    """DenyAllIgwTraffic: what comes in by an internet gateway is dropped at the interface, inside the VPC it is reachable."""
    pair6.vpc.route("::/0", pair6.vpc.internet_gateway())
    pair6.sg_web.ingress("tcp", 443, "::/0")
    pair6.web.eni.raw["DenyAllIgwTraffic"] = True
    assert ("blocked", "IG107") == verdict(pair6.ask(443, "2001:db8:ffff::1", "2001:db8:1:1::10"))
    assert ("reachable",) == verdict(ask6(pair6))


def test_a_ping_over_ipv6_is_of_another_protocol(pair6):
    """ICMPv6 is protocol 58 with type 128; an ICMP rule for IPv4 does not admit it."""
    pair6.sg_db.ingress("icmp", None, pair6.sg_web)
    assert ("blocked", "SG102") == verdict(ask6(pair6, None, protocol="icmpv6"))
    pair6.sg_db.ingress("icmpv6", None, pair6.sg_web)
    assert ("reachable",) == verdict(ask6(pair6, None, protocol="icmpv6"))


def test_a_nat_gateway_does_not_translate_ipv6(pair6):
    """A route of ::/0 to one leads nowhere."""
    public = pair6.vpc.subnet("10.0.100.0/24", "2001:db8:1:64::/64")
    pair6.vpc.route("::/0", public.nat("10.0.100.5", public="203.0.113.50"))
    assert ("blocked", "NG102") == verdict(pair6.ask(443, "2001:db8:1:1::10", "2001:db8:ffff::1"))


def test_a_gateway_that_is_not_followed_is_named_not_guessed(pair):
    """A network of Oracle Database@AWS is on the path: inconclusive."""
    odb = "arn:aws:odb:us-east-1:111122223333:odb-network/odbnet_0f6"
    pair.vpc.main.raw["Routes"].append({"DestinationCidrBlock": "192.168.0.0/16", "OdbNetworkArn": odb, "State": "active"})
    assert ("inconclusive", "UN190") == verdict(pair.ask(443, "10.0.1.10", "192.168.3.4"))


def test_two_address_families_in_one_question_are_refused(pair6):
    """No packet has both."""
    with pytest.raises(FlowdiagError, match="different IP versions"):
        pair6.ask(443, "10.0.1.10", "2001:db8:1:2::20")


def test_worlds_are_written_as_a_person_would_save_them(pair, tmp_path):
    """One file a call in a folder for each account and Region, and nothing that the snapshot has to complain of."""
    save(pair.world.raw(World("444455556666")), tmp_path)
    loaded = Snapshot.load(tmp_path)
    assert ((), 2, 2 * len(set(ID_FIELDS) - set(ASKED_APART))) == (loaded.notes, len(loaded.scopes), len(loaded.files))
