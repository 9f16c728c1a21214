"""The witness: Trace + flow log source → what the wire shows of the flow, its symptom, and the causes that fit it.

`witness` tells the story; `sighting` finds the records, `connection` parts them, `coverage` weighs silence, `passage` finds
where a packet was lost, `judging` asks the tables of each connection, `course` how they fare one after another, and
`differential` holds each cause against the configuration.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Mapping
from datetime import datetime

from flowdiag.agreement import Reach, reaches, rejecting
from flowdiag.connection import connections
from flowdiag.consulted import described, unread_of
from flowdiag.coverage import Asked, read_when
from flowdiag.differential import candidates
from flowdiag.hosts import Host
from flowdiag.judging import Bench, Fare
from flowdiag.listening import Listening
from flowdiag.logs import Search, Source, Window
from flowdiag.model import (
    Candidate,
    Coverage,
    Finding,
    Record,
    Sighting,
    Symptom,
    Trace,
    Unread,
    Value,
)
from flowdiag.outcome import outcome
from flowdiag.points import journeys
from flowdiag.sighting import Catch, catch, marked, sighting, spots
from flowdiag.silence import Silence, once, silence_of, sought_at, times_of, worth_of
from flowdiag.stretches import beyond, stretches
from flowdiag.symptom import Request
from flowdiag.table import Rules
from flowdiag.times import shown
from flowdiag.traffic_path import other_ways

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
    unread = (*unread_of(search, seen, weighed, window), *_unchecked(hosts, told.fare.answer, causes)) if search else ()
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


def _sighting(one: Catch, worth: Coverage, search: Search | None) -> Sighting:
    return sighting(one, *(silence_of(one, worth) if search else ("unobserved", "")), worth.stands_for)


def _unchecked(hosts: Iterable[Host], answer: str, causes: Iterable[Candidate]) -> Iterable[Unread]:
    """The status checks that were not read, where they would say something: of a host that gives no answer."""
    silent = answer == "none" and any(cause.cause == HOST and cause.status != "ruled out" for cause in causes)
    lacking = (host.unread for host in hosts if silent and host.side == "destination")
    return (unread for unread in lacking if unread is not None)
