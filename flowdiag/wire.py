"""The witness: Trace + flow log source → what the wire shows of the flow, its symptom, and the causes that fit it.

`witness` tells the story; `sighting` finds the records, `connection` parts them, `coverage` weighs silence, `passage` finds
where a packet was lost, `judging` asks the tables of each connection, `course` how they fare one after another, and
`differential` holds each cause against the configuration.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from flowdiag.agreement import Reach, reaches, rejecting
from flowdiag.connection import connections
from flowdiag.contrast import begun, when
from flowdiag.coverage import Asked, Weighing, read_when
from flowdiag.differential import candidates
from flowdiag.hosts import Host
from flowdiag.judging import Bench, Fare
from flowdiag.listening import Listening
from flowdiag.logs import CLOCK_SLACK, Search, Sought, Source, Tally, Window
from flowdiag.model import (
    BY_SOURCE,
    Address,
    Candidate,
    Coverage,
    Finding,
    Query,
    Record,
    Sighting,
    Symptom,
    Trace,
    Unread,
    Value,
    unobserved,
)
from flowdiag.outcome import outcome
from flowdiag.points import journeys
from flowdiag.reach import Span, Times
from flowdiag.sighting import Catch, Seen, Spot, catch, marked, sighting, spots
from flowdiag.stretches import beyond, stretches
from flowdiag.symptom import Request, read_symptom
from flowdiag.table import Rules
from flowdiag.times import moment_of, shown
from flowdiag.traffic_path import other_ways

__all__ = ["Wire", "candidates", "read_symptom", "shown", "witness"]

HOST = "application or host"  # the cause that speaks of the host, as the table `symptom` calls it


class Wire(Value):
    """What the flow logs say: `request` is how far the request was seen to get, `last` when the wire last showed the flow.

    Symptom and finding are those of the connections that tell, as the table `course` says; `partial` is True where some
    fail in turn with others, `course` what is to be said besides (how they fare in turn, what gateways count as lost, by which
    other way they left), `reach` how far those that tell were seen to get on each leg,
    and `codes` are the rules that had a part.
    """

    sightings: tuple[Sighting, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    records: tuple[Record, ...] = ()
    symptom: Symptom = "unobserved"
    request: Request = "unknown"
    finding: Finding
    candidates: tuple[Candidate, ...] = ()
    unread: tuple[Unread, ...] = ()
    sources: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    last: datetime | None = None
    partial: bool = False
    course: str = ""
    reach: tuple[Reach, ...] = ()
    codes: tuple[str, ...] = ()

    @property
    def inputs(self) -> Mapping[str, str]:
        """The columns of the table `verdict` that the wire fills."""
        return {"symptom": self.symptom, "request": self.request, "extent": "part" if self.partial else "whole"}

    @property
    def words(self) -> Mapping[str, str]:
        """The words of a verdict's headline that the wire fills."""
        more = f"; {self.course}" if self.course else ""
        return {"wire": self.finding.headline + more, "wire_time": shown(self.last), "course": more}


