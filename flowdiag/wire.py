"""The witness: Trace + flow log source → what the wire shows of the flow, its symptom, and the causes that fit it.

`witness` tells the story; `sighting` finds the records, `coverage` weighs silence, `passage` finds where the packet was
lost, the tables `wire` and `symptom` judge, `differential` holds each cause against the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime
from typing import Literal, get_args

from flowdiag.contrast import moment
from flowdiag.coverage import Asked, read_when, weigh
from flowdiag.differential import Rulebook, candidates
from flowdiag.hosts import Host
from flowdiag.listening import Listening
from flowdiag.logs import Search, Sought, Source, Tally, Window
from flowdiag.model import (
    BY_SOURCE,
    Address,
    Candidate,
    Coverage,
    Evidence,
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
from flowdiag.passage import NOWHERE, Passage, passage
from flowdiag.reach import Stretch, Times, moment_of
from flowdiag.sighting import Catch, Point, Seen, Spot, catch, sighting, spots
from flowdiag.signs import answered, cut

__all__ = ["Wire", "answered", "candidates", "read_symptom", "witness"]

Request = Literal["arrived", "some arrived", "sent", "hidden", "unsent", "unknown"]
COLUMNS: Mapping[Point, str] = {
    "request_source": "request leaves the source",
    "request_destination": "request reaches the destination",
    "reply_destination": "reply leaves the destination",
    "reply_source": "reply reaches the source",
}
EVIDENCE_SHOWN = 3
HOST = "application or host"  # the cause that speaks of the host, as the table `symptom` calls it


class Wire(Value):
    """What the flow logs say: `request` is how far the request was seen to get, `last` when the wire last showed the flow."""

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

    @property
    def inputs(self) -> Mapping[str, str]:
        """The columns of the table `verdict` that the wire fills."""
        return {"symptom": self.symptom, "request": self.request}

    @property
    def words(self) -> Mapping[str, str]:
        """The words of a verdict's headline that the wire fills."""
        return {"wire": self.finding.headline, "wire_time": shown(self.last)}


def witness(
    trace: Trace,
    source: Source | None,
    window: Window,
    rules: Rulebook,
    listening: Listening | None = None,
    read_at: datetime | None = None,
    hosts: tuple[Host, ...] = (),
) -> Wire:
    """All that the flow logs of this source say about the flow; without a source nothing was observed.

    `listening` tells who could have seen it, `read_at` when the configuration was read: logs are no older than that; `hosts`
    are the instances at both ends.
    """
    heard = listening or Listening()
    wanted = spots(trace, heard.along)
    search = source.search(sought_at(wanted, window)) if source else None
    caught, losses = catch(wanted, search) if search else ([Catch(spot, (), (), 0) for spot in wanted], ())
    tally = search.tally if search else None
    asked = Asked(window, times_of(caught), tally, read_when(tally, read_at))
    weighed = {one.spot: worth_of(one.spot, heard, asked, rules) for one in caught}
    by_spot = {one.spot: _sighting(one, weighed[one.spot], search) for one in caught}
    seen = tuple(by_spot.values())
    way = passage(trace, heard.along, by_spot, losses)
    answer = answered(seen, rules, trace)
    symptom, finding = read_symptom(seen, rules, answer, {**way.words, **_forgotten(seen, trace)}, way.state)
    causes = candidates(symptom, trace.findings, rules, seen, answer, way.counted, _inside(trace), hosts) if search else ()
    unread = (*_unread(search, seen, weighed), *_unchecked(hosts, answer, causes)) if search else ()
    return Wire(
        sightings=seen,
        coverage=once(weighed.values()),
        records=tuple(record for one in seen for record in one.records),
        symptom=symptom,
        request="some arrived" if finding.verdict == "partial" else _request(seen, way),
        finding=finding,
        candidates=causes,
        unread=unread,
        sources=(described(search),) if search else (),
        files=tuple(search.tally.files) if search else (),
        last=max((s.last for s in seen if s.last), default=None),
    )


def _inside(trace: Trace) -> bool:
    """Whether every leg is between two interfaces of one VPC."""
    return bool(trace.legs) and all(leg.source.vpc and leg.source.vpc == leg.destination.vpc for leg in trace.legs)


