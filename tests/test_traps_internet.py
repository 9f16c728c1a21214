"""Traps of `internet`: what names anybody, what names a great part of the internet, and what names somebody else."""

import pytest
from scenes import ask, behind_nat, public_web, verdict
from world_edges import local_gateway
from world_services import TransitGateway, egress_only_gateway

from flowdiag.address import ANYBODY
from flowdiag.components.firewall_rule_group import of_addresses
from flowdiag.components.firewall_stateless_rules import AddressDefinition, _among
from flowdiag.components.load_balancer_listener import Condition

OPEN, SPLIT = ("reachable",), "inconclusive"
IN, OUT = ("internet", "web-1", 443), ("web-1", "internet", 443)
SMALL, LOW, HIGH, ALL = "198.51.100.0/24", "0.0.0.0/1", "128.0.0.0/1", "0.0.0.0/0"
REST = [f"{sixteenth * 16}.0.0.0/4" for sixteenth in range(8, 16)]


@pytest.mark.parametrize("direction", ["ingress", "egress"])
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("deny", SMALL), ("allow", ALL)], OPEN),
        ([("deny", "203.0.113.0/24"), ("allow", ALL)], OPEN),
        ([("deny", LOW), ("allow", ALL)], (SPLIT, "NA191")),
        ([("deny", HIGH), ("allow", ALL)], (SPLIT, "NA191")),
        ([("allow", LOW)], (SPLIT, "NA191")),
        ([("allow", HIGH)], (SPLIT, "NA191")),
        ([("allow", LOW), ("allow", HIGH)], OPEN),
        ([("allow", SMALL)], "blocked"),
    ],
)
def test_entries_of_a_network_acl_for_a_part_of_the_internet(world, direction, entries, expected):
    """A great part makes the answer depend on who it is, wherever it lies; a small one is somebody else."""
    _, subnet, *_ = public_web(world)
    acl = subnet.acl()
    for number, (action, cidr) in enumerate(entries, 10):
        getattr(acl, action)(number, direction, cidr=cidr)
    acl.allow(100, "egress" if direction == "ingress" else "ingress")
    found = ask(world, *(IN if direction == "ingress" else OUT))
    assert expected == (found.verdict if expected == "blocked" else verdict(found))


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        ([LOW], (SPLIT, "SG191")),
        ([HIGH], (SPLIT, "SG191")),
        ([LOW, HIGH], OPEN),
        ([LOW, *REST], OPEN),
        ([SMALL], ("blocked", "SG102")),
        (["203.0.113.0/24"], ("blocked", "SG102")),
    ],
)
def test_the_cidrs_of_a_prefix_list_are_judged_like_those_of_a_rule(world, cidrs, listed, expected):
    """A rule of a security group says the same, be its CIDRs in the rule or in a list that it names."""
    _, _, group, *_ = public_web(world)
    group.raw["IpPermissions"] = []
    group.ingress("tcp", 443, *([world.prefix_list(*cidrs)] if listed else cidrs))
    assert expected == verdict(ask(world, *IN))


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([(LOW, "igw"), (HIGH, "dead")], (SPLIT, "RT194")),
        ([(HIGH, "igw"), (LOW, "dead")], (SPLIT, "RT194")),
        ([(HIGH, "igw")], (SPLIT, "RT194")),
        ([(HIGH, "igw"), (LOW, "igw")], OPEN),
        ([(ALL, "igw"), (SMALL, "dead")], OPEN),
        ([(ALL, "igw"), ([SMALL, "192.0.2.0/24"], "dead")], OPEN),
        ([(ALL, "igw"), ([LOW], "dead")], (SPLIT, "RT194")),
        ([(SMALL, "igw")], ("blocked", "RT101")),
    ],
)
def test_routes_for_a_part_of_the_internet(world, routes, expected):
    """Routes that lead every great part the same way are as good as a default route, others divide the internet."""
    _, subnet, _, _, gateway = public_web(world)
    subnet.table.raw["Routes"] = [r for r in subnet.table.raw["Routes"] if r["DestinationCidrBlock"] != ALL]
    for cidr, to in routes:
        destination = world.prefix_list(*cidr) if isinstance(cidr, list) else cidr
        subnet.route(destination, gateway if to == "igw" else "nat-0dead", state="active" if to == "igw" else "blackhole")
    assert expected == verdict(ask(world, *OUT))


