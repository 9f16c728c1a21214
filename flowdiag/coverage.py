"""What silence is worth: for an interface of the path, whether a record of the flow would be there.

`weigh` collects the evidence (what the search read of the interface, the flow logs that watch it, the time, the kind of
traffic) and the table `coverage` judges it. Silence is never proof by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from flowdiag.listening import Station
from flowdiag.logs import ALWAYS, CLOCK_SLACK, LONGEST_INTERVAL, Tally, Window
from flowdiag.model import UDP, Coverage, Flow, Watcher

# How long records typically take from the end of their interval, in seconds: "about 5 minutes" to CloudWatch Logs, "about
# 10 minutes" to S3 (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html); elsewhere the longer one.
DELIVERY = {"cloud-watch-logs": 300}
LONGEST_DELIVERY = 600
# "It can take 10 minutes or more" before a new flow log delivers anything:
# https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html
FIRST_DELIVERY = 600
MIRRORED = 4789  # https://docs.aws.amazon.com/vpc/latest/mirroring/traffic-mirroring-packet-formats.html
DHCP = frozenset((67, 68, 546, 547))  # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
ENDPOINT, BALANCER = "vpc_endpoint", frozenset(("load_balancer", "network_load_balancer"))


class Rulebook(Protocol):
    """Decision tables by name, as `table.Rules` reads them."""

    def table(self, name: str) -> Any:
        """The table of this name."""


@dataclass(frozen=True)
class Asked:
    """What silence is asked about: the window, the seconds in which the flow was seen elsewhere (first to last), what was
    read, and when it was read: `now` is None where nothing tells."""

    window: Window = ALWAYS
    seen: tuple[int, int] | None = None
    tally: Tally | None = None
    now: datetime | None = None

    @property
    def end(self) -> datetime | None:
        """The last moment of which a record is wanted."""
        return moment_of(self.seen[1]) if self.seen else self.window.end

    @property
    def begin(self) -> datetime | None:
        """The first moment of which a record is wanted."""
        return moment_of(self.seen[0]) if self.seen else self.window.start


def read_when(tally: Tally | None, read_at: datetime | None) -> datetime | None:
    """When the logs were read: with the configuration, or later where they hold newer lines; None where nothing tells."""
    if read_at is None:
        return None
    spans = [end for one in tally.interfaces.values() for _, end in one.spans] if tally else []
    newest = moment_of(max(spans)) if spans else None
    return max(newest, read_at) if newest else read_at


def weigh(station: Station, flow: Flow, leaving: bool, asked: Asked, path: Iterable[Station], rules: Rulebook) -> Coverage:
    """What silence about this packet on this interface is worth."""
    current = _current(station.watchers, asked)
    until = _due(current, asked, station.interface)
    kind, what = _traffic(station, flow, leaving, path)
    inputs = {
        "traffic": kind,
        "lines": _lines(station.interface, asked, until),
        "flow log": _state(station.watchers, current),
        "due": _arrived(until, current, asked),
        "keeps": _keeps(current, asked.tally),
    }
    rule = rules.table("coverage").evaluate(inputs)
    return Coverage(
        interface=station.interface,
        name=station.name,
        stands_for=station.stands_for,
        silence=rule["silence"],
        code=rule.code,
        headline=rule["headline"].format_map({**_words(station, current, asked, until), "what": what}),
        watchers=station.watchers,
        until=until if rule["silence"] == "pending" else None,
    )


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


def _lines(interface: str, asked: Asked, until: datetime | None) -> str:
    """What the search read of the interface at the time asked about: NODATA is a line too, SKIPDATA voids the others.

    Where something could not be read that may hold its lines, nothing that was read speaks of the rest.
    """
    if asked.tally and interface in asked.tally.lost:
        return "lost"
    here = asked.tally.interfaces.get(interface) if asked.tally else None
    if here is None:
        return "none"
    if here.skips:
        return "skipped"
    if here.undated:
        return "at that time"
    if asked.seen:
        first, last = asked.seen
        return "at that time" if here.spans.touch(first - CLOCK_SLACK, last + CLOCK_SLACK) else "none"
    newest = max((end for _, end in here.spans), default=0)
    late = asked.window.end and until and asked.now and until > asked.now
    if late and asked.window.end and newest + LONGEST_INTERVAL < asked.window.end.timestamp():
        return "none"
    return "at that time" if newest else "none"


def _current(watchers: tuple[Watcher, ...] | None, asked: Asked) -> tuple[Watcher, ...]:
    """The flow logs that were there at the time asked about; all of them where none was, so that the reason can be told."""
    known = watchers or ()
    return tuple(w for w in known if not (w.created and asked.end and w.created > asked.end)) or known


def _state(watchers: tuple[Watcher, ...] | None, current: tuple[Watcher, ...]) -> str:
    if watchers is None:
        return "unknown"
    if not current:
        return "none"
    return "failing" if all(w.failure for w in current) else "delivering"


def _due(current: tuple[Watcher, ...], asked: Asked, interface: str = "") -> datetime | None:
    """When the last record of the time asked about has typically arrived, from the flow log that is first; from the one that
    is last where the interface was read in another place than the first."""
    if asked.end is None:
        return None
    waits = [max(_later(asked.end, w.interval + DELIVERY.get(w.destination_type, LONGEST_DELIVERY)), _first(w)) for w in current]
    which = max if asked.tally and interface in asked.tally.instead else min
    return which(waits, default=_later(asked.end, LONGEST_INTERVAL + LONGEST_DELIVERY))


def _first(watcher: Watcher) -> datetime:
    return _later(watcher.created, FIRST_DELIVERY) if watcher.created else datetime.min.replace(tzinfo=UTC)


def _later(moment: datetime, seconds: int) -> datetime:
    """So many seconds later, or the last moment that a calendar has."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _arrived(until: datetime | None, current: tuple[Watcher, ...], asked: Asked) -> str:
    if asked.end and current and all(w.created and w.created > asked.end for w in current):
        return "never"
    if until is None or asked.now is None:
        return "unknown"
    if asked.now < until:
        return "pending"
    kept = [w.retention for w in current]
    begin = asked.begin
    if begin and kept and all(days is not None and asked.now - begin > timedelta(days=days) for days in kept):
        return "expired"
    return "yes"


def _keeps(current: tuple[Watcher, ...], tally: Tally | None) -> str:
    """Which traffic the lines read are of: by the flow logs' type, else by what stands in them."""
    types = {watcher.traffic for watcher in current}
    sure = {"ALL": "all", "ACCEPT": "accepted", "REJECT": "rejected"}
    if len(types) == 1 and types <= sure.keys():
        return sure[types.pop()]
    accepts, rejects = (bool(tally and tally.accepts), bool(tally and tally.rejects))
    return {(True, True): "all", (True, False): "accepted", (False, True): "rejected"}.get((accepts, rejects), "unknown")


# ---------------------------------------------------------------- the words


def _words(station: Station, current: tuple[Watcher, ...], asked: Asked, until: datetime | None) -> Mapping[str, str]:
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
        "until": _shown(until),
    }


def moment_of(second: int) -> datetime | None:
    """The time of a Unix second; None for one that no calendar holds."""
    try:
        return datetime.fromtimestamp(second, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _shown(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else "a time not known"
