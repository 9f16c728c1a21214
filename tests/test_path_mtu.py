"""How large a packet may be: what narrows a path, when the sender hears of it, and that it never changes an answer."""

from __future__ import annotations

import pytest
from scenes import PUBLIC, ask, behind_nat, hubbed, peered, public_web, verdict
from scenes_balancers import inspected, linked
from scenes_edges import IN, OUT, by_direct_connect, by_hub, by_vpn, inside
from world import World
from world_balancers import LoadBalancer
from world_edges import direct_connect, no_direct_connect, vpn, vpn_gateway

WEB_ENTRIES = (("ingress", "tcp", 443), ("egress", "tcp", (1024, 65535)))


@pytest.fixture
def world() -> World:
    return World()


def told(found):
    """Code, direction and size of every narrow place."""
    return [(one.code, one.direction, one.mtu.most) for one in found.narrows]


def seen(found):
    """The sentences of the report about sizes."""
    return [line.strip() for line in str(found).splitlines() if "bytes" in line]


def closed(subnet, *entries):
    """The subnet with a network ACL that has these entries alone."""
    acl = subnet.acl()
    for number, entry in enumerate(entries):
        acl.allow(100 + number, *entry)
    return acl


# ---------------------------------------------------------------- what narrows a path


def test_inside_a_vpc_and_over_a_peering_of_one_region_nothing_does(world: World) -> None:
    """9001 bytes fit wherever they are sent."""
    peered(world)
    assert [] == told(ask(world, "web-1", "db-1"))


def test_a_peering_across_regions_does(world: World) -> None:
    """8500 bytes there and back, and the sender hears of it; the report has nothing to tell."""
    other = World(region="eu-west-1")
    sg_db = peered(world, other)[4]
    sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    found = ask(world, "web-1", "db-1", 5432, other)
    assert [("PM103", "request", 8500), ("PM103", "reply", 8500)] == told(found)
    assert [] == seen(found)


def test_a_transit_gateway_holds_tcp_to_it_and_tells_others(world: World) -> None:
    """TCP sends nothing larger; of other protocols no more than 1500 bytes are reckoned with."""
    hubbed(world)[4].ingress("-1", None, "10.0.0.0/16")
    assert {("PM100", 8500)} == {(code, most) for code, _, most in told(ask(world, "web-1", "db-1"))}
    assert [] == told(ask(world, "web-1", "db-1", 53, protocol="udp"))


def test_an_endpoint_and_inspection_hold_tcp_to_it(world: World) -> None:
    """Endpoints of PrivateLink tell no sender, and see to it that TCP needs not be told."""
    linked(world)
    assert ("PM100", "request", 8500) in told(ask(world, "web-1", "10.0.9.9", 443))
    other = World()
    inspected(other)
    assert {"PM100"} == {one.code for one in ask(other, "web-1", "db-1").narrows}


@pytest.mark.parametrize(("build", "question"), [(by_vpn, OUT), (by_hub("vpn"), OUT)], ids=["VPN", "behind a transit gateway"])
def test_a_vpn_tells_nobody(world: World, build, question) -> None:
    """What leaves AWS by a VPN gets lost beyond 1446 bytes, TCP and UDP alike; of what comes in nothing is known."""
    build(world)
    for protocol in ("tcp", "udp"):
        found = ask(world, *question, protocol=protocol)
        assert ("PM101", "request", 1446) in told(found)
        assert {"request"} == {direction for _, direction, _ in told(found)}
    assert {"reply"} == {direction for _, direction, _ in told(ask(world, *IN))}


def test_several_tunnels_are_told_in_one_line(world: World) -> None:
    """Two connections that may carry the packet are one sentence, and two findings for machines."""
    vpc = inside(world)
    gateway = vpn_gateway(vpc)
    vpc.route("10.8.0.0/16", gateway)
    first, second = (vpn(world, gateway, ["10.8.0.0/16"], name=name) for name in ("vpn-one", "vpn-two"))
    no_direct_connect(world, gateway)
    found = ask(world, *OUT)
    assert {first["VpnConnectionId"], second["VpnConnectionId"]} == {one.resource for one in found.narrows}
    assert 1 == len(seen(found))
    assert "(likewise vpn-two)" in seen(found)[0]


