"""Which way a record says that a packet left, where the configuration leads another way: the field traffic-path.

https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowdiag.components import components
from flowdiag.contrast import moment
from flowdiag.model import GUARDS, Hop, Record, Sighting
from flowdiag.points import Journeys, Spot
from flowdiag.times import shown

FIELD = "traffic-path"
WAYS = {
    "1": "to another resource of its VPC",
    "2": "by an internet gateway or a gateway endpoint",
    "3": "by a virtual private gateway",
    "4": "by a VPC peering within the Region",
    "5": "by a VPC peering with another Region",
    "7": "by a gateway endpoint",
    "8": "by an internet gateway",
}
"""What its values mean; 6 has meant several things."""
PASSIVE = GUARDS | {"route_table", "edge_route_table", "block_public_access", "encryption_control"}
"""Kinds of places that decide about a packet and do not take it any further."""


def other_ways(journeys: Journeys, seen: Mapping[Spot, Sighting]) -> tuple[str, ...]:
    """A sentence for each end that a packet left by another way than it is led, by the newest of the records that tell."""
    led: dict[Spot, dict[str, tuple[str, ...]]] = {}
    for leg, way in journeys:
        for spot in way:
            if spot.point in ("request_source", "reply_destination"):
                onward = _onward(leg.request if spot.direction == "request" else leg.reply, spot.step)
                led.setdefault(spot, {}).update(onward)
    return tuple(dict.fromkeys(sentence for spot, ways in led.items() for sentence in _told(seen[spot], ways)))


def _onward(hops: tuple[Hop, ...], step: int) -> Mapping[str, tuple[str, ...]]:
    """What takes the packet after this hop, by name, each with the values that its records would have."""
    taking = next((hop for hop in hops[step + 1 :] if hop.place.kind not in PASSIVE), None)
    if taking is None or taking.as_if:
        return {}
    component = components().get(taking.place.kind)
    return {taking.name: component.traffic_paths if component else ()}


def _told(sighting: Sighting, ways: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    record = next((r for r in reversed(sighting.records) if r.action == "ACCEPT" and r.more.get(FIELD) in WAYS), None)
    if record is None or not ways or not all(ways.values()):
        return
    value = record.more[FIELD]
    if not any(value in expected for expected in ways.values()):
        yield (
            f"{sighting.interface} sent it {WAYS[value]} (traffic-path {value}{_when(record)}), "
            f"and the configuration leads to {' or '.join(ways)}"
        )


def _when(record: Record) -> str:
    at = moment(record)
    return f", {shown(at)}" if at else ""
