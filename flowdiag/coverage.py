"""What silence is worth: for an interface of the path, whether a record of the flow would be there.

`Weighing` collects the evidence (what the search read of the interface, the flow logs that watch it, the time, the kind of
traffic) and the table `coverage` judges it. Silence is never proof by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

from flowdiag.listening import Station
from flowdiag.logs import ALWAYS, CLOCK_SLACK, Tally, Window
from flowdiag.model import UDP, Coverage, Flow, Silence, Watcher
from flowdiag.reach import Reach, Schedule, Stretch, moment_of, reach, second_of, wanted

MIRRORED = 4789  # https://docs.aws.amazon.com/vpc/latest/mirroring/traffic-mirroring-packet-formats.html
DHCP = frozenset((67, 68, 546, 547))  # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
ENDPOINT, BALANCER = "vpc_endpoint", frozenset(("load_balancer", "network_load_balancer"))
# "Rate limited" is throttling "for one or more network interfaces": lines may be missing while others arrive.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html
THROTTLED = "Rate limited"
KEPT = {"ALL": "all", "ACCEPT": "accepted", "REJECT": "rejected"}
STRETCHES_TOLD = 3


class Rulebook(Protocol):
    """Decision tables by name, as `table.Rules` reads them."""

    def table(self, name: str) -> Any:
        """The table of this name."""


@dataclass(frozen=True)
class Asked:
    """What silence is asked about: the window, the stretches of Unix seconds in which the flow was seen elsewhere, what was
    read, and when it was read: `now` is None where nothing tells."""

    window: Window = ALWAYS
    seen: tuple[Stretch, ...] = ()
    tally: Tally | None = None
    now: datetime | None = None

    @cached_property
    def end(self) -> datetime | None:
        """The last moment of which a record is wanted."""
        return moment_of(max(last for _, last in self.seen)) if self.seen else self.window.end

    @cached_property
    def begin(self) -> datetime | None:
        """The first moment of which a record is wanted."""
        return moment_of(min(first for first, _ in self.seen)) if self.seen else self.window.start

    @cached_property
    def sources(self) -> frozenset[str] | None:
        """The flow logs whose records were read, by id; None where nothing tells."""
        return self.tally.read_from if self.tally else None

    def at(self, first: int, last: int) -> Asked:
        """The same, asked about one stretch of Unix seconds, such as the time of a single connection."""
        return Asked(self.window, (wanted(first, last),), self.tally, self.now)


def read_when(tally: Tally | None, read_at: datetime | None) -> datetime | None:
    """When the logs were read: with the configuration, or later where they hold newer lines; None where nothing tells."""
    if read_at is None:
        return None
    newest = moment_of(tally.newest) if tally and tally.newest is not None else None
    return max(newest, read_at) if newest else read_at


def weigh(station: Station, flow: Flow, leaving: bool, asked: Asked, path: Iterable[Station], rules: Rulebook) -> Coverage:
    """What silence about this packet on this interface is worth."""
    return Weighing(station, flow, leaving, asked, tuple(path), rules).whole


@dataclass(frozen=True)
class Weighing:
    """What silence about one packet on one interface is worth, at any time: what does not depend on time is found once.

    `silence_at` answers for one stretch of time and costs a few microseconds, `at` tells it too.
    """

    station: Station
    flow: Flow
    leaving: bool
    asked: Asked
    path: tuple[Station, ...]
    rules: Rulebook

    @cached_property
    def whole(self) -> Coverage:
        """For all that was asked about."""
        return self._told(self.asked)

    def at(self, first: int, last: int) -> Coverage:
        """For one stretch of Unix seconds, such as the time of a single connection."""
        return self._told(self.asked.at(first, last))

    def silence_at(self, first: int, last: int) -> Silence:
        """The worth for one stretch of Unix seconds, in one word."""
        word: Silence = self._rule(*self._weighed(self.asked.at(first, last)))["silence"]
        return word

    def _told(self, asked: Asked) -> Coverage:
        current, found, due = self._weighed(asked)
        rule = self._rule(current, found, due)
        words = _words(self.station, current, asked, found)
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

    def _weighed(self, asked: Asked) -> tuple[tuple[Watcher, ...], Reach, str]:
        current = _current(self.station.watchers, asked)
        here = asked.tally.interfaces.get(self.station.interface) if asked.tally else None
        found = reach(here, asked.seen, asked.window, self._schedule(current))
        return current, found, _due(found, current, asked)

    def _rule(self, current: tuple[Watcher, ...], found: Reach, due: str) -> Any:
        lost = bool(self.asked.tally and self.station.interface in self.asked.tally.lost)
        inputs = {
            "traffic": self._traffic[0],
            "lines": "lost" if lost else found.lines,
            "flow log": _state(self.station.watchers, self._read(current)),
            "due": due,
            "keeps": self._keeps(current),
        }
        return self.rules.table("coverage").evaluate(inputs)

    def _schedule(self, current: tuple[Watcher, ...]) -> Schedule:
        """Where flow logs of several types watch, the records of each may be needed."""
        read = self._read(current)
        now = second_of(self.asked.now) if self.asked.now else None
        return Schedule(read, now, every=len({watcher.traffic for watcher in read}) > 1)

    def _read(self, current: tuple[Watcher, ...]) -> tuple[Watcher, ...]:
        """The flow logs whose records were read; all of them where nothing tells."""
        sources = self.asked.sources
        return tuple(w for w in current if sources is None or w.id in sources) or current

    @cached_property
    def _traffic(self) -> tuple[str, str]:
        return _traffic(self.station, self.flow, self.leaving, self.path)

    # ------------------------------------------------------------ which traffic the lines are of

    def _keeps(self, current: tuple[Watcher, ...]) -> str:
        """Which traffic the lines of the interface are of: by the type of the flow logs read, else by what stands in them.

        What other interfaces have on record says something of it only where all that was read is of one flow log, or where
        one type is all there is.
        """
        tally, sources = self.asked.tally, self.asked.sources
        read = current if sources is None else tuple(w for w in current if w.id in sources)
        types = {w.traffic for w in read if not w.failure} or {w.traffic for w in read}
        if len(types) == 1 and types <= KEPT.keys():
            return KEPT[next(iter(types))]
        if sources is not None and types & KEPT.keys() and types <= KEPT.keys():
            return "all"  # of several types together
        here = tally.interfaces.get(self.station.interface) if tally else None
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


def _current(watchers: tuple[Watcher, ...] | None, asked: Asked) -> tuple[Watcher, ...]:
    """The flow logs that were there at the time asked about; all of them where none was, so that the reason can be told."""
    known = watchers or ()
    return tuple(w for w in known if not (w.created and asked.end and w.created > asked.end)) or known


def _state(watchers: tuple[Watcher, ...] | None, read: tuple[Watcher, ...]) -> str:
    if watchers is None:
        return "unknown"
    if not read:
        return "none"
    if not all(w.failure for w in read):
        return "delivering"
    return "throttled" if any(THROTTLED in w.failure for w in read) else "failing"


def _due(found: Reach, current: tuple[Watcher, ...], asked: Asked) -> str:
    if asked.end and current and all(w.created and w.created > asked.end for w in current):
        return "never"
    if asked.end is None or asked.now is None:
        return "unknown"
    if found.due == "none":
        return "pending"
    kept = [w.retention for w in current]
    begin = asked.begin
    if begin and kept and all(days is not None and asked.now - begin > timedelta(days=days) for days in kept):
        return "expired"
    return "in part" if found.due == "in part" else "yes"


# ---------------------------------------------------------------- the words


def _words(station: Station, current: tuple[Watcher, ...], asked: Asked, found: Reach) -> Mapping[str, str]:
    first = next(iter(current), None)
    named = f"{station.interface} ({station.stands_for})" if station.stands_for else station.interface
    return {
        "interface": named or station.name,
        "flow_log": first.id if first else "",
        "level": first.level if first else "",
        "destination": (first.destination or first.destination_type or "its destination") if first else "",
        "failure": first.failure if first else "",
        "created": _shown(first.created if first else None),
        "retention": str(first.retention) if first else "",
        "end": _shown(asked.end),
        "until": _shown(None if found.until is None else _moment(found.until)),
        "part": _part(found, asked),
    }


def _part(found: Reach, asked: Asked) -> str:
    """For which part of the time asked about the lines speak; nothing where that is all of it."""
    if not found.spoken:
        return ""
    later = "" if found.until is None else f"; later records are not due before {_shown(_moment(found.until))}"
    if found.lines == "in part":
        return f", {_stretches(found.spoken)}{later}"
    if asked.seen:
        some = found.lines == "for some packets"
        told = f" for what was sent {_stretches(_joined(found.spoken, asked.seen))}" if some or later else ""
        return told + (" and for no more" if some and not later else "") + later
    end = found.spoken[-1][1]
    short = asked.window.end is not None and end + CLOCK_SLACK < second_of(asked.window.end)
    return (f" until {_shown(_moment(end))}" if short or later else "") + later


def _joined(spoken: tuple[Stretch, ...], seen: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
    """Stretches between which none is left out, put together."""
    place = {first: number for number, (first, _) in enumerate(seen)}
    found = list(spoken[:1])
    for one, other in pairwise(spoken):
        if place.get(other[0]) == place.get(one[0], -2) + 1:
            found[-1] = (found[-1][0], other[1])
        else:
            found.append(other)
    return tuple(found)


def _stretches(several: tuple[Stretch, ...]) -> str:
    told = [f"from {_shown(_moment(first))} to {_shown(_moment(last))}" for first, last in several[:STRETCHES_TOLD]]
    return ", ".join(told) + (" …" if len(several) > STRETCHES_TOLD else "")


def _moment(second: int) -> datetime:
    """The time of a Unix second, or the last moment that a calendar has."""
    return moment_of(second) or datetime.max.replace(tzinfo=UTC)


def _shown(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else "a time not known"
