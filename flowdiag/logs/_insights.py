"""CloudWatch Logs Insights: the queries, and their results without loss. Knows nothing of flow log fields.

Fields are only discovered for AWS's default format, so a query filters whole messages by what they contain, and the lines
are read here: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flowdiag.logs import Access
from flowdiag.logs._waiting import PATIENCE, outcome
from flowdiag.model import FlowdiagError, Scope

MOST_ROWS = 10_000
"""Rows a query is asked for, and a page of GetQueryResults holds; where that many come, the span is halved and asked again.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html
"""
MOST_QUERIES = 60
BIN = 600
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
    """When these streams have any line at all, in bins of ten minutes, and whether both kinds of traffic are kept."""
    parts = (
        "min(@timestamp) as first, max(@timestamp) as last, count(*) as lines",
        'sum(strcontains(@message, "ACCEPT")) as accepted, sum(strcontains(@message, "REJECT")) as rejected',
    )
    return " | ".join((*_streams_filter(streams), f"stats {', '.join(parts)} by @logStream, bin({BIN // 60}m) as since"))


def _streams_filter(streams: Iterable[str]) -> list[str]:
    wanted = [_like("@logStream", stream) for stream in streams]
    return [f"filter {' or '.join(wanted)}"] if wanted else []


def _like(field: str, text: str) -> str:
    """A test for containing a text as it stands; addresses and ids hold nothing that ends a quotation."""
    return f'{field} like "{text}"'


@dataclass(frozen=True)
class Insights:
    """Queries of one log group. `pause` waits that many seconds."""

    access: Access
    scope: Scope
    group: str
    pause: Callable[[float], None] = time.sleep
    patience: float = PATIENCE

    def rows(self, query: str, start: int, end: int) -> Iterator[Row]:
        """Every row of a query over these Unix seconds, both included.

        Raises FlowdiagError where AWS refuses or breaks off, TooManyError where even one second holds too many rows or the
        span falls into more queries than one search may ask.
        """
        spans, asked = [(start, end)], 0
        while spans:
            first, last = spans.pop()
            asked += 1
            found = self._ask(query, first, last)
            if len(found) < MOST_ROWS:
                yield from found
                continue
            if first >= last or asked >= MOST_QUERIES:
                raise TooManyError(f"more than {MOST_ROWS} lines between {_shown(first)} and {_shown(last)}: narrow the window")
            middle = (first + last) // 2
            spans += [(middle + 1, last), (first, middle)]

    def _ask(self, query: str, start: int, end: int) -> list[Row]:
        request = {"logGroupName": self.group, "startTime": start, "endTime": end, "queryString": query, "limit": MOST_ROWS}
        query_id = next(iter(self.access.each(self.scope, "logs", "start_query", request)))["queryId"]
        found = outcome(lambda: self._rows_of(query_id), self.pause, self.patience)
        if found is None:
            self._stop(query_id)
            raise FlowdiagError(f"the query was given up after {self.patience:.0f} s")
        return found

    def _rows_of(self, query_id: str) -> list[Row] | None:
        """The rows of a query, or None while it runs; what comes before it is complete may change and is not used."""
        pages = list(self.access.each(self.scope, "logs", "get_query_results", {"queryId": query_id}))
        status = pages[0].get("status", "")
        if status in _BROKEN:
            raise FlowdiagError(f"the query ended as {status}")
        if status != _DONE:
            return None
        return [{cell["field"]: cell.get("value", "") for cell in row} for page in pages for row in page.get("results") or ()]

    def _stop(self, query_id: str) -> None:
        try:
            list(self.access.each(self.scope, "logs", "stop_query", {"queryId": query_id}))
        except FlowdiagError:
            return  # it stops by itself after an hour


def second_of(text: str) -> int | None:
    """The Unix second of a time as Insights writes it: `2026-11-23 12:04:31.000` in UTC, or milliseconds; None for neither."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = None
    if number is not None:
        return int(number // 1000)
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _shown(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
