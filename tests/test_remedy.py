"""Remedies: security groups, several blockers at once, and that a remedy is called verified only when it opens the flow.

Network ACLs and routes are in `test_remedy_borders.py`, random networks in `test_remedy_properties.py`.
"""

from __future__ import annotations

import json
import shlex

import pytest
from proving import WEB, Pair, Peered, commands, only, proved, summaries, walked
from world import World

from flowdiag import Snapshot
from flowdiag.conclude import passes
from flowdiag.graph import Path
from flowdiag.remedy import apply, prove


@pytest.fixture
def pair(world: World) -> Pair:
    return Pair(world)


@pytest.fixture
def open_pair(pair: Pair) -> Pair:
    """The pair with security groups that let everything pass."""
    pair.sg_db.ingress("-1", None, "0.0.0.0/0")
    return pair


# ---------------------------------------------------------------- security groups


def test_a_flow_that_passes_needs_no_remedy(world: World, open_pair: Pair):
    """Where nothing blocks there is nothing to change."""
    assert () == proved(world.snapshot(), "web-1", "db-1")


def test_ingress_is_admitted_from_the_group_of_the_sender(world: World, pair: Pair):
    """The rule names the sender's security group, the exact protocol and the exact port, in the receiver's group."""
    remedy = only(world.snapshot(), "web-1", "db-1")
    assert ["admit tcp/5432 from sg-web in sg-db"] == summaries(remedy)
    expected = f"aws ec2 authorize-security-group-ingress --group-id {pair.sg_db.id} --protocol tcp --port 5432"
    assert [f"{expected} --source-group {pair.sg_web.id}"] == commands(remedy)


def test_applying_leaves_the_old_snapshot_alone(world: World, pair: Pair):
    """A remedy applied opens the flow in the copy; the snapshot it was made from is its undoing."""
    snapshot = world.snapshot()
    (change,) = only(snapshot, "web-1", "db-1").changes
    changed = apply(change, snapshot)
    assert (True, False) == (passes(walked(changed, "web-1", "db-1")), passes(walked(snapshot, "web-1", "db-1")))
    assert world.snapshot() == snapshot


def test_egress_has_only_the_long_form(world: World):
    """The command line cannot say a destination group in the short form: the whole permission is given as JSON."""
    vpc = world.vpc("10.0.0.0/16")
    sg_web, sg_db = vpc.group("sg-web", egress=False), vpc.group("sg-db")
    sg_db.ingress("tcp", 5432, sg_web)
    subnet = vpc.subnet("10.0.1.0/24")
    subnet.instance("web-1", WEB, sg_web)
    subnet.instance("db-1", "10.0.1.20", sg_db)
    remedy = only(world.snapshot(), "web-1", "db-1")
    pairs = [{"GroupId": sg_db.id, "UserId": world.account}]
    rule = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": pairs}]
    words = shlex.split(commands(remedy)[0])
    assert ["admit tcp/5432 to sg-db in sg-web"] == summaries(remedy)
    assert ["aws", "ec2", "authorize-security-group-egress", "--group-id", sg_web.id, "--ip-permissions"] == words[:-1]
    assert rule == json.loads(words[-1])


def test_the_default_group_is_not_referenced(world: World, pair: Pair):
    """Whoever made nothing of his own is in `default`: naming it would admit them all, so the one address is admitted."""
    pair.app.instance("job-1", "10.0.1.30", pair.vpc.default_group)
    remedy = only(world.snapshot(), "job-1", "db-1")
    assert ["admit tcp/5432 from 10.0.1.30 in sg-db"] == summaries(remedy)
    assert commands(remedy)[0].endswith("--port 5432 --cidr 10.0.1.30/32")


def test_the_group_of_its_own_is_the_one_changed(world: World, pair: Pair):
    """Of several groups on the receiver the rule goes into the one that is not the VPC's default."""
    pair.data.instance("db-2", "10.0.2.30", pair.vpc.default_group, pair.sg_db)
    assert ["admit tcp/5432 from sg-web in sg-db"] == summaries(only(world.snapshot(), "web-1", "db-2"))


def test_a_group_of_another_owner_in_a_shared_vpc_is_not_referenced(world: World, pair: Pair):
    """Interfaces of two accounts in one VPC: the address is admitted, since nothing read says the group may be named."""
    pair.web.eni.raw["OwnerId"] = "444455556666"
    assert ["admit tcp/5432 from 10.0.1.10 in sg-db"] == summaries(only(world.snapshot(), "web-1", "db-1"))


def test_over_a_peering_of_one_region_the_group_is_referenced(world: World):
    """Within a Region an active peering lets rules name groups of the other VPC."""
    peered = Peered(world, world)
    assert commands(only(world.snapshot(), "web-1", "db-1"))[0].endswith(f"--source-group {peered.sg_web.id}")


