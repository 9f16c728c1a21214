"""Traps of VPC Block Public Access: modes, exclusions, and what was not read of them."""

from __future__ import annotations

import pytest
from aws_replay import replay_session
from scenes import OUTSIDE, PUBLIC, Pair, ask, behind_nat, public_web, verdict
from world import World
from world_services import block_public_access, egress_only_gateway

from flowdiag import diagnose

OPEN, STOPPED, OPENED_NOT = ("reachable",), ("blocked", "IG106"), ("inconclusive", "IG194")
BOTH, EGRESS = "allow-bidirectional", "allow-egress"


@pytest.mark.parametrize(
    ("mode", "excluded", "out", "inward"),
    [
        ("off", "", OPEN, OPEN),
        ("block-bidirectional", "", STOPPED, STOPPED),
        ("block-bidirectional", BOTH, OPEN, OPEN),
        ("block-bidirectional", EGRESS, OPEN, STOPPED),
        ("block-ingress", "", STOPPED, STOPPED),
        ("block-ingress", BOTH, OPEN, OPEN),
        ("block-ingress", EGRESS, STOPPED, STOPPED),
        ("block-mondays", BOTH, OPENED_NOT, OPENED_NOT),
    ],
)
@pytest.mark.parametrize("what", ["subnet", "vpc"])
def test_an_exclusion_opens_a_mode_for_a_subnet_or_a_vpc(mode, excluded, out, inward, what):
    """Egress exclusions count in mode block-bidirectional alone, and only for what is begun inside."""
    world = World()
    vpc, subnet, *_ = public_web(world)
    exclusion = {what: (vpc.id if what == "vpc" else subnet.id, excluded)} if excluded else {}
    block_public_access(world, mode, **exclusion)
    assert (out, inward) == (verdict(ask(world, "web-1", OUTSIDE, 443)), verdict(ask(world, OUTSIDE, PUBLIC, 443)))


@pytest.mark.parametrize(
    ("state", "expected"),
    [("create-complete", OPEN), ("delete-complete", STOPPED), ("disable-complete", STOPPED), ("delete-in-progress", OPENED_NOT)],
)
def test_an_exclusion_counts_while_it_is_in_force(state, expected):
    """One that is being made or taken away decides nothing."""
    world = World()
    _, subnet, *_ = public_web(world)
    block_public_access(world, "block-bidirectional", subnet=(subnet.id, BOTH))
    world.raw()[world.account, world.region]["VpcBlockPublicAccessExclusions"][0]["State"] = state
    assert expected == verdict(ask(world, "web-1", OUTSIDE, 443))


def test_a_nat_gateway_elsewhere_opens_nothing(world):
    """Mode block-ingress spares what a NAT gateway lets out and back; where its packets come in, they are internet traffic."""
    behind_nat(world)
    far = world.vpc("10.9.0.0/16")
    subnet = far.subnet("10.9.1.0/24")
    subnet.route("0.0.0.0/0", far.internet_gateway())
    group = far.group("sg-far")
    group.ingress("tcp", 443, "0.0.0.0/0")
    subnet.instance("far-1", "10.9.1.10", group, public="203.0.113.99")
    assert OPEN == verdict(ask(world, "app-1", "203.0.113.99", 443))
    block_public_access(world, "block-ingress")
    assert OPEN == verdict(ask(world, "app-1", OUTSIDE, 443))
    assert STOPPED == verdict(ask(world, "app-1", "203.0.113.99", 443))


def test_two_exclusions_that_differ_decide_nothing():
    """Whether the VPC's or the subnet's wins AWS does not say."""
    world = World()
    vpc, subnet, *_ = public_web(world)
    block_public_access(world, "block-bidirectional", vpc=(vpc.id, BOTH), subnet=(subnet.id, EGRESS))
    assert OPENED_NOT == verdict(ask(world, OUTSIDE, PUBLIC, 443))


def test_exclusions_that_were_not_read_may_be_there():
    """The mode alone stops nobody for certain."""
    world = World()
    public_web(world)
    block_public_access(world, "block-bidirectional")
    assert OPENED_NOT == verdict(ask(world, "web-1", OUTSIDE, 443, without=("VpcBlockPublicAccessExclusions",)))


def test_a_mode_that_is_being_changed_decides_nothing():
    """While the update runs nobody can tell which mode is in force."""
    world = World()
    public_web(world)
    block_public_access(world, "block-bidirectional")
    world.raw()[world.account, world.region]["VpcBlockPublicAccessOptions"][0]["State"] = "update-in-progress"
    assert OPENED_NOT == verdict(ask(world, "web-1", OUTSIDE, 443))


@pytest.mark.parametrize(
    ("mode", "excluded", "expected"),
    [
        ("block-ingress", (), OPEN),
        ("block-bidirectional", (), STOPPED),
        ("block-bidirectional", ("public",), OPENED_NOT),
        ("block-bidirectional", ("public", "private"), OPEN),
        ("block-bidirectional", ("vpc",), OPEN),
    ],
)
def test_a_nat_gateway_needs_both_subnets_excluded(mode, excluded, expected):
    """Its own subnet and its client's; mode block-ingress spares NAT gateways."""
    world = World()
    vpc, private, public, _ = behind_nat(world)
    places = {"vpc": vpc.id, "private": private.id, "public": public.id}
    block_public_access(world, mode, **{name: (places[name], EGRESS) for name in excluded})
    assert expected == verdict(ask(world, "app-1", OUTSIDE, 443))


@pytest.mark.parametrize(
    ("mode", "excluded", "expected"),
    [
        ("block-ingress", "", OPEN),
        ("block-bidirectional", "", ("blocked", "EO106")),
        ("block-bidirectional", EGRESS, OPEN),
        ("block-mondays", "", ("inconclusive", "EO192")),
    ],
)
def test_an_egress_only_gateway_is_stopped_in_both_directions_alone(mode, excluded, expected):
    """Mode block-ingress lets it be, and an exclusion for egress is enough."""
    pair = Pair(ipv6=True)
    pair.sg_web.egress("-1", None, "::/0")
    pair.app.route("::/0", egress_only_gateway(pair.vpc))
    block_public_access(pair.world, mode, **({"subnet": (pair.app.id, excluded)} if excluded else {}))
    assert expected == verdict(pair.ask(443, "2001:db8:1:1::10", "2001:db8:99::1"))


def test_the_mode_and_every_page_of_exclusions_are_read_live():
    """One call for the mode, which answers with one object, and one for each page of exclusions."""
    world = World()
    _, subnet, *_ = public_web(world)
    others = {f"other_{number}": (f"subnet-0{number}", EGRESS) for number in range(3)}
    block_public_access(world, "block-bidirectional", **others, subnet=(subnet.id, BOTH))
    session = replay_session(world.raw()[world.account, world.region], page=2)
    assert OPEN == verdict(diagnose("web-1", OUTSIDE, 443, session=session))
    assert 1 == session.replay.count("DescribeVpcBlockPublicAccessOptions")
    assert 2 == session.replay.count("DescribeVpcBlockPublicAccessExclusions")
