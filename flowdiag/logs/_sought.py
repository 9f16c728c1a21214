"""What a log source is asked: addresses, interfaces and a time, and how exact times are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import Field, field_validator

from flowdiag.model import Address, Value

CLOCK_SLACK = 60
"""Seconds by which start and end of a record may be late; they are never early. So a packet was there at the time that a record
tells, or up to so long before, two records of one packet tell times as far apart, and what ended at one of them and began again
at another one may have gone on if twice as much lies between.

https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""
SHORTEST_INTERVAL, LONGEST_INTERVAL = 60, 600
"""Seconds of an aggregation interval, of which there are two: silence no longer than that is no gap in a log (same page)."""


_MARGIN = timedelta(seconds=LONGEST_INTERVAL + CLOCK_SLACK)
_LATEST = datetime.max.replace(tzinfo=UTC)


class Window(Value):
    """The time asked about, UTC; an open end reaches as far as the log does."""

    start: datetime | None = None
    end: datetime | None = None

    @field_validator("start", "end")
    @classmethod
    def _utc(cls, moment: datetime | None) -> datetime | None:
        return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment

    @property
    def bounded(self) -> bool:
        """True where at least one end is given."""
        return self.start is not None or self.end is not None

    @property
    def seconds(self) -> tuple[int | None, int | None]:
        """The first and the last Unix second that a record of it may show; None for an open end.

        A record shows its packets up to 60 seconds late, and never early: one that ended before the window is not of it.
        https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
        """
        begins = int(self.start.timestamp()) if self.start else None
        return begins, int(self.end.timestamp()) + CLOCK_SLACK if self.end else None

    @property
    def heard(self) -> Window:
        """The time of which lines are wanted, so that silence in the window is worth something up to its end: a record that
        would break it may end an aggregation interval later, and tell its packets another minute late."""
        if self.end is None or self.end > _LATEST - _MARGIN:
            return self
        return Window(start=self.start, end=self.end + _MARGIN)

    def touches(self, start: int | None, end: int | None) -> bool:
        """True where a record of these Unix seconds may lie in the window; one without times never does in a bounded one."""
        if not self.bounded:
            return True
        if start is None and end is None:
            return False
        times = [second for second in (start, end) if second is not None]
        first, last = self.seconds
        return (first is None or max(times) >= first) and (last is None or min(times) <= last)


ALWAYS = Window()


class Sought(Value):
    """What is searched for: records in the window that name one of the addresses, as source or destination, packet-level
    or not, and one of the interfaces; and for each of the interfaces, at what times its flow log has any line at all.

    Where no interface is sought, or the record's layout has no interface-id, as a transit gateway's, an address is enough.
    A record whose interface-id is `-` is a regional NAT gateway's, told by its resource-id, which stands among `interfaces`;
    where the format lacks it, it is of none of them: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html

    `beyond` tells, where it is known, what passes an interface from or to: then a record of that interface has to name one
    of these addresses, whichever it shows for the interface itself, and others of `addresses` are not enough.
    """

    addresses: frozenset[Address] = frozenset()
    interfaces: frozenset[str] = frozenset()
    window: Window = ALWAYS
    beyond: Mapping[str, frozenset[Address]] = Field(default_factory=dict)

    def named_by(self, interface: str) -> frozenset[Address]:
        """The addresses of which a record of this interface, whose two ends are both known, names one."""
        return self.beyond.get(interface, self.addresses)
