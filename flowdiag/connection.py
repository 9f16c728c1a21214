"""Records → Connections: which records of a flow are one connection, which came after it was closed, and who opened it.

A connection is what has the same ends and ports, both ways, up to the next opening after a close. A gateway that draws
ports of its own parts it in `stretches`, whose connections cannot be joined for certain: each is a connection of its own.
Where a connection stops doing what it did, it is cut there (`parting`).
tcp-flags: FIN 1, SYN 2, RST 4, SYN-ACK 18; ACK alone is not logged, and times are up to 60 seconds late:
https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from math import inf

from flowdiag.contrast import begun, size_of, when
from flowdiag.logs import CLOCK_SLACK, LONGEST_INTERVAL
from flowdiag.loss import Loss
from flowdiag.model import TCP, Record
from flowdiag.parting import Marked, Part, parts
from flowdiag.sighting import Catch, Spot
from flowdiag.stretches import Stretch
from flowdiag.tcp import FIN, RST, SYN, SYN_ACK, TIMESTAMPS, headers

EPHEMERAL = 32768  # where the range begins from which Linux draws a client's port


@dataclass(frozen=True)
class Connection:
    """One connection, or a part of one, on a stretch of the path; `client` is the client's port, None where ports were not
    logged, `sure` is False where nothing tells which end opened it, and `again` is True where its ports were in use before and
    nothing tells whether it was opened anew."""

    stretch: Stretch
    client: int | None
    part: Part
    sure: bool = True
    again: bool = False

    @cached_property
    def opened(self) -> bool:
        """False where its records tell that it, or what it is a part of, was open before they begin."""
        flags = [record.tcp_flags for _, record in self.part.records if record.protocol == TCP]
        return self.part.continued or not flags or any(flag is None or flag & SYN for flag in flags)


@dataclass
class Sorted:
    """The connections in order of time, and what was set aside, by the number of the point: `late` came after a close,
    `unsure` may have, `foreign` are of connections that the far end opened. `doubtful` is what was lost of nobody knows which
    of them, or of another flow."""

    connections: list[Connection] = field(default_factory=list)
    late: dict[int, list[Record]] = field(default_factory=dict)
    unsure: dict[int, list[Record]] = field(default_factory=dict)
    foreign: dict[int, list[Record]] = field(default_factory=dict)
    doubtful: tuple[Loss, ...] = ()

    def catches(self, caught: Sequence[Catch]) -> list[Catch]:
        """The catches without what was set aside."""
        mine: dict[int, dict[int, Record]] = {}
        for one in self.connections:
            for place, record in one.part.records:
                mine.setdefault(place, {})[id(record)] = record  # one that goes on beyond a cut is of two parts
        return [
            replace(
                one,
                records=tuple(mine.get(place, {}).values()),
                late=tuple(self.late.get(place, ())),
                unsure=tuple(self.unsure.get(place, ())),
                foreign=tuple(self.foreign.get(place, ())),
            )
            for place, one in enumerate(caught)
        ]


def connections(caught: Sequence[Catch], stretches: Mapping[Spot, Stretch], losses: Iterable[Loss] = ()) -> Sorted:
    """The connections in what was caught at each point, and in what was lost; the points are numbered as they come."""
    together: dict[tuple[Stretch, int | None, str], list[Marked]] = {}
    for place, one in enumerate(caught):
        for record in one.records:
            client = record.source_port if one.spot.direction == "request" else record.destination_port
            together.setdefault((stretches[one.spot], client, _other_end(record, one.spot)), []).append((place, record))
    several = tuple(losses)
    found = Sorted(doubtful=tuple(loss for loss in several if loss.doubt))
    spots, lost = [one.spot for one in caught], _Lost((loss for loss in several if not loss.doubt), stretches)
    for (stretch, client, _), marked in together.items():
        marked.sort(key=lambda m: (begun(m[1]), when(m[1]), m[0], m[1].action, m[1].line))
        epochs = list(_epochs(marked, spots))
        for number, (epoch, following) in enumerate(zip_longest(epochs, epochs[1:])):
            its = lost.of(stretch, client, epoch, begun(following[0][1]) if following else inf)
            _sort_out(epoch, spots, Connection(stretch, client, Part(), again=number > 0), found, its)
    found.connections += lost.left()
    found.connections.sort(key=lambda c: (c.part.first, c.part.last, c.stretch, c.client or 0))
    return found


def _other_end(record: Record, spot: Spot) -> str:
    """The far end of a record, where the flow may be with any of many."""
    if spot.wide is None:
        return ""
    shown = (record.packet_source or record.source, record.packet_destination or record.destination)
    return shown[0] if spot.flow.source == spot.wide.address else shown[1]


def _sort_out(epoch: list[Marked], spots: Sequence[Spot], whole: Connection, found: Sorted, losses: list[Loss]) -> None:
    if _opened_from_afar(epoch, spots):
        _file(found.foreign, epoch)
        return
    late, unsure = _late(epoch, spots)
    _file(found.late, late)
    _file(found.unsure, unsure)
    aside = {id(record) for _, record in (*late, *unsure)}
    sure = _is_sure(epoch, spots, whole.client)
    for part in parts([m for m in epoch if id(m[1]) not in aside], spots, losses):
        found.connections.append(replace(whole, part=part, sure=sure))


class _Lost:
    """What gateways count as lost, until the connections are known of which it was."""

    def __init__(self, losses: Iterable[Loss], stretches: Mapping[Spot, Stretch]) -> None:
        self._left: dict[tuple[Stretch, int | None], list[Loss]] = {}  # by the client's port, for protocols that have one
        for loss in sorted(losses, key=lambda loss: (loss.first, loss.last, loss.record.line)):
            self._left.setdefault((stretches[loss.spot], loss.client), []).append(loss)

    def of(self, stretch: Stretch, client: int | None, epoch: list[Marked], until: float) -> list[Loss]:
        """What was lost of a connection, up to when the next one with its ports begins, and is none of another one's then."""
        first, last = begun(epoch[0][1]), max(when(record) for _, record in epoch)
        mine: list[Loss] = []
        others: list[Loss] = []
        for loss in self._left.get((stretch, client), ()):
            goes_on = last < loss.first < min(last + LONGEST_INTERVAL, until)
            (mine if goes_on or loss.meets(first, last) else others).append(loss)
            last = max(last, loss.last) if goes_on else last
        self._left[stretch, client] = others
        return mine

    def left(self) -> Iterator[Connection]:
        """Connections of which nothing is on record but what was lost."""
        for (stretch, client), losses in self._left.items():
            several: list[Loss] = []
            for loss in losses:
                if several and loss.first > several[-1].last + LONGEST_INTERVAL:
                    yield Connection(stretch, client, Part(lost=tuple(several)))
                    several = []
                several.append(loss)
            if several:
                yield Connection(stretch, client, Part(lost=tuple(several)))


