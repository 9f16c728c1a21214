"""What silence is worth: for an interface of the path, whether a record of the flow would be there.

`Weighing` collects the evidence (what the search read of the interface, the flow logs that watch it, the time, the kind of
traffic) and the table `coverage` judges it. Silence is never proof by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from flowdiag.listening import Station
from flowdiag.logs import ALWAYS, CLOCK_SLACK, InterfaceLines, Tally, Window
from flowdiag.model import UDP, Coverage, Flow, Watcher
from flowdiag.reach import Extent, Period, Schedule, Span, extent, extent_of
from flowdiag.table import Rules
from flowdiag.times import moment_of, second_of, shown

MIRRORED = 4789  # https://docs.aws.amazon.com/vpc/latest/mirroring/traffic-mirroring-packet-formats.html
DHCP = frozenset((67, 68, 546, 547))  # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
ENDPOINT, BALANCER = "vpc_endpoint", frozenset(("load_balancer", "network_load_balancer"))
# "Rate limited" is throttling "for one or more network interfaces": lines may be missing while others arrive.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html
THROTTLED = "Rate limited"
KEPT = {"ALL": "all", "ACCEPT": "accepted", "REJECT": "rejected"}
STRETCHES_TOLD = 3
UNKNOWN = "a time not known"
DAY = 86_400


@dataclass(frozen=True)
class Asked:
    """What silence is asked about: the window, when the flow was seen anywhere, what was read, and when it was read: `now` is
    None where nothing tells."""

    window: Window = ALWAYS
    seen: tuple[Span, ...] = ()
    tally: Tally | None = None
    now: datetime | None = None

    @cached_property
    def last(self) -> int | None:
        """The last second of which a record is wanted."""
        if self.seen:
            return max(one.last for one in self.seen)
        return second_of(self.window.end) if self.window.end else None

    @cached_property
    def first(self) -> int | None:
        """The first second of which a record is wanted."""
        if self.seen:
            return min(one.first for one in self.seen)
        return second_of(self.window.start) if self.window.start else None

    @cached_property
    def sources(self) -> frozenset[str] | None:
        """The flow logs whose records were read, by id; None where nothing tells."""
        return self.tally.read_from if self.tally else None

    def at(self, seen: Span) -> Asked:
        """The same, asked about one time, such as that of a single connection."""
        return Asked(self.window, (seen,), self.tally, self.now)


def read_when(tally: Tally | None, read_at: datetime | None) -> datetime | None:
    """When the logs were read: now where AWS was asked, else with the configuration, or later where they hold newer lines; None
    where nothing tells."""
    asked = tally.asked if tally else None
    if read_at is None:
        return asked
    newest = moment_of(tally.newest) if tally and tally.newest is not None else None
    return max(filter(None, (read_at, newest, asked)))


@dataclass(frozen=True)
class _Heard:
    """The flow logs whose records were read (all of them where nothing tells), when the interface has lines of them, what the
    table asks of them, after how many seconds all of them forget, and whether they were made later than the time asked about."""

    read: tuple[Watcher, ...]
    schedule: Schedule
    lines: InterfaceLines | None
    state: str
    keeps: str
    forgets: int | None
    later: bool


@dataclass(frozen=True)
class Weighing:
    """What silence about one packet on one interface is worth, at any time: what does not depend on time is found once."""

    station: Station
    flow: Flow
    leaving: bool
    asked: Asked
    path: tuple[Station, ...]
    rules: Rules

    @cached_property
    def whole(self) -> Coverage:
        """For all that was asked about."""
        return self._told(self.asked)

    def at(self, seen: Span) -> Coverage:
        """For one time, such as that of a single connection."""
        return self._told(self.asked.at(seen))

    def _told(self, asked: Asked) -> Coverage:
        heard, found, rule = self._judged(asked)
        words = _words(self.station, heard, asked, found)
        return Coverage(
            interface=self.station.interface,
            name=self.station.name,
            stands_for=self.station.stands_for,
            silence=rule["silence"],
            code=rule.code,
            headline=rule["headline"].format_map({**words, "what": self._traffic[1]}),
            watchers=self.station.watchers,
            until=None if rule["silence"] == "unproven" or found.until is None else _moment(found.until),
            part="" if rule["silence"] in ("unproven", "pending") else words["part"].strip(),
        )

    def _judged(self, asked: Asked) -> tuple[_Heard, Extent, Any]:
        heard = self._heard(asked.last)
        found = self._extent(heard, asked)
        inputs = {
            "traffic": self._traffic[0],
            "lines": "lost" if self._lost else found.lines,
            "flow log": heard.state,
            "due": _due(found, heard, asked),
            "keeps": heard.keeps,
        }
        return heard, found, self._table.evaluate(inputs)

    def _extent(self, heard: _Heard, asked: Asked) -> Extent:
        if asked.seen:
            return extent(heard.lines, asked.seen, asked.window, heard.schedule)
        return extent_of(heard.lines, asked.window, asked.tally.read if asked.tally else None, heard.schedule)

    @cached_property
    def _table(self) -> Any:
        return self.rules.table("coverage")

    @cached_property
    def _here(self) -> InterfaceLines | None:
        return self.asked.tally.interfaces.get(self.station.interface) if self.asked.tally else None

    @cached_property
    def _lost(self) -> bool:
        return bool(self.asked.tally and self.station.interface in self.asked.tally.lost)

    # ------------------------------------------------------------ who listened at that time

    @cached_property
    def _by_creation(self) -> dict[tuple[bool, ...], _Heard]:
        """What is known of those flow logs, by which of them were there: found once, for most times have the same."""
        return {}

    @cached_property
    def _created(self) -> tuple[int | None, ...]:
        return tuple(second_of(w.created) if w.created else None for w in self.station.watchers or ())

    def _heard(self, last: int | None) -> _Heard:
        """The flow logs that were there at that time; all of them where none was, so that the reason can be told."""
        there = tuple(made is None or last is None or made <= last for made in self._created)
        if there not in self._by_creation:
            known = self.station.watchers or ()
            current = tuple(w for w, begun in zip(known, there, strict=True) if begun) or known
            self._by_creation[there] = self._of(current, bool(known) and not any(there))
        return self._by_creation[there]

    def _of(self, current: tuple[Watcher, ...], later: bool) -> _Heard:
        """Where flow logs of several types watch, or another place was read than the first, the records of each may be needed."""
        sources = self.asked.sources
        read = tuple(w for w in current if sources is None or w.id in sources) or current
        now = second_of(self.asked.now) if self.asked.now else None
        elsewhere = bool(self.asked.tally and self.station.interface in self.asked.tally.instead)
        schedule = Schedule(read, now, every=elsewhere or len({watcher.traffic for watcher in read}) > 1)
        days = [w.retention for w in current]
        forgets = None if None in days or not days else max(day for day in days if day is not None) * DAY
        return _Heard(
            read,
            schedule,
            self._lines(read, schedule.interval),
            _state(self.station.watchers, read),
            self._keeps(current),
            forgets,
            later,
        )

    def _lines(self, read: tuple[Watcher, ...], interval: int) -> InterfaceLines | None:
        """When the interface has lines, gaps of up to an interval left out. Where one flow log keeps accepted traffic and another
        one rejected, and there are lines of both kinds, only when there are: else nothing tells that both delivered then."""
        here = self._here
        if here is None:
            return None
        apart = here.accepts and here.rejects and {watcher.traffic for watcher in read} == {"ACCEPT", "REJECT"}
        spans = here.accepted.joined(interval).common(here.rejected.joined(interval)) if apart else here.spans.joined(interval)
        return replace(here, spans=spans)

    @cached_property
    def _traffic(self) -> tuple[str, str]:
        return _traffic(self.station, self.flow, self.leaving, self.path)

    # ------------------------------------------------------------ which traffic the lines are of

    def _keeps(self, current: tuple[Watcher, ...]) -> str:
        """Which traffic the lines of the interface are of: by the type of the flow logs read, else by what stands in them.

        What other interfaces have on record says something of it only where all that was read is of one flow log, or where
        one type is all there is.
        """
        tally, sources, here = self.asked.tally, self.asked.sources, self._here
        read = current if sources is None else tuple(w for w in current if w.id in sources)
        types = {w.traffic for w in read if not w.failure} or {w.traffic for w in read}
        if len(types) == 1 and types <= KEPT.keys():
            return KEPT[next(iter(types))]
        if sources is not None and types & KEPT.keys() and types <= KEPT.keys():
            return "all"  # of several types together
        shown = {kind for kind, number in _kinds(tally if sources is not None and len(sources) == 1 else here) if number}
        if len(shown) == 1 and types <= KEPT.keys() and types & {"ALL", *shown} == {"ALL"}:
            return "all"  # no other flow log would have shown it
        if shown:
            return "all" if len(shown) > 1 else KEPT[shown.pop()]
        if len(types) > 1:
            return "one of several"
        anywhere = {kind for kind, number in _kinds(tally) if number}
        return KEPT[anywhere.pop()] if len(anywhere) == 1 else "unknown"


def _kinds(counted: Any) -> tuple[tuple[str, int], ...]:
    return (("ACCEPT", counted.accepts), ("REJECT", counted.rejects)) if counted else ()


# ---------------------------------------------------------------- the inputs


def _traffic(station: Station, flow: Flow, leaving: bool, path: Iterable[Station]) -> tuple[str, str]:
    """Whether AWS logs this traffic at all here, and what it is where not.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
    """
    if not station.interface:
        return "no interface", ""
    ports = {p.first for p in (flow.source_ports, flow.destination_ports) if p and p.first == p.last}
    own = [station.unlogged[end] for end in (flow.source, flow.destination) if end in station.unlogged]
    if own:
        return "never logged", f"traffic of {own[0]}"
    if flow.protocol == UDP and ports & DHCP:
        return "never logged", "DHCP"
    if flow.protocol == UDP and leaving and MIRRORED in ports:
        return "never logged", "mirrored traffic at its source"
    types = {other.type for other in path if {flow.source, flow.destination} & other.addresses}
    if ENDPOINT in types and types & BALANCER:
        return "never logged", "traffic between an endpoint's interface and a Network Load Balancer's"
    return "logged", ""


def _state(watchers: tuple[Watcher, ...] | None, read: tuple[Watcher, ...]) -> str:
    if watchers is None:
        return "unknown"
    if not read:
        return "none"
    if not all(w.failure for w in read):
        return "delivering"
    return "throttled" if any(THROTTLED in w.failure for w in read) else "failing"


def _due(found: Extent, heard: _Heard, asked: Asked) -> str:
    now = heard.schedule.now
    if heard.later and asked.last is not None:
        return "never"
    if asked.last is None or now is None:
        return "unknown"
    if found.due == "none":
        return "pending"
    if heard.forgets is not None and asked.first is not None and now - asked.first > heard.forgets:
        return "expired"
    return "in part" if found.due == "in part" else "yes"


# ---------------------------------------------------------------- the words


def _words(station: Station, heard: _Heard, asked: Asked, found: Extent) -> Mapping[str, str]:
    first = next(iter(heard.read), None)
    named = f"{station.interface} ({station.stands_for})" if station.stands_for else station.interface
    return {
        "interface": named or station.name,
        "flow_log": first.id if first else "",
        "level": first.level if first else "",
        "destination": (first.destination or first.destination_type or "its destination") if first else "",
        "failure": first.failure if first else "",
        "created": shown(first.created if first else None, UNKNOWN),
        "retention": str(first.retention) if first else "",
        "end": shown(None if asked.last is None else _moment(asked.last), UNKNOWN),
        "needed": shown(None if found.needed is None else _moment(found.needed), UNKNOWN),
        "until": shown(None if found.until is None else _moment(found.until), UNKNOWN),
        "part": _part(found, asked),
    }


def _part(found: Extent, asked: Asked) -> str:
    """For which part of the time asked about the lines speak; nothing where that is all of it."""
    if not found.spoken:
        return ""
    later = "" if found.until is None else f"; later records are not due before {shown(_moment(found.until))}"
    if found.lines == "in part":
        return f", {_stretches(found.spoken)}{later}"
    if asked.seen:
        some = found.lines == "for some packets"
        told = f" for what was sent {_stretches(_joined(found.spoken, asked.seen))}" if some or later else ""
        return told + (" and for no more" if some and not later else "") + later
    end = found.spoken[-1][1]
    short = asked.window.end is not None and end + CLOCK_SLACK < second_of(asked.window.end)
    return (f" until {shown(_moment(end))}" if short or later else "") + later


def _joined(spoken: tuple[Period, ...], seen: tuple[Span, ...]) -> tuple[Period, ...]:
    """Stretches between which none is left out, put together."""
    place = {one.first: number for number, one in enumerate(seen)}
    found = list(spoken[:1])
    for one, other in pairwise(spoken):
        if place.get(other[0]) == place.get(one[0], -2) + 1:
            found[-1] = (found[-1][0], other[1])
        else:
            found.append(other)
    return tuple(found)


def _stretches(several: tuple[Period, ...]) -> str:
    told = [f"from {shown(_moment(first))} to {shown(_moment(last))}" for first, last in several[:STRETCHES_TOLD]]
    return ", ".join(told) + (" …" if len(several) > STRETCHES_TOLD else "")


def _moment(second: int) -> datetime:
    """The time of a Unix second, or the last moment that a calendar has."""
    return moment_of(second) or datetime.max.replace(tzinfo=UTC)