@pytest.mark.parametrize(("halves", "expected"), [([LOW, HIGH], OPEN), ([HIGH], (SPLIT, "RT194"))])
def test_a_default_route_in_two_halves(world, halves, expected):
    """Behind a NAT gateway both halves are the internet."""
    _, private, _, nat = behind_nat(world)
    private.table.raw["Routes"] = [r for r in private.table.raw["Routes"] if r["DestinationCidrBlock"] != ALL]
    for half in halves:
        private.route(half, nat)
    assert expected == verdict(ask(world, "app-1", "internet", 443))


@pytest.mark.parametrize(("route", "denied"), [("2000::/3", "2001:db8::/32"), ("::/0", "2001:db8::/32"), ("::/0", "fc00::/7")])
def test_every_global_address_is_the_internet_of_ipv6(world, route, denied):
    """A route for 2000::/3 leads to everybody, and a network that no registry gives out is nobody's."""
    vpc = world.vpc("10.0.0.0/16", ipv6="2600:1f18:1::/56")
    subnet = vpc.subnet("10.0.1.0/24", "2600:1f18:1:1::/64")
    subnet.instance("web-1", "10.0.1.10", vpc.default_group, ipv6=["2600:1f18:1:1::10"])
    subnet.route(route, vpc.internet_gateway())
    acl = subnet.acl().deny(5, "ingress", cidr=denied)
    acl.allow(10, "ingress", cidr="::/0").allow(10, "egress", cidr="::/0")
    assert OPEN == verdict(ask(world, "2600:1f18:1:1::10", "internet", 443))


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([ALL], OPEN),
        ([LOW, HIGH], OPEN),
        ([LOW], (SPLIT, "TG197")),
        ([HIGH], (SPLIT, "TG197")),
        ([SMALL], ("blocked", "TG104")),
        ([ALL, SMALL], OPEN),
    ],
)
def test_routes_of_a_transit_gateway_for_a_part_of_the_internet(world, routes, expected):
    """The way out of a hub with a NAT gateway of its own, for each great part of the internet."""
    hub = TransitGateway(world)
    spoke = world.vpc("10.1.0.0/16")
    app = spoke.subnet("10.1.1.0/24")
    app.instance("app-2", "10.1.1.10", spoke.default_group)
    vpc, private, public, _ = behind_nat(world)
    hub.attach(spoke, app)
    far = hub.attach(vpc, private)
    spoke.route(ALL, hub.id)
    public.route("10.1.0.0/16", hub.id)
    for cidr in routes:
        if cidr == SMALL and ALL in routes:
            hub.route(cidr)
        else:
            hub.route(cidr, far, "vpc", vpc.id)
    assert expected == verdict(ask(world, "app-2", "internet", 443))


@pytest.mark.parametrize(("cidrs", "expected"), [([SMALL], "no"), ([HIGH], "unknown"), ([LOW, HIGH], "yes"), (["::/0"], "no")])
def test_listeners_and_firewalls_know_the_same_parts(cidrs, expected):
    """A listener's condition, a stateless and a stateful rule of a Network Firewall judge a CIDR like every other guard."""
    anybody = ANYBODY[4]
    condition = Condition.model_validate({"Field": "source-ip", "SourceIpConfig": {"Values": cidrs}})
    assert {"yes": True, "no": False, "unknown": None}[expected] is condition.met(anybody)
    assert expected == _among(tuple(AddressDefinition.model_validate({"AddressDefinition": cidr}) for cidr in cidrs), anybody)
    if len(cidrs) == 1:
        assert expected == of_addresses(cidrs[0], anybody, {})


