"""Records → Sightings: which flow log lines are the flow, at every point where an interface must have seen it.

A record belongs to a point by interface, protocol, addresses and service port; what nothing there is worth, `coverage` tells.
https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from flowdiag.address import EVERY_PROTOCOL, address
from flowdiag.contrast import contrast, moment, when
from flowdiag.halves import Halves
from flowdiag.listening import Listening
from flowdiag.logs import ALWAYS, RECORDS_HELD, Search, Window, too_many
from flowdiag.loss import Loss, gateway_of, losses_of
from flowdiag.model import Address, Direction, Flow, PortRange, Record, Sighting
from flowdiag.points import Point, Spot, spots
from flowdiag.repeats import Delivered, keep

__all__ = ["Catch", "Point", "Seen", "Spot", "catch", "fit", "marked", "sighting", "spots", "through_gateway"]

Seen = Literal["accept", "reject", "mixed", "absent", "unaccepted", "unobserved"]
Fit = Literal["yes", "no", "unknown"]
RECORDS_KEPT = 50


# ---------------------------------------------------------------- does a record belong to a point


def marked(wanted: Iterable[Spot], heard: Listening) -> tuple[Spot, ...]:
    """The points, each with whether its interface has several addresses."""
    return tuple(replace(spot, several=heard.at(spot.interface).several) for spot in wanted)


def fit(record: Record, spot: Spot) -> Fit:
    """Whether a record is the packet at this point; `unknown` where its layout lacks a field that would tell.

    srcaddr and dstaddr show an interface's primary address even where a secondary one was meant; only pkt-srcaddr and
    pkt-dstaddr then tell: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
    A record without an interface may be of any that the packet passes, if it names both addresses; those of a regional NAT
    gateway show the packet's own.
    """
    flow, nameless = spot.flow, not record.place and not gateway_of(record)
    if not spot.interface or spot.unknowable or (record.place != spot.interface and not nameless):
        return "no"
    leaving, exact = spot.leaving, nameless or not record.interface
    from_here, to_here = leaving and not exact, not leaving and not exact
    answers = (
        _protocol(record.protocol, flow.protocol),
        _address(record.source, record.packet_source, partial(spot.meant, flow.source), from_here, spot.several),
        _address(record.destination, record.packet_destination, partial(spot.meant, flow.destination), to_here, spot.several),
        _port(record.source_port, flow.source_ports),
        _port(record.destination_port, flow.destination_ports),
        "yes" if exact else _way(record.direction, leaving),
        _yes(record.action in ("ACCEPT", "REJECT")) if record.action else "unknown",
        "unknown" if nameless else "yes",
    )
    return "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"


def _yes(answer: bool) -> Fit:
    return "yes" if answer else "no"


def _way(shown: str, leaving: bool) -> Fit:
    """flow-direction is that with respect to the interface; a layout without it tells by the addresses alone."""
    return _yes(shown == ("egress" if leaving else "ingress")) if shown in ("egress", "ingress") else "yes"


def _protocol(shown: int | None, wanted: int) -> Fit:
    if wanted == EVERY_PROTOCOL:
        return "yes"
    return "unknown" if shown is None else _yes(shown == wanted)


def _address(shown: str, original: str, wanted: Callable[[Address | None], bool], own: bool, several: bool) -> Fit:
    """`own`: the address is the interface's; then the packet-level field decides, and without it another one may stand for it,
    or it for another one where the interface has `several`."""
    named = [address(text) for text in ((original,) if own and original else (shown, original)) if text]
    if any(map(wanted, named)):
        return "unknown" if own and several and not original else "yes"
    return "unknown" if not named or (own and not original) else "no"


def _port(shown: int | None, wanted: PortRange | None) -> Fit:
    """Only a single port decides: a client's range is what its system uses by default, not a promise."""
    if wanted is None or wanted.first != wanted.last:
        return "yes"
    return "unknown" if shown is None else _yes(shown == wanted.first)


# ---------------------------------------------------------------- what the points saw


