"""Records → Sightings: which flow log lines are the flow, at the four points where its two ENIs must have seen it.

The four points of a leg: the request leaving the source ENI and reaching the destination ENI, the reply leaving the
destination ENI and reaching the source ENI. A record belongs to a point by interface, protocol, addresses and service
port; nothing there is `absent` only where the flow log demonstrably covers that interface at that time.
https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from flowdiag.address import address
from flowdiag.logs import CLOCK_SLACK, Coverage, Search, Tally
from flowdiag.model import TCP, Endpoint, Flow, Leg, PortRange, Record, Sighting, Trace

Point = Literal["request_source", "request_destination", "reply_destination", "reply_source"]
Seen = Literal["accept", "reject", "mixed", "absent", "unobserved"]
Fit = Literal["yes", "no", "unknown"]
FIN, SYN, RST = 1, 2, 4
RECORDS_KEPT = 50


@dataclass(frozen=True)
class Spot:
    """One point of one leg: the interface that must have seen the packet, and its header there.

    `interface` is empty at an end that is no ENI; `exact` is False where the walk could not tell the header at the
    destination, so that nothing found proves nothing.
    """

    point: Point
    label: str
    interface: str
    flow: Flow
    exact: bool = True


def spots(trace: Trace) -> tuple[Spot, ...]:
    """The points of every leg, each once; an endpoint sees the reply as the mirror image of the request it saw."""
    found = dict.fromkeys(spot for leg in trace.legs for spot in _of_leg(leg))
    return tuple(found)


def _of_leg(leg: Leg) -> Iterator[Spot]:
    first, (last, exact) = _header_at_source(leg), _header_at_destination(leg)
    for point, end, flow in (
        ("request_source", leg.source, first),
        ("request_destination", leg.destination, last),
        ("reply_destination", leg.destination, last and last.reply()),
        ("reply_source", leg.source, first and first.reply()),
    ):
        if flow is not None:
            known = exact or end is leg.source
            yield Spot(point, end.eni or end.label, end.eni, flow, known)  # type: ignore[arg-type]


def _header_at_source(leg: Leg) -> Flow | None:
    return _header_at(leg, leg.source) or (leg.request[0].before if leg.request else None)


def _header_at_destination(leg: Leg) -> tuple[Flow | None, bool]:
    """The header as it reaches the destination; where the walk ended before, as it would be without another rewrite."""
    arrived = _header_at(leg, leg.destination, last=True)
    if arrived or not leg.request:
        return arrived, True
    onward = leg.request[-1].after
    inside = leg.destination.kind == "eni" and leg.destination.address.version == onward.version
    return (onward.rewritten(destination=leg.destination.address) if inside else onward), leg.request_arrived is False


def _header_at(leg: Leg, end: Endpoint, last: bool = False) -> Flow | None:
    at = [hop.before for hop in leg.request if hop.place.kind == "network_interface" and end.eni and hop.place.id == end.eni]
    return at[-1 if last else 0] if at else None


# ---------------------------------------------------------------- does a record belong to a point


def fit(record: Record, spot: Spot) -> Fit:
    """Whether a record is the packet at this point; `unknown` where its layout lacks a field that would tell.

    srcaddr and dstaddr show an interface's primary address even where a secondary one was meant; only pkt-srcaddr and
    pkt-dstaddr then tell: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
    """
    flow = spot.flow
    if not spot.interface or record.interface != spot.interface:
        return "no"
    leaving = spot.point in ("request_source", "reply_destination")
    answers = (
        "unknown" if record.protocol is None else _yes(record.protocol == flow.protocol),
        _address(record.source, record.packet_source, str(flow.source), own=leaving),
        _address(record.destination, record.packet_destination, str(flow.destination), own=not leaving),
        _port(record.source_port, flow.source_ports),
        _port(record.destination_port, flow.destination_ports),
        _yes(record.action in ("ACCEPT", "REJECT")) if record.action else "unknown",
    )
    return "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"


def _yes(answer: bool) -> Fit:
    return "yes" if answer else "no"


def _address(shown: str, original: str, wanted: str, own: bool) -> Fit:
    """`own`: the address is the interface's; then the packet-level field decides, and without it another one may stand for it."""
    named = [address(text) for text in ((original,) if own and original else (shown, original)) if text]
    if address(wanted) in named:
        return "yes"
    return "unknown" if not named or (own and not original) else "no"


def _port(shown: int | None, wanted: PortRange | None) -> Fit:
    """Only a single port decides: a client's range is what its system uses by default, not a promise."""
    if wanted is None or wanted.first != wanted.last:
        return "yes"
    return "unknown" if shown is None else _yes(shown == wanted.first)


# ---------------------------------------------------------------- what the points saw


@dataclass(frozen=True)
class Catch:
    """What was found for one point: the flow's records, those set aside as late, and those that may or may not be it."""

    spot: Spot
    records: tuple[Record, ...]
    late: tuple[Record, ...]
    doubtful: int


def look(trace: Trace, search: Search | None) -> tuple[Sighting, ...]:
    """What the wire shows at each point; `unobserved` everywhere without a search."""
    wanted = spots(trace)
    if search is None:
        return tuple(Sighting(interface=p.label, point=p.point, seen="unobserved") for p in wanted)
    catches = _sorted_out(wanted, _gathered(wanted, search))
    known = [record for catch in catches for record in catch.records]
    return tuple(_sighting(catch, search.tally, known) for catch in catches)


