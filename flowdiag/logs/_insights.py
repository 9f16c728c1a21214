"""CloudWatch Logs Insights: the queries, their results without loss, what they scan. Knows nothing of flow log fields.

Fields are only discovered for AWS's default format, so a query filters whole messages by what they contain, and the lines
are read here: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html

A query scans, and AWS charges, every line of the group in its span of time, whatever it filters. No call tells beforehand
how much that is. DescribeLogGroups gives what the group holds in all, so an even share of that is the estimate that is
refused before anything is spent; it may be wrong by several times, and is no bound. The bound is the meter: each reply of a
query says what it has scanned (that this grows while it runs is an inference), and beyond the limit it is stopped. So an
amount that nobody knows is not taken for a large one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from flowdiag.logs import SHORTEST_INTERVAL, Access
from flowdiag.logs._amount import LIMIT, Amount, refusal
from flowdiag.logs._waiting import PATIENCE, outcome
from flowdiag.model import FlowdiagError, Scope
from flowdiag.times import moment_of, shown

MOST_ROWS = 10_000
"""Rows a query is asked for, and a page of GetQueryResults holds; where that many come, the span is halved and asked again.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html
"""
MOST_QUERIES = 60
PACKED = 0.15
"""The share of what was written that storedBytes still are: they are as compressed, while queries scan the lines as they were.

