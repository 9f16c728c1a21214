"""One connection → the parts in which each point did the same: it is cut where what passed is rejected, arrives no more or is
answered no more.

Times are exact to 60 seconds: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
    """What was seen, in order of time and behind it what goes on from before, and what was lost. `since` is where it is cut from
    what was before, so that nothing new need be asked in it, and `until` where it is cut from what comes after, in Unix
    seconds. Points that are `blind` have a record of which nobody knows whether it tells of this time."""

    marked: list[Marked]
    lost: list[Loss]
    since: float | None = None
    until: float = inf
    blind: frozenset[int] = frozenset()


def parts(marked: Iterable[Marked], spots: Sequence[Spot], losses: Iterable[Loss] = ()) -> Iterator[Part]:
    """The parts in order of time, each with what was lost in it; `marked` are in that order too."""
    left = list(losses)
    several = list(_by_action(marked))
    if left and not several:
        yield Part([], left)
    since = None
    for part, following in zip_longest(several, several[1:]):
        end = begun(following[0][1]) if following else inf
        for one in _by_arrival(part, [loss for loss in left if loss.first < end], spots):
            yield one._replace(since=one.since or since, until=min(one.until, end))
        left = [loss for loss in left if loss.first >= end]
        since = end


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
    going: list[Marked] = []  # what began in earlier parts, and may go on
    for number, (start, end) in enumerate(pairwise(cuts)):
        marked = part[_before(part, start) : _before(part, end)]
        lost = [loss for loss in losses if start <= loss.first < end]
        off = CLOCK_SLACK if number % 2 else 0  # in an outage, what a record tells of its last minute may be from before it
        going = [m for m in going if start <= when(m[1]) + CLOCK_SLACK]
        before = [m for m in going if start <= when(m[1]) + off]
        going_on = [m for m in before if start + (off if spots[m[0]].direction == "reply" else 0) <= when(m[1])]
        if marked or lost or (off and going_on):
            blind = frozenset(place for place, _ in before) - {place for place, _ in (*marked, *going_on)}
            yield Part([*marked, *going_on], lost, None if first else start, end, blind)
            first = False
        going += marked


def _before(part: list[Marked], second: float) -> int:
    """How many of them began before."""
    return bisect_left(part, second, key=lambda m: begun(m[1]))


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
    sent = at.get(near, ()) if arrived else ()
    left = sorted((*_departures(sent), *((loss.first, loss.first) for loss in losses if loss.direction == way)))
    for (_, ended), (again, _) in pairwise((*through, (inf, inf))):
        start, end = ended + CLOCK_SLACK, again - CLOCK_SLACK
        after = (left[number] for number in range(bisect_right(left, (start, inf)), len(left)))
        missing = next((earliest for earliest, latest in after if latest < end or earliest >= end), inf)
        if missing < end:
            yield missing, end


def _departures(records: Iterable[Record]) -> Iterator[tuple[int, int]]:
    """Between which seconds, for certain, a packet left: the first of each record as it tells, the last a minute before that
    or later."""
    for record in records:
        yield begun(record), begun(record)
        if when(record) > begun(record) + CLOCK_SLACK:
            yield when(record) - CLOCK_SLACK, when(record)


def _mute(part: list[Marked], spots: Sequence[Spot]) -> Iterator[Gap]:
    """Each time in which packets of a TCP connection go on towards its server past one interface, for longer than times are off,
    and no answer passes there, though one did before.

    Whatever TCP sends is acknowledged, but for a reset, and that is sent once: https://www.rfc-editor.org/rfc/rfc9293
    Each interface is looked at by itself: where the records of another one go on for longer, they do not tell of this one.
    """
    seen: dict[str, dict[Direction, list[Record]]] = {}
    for place, record in part:
        if record.action == "ACCEPT" and record.protocol == TCP:
            ways = seen.setdefault(spots[place].interface, {"request": [], "reply": []})
            ways[spots[place].direction].append(record)
    for ways in seen.values():
        yield from _unanswered(ways["request"], ways["reply"])


def _unanswered(requests: Iterable[Record], replies: Iterable[Record]) -> Iterator[Gap]:
    """Each time after a reply in which requests begin to be on record and go on for more than a minute, and no reply is."""
    answered = Spans(2 * CLOCK_SLACK)
    for record in replies:
        answered.add(*sorted((begun(record), when(record))))
    asked = sorted(requests, key=begun)
    for (_, ended), (again, _) in pairwise((*answered, (inf, inf))):
        start, end = ended + CLOCK_SLACK, again - CLOCK_SLACK
        several = asked[bisect_right(asked, start, key=begun) : bisect_left(asked, end, key=begun)]
        if several and max(map(when, several)) > begun(several[0]) + CLOCK_SLACK:
            yield begun(several[0]), end


def _together(gaps: Iterable[Gap]) -> list[Gap]:
    """The gaps of both directions in order of time, those that overlap as one."""
    found: list[Gap] = []
    for start, end in sorted(gaps):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