def _gathered(wanted: tuple[Spot, ...], records: Iterable[Record]) -> dict[Spot, tuple[dict[str, Record], int]]:
    """Records by point. A line is counted once: several flow logs on one interface deliver it several times."""
    found: dict[Spot, tuple[dict[str, Record], int]] = {spot: ({}, 0) for spot in wanted}
    for record in records:
        for spot in wanted:
            belongs = fit(record, spot)
            kept, doubtful = found[spot]
            if belongs == "yes":
                kept.setdefault(record.line or record.where or repr(record), record)
            elif belongs == "unknown":
                found[spot] = kept, doubtful + 1
    return found


def _sorted_out(wanted: tuple[Spot, ...], found: dict[Spot, tuple[dict[str, Record], int]]) -> list[Catch]:
    closed = _closings(record for kept, _ in found.values() for record in kept.values())
    catches = []
    for spot in wanted:
        kept, doubtful = found[spot]
        judged = [(record, _is_late(record, closed)) for record in kept.values()]
        records, late = (tuple(record for record, is_late in judged if is_late is wanted_late) for wanted_late in (False, True))
        catches.append(Catch(spot, records, late, doubtful))
    return catches


def _closings(records: Iterable[Record]) -> dict[frozenset[tuple[str, int | None]], int]:
    """By connection, whichever way round: the second in which a FIN or RST was first seen."""
    closed: dict[frozenset[tuple[str, int | None]], int] = {}
    for record in records:
        if record.tcp_flags and record.tcp_flags & (FIN | RST) and record.start is not None:
            ends = _ends(record)
            closed[ends] = min(record.start, closed.get(ends, record.start))
    return closed


def _ends(record: Record) -> frozenset[tuple[str, int | None]]:
    source, destination = record.packet_source or record.source, record.packet_destination or record.destination
    return frozenset(((source, record.source_port), (destination, record.destination_port)))


def _is_late(record: Record, closed: dict[frozenset[tuple[str, int | None]], int]) -> bool:
    """A REJECT that opens nothing: no SYN in it, or (flags not logged) after the connection was closed.

    "packets arrived after the connection was closed" are REJECT too:
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
    """
    if record.action != "REJECT" or record.protocol != TCP:
        return False
    if record.tcp_flags is not None:
        return not record.tcp_flags & SYN
    end = closed.get(_ends(record))
    return end is not None and record.start is not None and record.start >= end


def _sighting(catch: Catch, tally: Tally, known: list[Record]) -> Sighting:
    spot, records = catch.spot, sorted(catch.records, key=_when)
    aside = f"{_several(catch.late)} without SYN or after the connection was closed set aside, no denial" if catch.late else ""
    seen, note = (_actions(records), "") if records else _silence(catch, tally, known)
    return Sighting(
        interface=spot.label,
        point=spot.point,
        seen=seen,
        records=tuple(records[-RECORDS_KEPT:]),
        count=len(records),
        last=moment(records[-1]) if records else None,
        note="; ".join(text for text in (note, aside) if text),
    )


def _several(records: tuple[Record, ...]) -> str:
    return f"{len(records)} REJECT record{'s' if len(records) > 1 else ''}"


def _actions(records: list[Record]) -> Seen:
    actions = {record.action for record in records}
    return "mixed" if len(actions) > 1 else "reject" if "REJECT" in actions else "accept"


def _silence(catch: Catch, tally: Tally, known: list[Record]) -> tuple[Seen, str]:
    """Nothing was found: absent where that proves something, else unobserved with the reason why it does not."""
    if not catch.spot.interface:
        return "unobserved", "no interface of a VPC"
    if catch.late:
        return "unobserved", ""
    if catch.doubtful:
        lines = f"{catch.doubtful} record{'s' if catch.doubtful > 1 else ''}"
        return "unobserved", f"{lines} may be this flow; the log format lacks a field that would tell (ports or pkt- addresses)"
    if not catch.spot.exact:
        return "unobserved", "the walk ended before, so the header here is not known"
    blind = _blind(tally.interfaces.get(catch.spot.interface), tally, known)
    return ("unobserved", blind) if blind else ("absent", _only_accepted(tally))


def _blind(coverage: Coverage | None, tally: Tally, known: list[Record]) -> str:
    """Why nothing on this interface proves nothing; empty where the flow log covers it."""
    if coverage is None:
        return f"no line of this interface {'in the time asked about' if tally.outside else 'in the flow logs read'}"
    if coverage.skips:
        return f"SKIPDATA ×{coverage.skips}: records of this interface were skipped"
    if tally.rejects and not tally.accepts:
        return "only REJECT records in the flow logs read: their traffic type may be REJECT"
    times = [t for record in known for t in (record.start, record.end) if t is not None]
    if times and not coverage.undated and not coverage.spans.touch(min(times) - CLOCK_SLACK, max(times) + CLOCK_SLACK):
        return "no line of this interface at the time the flow was seen elsewhere"
    return ""


def _only_accepted(tally: Tally) -> str:
    if tally.rejects or not tally.accepts:
        return ""
    return "only ACCEPT records in the flow logs read: a traffic type of ACCEPT would hide a denial"


def _when(record: Record) -> int:
    return record.end if record.end is not None else record.start or 0


def moment(record: Record) -> datetime | None:
    """When the last packet of a record was seen, ±60 s; None where its layout has no times (or they are no dates)."""
    second = _when(record)
    try:
        return datetime.fromtimestamp(second, UTC) if second else None
    except (OverflowError, ValueError, OSError):
        return None