AWS's documentation does not say so (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html);
the figure is the one that its price calculator takes (https://calculator.aws/#/createCalculator/CloudWatch).
"""
_DAY = 86_400
_PLAIN = re.compile(r"[0-9A-Za-z:./_-]+")
_DONE, _BROKEN = "Complete", ("Failed", "Cancelled", "Timeout")

Row = Mapping[str, str]


class TooManyError(FlowdiagError):
    """More rows than the queries of one search may bring."""


def lines_query(needles: Iterable[str], streams: Mapping[str, Iterable[str]]) -> str:
    """Every line that contains one of the needles, or that says records were skipped.

    `streams` are the beginnings of the names of log streams with needles of their own; without any, all streams are read.
    """
    among = [f"({_like('@logStream', name)} and ({_holds(own)}))" for name, own in streams.items()]
    return f"fields @timestamp, @logStream, @message | filter {' or '.join(among) or _holds(needles)}"


def _holds(needles: Iterable[str]) -> str:
    return " or ".join(_like("@message", text) for text in (*needles, "SKIPDATA"))


def coverage_query(streams: Iterable[str]) -> str:
    """When these streams have any line at all, in bins of the shortest interval, and whether both kinds of traffic are kept."""
    parts = (
        "min(@timestamp) as first, max(@timestamp) as last, count(*) as lines",
        'sum(strcontains(@message, "ACCEPT")) as accepted, sum(strcontains(@message, "REJECT")) as rejected',
    )
    groups = f"@logStream, bin({SHORTEST_INTERVAL // 60}m) as since"
    return " | ".join((*_streams_filter(streams), f"stats {', '.join(parts)} by {groups}"))


def span_of(streams: int) -> int:
    """Seconds of which a coverage query gives all its rows at once."""
    return max(MOST_ROWS // max(streams, 1) - 1, 1) * SHORTEST_INTERVAL


def _streams_filter(streams: Iterable[str]) -> list[str]:
    wanted = [_like("@logStream", stream) for stream in streams]
    return [f"filter {' or '.join(wanted)}"] if wanted else []


def _like(field: str, text: str) -> str:
    """A test for containing a text as it stands; raises FlowdiagError where it holds what no address and no id does, and might
    end the quotation."""
    if not _PLAIN.fullmatch(text):
        raise FlowdiagError(f"{text!r} is no id of AWS's and cannot be searched for in flow logs: correct it in the snapshot")
    return f'{field} like "{text}"'


class Meter:
    """How many bytes the queries of one search have scanned so far; several threads read and write it.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_QueryInfo.html calls it the cost of a query.
    """

    def __init__(self) -> None:
        self._scanned: dict[str, float] = {}

    def note(self, query_id: str, statistics: Mapping[str, float]) -> None:
        """What AWS says that a query has scanned by now."""
        self._scanned[query_id] = statistics.get("bytesScanned") or 0

    @property
    def bytes(self) -> int:
        """Of all queries together."""
        return int(sum(tuple(self._scanned.values())))


@dataclass(frozen=True)
class Insights:
    """Queries of one log group. `pause` waits that many seconds; `meter` is shared by the queries of one search, of which
    no more is asked beyond the limit unless `agreed`."""

    access: Access
    scope: Scope
    group: str
    pause: Callable[[float], None] = time.sleep
    patience: float = PATIENCE
    meter: Meter = field(default_factory=Meter)
    agreed: bool = False

    def about(self, start: int, end: int, now: float) -> Amount:
        """What one query of these Unix seconds may scan, by an even share of what the group holds; unknown where AWS does not
        tell. `now` is the Unix second."""
        request = {"logGroupIdentifiers": [self.group]}
        try:
            pages = list(self.access.each(self.scope, "logs", "describe_log_groups", request))
        except FlowdiagError:
            return Amount(None)
        groups = (raw for page in pages for raw in page.get("logGroups") or () if raw.get("logGroupName") == self.group)
        told: Mapping[str, int] = next(groups, {})
        stored, created, kept = (told.get(name) for name in ("storedBytes", "creationTime", "retentionInDays"))
        if stored is None or created is None:
            return Amount(None)
        begin = max(created / 1000, now - kept * _DAY if kept else 0)
        share = max(0, min(end, now) - max(start, begin)) / max(now - begin, 1)
        return Amount(int(stored / PACKED * share))

    def rows(self, query: str, start: int, end: int, at_once: int | None = None) -> Iterator[Row]:
        """Every row of a query over these Unix seconds, both included, of which no more than `at_once` are asked at once.

        Raises FlowdiagError where AWS refuses or breaks off, TooManyError where even one second holds too many rows or the
        span falls into more queries than one search may ask.
        """
        step = at_once or end - start + 1
        spans, asked = [(first, min(first + step - 1, end)) for first in range(start, end + 1, step)][::-1], 0
        if len(spans) > MOST_QUERIES:
            raise TooManyError(f"that would take {len(spans)} queries, and {MOST_QUERIES} are the limit: narrow the window")
        while spans:
            first, last = spans.pop()
            asked += 1
            found = self._ask(query, first, last)
            if len(found) < MOST_ROWS:
                yield from found
                continue
            if first >= last or asked + len(spans) + 2 > MOST_QUERIES:
                raise TooManyError(f"{MOST_ROWS} lines or more lie between {_shown(first)} and {_shown(last)}: narrow the window")
            middle = (first + last) // 2
            spans += [(middle + 1, last), (first, middle)]

    def _ask(self, query: str, start: int, end: int) -> list[Row]:
        request = {"logGroupName": self.group, "startTime": start, "endTime": end, "queryString": query, "limit": MOST_ROWS}
        self._refuse_more()
        query_id = next(iter(self.access.each(self.scope, "logs", "start_query", request)))["queryId"]
        try:
            found = outcome(lambda: self._rows_of(query_id), self.pause, self.patience)
        except BaseException:  # also where a person breaks it off: what runs on costs
            self._stop(query_id)
            raise
        if found is None:
            self._stop(query_id)
            raise FlowdiagError(f"the query was given up after {self.patience:.0f} s")
        return found

    def _refuse_more(self) -> None:
        if self.meter.bytes > LIMIT and not self.agreed:
            raise refusal(f"was given up with {Amount(LIMIT, whole=False).told} scanned")

    def _rows_of(self, query_id: str) -> list[Row] | None:
        """The rows of a query, or None while it runs; what comes before it is complete may change and is not used."""
        pages = list(self.access.each(self.scope, "logs", "get_query_results", {"queryId": query_id}))
        status = pages[0].get("status", "")
        if status in _BROKEN:
            raise FlowdiagError(f"the query ended as {status}")
        self.meter.note(query_id, pages[0].get("statistics") or {})
        if status != _DONE:
            self._refuse_more()
            return None
        return [{cell["field"]: cell.get("value", "") for cell in row} for page in pages for row in page.get("results") or ()]

    def _stop(self, query_id: str) -> None:
        try:
            list(self.access.each(self.scope, "logs", "stop_query", {"queryId": query_id}))
        except FlowdiagError:
            return  # it stops by itself after an hour


def _shown(second: int) -> str:
    return shown(moment_of(second))
