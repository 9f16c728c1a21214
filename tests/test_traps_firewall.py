"""Traps of Network Firewall: which rule decides, what cannot be decided, and that it sees both ways."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from aws_replay import replay_session
from scenes import Pair, ask, codes, verdict
from world import World
from world_firewall import Firewall, match, rule
from world_services import TransitGateway

from flowdiag import Snapshot, diagnose
from flowdiag.access import Access
from flowdiag.gather import gather_vpcs

OPEN, DROPPED, UNDECIDED = ("reachable",), ("blocked", "NF103"), ("inconclusive", "NF192")
PASS = rule("PASS", "TCP", "10.0.1.0/24", "10.0.2.0/24", 5432)
DROP = rule("DROP", "TCP", "10.0.0.0/16", "ANY", "ANY")
STRICT: dict[str, Any] = {"order": "STRICT_ORDER", "default": ("aws:drop_strict",)}


def inspected(pair: Pair, **settings: Any) -> Firewall:
    """What web-1 and db-1 say to each other goes through a firewall in a subnet between theirs."""
    wall = Firewall(pair.world, "inspect", pair.vpc.subnet("10.0.9.0/28"), **settings)
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("-1", None, "10.0.0.0/16")
    pair.app.route("10.0.2.0/24", wall.endpoints[0])
    pair.data.route("10.0.1.0/24", wall.endpoints[0])
    return wall


@pytest.mark.parametrize(("timeouts", "expected"), [({}, {350}), ({"FlowTimeouts": {"TcpIdleTimeoutSeconds": 900}}, {900})])
def test_the_stateful_engine_forgets_idle_connections(timeouts, expected):
    """After 350 seconds unless the policy says otherwise; what the stateless rules pass it never knew."""
    pair, other = Pair(), Pair()
    inspected(pair).policy["StatefulEngineOptions"].update(timeouts)
    assert expected == {f.idle_timeout for f in pair.ask().path.findings if f.idle_timeout}
    inspected(other, stateless_default="aws:pass")
    assert set() == {f.idle_timeout for f in other.ask().path.findings if f.idle_timeout}


# ---------------------------------------------------------------- which rule decides


def test_in_action_order_pass_goes_before_drop_wherever_it_stands():
    """The default order looks at the actions first."""
    pair = Pair()
    inspected(pair).stateful("mixed", [DROP, PASS])
    assert OPEN == verdict(pair.ask())


def test_in_strict_order_the_first_rule_that_fits_decides():
    """Rules in the order in which they stand."""
    pair = Pair()
    inspected(pair, **STRICT).stateful("mixed", [DROP, PASS])
    assert DROPPED == verdict(pair.ask())


def test_in_strict_order_groups_come_by_priority():
    """The lowest number first, wherever the policy names it."""
    pair = Pair()
    wall = inspected(pair, **STRICT)
    wall.stateful("late", [DROP], 20)
    wall.stateful("early", [PASS], 10)
    assert OPEN == verdict(pair.ask())


@pytest.mark.parametrize(
    ("default", "protocol", "expected"),
    [
        ((), "tcp", OPEN),
        (("aws:alert_strict",), "tcp", OPEN),
        (("aws:drop_strict",), "tcp", DROPPED),
        (("aws:drop_established",), "tcp", ("blocked", "NF104")),
        (("aws:drop_established",), "udp", DROPPED),
        (("aws:drop_established_app_layer",), "tcp", UNDECIDED),
        (("aws:something_new",), "tcp", UNDECIDED),
    ],
)
def test_what_no_rule_speaks_of_meets_the_default(default, protocol, expected):
    """Without a default action it passes; one that nobody documented decides nothing."""
    pair = Pair()
    inspected(pair, order="STRICT_ORDER", default=default)
    assert expected == verdict(pair.ask(protocol=protocol))


@pytest.mark.parametrize(
    ("looks_at", "expected"),
    [
        (("TCP", "10.0.1.0/24", "10.0.2.0/24", 5432), OPEN),
        (("IP", "ANY", "ANY", "ANY"), OPEN),
        (("TCP", "$HOME_NET", "$HOME_NET", "5000:6000"), OPEN),
        (("TCP", "[10.0.0.0/8,!10.0.1.0/28]", "ANY", "[443,5432]"), DROPPED),
        (("TCP", "[10.0.0.0/8,!10.0.7.0/24]", "!192.168.0.0/16", "!443"), OPEN),
        (("TCP", "$EXTERNAL_NET", "ANY", 5432), DROPPED),
        (("UDP", "ANY", "ANY", 5432), DROPPED),
        (("TCP", "10.0.2.0/24", "10.0.1.0/24", "ANY"), DROPPED),
        (("TCP", "10.0.2.0/24", "10.0.1.0/24", "ANY", "ANY"), OPEN),
        (("TCP", "$PARTNERS", "ANY", 5432), UNDECIDED),
        (("TCP", "@lists", "ANY", 5432), UNDECIDED),
        (("TLS", "ANY", "ANY", 5432), UNDECIDED),
        (("TCP", "ANY", "ANY", 5432, "FORWARD", "content"), UNDECIDED),
        (("TCP", "ANY", "ANY", 5432, "FORWARD", "msg", "metadata"), OPEN),
    ],
)
def test_a_rule_fits_by_its_header_alone(looks_at, expected):
    """Variables, lists and negations are read; what looks into the packet, or is not known, decides nothing."""
    pair = Pair()
    inspected(pair, **STRICT).stateful("allow", [rule("PASS", *looks_at)])
    assert expected == verdict(pair.ask(source_port=40000))


def test_a_rule_in_direction_any_fits_either_way_round():
    """The rule names the database first, and the client's request fits all the same."""
    pair = Pair()
    both = rule("PASS", "TCP", "10.0.2.0/24", "10.0.1.0/24", direction="ANY")
    inspected(pair, **STRICT).stateful("allow", [both])
    assert OPEN == verdict(pair.ask())