def witness(
    trace: Trace,
    source: Source | None,
    window: Window,
    rules: Rules,
    listening: Listening | None = None,
    read_at: datetime | None = None,
    hosts: tuple[Host, ...] = (),
) -> Wire:
    """All that the flow logs of this source say about the flow; without a source nothing was observed.

    `listening` tells who could have seen it, `read_at` when the configuration was read: logs are no older than that; `hosts`
    are the instances at both ends.
    """
    heard = listening or Listening()
    wanted = marked((*spots(trace, heard.along), *beyond(trace)), heard)
    search = source.search(sought_at(wanted, window.heard, heard)) if source else None
    found, losses = catch(wanted, search, window) if search else ([Catch(spot, (), (), 0) for spot in wanted], ())
    ways, on_the_way = stretches(trace, wanted), journeys(trace, heard.along)
    parted = connections(found, ways.of, losses)
    caught = parted.catches(found)
    tally = search.tally if search else None
    asked = Asked(window, times_of(caught), tally, read_when(tally, read_at))
    weighed = {one.spot: worth_of(one.spot, heard, asked, rules) for one in caught}
    seen = tuple(_sighting(one, weighed[one.spot], search) for one in caught)
    silence = Silence(caught, heard, asked, rules, searched=search is not None)
    behind = {spot.interface: heard.at(spot.interface).stands_for for spot in wanted}
    bench = Bench(on_the_way, wanted, ways, rules, silence, _limits(trace), behind, heard.zones, parted.doubtful)
    told = outcome(bench, parted.connections)
    shows = dict(zip(wanted, seen, strict=True)) if told.targets else told.fare.seen
    known = told.fare.sure or told.fare.symptom != "unobserved"
    reach = reaches(on_the_way, shows, told.fare.way.counted)
    causes = _candidates(told.fare, trace, rules, rejecting(trace, reach), hosts) if search else ()
    unread = (*_unread(search, seen, weighed, window), *_unchecked(hosts, told.fare.answer, causes)) if search else ()
    return Wire(
        sightings=seen,
        coverage=once(weighed.values()),
        records=(*(record for one in seen for record in one.records), *(loss.record for loss in told.lost)),
        symptom=told.fare.symptom,
        request=told.fare.request,
        finding=told.fare.finding,
        candidates=causes,
        unread=unread,
        sources=described(search) if search else (),
        files=tuple(search.tally.files) if search else (),
        last=told.last,
        partial=told.partial,
        course="; ".join(filter(None, (told.headline, *other_ways(on_the_way, shows)))),
        reach=reach if known else (),
        codes=told.codes,
    )


def _limits(trace: Trace) -> Mapping[str, int]:
    return {(f.forgets or f.name or f.resource): f.idle_timeout for f in trace.findings if f.idle_timeout}


def _candidates(
    fare: Fare, trace: Trace, rules: Rules, near: Container[Hashable] | None, hosts: tuple[Host, ...]
) -> tuple[Candidate, ...]:
    seen = tuple(fare.seen.values())
    return candidates(fare.symptom, trace.findings, rules, seen, fare.answer, fare.way.unrouted, _inside(trace), hosts, near)


def _inside(trace: Trace) -> bool:
    """Whether every leg is between two interfaces of one VPC."""
    return bool(trace.legs) and all(leg.source.vpc and leg.source.vpc == leg.destination.vpc for leg in trace.legs)


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


def _sighting(one: Catch, worth: Coverage, search: Search | None) -> Sighting:
    return sighting(one, *(silence_of(one, worth) if search else ("unobserved", "")), worth.stands_for)


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
        return "unobserved", f"{_counted(one.others, 'record')} of {one.spot.behind}'s own address may be of any client behind it"
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


# ---------------------------------------------------------------- what was read, and what not


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def described(search: Search) -> tuple[str, ...]:
    """What was read of a source, as the block `seen` tells it; nothing where it could not even be opened."""
    tally = search.tally
    if not search.source:
        return ()
    files = f"{_counted(len(tally.files), 'file')}, " if tally.files else ""
    several = f"{files}{_counted(tally.records, 'record')}"
    lying = _lying(tally)
    aside = [f"{tally.outside} of another time{lying}{',' if lying else ''} than was asked about"] if tally.outside else []
    aside += [f"{tally.other_kinds} of transit gateways"] if tally.other_kinds else []
    aside += [f"{tally.untimed} without times"] if tally.untimed else []
    return ("; ".join((f"{search.source}: {several}", *aside)),)


def _lying(tally: Tally) -> str:
    """When the records outside the time asked about are, so that a wrong time of the question shows."""
    times = [moment_of(second) for second in tally.outside_times or ()]
    first, last = (shown(at) if at else "" for at in times) if times else ("", "")
    return f", {first} to {last}" if first and last else ""


