"""How far along the path: between which interfaces the packet was last seen and first missed, and what lies between them.

Only interfaces between the two ends are told here; what the ends saw is for the table `wire` itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from flowdiag.loss import Loss
from flowdiag.model import GUARDS, Direction, Hop, Sighting
from flowdiag.points import Journeys, Spot

State = Literal["rejected", "lost there", "lost back", "passed", "unobserved"]
SILENT = ("absent", "unaccepted")
GATEWAY = "transit_gateway"
# A denial of a guard is on record and no loss; a VPC delivers by its local routes, which nothing interrupts.
UNNAMED = GUARDS | {"network_interface", "vpc"}


@dataclass(frozen=True)
class Passage:
    """What was seen in between: `sent` where the request is on record somewhere, `last` and `next` are the interfaces
    around a loss, `hops` the names of what lies between them, `depth` how many interfaces were passed before it, and `loss`
    what a gateway itself says of it."""

    state: State = "unobserved"
    direction: Direction = "request"
    sent: bool = False
    last: str = ""
    next: str = ""
    hops: tuple[str, ...] = ()
    depth: int = 0
    loss: Loss | None = None

    @property
    def why(self) -> str:
        """What a gateway itself says, as a sentence tells it."""
        return f"{self.loss.number} lost there: {self.loss.reason}" if self.loss else ""

    @property
    def counted(self) -> Mapping[Direction, str]:
        """What a gateway itself counts as lost, by direction."""
        return {self.direction: f"{self.last}: {self.why}"} if self.loss else {}

    @property
    def unrouted(self) -> Mapping[Direction, str]:
        """The same, where it is for want of a route."""
        return self.counted if self.loss and self.loss.of_routes else {}

    @property
    def words(self) -> Mapping[str, str]:
        """The words of a headline of the table `wire`."""
        named = self.why or (f"between them: {', '.join(self.hops)}" if self.hops else "")
        return {"last": self.last, "next": self.next, "lost": f" ({named})" if named else ""}


NOWHERE = Passage()


def passage(journeys: Journeys, seen: Mapping[Spot, Sighting], losses: tuple[Loss, ...] = ()) -> Passage:
    """What the interfaces in between show: a denial before a loss, a loss before a plain passing.

    In one direction a leg that was passed outweighs one on which the packet is missing, which was just not taken.
    """
    there = min((_along(leg.request, way, "request", seen) for leg, way in journeys), key=_first_of_legs, default=NOWHERE)
    back = min((_along(leg.reply, way, "reply", seen) for leg, way in journeys), key=_first_of_legs, default=NOWHERE)
    counted = (found for loss in losses if (found := _counted(loss, journeys, seen)))
    told = min((*counted, there, back), key=lambda p: (_WORST.index(p.state), not p.hops))
    return replace(told, sent=there.sent)


def _counted(loss: Loss, journeys: Journeys, seen: Mapping[Spot, Sighting]) -> Passage | None:
    """A loss that a transit gateway counts itself; none where others of its packets arrive, or may have."""
    if not loss.of_all:
        return None
    ends = ("request_destination", "reply_destination", "reply_source") if loss.direction == "request" else ("reply_source",)
    hops = (hop for leg, _ in journeys for hop in enumerate(leg.request if loss.direction == "request" else leg.reply))
    at = min((step for step, hop in hops if hop.place.kind == GATEWAY), default=0)
    for spot, sighting in seen.items():
        out = spot.direction == loss.direction and spot.leaving and spot.point.endswith("between") and spot.step >= at
        if (sighting.point in ends or out) and sighting.seen == "accept":
            return None
    state: State = "lost back" if loss.direction == "reply" else "lost there"
    return Passage(state, loss.direction, True, loss.gateway, "what lies behind it", loss=loss)


_WORST: tuple[State, ...] = ("rejected", "lost there", "lost back", "passed", "unobserved")


def _first_of_legs(found: Passage) -> tuple[int, int]:
    order = {"rejected": 0, "passed": 1, "lost there": 2, "lost back": 2, "unobserved": 3}
    return order[found.state], -found.depth


def _along(hops: tuple[Hop, ...], way: tuple[Spot, ...], direction: Direction, seen: Mapping[Spot, Sighting]) -> Passage:
    looked = [(spot, seen[spot].seen) for spot in way if spot.direction == direction]
    between = [(spot, what) for spot, what in looked if spot.point.endswith("between")]
    sent = any(what in ("accept", "mixed", "reject") for _, what in looked)
    denied = next((spot for spot, what in between if what in ("reject", "mixed")), None)
    if denied:
        named = _told(denied, seen)
        return Passage("rejected", direction, sent, named, named)
    passed: State = "passed" if any(what == "accept" for _, what in between) else "unobserved"
    return _loss(looked, hops, direction, seen) or Passage(passed, direction, sent)


def _loss(
    looked: Sequence[tuple[Spot, str]], hops: tuple[Hop, ...], direction: Direction, seen: Mapping[Spot, Sighting]
) -> Passage | None:
    """The first interface that the packet did not come to after the last that let it pass."""
    told = [(spot, what) for spot, what in _by_interface(looked) if what in ("accept", *SILENT)]
    lost: State = "lost back" if direction == "reply" else "lost there"
    for depth, ((one, what), (other, then)) in enumerate(pairwise(told)):
        if what == "accept" and then in SILENT and "accept" not in [later for _, later in told[depth + 1 :]]:
            inner = one.point.endswith("between") or other.point.endswith("between")
            names = _named(hops[one.step + _is_past(one, looked) : other.step + other.leaving])
            state: State = lost if inner else "unobserved"
            return Passage(state, direction, True, _told(one, seen), _told(other, seen), names, depth)
    return None


def _is_past(one: Spot, looked: Sequence[tuple[Spot, str]]) -> bool:
    """Whether the packet had left the hop that the interface stands for: by the last of its interfaces."""
    return one.leaving and [spot.label for spot, _ in looked if spot.step == one.step][-1] == one.label


def _by_interface(looked: Sequence[tuple[Spot, str]]) -> list[tuple[Spot, str]]:
    """One word an interface, where it was passed or not: of what an attachment takes in or gives out only one half is logged.

    Where both halves are, the later one tells how far the packet came. That nothing came in is not undone by what goes out
    under a gateway's own address, which may be anybody's.
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html#flow-log-example-tgw
    """
    found: dict[str, tuple[Spot, str]] = {}
    for spot, what in looked:
        known = found.get(spot.label, (spot, ""))[1]
        if what == "accept" or not (known == "accept" or (known in SILENT and spot.behind and what not in SILENT)):
            found[spot.label] = (spot, what)
    return list(found.values())


def _told(spot: Spot, seen: Mapping[Spot, Sighting]) -> str:
    """The interface, with the gateway or service that it stands for."""
    behind = seen[spot].stands_for
    return f"{spot.label} ({behind})" if behind else spot.label


def _named(hops: tuple[Hop, ...]) -> tuple[str, ...]:
    """The routers and gateways among the hops, each once; guards are left out, for their denials are on record."""
    return tuple(dict.fromkeys(hop.name for hop in hops if hop.place.kind not in UNNAMED))