def test_home_net_may_be_set_by_the_policy():
    """The policy says what is inside; the firewall's own VPC is so only by default."""
    pair = Pair()
    wall = inspected(pair, **STRICT)
    wall.policy["PolicyVariables"] = {"RuleVariables": {"HOME_NET": {"Definition": ["192.168.0.0/16"]}}}
    wall.stateful("allow", [rule("PASS", "TCP", "$HOME_NET", "ANY")])
    assert DROPPED == verdict(pair.ask())


def test_without_the_vpc_home_net_is_not_known():
    """Its CIDRs were not read, so a rule by that variable decides nothing."""
    pair = Pair()
    inspected(pair, **STRICT).stateful("allow", [rule("PASS", "TCP", "$HOME_NET", "ANY")])
    assert "NF192" in codes(pair.ask(without=("Vpcs",)))


# ---------------------------------------------------------------- what cannot be decided


@pytest.mark.parametrize("source", [{"RulesString": "drop tcp any any -> any any (sid:1;)"}, {}], ids=["Suricata", "managed"])
@pytest.mark.parametrize(("first", "expected"), [(True, UNDECIDED), (False, OPEN)])
def test_rules_that_are_not_followed_matter_only_before_the_one_that_decides(source, first, expected):
    """In strict order a rule of higher priority decides without them."""
    pair = Pair()
    wall = inspected(pair, **STRICT)
    wall.group("unseen", source, 1 if first else 3)
    wall.stateful("allow", [PASS], 2)
    assert expected == verdict(pair.ask())


def test_in_action_order_a_pass_rule_decides_whatever_else_there_is():
    """Nothing goes before it but another rule that passes."""
    pair = Pair()
    wall = inspected(pair)
    wall.group("unseen", {"RulesString": "drop ip any any -> any any (sid:1;)"})
    wall.stateful("allow", [PASS])
    assert OPEN == verdict(pair.ask())


def test_in_action_order_a_drop_rule_may_be_overruled_by_what_is_not_followed():
    """A Suricata string may hold a rule that passes the flow, and that would go first."""
    pair = Pair()
    wall = inspected(pair)
    wall.stateful("deny", [DROP])
    wall.group("unseen", {"RulesString": "pass tcp any any -> any 5432 (sid:1;)"})
    assert UNDECIDED == verdict(pair.ask())