def sought_at(wanted: tuple[Spot, ...], window: Window) -> Sought:
    """The addresses of every spot, and the interfaces whose silence would say something.

    A record shows the interface's own address in one place, which may stand for another one; the other place tells where
    the packet goes or comes from: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
    """
    beyond: dict[str, frozenset[Address]] = {}
    for spot in wanted:
        far = spot.flow.destination if spot.leaving else spot.flow.source
        beyond[spot.interface] = beyond.get(spot.interface, frozenset()) | {far}
    return Sought(
        addresses=frozenset(end for spot in wanted for end in (spot.flow.source, spot.flow.destination)),
        interfaces=frozenset(spot.interface for spot in wanted if spot.interface),
        window=window,
        beyond=beyond,
    )


def times_of(caught: Iterable[Catch]) -> tuple[Stretch, ...]:
    """The stretches of time in which the flow was seen anywhere."""
    times = Times()
    for record in (record for one in caught for record in one.records):
        times.add(record.start, record.end)
    return times.stretches


def worth_of(spot: Spot, heard: Listening, asked: Asked, rules: Rulebook) -> Coverage:
    station = heard.at(spot.interface, spot.label)
    return weigh(station, spot.flow, spot.leaving, asked, heard.stations.values(), rules)


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
    if one.late:
        return "unobserved", ""
    if one.doubtful:
        lines = f"{one.doubtful} record{'s' if one.doubtful > 1 else ''}"
        return (
            "unobserved",
            f"{lines} may be this flow; the log format lacks a field that would tell (interface-id, ports or pkt- addresses)",
        )
    if one.others:
        return "unobserved", f"{_counted(one.others, 'record')} of {one.spot.behind}'s own address may be of any client behind it"
    if not one.spot.exact:
        return "unobserved", "the walk ended before, so the header here is not known"
    if worth.silence == "absent":
        return "absent", worth.part
    return ("unaccepted" if worth.silence == "unaccepted" else "unobserved"), worth.headline


