"""Whose packets are those behind a gateway that gives many clients its own address and ports?

A NAT gateway's outer records name the gateway, not the client. They are taken for this client's only where an inner record
of its own fits: the same far end, at the same time, as many packets, and no more such connections outside than inside; or
where they go on with the port of one that does. Even so that is an inference, and the sighting says it.
https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html#flow-log-example-nat
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from flowdiag.logs import CLOCK_SLACK, LONGEST_INTERVAL
from flowdiag.model import Direction, Record

MINUTE = 60
NEAR = 1
"""Packets by which two records of one connection may differ, for their intervals need not end together."""

Key = tuple[int | None, int | None]


@dataclass
class Halves:
    """The records of one flow on both sides of a gateway: of the client itself, and those that may be of anybody."""

    own: dict[Direction, list[Record]]
    shared: dict[Direction, list[Record]]
    _given: set[Key] = field(default_factory=set)  # minute and port of the connections that are this client's

    def __post_init__(self) -> None:
        for record in _alike(self.shared["request"], self.own["request"], "request"):
            port = _port(record, "request")
            self._given.update((minute, port) for minute in _minutes(record, CLOCK_SLACK) if port)
        self._alike = {
            direction: {id(record) for record in _alike(self.shared[direction], self.own[direction], direction)}
            for direction in self.shared
        }

    def holds(self, record: Record, direction: Direction) -> bool:
        """Whether a record of the gateway's own address is this client's."""
        port = _port(record, direction)
        return id(record) in self._alike[direction] or any((minute, port) in self._given for minute in _minutes(record))


def _alike(shared: Iterable[Record], own: Iterable[Record], direction: Direction) -> Iterator[Record]:
    """The records that fit one of the client's own, where there are no more connections of that kind outside than inside."""
    others = list(shared)
    outside = _ports(others, direction)
    inside = _ports((record for record in own if record.action != "REJECT"), direction)
    for record in others:
        keys = [key for key in _keys(record, CLOCK_SLACK) if key in inside]
        clients = {port for key in keys for port in inside[key]}
        if keys and len({port for key in keys for port in outside.get(key, ())}) <= len(clients):
            yield record


def _ports(records: Iterable[Record], direction: Direction) -> dict[Key, set[int | None]]:
    """The near side's ports of the records, by minute and number of packets."""
    found: dict[Key, set[int | None]] = {}
    for record in records:
        for minute in _minutes(record):
            found.setdefault((minute, record.packets), set()).add(_port(record, direction))
    return found


def _keys(record: Record, slack: int) -> Iterator[Key]:
    packets = (None,) if record.packets is None else range(record.packets - NEAR, record.packets + NEAR + 1)
    return ((minute, number) for minute in _minutes(record, slack) for number in packets)


def _minutes(record: Record, slack: int = 0) -> Iterable[int | None]:
    """The minutes that a record touches, its last interval's at most; of one without times a single one, which is none."""
    start, end = (record.start if record.start is not None else record.end), record.end
    if start is None:
        return (None,)
    last = max(start, end or start)
    return range((max(start, last - LONGEST_INTERVAL) - slack) // MINUTE, (last + slack) // MINUTE + 1)


def _port(record: Record, direction: Direction) -> int | None:
    """The port on the side of the client, which is the gateway's outside."""
    return record.source_port if direction == "request" else record.destination_port
