"""Places of flow logs in AWS for tests: a door that answers from memory, and what AWS makes of the requests.

Insights is told by its query reference: `filter` of `like` tests joined by `or`, and `stats … by @logStream, bin(…)`. moto
evaluates neither. S3 and FilterLogEvents are tested over HTTP against moto, which does evaluate them.
"""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

from flowdiag.access import READ_ONLY, SEARCHES
from flowdiag.logs.record import DEFAULT_FIELDS
from flowdiag.model import FlowdiagError, Scope

ACCOUNT = "123456789012"  # moto's
HOME = Scope(account=ACCOUNT, region="us-east-1")
START = 1_700_000_100  # 2023-11-14T22:15:00Z, the start of a five-minute slot
HEADER = " ".join(DEFAULT_FIELDS)


def at(seconds: int) -> datetime:
    """A moment so many seconds after START."""
    return datetime.fromtimestamp(START + seconds, UTC)


def line(
    eni: str = "eni-0a1", source: str = "10.0.1.10", destination: str = "10.0.2.20", start: int = 0, action: str = "ACCEPT"
) -> str:
    """A line of the default format, `start` in seconds after START, a minute long."""
    times = f"{START + start} {START + start + 60}"
    return f"2 111122223333 {eni} {source} {destination} 49200 5432 6 3 180 {times} {action} OK"


def silent(eni: str, status: str = "NODATA", start: int = 0) -> str:
    """A line that says that there was nothing, or that records were skipped."""
    return f"2 111122223333 {eni} - - - - - - - {START + start} {START + start + 60} - {status}"


def file(*lines: str) -> bytes:
    """A text file as S3 has it: gzip, the field names on top."""
    return gzip.compress("\n".join((HEADER, *lines, "")).encode())


def key(slot: str, flow_log: str = "fl-0a1", suffix: str = "log.gz", hive: bool = False, hourly: bool = False) -> str:
    """The key of a file of this slot, `20231114T2215`."""
    year, month, day, hour = slot[:4], slot[4:6], slot[6:8], slot[9:11]
    if hive:
        folder = f"aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region=us-east-1/year={year}/month={month}/day={day}/"
        folder += f"hour={hour}/" if hourly else ""
    else:
        folder = f"{ACCOUNT}/vpcflowlogs/us-east-1/{year}/{month}/{day}/" + (f"{hour}/" if hourly else "")
    return f"AWSLogs/{folder}{ACCOUNT}_vpcflowlogs_us-east-1_{flow_log}_{slot}Z_0123abcd.{suffix}"


@dataclass
class Door:
    """An access that answers operations by functions of their request; `calls` are (operation, request)."""

    answers: Mapping[str, Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]]
    home: Scope = HOME
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def scopes(self) -> tuple[Scope, ...]:
        return (self.home,)

    def each(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        self._note(service, operation, parameters)
        if operation not in self.answers:
            raise FlowdiagError("denied")
        yield from self.answers[operation](parameters)

    def body(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        self._note(service, operation, parameters)
        if operation not in self.answers:
            raise FlowdiagError("denied")
        yield from self.answers[operation](parameters)  # type: ignore[misc]

    def _note(self, service: str, operation: str, parameters: Mapping[str, Any]) -> None:
        """Keep the call; one that AWS would not take as a request, or that flowdiag may not make, fails the test."""
        assert operation.startswith(READ_ONLY) or operation in SEARCHES
        report = ParamValidator().validate(parameters, _takes(service, operation))
        assert not report.has_errors(), report.generate_report()
        self.calls.append((operation, parameters))

    def count(self, operation: str) -> int:
        """How often an operation was called."""
        return sum(name == operation for name, _ in self.calls)


@cache
def _takes(service: str, operation: str) -> Any:
    model = botocore.session.get_session().get_service_model(service)
    return next(model.operation_model(name).input_shape for name in model.operation_names if xform_name(name) == operation)


def no_pause(seconds: float) -> None:
    """Waits for nothing."""


# ---------------------------------------------------------------- Logs Insights


@dataclass
class Insights:
    """One log group and what Logs Insights answers of it; `running` is how often a query is not complete yet, and `scanned`
    what it says it has scanned at each of these times more, in bytes."""

    events: list[tuple[str, int, str]]  # (log stream, Unix second, message)
    running: int = 1
    ends_as: str = "Complete"
    most: int = 10_000
    scanned: float = 0
    queries: dict[str, list[list[dict[str, str]]]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    _asked: dict[str, int] = field(default_factory=dict)

    def answers(self) -> dict[str, Any]:
        """By operation, for a Door."""
        return {"start_query": self._start, "get_query_results": self._results, "stop_query": self._stop}

    def _start(self, request: Mapping[str, Any]) -> list[dict[str, str]]:
        query_id = f"query-{len(self.queries)}"
        within = [e for e in self.events if request["startTime"] <= e[1] <= request["endTime"]]
        self.queries[query_id] = self._evaluate(request["queryString"], within)[: min(request["limit"], self.most)]
        return [{"queryId": query_id}]

    def _results(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        query_id = request["queryId"]
        self._asked[query_id] = self._asked.get(query_id, 0) + 1
        known = {"statistics": {"bytesScanned": self._asked[query_id] * self.scanned}} if self.scanned else {}
        if self._asked[query_id] <= self.running:
            return [{"status": "Running", "results": self.queries[query_id][:1], **known}]
        return [{"status": self.ends_as, "results": self.queries[query_id] if self.ends_as == "Complete" else [], **known}]

    def _stop(self, request: Mapping[str, Any]) -> list[dict[str, bool]]:
        self.stopped.append(request["queryId"])
        return [{"success": True}]

    def _evaluate(self, query: str, events: list[tuple[str, int, str]]) -> list[list[dict[str, str]]]:
        stats = False
        for command in query.split(" | "):
            if command.startswith("filter "):
                events = [event for event in events if _admits(command.removeprefix("filter "), event)]
            stats = stats or command.startswith("stats ")
        rows = [{"@timestamp": _time(e[1]), "@logStream": e[0], "@message": e[2]} for e in events]
        return _binned(events) if stats else list(map(_cells, rows))


_TEST = re.compile(r'(@\w+) like "([^"]*)"')


def _admits(condition: str, event: tuple[str, int, str]) -> bool:
    """Whether a filter of `like` tests, `and`, `or` and brackets admits an event; anything else is a syntax error."""
    fields = {"@logStream": event[0], "@message": event[2]}
    tests = _TEST.findall(condition)
    words = iter(_TEST.sub("?", condition).replace("(", " ( ").replace(")", " ) ").split())
    shape = " ".join(words)
    assert set(shape.split()) <= {"?", "(", ")", "and", "or"}, shape
    truths = iter(text in fields[name] for name, text in tests)
    return bool(eval("".join(str(next(truths)) if word == "?" else f" {word} " for word in shape.split())))


def _binned(events: list[tuple[str, int, str]]) -> list[list[dict[str, str]]]:
    bins: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
    for stream, second, message in events:
        bins[stream, second - second % 60].append((second, message))
    return [
        _cells({
            "@logStream": stream, "since": _time(since), "first": str(min(s for s, _ in found) * 1000),
            "last": str(max(s for s, _ in found) * 1000), "lines": str(len(found)),
            "accepted": str(sum("ACCEPT" in m for _, m in found)), "rejected": str(sum("REJECT" in m for _, m in found)),
        })
        for (stream, since), found in bins.items()
    ]  # fmt: skip


def _cells(row: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"field": name, "value": value} for name, value in row.items()]


def _time(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}.000"
