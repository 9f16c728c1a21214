"""The edges of AWS, read live: the replay of AWS gives the same answer as the folder, for every way out and in."""

from typing import Any

import pytest
from aws_replay import replay_session
from aws_world import no_waiting  # noqa: F401  retries without waiting
from scenes import hubbed
from scenes_edges import BOTH_WAYS, IN, ONE_WAY, OUT

from flowdiag import Diagnosis, diagnose
from flowdiag.access import Access
from flowdiag.gather import gather_vpcs


def told(found: Diagnosis) -> tuple[Any, ...]:
    """The verdict, and every hop with its code."""
    hops = [
        (hop.place.kind, hop.place.id, hop.finding.code if hop.finding else "") for leg in found.path.legs for hop in leg.hops
    ]
    return found.verdict, hops, [(unread.query.kind, unread.assumed) for unread in found.unread]


@pytest.mark.parametrize("name", ONE_WAY)
def test_a_way_out_alone_is_read_live_as_it_is_offline(world, name):
    """Where nothing tells of connections that begin outside, those that begin inside are followed all the same."""
    build, asked = ONE_WAY[name]
    build(world)
    live = diagnose(*asked, session=replay_session(world.raw()[world.account, world.region]))
    assert told(diagnose(*asked, snapshot=world.snapshot())) == told(live)
    assert "reachable" == live.verdict


@pytest.mark.parametrize("asked", [OUT, IN], ids=["out", "in"])
@pytest.mark.parametrize("name", BOTH_WAYS)
def test_an_edge_is_read_live_as_it_is_offline(world, name, asked):
    """Both shells give one answer, and nothing that decides was left unread; tunnels that are down the customer may bring up."""
    BOTH_WAYS[name](world)
    replies = world.raw()[world.account, world.region]
    live = diagnose(*asked, session=replay_session(replies, page=2))
    assert told(diagnose(*asked, snapshot=world.snapshot())) == told(live)
    down = "inconclusive" if asked is IN else "blocked"
    assert (down if "down" in name else "reachable") == live.verdict


def test_what_stands_behind_a_blocker_is_read_live_as_it_is_offline(world):
    """The walk goes on behind a transit gateway without routes, and asks AWS for what it meets there."""
    hub, _, _, _, sg_db = hubbed(world)
    hub.table["Routes"].clear()
    sg_db.raw["IpPermissions"].clear()
    live = diagnose("web-1", "db-1", 5432, session=replay_session(world.raw()[world.account, world.region], page=2))
    assert told(diagnose("web-1", "db-1", 5432, snapshot=world.snapshot())) == told(live)
    assert ["TG104", "SG103", "TG104"] == [finding.code for finding in live.findings]


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_a_capture_of_the_vpc_holds_its_edge(world, name):
    """What leads out of the VPC is captured with it; only whether the far address is another interface's was not asked."""
    BOTH_WAYS[name](world)
    replies = world.raw()[world.account, world.region]
    captured = gather_vpcs([replies["Vpcs"][0]["VpcId"]], Access(replay_session(replies))).snapshot
    found = diagnose(*OUT, snapshot=captured)
    assert {"network_interface"} == {unread.query.kind for unread in found.unread if not unread.assumed}