@pytest.mark.parametrize(
    ("listed", "protocol", "expected"),
    [
        ("ALLOWLIST", "tcp", UNDECIDED),
        ("DENYLIST", "tcp", UNDECIDED),
        ("ALERTLIST", "tcp", OPEN),
        ("ALLOWLIST", "udp", OPEN),
        ("NEWLIST", "tcp", UNDECIDED),
    ],
)
def test_a_domain_list_looks_at_names_in_tcp_connections(listed, protocol, expected):
    """What it does shows no configuration; one that only alerts does nothing."""
    pair = Pair()
    inspected(pair).group("names", {"RulesSourceList": {"Targets": [".example.com"], "GeneratedRulesType": listed}})
    assert expected == verdict(pair.ask(protocol=protocol))


def test_a_group_that_only_alerts_drops_nothing():
    """The policy turns the group's drops into alerts."""
    pair = Pair()
    inspected(pair).stateful("deny", [DROP], Override={"Action": "DROP_TO_ALERT"})
    assert OPEN == verdict(pair.ask())


def test_a_setting_that_nobody_documented_decides_nothing():
    """A policy with a part that is not known here may do anything with what it is asked about."""
    pair = Pair()
    inspected(pair).policy["FirewallRuleGroupReferences"] = [{"ResourceArn": "arn:aws:network-firewall:::x"}]
    assert UNDECIDED == verdict(pair.ask())


def test_an_endpoint_whose_state_is_not_documented_decides_nothing():
    """DELETING and ERROR do not tell whether packets still pass."""
    pair = Pair()
    inspected(pair).states["zone-0"]["Attachment"]["Status"] = "ERROR"
    assert ("inconclusive", "NF190") == verdict(pair.ask())


# ---------------------------------------------------------------- stateless rules


def test_stateless_rules_come_by_priority_and_need_no_order():
    """The lowest number first, wherever it stands."""
    pair = Pair()
    inspected(pair).stateless("mixed", [match(20, "aws:drop"), match(10, "aws:forward_to_sfe")])
    assert OPEN == verdict(pair.ask())


def test_a_rule_for_first_packets_alone_drops_them():
    """TCP flags: packets that open a connection are dropped, and so there is no connection."""
    pair = Pair()
    syn = match(1, "aws:drop")
    syn["RuleDefinition"]["MatchAttributes"]["TCPFlags"] = [{"Flags": ["SYN"], "Masks": ["SYN", "ACK"]}]
    inspected(pair).stateless("no-syn", [syn])
    assert ("blocked", "NF102") == verdict(pair.ask())


def test_half_a_connection_in_the_stateful_engine_decides_nothing():
    """First packets are passed by the stateless engine, and what follows is forwarded to one that did not see them."""
    pair = Pair()
    syn = match(1, "aws:pass")
    syn["RuleDefinition"]["MatchAttributes"]["TCPFlags"] = [{"Flags": ["SYN"], "Masks": ["SYN", "ACK"]}]
    inspected(pair).stateless("syn", [syn])
    assert ("inconclusive", "NF191") == verdict(pair.ask())


# ---------------------------------------------------------------- both ways


def test_a_firewall_passed_by_stateless_rules_need_not_see_the_reply():
    """No state is kept of what the stateless engine passes."""
    pair = Pair()
    wall = inspected(pair, stateless_default="aws:pass")
    pair.data.table.raw["Routes"].pop()
    assert OPEN == verdict(pair.ask())
    wall.policy["StatelessDefaultActions"] = ["aws:forward_to_sfe"]
    assert ("inconclusive", "AR190") == verdict(pair.ask())


def test_groups_of_the_sender_are_not_seen_behind_a_firewall():
    """A rule that names a group admits nobody who comes through a middlebox."""
    pair = Pair()
    inspected(pair)
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("tcp", 5432, pair.sg_web)
    assert ("blocked", "SG105") == verdict(pair.ask())


def test_network_acls_of_the_firewalls_subnet_apply():
    """In and out, and in both directions."""
    pair = Pair()
    subnet = pair.vpc.subnet("10.0.9.0/28")
    wall = Firewall(pair.world, "inspect", subnet)
    pair.sg_db.ingress("tcp", 5432, "10.0.1.0/24")
    pair.app.route("10.0.2.0/24", wall.endpoints[0])
    pair.data.route("10.0.1.0/24", wall.endpoints[0])
    subnet.acl().allow(100, "egress").allow(100, "ingress", cidr="10.0.1.0/24")
    found = pair.ask()
    assert ["NA104"] == [code for code in codes(found) if code.startswith("NA")]
    assert "reply" == found.findings[0].direction


