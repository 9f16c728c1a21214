"""Remedies at the subnet's border: network ACL entries whose number takes effect, routes to the gateway that could carry it."""

from __future__ import annotations

import pytest
from proving import WEB, Pair, Peered, commands, only, proved, summaries
from scenes import ask, codes
from world import World
from world_guards import Acl
from world_services import TransitGateway, gateway_endpoint

EPHEMERAL = (1024, 65535)


@pytest.fixture
def pair(world: World) -> Pair:
    """The pair with security groups that let everything pass."""
    pair = Pair(world)
    pair.sg_db.ingress("-1", None, "0.0.0.0/0")
    return pair


@pytest.fixture
def acl(pair: Pair) -> Acl:
    """The network ACL of db-1's subnet, open on the way out and closed on the way in."""
    return pair.data.acl().allow(100, "egress")


# ---------------------------------------------------------------- network ACLs


def test_a_new_entry_names_one_address_one_port_and_a_free_number(world: World, acl: Acl):
    """Against the implicit deny the entry goes behind all others, or is rule 100 where there are none."""
    expected = f"aws ec2 create-network-acl-entry --network-acl-id {acl.id} --ingress --rule-number 100 --protocol 6"
    expected += " --port-range From=5432,To=5432 --cidr-block 10.0.1.10/32 --rule-action allow"
    remedy = only(world.snapshot(), "web-1", "db-1")
    assert ([expected], 1) == (commands(remedy), len(remedy.changes))
    assert [f"admit tcp/5432 from 10.0.1.10 in {acl.id} by a new rule 100"] == summaries(remedy)


@pytest.mark.parametrize(
    ("numbers", "denying", "expected"),
    [
        ((100, 115), None, 120),
        ((32765,), None, 32760),
        ((), 100, 90),
        ((90, 80), 100, 70),
        ((10, 20), 30, 29),
        ((1, 2), 4, 3),
    ],
)
def test_the_number_is_free_and_below_the_entry_that_denies(world: World, acl: Acl, numbers, denying, expected):
    """Entries are tried by number, so an allow behind the deny would be dead; a number in use would be refused."""
    for number in numbers:
        acl.allow(number, "ingress", "tcp", 22)
    if denying:
        acl.deny(denying, "ingress", "tcp", (5000, 6000))
    (change,) = only(world.snapshot(), "web-1", "db-1").changes
    assert expected == change.patch["add"]["RuleNumber"]


def test_numbers_of_the_other_direction_are_free(world: World, acl: Acl):
    """Ingress and egress entries are numbered apart."""
    acl.allow(90, "egress").deny(100, "ingress")
    (change,) = only(world.snapshot(), "web-1", "db-1").changes
    assert 90 == change.patch["add"]["RuleNumber"]


def test_a_first_rule_that_denies_just_this_is_turned_round(world: World, acl: Acl):
    """Nothing goes before rule 1: where it denies this flow and nothing else, it becomes the allow."""
    acl.deny(1, "ingress", "tcp", 5432, "10.0.1.10/32").allow(100, "ingress")
    remedy = only(world.snapshot(), "web-1", "db-1")
    assert [f"admit tcp/5432 from 10.0.1.10 in {acl.id} by making rule 1 an allow"] == summaries(remedy)
    assert "aws ec2 replace-network-acl-entry" in commands(remedy)[0]


def test_a_first_rule_that_denies_more_is_left_alone(world: World, pair: Pair, acl: Acl):
    """Where rule 1 denies others too, no entry can help; the note of the other changes says so."""
    acl.deny(1, "ingress", "tcp", 5432, "10.0.1.0/24").allow(100, "ingress")
    assert () == proved(world.snapshot(), "web-1", "db-1")
    pair.sg_db.raw["IpPermissions"].clear()
    (remedy,) = proved(world.snapshot(), "web-1", "db-1")
    assert (1, False) == (len(remedy.changes), remedy.verified)
    assert f"(no rule number below 1 is free in {acl.id}, and rule 1 denies more than this flow)" in remedy.note


def test_replies_get_the_missing_ports_only(world: World, pair: Pair):
    """A network ACL open for some of the client's ports gets one entry for each range that is missing."""
    acl = pair.app.acl().allow(100, "egress").allow(100, "ingress", "tcp", (40000, 50000))
    remedy = only(world.snapshot(), "web-1", "db-1")
    expected = [
        f"admit replies tcp/32768-39999 from 10.0.2.20 in {acl.id} by a new rule 110",
        f"admit replies tcp/50001-60999 from 10.0.2.20 in {acl.id} by a new rule 120",
    ]
    assert expected == summaries(remedy)
    assert "--port-range From=32768,To=39999 --cidr-block 10.0.2.20/32" in commands(remedy)[0]


