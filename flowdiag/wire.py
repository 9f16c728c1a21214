"""The witness: Trace + flow log source → what the wire shows of the flow, its symptom, and the causes that fit it.

`witness` tells the story; `sighting` finds the records, the tables `wire` and `symptom` judge, `differential` holds each
cause against the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, get_args

from flowdiag.differential import Rulebook, candidates
from flowdiag.logs import Search, Sought, Source, Tally, Window
from flowdiag.model import (
    ICMP,
    ICMPV6,
    TCP,
    Candidate,
    Evidence,
    Finding,
    Query,
    Record,
    Sighting,
    Symptom,
    Trace,
    Unread,
    Value,
)
from flowdiag.sighting import FIN, RST, SYN, Point, Seen, look, moment, spots

__all__ = ["Wire", "answered", "candidates", "read_symptom", "sightings", "witness"]

Request = Literal["arrived", "some arrived", "sent", "unsent", "unknown"]
Answered = Literal["yes", "reset", "none", "unknown"]
COLUMNS: Mapping[Point, str] = {
    "request_source": "request leaves the source",
    "request_destination": "request reaches the destination",
    "reply_destination": "reply leaves the destination",
    "reply_source": "reply reaches the source",
}
EVIDENCE_SHOWN = 3


class Wire(Value):
    """What the flow logs say: `request` is how far the request was seen to get, `last` when the wire last showed the flow."""

    sightings: tuple[Sighting, ...] = ()
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


def witness(trace: Trace, source: Source | None, window: Window, rules: Rulebook) -> Wire:
    """All that the flow logs of this source say about the flow; without a source nothing was observed."""
    search = source.search(_sought(trace, window)) if source else None
    seen = sightings(trace, search)
    symptom, finding = read_symptom(seen, rules)
    return Wire(
        sightings=seen,
        records=tuple(record for sighting in seen for record in sighting.records),
        symptom=symptom,
        request=_request(seen),
        finding=finding,
        candidates=candidates(symptom, trace.findings, rules, seen, answered(seen)) if search else (),
        unread=_unread(search, seen) if search else (),
        sources=(_described(search),) if search else (),
        files=tuple(search.tally.files) if search else (),
        last=max((s.last for s in seen if s.last), default=None),
    )


def sightings(trace: Trace, search: Search | None) -> tuple[Sighting, ...]:
    """What the wire shows at the four points of every leg; `unobserved` at an end that is no ENI, or without a search."""
    return look(trace, search)


def _sought(trace: Trace, window: Window) -> Sought:
    """The addresses of every spot, and the interfaces whose silence would say something."""
    wanted = spots(trace)
    return Sought(
        addresses=frozenset(end for spot in wanted for end in (spot.flow.source, spot.flow.destination)),
        interfaces=frozenset(spot.interface for spot in wanted if spot.interface),
        window=window,
    )


def shown(at: datetime | None) -> str:
    """A time as a headline gives it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else "a time not logged"


# ---------------------------------------------------------------- the symptom


def read_symptom(seen: tuple[Sighting, ...], rules: Rulebook) -> tuple[Symptom, Finding]:
    """The symptom, and the rule of the table `wire` that gave it."""
    points = _by_point(seen)
    inputs = {**{COLUMNS[point]: value for point, value in points.items()}, "answer": answered(seen)}
    rule = rules.table("wire").evaluate(inputs)
    deciding = [s for s in seen if s.point == rule["point"] and s.records] or [s for s in seen if s.records]
    records = [record for s in deciding for record in s.records][-EVIDENCE_SHOWN:]
    resource = deciding[0].interface if deciding else ""
    finding = Finding(
        code=rule.code,
        table="wire",
        verdict=rule["verdict"],
        headline=rule["headline"].format_map(_words(seen, deciding)),
        resource=resource,
        name=resource,
        direction="reply" if rule["point"].startswith("reply") else "request",
        evidence=tuple(Evidence(where=r.where or r.interface, text=r.line, at=moment(r)) for r in records),
        inputs=inputs,
    )
    return rule["symptom"], finding


def _by_point(seen: Iterable[Sighting]) -> dict[Point, Seen]:
    """One value a point over all legs: what was seen on one leg outweighs silence on another, which was just not taken."""
    kinds: dict[Point, set[Seen]] = {point: set() for point in get_args(Point)}
    for sighting in seen:
        kinds[sighting.point].add(sighting.seen)
    return {point: _together(found) for point, found in kinds.items()}


def _together(found: set[Seen]) -> Seen:
    if "mixed" in found or {"accept", "reject"} <= found:
        return "mixed"
    strongest: tuple[Seen, ...] = ("reject", "accept")
    return next((kind for kind in strongest if kind in found), "absent" if found == {"absent"} else "unobserved")


def _words(seen: Iterable[Sighting], deciding: Iterable[Sighting]) -> dict[str, str]:
    ends: dict[str, list[str]] = {"source": [], "destination": []}
    for sighting in seen:
        ends[sighting.point.split("_")[1]].append(sighting.interface)
    last = max((s.last for s in deciding if s.last), default=None)
    named = {end: ", ".join(dict.fromkeys(labels)) or f"the {end}" for end, labels in ends.items()}
    return {**named, "when": f", last {shown(last)}" if last else ""}