def central(world: World, appliance: str, far_zone: str = "b") -> Firewall:
    """web-1 (zone a) and db-1 in two VPCs, and an inspection VPC with a firewall in both zones between them."""
    left, right, middle = world.vpc("10.0.0.0/16"), world.vpc("10.9.0.0/16"), world.vpc("10.5.0.0/16")
    app, data = left.subnet("10.0.1.0/24"), right.subnet("10.9.2.0/24", zone=far_zone)
    sg_db = right.group("sg-db")
    sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    app.instance("web-1", "10.0.1.10", left.group("sg-web"))
    data.instance("db-1", "10.9.2.20", sg_db)
    hub = TransitGateway(world)
    spokes, inside = hub.table, hub.new_table()
    gates = [middle.subnet(f"10.5.{n}.0/28", zone=zone) for n, zone in enumerate("ab")]
    walls = [middle.subnet(f"10.5.1{n}.0/28", zone=zone) for n, zone in enumerate("ab")]
    wall = Firewall(world, "inspect", *walls)
    for vpc, subnet, spare in ((left, app, "10.0.8.0/28"), (right, data, "10.9.8.0/28")):
        other = "a" if subnet.raw["AvailabilityZone"].endswith("b") else "b"
        hub.attach(vpc, subnet, vpc.subnet(spare, zone=other), into=inside)
        vpc.route("10.0.0.0/8", hub.id)
    gate = hub.attach(middle, *gates, table=inside, ApplianceModeSupport=appliance)
    spokes["Routes"].clear()
    hub.route("0.0.0.0/0", gate, resource=middle.id, table=spokes)
    for n in range(2):
        gates[n].route("0.0.0.0/0", wall.endpoints[n])
        walls[n].route("10.0.0.0/8", hub.id)
    return wall


def test_in_appliance_mode_both_ways_pass_one_endpoint():
    """The transit gateway keeps a flow in one zone, whichever it is."""
    world = World()
    central(world, "enable")
    assert OPEN == verdict(ask(world, "web-1", "db-1"))


def test_without_appliance_mode_the_ways_part_between_zones():
    """Each direction comes out in the zone it came from: two endpoints, and neither sees the whole connection."""
    world = World()
    central(world, "disable")
    assert ("inconclusive", "NF193") == verdict(ask(world, "web-1", "db-1"))


def test_inside_one_zone_appliance_mode_is_no_matter():
    """Both ends in one zone: both directions come out there."""
    world = World()
    central(world, "disable", far_zone="a")
    assert OPEN == verdict(ask(world, "web-1", "db-1"))


def test_a_nat_gateway_behind_a_firewall_still_has_its_public_address():
    """The firewall changes no header, so the internet gateway knows the NAT gateway's address."""
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    app, nats, walls = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.2.0/24"), vpc.subnet("10.0.9.0/28")
    wall = Firewall(world, "inspect", walls, stateless_default="aws:pass")
    app.instance("app-1", "10.0.1.10", vpc.default_group)
    app.route("0.0.0.0/0", nats.nat("10.0.2.5", "203.0.113.5"))
    nats.route("0.0.0.0/0", wall.endpoints[0])
    walls.route("0.0.0.0/0", vpc.internet_gateway())
    assert OPEN == verdict(ask(world, "app-1", "198.51.100.80", 443))


def test_a_host_behind_a_firewall_still_has_its_public_address():
    """The same of a host that has one of its own, and whose packets group references no longer know."""
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    app, walls = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.9.0/28")
    wall = Firewall(world, "inspect", walls, stateless_default="aws:pass")
    app.instance("app-1", "10.0.1.10", vpc.default_group, public="203.0.113.10")
    app.route("0.0.0.0/0", wall.endpoints[0])
    walls.route("0.0.0.0/0", vpc.internet_gateway())
    assert OPEN == verdict(ask(world, "app-1", "198.51.100.80", 443))


