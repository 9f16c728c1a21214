"""Flow logs in CloudWatch Logs: one log stream for each interface, no header line, the layout from the flow log's LogFormat.

A few interfaces and a short window are read whole by FilterLogEvents; anything wider is asked of Logs Insights, which
searches on AWS's side and charges by what it scans, so that a large amount takes a word.
https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from flowdiag.logs import CLOCK_SLACK, LONGEST_INTERVAL, Access, Means, Opener, Search, Sought, Source, Tally
from flowdiag.logs._amount import Amount, LargeError, refusal
from flowdiag.logs._delivery import CLOUDWATCH, Delivery, delivered_to
from flowdiag.logs._grant import granting
from flowdiag.logs._insights import Insights, Meter, Row, coverage_query, lines_query, span_of
from flowdiag.logs._layouts import Layouts, Told, interface_of, layouts_of
from flowdiag.logs._parallel import Part, in_order
from flowdiag.logs._several import together
from flowdiag.model import Address, FlowdiagError, Record, Scope
from flowdiag.times import second_told

SHORT = 8 * 3600
"""Seconds of log streams, all interfaces together, up to which FilterLogEvents reads them whole."""
MOST_PAGES = 50
"""Pages (1 MB or 10,000 events each) of one stream before Insights takes over."""
_GROUP_ARN = re.compile(r"arn:[\w-]+:logs:(?P<region>[\w-]+):(?P<account>\d+):log-group:(?P<name>[^:]+)(:\*)?")


@dataclass(frozen=True)
class CloudWatch(Opener):
    """One log group in one account and Region, and the flow logs that deliver into it.

    `deliveries` None: they are asked of AWS. `streams` False: its streams are not of interfaces, as a transit gateway's.
    `agreed`: whether a large scan is agreed to. `clock` gives the Unix second.
    """

    access: Access
    scope: Scope
    group: str
    deliveries: tuple[Delivery, ...] | None = None
    streams: bool = True
    agreed: bool = False
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    prefixes: ClassVar[tuple[str, ...]] = ("cloudwatch:", "logs:")
    delivers: ClassVar[str] = CLOUDWATCH
    actions: ClassVar[tuple[str, ...]] = (
        "ec2:DescribeFlowLogs", "logs:DescribeLogGroups", "logs:FilterLogEvents", "logs:StartQuery", "logs:GetQueryResults",
        "logs:StopQuery",
    )  # fmt: skip

    @classmethod
    def opens(cls, where: str, means: Means) -> Source | None:
        """The log group of `cloudwatch:NAME` (or its ARN) in every account and Region of the path; None for another place."""
        prefix = next((prefix for prefix in cls.prefixes if where.startswith(prefix)), None)
        if prefix is None:
            return None
        access, named = means.door(where), where.removeprefix(prefix)
        if not named:
            raise FlowdiagError(f"flow logs {where!r} name no log group: write cloudwatch:/vpc/prod")
        arn = _GROUP_ARN.fullmatch(named)
        if arn:
            return cls(access, Scope(account=arn["account"], region=arn["region"]), arn["name"], agreed=means.agreed)
        return together(cls(access, scope, named, agreed=means.agreed) for scope in means.scopes or (access.home,))

    @classmethod
    def of(cls, means: Means, deliveries: tuple[Delivery, ...]) -> CloudWatch:
        """The log group of these flow logs; raises FlowdiagError where they name none."""
        first = deliveries[0]
        if not first.group:
            raise FlowdiagError(f"{first.flow_log} names no log group that it delivers to")
        access, streams = means.door(first.group), not first.gateway
        return cls(access, first.scope, first.group, deliveries, streams, means.agreed)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"CloudWatch Logs {self.group}"

    def search(self, sought: Sought) -> Search:
        """Every record that is sought; what could not be read is noted, and its interfaces count as unseen."""
        return Search(lambda tally: self._records(sought, tally), source=self.name, live=True)

    def _records(self, sought: Sought, tally: Tally) -> Iterator[Record]:
        span = _span(sought)
        deliveries = self._deliveries(tally)
        tally.flow_logs |= {delivery.flow_log for delivery in deliveries}
        layouts = Layouts(layouts_of(delivery.log_format for delivery in deliveries))
        by_stream = self.streams and not any(delivery.gateway for delivery in deliveries)
        reading = _Reading(self, sought, layouts, by_stream)
        yield from in_order(reading.parts(*span, tally), tally)

    def _deliveries(self, tally: Tally) -> tuple[Delivery, ...]:
        """The flow logs that deliver here; where AWS does not tell, the default format is assumed and that is noted."""
        if self.deliveries is not None:
            return self.deliveries
        try:
            found = tuple(delivered_to(self.access, self.scope, "log-group-name", self.group))
        except FlowdiagError as error:
            tally.notes.append(
                f"{self.name}: the format of its lines is not known ({granting(error, 'ec2:DescribeFlowLogs')}), "
                "the default is assumed"
            )
            return ()
        if not found:
            tally.notes.append(f"{self.name}: no flow log delivers there now, so AWS's default format is assumed")
        return found


def _span(sought: Sought) -> tuple[int, int]:
    """The Unix seconds in which an event may lie that concerns the window: its time is that of the record's start."""
    window = sought.window
    if window.start is None or window.end is None:
        raise FlowdiagError("flow logs in AWS are read for a span of time: give at= or window= (--at, --window)")
    return int(window.start.timestamp()) - LONGEST_INTERVAL - CLOCK_SLACK, int(window.end.timestamp()) + CLOCK_SLACK