@dataclass(frozen=True)
class Catch:
    """What was found for one point: the flow's records, those that may or may not be it (`doubtful` for what their layout
    lacks, `others` of whichever client of a gateway), and what was set aside: `late` came after the connection was closed,
    `unsure` may have, `foreign` are of connections that the far end opened."""

    spot: Spot
    records: tuple[Record, ...]
    late: tuple[Record, ...]
    doubtful: int
    others: int = 0
    unsure: tuple[Record, ...] = ()
    foreign: tuple[Record, ...] = ()

    @property
    def matched(self) -> str:
        """How records of a gateway's own address came to be taken for this client's."""
        if not self.spot.behind or not self.records:
            return ""
        return f"matched to this source by time and packets, an inference: {self.spot.behind} gives its address to others too"


Found = dict[Spot, tuple[dict[str, Record], int]]
"""By point its records, each once, and how many may or may not be it."""


def catch(wanted: tuple[Spot, ...], search: Search, window: Window = ALWAYS) -> tuple[list[Catch], tuple[Loss, ...]]:
    """What is found for each point in the window, and what transit gateways lost; the search, which may go on after the
    window, has a complete tally afterwards.

    Raises FlowdiagError after RECORDS_HELD records, for all that is found is held.
    """
    losses: list[Loss] = []
    found = _gathered(wanted, (record for record in search if window.touches(record.start, record.end)), losses)
    others = _set_apart(found, search.tally.interfaces) if any(spot.behind for spot in found) else {}
    caught = [Catch(spot, tuple(kept.values()), (), doubtful, others.get(spot, 0)) for spot, (kept, doubtful) in found.items()]
    return caught, tuple(losses)


def _set_apart(found: Found, covered: Container[str]) -> dict[Spot, int]:
    """Take out the records of a gateway's own address that match none of this client's; how many, by point."""
    shared: dict[Direction, list[Record]] = {"request": [], "reply": []}
    for spot, (kept, _) in found.items():
        if spot.behind:
            shared[spot.direction] += kept.values()
    halves = Halves({way: _own(found, covered, way) for way in shared}, shared)
    others = {}
    for spot, (kept, _) in found.items():
        strangers = [key for key, record in kept.items() if spot.behind and not halves.holds(record, spot.direction)]
        for key in strangers:
            del kept[key]
        others[spot] = len(strangers)
    return others


def _own(found: Found, covered: Container[str], way: Direction) -> list[Record]:
    """What is certainly this client's: on the inside of the gateway, or, where nobody listens there, anywhere before it."""
    gateways = {spot.interface for spot in found if spot.behind and spot.point.endswith("between")}
    before = {spot: kept for spot, kept in found.items() if spot.direction == way and not spot.behind}
    inner = {spot: kept for spot, kept in before.items() if spot.interface in gateways}
    told = any(kept for kept, _ in inner.values()) or not any(doubtful for _, doubtful in inner.values())
    heard = told and any(spot.interface in covered for spot in inner)
    return [record for kept, _ in (inner if heard else before).values() for record in kept.values()]


def through_gateway(record: Record, wanted: Iterable[Spot]) -> Spot | None:
    """The first point whose packet a transit gateway's own record is; such a record tells no interface of the path."""
    return next((spot for spot in wanted if _is_of(record, spot.flow)), None) if gateway_of(record) else None


def _is_of(record: Record, flow: Flow) -> bool:
    ends = (address(record.source), address(record.destination)) == (flow.source, flow.destination)
    ports = (_port(record.source_port, flow.source_ports), _port(record.destination_port, flow.destination_ports))
    return ends and _protocol(record.protocol, flow.protocol) == "yes" and "no" not in ports


def _gathered(wanted: tuple[Spot, ...], records: Iterable[Record], losses: list[Loss]) -> Found:
    """Records by point. Each is counted once: several flow logs on one interface deliver it several times."""
    found: Found = {spot: ({}, 0) for spot in wanted}
    counted = Delivered()
    held = 0
    for record in records:
        through = through_gateway(record, wanted)
        if through and counted.is_new(record):
            before = len(losses)
            losses += losses_of(record, through)
            held += len(losses) - before
        for spot in wanted:
            belongs = fit(record, spot)
            kept, doubtful = found[spot]
            if belongs == "yes":
                before = len(kept)
                keep(kept, record)
                held += len(kept) - before
            elif belongs == "unknown":
                found[spot] = kept, doubtful + 1
        if held > RECORDS_HELD:
            raise too_many()
    return found


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
        note="; ".join(text for text in (why, catch.matched, *_aside(catch)) if text),
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
