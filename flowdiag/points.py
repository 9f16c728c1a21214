"""Trace → Spots: at which interfaces a packet and its reply must have been seen, and with which header there.

The points of a leg: the request leaving the source ENI and reaching the destination ENI, the reply leaving the
destination ENI and reaching the source ENI, and both on every interface in between, entering it and leaving it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from flowdiag.address import any_holds
from flowdiag.components import components
from flowdiag.model import Address, Direction, Endpoint, Flow, Hop, Leg, Trace

Steps = tuple[tuple[str, ...], ...]  # of every hop of a leg: the interfaces there
Along = tuple[Steps, ...]

Point = Literal["request_source", "request_between", "request_destination", "reply_destination", "reply_between", "reply_source"]


@dataclass(frozen=True)
class Spot:
    """One point of one leg: the interface that must have seen the packet, its header there, and which way it went.

    `interface` is empty at an end that is no ENI; `exact` is False where the walk could not tell the header at the
    destination, so that nothing found proves nothing. `step` is the hop of the request or reply it stands at. `behind` is
    the gateway whose address and ports stand for the client's here, as for those of all its clients. `wide` is the end that
    stands for many addresses, where one of them stands in the header here: a record may show another one. `several`: the
    interface has further addresses, for which records show its primary one.
    """

    point: Point
    label: str
    interface: str
    flow: Flow
    exact: bool = True
    leaving: bool = False
    step: int = field(default=0, compare=False)
    behind: str = field(default="", compare=False)
    wide: Endpoint | None = field(default=None, compare=False)
    several: bool = field(default=False, compare=False)

    @property
    def direction(self) -> Direction:
        """Whether it is the request or the reply that passes here."""
        return "reply" if self.point.startswith("reply") else "request"

    @property
    def unknowable(self) -> str:
        """The end for whose many addresses no record can be told to be of the flow: anybody on the internet may talk with an
        interface by another way, and behind a gateway that translates it talks with all clients."""
        return self.wide.label if self.wide and (self.behind or not self.wide.ranges) else ""

    def meant(self, header: Address, shown: Address | None) -> bool:
        """Whether an address that a record shows is the one in the header here, or one of those that it stands for."""
        many = self.wide.ranges if self.wide and self.wide.address == header and not self.unknowable else ()
        return shown == header or (shown is not None and any_holds(many, shown))


Journeys = tuple[tuple[Leg, tuple[Spot, ...]], ...]


def spots(trace: Trace, along: Along = ()) -> tuple[Spot, ...]:
    """The points of every leg, each once, those of the request before those of the reply.

    `along` names the interfaces at every hop of every leg, where it is known.
    """
    return tuple(dict.fromkeys(spot for _, way in journeys(trace, along) for spot in way))


def journeys(trace: Trace, along: Along = ()) -> Journeys:
    """Every leg with its points in the order in which a packet and its reply pass them."""
    return tuple((leg, _journey(leg, along[number] if along else ())) for number, leg in enumerate(trace.legs))


def _journey(leg: Leg, steps: Steps = ()) -> tuple[Spot, ...]:
    ends: dict[str, Spot] = {spot.point: spot for spot in _ends_of(leg)}
    there = list(_between(leg, leg.request, steps[: len(leg.request)], "request_between"))
    back = list(_between(leg, leg.reply, steps[len(leg.request) :], "reply_between"))
    there += [ends[point] for point in ("request_source", "request_destination") if point in ends]
    back += [ends[point] for point in ("reply_destination", "reply_source") if point in ends]
    return tuple(_widened(_marked(spot, leg), leg) for spot in (*sorted(there, key=_place), *sorted(back, key=_place)))


def _marked(spot: Spot, leg: Leg) -> Spot:
    """The point with the gateway whose address the packet bears there in place of the client's."""
    hops = leg.request if spot.direction == "request" else leg.reply
    for step, hop in enumerate(hops):
        outside = _place(spot) > (step, False) if spot.direction == "request" else _place(spot) < (step, True)
        if outside and _translates(hop, spot.direction):
            return replace(spot, behind=hop.name)
    return spot


def _widened(spot: Spot, leg: Leg) -> Spot:
    """The point with the end of which only one of many addresses stands in its header."""
    header = (spot.flow.source, spot.flow.destination)
    wide = (end for end in (leg.source, leg.destination) if end.stands_for_many and end.address in header)
    return replace(spot, wide=next(wide, None))


def _translates(hop: Hop, direction: Direction) -> bool:
    """Whether a hop gives many clients its own address and ports; a load balancer's connections are its own."""
    before, after = hop.before, hop.after
    ends = (before.source, after.source) if direction == "request" else (before.destination, after.destination)
    both = (
        (before.source_ports, after.source_ports)
        if direction == "request"
        else (before.destination_ports, after.destination_ports)
    )
    component = components().get(hop.place.kind)
    connections = component.connections if component else ""
    return ends[0] != ends[1] and (connections == "shared" or (connections != "own" and both[0] != both[1]))


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
