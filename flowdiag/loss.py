"""What transit gateways count as lost of a flow: their own flow log tells, and no other does.

https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from flowdiag.contrast import begun, when
from flowdiag.logs import CLOCK_SLACK
from flowdiag.model import Direction, Record
from flowdiag.points import Spot

NO_ROUTE, BLACKHOLE = UNROUTED = ("no route", "a blackhole route")
TOO_LARGE = "packets larger than the MTU"
LOST = {
    "packets-lost-no-route": NO_ROUTE,
    "packets-lost-blackhole": BLACKHOLE,
    "packets-lost-mtu-exceeded": TOO_LARGE,
    "packets-lost-ttl-expired": "an expired TTL, as in a loop",
}


@dataclass(frozen=True)
class Loss:
    """So many packets that a transit gateway counts as lost, and why; `spot` is a point of the path with their header, and
    `record` says so, the last one where several are taken together."""

    spot: Spot
    packets: int
    reason: str
    record: Record

    @property
    def gateway(self) -> str:
        """The transit gateway, or its attachment."""
        return gateway_of(self.record)

    @property
    def direction(self) -> Direction:
        """Whether it was the request or the reply."""
        return self.spot.direction

    @property
    def client(self) -> int | None:
        """The client's port, None where ports were not logged."""
        return self.record.source_port if self.direction == "request" else self.record.destination_port

    @property
    def first(self) -> int:
        """The first second of its record, 0 where times were not logged."""
        return begun(self.record)

    @property
    def last(self) -> int:
        """The last second of its record, 0 where times were not logged."""
        return when(self.record)

    @property
    def of_routes(self) -> bool:
        """Whether it was lost for want of a route."""
        return self.reason in UNROUTED

    @property
    def of_all(self) -> bool:
        """Whether what struck one packet strikes every one with its header; smaller packets pass where large ones do not."""
        return self.reason != TOO_LARGE

    @property
    def doubt(self) -> str:
        """Why it may be of another flow or connection; empty where it is of this one for certain."""
        spot, record = self.spot, self.record
        if None in (record.source_port, record.destination_port) and spot.flow.destination_ports is not None:
            return "its record has no ports: it may be of another flow"
        if spot.behind or spot.unknowable:
            return f"it may be of any client behind {spot.behind}" if spot.behind else "it may be of another flow"
        return "" if self.last else "its record has no times"

    @property
    def kind(self) -> tuple[str, Direction, str, str]:
        """What losses share that are taken together."""
        return self.gateway, self.direction, self.reason, self.doubt

    @property
    def number(self) -> str:
        """The packets as a sentence counts them."""
        return f"{self.packets} packet{'' if self.packets == 1 else 's'}"

    def meets(self, first: int, last: int) -> bool:
        """Whether it was in this time, as far as clocks agree."""
        return self.first <= last + CLOCK_SLACK and self.last >= first - CLOCK_SLACK


def losses_of(record: Record, spot: Spot) -> Iterator[Loss]:
    """What a transit gateway's record of the packet at this point says was lost, by reason."""
    for field_name, reason in LOST.items():
        count = record.more.get(field_name, "0")
        if count.isdecimal() and int(count):
            yield Loss(spot, int(count), reason, record)


def together(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """The losses of several records, those of one kind as their sum."""
    alike: dict[tuple[str, Direction, str, str], list[Loss]] = defaultdict(list)
    for loss in losses:
        alike[loss.kind].append(loss)
    return tuple(replace(max(some, key=_last), packets=sum(loss.packets for loss in some)) for some in alike.values())


def _last(loss: Loss) -> int:
    return loss.last


def gateway_of(record: Record) -> str:
    """The transit gateway's attachment, or the gateway, whose own flow log this is; empty where it is an interface's."""
    return record.gateway or record.more.get("tgw-attachment-id") or record.more.get("tgw-id", "")