def test_each_missing_range_goes_before_the_entry_that_denies_it(world: World, pair: Pair):
    """Two ranges may be denied by two entries: the number of each follows from its own."""
    pair.app.acl().allow(100, "egress").deny(5, "ingress", "tcp", (32768, 40000)).allow(200, "ingress", "tcp", (40001, 50000))
    numbers = [change.patch["add"]["RuleNumber"] for change in only(world.snapshot(), "web-1", "db-1").changes]
    assert [4, 210] == numbers


def test_icmp_is_admitted_by_type_and_code(world: World, acl: Acl):
    """An echo request is type 8, code 0."""
    (command,) = commands(only(world.snapshot(), "web-1", "db-1", None, "icmp"))
    assert "--protocol 1 --icmp-type-code Type=8,Code=0 --cidr-block 10.0.1.10/32" in command


def test_other_protocols_have_no_ports(world: World, acl: Acl):
    """A protocol without ports is admitted by its number alone."""
    (command,) = commands(only(world.snapshot(), "web-1", "db-1", None, "50"))
    assert "--rule-number 100 --protocol 50 --cidr-block 10.0.1.10/32 --rule-action allow" in command


def test_ipv6_entries_share_the_numbers_of_ipv4(world: World):
    """Both families are numbered together; the IPv6 CIDR has an option of its own."""
    pair = Pair(world, ipv6=True)
    pair.sg_db.ingress("-1", None, "::/0")
    pair.data.acl().allow(100, "egress", cidr="::/0").allow(100, "ingress")
    (command,) = commands(only(world.snapshot(), "2001:db8:0:101::10", "2001:db8:0:102::20"))
    assert "--rule-number 110 --protocol 6" in command
    assert "--ipv6-cidr-block 2001:db8:0:101::10/128" in command


def test_the_internet_is_everybody_in_an_acl_too(world: World):
    """Asked about the internet, the entries are for everybody, request and reply."""
    vpc = world.vpc("10.0.0.0/16")
    vpc.route("0.0.0.0/0", vpc.internet_gateway())
    app = vpc.subnet("10.0.1.0/24")
    app.instance("web-1", WEB, vpc.group("sg-web"), public="203.0.113.11")
    acl = app.acl()
    expected = [
        f"admit tcp/443 to anywhere (0.0.0.0/0) in {acl.id} by a new rule 100",
        f"admit replies tcp/32768-60999 from anywhere (0.0.0.0/0) in {acl.id} by a new rule 100",
    ]
    assert expected == summaries(only(world.snapshot(), "web-1", "internet", 443))


# ---------------------------------------------------------------- routes


def peered(world: World, routes: bool) -> Peered:
    pair = Peered(world, world, routes)
    pair.sg_db.ingress("-1", None, "0.0.0.0/0")
    return pair


def test_a_peering_needs_a_route_on_both_sides(world: World):
    """Each side gets a route to the CIDR of the other, and the summary tells that the main table is shared."""
    pair = peered(world, routes=False)
    near, far = pair.near.main.id, pair.far.main.id
    shared = "(the main table, which every subnet without one of its own shares)"
    remedy = only(world.snapshot(), "web-1", "db-1")
    assert [
        f"route 10.1.0.0/16 → {pair.pcx} in {near} {shared}",
        f"route 10.0.0.0/16 → {pair.pcx} in {far} {shared}",
    ] == summaries(remedy)
    expected = f"aws ec2 create-route --route-table-id {near} --destination-cidr-block 10.1.0.0/16"
    assert f"{expected} --vpc-peering-connection-id {pair.pcx}" == commands(remedy)[0]


def test_a_table_of_the_subnets_own_is_not_called_shared(world: World, pair: Pair):
    """An explicitly associated table is changed without that remark."""
    igw = pair.vpc.internet_gateway()
    outer = pair.vpc.subnet("10.0.3.0/24")
    outer.instance("web-3", "10.0.3.10", pair.sg_web, public="203.0.113.30")
    assert [f"route 0.0.0.0/0 → {igw} in {outer.table.id}"] == summaries(only(world.snapshot(), "web-3", "internet", 443))


