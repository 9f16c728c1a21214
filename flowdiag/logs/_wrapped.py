"""Flow log lines out of JSON, one object after another, on lines of their own or not.

A CloudWatch Logs subscription delivers `{"messageType": "DATA_MESSAGE", "logGroup": …, "logEvents": [{"message": …}]}`, with
the account (`owner`) and the log stream. Firehose writes many of them without a line end between, or wraps each line in
`{"message": …}`; the AWS CLI writes `{"events": […]}`, and of a query of Logs Insights
`{"results": [[{"field": "@message", "value": …}]]}`; a script writes an array of any of these.
A Lambda function gets the same packed in `{"awslogs": {"data": …}}`, a consumer of Kinesis in `{"Records": [{"kinesis": {"data":
…}}]}`, and one that transforms for Firehose in `{"records": [{"data": …}]}`: base64, of gzip or of the lines themselves.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html

Events that were saved page by page say with a token that another page follows; in one file the last page has none.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import zlib
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowdiag.logs._json import Values
from flowdiag.times import second_told

_EVENTS = ("logEvents", "events")
_ROWS, _COMPLETE = "results", "Complete"
_GZIP = b"\x1f\x8b"
LARGEST_EVENT = 1 << 26
"""Bytes to which what is packed in an event is unpacked: it has 6 MB packed at most.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_TOKENS = ("nextToken", "NextToken")
_PACKED = ("Records", "records")
_LISTS, _TOLD = (*_EVENTS, _ROWS, *_PACKED), ("messageType", "owner", "logGroup", "logStream", "status", *_TOKENS)


class Event(NamedTuple):
    """The line of an event, None where it has none, its Unix second, where that is told, and its log stream, empty where not."""

    line: bytes | None
    second: int | None = None
    stream: str = ""


@dataclass(frozen=True)
class Bundle:
    """The events of one object; `owner` (an account) and `group` say where they are from, and are empty where it does not."""

    events: tuple[Event, ...]
    owner: str = ""
    group: str = ""


def bundles(pieces: Iterable[bytes], cut_off: Callable[[], None] = lambda: None) -> Iterator[Bundle]:
    """What the objects of a text hold, one after another; for a stretch that is no JSON an event without a line.

    `cut_off` is called at the end where the last page of events says that there are more.
    """
    more = False
    for raw in Values(pieces, _LISTS, _TOLD):
        if isinstance(raw, dict) and any(isinstance(raw.get(name), list) for name in _LISTS):
            more = any(raw.get(name) for name in _TOKENS) or raw.get("status", _COMPLETE) != _COMPLETE
        packed = _packed(raw)
        for text in packed:
            yield from _unpacked(text)
        if not packed:
            yield _bundle(raw)
    if more:
        cut_off()


def _packed(raw: Any) -> tuple[str, ...]:
    """The texts that an event of a function or a consumer bears; none where it is no such event."""
    if not isinstance(raw, dict):
        return ()
    bearers = [raw.get("awslogs"), *(one for name in _PACKED if isinstance(raw.get(name), list) for one in raw[name])]
    within = (one.get("kinesis") or one for one in bearers if isinstance(one, dict))
    return tuple(data for one in within if isinstance(one, dict) and isinstance(data := one.get("data"), str))


def _unpacked(text: str) -> Iterator[Bundle]:
    """What such a text holds: objects again, or lines; one event without a line where it cannot be unpacked."""
    try:
        plain = b64decode(text, validate=True)
        if plain.startswith(_GZIP):
            member = zlib.decompressobj(wbits=31)
            plain = member.decompress(plain, LARGEST_EVENT)
            if not member.eof:
                raise ValueError
    except (ValueError, zlib.error):
        yield Bundle((Event(None),))
        return
    if plain.lstrip()[:1] in (b"{", b"["):
        yield from bundles((plain,))
    else:
        yield Bundle(tuple(map(Event, plain.splitlines())))


def _bundle(raw: Any) -> Bundle:
    if isinstance(raw, str):
        return Bundle((Event(_line(raw)),))
    if not isinstance(raw, dict):
        return Bundle((Event(None),))
    if raw.get("messageType") == "CONTROL_MESSAGE":
        return Bundle((Event(b""),))
    if any(raw.get(name) == [] for name in _PACKED):
        return Bundle(())
    if isinstance(raw.get(_ROWS), list):
        return Bundle(tuple(map(_of_row, raw[_ROWS])))
    events = next((raw[name] for name in _EVENTS if isinstance(raw.get(name), list)), [raw])
    owner, group, stream = (str(raw.get(name) or "") for name in ("owner", "logGroup", "logStream"))
    return Bundle(tuple(_event(event, stream) for event in events), owner, group)


def _event(event: Any, stream: str) -> Event:
    """One event of a stream, or of the one that it names itself."""
    if not isinstance(event, dict):
        return Event(None)
    time = event.get("timestamp")
    return Event(
        _line(event.get("message")),
        time // 1000 if isinstance(time, int) else None,
        str(event.get("logStreamName") or stream),
    )


def _of_row(row: Any) -> Event:
    """A row of a query that asked for the whole line."""
    cells = [cell for cell in row if isinstance(cell, dict)] if isinstance(row, list) else []
    told = {str(cell.get("field")): cell.get("value") for cell in cells}
    time = told.get("@timestamp")
    second = second_told(time) if isinstance(time, str) else None
    return Event(_line(told.get("@message")), second, str(told.get("@logStream") or ""))


def _line(text: Any) -> bytes | None:
    return text.rstrip("\n").encode("utf-8", "surrogatepass") if isinstance(text, str) else None
