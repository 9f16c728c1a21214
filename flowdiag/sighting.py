"""Records → Sightings: which flow log lines are the flow, at every point where an interface must have seen it.

The points of a leg: the request leaving the source ENI and reaching the destination ENI, the reply leaving the
destination ENI and reaching the source ENI, and both on every interface in between, entering it and leaving it. A record
belongs to a point by interface, protocol, addresses and service port; what nothing there is worth, `coverage` tells.
https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from flowdiag.address import EVERY_PROTOCOL, address
from flowdiag.contrast import contrast, moment, when
from flowdiag.logs import RECORDS_HELD, Search, too_many
from flowdiag.model import Direction, Endpoint, Flow, Hop, Leg, PortRange, Record, Sighting, Trace

Steps = tuple[tuple[str, ...], ...]  # of every hop of a leg: the interfaces there
Along = tuple[Steps, ...]

Point = Literal["request_source", "request_between", "request_destination", "reply_destination", "reply_between", "reply_source"]
Seen = Literal["accept", "reject", "mixed", "absent", "unaccepted", "unobserved"]
Fit = Literal["yes", "no", "unknown"]
RECORDS_KEPT = 50


@dataclass(frozen=True)
class Spot:
    """One point of one leg: the interface that must have seen the packet, its header there, and which way it went.

    `interface` is empty at an end that is no ENI; `exact` is False where the walk could not tell the header at the
    destination, so that nothing found proves nothing. `step` is the hop of the request or reply it stands at.
    """

    point: Point
    label: str
    interface: str
    flow: Flow
    exact: bool = True
    leaving: bool = False
    step: int = field(default=0, compare=False)

    @property
    def direction(self) -> Direction:
        """Whether it is the request or the reply that passes here."""
        return "reply" if self.point.startswith("reply") else "request"


def spots(trace: Trace, along: Along = ()) -> tuple[Spot, ...]:
    """The points of every leg, each once, those of the request before those of the reply.

    `along` names the interfaces at every hop of every leg, where it is known.
    """
    ways = [journey(leg, along[number] if along else ()) for number, leg in enumerate(trace.legs)]
    return tuple(dict.fromkeys(spot for way in ways for spot in way))


def journey(leg: Leg, steps: Steps = ()) -> tuple[Spot, ...]:
    """The points of one leg in the order in which a packet and its reply pass them."""
    ends: dict[str, Spot] = {spot.point: spot for spot in _ends_of(leg)}
    there = list(_between(leg, leg.request, steps[: len(leg.request)], "request_between"))
    back = list(_between(leg, leg.reply, steps[len(leg.request) :], "reply_between"))
    there += [ends[point] for point in ("request_source", "request_destination") if point in ends]
    back += [ends[point] for point in ("reply_destination", "reply_source") if point in ends]
    return (*sorted(there, key=_place), *sorted(back, key=_place))


def _place(spot: Spot) -> tuple[int, bool]:
    return spot.step, spot.leaving


def _between(leg: Leg, hops: tuple[Hop, ...], steps: Steps, point: Point) -> Iterator[Spot]:
    """Every interface between the two ends: the packet enters it with one header and leaves it with another, or ends there."""
    mine = {leg.source.eni, leg.destination.eni}
    at: dict[str, list[int]] = {}
    for number, here in enumerate(steps):
        for interface in here:
            if interface not in mine:
                at.setdefault(interface, []).append(number)
    for interface, numbers in at.items():
        first, last = hops[numbers[0]], hops[numbers[-1]]
        yield Spot(point, interface, interface, first.before, leaving=False, step=numbers[0])
        if numbers[-1] + 1 < len(hops):
            yield Spot(point, interface, interface, last.after, leaving=True, step=numbers[-1])


def _ends_of(leg: Leg) -> Iterator[Spot]:
    """The four points at both ends; an endpoint sees the reply as the mirror image of the request it saw."""
    first, (last, exact) = _header_at_source(leg), _header_at_destination(leg)
    far = _last(leg.request, leg.destination, len(leg.request))
    for point, end, flow, leaving, step in (
        ("request_source", leg.source, first, True, 0),
        ("request_destination", leg.destination, last, False, far),
        ("reply_destination", leg.destination, last and last.reply(), True, _last(leg.reply, leg.destination, 0)),
        ("reply_source", leg.source, first and first.reply(), False, len(leg.reply) + 1),
    ):
        if flow is not None:
            known = exact or end is leg.source
            yield Spot(point, end.eni or end.label, end.eni, flow, known, leaving, step)  # type: ignore[arg-type]


def _last(hops: tuple[Hop, ...], end: Endpoint, otherwise: int) -> int:
    """The last hop at an end's own interface."""
    return max((n for n, hop in enumerate(hops) if end.eni and hop.place.id == end.eni), default=otherwise)


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
    A record without an interface may be of any that the packet passes, if it names both addresses.
    """
    flow, nameless = spot.flow, not record.interface and not gateway_of(record)
    if not spot.interface or (record.interface != spot.interface and not nameless):
        return "no"
    leaving = spot.leaving
    answers = (
        _protocol(record.protocol, flow.protocol),
        _address(record.source, record.packet_source, str(flow.source), own=leaving and not nameless),
        _address(record.destination, record.packet_destination, str(flow.destination), own=not leaving and not nameless),
        _port(record.source_port, flow.source_ports),
        _port(record.destination_port, flow.destination_ports),
        _yes(record.action in ("ACCEPT", "REJECT")) if record.action else "unknown",
        "unknown" if nameless else "yes",
    )
    return "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"


def _yes(answer: bool) -> Fit:
    return "yes" if answer else "no"


def _protocol(shown: int | None, wanted: int) -> Fit:
    if wanted == EVERY_PROTOCOL:
        return "yes"
    return "unknown" if shown is None else _yes(shown == wanted)


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
    """What was found for one point: the flow's records, how many may or may not be it, and what was set aside: `late` came
    after the connection was closed, `unsure` may have, `foreign` are of connections that the far end opened."""

    spot: Spot
    records: tuple[Record, ...]
    late: tuple[Record, ...]
    doubtful: int
    unsure: tuple[Record, ...] = ()
    foreign: tuple[Record, ...] = ()


def catch(wanted: tuple[Spot, ...], search: Search) -> tuple[list[Catch], tuple[Loss, ...]]:
    """What is found for each point, and what transit gateways lost; the search's tally is complete afterwards.

    Raises FlowdiagError after RECORDS_HELD records, for all that is found is held.
    """
    losses: list[Loss] = []
    found = _gathered(wanted, search, losses)
    return [Catch(spot, tuple(kept.values()), (), doubtful) for spot, (kept, doubtful) in found.items()], tuple(losses)


@dataclass(frozen=True)
class Loss:
    """Packets of the flow that a transit gateway counts as lost, and why: its own flow log tells, and no other does.

    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html
    """

    gateway: str
    direction: Direction
    packets: int
    reason: str


LOST = {
    "packets-lost-no-route": "no route",
    "packets-lost-blackhole": "a blackhole route",
    "packets-lost-mtu-exceeded": "packets larger than the MTU",
    "packets-lost-ttl-expired": "an expired TTL, as in a loop",
}


def _losses(record: Record, wanted: Iterable[Spot]) -> Iterator[Loss]:
    """Whether a transit gateway's record is of the flow, and says that packets were lost."""
    spot = through_gateway(record, wanted)
    for field_name, reason in LOST.items():
        count = record.more.get(field_name, "0")
        if spot and count.isdecimal() and int(count):
            yield Loss(gateway_of(record), spot.direction, int(count), reason)