def test_a_private_sender_goes_out_by_a_nat_gateway(world: World, pair: Pair):
    """Without a public address the way out is the NAT gateway, whose own subnet has the internet gateway."""
    igw, outer = pair.vpc.internet_gateway(), pair.vpc.subnet("10.0.3.0/24")
    nat = outer.nat("10.0.3.5", "203.0.113.5")
    outer.route("0.0.0.0/0", igw)
    (command,) = commands(only(world.snapshot(), "web-1", "192.0.2.7", 443))
    assert f"--destination-cidr-block 0.0.0.0/0 --nat-gateway-id {nat}" in command


def test_no_route_to_a_gateway_that_drops_the_packet(world: World, pair: Pair):
    """A private sender gets no route to an internet gateway: it would open the subnet and carry nothing."""
    pair.vpc.internet_gateway()
    pair.sg_web.raw["IpPermissionsEgress"].clear()
    (remedy,) = proved(world.snapshot(), "web-1", "192.0.2.7", 443)
    assert ["admit tcp/443 to 192.0.2.7 in sg-web"] == summaries(remedy)
    assert "has no route to 192.0.2.7 (10.0.1.10 has no public address" in remedy.note


def test_no_route_to_a_nat_gateway_in_the_table_that_it_uses_itself(world: World, pair: Pair):
    """The NAT gateway's own packets would come back to it."""
    pair.vpc.internet_gateway()
    pair.vpc.subnet("10.0.3.0/24").nat("10.0.3.5", "203.0.113.5")
    remedies = proved(world.snapshot(), "web-1", "192.0.2.7", 443)
    assert not any("nat-" in change.summary for remedy in remedies for change in remedy.changes)


def test_the_ipv6_way_out(world: World):
    """IPv6 has a default route and an option of its own."""
    pair = Pair(world, ipv6=True)
    igw = pair.vpc.internet_gateway()
    (command,) = commands(only(world.snapshot(), "2001:db8:0:101::10", "2001:db8:ffff::7", 443))
    assert f"--destination-ipv6-cidr-block ::/0 --gateway-id {igw}" in command


def test_a_blackhole_is_led_elsewhere(world: World):
    """The very route that leads nowhere is replaced, since it would win over a new and wider one."""
    pair = peered(world, routes=True)
    pair.near.route("10.1.2.0/24", world.id("pcx"), state="blackhole")
    remedy = only(world.snapshot(), "web-1", "db-1")
    expected = f"aws ec2 replace-route --route-table-id {pair.near.main.id} --destination-cidr-block 10.1.2.0/24"
    assert [f"{expected} --vpc-peering-connection-id {pair.pcx}"] == commands(remedy)
    assert summaries(remedy)[0].endswith(", in place of the blackhole")


def test_a_wide_blackhole_stays_for_the_others(world: World):
    """A default route into a blackhole is no reason to send everything to a peer: a narrower route is added."""
    pair = peered(world, routes=True)
    pair.near.main.raw["Routes"].pop()
    pair.near.route("0.0.0.0/0", world.id("nat"), state="blackhole")
    (command,) = commands(only(world.snapshot(), "web-1", "db-1"))
    assert f"create-route --route-table-id {pair.near.main.id} --destination-cidr-block 10.1.0.0/16" in command


def test_a_propagated_blackhole_is_overruled(world: World):
    """A propagated route cannot be replaced; a static one for the same destination wins over it."""
    pair = peered(world, routes=True)
    pair.near.main.raw["Routes"].pop()
    pair.near.route("10.1.2.0/24", "vgw-1", state="blackhole", origin="EnableVgwRoutePropagation")
    (command,) = commands(only(world.snapshot(), "web-1", "db-1"))
    assert f"create-route --route-table-id {pair.near.main.id} --destination-cidr-block 10.1.2.0/24" in command


def test_a_route_of_a_gateway_endpoint_is_not_edited(world: World, pair: Pair):
    """AWS keeps the routes of gateway endpoints itself: a dead one is named, not replaced."""
    pair.vpc.route("0.0.0.0/0", pair.vpc.internet_gateway())
    pair.vpc.route(world.prefix_list("192.0.2.0/24"), world.id("vpce"), state="blackhole")
    pair.app.instance("web-2", "10.0.1.11", pair.vpc.group("sg-shut", egress=False), public="203.0.113.11")
    (remedy,) = proved(world.snapshot(), "web-2", "192.0.2.7", 443)
    assert ["admit tcp/443 to 192.0.2.7 in sg-shut"] == summaries(remedy)
    assert "(a route of a gateway endpoint cannot be edited)" in remedy.note