@pytest.mark.parametrize(("cidrs", "undecided"), [([ALL], False), ([LOW, HIGH], False), ([LOW], True), ([HIGH], True)])
def test_a_local_gateway_for_half_of_the_internet_decides_nothing(pair, cidrs, undecided):
    """A route for all of it is the one that is taken, a route for half of it may not be."""
    pair.app.route(ALL, local_gateway(pair.vpc, *cidrs))
    found = ask(pair.world, "web-1", "internet", 443)
    assert undecided == ("LG191" in {finding.code for finding in found.path.findings})


# ---------------------------------------------------------------- IPv6 addresses at the gateways


def _six(world, *, private=False, outward_only=False):
    """A dual-stack subnet with the instance node, which reaches out by an internet gateway or an egress-only one."""
    vpc = world.vpc("10.0.0.0/16", ipv6="2600:1f18:1:100::/56")
    subnet = vpc.subnet("10.0.1.0/24", "2600:1f18:1:101::/64")
    if private:
        vpc.raw["Ipv6CidrBlockAssociationSet"][0] |= {"Ipv6AddressAttribute": "private", "IpSource": "none"}
    sg = vpc.group("sg-node")
    sg.ingress("tcp", 443, "::/0")
    node = subnet.instance("node", "10.0.1.10", sg, ipv6=["2600:1f18:1:101::10"])
    vpc.subnet("10.0.2.0/24", "2600:1f18:1:102::/64").instance("other", "10.0.2.10", sg, ipv6=["2600:1f18:1:102::10"])
    vpc.route("::/0", egress_only_gateway(vpc) if outward_only else vpc.internet_gateway())
    return node


@pytest.mark.parametrize(
    ("question", "outward_only", "code"),
    [
        (("node", "2a00:1450:4001::1"), False, "IG104"),
        (("2a00:1450:4001::1", "node"), False, "IG104"),
        (("node", "2a00:1450:4001::1"), True, "EO102"),
    ],
)
def test_private_ipv6_addresses_never_pass_a_gateway(world, question, outward_only, code):
    """They look public, but AWS tells nobody of them."""
    _six(world, private=True, outward_only=outward_only)
    assert ("blocked", code) == verdict(ask(world, *question, 443))[:2]


def test_inside_the_vpc_private_ipv6_addresses_are_like_others(world):
    """Only gateways to the internet drop them."""
    _six(world, private=True)
    assert OPEN == verdict(ask(world, "2600:1f18:1:102::10", "2600:1f18:1:101::10", 443))


def test_an_address_of_a_delegated_prefix_passes_the_gateway_both_ways(world):
    """Pods have addresses that no interface lists one by one."""
    node = _six(world)
    node.eni.raw["Ipv6Prefixes"] = [{"Ipv6Prefix": "2600:1f18:1:101:aaaa::/80"}]
    pod = f"{node.eni.id}/2600:1f18:1:101:aaaa::5"
    assert OPEN == verdict(ask(world, pod, "2a00:1450:4001::1", 443))
    assert OPEN == verdict(ask(world, "2a00:1450:4001::1", pod, 443))


def of_other_version(found):
    """What the answer says of the IP version that was not asked about."""
    return [unread.reason for unread in found.unread if "IPv6" in unread.query.kind]


@pytest.mark.parametrize("question", [("internet", "node"), ("node", "internet")])
def test_a_host_of_both_ip_versions_is_told_which_one_was_asked_about(world, question):
    """The internet has both: over IPv4 nothing leads here, over IPv6 all is open, and the answer says that it is for one."""
    _six(world)
    found, own = ask(world, *question, 443), "2600:1f18:1:101::10"
    assert ("blocked", [f"this answer is for IPv4, and {own} may fare otherwise"]) == (found.verdict, of_other_version(found))
    over6 = ask(world, *(own if end == "node" else end for end in question), 443)
    assert (OPEN, []) == (verdict(over6), of_other_version(over6))


def test_no_ip_version_is_missed_where_one_was_named(world):
    """An address says which one is meant; between two hosts of a VPC nothing is said of it."""
    _six(world)
    for question in (("10.0.1.10", "internet"), ("node", "192.0.2.8"), ("node", "other")):
        assert [] == of_other_version(ask(world, *question, 443))
