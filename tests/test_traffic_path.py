"""Records that say by which way a packet left, beside the way that the configuration leads."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenes import hubbed, public_web
from wires import FLAGGED, Wires, line, saved, short
from world import World

from flowdiag import Diagnosis, diagnose
from flowdiag.components import components
from flowdiag.traffic_path import WAYS

A, B = "10.0.1.10", "10.9.2.20"
HEADER = f"{FLAGGED} traffic-path"


def through_the_hub(folder: Path, value: str, action: str = "ACCEPT", routed: bool = True) -> Diagnosis:
    """web-1 asks db-1 over a transit gateway, and its record has this traffic-path."""
    world = World()
    hubbed(world)
    snapshot = world.snapshot()
    if not routed:
        other = World()
        left = other.vpc("10.0.0.0/16")
        left.subnet("10.0.1.0/24").instance("web-1", A, left.group("sg-web"))
        snapshot = other.snapshot()
    web = snapshot.view().find("network_interface", "private_ip", A)[0].id
    lines = [f"{line(web, f'{A} {B} 40000 5432', action=action)} {value}"]
    return diagnose("web-1", "db-1" if routed else B, 5432, snapshot=snapshot, flow_logs=saved(folder, lines, HEADER))


@pytest.mark.parametrize("value", ["4", "8", "3", "2"])
def test_another_way_than_the_configuration_leads_is_told(tmp_path: Path, value: str) -> None:
    """With the time of the record: a route was changed, or what was read is not of that time."""
    said = str(through_the_hub(tmp_path, value))
    assert f"sent it {WAYS[value]} (traffic-path {value}, 2023-11-14T22:14:10Z), and the configuration leads to tgw-" in said


@pytest.mark.parametrize("value", ["1", "6", "-", "99"])
def test_the_way_that_it_leads_and_what_means_several_things_are_not(tmp_path: Path, value: str) -> None:
    """A transit gateway has an interface in the VPC; 6 was redefined; `-` is no way."""
    assert "traffic-path" not in str(through_the_hub(tmp_path, value)).split("more ")[0]


def test_a_packet_that_was_denied_took_no_way(tmp_path: Path) -> None:
    """It never left."""
    assert "(traffic-path" not in str(through_the_hub(tmp_path, "4", action="REJECT"))


def test_where_the_configuration_leads_nowhere_nothing_is_compared(tmp_path: Path) -> None:
    """Without a route what follows is only assumed."""
    assert "(traffic-path" not in str(through_the_hub(tmp_path, "4", routed=False))


def test_a_flow_that_works_by_another_way_still_works(tmp_path: Path) -> None:
    """It is told beside the verdict, and changes none."""
    pair = Wires()
    there = [f"{one} 8" for one in pair.there(4000, flags=3)]
    found = pair.ask(flow_logs=saved(tmp_path, [*there, *(f"{one} 1" for one in pair.back(4000, flags=19))], HEADER))
    assert ("reachable", "healthy", "confirmed") == short(found)
    assert "sent it by an internet gateway (traffic-path 8, 2023-11-14T22:14:10Z)" in found.headline


def test_the_way_of_a_reply_counts_too(tmp_path: Path) -> None:
    """The server answers its public client by the internet gateway, or by what its record names."""
    world = World()
    public_web(world)
    snapshot = world.snapshot()
    web = snapshot.view().find("network_interface", "private_ip", A)[0].id
    there, back = f"198.51.100.7 {A} 40000 443", f"{A} 198.51.100.7 443 40000"
    for value, told in (("8", False), ("2", False), ("3", True)):
        lines = [f"{line(web, there, flags=3)} -", f"{line(web, back, flags=19)} {value}"]
        found = diagnose("198.51.100.7", "web-1", 443, snapshot=snapshot, flow_logs=saved(tmp_path, lines, HEADER))
        assert told == ("(traffic-path" in found.headline)


def test_every_value_that_a_component_names_has_its_words() -> None:
    """A component that says how its packets are marked uses AWS's values."""
    marked = {kind: component.traffic_paths for kind, component in components().items() if component.traffic_paths}
    assert {"internet_gateway", "vpc_peering", "vpn_gateway"} <= marked.keys()
    assert {value for values in marked.values() for value in values} == WAYS.keys()