def test_a_group_of_another_account_comes_with_its_owner(world: World):
    """Across accounts the reference needs the owner, which only --ip-permissions can say; the summary names the account."""
    other = World("444455556666")
    peered = Peered(world, other)
    remedy = only(world.snapshot(other), "web-1", "db-1")
    assert ["admit tcp/5432 from sg-web in sg-db of account 444455556666"] == summaries(remedy)
    (rule,) = json.loads(shlex.split(commands(remedy)[0])[-1])
    assert [{"GroupId": peered.sg_web.id, "UserId": world.account}] == rule["UserIdGroupPairs"]


def test_across_regions_the_address_is_admitted_and_the_region_said(world: World):
    """A peering across Regions hides group membership; the command is for the Region of the changed group."""
    other = World(region="eu-west-1")
    Peered(world, other)
    (command,) = commands(only(world.snapshot(other), "web-1", "db-1"))
    assert command.endswith("--port 5432 --cidr 10.0.1.10/32 --region eu-west-1")


def test_behind_a_nat_gateway_its_address_is_admitted(world: World):
    """The receiver sees the NAT gateway's address, and that is whom its rule admits; on neither side is a group referenced."""
    vpc = world.vpc("10.0.0.0/16")
    app, out = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.9.0/24")
    peer = world.vpc("10.1.0.0/16")
    pcx = world.peer(vpc, peer)
    nat = out.nat("10.0.9.5")
    app.route("10.1.0.0/16", nat)
    out.route("10.1.0.0/16", pcx)
    peer.route("10.0.0.0/16", pcx)
    app.instance("web-1", WEB, vpc.group("sg-web", egress=False))
    peer.subnet("10.1.2.0/24").instance("db-1", "10.1.2.20", peer.group("sg-db"))
    expected = ["admit tcp/5432 to 10.1.2.20 in sg-web", "admit tcp/5432 from 10.0.9.5 in sg-db"]
    assert expected == summaries(only(world.snapshot(), "web-1", "db-1"))


def test_over_a_public_address_the_public_source_is_admitted(world: World, pair: Pair):
    """A public destination of the same VPC is reached through the internet gateway: the far guard sees a public sender."""
    pair.vpc.route("0.0.0.0/0", pair.vpc.internet_gateway())
    pair.app.instance("web-2", "10.0.1.11", pair.sg_web, public="203.0.113.11")
    pair.data.instance("db-2", "10.0.2.21", pair.sg_db, public="203.0.113.21")
    remedy = only(world.snapshot(), "web-2", "203.0.113.21")
    assert ["admit tcp/5432 from 203.0.113.11 in sg-db"] == summaries(remedy)


def test_the_internet_is_everybody_and_said_so(world: World):
    """Asked about the internet, no single address will do: the rule is for everybody, and the summary says it."""
    vpc = world.vpc("10.0.0.0/16")
    vpc.route("0.0.0.0/0", vpc.internet_gateway())
    vpc.subnet("10.0.1.0/24").instance("web-1", WEB, vpc.group("sg-web", egress=False), public="203.0.113.11")
    remedy = only(world.snapshot(), "web-1", "internet", 443)
    assert ["admit tcp/443 to anywhere (0.0.0.0/0) in sg-web"] == summaries(remedy)
    (one_host,) = only(world.snapshot(), "web-1", "192.0.2.7", 443).changes
    assert [{"CidrIp": "192.0.2.7/32"}] == one_host.patch["add"]["IpRanges"]


@pytest.mark.parametrize(
    ("protocol", "port", "expected"),
    [
        ("icmp", None, {"IpProtocol": "icmp", "FromPort": 8, "ToPort": 0}),
        ("50", None, {"IpProtocol": "50"}),
    ],
)
def test_protocols_without_ports_need_the_long_form(world: World, pair: Pair, protocol, port, expected):
    """ICMP is admitted by type and code, any other protocol by its number."""
    (command,) = commands(only(world.snapshot(), "web-1", "db-1", port, protocol))
    (rule,) = json.loads(shlex.split(command)[-1])
    assert {**expected, "UserIdGroupPairs": rule["UserIdGroupPairs"]} == rule


def test_udp_is_admitted_as_udp(world: World, pair: Pair):
    """The protocol of the rule is the one asked about."""
    pair.sg_db.ingress("tcp", 53, pair.sg_web)
    (command,) = commands(only(world.snapshot(), "web-1", "db-1", 53, "udp"))
    assert "--protocol udp --port 53" in command


def test_ipv6_addresses_are_admitted_as_such(world: World):
    """IPv6 has a field of its own in a rule, which only the long form can say."""
    pair = Pair(world, ipv6=True)
    pair.app.instance("job-1", "10.0.1.30", pair.vpc.default_group, ipv6=["2001:db8:0:101::30"])
    (command,) = commands(only(world.snapshot(), "2001:db8:0:101::30", "2001:db8:0:102::20"))
    (rule,) = json.loads(shlex.split(command)[-1])
    assert [{"CidrIpv6": "2001:db8:0:101::30/128"}] == rule["Ipv6Ranges"]