@pytest.mark.parametrize(("sizes", "most"), [([9001], None), ([1500], 1500), ([8500, 1500], 1500), ([None], None)])
def test_direct_connect_takes_what_its_virtual_interface_has(world: World, sizes: list[int | None], most: int | None) -> None:
    """Of several the smallest; where none tells its size, nothing is known."""
    vpc = inside(world)
    gateway = vpn_gateway(vpc)
    vpc.route("10.8.0.0/16", gateway, origin="EnableVgwRoutePropagation")
    direct_connect(world, gateway, ["10.0.0.0/16"], interfaces=" ".join(["available"] * len(sizes)))
    for raw, size in zip(world.raw()[world.account, world.region]["virtualInterfaces"], sizes, strict=True):
        raw |= {"mtu": size} if size else {}
    assert ([("PM103", "request", most)] if most else []) == told(ask(world, *OUT))


def test_only_what_is_narrower_than_all_before_counts(world: World) -> None:
    """Behind a NAT gateway of 8500 bytes comes the internet gateway of 1500; the answers come from outside."""
    behind_nat(world)
    found = ask(world, "app-1", "internet", 443)
    assert [("PM100", "request", 8500), ("PM103", "request", 1500)] == told(found)


# ---------------------------------------------------------------- who hears of it


def public_answer(world: World, *entries):
    """internet → web-1 through a network ACL with these entries."""
    _, subnet, *_ = public_web(world)
    acl = closed(subnet, *entries)
    return acl, lambda: ask(world, "internet", PUBLIC, 443)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (("ingress", "icmp", (3, 4)), "PM103"),
        (("ingress", "icmp", (3, -1)), "PM103"),
        (("ingress", "icmp"), "PM103"),
        (("ingress",), "PM103"),
        (("ingress", "icmp", (8, -1)), "PM102"),
        (("ingress", "udp"), "PM102"),
        (("egress", "icmp"), "PM102"),
        (("ingress", "icmpv6", None, "::/0"), "PM102"),
        (("ingress", "icmp", (3, 4), "10.0.0.0/8"), "PM190"),
    ],
)
def test_the_message_has_to_pass_the_network_acl(world: World, entry, code: str) -> None:
    """Type, code, direction and IP version count; an entry for some addresses alone decides nothing."""
    _, asked = public_answer(world, *WEB_ENTRIES, entry)
    assert [(code, "reply", 1500)] == told(asked())
    assert (code == "PM102") == bool(seen(asked()))


def test_the_first_entry_decides(world: World) -> None:
    """A deny before the allow keeps the message out, one behind it does not, and one for a part leaves it open."""
    for number, cidr, code in ((1, "0.0.0.0/0", "PM102"), (200, "0.0.0.0/0", "PM103"), (1, "10.0.0.0/8", "PM190")):
        own = World()
        acl, asked = public_answer(own, *WEB_ENTRIES, ("ingress", "icmp", (3, 4)))
        acl.deny(number, "ingress", "icmp", None, cidr)
        assert [code] == [one.code for one in asked().narrows]


def test_behind_a_nat_gateway_both_network_acls_count(world: World) -> None:
    """Out of the NAT gateway's subnet the message goes to a sender that is known, so an entry for its range is enough."""
    _, private, public, _ = behind_nat(world)
    asked = [("ingress", "tcp"), ("egress", "tcp"), ("ingress", "icmp", (3, 4))]
    closed(public, *asked, ("egress", "icmp", (3, 4), "10.0.1.0/24"))
    assert ["PM100", "PM103"] == [one.code for one in ask(world, "app-1", "internet", 443).narrows]
    closed(private, ("ingress", "tcp"), ("egress", "tcp"))
    found = ask(world, "app-1", "internet", 443)
    assert ["PM100", "PM102"] == [one.code for one in found.narrows]
    assert found.narrows[1].resource == world.raw()[world.account, world.region]["NetworkAcls"][-1]["NetworkAclId"]


