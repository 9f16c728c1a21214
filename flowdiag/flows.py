"""Which records do the flow logs have of SOURCE and DESTINATION? Looking, without a judgement: question → FlowRecords.

question → walk, there and back → search → the records that fit a point of the path, as they come → conversations
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from flowdiag.address import EVERY_PROTOCOL, protocol_number
from flowdiag.columns import Arrow, arrow, write_parquet
from flowdiag.consulted import described, other_time, refused
from flowdiag.conversations import Conversation, Summary, Totals
from flowdiag.coverage import Asked, read_when
from flowdiag.lacking import lacking
from flowdiag.logs import Search, Tally, in_aws
from flowdiag.model import ICMP, TCP, UDP, Coverage, Direction, FlowdiagError, Question, Record, Value
from flowdiag.pair import Pair, pair_of
from flowdiag.question import LAST_HOUR, ask, refuse_future
from flowdiag.reach import Times
from flowdiag.reading import door, format_of, live, refuse_empty, saved
from flowdiag.repeats import Delivered
from flowdiag.sighting import Catch, Seen, Spot, fit, through_gateway
from flowdiag.silence import once, silence_of, sought_at, worth_of
from flowdiag.snapshot import Snapshot
from flowdiag.sources import NOWHERE
from flowdiag.table import Rules

if TYPE_CHECKING:
    import boto3

    from flowdiag.accounts import Given


class Silent(Value):
    """An interface of the path without a record of one direction, and what that is worth.

    `seen` is absent (a record would be there), unaccepted (an accepted packet would be on record) or unobserved, which
    proves nothing; `note` is the reason.
    """

    interface: str
    name: str
    stands_for: str = ""
    direction: Direction
    seen: Seen
    note: str = ""


class Outline(Value):
    """What one reading of all records told; see `FlowRecords`."""

    conversations: tuple[Conversation, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    silent: tuple[Silent, ...] = ()
    sources: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class FlowRecords:
    """The flow log records of a pair of endpoints.

    Iterate for each `Record` in the order in which it is read; only a few are held at a time. Every iteration searches the
    flow logs anew. What is told of all of them (`summary`, `coverage` …) is known after one whole iteration, and reads
    them once where there was none yet.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self._tally: Tally | None = None
        self._totals = Totals()
        self._outline = Outline()

    def __iter__(self) -> Iterator[Record]:
        reading = _Reading(self.pair)
        yield from reading.records()
        self._tally, self._totals, self._outline = reading.tally, reading.summary.totals, reading.outline()

    @property
    def question(self) -> Question:
        """What was asked; where every protocol is meant, the question of TCP."""
        return self.pair.questions[0]

    @property
    def tally(self) -> Tally:
        """What was read of the flow logs: files, lines, and what could not be read."""
        return self._known()._tally or Tally()

    @property
    def totals(self) -> Totals:
        """How many records of the pair there are, and how much they count."""
        return self._known()._totals

    @property
    def summary(self) -> tuple[Conversation, ...]:
        """The records by interface, header and action, the newest conversation last."""
        return self._known()._outline.conversations

    @property
    def outline(self) -> Outline:
        """Everything that is told of all records together."""
        return self._known()._outline

    @property
    def coverage(self) -> tuple[Coverage, ...]:
        """Of every interface on the path, what silence there is worth."""
        return self.outline.coverage

    @property
    def silent(self) -> tuple[Silent, ...]:
        """The interfaces without a record, by direction, with what that is worth."""
        return self.outline.silent

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what could not be read or told."""
        return self.outline.notes

    @property
    def answered(self) -> bool:
        """Whether anything is known: records of the pair, or silence that is worth something."""
        return bool(self.totals.records) or any(one.seen != "unobserved" for one in self.silent)

    def to_arrow(self) -> Arrow:
        """The records as columns under AWS's names with underscores, which data frames of every library take.

        Numbers are 64-bit integers, times are Unix seconds. Raises FlowdiagError where polars is not installed.
        """
        return arrow(self)

    def write_parquet(self, path: str | FilePath) -> int:
        """Write the records to a new Parquet file, as AWS names the columns; the number of them.

        Raises FlowdiagError where the file is there already, or polars is not installed.
        """
        return write_parquet(self, path)

    def _known(self) -> FlowRecords:
        if self._tally is None:
            deque(self, maxlen=0)
        return self


@dataclass
class _Reading:
    """One reading of all records of a pair, and what is noted on the way."""

    pair: Pair
    summary: Summary = field(default_factory=Summary)
    tally: Tally = field(default_factory=Tally)
    _search: Search | None = None
    _given: Delivered = field(default_factory=Delivered)
    _seen: Counter[Spot] = field(default_factory=Counter)
    _doubtful: Counter[Spot] = field(default_factory=Counter)
    _shared: Counter[str] = field(default_factory=Counter)
    _times: Times = field(default_factory=Times)

    def records(self) -> Iterator[Record]:
        """Every record that fits a point of the path, each once."""
        if self.pair.source is None:
            return
        self._search = self.pair.source.search(sought_at(self.pair.spots, self.pair.window.heard, self.pair.heard))
        self.tally = self._search.tally
        for record in self._search:
            if not self.pair.window.touches(record.start, record.end):
                continue
            spot = self._place(record)
            if spot is not None and self._given.is_new(record):
                self._note(record, spot)
                yield record

    def _place(self, record: Record) -> Spot | None:
        """The first point of the path that a record belongs to; one that may or may not belong to one is counted there."""
        possible = None
        for spot in self.pair.spots:
            belongs = fit(record, spot)
            if belongs == "yes":
                return spot
            if belongs == "unknown" and possible is None:
                possible = spot
        if possible is not None:
            self._doubtful[possible] += 1
        return through_gateway(record, self.pair.spots)

    def _note(self, record: Record, spot: Spot) -> None:
        if spot.behind:
            self._shared[spot.behind] += 1
        if record.place == spot.interface:
            for other in self.pair.spots:  # a packet enters and leaves an interface in between with the same header
                self._seen[other] += other == spot or fit(record, other) == "yes"
        self.summary.add(record, spot.direction)
        self._times.add(record.start, record.end)

    # ------------------------------------------------------------ what it comes to

    def outline(self) -> Outline:
        """What is told of the whole, once all records were given."""
        pair = self.pair
        tally = self.tally if self._search else None
        asked = Asked(pair.window, self._times.spans, tally, read_when(tally, pair.read_at))
        weighed = {spot: worth_of(spot, pair.heard, asked, pair.tables) for spot in pair.spots}
        silent = tuple(self._silent(weighed))
        return Outline(
            conversations=self.summary.conversations(),
            coverage=once(weighed.values()),
            silent=silent,
            sources=described(self._search) if self._search else (),
            files=tuple(self.tally.files),
            notes=(*pair.notes, *self._notes(silent)),
        )

    def _silent(self, weighed: dict[Spot, Coverage]) -> Iterator[Silent]:
        """One an interface and direction, where no point of it has a record."""
        spoken = {(spot.label, spot.direction) for spot, count in self._seen.items() if count}
        for spot, worth in weighed.items():
            here = (spot.label, spot.direction)
            if not spot.interface or here in spoken:
                continue
            spoken.add(here)
            doubtful = sum(count for other, count in self._doubtful.items() if (other.label, other.direction) == here)
            seen, note = silence_of(Catch(spot, (), (), doubtful), worth)
            yield Silent(
                interface=spot.label,
                name=worth.name,
                stands_for=worth.stands_for,
                direction=spot.direction,
                seen=seen,
                note=note or worth.headline,
            )

    def _notes(self, silent: Iterable[Silent]) -> Iterator[str]:
        if self._search:
            yield from map(lacking, refused(self._search.source, self.tally))
        if other := other_time(self.tally, self.pair.window):
            yield other
        unproven = dict.fromkeys(one.interface for one in silent if one.seen == "unobserved")
        yield from (self.pair.unwatched[one] for one in unproven if one in self.pair.unwatched and not other)
        doubtful = sum(self._doubtful.values())
        if doubtful:
            field = "the log format lacks a field that would tell (interface-id, action, ports, pkt- addresses)"
            yield f"{doubtful} more may be of this pair; {field}"
        for gateway, number in self._shared.items():
            several = f"{number} record{'' if number == 1 else 's'}"
            yield f"{several} with the address of {gateway}, which many clients share, may be of any of these"
        if self.summary.untold:
            yield f"{self.summary.untold} records of further conversations are only counted: narrow the time (at, window)"


# ---------------------------------------------------------------- the question


def flow_records(
    source: str,
    destination: str,
    port: int | str | None = None,
    *,
    protocol: str | int | None = None,
    source_port: int | str | None = None,
    snapshot: Snapshot | str | FilePath | None = None,
    session: boto3.Session | None = None,
    region: str | None = None,
    accounts: Given = None,
    flow_logs: str | FilePath | None = None,
    log_format: str | None = None,
    at: str | datetime | None = None,
    window: str | timedelta | None = None,
    rules: str | FilePath | None = None,
    yes: bool = False,
) -> FlowRecords:
    """The flow log records of `source` and `destination`, both ways, at every interface of the path between them.

    The arguments are those of `diagnose`, and name the ends in the same way. Without `port` every port counts, without
    `protocol` every protocol. What goes from the source towards the destination is a request, whoever began it. Behind NAT
    and load balancers the addresses are those there; behind a load balancer only where the port is named, for that
    decides where it leads.

    Raises FlowdiagError, one sentence, for anything a person can mend.
    """
    refuse_empty(snapshot=snapshot, flow_logs=flow_logs, rules=rules, accounts=accounts, log_format=log_format)
    where = None if flow_logs is None else str(flow_logs)
    _refuse_nowhere(where, snapshot)
    layout = format_of(log_format, where)
    asks_aws = in_aws(where) if where is not None else snapshot is None
    span = LAST_HOUR if window is None and asks_aws else window
    every = _names_every_protocol(protocol)
    protocols = _protocols(port, source_port) if every else (protocol,)
    end = at if at is not None or span is None else datetime.now().astimezone()
    questions = tuple(
        ask(source, destination, port, one, source_port, end, span, every_port=True) for one in protocols if one is not None
    )
    if asks_aws:
        refuse_future(questions[0])
    tables = Rules.load(rules)
    kept = None if snapshot is None else saved(snapshot)
    access = door(session, region, accounts, kept) if kept is None or asks_aws else None
    evidence = live(questions[0], tables, access, where, questions[1:]) if access and kept is None else saved(kept)
    return FlowRecords(pair_of(questions, every, evidence, tables, where, access, yes, layout))


def _refuse_nowhere(flow_logs: str | None, snapshot: object) -> None:
    if flow_logs == NOWHERE or (flow_logs is None and snapshot is not None):
        raise FlowdiagError("no flow logs are named: give a folder, a file or a place in AWS with flow_logs= (--flow-logs)")


def _names_every_protocol(protocol: str | int | None) -> bool:
    return protocol is None or (not isinstance(protocol, bool) and protocol_number(protocol) == EVERY_PROTOCOL)


def _protocols(port: object, source_port: object) -> tuple[int, ...]:
    """The protocols whose ways are walked where every one is meant: those that gateways tell apart."""
    return (TCP, UDP) if port is not None or source_port is not None else (TCP, UDP, ICMP)
