"""What a log source saw on the way: how many lines, which it refused, when each interface has lines, what could not be read."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from flowdiag.logs._sought import SHORTEST_INTERVAL
from flowdiag.model import Value

REFUSALS_KEPT = 5
_OF_FLOW_LOG = re.compile(r"_(fl-[0-9a-f]+)_")


class Refused(Value):
    """A line that could not be read as a record: where it stands, and why."""

    where: str
    reason: str


class Spans:
    """Stretches of time, merged where no more seconds than `gap` lie between them: by default the shortest interval, which is
    a gap in no log."""

    def __init__(self, gap: int = SHORTEST_INTERVAL) -> None:
        self._gap = gap
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        """Take in one stretch of Unix seconds; most go on where the last one ends. One that ends before it starts is two moments,
        for a record that tells such times tells nothing of what lies between them."""
        if end < start:
            self.add(end, end)
            end = start
        if self._starts and self._starts[-1] <= start <= min(end, self._ends[-1] + self._gap):
            self._ends[-1] = max(end, self._ends[-1])
            return
        low = bisect_left(self._ends, start - self._gap)
        high = bisect_left(self._starts, end + self._gap + 1)
        if low < high:
            start, end = min(start, self._starts[low]), max(end, self._ends[high - 1])
        self._starts[low:high], self._ends[low:high] = [start], [end]

    def joined(self, gap: int) -> Spans:
        """The same, merged where no more than so many seconds lie between them."""
        found = Spans(gap)
        for start, end in self:
            found.add(start, end)
        return found

    def common(self, other: Spans) -> Spans:
        """What lies in one of these stretches and in one of the others."""
        found, mine, others = Spans(0), list(self), list(other)
        while mine and others:
            (start, end), (first, last) = mine[-1], others[-1]
            if first <= end and start <= last:
                found.add(max(start, first), min(end, last))
            (mine if start > first else others).pop()  # what begins later meets no earlier one any more
        return found

    def touch(self, start: int, end: int) -> bool:
        """True where one of the stretches overlaps this one."""
        at = bisect_left(self._ends, start)
        return at < len(self._ends) and self._starts[at] <= end

    def cover(self, start: int, end: int) -> bool:
        """True where one of the stretches begins no later than `start` and ends no earlier than `end`."""
        at = bisect_left(self._ends, end)
        return at < len(self._ends) and self._starts[at] <= start

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._starts, self._ends, strict=True))


@dataclass
class InterfaceLines:
    """What a source saw of one interface in the window: when, and when it says itself that records were skipped.

    `accepts` and `rejects` are 0 only where no such line of the interface was read; `accepted` and `rejected` tell when there
    were some; `longest` is how many seconds the longest of them tells of, as far as each is known by itself.
    """

    spans: Spans = field(default_factory=Spans)
    skipped: Spans = field(default_factory=Spans)
    accepted: Spans = field(default_factory=Spans)
    rejected: Spans = field(default_factory=Spans)
    undated: bool = False
    skips: int = 0
    accepts: int = 0
    rejects: int = 0
    longest: int = 0


@dataclass
class Tally:
    """What a source read: records + refused + headers + blank + other kinds = lines, so nothing is lost silently.

    `records` counts every flow log line, NODATA and SKIPDATA included, `other_kinds` those of transit gateways. `passed`
    are those of both that hold neither an address nor an interface that is sought and so were not taken apart; `outside`
    are those taken apart that lie out of the window, and rows of Parquet whose row group does. `accepts` and `rejects` tell
    whether the flow log keeps both kinds of traffic: they are 0 only where no such line was read, and count no more than the
    lines that were taken apart.
    `untimed` are those without times, of which nobody knows whether they lie in the window; `outside_times` are the first
    and the last second of those that are `outside`.
    `blank` are lines without content, control messages of a CloudWatch Logs subscription among them.
    `interfaces` are the lines of each by ENI id, of those sought at least; `notes` are sentences on what could not be read, or
    not to its end; `lost` are the interfaces that may have had lines there, whose silence therefore proves nothing.
    `instead` are those that were read in another place than the first, which could not be.
    `flow_logs` are the flow logs that are known to deliver to a place that was read. `asked` is when places in AWS were asked,
    None where all of it was saved.
    """

    lines: int = 0
    records: int = 0
    refused: int = 0
    headers: int = 0
    blank: int = 0
    other_kinds: int = 0
    passed: int = 0
    outside: int = 0
    untimed: int = 0
    accepts: int = 0
    rejects: int = 0
    refusals: list[Refused] = field(default_factory=list)
    interfaces: dict[str, InterfaceLines] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    instead: set[str] = field(default_factory=set)
    flow_logs: set[str] = field(default_factory=set)
    outside_times: tuple[int, int] | None = None
    asked: datetime | None = None

    def leave_out(self, start: int | None, end: int | None, number: int = 1) -> None:
        """Count `number` records that lie out of the window; `start` and `end` are their Unix seconds, where they have them."""
        self.outside += number
        self._reach((start, end))

    def _reach(self, seconds: Iterable[int | None]) -> None:
        times = [second for second in (*(self.outside_times or ()), *seconds) if second is not None]
        self.outside_times = (min(times), max(times)) if times else None

    def refuse(self, where: str, reason: str, interfaces: Iterable[str] = ()) -> None:
        """Count a line that could not be read; the first few are kept with their reason, of one file each reason once.

        `interfaces` are those sought that the line may be of: what it says nobody knows, so they count as unseen.
        """
        self.refused += 1
        alike = (_place_of(where), reason)
        if len(self.refusals) < REFUSALS_KEPT and alike not in {(_place_of(one.where), one.reason) for one in self.refusals}:
            self.refusals.append(Refused(where=where, reason=reason))
        self._unsee(set(interfaces) - self.lost)

    @property
    def read_from(self) -> frozenset[str] | None:
        """The flow logs whose records were read, by id, as places and the names of files tell; None where one does not.

        https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
        """
        named = [_OF_FLOW_LOG.search(file) for file in self.files]
        if not all(named):
            return None
        return frozenset((*self.flow_logs, *(found[1] for found in named if found))) or None

    @property
    def read(self) -> tuple[int, int] | None:
        """From when to when lines of the window were read, of any interface sought; None where none has times."""
        ends = [span for one in self.interfaces.values() for span in one.spans]
        return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None

    @property
    def newest(self) -> int | None:
        """The last second of which a line was read, whether or not it lies in the window; None where no line has times."""
        return max((*(self.read or ()), *(self.outside_times or ())), default=None)

    def cover(self, interface: str, start: int | None, end: int | None, skipped: int, accepts: int = 0, rejects: int = 0) -> None:
        """Take note that the flow log has a line for this interface and time; NODATA counts, SKIPDATA voids absence.

        `skipped` is the number of SKIPDATA lines that this stands for, 0 where it is another line; `accepts` and `rejects`
        are those of each action.

        https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html#flow-log-example-no-data
        """
        if interface in self.lost:
            return
        here = self.interfaces.get(interface)
        if here is None:
            here = self.interfaces[interface] = InterfaceLines()
        here.skips += skipped
        here.accepts += accepts
        here.rejects += rejects
        times = [second for second in (start, end) if second is not None]
        if not times:
            here.undated = True
        else:
            start, end = times[0], times[-1]
            here.longest = max(here.longest, end - start)
            (here.skipped if skipped else here.spans).add(start, end)
            for kind, number in ((here.accepted, accepts), (here.rejected, rejects)):
                if number:
                    kind.add(start, end)

    def lose(self, interfaces: Iterable[str], note: str) -> None:
        """Take note that something could not be read which may have held lines of these interfaces: they count as unseen."""
        if note not in self.notes:
            self.notes.append(note)
        self._unsee(set(interfaces))

    def _unsee(self, interfaces: set[str]) -> None:
        self.lost |= interfaces
        for interface in interfaces & self.interfaces.keys():
            del self.interfaces[interface]

    def add(self, other: Tally) -> None:
        """Take in the tally of another part of the same search; what one part lost is lost for both."""
        for name in (
            "lines",
            "records",
            "refused",
            "headers",
            "blank",
            "other_kinds",
            "passed",
            "outside",
            "untimed",
            "accepts",
            "rejects",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self._reach(other.outside_times or ())
        self.asked = min(filter(None, (self.asked, other.asked)), default=None)
        self.refusals += other.refusals[: REFUSALS_KEPT - len(self.refusals)]
        self.files += other.files
        self.flow_logs |= other.flow_logs
        self.notes += [note for note in other.notes if note not in self.notes]
        self.instead |= other.instead
        self._unsee(other.lost)
        for interface, seen in other.interfaces.items():
            self._extend(interface, seen)

    def _extend(self, interface: str, seen: InterfaceLines) -> None:
        if interface in self.lost:
            return
        here = self.interfaces.setdefault(interface, InterfaceLines())
        here.skips += seen.skips
        here.accepts += seen.accepts
        here.rejects += seen.rejects
        here.undated |= seen.undated
        here.longest = max(here.longest, seen.longest)
        kinds = ((here.accepted, seen.accepted), (here.rejected, seen.rejected))
        for mine, others in ((here.spans, seen.spans), (here.skipped, seen.skipped), *kinds):
            for start, end in others:
                mine.add(start, end)


def _place_of(where: str) -> str:
    """The file of a line, without its number."""
    return where.rpartition(":")[0] or where