def shown(at: datetime | None) -> str:
    """A time as a headline gives it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else "a time not logged"


# ---------------------------------------------------------------- the symptom


def read_symptom(
    seen: tuple[Sighting, ...],
    rules: Rulebook,
    answer: str = "unknown",
    more: Mapping[str, str] = NOWHERE.words,
    between: str = NOWHERE.state,
) -> tuple[Symptom, Finding]:
    """The symptom, and the rule of the table `wire` that gave it; `between` is what was seen on the way, `more` words for it."""
    points = _by_point(seen)
    ends = {column: points[point] for point, column in COLUMNS.items()}
    inputs = {**ends, "in between": between, "answer": answer}
    rule = rules.table("wire").evaluate(inputs)
    deciding = [s for s in seen if s.point.endswith(rule["point"]) and s.records] or [s for s in seen if s.records]
    records = [record for s in deciding for record in s.records][-EVIDENCE_SHOWN:]
    resource = deciding[0].interface if deciding else ""
    finding = Finding(
        code=rule.code,
        table="wire",
        verdict=rule["verdict"],
        headline=rule["headline"].format_map({**_words(seen, deciding), **more}),
        resource=resource,
        name=resource,
        direction="reply" if rule["point"].startswith("reply") else "request",
        evidence=tuple(Evidence(where=r.where or r.interface, text=r.line, at=moment(r)) for r in records),
        inputs=inputs,
    )
    return rule["symptom"], finding


def _forgotten(seen: tuple[Sighting, ...], trace: Trace) -> dict[str, str]:
    """The words for a connection that was idle and then reset."""
    found = cut(seen, trace)
    return {"idle": str(found.idle), "forgets": " or ".join(found.by)} if found else {"idle": "", "forgets": ""}


def _by_point(seen: Iterable[Sighting]) -> dict[Point, Seen]:
    """One value a point over all legs: what was seen on one leg outweighs silence on another, which was just not taken."""
    kinds: dict[Point, set[Seen]] = {point: set() for point in get_args(Point)}
    for one in seen:
        kinds[one.point].add(one.seen)
    return {point: _together(found) for point, found in kinds.items()}


def _together(found: set[Seen]) -> Seen:
    if "mixed" in found or {"accept", "reject"} <= found:
        return "mixed"
    strongest: tuple[Seen, ...] = ("reject", "accept")
    if found and found <= {"absent", "unaccepted"}:
        return "absent" if found == {"absent"} else "unaccepted"
    return next((kind for kind in strongest if kind in found), "unobserved")


def _words(seen: Iterable[Sighting], deciding: Iterable[Sighting]) -> dict[str, str]:
    ends: dict[str, list[str]] = {"source": [], "destination": [], "between": []}
    for one in seen:
        ends[one.point.split("_")[1]].append(one.interface)
    last = max((s.last for s in deciding if s.last), default=None)
    named = {end: ", ".join(dict.fromkeys(labels)) or f"the {end}" for end, labels in ends.items()}
    return {**named, "when": f", last {shown(last)}" if last else ""}


def _request(seen: Iterable[Sighting], way: Passage) -> Request:
    """How far the request was seen to get; a reply, even a refused one, proves that it arrived.

    `hidden`: it was sent, and a denial at the destination would not be on record.
    """
    points = _by_point(seen)
    if "mixed" in points.values():
        return "some arrived"
    replies = (points["reply_destination"], points["reply_source"])
    if points["request_destination"] == "accept" or set(replies) & {"accept", "reject"}:
        return "arrived"
    if points["request_source"] == "accept" and points["request_destination"] == "unaccepted":
        return "hidden"
    if points["request_source"] in ("accept", "reject") or points["request_destination"] == "reject" or way.sent:
        return "sent"
    return "unsent" if points["request_source"] == "absent" else "unknown"


# ---------------------------------------------------------------- what was read, and what not


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def described(search: Search) -> str:
    """What was read of a source, as the block `seen` tells it."""
    tally = search.tally
    files = f"{_counted(len(tally.files), 'file')}, " if tally.files else ""
    several = f"{files}{_counted(tally.records, 'record')}"
    aside = [f"{tally.outside} outside the time asked about{_lying(tally)}"] if tally.outside else []
    aside += [f"{tally.other_kinds} of transit gateways"] if tally.other_kinds else []
    return "; ".join((f"{search.source}: {several}", *aside))


def _lying(tally: Tally) -> str:
    """When the records outside the time asked about are, so that a wrong time of the question shows."""
    times = [moment_of(second) for second in tally.outside_times or ()]
    first, last = (shown(at) if at else "" for at in times) if times else ("", "")
    return f", {first} to {last}" if first and last else ""


def _unread(search: Search, seen: tuple[Sighting, ...], weighed: Mapping[Spot, Coverage]) -> tuple[Unread, ...]:
    return (*refused(search.source, search.tally), *_unseen(seen, weighed, search.tally.lost))


def _unchecked(hosts: Iterable[Host], answer: str, causes: Iterable[Candidate]) -> Iterable[Unread]:
    """The status checks that were not read, where they would say something: of a host that gives no answer."""
    silent = answer == "none" and any(cause.cause == HOST and cause.status != "ruled out" for cause in causes)
    lacking = (host.unread for host in hosts if silent and host.side == "destination")
    return (unread for unread in lacking if unread is not None)


def refused(source: str, tally: Tally) -> Iterable[Unread]:
    """What of this source could not be read, and the lines that are no records."""
    query = Query(kind="flow_log", by=BY_SOURCE, value=source)
    for note in tally.notes:
        yield Unread(query=query, reason=note)
    if tally.refused:
        first = "; ".join(f"{refusal.where} {refusal.reason}" for refusal in tally.refusals)
        more = " …" if tally.refused > len(tally.refusals) else ""
        reason = f"{tally.refused} of {tally.lines} lines are no flow log records: {first}{more}"
        yield Unread(query=query, reason=reason)


def _unseen(seen: tuple[Sighting, ...], weighed: Mapping[Spot, Coverage], lost: Set[str]) -> Iterable[Unread]:
    """One entry an interface whose silence says nothing, with the reason, and which packet is meant where not every one is;
    that records may be the flow is told before what coverage says."""
    covered = {one.headline for one in weighed.values()}
    reasons: dict[str, tuple[str, str]] = {}
    for one, meant in unobserved(seen):
        if one.note and one.interface.startswith(("eni-", "nat-")):
            kept = reasons.get(one.interface)
            reasons[one.interface] = (one.note, meant) if kept is None or kept[0] in covered else kept
    unknown = {one.interface for one in weighed.values() if one.watchers is None} - lost  # DescribeFlowLogs would tell
    for interface, (note, meant) in reasons.items():
        query = Query(kind="flow_log", by="interface", value=interface)
        granted = interface in unknown and note in covered
        reason = f"{note}; what was looked for: {meant}" if meant else note
        yield Unread(query=query, reason=reason, action="ec2:DescribeFlowLogs" if granted else "")
