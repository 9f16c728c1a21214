"""What is looked for at each point, and what it means where nothing of it is found there, whenever that is asked about.

`coverage` weighs what the flow logs are worth; here is what else may be in the way of an absence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from flowdiag.contrast import begun, when
from flowdiag.coverage import Asked, Weighing
from flowdiag.listening import Listening
from flowdiag.logs import CLOCK_SLACK, Sought, Window
from flowdiag.model import Address, Coverage
from flowdiag.reach import Span, Times
from flowdiag.sighting import Catch, Seen, Spot
from flowdiag.table import Rules


def sought_at(wanted: tuple[Spot, ...], window: Window, heard: Listening) -> Sought:
    """The addresses of every spot, and the interfaces whose silence would say something.

    A record shows the interface's own address in one place, which may stand for another one; the other place tells where
    the packet goes or comes from: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
    Where that may be any of many addresses, the interface's own are looked for.
    """
    beyond: dict[str, frozenset[Address]] = {}
    for spot in wanted:
        near, far = (spot.flow.source, spot.flow.destination)[:: 1 if spot.leaving else -1]
        many = spot.wide is not None and spot.wide.address == far and not spot.unknowable
        named = {near, *heard.at(spot.interface).addresses} if many else {far}
        beyond[spot.interface] = beyond.get(spot.interface, frozenset()) | named
    ends = frozenset(end for spot in wanted for end in (spot.flow.source, spot.flow.destination))
    return Sought(
        addresses=ends.union(*beyond.values()),
        interfaces=frozenset(spot.interface for spot in wanted if spot.interface),
        window=window,
        beyond=beyond,
    )


def times_of(caught: Iterable[Catch]) -> tuple[Span, ...]:
    """When the flow was seen anywhere."""
    times = Times()
    for record in (record for one in caught for record in one.records):
        times.add(record.start, record.end)
    return times.spans


def worth_of(spot: Spot, heard: Listening, asked: Asked, rules: Rules) -> Coverage:
    """What silence at this point is worth, for all that was asked about."""
    return weighing(spot, heard, asked, rules).whole


def weighing(spot: Spot, heard: Listening, asked: Asked, rules: Rules) -> Weighing:
    """What silence at this point is worth, whenever it is asked about."""
    station = heard.at(spot.interface, spot.label)
    return Weighing(station, spot.flow, spot.leaving, asked, tuple(heard.stations.values()), rules)


def once(weighed: Iterable[Coverage]) -> tuple[Coverage, ...]:
    """One statement an interface, in path order."""
    first: dict[str, Coverage] = {}
    for one in weighed:
        first.setdefault(one.interface or one.name, one)
    return tuple(first.values())


def silence_of(one: Catch, worth: Coverage) -> tuple[Seen, str]:
    """What it means that nothing was found, with the reason where it is no plain absence."""
    if not one.spot.interface:
        return "unobserved", "no interface of a VPC"
    if one.late or one.unsure:
        return "unobserved", ""
    if one.doubtful:
        lines = f"{one.doubtful} record{'s' if one.doubtful > 1 else ''}"
        return "unobserved", f"{lines} may be this flow; {_lacking(worth)}"
    if one.others:
        lines = f"{one.others} record{'s' if one.others > 1 else ''}"
        return "unobserved", f"{lines} of {one.spot.behind}'s own address may be of any client behind it"
    if one.spot.unknowable:
        listed = "" if one.spot.behind else " (flowdiag flows lists them)"
        return (
            "unobserved",
            f"{one.spot.unknowable} stands for many addresses, and a record shows one: ask about that one{listed}",
        )
    if not one.spot.exact:
        return "unobserved", "the walk ended before, so the header here is not known"
    if worth.silence == "absent":
        return "absent", worth.part
    return ("unaccepted" if worth.silence == "unaccepted" else "unobserved"), worth.headline


def _lacking(worth: Coverage) -> str:
    """Which fields would tell a record of this flow from others: those that the flow logs' formats leave out, where known."""
    fields = dict.fromkeys(field for watcher in worth.watchers or () for field in watcher.lacks)
    return f"the log format lacks {', '.join(fields) or 'a field that would tell (interface-id, action, ports, pkt- addresses)'}"


@dataclass(frozen=True)
class Silence:
    """What silence at a point is worth at one time: called with the number of the point and the seconds of the time."""

    caught: Sequence[Catch]
    heard: Listening
    asked: Asked
    rules: Rules
    searched: bool = True
    _known: dict[tuple[int, Span | None], tuple[Seen, str]] = field(default_factory=dict)
    _scales: dict[int, Weighing] = field(default_factory=dict)

    def __call__(self, place: int, span: Span | None) -> tuple[Seen, str]:
        """The word, and the reason where it is no plain absence."""
        key = (place, span)
        if key not in self._known:
            one = self.caught[place]
            scale = self._weighing(place)
            worth = scale.at(span) if span else scale.whole
            self._known[key] = silence_of(_at(one, span), worth) if self.searched else ("unobserved", "")
        return self._known[key]

    def _weighing(self, place: int) -> Weighing:
        if place not in self._scales:
            self._scales[place] = weighing(self.caught[place].spot, self.heard, self.asked, self.rules)
        return self._scales[place]


def _at(one: Catch, span: Span | None) -> Catch:
    """Of what was set aside at a point as late that of one time."""
    if span is None:
        return one
    first, last = span.first - CLOCK_SLACK, span.last + CLOCK_SLACK
    late, unsure = (tuple(r for r in some if begun(r) <= last and when(r) >= first) for some in (one.late, one.unsure))
    return replace(one, late=late, unsure=unsure)