def test_every_word_of_a_command_is_quoted(world: World, pair: Pair):
    """Evidence is foreign text: an id that holds shell syntax stays one word."""
    evil = "sg-1; touch x $(y)"
    pair.sg_db.raw["GroupId"] = evil
    pair.db.eni.raw["Groups"] = [{"GroupId": evil, "GroupName": "sg-db"}]
    (command,) = commands(only(world.snapshot(), "web-1", "db-1"))
    assert evil in shlex.split(command)
    assert f"--group-id '{evil}' " in command


# ---------------------------------------------------------------- several blockers


def test_every_blocker_is_opened_both_ways(world: World, pair: Pair):
    """Egress, ingress, and the network ACLs of request and reply: all in one remedy, in the order of the path."""
    acl = pair.app.acl().allow(100, "egress")
    pair.sg_web.raw["IpPermissionsEgress"].clear()
    remedy = only(world.snapshot(), "web-1", "db-1")
    expected = [
        "admit tcp/5432 to sg-db in sg-web",
        "admit tcp/5432 from sg-web in sg-db",
        f"admit replies tcp/32768-60999 from 10.0.2.20 in {acl.id} by a new rule 100",
    ]
    assert expected == summaries(remedy)


def test_every_way_is_opened(world: World, pair: Pair):
    """An instance with two interfaces sends by either: a rule by address is made for both."""
    more = pair.app.interface("10.0.1.11", pair.vpc.default_group)
    pair.web.eni.raw["Groups"] = more.raw["Groups"]
    pair.web.attach(more, 1)
    expected = ["admit tcp/5432 from 10.0.1.10 in sg-db", "admit tcp/5432 from 10.0.1.11 in sg-db"]
    assert expected == summaries(only(world.snapshot(), "web-1", "db-1"))


def test_changes_that_are_not_needed_are_left_out(world: World, pair: Pair):
    """Only what the flow cannot pass without stays: here only the reply is asked for, so the request's change goes."""
    pair.app.acl().allow(100, "egress")
    snapshot = world.snapshot()

    def reply_passes(path: Path) -> bool:
        return all(f.verdict == "allowed" for f in path.findings if f.direction == "reply")

    path = walked(snapshot, "web-1", "db-1")
    (remedy,) = prove(path, snapshot, lambda changed: walked(changed, "web-1", "db-1"), reply_passes)
    assert (1, "network_acl") == (len(remedy.changes), remedy.changes[0].kind)


def test_what_did_not_help_is_not_tried_again(world: World, pair: Pair):
    """Where a change alters nothing, no second one of the same kind is made, and in the end the change is left out."""
    pair.data.acl().allow(100, "egress")
    snapshot, walks = world.snapshot(), []
    path = walked(snapshot, "web-1", "db-1")

    def unmoved(changed: Snapshot) -> Path:
        walks.append(changed)
        return path

    assert () == prove(path, snapshot, unmoved, passes)
    assert len(walks) < 8


def test_what_cannot_be_changed_is_named(world: World, pair: Pair):
    """A stopped instance is no matter of rules: the group is still opened, not called verified, and the note says why."""
    pair.data.instance("db-2", "10.0.2.21", pair.sg_db, state="stopped")
    (remedy,) = proved(world.snapshot(), "web-1", "db-2")
    assert (["admit tcp/5432 from sg-web in sg-db"], False) == (summaries(remedy), remedy.verified)
    assert remedy.note.startswith("still in the way: nothing runs behind")


def test_nothing_to_change_is_no_remedy(world: World, open_pair: Pair):
    """Where no guard or route is in the way there is no remedy at all."""
    open_pair.data.instance("db-2", "10.0.2.21", open_pair.sg_db, state="stopped")
    assert () == proved(world.snapshot(), "web-1", "db-2")


def test_unread_evidence_keeps_a_remedy_unverified(world: World, pair: Pair):
    """What blocks for certain is opened; what was not read may block too, so nothing is called verified."""
    (remedy,) = proved(world.snapshot(without=["NetworkAcls"]), "web-1", "db-1")
    assert (["admit tcp/5432 from sg-web in sg-db"], False) == (summaries(remedy), remedy.verified)
    assert "was not read" in remedy.note


def test_a_peering_that_is_not_active_is_named(world: World):
    """No change revives a rejected peering: what stands behind it is opened, and the peering is named."""
    peered = Peered(world, world)
    peered.sg_db.raw["IpPermissions"].clear()
    world.raw()[world.account, world.region]["VpcPeeringConnections"][0]["Status"]["Code"] = "rejected"
    (remedy,) = proved(world.snapshot(), "web-1", "db-1")
    assert (["admit tcp/5432 from 10.0.1.10 in sg-db"], False) == (summaries(remedy), remedy.verified)
    assert "rejected" in remedy.note


def test_a_change_to_something_unread_is_refused(world: World, pair: Pair):
    """A patch needs its resource: applying it elsewhere is a KeyError, not a silent nothing."""
    (change,) = only(world.snapshot(), "web-1", "db-1").changes
    with pytest.raises(KeyError, match="was not read"):
        apply(change, Snapshot.empty())
