"""How far the lines of an interface reach: which of the times asked about are due, and for which of them lines speak.

`coverage` asks and judges. Times are Unix seconds; a line tells of the time from its start to its end and of no other, and
what lies between two lines counts where it is no longer than the flow log's aggregation interval (`Schedule.interval`).
https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from flowdiag.logs import CLOCK_SLACK, LONGEST_INTERVAL, SHORTEST_INTERVAL, InterfaceLines, Window
from flowdiag.model import Watcher
from flowdiag.times import second_of

# How long records typically take from the end of their interval, in seconds: "about 5 minutes" to CloudWatch Logs, "about
# 10 minutes" to S3 (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html); elsewhere the longer one.
DELIVERY = {"cloud-watch-logs": 300}
LONGEST_DELIVERY = 600
# "It can take 10 minutes or more" before a new flow log delivers anything:
# https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html
FIRST_DELIVERY = 600
EDGE = 4
"""Lines may begin or end an interval away from the edges of a window, but no more than one in so many parts of it."""

Period = tuple[int, int]
Lines = Literal["at that time", "for some packets", "in part", "cut off", "without times", "skipped", "none"]


@dataclass(frozen=True)
class Schedule:
    """When records are there that `watchers` deliver, all of which may be needed where `every`; `now` is when it was read."""

    watchers: tuple[Watcher, ...]
    now: int | None = None
    every: bool = False

    @property
    def interval(self) -> int:
        """Seconds of the longest aggregation interval of these flow logs: silence that is no longer is no gap in their lines."""
        return max((watcher.interval for watcher in self.watchers), default=LONGEST_INTERVAL)

    def closes(self, here: InterfaceLines) -> int:
        """Seconds in which a record of the interface ends at the latest: an interval, by its lines where nothing tells."""
        shown = LONGEST_INTERVAL if here.longest > 2 * SHORTEST_INTERVAL else SHORTEST_INTERVAL
        return max((watcher.interval for watcher in self.watchers), default=shown)

    def arrival(self, second: int) -> int:
        """When the records of this second have typically arrived."""
        arrivals = [max(second + wait, made + FIRST_DELIVERY) for made, wait in self._waits]
        return (max if self.every else min)(arrivals, default=second + LONGEST_INTERVAL + LONGEST_DELIVERY)

    @cached_property
    def due(self) -> int | None:
        """The last second whose records have typically arrived; None where nothing tells when it was read."""
        if self.now is None:
            return None
        there = [self.now - wait if self.now >= made + FIRST_DELIVERY else _NEVER for made, wait in self._waits]
        return (min if self.every else max)(there, default=self.now - LONGEST_INTERVAL - LONGEST_DELIVERY)

    def is_due(self, second: int) -> bool:
        """Whether records of this second should be there; True where nothing tells when it was read."""
        return self.due is None or second <= self.due

    def begun(self, second: int) -> bool:
        """Whether a flow log was there at that time; True where nothing tells."""
        return not self.watchers or any(made <= second for made, _ in self._waits)

    @cached_property
    def _waits(self) -> tuple[tuple[int, int], ...]:
        return tuple(
            (second_of(w.created) if w.created else _NEVER, w.interval + DELIVERY.get(w.destination_type, LONGEST_DELIVERY))
            for w in self.watchers
        )


_NEVER = -(10**12)  # long before any calendar begins


class Span(NamedTuple):
    """When packets were seen, in Unix seconds: the first one, the last one of those that each is asked about, the last one.
    `opened` tells that the first one opened its connection, so that no record of it began before."""

    first: int
    begun: int
    last: int
    opened: bool = True

    def since(self, interval: int) -> int:
        """From when on an interface needs lines so that a record of each would be among them, also where only those are kept that
        begin after some time: what went on before may be in a record that began an aggregation interval before."""
        return self.first if self.opened else self.first - interval

    def until(self, interval: int) -> int:
        """Up to when an interface needs lines so that a record of each, or of a reply to it, would be among them: a record may
        tell its packets 60 seconds late, and it ends with the interval that it is of.

        https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
        """
        return self.begun + interval + CLOCK_SLACK

    def within(self, window: Window) -> Span | None:
        """What of it the records of a window tell; None where that may be nothing. What ended before the window was not read, so
        it tells of no record that began before it, and of none whose packets may all have been before."""
        start, end = (second_of(moment) if moment else None for moment in (window.start, window.end))
        if (end is not None and self.begun > end) or (
            start is not None and (self.begun < start or self.last <= start + CLOCK_SLACK)
        ):
            return None
        return self if start is None else self._replace(first=max(self.first, start))


@dataclass(frozen=True)
class Extent:
    """What of the times asked about is due (`in part`: some of it), what the lines read are worth then, and for which of
    these times they speak; `until` is when all of it is due, None where it is; `needed` is how far lines would have to
    reach, where they are cut off before."""

    lines: Lines
    due: Literal["all", "in part", "none"] = "all"
    spoken: tuple[Period, ...] = ()
    until: int | None = None
    needed: int | None = None


def extent(here: InterfaceLines | None, seen: tuple[Span, ...], window: Window, schedule: Schedule) -> Extent:
    """How far the lines of an interface, joined over an interval, reach for packets that were `seen` at these times.

    Each time is told by itself: it needs lines that begin before and end after it, and only what is due of it counts.
    """
    limit = schedule.due
    due = seen if limit is None else tuple(one._replace(last=min(one.last, limit)) for one in seen if one.first <= limit)
    late = None if limit is None else max((one.last for one in seen if one.last > limit), default=None)
    until = None if late is None else schedule.arrival(late)
    found = [_at(here, one.within(window), schedule) for one in due]
    spoken = tuple((one.first, one.last) for one, lines in zip(due, found, strict=True) if lines == "at that time")
    if spoken:
        lines: Lines = "at that time" if len(spoken) == len(due) else "for some packets"
    else:
        lines = next((worth for worth in ("skipped", "cut off") if worth in found), _otherwise(here))
    waits = until is not None and (not due or lines == "none")
    ready = max((schedule.arrival(one.begun + CLOCK_SLACK) for one in due), default=None)
    if lines in ("cut off", "none") and schedule.now is not None and ready is not None and schedule.now < ready:
        return Extent("none", "none", until=max(ready, until or ready))
    needed = max(one.until(schedule.closes(here)) for one in due) if here is not None and lines == "cut off" else None
    return Extent(lines, "none" if waits else "all" if until is None else "in part", spoken, until, needed)


def _at(here: InterfaceLines | None, asked: Span | None, schedule: Schedule) -> Lines:
    """Lines that begin after a packet, or that end before a record of it would, say nothing of it."""
    if here is None or asked is None:
        return "none"
    interval = schedule.closes(here)
    first, until = asked.since(interval), asked.until(interval)
    if _skipped(here, first, asked.last):
        return "skipped"
    if here.spans.cover(first, until):
        return "at that time"
    return "cut off" if here.spans.cover(first, first) else "none"


def extent_of(here: InterfaceLines | None, window: Window, read: Period | None, schedule: Schedule) -> Extent:
    """How far they reach for a packet that may have been at any time of the window: what is due of it needs lines throughout.

    An open end of the window is where the lines of all interfaces `read` begin or end.
    """
    start = second_of(window.start) if window.start else None
    end = second_of(window.end) if window.end else None
    pending = end is not None and not schedule.is_due(end)
    until = schedule.arrival(end) if pending and end is not None else None
    last = schedule.due if pending else end
    if start is not None and last is not None and last <= start:
        return Extent(_otherwise(here), "none", until=until)
    due: Literal["all", "in part"] = "in part" if pending else "all"
    if here is None or not any(here.spans):
        return Extent("skipped" if here and here.skips else _otherwise(here), due, until=until)
    if _skipped(here, start, last):
        return Extent("skipped", due, until=until)
    spoken = tuple(_within(here.spans, start, last))
    if not spoken:
        return Extent("none", due, until=until)
    whole = _whole(spoken, *_closed((start, last), read or spoken[0]), schedule)
    return Extent("at that time" if whole else "in part", due, spoken, until)


def _within(spans: Iterable[Period], start: int | None, last: int | None) -> Iterable[Period]:
    """The stretches as far as they lie in the time asked about."""
    for first, end in spans:
        first, end = (max(first, first if start is None else start), min(end, end if last is None else last))
        if first <= end:
            yield first, end


def _closed(asked: tuple[int | None, int | None], read: Period) -> Period:
    (start, end), (first, last) = asked, read
    return first if start is None else start, last if end is None else end


def _whole(spoken: tuple[Period, ...], start: int, last: int, schedule: Schedule) -> bool:
    """Whether one stretch reaches through all of the time, but for less than an interval at its edges."""
    edge = max(min(schedule.interval, (last - start) // EDGE), CLOCK_SLACK)
    early = edge if schedule.begun(start) else CLOCK_SLACK
    return any(first - start <= early and last - end <= edge for first, end in spoken)


def _skipped(here: InterfaceLines, first: int | None, last: int | None) -> bool:
    """Whether records were skipped in that time, or at a time that is not told."""
    if not here.skips:
        return False
    skipped = list(here.skipped)
    if not skipped or first is None or last is None:
        return True
    return here.skipped.touch(first - CLOCK_SLACK, last + CLOCK_SLACK)


def _otherwise(here: InterfaceLines | None) -> Lines:
    """What lines are worth none of which is of that time."""
    return "without times" if here is not None and here.undated and not any(here.spans) else "none"


# ---------------------------------------------------------------- times


class Times:
    """When a flow was seen, minute by minute, so that few are held whatever number of records there are."""

    def __init__(self) -> None:
        self._by_minute: dict[int, Span] = {}

    def add(self, start: int | None, end: int | None) -> None:
        """Take in the time of a record; one without times is left out."""
        times = [second for second in (start, end) if second is not None]
        if not times:
            return
        first, last = min(times), max(times)
        minute, new = first // SHORTEST_INTERVAL, Span(first, first, last)
        known = self._by_minute.get(minute, new)
        self._by_minute[minute] = Span(min(known.first, first), max(known.begun, first), max(known.last, last))

    @property
    def spans(self) -> tuple[Span, ...]:
        """They in their order; each begins with a packet."""
        return tuple(sorted(self._by_minute.values()))
