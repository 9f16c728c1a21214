"""Flow log lines out of JSON, one object after another, on lines of their own or not.

A CloudWatch Logs subscription delivers `{"messageType": "DATA_MESSAGE", "logEvents": [{"message": …}]}`, Firehose writes
many of them without a line end between, or wraps each line in `{"message": …}`; the AWS CLI writes `{"events": […]}`, and of a
query of Logs Insights `{"results": [[{"field": "@message", "value": …}]]}`; a script writes an array of any of these.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html

Events that were saved page by page say with a token that another page follows; in one file the last page has none.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

LARGEST_OBJECT = 1 << 24
"""Characters of one JSON object; a subscription's has at most a million."""
_EVENTS = ("logEvents", "events")
_ROWS, _COMPLETE = "results", "Complete"
_TOKENS = ("nextToken", "NextToken")
_START = "\n{"


def messages(pieces: Iterable[bytes], cut_off: Callable[[], None] = lambda: None) -> Iterator[bytes | None]:
    """The lines in the objects of a text; None for an object without one, or for a stretch that is no JSON.

    `cut_off` is called at the end where the last page of events says that there are more.
    """
    more = False
    for raw in _objects(pieces):
        if isinstance(raw, dict) and any(isinstance(raw.get(name), list) for name in (*_EVENTS, _ROWS)):
            more = any(raw.get(name) for name in _TOKENS) or raw.get("status", _COMPLETE) != _COMPLETE
        yield from _lines(raw)
    if more:
        cut_off()


def _lines(raw: Any) -> Iterator[bytes | None]:
    if isinstance(raw, str):
        yield _line(raw)
        return
    if isinstance(raw, list):
        for one in raw:
            yield from _lines(one)
        return
    if not isinstance(raw, dict):
        yield None
        return
    if raw.get("messageType") == "CONTROL_MESSAGE":
        yield b""
        return
    if isinstance(raw.get(_ROWS), list):
        for row in raw[_ROWS]:
            yield _line(_message(row))
        return
    events = next((raw[name] for name in _EVENTS if isinstance(raw.get(name), list)), [raw])
    for event in events:
        yield _line(event.get("message") if isinstance(event, dict) else None)


def _message(row: Any) -> Any:
    """The whole line in a row of a query, where the query asked for it."""
    cells = row if isinstance(row, list) else ()
    return next((cell.get("value") for cell in cells if isinstance(cell, dict) and cell.get("field") == "@message"), None)


def _line(text: Any) -> bytes | None:
    return text.rstrip("\n").encode("utf-8", "surrogatepass") if isinstance(text, str) else None


def _objects(pieces: Iterable[bytes]) -> Iterator[Any]:
    """Every JSON value in turn; None for a stretch that is none, after which the next line that opens one goes on."""
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
    parse = json.JSONDecoder().raw_decode
    text, enough = "", 0
    for piece in pieces:
        text += decode(piece)
        if len(text) < enough:
            continue  # an object that was not whole is looked at again when twice as much is there
        found, text = _taken(text, parse, len(text) > LARGEST_OBJECT)
        yield from found
        enough = 2 * len(text)
    found, text = _taken(text + decode(b"", True), parse, True)
    yield from found


def _taken(text: str, parse: Callable[[str, int], tuple[Any, int]], last: bool) -> tuple[list[Any], str]:
    """The whole objects at the front of a text, and what is left of it; nothing is left of the `last` text."""
    found: list[Any] = []
    place = _content(text, 0)
    while place < len(text):
        try:
            raw, end = parse(text, place)
        except (ValueError, RecursionError):
            following = text.find(_START, place)
            if following < 0 and not last:
                break
            raw, end = None, following + 1 if following >= 0 else len(text)
        found.append(raw)
        place = _content(text, end)
    return found, text[place:]


def _content(text: str, place: int) -> int:
    """The next character that is no white space."""
    while place < len(text) and text[place].isspace():
        place += 1
    return place
