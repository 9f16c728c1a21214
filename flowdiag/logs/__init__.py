"""Flow log sources, one file each: a source searches for addresses in a time window and tells what it read on the way.

Every source gives the same two things: the Records that name one of the addresses, and a Tally of all it saw, because
"no record" only means something on an interface whose flow log was read. A new source is one file here with a class
that has `opens` and `search`; it is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, Protocol

from pydantic import Field, field_validator

from flowdiag.model import Address, FlowdiagError, Record, Scope, Value

CLOCK_SLACK = 60
"""Seconds by which start and end of a record may be off (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html)."""
SHORTEST_INTERVAL, LONGEST_INTERVAL = 60, 600
"""Seconds of an aggregation interval, of which there are two: silence no longer than that is no gap in a log (same page)."""
REFUSALS_KEPT = 5
RECORDS_HELD = 50_000
"""More records of one question than this are refused, for as objects they take some 100 MB."""


_OF_FLOW_LOG = re.compile(r"_(fl-[0-9a-f]+)_")


class Refused(Value):
    """A line that could not be read as a record: where it stands, and why."""

    where: str
    reason: str


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
        """The first and the last Unix second that a record of it may show, whose clock may be off; None for an open end."""
        begins = int(self.start.timestamp()) - CLOCK_SLACK if self.start else None
        return begins, int(self.end.timestamp()) + CLOCK_SLACK if self.end else None

    def touches(self, start: int | None, end: int | None) -> bool:
        """True where a record of these Unix seconds may lie in the window; one without times never does in a bounded one."""
        if not self.bounded:
            return True
        if start is None and end is None:
            return False
        times = [second for second in (start, end) if second is not None]
        begins = self.start is None or max(times) + CLOCK_SLACK >= self.start.timestamp()
        return begins and (self.end is None or min(times) - CLOCK_SLACK <= self.end.timestamp())


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
class Coverage:
    """What a source saw of one interface in the window: when, and when it says itself that records were skipped.

    `accepts` and `rejects` are 0 only where no such line of the interface was read.
    """

    spans: Spans = field(default_factory=Spans)
    skipped: Spans = field(default_factory=Spans)
    undated: bool = False
    skips: int = 0
    accepts: int = 0
    rejects: int = 0


@dataclass
class Tally:
    """What a source read: records + refused + headers + blank + other kinds = lines, so nothing is lost silently.

    `records` counts every flow log line, NODATA and SKIPDATA included, `other_kinds` those of transit gateways. `passed`
    are those of both that hold neither an address nor an interface that is sought and so were not taken apart; `outside`
    are those taken apart that lie out of the window. `accepts` and `rejects` tell whether the flow log keeps both kinds
    of traffic: they are 0 only where no such line was read, and count no more than the lines that were taken apart.
    `outside_times` are the first and the last second of those that are `outside`.
    `blank` are lines without content, control messages of a CloudWatch Logs subscription among them.
    `interfaces` is the coverage by ENI id, of those sought at least; `notes` are sentences on what could not be read, or
    not to its end; `lost` are the interfaces that may have had lines there, whose silence therefore proves nothing.
    `instead` are those that were read in another place than the first, which could not be.
    `flow_logs` are the flow logs that are known to deliver to a place that was read.
    """

    lines: int = 0
    records: int = 0
    refused: int = 0
    headers: int = 0
    blank: int = 0
    other_kinds: int = 0
    passed: int = 0
    outside: int = 0
    accepts: int = 0
    rejects: int = 0
    refusals: list[Refused] = field(default_factory=list)
    interfaces: dict[str, Coverage] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    instead: set[str] = field(default_factory=set)
    flow_logs: set[str] = field(default_factory=set)
    outside_times: tuple[int, int] | None = None

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
    def newest(self) -> int | None:
        """The last second of which a line was read, whether or not it lies in the window; None where no line has times."""
        ends = [end for one in self.interfaces.values() for _, end in one.spans]
        return max((*ends, *(self.outside_times or ())), default=None)

    def cover(self, interface: str, start: int | None, end: int | None, skipped: int, accepts: int = 0, rejects: int = 0) -> None:
        """Take note that the flow log has a line for this interface and time; NODATA counts, SKIPDATA voids absence.

        `skipped` is the number of SKIPDATA lines that this stands for, 0 where it is another line; `accepts` and `rejects`
        are those of each action.

        https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html#flow-log-example-no-data
        """
        if interface in self.lost:
            return
        coverage = self.interfaces.get(interface)
        if coverage is None:
            coverage = self.interfaces[interface] = Coverage()
        coverage.skips += skipped
        coverage.accepts += accepts
        coverage.rejects += rejects
        if start is None or end is None:
            coverage.undated = True
        else:
            (coverage.skipped if skipped else coverage.spans).add(start, end)

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
        for name in ("lines", "records", "refused", "headers", "blank", "other_kinds", "passed", "outside", "accepts", "rejects"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self._reach(other.outside_times or ())
        self.refusals += other.refusals[: REFUSALS_KEPT - len(self.refusals)]
        self.files += other.files
        self.flow_logs |= other.flow_logs
        self.notes += [note for note in other.notes if note not in self.notes]
        self.instead |= other.instead
        self._unsee(other.lost)
        for interface, coverage in other.interfaces.items():
            self._extend(interface, coverage)

    def _extend(self, interface: str, seen: Coverage) -> None:
        if interface in self.lost:
            return
        coverage = self.interfaces.setdefault(interface, Coverage())
        coverage.skips += seen.skips
        coverage.accepts += seen.accepts
        coverage.rejects += seen.rejects
        coverage.undated |= seen.undated
        for mine, others in ((coverage.spans, seen.spans), (coverage.skipped, seen.skipped)):
            for start, end in others:
                mine.add(start, end)


def _place_of(where: str) -> str:
    """The file of a line, without its number."""
    return where.rpartition(":")[0] or where


def too_many() -> FlowdiagError:
    """The refusal of an answer that is larger than memory should hold."""
    return FlowdiagError(
        f"more than {RECORDS_HELD:,} flow log records name these addresses: narrow the time (at, window), or ask Athena for them"
    )


class Search:
    """One search under way: iterate over it once for the Records; `tally` is complete when the iteration is.

    However many there are, only a few are held: whoever holds them all has to bound them (RECORDS_HELD).
    """

    def __init__(self, read: Callable[[Tally], Iterator[Record]], source: str = "") -> None:
        self.tally = Tally()
        self.source = source
        self._records = read(self.tally)

    def __iter__(self) -> Iterator[Record]:
        return self._records


class Source(Protocol):
    """Where flow log records come from."""

    def search(self, sought: Sought) -> Search:
        """Every record that is sought; raises FlowdiagError where nothing at all can be read."""


class Access(Protocol):
    """The door to AWS as a source knows it: read-only calls by account and Region. `flowdiag.access` is one."""

    @property
    def home(self) -> Scope:
        """The session's own account and Region."""

    def scopes(self) -> tuple[Scope, ...]:
        """Every account and Region that may be asked, home first."""

    def each(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The pages of a reply as they come; raises FlowdiagError with the reason where AWS does not give them."""

    def body(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        """The streamed body of a reply, chunk by chunk; raises FlowdiagError as `each` does, between two chunks too."""


@dataclass(frozen=True)
class Means:
    """What a source in AWS may use: the door, and of whom the records are.

    `scopes` are the accounts and Regions of the interfaces on the path; `agreed`: the person agreed to a large amount.
    `log_format` is the LogFormat of files without a line of field names. `watching` are the flow logs that are known to watch
    interfaces of the path (`logs._delivery.Delivery`); `delivering` gives those that are known to deliver to a log group: by
    the account, empty for any, and the name.
    """

    access: Access | None = None
    scopes: tuple[Scope, ...] = ()
    agreed: bool = False
    log_format: str = ""
    watching: tuple[Any, ...] = ()
    delivering: Callable[[str, str], tuple[Any, ...]] = lambda owner, group: ()

    def door(self, where: str) -> Access:
        """The access; raises FlowdiagError where there is none, as in a question that is answered without AWS."""
        if self.access is None:
            raise FlowdiagError(f"flow logs {where!r} are in AWS: ask with a session (--profile, --region), or give files")
        return self.access


class Opener:
    """A source class that says for itself which places it can read.

    `prefixes` are how places in AWS begin that it reads, `actions` the IAM actions it needs there, and `delivers` is the
    LogDestinationType of the flow logs whose destination it reads.
    """

    prefixes: ClassVar[tuple[str, ...]] = ()
    actions: ClassVar[tuple[str, ...]] = ()
    delivers: ClassVar[str] = ""

    @classmethod
    def opens(cls, where: str, means: Means) -> Source | None:
        """The source at this place, or None where the place is not of this kind."""

    @classmethod
    def of(cls, means: Means, deliveries: Any) -> Source:
        """The source that these flow logs (`logs._delivery.Delivery`) deliver to, all to the same place."""
        raise NotImplementedError(f"{cls.__name__} is the destination of no flow log")


@cache
def openers() -> tuple[type[Opener], ...]:
    """Every source class of this package that has `opens`, in the order of their file names."""
    found: dict[str, type[Opener]] = {}
    for module in pkgutil.iter_modules(__path__):
        for entry in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(entry, type) and entry.__module__.startswith(__name__ + ".") and issubclass(entry, Opener):
                found[entry.__qualname__] = entry
    return tuple(found.values())


def in_aws(where: str) -> bool:
    """Whether a place is one in AWS, by how it begins."""
    return any(where.startswith(opener.prefixes) for opener in openers())


def open_source(where: str, means: Means | None = None) -> Source:
    """The source that reads this place; raises FlowdiagError where none can."""
    for opener in openers():
        source = opener.opens(where, means or Means())
        if source is not None:
            return source
    raise FlowdiagError(
        f"flow logs {where!r}: no such file or folder; give a folder of flow log files, one file, or a place in AWS: "
        "cloudwatch:LOG-GROUP, s3://BUCKET/PREFIX, athena:DATABASE.TABLE (athena: finds it), flow-log:ID"
    )
