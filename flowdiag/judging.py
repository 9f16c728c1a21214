"""Connections → Fares: how each connection fared, by the tables `answer` and `wire`.

Thousands of connections are normal: those that look alike (seen alike at every point, with the same signs, within one
minute) are judged together, and silence is weighed at their time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flowdiag.connection import Connection
from flowdiag.contrast import begun, moment, when
from flowdiag.logs import CLOCK_SLACK
from flowdiag.loss import Loss, together
from flowdiag.model import Finding, Record, Sighting, Symptom
from flowdiag.passage import SILENT, Passage, passage
from flowdiag.points import Journeys, Point, Spot
from flowdiag.reach import Span
from flowdiag.sighting import Seen, actions, kept
from flowdiag.signs import Signs, signs
from flowdiag.stretches import Stretch, Stretches
from flowdiag.symptom import Request, read_symptom, request_of
from flowdiag.table import Rules

MINUTE = CLOCK_SLACK  # times are no more exact than that
Weigh = Callable[[int, Span | None], tuple[Seen, str]]  # what silence at a point is worth, and why
Digest = dict[int, dict[str, tuple[Record, Record]]]  # by point and action the first and the last record


@dataclass(frozen=True)
class Fare:
    """How connections that look alike fared: their symptom, with all that it rests on."""

    symptom: Symptom
    finding: Finding
    request: Request
    answer: str
    codes: tuple[str, ...]
    way: Passage
    seen: Mapping[Spot, Sighting]
    connections: tuple[Connection, ...] = ()
    sure: bool = True


@dataclass(frozen=True)
class Bench:
    """All that judging needs and no connection changes: the path and its points, the tables, and what silence is worth."""

    journeys: Journeys
    spots: Sequence[Spot]
    stretches: Stretches
    rules: Rules
    weigh: Weigh
    limits: Mapping[str, int] = field(default_factory=dict)
    stands_for: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    doubtful: tuple[Loss, ...] = ()

    def sighting(self, place: int, records: list[Record], span: Span | None) -> Sighting:
        """What a point saw: these records or, without any, silence at that time."""
        return self._made(place, records, *(("unobserved", "") if records else self.weigh(place, span)))

    def unseen(self, place: int) -> Sighting:
        """A point that tells nothing here."""
        return self._made(place, [], "unobserved", "")

    def _made(self, place: int, records: list[Record], silence: Seen, note: str) -> Sighting:
        spot = self.spots[place]
        ordered = sorted({id(record): record for record in records}.values(), key=when)
        return Sighting(
            interface=spot.label,
            stands_for=self.stands_for.get(spot.interface, ""),
            leaving=spot.leaving,
            point=spot.point,
            seen=actions(ordered) if ordered else silence,
            records=kept(ordered),
            count=len(ordered),
            last=moment(ordered[-1]) if ordered else None,
            note=note,
        )


@dataclass
class _Alike:
    """Connections that look alike, with their records by point, what was seen elsewhere at their time, and what was lost."""

    connections: list[Connection] = field(default_factory=list)
    records: dict[int, list[Record]] = field(default_factory=dict)
    others: Digest = field(default_factory=dict)
    signs: Signs = field(default_factory=Signs)
    lost: list[Loss] = field(default_factory=list)

    def add(self, one: Connection) -> None:
        """Take in one more, with what was lost of it."""
        self.connections.append(one)
        self.lost += one.part.lost
        for place, record in one.part.records:
            self.records.setdefault(place, []).append(record)

    def unasked(self, spots: Sequence[Spot]) -> bool:
        """Whether no request of theirs is on record, nor need be, for they were open before."""
        seen = any(spots[place].direction == "request" for place in self.records)
        return not seen and bool(self.connections) and all(one.part.continued for one in self.connections)

    @property
    def span(self) -> Span | None:
        """When they were seen; None where nothing was, or times were not logged."""
        last = max((one.part.last for one in self.connections), default=0)
        begun = [one.part.first for one in self.connections]
        return Span(min(begun), max(begun), last, all(one.opened for one in self.connections)) if last else None


def judge(bench: Bench, all_of_them: Sequence[Connection]) -> list[Fare]:
    """How every connection fared that goes from the source, or from as near to it as any was seen.

    What goes on behind a gateway that draws ports of its own is added where it was at the same time, which is an
    inference. Without any connection the one fare tells what silence alone is worth.
    """
    leading, others = _led(bench.stretches, all_of_them)
    elsewhere = _Elsewhere(others)
    groups: dict[object, _Alike] = {}
    for one in leading:
        beside = elsewhere.beside(one, bench.stretches)
        part = one.part
        mine = _by_point(bench.spots, part.records)
        answered = any(point.startswith("reply") for point in mine)
        read = signs(mine if answered else {**_ends_of(bench.spots, beside), **mine}, bench.limits, one.sure, one.again)
        looks = tuple(sorted({(place, record.action) for place, record in part.records}))
        aside = tuple(sorted((place, action) for place, seen in beside.items() for action in seen))
        kinds = frozenset(loss.kind for loss in part.lost)
        times = (part.first // MINUTE, part.last // MINUTE)
        key = (one.stretch, looks, aside, read, times, kinds, part.continued, part.blind, part.unheard, one.opened)
        group = groups.setdefault(key, _Alike(others=beside, signs=read))
        group.add(one)
    return [_fare(bench, group) for group in groups.values() or (_Alike(),)]


def _led(found: Stretches, all_of_them: Sequence[Connection]) -> tuple[list[Connection], list[Connection]]:
    """The connections of the first stretch of each leg in which any was seen, and the others."""
    there = {one.stretch for one in all_of_them} - found.behind  # what a load balancer sends of its own accord leads nothing
    first = {next((s for s in leg if s in there), None) for leg in found.legs} | (there - {s for leg in found.legs for s in leg})
    leading = [one for one in all_of_them if one.stretch in first]
    return leading, [one for one in all_of_them if one.stretch not in first]


def _by_point(spots: Sequence[Spot], records: Iterable[tuple[int, Record]]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for place, record in records:
        found.setdefault(spots[place].point, []).append(record)
    return found


def _ends_of(spots: Sequence[Spot], digest: Digest) -> dict[str, list[Record]]:
    return _by_point(spots, ((place, r) for place, seen in digest.items() for pair in seen.values() for r in pair))


class _Elsewhere:
    """What was seen in the other stretches, minute by minute."""

    def __init__(self, others: Iterable[Connection]) -> None:
        self._minutes: dict[tuple[Stretch, int], Digest] = {}
        self._known: dict[tuple[Stretch, int, int], Digest] = {}
        for one in others:
            for place, record in one.part.records:
                _take(self._minutes.setdefault((one.stretch, begun(record) // MINUTE), {}), place, record, record)
        self._busy: dict[Stretch, list[int]] = {}
        for stretch, minute in sorted(self._minutes):
            self._busy.setdefault(stretch, []).append(minute)

    def beside(self, one: Connection, found: Stretches) -> Digest:
        """What the other stretches of its legs show at the time of a connection."""
        if not self._minutes:
            return {}
        onward = {s for leg in found.legs if one.stretch in leg for s in leg} - {one.stretch}
        both: Digest = {}
        for stretch in sorted(onward):
            both.update(self._between(stretch, one.part.first // MINUTE - 1, one.part.last // MINUTE + 1))
        return both

    def _between(self, stretch: Stretch, first: int, last: int) -> Digest:
        key = (stretch, first, last)
        if key not in self._known:
            digest, busy = self._known.setdefault(key, {}), self._busy.get(stretch, [])
            for minute in busy[bisect_left(busy, first) : bisect_right(busy, last)]:
                for place, seen in self._minutes[stretch, minute].items():
                    for pair in seen.values():
                        _take(digest, place, *pair)
        return self._known[key]


def _take(digest: Digest, place: int, first: Record, last: Record) -> None:
    seen = digest.setdefault(place, {})
    known = seen.get(last.action)
    seen[last.action] = (known[0] if known else first, last if not known or when(last) >= when(known[1]) else known[1])


# ---------------------------------------------------------------- one group


def _fare(bench: Bench, group: _Alike) -> Fare:
    """The fare of one group: where its own records show an answer, what other stretches show is of other connections."""
    own = {one.stretch for one in group.connections}
    others = frozenset(n for n, spot in enumerate(bench.spots) if bench.stretches.of[spot] not in own) if own else frozenset()
    alone = _judged(bench, group, hidden=others) if others else None
    return alone if alone and alone.symptom == "healthy" else _judged(bench, group)


def _judged(bench: Bench, group: _Alike, hidden: frozenset[int] = frozenset()) -> Fare:
    seen = _sightings(bench, group, hidden)
    way = passage(bench.journeys, seen, together(group.lost))
    seen = _certain(seen, way)
    told = tuple(seen.values())
    silent = any(s.seen in SILENT and s.point.startswith("reply") for s in told)
    shown = group.signs if any(s.records and s.point.startswith("reply") for s in told) else group.signs.unanswered
    ruled = bench.rules.table("answer").evaluate(shown.inputs(silent))
    idle = shown.cut
    words = {
        **way.words,
        "unclear": ruled["headline"],
        "idle": str(idle.idle) if idle else "",
        "forgets": " or ".join(idle.by) if idle else "",
    }
    symptom, finding = read_symptom(told, bench.rules, ruled["answer"], words, way.state)
    return Fare(
        symptom=symptom,
        finding=finding,
        request=request_of(told, way),
        answer=ruled["answer"],
        codes=(ruled.code, finding.code),
        way=way,
        seen=seen,
        connections=tuple(group.connections),
        sure=group.signs.sure and group.signs.protocol != "icmp",
    )


def _certain(seen: dict[Spot, Sighting], way: Passage) -> dict[Spot, Sighting]:
    """Where a gateway counts the loss itself, no denial explains that the packet is missing behind it."""
    if way.loss is None:
        return seen
    behind = {
        spot: one.model_copy(update={"seen": "absent", "note": ""})
        for spot, one in seen.items()
        if one.seen == "unaccepted" and spot.direction == way.direction and not spot.leaving
    }
    return seen | behind


def _sightings(bench: Bench, group: _Alike, hidden: frozenset[int]) -> dict[Spot, Sighting]:
    """What each point saw of the group; of another stretch what it saw at that time.

    Where the packet is missing on its way to a gateway, what leaves the gateway is not its own.
    """
    own = {one.stretch for one in group.connections}
    of, span = bench.stretches.of, group.span
    seen: list[Sighting] = []
    for place, spot in enumerate(bench.spots):
        mine = not own or of[spot] in own
        unasked = spot.direction == "request" and group.unasked(bench.spots)
        blind = any(place in one.part.blind for one in group.connections)
        if place in hidden or blind or unasked or not (mine or _same_leg(bench.stretches, own, of[spot])):
            seen.append(bench.unseen(place))
            continue
        records = group.records.get(place, []) if mine else [r for pair in group.others.get(place, {}).values() for r in pair]
        seen.append(bench.sighting(place, records, span))
    sends_on = any(one.point == "reply_destination" and one.records for one in seen)  # and nobody else answers for it
    if sends_on and all(one.part.unheard for one in group.connections):
        seen = [bench.unseen(n) if one.point.startswith("reply") and one.records else one for n, one in enumerate(seen)]
    if own and any(one.seen in SILENT and _enters(bench, spot, own) for spot, one in zip(bench.spots, seen, strict=True)):
        foreign = (n for n, spot in enumerate(bench.spots) if of[spot] not in own and seen[n].records)
        for place in list(foreign):
            seen[place] = bench.sighting(place, [], span)
    return dict(zip(bench.spots, seen, strict=True))


def _enters(bench: Bench, spot: Spot, own: set[Stretch]) -> bool:
    return spot.point == "request_between" and not spot.leaving and bench.stretches.of[spot] in own


def _same_leg(found: Stretches, own: set[Stretch], other: Stretch) -> bool:
    return any(other in leg and not own.isdisjoint(leg) for leg in found.legs)


# ---------------------------------------------------------------- behind a load balancer

HALF: Mapping[tuple[str, bool], Point] = {
    ("request", True): "request_source",
    ("request", False): "request_destination",
    ("reply", True): "reply_destination",
    ("reply", False): "reply_source",
}


def behind(bench: Bench, all_of_them: Sequence[Connection]) -> list[Fare]:
    """How the connections to the targets behind the destination fared, each judged from the balancer to the target."""
    fares: list[Fare] = []
    for stretch in sorted(bench.stretches.behind):
        places = _ends(bench, stretch)
        moved = [replace(one, part=one.part.at(places)) for one in all_of_them if one.stretch == stretch]
        mine = [one for one in moved if one.part.records or one.part.lost]
        fares += judge(_half(bench, stretch, places), mine) if mine else []
    return fares


def _ends(bench: Bench, stretch: Stretch) -> list[int]:
    """The four points of a stretch: where it begins and ends, for the request and for the reply."""
    mine = [(n, spot) for n, spot in enumerate(bench.spots) if bench.stretches.of[spot] == stretch]
    there = sorted(((spot.step, spot.leaving, spot.interface) for _, spot in mine if spot.direction == "request"))
    near, far = (there[0][2], there[-1][2]) if there else ("", "")
    wanted = {("request", near, True), ("request", far, False), ("reply", far, True), ("reply", near, False)}
    return [n for n, spot in mine if (spot.direction, spot.interface, spot.leaving) in wanted]


def _half(bench: Bench, stretch: Stretch, places: list[int]) -> Bench:
    """The bench for one stretch alone."""
    spots = [replace(spot, point=HALF[spot.direction, spot.leaving]) for spot in (bench.spots[place] for place in places)]
    alone = Stretches(dict.fromkeys(spots, stretch), ((stretch,),), (stretch,))
    weigh: Weigh = lambda place, span: bench.weigh(places[place], span)  # noqa: E731
    return replace(bench, journeys=(), spots=spots, stretches=alone, weigh=weigh)