def _file(aside: dict[int, list[Record]], marked: Iterable[Marked]) -> None:
    for place, record in marked:
        aside.setdefault(place, []).append(record)


# ---------------------------------------------------------------- where one connection ends and the next begins


def _epochs(marked: list[Marked], spots: Sequence[Spot]) -> Iterator[list[Marked]]:
    """Parted where an opening follows a close by more than times are late, or follows a time longer than the longest aggregation
    interval in which nothing was on record; of what has no openings (no flags logged, or no TCP) by that time alone."""
    epoch: list[Marked] = []
    closed: int | None = None
    newest = 0
    flagged = any(record.protocol == TCP and record.tcp_flags is not None for _, record in marked)
    for place, record in marked:
        opens = _is_opening(record) and spots[place].direction == "request"
        silent = begun(record) > newest + LONGEST_INTERVAL
        again = opens and (silent or (closed is not None and begun(record) > closed + CLOCK_SLACK))
        if epoch and (again or (silent and not flagged)):
            yield epoch
            epoch, closed = [], None
        epoch.append((place, record))
        newest = max(newest, when(record))
        if _closes(record):
            closed = max(when(record), closed or 0)
    if epoch:
        yield epoch


def _is_opening(record: Record) -> bool:
    return record.tcp_flags is not None and record.tcp_flags & SYN_ACK == SYN


