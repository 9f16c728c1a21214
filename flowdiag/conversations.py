"""Records → Conversations: what passed one interface between the same two ends, summed up record by record.

Nothing is kept of a record but what is summed, so that any number of them can be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from flowdiag.contrast import at
from flowdiag.model import PROTOCOL_NAMES, Direction, Record, Value
from flowdiag.tcp import SYN, SYN_ACK

CONVERSATIONS_HELD = 50_000
"""More conversations than this are counted and no longer told apart: as objects they take some 50 MB."""
# https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html, and for PSH, ACK and URG, which transit gateways
# log as well, https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html
FLAGS = {1: "FIN", 4: "RST", 8: "PSH", 16: "ACK", 32: "URG"}


class Conversation(Value):
    """All records of one interface with the same header, action and reason; in its place may stand a transit gateway's
    attachment or a regional NAT gateway.

    `direction` is request for what goes from the source of the question towards its destination, reply for the way back.
    `source` and `destination` are srcaddr and dstaddr, `packet_source` and `packet_destination` are pkt-srcaddr and
    pkt-dstaddr where these differ. `packets` and `bytes` are None where no record tells; `first` and `last` are the times
    (UTC, ±60 s) of the first and the last packet. `flags` are the TCP flags by name, an empty tuple where none was set and
    None where none was logged.
    """

    interface: str
    direction: Direction
    source: str
    destination: str
    source_port: int | None = None
    destination_port: int | None = None
    packet_source: str = ""
    packet_destination: str = ""
    protocol: int | None = None
    action: str = ""
    reject_reason: str = ""
    records: int = 0
    packets: int | None = None
    bytes: int | None = None
    first: datetime | None = None
    last: datetime | None = None
    flags: tuple[str, ...] | None = None

    @property
    def protocol_name(self) -> str:
        """`tcp`, `icmp` or the IANA number; empty where it was not logged."""
        return "" if self.protocol is None else PROTOCOL_NAMES.get(self.protocol, str(self.protocol))


@dataclass
class Totals:
    """What of all records together is counted, those too that are no longer told apart; `packets` and `bytes` are None where no
    record tells."""

    records: int = 0
    accepts: int = 0
    rejects: int = 0
    packets: int | None = None
    bytes: int | None = None

    def add(self, record: Record) -> None:
        """Take in one record."""
        self.records += 1
        self.accepts += record.action == "ACCEPT"
        self.rejects += record.action == "REJECT"
        self.packets = _plus(self.packets, record.packets)
        self.bytes = _plus(self.bytes, record.bytes)


@dataclass
class _Sum:
    records: int = 0
    packets: int | None = None
    bytes: int | None = None
    first: int | None = None
    last: int | None = None
    flags: set[str] | None = None

    def add(self, record: Record) -> None:
        """Count one more record of this conversation."""
        self.records += 1
        self.packets = _plus(self.packets, record.packets)
        self.bytes = _plus(self.bytes, record.bytes)
        times = [second for second in (self.first, self.last, record.start, record.end) if second is not None]
        self.first, self.last = (min(times), max(times)) if times else (None, None)
        if record.tcp_flags is not None:
            self.flags = (self.flags or set()).union(flag_names(record.tcp_flags))


def _plus(known: int | None, more: int | None) -> int | None:
    return known if more is None else (known or 0) + more


@dataclass
class Summary:
    """Conversations as they grow; `untold` are the records of those beyond CONVERSATIONS_HELD."""

    totals: Totals = field(default_factory=Totals)
    untold: int = 0
    _sums: dict[tuple[object, ...], _Sum] = field(default_factory=dict)
    _heads: dict[tuple[object, ...], Conversation] = field(default_factory=dict)

    def add(self, record: Record, direction: Direction) -> None:
        """Take in one record."""
        self.totals.add(record)
        key = _key(record, direction)
        if key not in self._sums:
            if len(self._sums) >= CONVERSATIONS_HELD:
                self.untold += 1
                return
            self._sums[key], self._heads[key] = _Sum(), _head(record, direction)
        self._sums[key].add(record)

    def conversations(self) -> tuple[Conversation, ...]:
        """All that are told apart, the newest last."""
        order = sorted(self._sums, key=self._age)
        return tuple(self._heads[key].model_copy(update=_summed(self._sums[key])) for key in order)

    def _age(self, key: tuple[object, ...]) -> tuple[int, int, bool, str]:
        sums = self._sums[key]
        return sums.last or 0, sums.first or 0, self._heads[key].direction == "reply", repr(key)


def _key(record: Record, direction: Direction) -> tuple[object, ...]:
    ends = (record.source, record.destination, record.source_port, record.destination_port, *_behind(record))
    return (
        record.place,
        direction,
        *ends,
        record.protocol,
        record.action,
        record.reject_reason,
    )


def _behind(record: Record) -> Iterator[str]:
    """The packet-level addresses, where they are others than those shown."""
    pairs = ((record.packet_source, record.source), (record.packet_destination, record.destination))
    return (original if original != shown else "" for original, shown in pairs)


def _head(record: Record, direction: Direction) -> Conversation:
    packet_source, packet_destination = _behind(record)
    return Conversation(
        interface=record.place,
        direction=direction,
        source=record.source,
        destination=record.destination,
        source_port=record.source_port,
        destination_port=record.destination_port,
        packet_source=packet_source,
        packet_destination=packet_destination,
        protocol=record.protocol,
        action=record.action,
        reject_reason=record.reject_reason,
    )


def _summed(sums: _Sum) -> dict[str, object]:
    return {
        "records": sums.records,
        "packets": sums.packets,
        "bytes": sums.bytes,
        "first": at(sums.first or 0),
        "last": at(sums.last or 0),
        "flags": None if sums.flags is None else tuple(sorted(sums.flags, key=_in_order)),
    }


def _in_order(flag: str) -> tuple[bool, bool, str]:
    """Openings first, what has no name last: whatever the order of the records."""
    return not flag.startswith("SYN"), flag.isdecimal(), flag


def flag_names(value: int) -> tuple[str, ...]:
    """TCP flags by name, of one record: those of several are or-ed in it, so 19 is SYN-ACK and FIN.

    A bit that AWS does not document stays a number.
    """
    opening = ("SYN-ACK",) if value & SYN_ACK == SYN_ACK else ("SYN",) if value & SYN else ()
    left = value & ~(SYN_ACK if opening == ("SYN-ACK",) else SYN)
    named = tuple(name for bit, name in FLAGS.items() if left & bit)
    foreign = left & ~sum(FLAGS)
    return (*opening, *named, *((str(foreign),) if foreign else ()))