def test_a_gateway_endpoint_of_another_table_is_associated(world: World, pair: Pair):
    """Its route is made by AWS: the remedy is the association, before a way to the internet, and in a dead route's place."""
    endpoint, gateway = gateway_endpoint(pair.vpc), pair.vpc.internet_gateway()
    pair.data.route(world.prefix_list("192.0.2.0/24"), endpoint)
    expected = f"aws ec2 modify-vpc-endpoint --vpc-endpoint-id {endpoint} --add-route-table-ids {pair.vpc.main.id}"
    assert [expected] == commands(only(world.snapshot(), "web-1", "192.0.2.7", 443))
    pair.vpc.route("0.0.0.0/0", world.id("nat"), state="blackhole")
    assert [expected] == commands(only(world.snapshot(), "web-1", "192.0.2.7", 443))
    pair.data.route("0.0.0.0/0", gateway)
    assert [expected] == commands(only(world.snapshot(), "web-1", "192.0.2.7", 443))


def test_a_gateway_endpoint_for_another_service_is_no_remedy(world: World, pair: Pair):
    """Its prefix list does not hold the address."""
    pair.data.route(world.prefix_list("192.0.2.0/24"), gateway_endpoint(pair.vpc))
    assert () == proved(world.snapshot(), "web-1", "203.0.113.80", 443)


def test_a_blackhole_inside_the_vpc_is_removed(world: World, pair: Pair):
    """The local route carries everything inside the VPC; what is dead before it goes."""
    pair.vpc.route("10.0.2.0/24", world.id("eni"), state="blackhole")
    (command,) = commands(only(world.snapshot(), "web-1", "db-1"))
    assert f"aws ec2 delete-route --route-table-id {pair.vpc.main.id} --destination-cidr-block 10.0.2.0/24" == command


def test_a_local_route_that_was_led_elsewhere_is_turned_back(world: World, pair: Pair):
    """The VPC's own route cannot be deleted; its target is restored."""
    local = pair.vpc.main.raw["Routes"][0]
    local |= {"GatewayId": None, "NetworkInterfaceId": world.id("eni"), "State": "blackhole"}
    (command,) = commands(only(world.snapshot(), "web-1", "db-1"))
    assert command.endswith(f"--route-table-id {pair.vpc.main.id} --destination-cidr-block 10.0.0.0/16 --local-target")


def test_no_route_without_a_gateway(world: World, pair: Pair):
    """Where nothing is known that could carry the packet, no route is made up."""
    far = world.vpc("10.9.0.0/16")
    far.subnet("10.9.1.0/24").instance("far-1", "10.9.1.10", far.group("sg-far"))
    assert () == proved(world.snapshot(), "web-1", "far-1")


def _egress(world):
    """app-1 reaches the internet over a hub and the VPC `egress`, whose attachment's subnet has no way on."""
    spoke, egress = world.vpc("10.1.0.0/16"), world.vpc("10.9.0.0/16")
    app, door, front = spoke.subnet("10.1.1.0/24"), egress.subnet("10.9.0.0/28"), egress.subnet("10.9.1.0/24")
    hub = TransitGateway(world)
    hub.attach(spoke, app)
    hub.route("0.0.0.0/0", hub.attach(egress, door), "vpc", egress.id)
    spoke.route("0.0.0.0/0", hub.id)
    app.instance("app-1", "10.1.1.10", spoke.group("sg-app"))
    return hub, egress, front


def test_a_missing_route_is_not_led_back_to_where_the_packet_came_from(world):
    """The hub's own default route leads into this very VPC; the NAT gateway that stands ready carries the packet on."""
    hub, egress, front = _egress(world)
    nat = front.nat("10.9.1.5", "203.0.113.5")
    front.route("0.0.0.0/0", egress.internet_gateway())
    front.route("10.1.0.0/16", hub.id)
    found = ask(world, "app-1", "198.51.100.7", 443)
    assert [(True, [nat])] == [(r.verified, [c.command.split()[-1] for c in r.changes]) for r in found.remedies]
    assert ["RT101"] == codes(found)


@pytest.mark.parametrize("far", ["198.51.100.7", "10.66.0.7"])
def test_a_hub_that_sends_the_packet_back_is_no_way_on(world, far):
    """Without any gateway the route is missing, and that is all that is said."""
    _egress(world)
    assert "RT101" == codes(ask(world, "app-1", far, 443))[0]