def through_gateway(record: Record, wanted: Iterable[Spot]) -> Spot | None:
    """The first point whose packet a transit gateway's own record is; such a record tells no interface of the path."""
    return next((spot for spot in wanted if gateway_of(record) and _is_of(record, spot.flow)), None)


def gateway_of(record: Record) -> str:
    """The transit gateway's attachment, or the gateway, whose own flow log this is; empty where it is an interface's."""
    return record.gateway or record.more.get("tgw-attachment-id") or record.more.get("tgw-id", "")


def _is_of(record: Record, flow: Flow) -> bool:
    ends = (address(record.source), address(record.destination)) == (flow.source, flow.destination)
    ports = (_port(record.source_port, flow.source_ports), _port(record.destination_port, flow.destination_ports))
    return ends and _protocol(record.protocol, flow.protocol) == "yes" and "no" not in ports


def _gathered(
    wanted: tuple[Spot, ...], records: Iterable[Record], losses: list[Loss]
) -> dict[Spot, tuple[dict[str, Record], int]]:
    """Records by point. A line is counted once: several flow logs on one interface deliver it several times."""
    found: dict[Spot, tuple[dict[str, Record], int]] = {spot: ({}, 0) for spot in wanted}
    for number, record in enumerate(records, 1):
        if number > RECORDS_HELD:
            raise too_many()
        losses += _losses(record, wanted)
        for spot in wanted:
            belongs = fit(record, spot)
            kept, doubtful = found[spot]
            if belongs == "yes":
                kept.setdefault(identity(record), record)
            elif belongs == "unknown":
                found[spot] = kept, doubtful + 1
    return found


def identity(record: Record) -> str:
    """What is the same for a record that several flow logs deliver."""
    return record.line or record.where or repr(record)


def sighting(catch: Catch, silence: Seen, note: str, stands_for: str = "") -> Sighting:
    """What the point saw; `silence` and `note` are what nothing found there is worth."""
    spot, records = catch.spot, sorted(catch.records, key=when)
    seen, why = (actions(records), contrast(records, spot.direction)) if records else (silence, note)
    return Sighting(
        interface=spot.label,
        stands_for=stands_for,
        leaving=spot.leaving,
        point=spot.point,
        seen=seen,
        records=kept(records),
        count=len(records),
        last=moment(records[-1]) if records else None,
        note="; ".join(text for text in (why, *_aside(catch)) if text),
    )


def _aside(catch: Catch) -> Iterator[str]:
    """What was set aside at this point, and why."""
    if catch.late:
        yield f"{_several(catch.late, 'REJECT record')} after the connection was closed set aside, no denial"
    if catch.unsure:
        several = _several(catch.unsure, "REJECT record")
        yield f"{several} that open nothing set aside: they may be late, and show neither a denial nor an answer"
    if catch.foreign:
        yield f"{_several(catch.foreign, 'record')} of connections that the far end opened set aside"


def _several(records: tuple[Record, ...], what: str) -> str:
    return f"{len(records)} {what}{'s' if len(records) > 1 else ''}"


def kept(records: list[Record]) -> tuple[Record, ...]:
    """Of records in order the newest, RECORDS_KEPT at most, the first and the last of each action among them."""
    if len(records) <= RECORDS_KEPT:
        return tuple(records)
    marks: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        marks.setdefault(record.action, [number, number])[1] = number
    must = {number for pair in marks.values() for number in pair}
    others = [number for number in range(len(records) - 1, -1, -1) if number not in must][: RECORDS_KEPT - len(must)]
    return tuple(records[number] for number in sorted({*must, *others}))


def actions(records: list[Record]) -> Seen:
    """What these records say together; there is at least one."""
    found = {record.action for record in records}
    return "mixed" if len(found) > 1 else "reject" if "REJECT" in found else "accept"
