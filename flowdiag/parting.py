"""One connection → the parts in which each point did the same: it is cut where what passed is rejected, arrives no more or is
answered no more.

Times are exact to 60 seconds: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest
from math import inf
from typing import NamedTuple

from flowdiag.contrast import begun, when
from flowdiag.logs import CLOCK_SLACK, Spans
from flowdiag.loss import Loss
from flowdiag.model import TCP, Direction, Record
from flowdiag.points import Point, Spot

ENDS: Mapping[Direction, tuple[Point, Point]] = {
    "request": ("request_source", "request_destination"),
    "reply": ("reply_destination", "reply_source"),
}
"""Where a packet sets out, and where it arrives."""
WAYS: tuple[Direction, ...] = ("request", "reply")
Marked = tuple[int, Record]  # the number of the point, and what it saw
Gap = tuple[float, float]  # Unix seconds: when the first packet is missing, and when packets arrive again


class Part(NamedTuple):
    """What was seen, in order of time and behind it what goes on from before, and what was lost; `continued` where it is cut from
    what was before, so that nothing new is asked in it. Points that are `blind` have a record of which nobody knows whether
    it tells of this time."""

    marked: list[Marked]
    lost: list[Loss]
    continued: bool = False
    blind: frozenset[int] = frozenset()


def parts(marked: Iterable[Marked], spots: Sequence[Spot], losses: Iterable[Loss] = ()) -> Iterator[Part]:
    """The parts in order of time, each with what was lost in it; `marked` are in that order too."""
    left = list(losses)
    several = list(_by_action(marked))
    if left and not several:
        yield Part([], left)
    for number, (part, following) in enumerate(zip_longest(several, several[1:])):
        end = begun(following[0][1]) if following else inf
        for one in _by_arrival(part, [loss for loss in left if loss.first < end], spots):
            yield one._replace(continued=one.continued or number > 0)
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
    """Cut where packets that arrived before are sent on and arrive no more, or were answered before and are no more, and where
    that ends."""
    gaps = (*(gap for way in WAYS for gap in _gaps(part, losses, spots, way)), *_mute(part, spots))
    cuts = [-inf, *(cut for gap in _together(gaps) for cut in gap), inf]
    first = True
    for number, (start, end) in enumerate(pairwise(cuts)):
        marked = [m for m in part if start <= begun(m[1]) < end]
        lost = [loss for loss in losses if start <= loss.first < end]
        if marked or lost:
            gap = number % 2 == 1
            before = [m for m in part if begun(m[1]) < start <= when(m[1]) + (CLOCK_SLACK if gap else 0)]
            going_on = [m for m in before if start <= when(m[1]) and not (gap and spots[m[0]].direction == "reply")]
            blind = frozenset(place for place, _ in before) - {place for place, _ in (*marked, *going_on)}
            yield Part([*marked, *going_on], lost, continued=not first, blind=blind)
            first = False


def _gaps(part: list[Marked], losses: Iterable[Loss], spots: Sequence[Spot], way: Direction) -> Iterator[Gap]:
    """Each time in which packets leave the one end, or are lost, and nothing gets through, though something did before. Where
    the far end shows none at any time, a reply that comes back shows that its request got through, or was answered for.

    A record tells its first packet up to 60 seconds late, so one packet may stand at two interfaces as far apart.
    """
    near, far = ENDS[way]
    at: dict[Point, list[Record]] = {}
    for place, record in part:
        if record.action == "ACCEPT":
            at.setdefault(spots[place].point, []).append(record)
    arrived = at.get(far) or at.get(f"{way}_between") or []  # type: ignore[call-overload]
    through = Spans(2 * CLOCK_SLACK)
    answers = at.get("reply_source", ()) if way == "request" and not at.get(far) else ()
    for record in (*arrived, *answers):
        through.add(*sorted((begun(record), when(record))))  # one that ends before it starts may be of any time between
    sent = map(begun, at.get(near, ()) if arrived else ())
    lost = (loss.first for loss in losses if loss.direction == way)
    left = sorted((*sent, *lost))
    for (_, ended), (again, _) in pairwise((*through, (inf, inf))):
        missing = bisect_right(left, ended + CLOCK_SLACK)
        if missing < len(left) and left[missing] < again - CLOCK_SLACK:
            yield left[missing], again - CLOCK_SLACK


def _mute(part: list[Marked], spots: Sequence[Spot]) -> Iterator[Gap]:
    """Each time in which one end of a TCP connection goes on sending, for longer than times are off, and nothing is answered,
    though something was before.

    Whatever TCP sends is acknowledged, but for a reset, and that is sent once: https://www.rfc-editor.org/rfc/rfc9293
    Where a point that saw requests has none in that time, it is not cut: the same packets may count before it there.
    """
    seen: dict[Direction, list[Marked]] = {"request": [], "reply": []}
    for place, record in part:
        if record.action == "ACCEPT" and record.protocol == TCP:
            seen[spots[place].direction].append((place, record))
    answered = Spans(2 * CLOCK_SLACK)
    for _, record in seen["reply"]:
        answered.add(*sorted((begun(record), when(record))))
    everywhere = {place for place, _ in seen["request"]}
    for (_, ended), (again, _) in pairwise((*answered, (inf, inf))):
        asked = [(place, one) for place, one in seen["request"] if ended + CLOCK_SLACK < begun(one) < again - CLOCK_SLACK]
        times = [begun(one) for _, one in asked]
        lasting = asked and max(when(one) for _, one in asked) - min(times) > CLOCK_SLACK
        if lasting and {place for place, _ in asked} == everywhere:
            yield min(times), again - CLOCK_SLACK


def _together(gaps: Iterable[Gap]) -> list[Gap]:
    """The gaps of both directions in order of time, those that overlap as one."""
    found: list[Gap] = []
    for start, end in sorted(gaps):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
