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
from typing import Any

from flowdiag.logs._json import Values

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


@dataclass(frozen=True)
class Bundle:
    """The events of one object: each its line, None where it has none, and its Unix second, where that is told.

    `owner` (an account), `group` and `stream` say where they are from; they are empty where it does not say so.
    """

    events: tuple[tuple[bytes | None, int | None], ...]
    owner: str = ""
    group: str = ""
    stream: str = ""


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
        yield Bundle(((None, None),))
        return
    if plain.lstrip()[:1] in (b"{", b"["):
        yield from bundles((plain,))
    else:
        yield Bundle(tuple((line, None) for line in plain.splitlines()))


def _bundle(raw: Any) -> Bundle:
    if isinstance(raw, str):
        return Bundle(((_line(raw), None),))
    if not isinstance(raw, dict):
        return Bundle(((None, None),))
    if raw.get("messageType") == "CONTROL_MESSAGE":
        return Bundle(((b"", None),))
    if any(raw.get(name) == [] for name in _PACKED):
        return Bundle(())
    if isinstance(raw.get(_ROWS), list):
        return Bundle(tuple((_line(_message(row)), None) for row in raw[_ROWS]))
    events = next((raw[name] for name in _EVENTS if isinstance(raw.get(name), list)), [raw])
    owner, group, stream = (str(raw.get(name) or "") for name in ("owner", "logGroup", "logStream"))
    return Bundle(tuple(map(_event, events)), owner, group, stream)


def _event(event: Any) -> tuple[bytes | None, int | None]:
    text, time = (event.get("message"), event.get("timestamp")) if isinstance(event, dict) else (None, None)
    return _line(text), time // 1000 if isinstance(time, int) else None


def _message(row: Any) -> Any:
    """The whole line in a row of a query, where the query asked for it."""
    cells = row if isinstance(row, list) else ()
    return next((cell.get("value") for cell in cells if isinstance(cell, dict) and cell.get("field") == "@message"), None)


def _line(text: Any) -> bytes | None:
    return text.rstrip("\n").encode("utf-8", "surrogatepass") if isinstance(text, str) else None