def test_a_load_balancer_is_a_sender_of_its_own(world: World) -> None:
    """An Application Load Balancer opens connections of its own: what the target's network ACL lets in is not asked."""
    vpc, front, group, _, _ = public_web(world)
    back = vpc.subnet("10.0.2.0/24")
    shop = LoadBalancer("shop", {front: "10.0.1.50"}, group, type="application")
    shop.listen(443, [back.instance("app-1", "10.0.2.20", group)], protocol="HTTPS")
    for part in (shop.nodes[0].raw, shop.nodes[0].raw["PrivateIpAddresses"][0]):
        part["Association"] = {"PublicIp": "203.0.113.50"}
    closed(back, ("ingress", "tcp"), ("egress", "tcp"))
    assert [("PM103", "reply", 1500)] == told(ask(world, "internet", "203.0.113.50", 443))
    closed(front, ("ingress", "tcp"), ("egress", "tcp"))
    assert [("PM102", "reply", 1500)] == told(ask(world, "internet", "203.0.113.50", 443))


def test_network_acls_that_were_not_read_claim_nothing(world: World) -> None:
    """Not read is not absent: nothing is said to get lost."""
    public_answer(world, *WEB_ENTRIES)
    found = ask(world, "internet", PUBLIC, 443, without=["NetworkAcls"])
    assert {"PM190"} == {one.code for one in found.narrows}
    assert [] == seen(found)


def test_out_of_a_subnet_and_into_it_again_meets_no_network_acl(world: World) -> None:
    """Where the transit gateway's attachment is in the sender's own subnet, no entry is asked for what comes back."""
    by_hub("direct-connect-gateway")(world)
    world.raw()[world.account, world.region]["virtualInterfaces"][0]["mtu"] = 1500
    entries = world.raw()[world.account, world.region]
    for acl in entries["NetworkAcls"]:
        acl["Entries"] = [e for e in acl["Entries"] if e["RuleNumber"] > 32766]
        for egress in (False, True):
            acl["Entries"].append(
                {"RuleNumber": 1, "RuleAction": "allow", "Egress": egress, "Protocol": "6", "CidrBlock": "0.0.0.0/0"}
            )
    assert ["PM100", "PM102"] == [one.code for one in ask(world, *OUT).narrows]
    own = next(s for s in entries["Subnets"] if s["CidrBlock"] == "10.0.1.0/24")["SubnetId"]
    entries["TransitGatewayVpcAttachments"][0]["SubnetIds"] = [own]
    assert ["PM100", "PM103"] == [one.code for one in ask(world, *OUT).narrows]


# ---------------------------------------------------------------- it is told, and decides nothing


def test_it_changes_no_verdict(world: World) -> None:
    """The flow is reachable, and the sentence stands below the path with its code."""
    by_vpn(world)
    found = ask(world, *OUT)
    assert ("reachable",) == verdict(found)
    assert () == found.findings
    (line,) = seen(found)
    assert line.startswith("also     ~ packets of more than 1446 bytes may get lost without a word: vpn-")
    assert "flowdiag explain PM101" in str(found)


def test_what_is_blocked_sends_no_large_packets(world: World) -> None:
    """While the flow is blocked the sentence is left out; the findings are there all the same."""
    vpc = inside(world)
    gateway = vpn_gateway(vpc)
    vpc.route("10.8.0.0/16", gateway)
    vpn(world, gateway, ["10.8.0.0/16"], tunnels="DOWN DOWN")
    no_direct_connect(world, gateway)
    found = ask(world, *OUT)
    assert "blocked" == found.verdict
    assert [] == seen(found)


def test_direct_connect_scene_says_nothing_of_sizes(world: World) -> None:
    """A virtual interface that shows no MTU has none that is known."""
    by_direct_connect(world)
    assert [] == told(ask(world, *OUT))
