"""Trace → Stretches: over which parts of the path a connection keeps its addresses and ports, and so can be told by them.

Gateways that draw ports of their own (NAT, a load balancer) part it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flowdiag.components import components
from flowdiag.model import Flow, Hop, Leg, Trace
from flowdiag.points import Spot

Stretch = tuple[str, str]  # the addresses of the request where the stretch begins


@dataclass(frozen=True)
class Stretches:
    """`of` tells the stretch of every point, `legs` those of every leg in the order in which a request passes them, and
    `ends` the one in which it reaches the destination; what comes later is behind it, as a load balancer's targets are."""

    of: Mapping[Spot, Stretch]
    legs: tuple[tuple[Stretch, ...], ...]
    ends: tuple[Stretch, ...]

    @property
    def behind(self) -> frozenset[Stretch]:
        """Those that come later than where the request reaches the destination."""
        legs = zip(self.legs, self.ends, strict=True)
        return frozenset(s for leg, end in legs if end in leg for s in leg[leg.index(end) + 1 :])


def stretches(trace: Trace, wanted: Iterable[Spot]) -> Stretches:
    """The path in stretches over which a connection keeps its ports."""
    known: dict[Stretch, Stretch] = {}
    orders = tuple(_along(leg, known) for leg in trace.legs)
    wanted = tuple(wanted)
    of = {spot: known.get(_pair(spot), _pair(spot)) for spot in wanted}
    reached = tuple(_reached(leg, order, known) for leg, order in zip(trace.legs, orders, strict=True))
    return Stretches(of, orders, reached)


def _along(leg: Leg, known: dict[Stretch, Stretch]) -> tuple[Stretch, ...]:
    order: list[Stretch] = []
    for hop in leg.request:
        before, after = _ends(hop.before), _ends(hop.after)
        here = known.setdefault(before, before)
        onward = known.setdefault(after, here if _keeps_ports(hop) else after)
        order += [here, onward]
    return tuple(dict.fromkeys(order))


def _keeps_ports(hop: Hop) -> bool:
    """Whether the header behind the hop is that of one connection before it; every other hop that rewrites may draw ports."""
    component = components().get(hop.place.kind)
    return bool(component and component.connections == "kept")


def _reached(leg: Leg, order: tuple[Stretch, ...], known: Mapping[Stretch, Stretch]) -> Stretch:
    own = leg.destination.eni
    arrived = [hop.before for hop in leg.request if own and hop.place.kind == "network_interface" and hop.place.id == own]
    return known[_ends(arrived[-1])] if arrived else order[-1] if order else ("", "")


def _pair(spot: Spot) -> Stretch:
    return _ends(spot.flow if spot.direction == "request" else spot.flow.reply())


def _ends(flow: Flow) -> Stretch:
    return str(flow.source), str(flow.destination)


def beyond(trace: Trace) -> Iterator[Spot]:
    """What a load balancer's own interface sends on to the targets behind it, and what comes back to it."""
    for leg in trace.legs:
        own = leg.destination.eni
        for step, hop in enumerate(leg.request):
            if own and hop.place.id == own and _ends(hop.before) != _ends(hop.after):
                back = next((n for n, h in enumerate(leg.reply) if h.place.id == own), 0)
                yield Spot("request_between", own, own, hop.after, leaving=True, step=step)
                yield Spot("reply_between", own, own, hop.after.reply(), leaving=False, step=back)