# ---------------------------------------------------------------- reading


def test_a_firewall_is_read_live_by_the_tag_of_its_endpoint():
    """Four kinds of call, each by ARN, and the same answer as from a folder."""
    pair = Pair()
    wall = inspected(pair, **STRICT)
    wall.stateless("all", [match(1, "aws:forward_to_sfe")])
    wall.stateful("allow", [PASS])
    session = replay_session(pair.world.raw()[pair.world.account, pair.world.region])
    assert OPEN == verdict(diagnose("web-1", "db-1", 5432, session=session))
    calls = [operation for service, operation, _ in session.replay.requests if service == "network-firewall"]
    assert ["DescribeFirewall", "DescribeFirewallPolicy", "DescribeRuleGroup", "DescribeRuleGroup"] == sorted(calls)


def test_a_capture_of_a_vpc_holds_its_firewall(tmp_path):
    """Nothing is left to be read when a question is asked of the capture."""
    pair = Pair()
    wall = inspected(pair, **STRICT)
    wall.stateful("allow", [PASS])
    session = replay_session(pair.world.raw()[pair.world.account, pair.world.region])
    gather_vpcs([pair.vpc.id], Access(session)).snapshot.save(tmp_path / "vpc")
    found = diagnose("web-1", "db-1", 5432, snapshot=Snapshot.load(tmp_path / "vpc"))
    assert (OPEN, ()) == (verdict(found), found.unread)


@pytest.mark.parametrize(
    ("key", "spoil"),
    [
        ("NetworkFirewalls", lambda raw: raw["Firewall"].pop("FirewallPolicyArn")),
        ("NetworkFirewallPolicies", lambda raw: raw["FirewallPolicy"].pop("StatelessDefaultActions")),
        ("NetworkFirewallPolicies", lambda raw: raw["FirewallPolicy"].update(StatelessDefaultActions=["?"])),
        ("NetworkFirewallPolicies", lambda raw: raw["FirewallPolicy"]["StatefulEngineOptions"].update(RuleOrder="?")),
        ("NetworkFirewallRuleGroups", lambda raw: raw.pop("RuleGroup")),
        ("NetworkFirewallRuleGroups", lambda raw: raw["RuleGroup"]["RulesSource"]["StatefulRules"][0].pop("Action")),
        ("NetworkFirewallRuleGroups", lambda raw: raw["RuleGroup"]["RulesSource"]["StatefulRules"][0]["Header"].pop("Source")),
        (
            "NetworkFirewallRuleGroups",
            lambda raw: raw["RuleGroup"]["RulesSource"]["StatefulRules"][0]["Header"].update(Source="?"),
        ),
    ],
)
@pytest.mark.parametrize("rules", [[PASS], [DROP]], ids=["open", "dropped"])
def test_a_half_written_firewall_decides_nothing(key, spoil, rules):
    """Whatever decides and cannot be understood is not read."""
    pair = Pair()
    default = ("aws:drop_strict",) if rules == [PASS] else ()
    inspected(pair, order="STRICT_ORDER", default=default).stateful("one", deepcopy(rules))
    spoil(pair.world.raw()[pair.world.account, pair.world.region][key][0])
    assert "inconclusive" == pair.ask().verdict


# ---------------------------------------------------------------- by ports


def from_ports(priority: int, action: str, *spans: tuple[int, int], to: bool = False) -> dict[str, Any]:
    """A stateless rule for TCP from these ports, or `to` them."""
    ports = [{"FromPort": first, "ToPort": last} for first, last in spans]
    looks = {"Protocols": [6], "DestinationPorts" if to else "SourcePorts": ports}
    return {"Priority": priority, "RuleDefinition": {"MatchAttributes": looks, "Actions": [action]}}


LOW, HIGH = (32768, 40000), (40001, 60999)


@pytest.mark.parametrize(
    "rules",
    [
        [from_ports(1, "aws:drop", LOW, HIGH)],
        [from_ports(1, "aws:drop", LOW), from_ports(2, "aws:drop", HIGH)],
        [from_ports(1, "aws:drop", (1, 35000), (34000, 40000)), from_ports(2, "aws:drop", (39000, 65535))],
    ],
)
def test_spans_and_rules_that_drop_every_client_port_together_block(rules):
    """What the first rule leaves, the next one drops: no port is left."""
    pair = Pair()
    inspected(pair).stateless("s", rules)
    assert ("blocked", "NF102") == verdict(pair.ask())