@dataclass(frozen=True)
class _Reading:
    """One search of one group: which calls bring its lines, and what each of them means for the tally."""

    source: CloudWatch
    sought: Sought
    layouts: Layouts
    by_stream: bool
    meter: Meter = field(default_factory=Meter)

    @property
    def insights(self) -> Insights:
        """Queries of the group."""
        source = self.source
        return Insights(source.access, source.scope, source.group, source.pause, meter=self.meter, agreed=source.agreed)

    def parts(self, start: int, end: int, tally: Tally) -> list[Part]:
        """What is asked of the group for these Unix seconds: streams read whole where they are few, else queries; nothing
        where these would scan more than is agreed to."""
        interfaces = sorted(self.sought.interfaces) if self.by_stream else []
        if interfaces and len(interfaces) * (end - start) <= SHORT:
            return [partial(self._stream, interface, start, end) for interface in interfaces]
        covering = [partial(self._coverage, interfaces, start, end)] if interfaces else []
        queries: list[Part] = [partial(self._query, interfaces, start, end), *covering]
        scan = Amount(0) if self.source.agreed else self.insights.about(start, end, self.source.clock()).times(len(queries))
        if not scan.large:
            return queries
        tally.lose(self.sought.interfaces, str(refusal(f"{self.source.name} would have {scan.told} to scan")))
        return []

    def _stream(self, interface: str, start: int, end: int, tally: Tally) -> Iterator[Record]:
        """Every line of one interface's streams; a very long one is left to Insights from where the pages end."""
        request = {
            "logGroupName": self.source.group,
            "logStreamNamePrefix": interface,
            "startTime": start * 1000,
            "endTime": end * 1000,
        }
        reached = start
        try:
            for number, page in enumerate(self.source.access.each(self.source.scope, "logs", "filter_log_events", request), 1):
                events = [event for event in page.get("events") or () if interface_of(event["logStreamName"]) == interface]
                yield from self._read(map(_told_by_event, events), tally)
                reached = max([reached, *(event["timestamp"] // 1000 for event in events)])
                if number == MOST_PAGES:
                    break
            else:
                return
        except FlowdiagError as error:
            tally.lose(
                [interface], f"{self.source.name}: {interface} could not be read ({granting(error, 'logs:FilterLogEvents')})"
            )
            return
        yield from self._query([interface], reached, end, tally)
        yield from self._coverage([interface], reached, end, tally)

    def _query(self, interfaces: Iterable[str], start: int, end: int, tally: Tally) -> Iterator[Record]:
        sought = self.sought
        own = {interface: _needles(self._named_by(interface)) for interface in interfaces}
        query = lines_query(_needles(sought.addresses), own)
        try:
            yield from self._read(map(_told_by_row, self.insights.rows(query, start, end)), tally)
        except LargeError as error:
            tally.lose(interfaces or sought.interfaces, f"{self.source.name} {error}")
        except FlowdiagError as error:
            tally.lose(
                interfaces or sought.interfaces,
                f"{self.source.name} could not be searched ({granting(error, 'logs:StartQuery')})",
            )

    def _named_by(self, interface: str) -> frozenset[Address]:
        """The addresses of which a line of this interface that matters names one: a format that lacks an end may have left out
        what lies beyond it."""
        both = all({"srcaddr", "dstaddr"} <= set(layout.fields) for layout in self.layouts.known)
        return self.sought.named_by(interface) if both else self.sought.addresses

    def _coverage(self, interfaces: Sequence[str], start: int, end: int, tally: Tally) -> Iterator[Record]:
        """No records, only when each interface has lines at all."""
        try:
            for row in self.insights.rows(coverage_query(interfaces), start, end, span_of(len(interfaces))):
                _cover(row, self.sought, tally)
        except LargeError as error:
            tally.lose(interfaces, f"{self.source.name} {error}")
        except FlowdiagError as error:
            tally.lose(
                interfaces, f"{self.source.name}: when it has lines could not be asked ({granting(error, 'logs:StartQuery')})"
            )
        yield from ()

    def _read(self, lines: Iterable[tuple[str, Told]], tally: Tally) -> Iterator[Record]:
        return self.layouts.read(self.source.group, lines, self.sought, tally)


def _told_by_event(event: Mapping[str, Any]) -> tuple[str, Told]:
    stream = event["logStreamName"]
    return stream, Told(event["message"].encode(), interface_of(stream), event["timestamp"] // 1000)


def _told_by_row(row: Row) -> tuple[str, Told]:
    stream = row.get("@logStream", "")
    return stream, Told(row.get("@message", "").encode(), interface_of(stream), second_told(row.get("@timestamp", "")))


def _cover(row: Row, sought: Sought, tally: Tally) -> None:
    interface = interface_of(row.get("@logStream", ""))
    accepts, rejects = _count(row.get("accepted", "")), _count(row.get("rejected", ""))
    first = second_told(row.get("first", "")) or second_told(row.get("since", ""))
    last = second_told(row.get("last", "")) or first
    if interface in sought.interfaces and sought.window.touches(first, last):
        tally.cover(interface, first, last, 0, accepts, rejects)
    tally.accepts += accepts
    tally.rejects += rejects


def _count(text: str) -> int:
    try:
        return int(float(text))
    except ValueError:
        return 0


def _needles(addresses: frozenset[Address]) -> list[str]:
    """What a line that concerns the addresses contains for certain; IPv6 can be written in several ways."""
    version4 = sorted(str(address) for address in addresses if address.version == 4)
    return [*version4, *([":"] if any(address.version == 6 for address in addresses) else [])]
