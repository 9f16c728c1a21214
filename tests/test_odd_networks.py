"""Networks that are rare and real: what AWS documents of them decides, and what it does not document stays open."""

from __future__ import annotations

import pytest
from scenes import ask, codes, public_web
from world import World

from flowdiag import FlowdiagError, diagnose


def test_an_address_of_a_delegated_prefix_is_its_interfaces(pair):
    """A pod's address out of a prefix that was delegated to an interface is reached through that interface."""
    pair.db.eni.raw["Ipv4Prefixes"] = [{"Ipv4Prefix": "10.0.2.64/28"}]
    found = ask(pair.world, "web-1", "10.0.2.70", 5432)
    assert "reachable" == found.verdict
    assert "reachable" == ask(pair.world, "web-1", f"{pair.db.eni.id}/10.0.2.70", 5432).verdict


def test_in_a_shared_vpc_another_participant_may_hold_an_address(pair):
    """An account sees only its own interfaces in a VPC that is shared with it: nobody seen is not nobody."""
    pair.vpc.raw["OwnerId"] = "444455556666"
    found = ask(pair.world, "web-1", "10.0.2.99", 5432)
    assert "inconclusive" == found.verdict
    assert any("444455556666" in unread.reason for unread in found.unread)


@pytest.mark.parametrize("key", ["NetworkAcls", "RouteTables"])
def test_two_that_claim_one_subnet_decide_nothing(pair, key):
    """Replies that contradict each other are no evidence, whichever comes first in a file."""
    entries = pair.world.raw()[pair.world.account, pair.world.region][key]
    twin = {**entries[0], {"NetworkAcls": "NetworkAclId", "RouteTables": "RouteTableId"}[key]: "twin-1"}
    entries.append(twin)
    assert "inconclusive" == ask(pair.world, "web-1", "db-1", 5432).verdict


def test_which_of_several_nat_addresses_is_used_is_not_known(world):
    """Where the far side admits only one address of a NAT gateway, nothing says whether the flow gets that one."""
    vpc = world.vpc("10.0.0.0/16")
    inside, edge, far = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.9.0/24"), vpc.subnet("10.0.2.0/24")
    nat = edge.nat("10.0.9.5", "203.0.113.5")
    gateway = next(g for g in world.raw()[world.account, world.region]["NatGateways"] if g["NatGatewayId"] == nat)
    gateway["NatGatewayAddresses"].append({"PrivateIp": "10.0.9.6", "PublicIp": "203.0.113.6", "Status": "succeeded"})
    edge.interface("10.0.9.6")
    inside.route("10.0.2.0/24", nat)
    group = vpc.group("sg-far")
    group.ingress("tcp", 443, "10.0.9.5/32")
    inside.instance("web-1", "10.0.1.10", vpc.group("sg-web"))
    far.instance("far-1", "10.0.2.20", group)
    assert "inconclusive" == ask(world, "web-1", "far-1", 443).verdict


def test_a_lambda_function_takes_no_requests_by_its_interface(pair):
    """Its interfaces are for what the function itself sends."""
    pair.db.eni.raw["InterfaceType"] = "lambda"
    pair.db.eni.raw.pop("Attachment")
    found = ask(pair.world, "web-1", "10.0.2.20", 5432)
    assert ("blocked", "UN101") == (found.verdict, found.code)


def test_a_cidr_that_was_taken_away_makes_no_neighbours(pair6):
    """An IPv6 CIDR that is listed as disassociated is no longer one of the subnet's."""
    blocks = pair6.app.raw["Ipv6CidrBlockAssociationSet"]
    blocks.append({"Ipv6CidrBlock": pair6.vpc.ipv6, "Ipv6CidrBlockState": {"State": "disassociated"}})
    pair6.app.acl().allow(100, "ingress", cidr="::/0")
    far = pair6.data.raw["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    address = pair6.db.eni.raw["Ipv6Addresses"][0]["Ipv6Address"]
    assert far
    assert "blocked" == ask(pair6.world, "web-1", address, 5432).verdict


def test_of_overlapping_prefix_lists_aws_picks_at_random(world):
    """Two prefix lists that cover the destination and lead to different targets decide nothing, whatever their length."""
    vpc = world.vpc("10.0.0.0/16")
    app = vpc.subnet("10.0.1.0/24")
    app.instance("web-1", "10.0.1.10", vpc.group("sg-web"), public="203.0.113.10")
    app.route(world.prefix_list("198.51.0.0/16"), vpc.internet_gateway())
    app.route(world.prefix_list("198.51.100.0/24"), app.nat("10.0.1.5", "203.0.113.5"))
    found = ask(world, "web-1", "198.51.100.77", 443)
    assert "inconclusive" == found.verdict
    assert "RT192" in codes(found)


def test_a_prefix_list_that_shows_no_ranges_is_not_empty(pair):
    """`aws ec2 describe-managed-prefix-lists` answers under the key of `describe-prefix-lists`, and shows no list's ranges."""
    world = pair.world
    raw = world.add("PrefixLists", "pl", {"AddressFamily": "IPv4", "MaxEntries": 10, "PrefixListName": "offices"})
    (group,) = (one for one in world.raw()[world.account, world.region]["SecurityGroups"] if one["GroupName"] == "sg-db")
    listed = [{"PrefixListId": raw["PrefixListId"]}]
    group["IpPermissions"] = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "PrefixListIds": listed}]
    found = ask(world, "web-1", "db-1", 5432)
    assert "inconclusive" == found.verdict
    assert ["ec2:GetManagedPrefixListEntries"] == [one.action for one in found.unread if one.query.kind == "prefix_list"]
    raw["Cidrs"] = ["10.0.1.0/24"]
    assert "reachable" == ask(world, "web-1", "db-1", 5432).verdict