def _unread(search: Search, seen: tuple[Sighting, ...], weighed: Mapping[Spot, Coverage], window: Window) -> tuple[Unread, ...]:
    told = tuple(refused(search.source, search.tally))
    return told if _no_records(search.tally) else (*told, *_unseen(seen, weighed, search.tally, window))


def _unchecked(hosts: Iterable[Host], answer: str, causes: Iterable[Candidate]) -> Iterable[Unread]:
    """The status checks that were not read, where they would say something: of a host that gives no answer."""
    silent = answer == "none" and any(cause.cause == HOST and cause.status != "ruled out" for cause in causes)
    lacking = (host.unread for host in hosts if silent and host.side == "destination")
    return (unread for unread in lacking if unread is not None)


def refused(source: str, tally: Tally) -> Iterable[Unread]:
    """What of this source could not be read, and the lines that are no records."""
    query = Query(kind="flow_log", by=BY_SOURCE, value=source)
    if _no_records(tally):
        such = f"such as {tally.refusals[0].where}, which {tally.refusals[0].reason}"
        yield Unread(query=query, reason=f"none of the {_counted(tally.lines, 'line')} in it is a flow log record, {such}")
    for note in tally.notes:
        yield Unread(query=query, reason=note)
    if tally.refusals and not _no_records(tally):
        first = "; ".join(f"{refusal.where} {refusal.reason}" for refusal in tally.refusals)
        more = " …" if tally.refused > len(tally.refusals) else ""
        reason = f"{tally.refused} of {tally.lines} lines are no flow log records: {first}{more}"
        yield Unread(query=query, reason=reason)


def _no_records(tally: Tally) -> bool:
    """Whether something was read in which there is not one flow log record: it is something else, and says nothing more. Lines
    that were refused without a refusal each are those of whole files, which notes tell."""
    return bool(tally.refusals) and tally.refused == tally.lines - tally.blank


def other_time(tally: Tally, window: Window) -> str:
    """The way out where there are records, and all of another time than was asked about; empty elsewhere."""
    lying = _lying(tally) if tally.outside and tally.outside == tally.records else ""
    if not lying:
        return ""
    first, last = tally.outside_times or (0, 0)
    start, end = window.seconds
    if start is not None and end is not None and first <= start and end <= last:
        return f"the records read are all from before or after it{lying}: nothing of that time was delivered here"
    return f"the records read are all of another time{lying}: change at (--at)"


def _unseen(seen: tuple[Sighting, ...], weighed: Mapping[Spot, Coverage], tally: Tally, window: Window) -> Iterable[Unread]:
    """One entry an interface whose silence says nothing, with the reason, and which packet is meant where not every one is;
    that records may be the flow is told before what coverage says."""
    covered = {one.headline for one in weighed.values()}
    reasons: dict[str, tuple[str, str]] = {}
    for one, meant in (*unobserved(seen), *((one, "") for one in seen if one.seen == "unaccepted")):
        if one.note and one.interface.startswith(("eni-", "nat-")):
            kept = reasons.get(one.interface)
            reasons[one.interface] = (one.note, meant) if kept is None or kept[0] in covered else kept
    unknown = {one.interface for one in weighed.values() if one.watchers is None} - tally.lost  # DescribeFlowLogs would tell
    hidden = {one.interface for one in seen if one.seen == "unaccepted"} - unknown
    for interface, (note, meant) in reasons.items():
        if interface in hidden and note in covered:
            continue  # its flow log keeps accepted packets alone: that was read
        query = Query(kind="flow_log", by="interface", value=interface)
        way_out = other_time(tally, window) if note in covered else ""
        granted = interface in unknown and note in covered and not way_out
        reason = f"{note}; what was looked for: {meant}" if meant else note
        action = "ec2:DescribeFlowLogs" if granted else ""
        yield Unread(query=query, reason=reason, action=action, way_out=way_out)
