"""One connection → the parts in which each point did the same: it is cut where what passed is rejected, arrives no more or is
answered no more.

Times are up to 60 seconds late and never early, so what lies further apart is told apart:
https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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


class Gap(NamedTuple):
    """When the first packet is missing, and when packets arrive again, in Unix seconds; `unheard`: requests are."""

    start: float
    end: float
    unheard: bool = False


@dataclass(frozen=True)
class Part:
    """A connection, or a part of one in which each point did the same.

    `own` is what began to be seen in it, in order of time; `carried` are records that began before and go on in it, and `lost`
    is what a gateway counts as lost in it: one of `own`, `carried` and `lost` is there. `since` and `until` are where it is cut
    from what was before and after, in Unix seconds.

    A later part differs from a connection of its own in that no new request need be in it, in that what is `carried` tells of
    it too, and in that points that are `blind` have a record of which nobody knows whether it tells of it: their silence is
    worth nothing. It is told as a part, and what goes on failing to the end in it is no chance. Where it is `unheard`, requests
    are sent and do not arrive, and what the far end still sends answers none of them.
    """

    own: tuple[Marked, ...] = ()
    carried: tuple[Marked, ...] = ()
    lost: tuple[Loss, ...] = ()
    since: float | None = None
    until: float = inf
    blind: frozenset[int] = frozenset()
    unheard: bool = False

    @property
    def records(self) -> tuple[Marked, ...]:
        """All that tells of it, each with its point."""
        return *self.own, *self.carried

    @property
    def continued(self) -> bool:
        """Whether it was open before."""
        return self.since is not None

    @cached_property
    def first(self) -> int:
        """The second in which its first packet was seen, or lost."""
        began = min((*(begun(record) for _, record in self.own[:1]), *(loss.first for loss in self.lost)), default=0)
        return int(max(began, self.since or 0))

    @cached_property
    def last(self) -> int:
        """The second in which its last packet was seen, or lost."""
        ended = max((*(when(record) for _, record in self.records), *(loss.last for loss in self.lost)))
        return int(min(ended, self.until))

    def at(self, places: Sequence[int]) -> Part:
        """What it is at these points alone, renumbered in their order."""
        number = {place: number for number, place in enumerate(places)}
        own, carried = (tuple((number[p], r) for p, r in some if p in number) for some in (self.own, self.carried))
        return replace(self, own=own, carried=carried, blind=frozenset(number[p] for p in self.blind if p in number))


class Phase(NamedTuple):
    """A time of a connection, from one second up to another; in an outage packets did not get through, or were not answered, and
    `unheard` tells that requests did not get through."""

    start: float
    end: float
    outage: bool
    unheard: bool = False


def parts(marked: Iterable[Marked], spots: Sequence[Spot], losses: Iterable[Loss] = ()) -> Iterator[Part]:
    """The parts in order of time, each with what was lost in it; `marked` are in that order too."""
    left = list(losses)
    several = list(_by_action(marked))
    if left and not several:
        yield Part(lost=tuple(left))
    since = None
    for some, following in zip_longest(several, several[1:]):
        end = begun(following[0][1]) if following else inf
        for part in _by_arrival(some, [loss for loss in left if loss.first < end], spots, end):
            yield replace(part, since=since if part.since is None else part.since, until=min(part.until, end))
        left = [loss for loss in left if loss.first >= end]
        since = end


def _by_action(marked: Iterable[Marked]) -> Iterator[list[Marked]]:
    """Cut where a point lets pass what it rejected before, or rejects what it let pass; not where the two lie side by side.

    The last packet before the change may be told a minute late, so that its record seems to go on beside the next one.
    """
    part: list[Marked] = []
    did: dict[int, tuple[str, int, int]] = {}
    for place, record in marked:
        began, ended = begun(record), when(record)
        action, since, until = did.get(place, (record.action, 0, 0))
        if action != record.action and since < began and min(began, ended - 1) + CLOCK_SLACK >= until:
            yield part
            part, did = [], {}
        did[place] = (record.action, began, max(until, ended) if place in did else ended)
        part.append((place, record))
    if part:
        yield part


def _by_arrival(marked: list[Marked], losses: list[Loss], spots: Sequence[Spot], until: float) -> Iterator[Part]:
    """Cut where packets that arrived before are sent on and arrive no more, or were answered before and are no more, and where
    that ends."""
    earlier: list[Marked] = []  # what began before the phase, and may go on in it
    first = True
    for phase in _phases(marked, losses, spots, until):
        own = marked[_before(marked, phase.start) : _before(marked, phase.end)]
        lost = tuple(loss for loss in losses if phase.start <= loss.first < phase.end)
        earlier = [m for m in earlier if when(m[1]) + CLOCK_SLACK >= phase.start]
        carried = tuple(m for m in earlier if _goes_on(m[1], spots[m[0]].direction, phase))
        if own or lost or carried:
            possible = {place for place, record in earlier if when(record) + (CLOCK_SLACK if phase.outage else 0) >= phase.start}
            blind = frozenset(possible - {place for place, _ in (*own, *carried)})
            yield Part(tuple(own), carried, lost, None if first else phase.start, phase.end, blind, phase.unheard)
            first = False
        earlier += own


def _phases(marked: list[Marked], losses: list[Loss], spots: Sequence[Spot], until: float) -> Iterator[Phase]:
    """The outages of a connection that begin before a second, and the times between them: a record that goes on after it may tell
    of one that is not of this time. The last of them has no end, for all that is left is of it."""
    gaps = (*(gap for way in WAYS for gap in _gaps(marked, losses, spots, way)), *_mute(marked, spots))
    start = -inf
    for gap in _together(gaps):
        if gap.start < until:
            yield Phase(start, gap.start, outage=False)
            yield Phase(gap.start, gap.end if gap.end < until else inf, outage=True, unheard=gap.unheard)
            start = gap.end
    if start < until:
        yield Phase(start, inf, outage=False)


def _goes_on(record: Record, direction: Direction, phase: Phase) -> bool:
    """Whether a record that began before a phase tells a packet in it. An outage begins after the last reply that was seen, whose
    record may tell it a minute late: a reply is of the outage only where its record ends later than that."""
    late = CLOCK_SLACK if phase.outage and direction == "reply" else 0
    return when(record) >= phase.start + late


def _before(marked: list[Marked], second: float) -> int:
    """How many of them began before."""
    return bisect_left(marked, second, key=lambda m: begun(m[1]))


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
    lost = [(loss.first, loss.first) for loss in losses if loss.direction == way]
    left = sorted((*_departures(sent), *lost))
    for (_, ended), (again, _) in pairwise((*through, (inf, inf))):
        start, end = ended + CLOCK_SLACK + 1, again - CLOCK_SLACK - 1  # times are whole seconds
        after = (left[number] for number in range(bisect_right(left, (start, inf)), len(left)))
        missing = next((earliest for earliest, latest in after if latest < end or earliest >= end), inf)
        if missing < end:
            yield Gap(missing, end, unheard=way == "request" and far in at and not lost)


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
            yield Gap(begun(several[0]), end)


def _together(gaps: Iterable[Gap]) -> list[Gap]:
    """The gaps of both directions in order of time, those that overlap as one."""
    found: list[Gap] = []
    for gap in sorted(gaps):
        if found and gap.start <= found[-1].end:
            last = found.pop()
            gap = Gap(last.start, max(gap.end, last.end), gap.unheard or last.unheard)
        found.append(gap)
    return found