def test_the_internet_is_more_than_one_address(world):
    """A rule for half of the internet neither admits nor refuses the internet."""
    vpc, *_ = public_web(world)
    group = world.raw()[world.account, world.region]["SecurityGroups"]
    for raw in group:
        raw["IpPermissionsEgress"] = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "128.0.0.0/1"}]}]
    assert vpc.id
    assert "inconclusive" == ask(world, "web-1", "internet", 443).verdict


@pytest.mark.parametrize("nobody", ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::1", "ff02::1"])
def test_the_address_of_no_host_is_an_error(pair, nobody):
    """Multicast, broadcast, loopback and unspecified addresses are refused in one sentence, as either end."""
    with pytest.raises(FlowdiagError, match="is the address of no host"):
        diagnose("web-1", nobody, 443, snapshot=pair.world.snapshot())
    with pytest.raises(FlowdiagError, match="is the address of no host"):
        diagnose(nobody, "web-1", 443, snapshot=pair.world.snapshot())


def test_icmpv6_between_ipv4_addresses_is_an_error(pair):
    """A protocol of the other IP version is refused with the way out."""
    with pytest.raises(FlowdiagError, match="ask with protocol icmp"):
        diagnose("web-1", "10.0.2.20", protocol="icmpv6", snapshot=pair.world.snapshot())


def test_one_interface_seen_from_two_accounts_is_one(pair):
    """Folders of several accounts may show the same shared interface; it is still one way."""
    other = World("444455556666", pair.world.region)
    other.raw()[other.account, other.region]["NetworkInterfaces"].append(pair.web.eni.raw)
    assert 1 == len(pair.ask(5432, "web-1", "db-1", other).path.legs)


def test_the_first_blocker_gives_the_headline_though_several_ways_share_it(world):
    """One finding of two legs stands where the first leg meets it."""
    vpc = world.vpc("10.0.0.0/16")
    app, data, far = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.2.0/24"), vpc.subnet("10.0.3.0/24")
    closed, shut, open_ = vpc.group("sg-web", egress=False), vpc.group("sg-a"), vpc.group("sg-b")
    open_.ingress("-1", None, "10.0.0.0/8")
    app.instance("web-1", "10.0.1.10", closed)
    data.instance("db-1", "10.0.2.20", shut).attach(far.interface("10.0.3.20", open_), 1)
    found = ask(world, "web-1", "db-1", 5432)
    assert "sg-web has no egress rules" == found.headline
    assert ["sg-web", "sg-a"] == [finding.name for finding in found.findings]


def test_an_interface_in_use_that_shows_no_attachment_is_half_written(pair):
    """Whether the instance behind it runs is not known then, so the answer is not either."""
    pair.db.eni.raw.pop("Attachment")
    assert "inconclusive" == ask(pair.world, "web-1", pair.db.eni.id, 5432).verdict


# ---------------------------------------------------------------- from an instance to itself


@pytest.mark.parametrize("subnet", ["app", "data"])
@pytest.mark.parametrize(("admitted", "expected"), [(True, "reachable"), (False, "inconclusive")])
def test_a_guest_may_hand_a_packet_to_its_own_other_interface(pair, subnet, admitted, expected):
    """Most deliver to their own addresses past groups and routes, some do not: decided only where the network lets it too."""
    group = pair.vpc.group("sg-two")
    if admitted:
        group.ingress("tcp", 443, "10.0.1.10/32")
    pair.web.attach(getattr(pair, subnet).interface("10.0.1.60" if subnet == "app" else "10.0.2.60", group), 1)
    found = pair.ask(443, "10.0.1.10", "10.0.1.60" if subnet == "app" else "10.0.2.60")
    assert (expected, 2, [True, True]) == (found.verdict, len(found.path.legs), [leg.guess for leg in found.path.legs])
    assert [("guest", pair.web.id)] == [(one.query.kind, one.query.value) for one in found.unread]


def test_the_reply_goes_the_way_of_the_request_inside_a_guest_or_out_of_it(pair):
    """A network that drops replies is no matter to what never left the guest, and is one to what did."""
    group = pair.vpc.group("sg-two")
    group.ingress("tcp", 443, "10.0.1.10/32")
    pair.web.attach(pair.data.interface("10.0.2.60", group), 1)
    pair.data.acl().allow(100, "ingress")
    inside, outside = pair.ask(443, "10.0.1.10", "10.0.2.60").path.legs
    assert ([], ["NA103"]) == tuple([f.code for f in leg.findings if f.verdict == "blocked"] for leg in (inside, outside))


def test_an_interface_of_another_instance_is_reached_by_the_network_alone(pair):
    """Only what one guest holds may stay inside it."""
    pair.db.attach(pair.data.interface("10.0.2.60", pair.vpc.group("sg-two")), 1)
    found = pair.ask(443, "10.0.1.10", "10.0.2.60")
    assert ("blocked", 1, ()) == (found.verdict, len(found.path.legs), found.unread)
