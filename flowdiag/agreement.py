"""Does the wire fail where the configuration says: how far the packet was seen to get, beside where a blocker stands.

Hops are counted from the source there and back, so that a place is one number: a record of an interface says that the
guards on that side of it were passed, or that one of them refused.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Mapping
from typing import Literal, NamedTuple

from flowdiag.model import GUARDS, Direction, Hop, Leg, Sighting, Trace
from flowdiag.points import Journeys, Spot

Place = Literal["there", "passed", "before", "unseen"]


class Reach(NamedTuple):
    """How far a packet was seen to get on one leg: `passed` is the first hop that it is not known to have passed.

    Where it failed lies from `low` up to, and without, `high`; `how` is `rejected`, `lost` or, where nothing tells,
    `open`. `wide` is True where the host itself lies in between, and nobody saw whether it answered.
    """

    passed: int = 0
    low: int = 0
    high: int = 0
    how: Literal["rejected", "lost", "open"] = "open"
    wide: bool = False


def reaches(journeys: Journeys, seen: Mapping[Spot, Sighting], counted: Container[Direction] = ()) -> tuple[Reach, ...]:
    """How far the packet was seen to get, leg by leg; `counted` are the directions in which a gateway counts losses itself."""
    return tuple(_reach(leg, [(spot, seen[spot].seen) for spot in way], counted) for leg, way in journeys)


def _reach(leg: Leg, looked: list[tuple[Spot, str]], counted: Container[Direction]) -> Reach:
    marks = [(*_zone(leg, spot), what) for spot, what in looked]
    passed = max((high for _, high, what in marks if what in ("accept", "mixed")), default=0)
    for low, high, what in marks:
        if what in ("reject", "mixed"):
            return Reach(max(passed, low), low, high, "rejected")
    for way, end in (("request", len(leg.request)), ("reply", len(leg.hops))):
        if way in counted and passed < end:
            return Reach(passed, passed, end, "lost")
    for low, high, what in marks:
        end = high if what == "unaccepted" else low
        if what in ("absent", "unaccepted") and high > passed:
            wide = passed <= len(leg.request) and end > _answer(leg, looked)
            return Reach(passed, passed, max(end, passed), "lost", wide)
    return Reach(passed, passed, len(leg.hops))


def _answer(leg: Leg, looked: list[tuple[Spot, str]]) -> int:
    """The hop at which an answer leaves the destination."""
    return next((_zone(leg, spot)[0] for spot, _ in looked if spot.point == "reply_destination"), len(leg.request))


def _zone(leg: Leg, spot: Spot) -> tuple[int, int]:
    """The guards of which a record at this point speaks, from the first up to, and without, the end."""
    hops = leg.request if spot.direction == "request" else leg.reply
    before = 0 if spot.direction == "request" else len(leg.request)
    if spot.leaving:
        low = high = min(spot.step if _guards(hops, spot.step) else spot.step + 1, len(hops))
        while _guards(hops, high):
            high += 1
    else:
        low = high = _entrance(hops, spot)
        while _guards(hops, low - 1):
            low -= 1
    return before + low, before + high


def _guards(hops: tuple[Hop, ...], number: int) -> bool:
    return 0 <= number < len(hops) and hops[number].place.kind in GUARDS


def _entrance(hops: tuple[Hop, ...], spot: Spot) -> int:
    """The hop at which a packet is on the interface."""
    own = (n for n, hop in enumerate(hops) if hop.place.kind == "network_interface" and hop.place.id == spot.interface)
    return next((n for n in own if n), min(spot.step, len(hops)))


# ---------------------------------------------------------------- beside a blocker


def failed_at(trace: Trace, reached: tuple[Reach, ...], blockers: Iterable[tuple[int, int]]) -> Place:
    """Where the wire failed, seen from what blocks: each blocker is the number of its leg and of its hop there.

    `there`: where it stands; `passed`: the packet was seen behind it; `before`: it never came so far; `unseen`: nobody
    looked. On several legs the first of these that holds of one.
    """
    found = {_beside(trace.legs[leg], reached[leg], hop) for leg, hop in blockers if leg < len(reached)}
    order: tuple[Place, ...] = ("there", "passed", "before")
    return next((place for place in order if place in found), "unseen")


def _beside(leg: Leg, reach: Reach, hop: int) -> Place:
    if reach.how == "rejected" and (reach.low <= hop < reach.high or _is_public_access(leg, reach, hop)):
        return "there"
    if hop < reach.passed:
        return "passed"
    if reach.how == "open" or reach.wide:
        return "unseen"
    if reach.how == "lost" and hop < reach.high:
        return "there"
    return "before"


def _is_public_access(leg: Leg, reach: Reach, hop: int) -> bool:
    """A denial by VPC Block Public Access stands at the gateway and is on record at the interface, in its direction.

    https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html
    """
    finding = leg.hops[hop].finding
    on = finding is not None and finding.inputs.get("block public access") == "on"
    return on and (reach.low >= len(leg.request)) == (hop >= len(leg.request))


def rejecting(trace: Trace, reached: tuple[Reach, ...]) -> frozenset[Hashable] | None:
    """The identities of the findings that stand where a packet was rejected; None where none was."""
    if not any(reach.how == "rejected" for reach in reached):
        return None
    legs = zip(trace.legs, reached, strict=True)
    hops = (hop for leg, reach in legs if reach.how == "rejected" for hop in leg.hops[reach.low : reach.high])
    return frozenset(hop.finding.identity() for hop in hops if hop.finding)
