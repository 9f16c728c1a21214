"""Questions of the same two ends → Pair: the points of every path between them, and the source that is searched for records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from flowdiag.address import EVERY_PROTOCOL, PUBLIC
from flowdiag.components import components
from flowdiag.graph import Path, look
from flowdiag.lacking import lacking
from flowdiag.listening import Listening, listen
from flowdiag.logs import Source, Window
from flowdiag.model import Query, Question, Unread
from flowdiag.points import Spot, spots
from flowdiag.reading import flow_logs_of
from flowdiag.sighting import marked
from flowdiag.snapshot import Snapshot
from flowdiag.table import Rules

if TYPE_CHECKING:
    from flowdiag.access import Access


@dataclass(frozen=True)
class Pair:
    """What is looked for, and where: the points of the path at which a record of the pair stands, and the source.

    `unwatched` tells, by interface, what would show which flow logs watch it, where that was not read.
    """

    questions: tuple[Question, ...]
    every_protocol: bool
    spots: tuple[Spot, ...]
    heard: Listening
    source: Source | None
    tables: Rules
    read_at: datetime | None
    notes: tuple[str, ...] = ()
    unwatched: Mapping[str, str] = field(default_factory=dict)

    @property
    def window(self) -> Window:
        """The time asked about."""
        return Window(start=self.questions[0].start, end=self.questions[0].end)


def pair_of(
    questions: tuple[Question, ...],
    every_protocol: bool,
    evidence: Snapshot,
    tables: Rules,
    flow_logs: str | None = None,
    access: Access | None = None,
    agreed: bool = False,
    log_format: str = "",
) -> Pair:
    """Where records of these questions, of the same two ends, would stand; the same from live AWS and from a folder."""
    view = evidence.view()
    path = Path(legs=tuple(leg for question in questions for leg in look(question, view, tables).legs))
    heard = listen(path, evidence.view())
    window = Window(start=questions[0].start, end=questions[0].end)
    return Pair(
        questions=questions,
        every_protocol=every_protocol,
        spots=marked(dict.fromkeys(_of_everybody(_widened(spots(path, heard.along), every_protocol))), heard),
        heard=heard,
        source=flow_logs_of(path, evidence, window, flow_logs, access, agreed, log_format),
        tables=tables,
        read_at=evidence.read_at,
        notes=(*_beyond(path, questions[0]), *_anybody(path), *_unread(view.unread, evidence)),
        unwatched={id: one for id, station in heard.stations.items() if station.watchers is None for one in _watch(id, evidence)},
    )


def _widened(points: Iterable[Spot], every_protocol: bool) -> Iterator[Spot]:
    """The points, with headers of any protocol where every one is meant."""
    for spot in points:
        flow = spot.flow.rewritten(protocol=EVERY_PROTOCOL, icmp=None) if every_protocol else spot.flow
        yield replace(spot, flow=flow)


def _of_everybody(points: Iterable[Spot]) -> Iterator[Spot]:
    """The points, where the internet is one end, with every public address for it: what is only listed may be of another way,
    such as a gateway endpoint, which a diagnosis must not take for this one."""
    for spot in points:
        anybody = spot.wide if spot.wide and spot.wide.kind == "internet" else None
        yield replace(spot, wide=anybody.model_copy(update={"ranges": PUBLIC})) if anybody else spot


def _anybody(path: Path) -> Iterator[str]:
    ends = (end for leg in path.legs for end in (leg.source, leg.destination))
    if any(end.kind == "internet" for end in ends):
        yield "internet: records of every public address are listed, whichever way their packets came or went"


def _beyond(path: Path, question: Question) -> Iterator[str]:
    onward = {kind for kind, component in components().items() if component.connections == "own"}
    names = dict.fromkeys(hop.name for leg in path.legs for hop in leg.hops if hop.place.kind in onward)
    if names and question.port is None:
        yield f"what stands behind {', '.join(names)} is not looked at without a port: name the one that is asked of it"


def _watch(interface: str, evidence: Snapshot) -> Iterator[str]:
    query = Query(kind="flow_log", by="interface", value=interface)
    yield from _unread((Unread(query=query, reason="which ones watch it was not read", action="ec2:DescribeFlowLogs"),), evidence)


def _unread(several: Iterable[Unread], evidence: Snapshot) -> Iterator[str]:
    """What was not read of the way; of what a default stands in for no record depends."""
    yield from map(lacking, evidence.advise(one for one in several if one.assumed is None))