def _closes(record: Record) -> bool:
    """A close that got through; one that was rejected closes nothing."""
    return record.action == "ACCEPT" and record.tcp_flags is not None and bool(record.tcp_flags & (FIN | RST))


# ---------------------------------------------------------------- late packets


def _late(epoch: list[Marked], spots: Sequence[Spot]) -> tuple[list[Marked], list[Marked]]:
    """The REJECTs that came after the close, and those that may have: no denials, either of them.

    "packets arrived after the connection was closed" are REJECT too:
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
    """
    begins = min((begun(record) for _, record in epoch if _closes(record)), default=None)
    closed = _closed(epoch, spots)
    late, unsure = [], []
    for place, record in epoch:
        if record.action != "REJECT" or record.protocol != TCP or (record.tcp_flags or 0) & SYN:
            continue
        if closed is not None and begun(record) >= closed:
            late.append((place, record))
        elif (begins is not None and when(record) >= begins) or not _denies(record, epoch, spots):
            unsure.append((place, record))
    return late, unsure


def _closed(epoch: list[Marked], spots: Sequence[Spot]) -> int | None:
    """The second by which it was closed for certain: by a reset, or by both sides; None where it was not.

    Flags are those of a whole record, so a close may be as late as its last packet; who closes one side may still be sent to.
    """
    closing = [(place, record) for place, record in epoch if _closes(record)]
    resets = [when(record) for _, record in closing if (record.tcp_flags or 0) & RST]
    sides: dict[str, int] = {}
    for place, record in closing:
        sides.setdefault(spots[place].direction, when(record))
    both = [max(sides.values())] if len(sides) > 1 else []
    return min((*resets, *both), default=None)


def _denies(record: Record, epoch: list[Marked], spots: Sequence[Spot]) -> bool:
    """Whether a REJECT that opens nothing is a denial: its connection was let in before, as far as was read, and not closed.

    Where flags are not logged, nothing tells a close: a packet without data (an inference from its size), of a connection
    that worked before, may be late.
    """
    before = [(at, r) for at, r in epoch if r.action == "ACCEPT" and begun(r) <= when(record)]
    if record.tcp_flags is None:
        size = size_of(record)
        empty = 0 < size <= headers(record) + TIMESTAMPS
        return not (empty and len({spots[at].direction for at, _ in before}) > 1)
    return any(_is_opening(r) or r.interface == record.interface for _, r in before)


# ---------------------------------------------------------------- who opened it


def _opened_from_afar(epoch: list[Marked], spots: Sequence[Spot]) -> bool:
    """A SYN-ACK among the requests, or a bare SYN among the replies: source and destination have changed places."""
    for place, record in epoch:
        flags = record.tcp_flags
        if flags is not None and flags & SYN:
            answers = flags & SYN_ACK == SYN_ACK
            if answers == (spots[place].direction == "request"):
                return True
    return False


def _is_sure(epoch: list[Marked], spots: Sequence[Spot], client: int | None) -> bool:
    """Whether the records tell which end is the client: by their flags, or by a service's port below those that clients draw."""
    if any(record.tcp_flags is not None and record.tcp_flags & SYN for _, record in epoch):
        return True
    spot = spots[epoch[0][0]]
    ports = (spot.flow if spot.direction == "request" else spot.flow.reply()).destination_ports
    asked = ports.first if ports and ports.first == ports.last else None
    if client is not None and client == asked:  # as IKE, NTP and DNS servers use among themselves: what went first tells
        return any(spots[place].direction == "request" for place, _ in epoch)
    return asked is None or asked < EPHEMERAL or client is None or client >= EPHEMERAL