def test_rules_that_pass_every_client_port_together_pass():
    """Two halves are a whole, in each direction."""
    pair = Pair()
    there = [from_ports(1, "aws:pass", LOW), from_ports(2, "aws:pass", HIGH)]
    inspected(pair, stateless_default="aws:drop").stateless("s", [*there, from_ports(3, "aws:pass", LOW, HIGH, to=True)])
    assert OPEN == verdict(pair.ask())


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ("aws:drop_strict", ("blocked", "NF103")),
        ("aws:drop_established", ("blocked", "NF104")),
        ("aws:alert_strict", ("partial", "NF106")),
        ("aws:something_new", ("inconclusive", "NF192")),
    ],
)
def test_the_stateful_engine_judges_the_ports_that_are_left(default, expected):
    """A stateless drop of some ports hides nothing behind it."""
    pair = Pair()
    inspected(pair, order="STRICT_ORDER", default=(default,)).stateless("s", [from_ports(1, "aws:drop", LOW)])
    assert expected == verdict(pair.ask())


def test_both_engines_are_told_where_they_close_the_flow_together():
    """Whoever opens it has to change both."""
    pair = Pair()
    inspected(pair, **STRICT).stateless("s", [from_ports(1, "aws:drop", LOW)])
    told = pair.ask().findings[0].headline
    assert "s priority 1: aws:drop" in told
    assert "stateful default: aws:drop_strict" in told


def test_ports_dropped_there_and_ports_dropped_back_close_the_flow_together():
    """A client port has to be open in both directions."""
    pair = Pair()
    inspected(pair).stateless("s", [from_ports(1, "aws:drop", LOW), from_ports(2, "aws:drop", HIGH, to=True)])
    assert "blocked" == pair.ask().verdict


def test_ports_dropped_there_and_back_alike_leave_the_others_open():
    """The same half twice is a half."""
    pair = Pair()
    inspected(pair).stateless("s", [from_ports(1, "aws:drop", LOW), from_ports(2, "aws:drop", LOW, to=True)])
    assert ("partial", "NF106") == verdict(pair.ask())[:2]


def test_a_drop_of_one_kind_of_packet_counts_for_its_ports():
    """First packets are dropped of one half, acknowledgements of the other: no connection."""
    pair = Pair()
    syn, ack = from_ports(1, "aws:drop", LOW), from_ports(2, "aws:drop", HIGH)
    syn["RuleDefinition"]["MatchAttributes"]["TCPFlags"] = [{"Flags": ["SYN"], "Masks": ["SYN", "ACK"]}]
    ack["RuleDefinition"]["MatchAttributes"]["TCPFlags"] = [{"Flags": ["ACK"], "Masks": ["SYN", "ACK"]}]
    inspected(pair).stateless("s", [syn, ack])
    assert ("blocked", "NF102") == verdict(pair.ask())[:2]


def test_a_reply_of_ports_that_a_rule_and_the_default_let_pass_is_not_known_to_be_dropped(pair):
    """A rule lets some client ports pass, the default the others; only replies to the others meet the rule that drops."""
    wall = Firewall(pair.world, "inspect", pair.vpc.subnet("10.0.9.0/28"), order="STRICT_ORDER", default=[])
    wall.stateless("all", [match(1, "aws:forward_to_sfe", "10.0.0.0/16", "10.0.0.0/16", (0, 65535))])
    passing = rule("PASS", "TCP", "10.0.1.0/24", "10.0.2.0/24", 5432)
    passing["Header"]["SourcePort"] = "32768:40000"
    wall.stateful("some", [passing, rule("DROP", "TCP", "10.0.2.0/24", "10.0.1.0/24")])
    pair.app.route("10.0.2.0/24", wall.endpoints[0])
    pair.data.route("10.0.1.0/24", wall.endpoints[0])
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("tcp", 5432, "10.0.1.0/24")
    assert "inconclusive" == pair.ask(5432).verdict