def _request(seen: Iterable[Sighting]) -> Request:
    """How far the request was seen to get; a reply, even a refused one, proves that it arrived."""
    points = _by_point(seen)
    if "mixed" in points.values():
        return "some arrived"
    replies = (points["reply_destination"], points["reply_source"])
    if points["request_destination"] == "accept" or set(replies) & {"accept", "reject"}:
        return "arrived"
    if points["request_source"] in ("accept", "reject") or points["request_destination"] == "reject":
        return "sent"
    return "unsent" if points["request_source"] == "absent" else "unknown"


# ---------------------------------------------------------------- was the request answered


def answered(seen: tuple[Sighting, ...]) -> Answered:
    """Whether the far host answered: `yes` only where the answer also got back, `reset` where it refused.

    tcp-flags are OR-ed over a record's time (SYN 2, SYN-ACK 18, RST 4; an ACK alone is 0):
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
    """
    requests, replies = _accepted(seen, "request"), _accepted(seen, "reply")
    protocol = next((record.protocol for record in requests + replies), None)
    if not replies:
        silent = any(s.seen == "absent" and s.point.startswith("reply") for s in seen)
        return "none" if requests and silent and protocol in (TCP, ICMP, ICMPV6) else "unknown"
    returned = any(s.point == "reply_source" and s.seen in ("accept", "mixed") for s in seen)
    if protocol in (ICMP, ICMPV6):
        return "unknown"  # a record tells no ICMP type: these may be the far end's own pings
    if protocol != TCP:
        return "yes" if returned else "unknown"
    if all(_refuses(record, requests) for record in replies):
        return "reset"
    if not any(_welcomes(record) for record in replies):
        return "unknown"
    return "yes" if returned or any(_goes_on(record) for record in requests) else "unknown"


def _accepted(seen: Iterable[Sighting], way: str) -> list[Record]:
    return [r for s in seen if s.point.startswith(way) for r in s.records if r.action == "ACCEPT"]


def _refuses(reply: Record, requests: Iterable[Record]) -> bool:
    """RST alone; without tcp-flags, bare headers in answer to bare SYNs (an inference: a SYN-ACK carries options)."""
    if reply.tcp_flags is not None:
        return bool(reply.tcp_flags & RST) and not reply.tcp_flags & (SYN | FIN)
    return _size(reply) == _bare(reply) and all(0 < _size(request) <= _bare(request) + 20 for request in requests)


def _welcomes(reply: Record) -> bool:
    """Anything but a refusal: flags other than RST alone or, without flags, a size that bare headers do not have."""
    return not _refuses(reply, ()) if reply.tcp_flags is not None else _size(reply) > _bare(reply)


def _goes_on(request: Record) -> bool:
    """More than SYNs: the client only sends it once the answer has reached it."""
    flags = request.tcp_flags
    follows = flags is not None and (not flags & (SYN | RST) or bool(flags & FIN))
    return follows or _size(request) > _bare(request) + 20


def _size(record: Record) -> float:
    """Bytes a packet, 0 where the layout does not tell."""
    return record.bytes / record.packets if record.bytes and record.packets else 0


def _bare(record: Record) -> int:
    """Bytes of an IP and a TCP header without options; a SYN has at most 20 more for options in common use."""
    return 60 if ":" in record.source + record.packet_source else 40


# ---------------------------------------------------------------- what was read, and what not


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _described(search: Search) -> str:
    tally = search.tally
    several = f"{_counted(len(tally.files), 'file')}, {_counted(tally.records, 'record')}"
    aside = [f"{tally.outside} outside the time asked about"] if tally.outside else []
    aside += [f"{tally.other_kinds} of transit gateways not used"] if tally.other_kinds else []
    return "; ".join((f"{search.source}: {several}", *aside))


def _unread(search: Search, seen: Iterable[Sighting]) -> tuple[Unread, ...]:
    return (*_refused(search.source, search.tally), *_unseen(seen))


def _refused(source: str, tally: Tally) -> Iterable[Unread]:
    for note in tally.notes:
        yield Unread(query=Query(kind="flow_log", by="id", value=source), reason=note)
    if tally.refused:
        first = "; ".join(f"{refusal.where} {refusal.reason}" for refusal in tally.refusals)
        more = " …" if tally.refused > len(tally.refusals) else ""
        reason = f"{tally.refused} of {tally.lines} lines are no flow log records: {first}{more}"
        yield Unread(query=Query(kind="flow_log", by="id", value=source), reason=reason)


def _unseen(seen: Iterable[Sighting]) -> Iterable[Unread]:
    """One entry an interface that nobody watched, with the reason."""
    reasons = {s.interface: s.note for s in seen if s.seen == "unobserved" and s.interface.startswith("eni-") and s.note}
    for interface, note in reasons.items():
        yield Unread(query=Query(kind="flow_log", by="interface", value=interface), reason=note)
