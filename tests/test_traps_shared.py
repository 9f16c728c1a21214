"""Traps of shared VPCs: what belongs to the owner is not shown to a participant, and not shown is not gone."""

from __future__ import annotations

from copy import deepcopy

import pytest
from scenes import OUTSIDE, PUBLIC, ask, behind_nat, peered, public_web, verdict
from world import World
from world_services import block_public_access

OWNER = "444455556666"
OPEN = ("reachable",)


def shared(world: World, *hidden: str) -> World:
    """The owner's view of the world, which then is a participant's: without what `hidden` names.

    The owner is shown the interfaces of participants: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html
    """
    mine = next(iter(world.raw().values()))
    for entry in (*mine["Vpcs"], *mine["Subnets"], *mine["RouteTables"], *mine["NetworkAcls"]):
        entry["OwnerId"] = OWNER
    owner = World(OWNER)
    next(iter(owner.raw().values())).update(deepcopy(mine))
    for key in hidden:
        mine[key].clear()
    return owner


def test_a_participant_is_shown_no_nat_gateways():
    """An empty reply does not mean that the gateway of the route is gone; with the owner's folder the way is open."""
    world = World()
    behind_nat(world)
    owner = shared(world, "NatGateways")
    assert ("inconclusive", "NG190") == verdict(ask(world, "app-1", OUTSIDE, 443))
    assert OPEN == verdict(ask(world, "app-1", OUTSIDE, 443, owner))


def test_a_participant_may_be_shown_no_peerings():
    """The same of the peering that a route of the shared VPC leads to."""
    world = World()
    peered(world)
    owner = shared(world, "VpcPeeringConnections")
    assert ("inconclusive", "PX190") == verdict(ask(world, "web-1", "db-1"))
    assert OPEN == verdict(ask(world, "web-1", "db-1", 5432, owner))


def test_the_owners_mode_of_block_public_access_counts():
    """It binds participants, whatever mode their own account has."""
    world = World()
    public_web(world)
    owner = shared(world)
    block_public_access(world, "off")
    assert OPEN == verdict(ask(world, OUTSIDE, PUBLIC, 443, owner))
    block_public_access(owner, "block-bidirectional")
    assert ("blocked", "IG106") == verdict(ask(world, OUTSIDE, PUBLIC, 443, owner))


@pytest.mark.parametrize("key", ["SecurityGroups"])
def test_a_group_that_the_owner_shared_is_read_where_it_is_shown(key):
    """A participant's interface may carry a group of the owner; its rules stand in the owner's folder."""
    world = World()
    behind_nat(world)
    owner = shared(world, key)
    assert "inconclusive" == ask(world, "app-1", OUTSIDE, 443, without=(key,)).verdict
    mine = next(iter(world.raw().values()))
    del mine[key]
    assert OPEN == verdict(ask(world, "app-1", OUTSIDE, 443, owner))
