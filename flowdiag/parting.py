"""One connection → the parts in which each point did the same: where what passed is rejected, or no longer arrives, it is cut.

Times are exact to 60 seconds: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from math import inf
from typing import NamedTuple

from flowdiag.contrast import begun, when
from flowdiag.logs import CLOCK_SLACK
from flowdiag.loss import Loss
from flowdiag.model import Direction, Record
from flowdiag.points import Point, Spot

ENDS: Mapping[Direction, tuple[Point, Point]] = {
    "request": ("request_source", "request_destination"),
    "reply": ("reply_destination", "reply_source"),
}
"""Where a packet sets out, and where it arrives."""
WAYS: tuple[Direction, ...] = ("request", "reply")
Marked = tuple[int, Record]  # the number of the point, and what it saw


class Part(NamedTuple):
    """What was seen and what was lost; `continued` where it is cut from what arrived, so that nothing new is asked in it."""

    marked: list[Marked]
    lost: list[Loss]
    continued: bool = False


def parts(marked: Iterable[Marked], spots: Sequence[Spot], losses: Iterable[Loss] = ()) -> Iterator[Part]:
    """The parts in order of time, each with what was lost in it; `marked` are in that order too."""
    left = list(losses)
    several = list(_by_action(marked))
    if left and not several:
        yield Part([], left)
    for part, following in zip_longest(several, several[1:]):
        end = begun(following[0][1]) if following else inf
        yield from _by_arrival(part, [loss for loss in left if loss.first < end], spots)
        left = [loss for loss in left if loss.first >= end]


def _by_action(marked: Iterable[Marked]) -> Iterator[list[Marked]]:
    """Cut where a point lets pass what it rejected before, or rejects what it let pass; not where the two lie side by side."""
    part: list[Marked] = []
    did: dict[int, tuple[str, int]] = {}
    for place, record in marked:
        action, until = did.get(place, (record.action, 0))
        if action != record.action and begun(record) >= until and when(record) > until:
            yield part
            part, did = [], {}
        did[place] = (record.action, max(until, when(record)) if place in did else when(record))
        part.append((place, record))
    if part:
        yield part


def _by_arrival(part: list[Marked], losses: list[Loss], spots: Sequence[Spot]) -> Iterator[Part]:
    """Cut where packets that arrived before are sent on and arrive no more."""
    cut = min(filter(None, (_stops(part, losses, spots, way) for way in WAYS)), default=None)
    if cut is None or cut <= begun(part[0][1]):  # as of records that end before they start
        yield Part(part, losses)
        return
    yield Part([m for m in part if begun(m[1]) < cut], [loss for loss in losses if loss.first < cut])
    yield Part([m for m in part if begun(m[1]) >= cut], [loss for loss in losses if loss.first >= cut], continued=True)


def _stops(part: list[Marked], losses: Iterable[Loss], spots: Sequence[Spot], way: Direction) -> int | None:
    """The second from which on packets leave the one end, or are lost, and nothing gets through any more, though something did
    before; None where that is not so. A reply that comes back shows that its request got through, or was answered for.

    A record tells its first packet no more than 60 seconds late, so what begins later than that after all arrivals is none
    of them.
    """
    near, far = ENDS[way]
    at: dict[Point, list[Record]] = {}
    for place, record in part:
        if record.action == "ACCEPT":
            at.setdefault(spots[place].point, []).append(record)
    arrived = at.get(far) or at.get(f"{way}_between") or []  # type: ignore[call-overload]
    answers = at.get("reply_source", []) if way == "request" else []
    if not arrived and not answers:
        return None
    last = max(map(when, (*arrived, *answers))) + CLOCK_SLACK
    sent = map(begun, at.get(near, ()) if arrived else ())
    lost = (loss.first for loss in losses if loss.direction == way)
    return min((second for second in (*sent, *lost) if second > last), default=None)
