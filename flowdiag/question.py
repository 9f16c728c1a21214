"""The question as typed → a checked Question; every malformed part is one clear sentence."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from flowdiag.address import EVERY_PROTOCOL, protocol_number
from flowdiag.model import PROTOCOL_NAMES, TCP, UDP, FlowdiagError, Question

_SPAN = re.compile(r"^\s*([0-9]{1,9})\s*(s|m|min|h|d)\s*$")
# A URL as consoles show it; one with a user says more than whom to ask.
_HOST = r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<host>[^/:?#@\[\]]+))"
_URL = re.compile(rf"^[a-z][a-z0-9+.-]*://{_HOST}(?::(?P<port>[0-9]{{1,5}}))?(?:[/?#].*)?$", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,5}")
LAST_HOUR = timedelta(hours=1)
LONGEST_PROTOCOL = 16  # characters; a longer text is none, and Python refuses to count thousands of digits
_MINUTE = timedelta(minutes=1)
_SPANS = {"s": timedelta(seconds=1), "m": _MINUTE, "min": _MINUTE, "h": timedelta(hours=1), "d": timedelta(days=1)}


def ask(
    source: str,
    destination: str,
    port: int | str | None = None,
    protocol: str | int = "tcp",
    source_port: int | str | None = None,
    at: str | datetime | None = None,
    window: str | timedelta | None = None,
    every_port: bool = False,
) -> Question:
    """A Question; raises FlowdiagError for a malformed name, port, protocol, time or window.

    `every_port`: the port may be left out of a question of TCP or UDP too, and then stands for every one.
    """
    number = _protocol(protocol)
    start, end = _between(at, window)
    return Question(
        source=_name(source, "source", source_port),
        destination=_name(destination, "destination", port),
        protocol=number,
        port=_needed_port(port, number, every_port),
        source_port=_port(_fitting(source_port, "source_port", number), "source_port"),
        start=start,
        end=end,
    )


def refuse_future(question: Question, now: datetime | None = None) -> None:
    """Raises FlowdiagError where all of the time asked about is still to come, for nothing of it is on record.

    A time without an offset is UTC: one that a clock on a wall shows is often meant otherwise.
    """
    now = now or datetime.now(UTC)
    if question.start and question.start >= now:
        asked = f"{question.start:%Y-%m-%dT%H:%MZ} to {question.end:%Y-%m-%dT%H:%MZ}"
        raise FlowdiagError(f"the time asked about, {asked}, is in the future (it is {now:%Y-%m-%dT%H:%MZ}): give at in UTC")


def _name(text: object, end: str, port: int | str | None) -> str:
    if not isinstance(text, str) or not text.strip():
        raise FlowdiagError(f"the {end} is {text!r}: give an address, a name, an id, an ARN or 'internet'")
    url = _URL.match(text.strip())
    if not url:
        return text.strip()
    if url["port"] and url["port"] != str(port):
        what = "source port" if end == "source" else "port"
        raise FlowdiagError(f"{text.strip()!r} names a port: give {url['port']} as the {what}, or leave it out")
    return url["host"] or url["six"]


def _protocol(text: str | int) -> int:
    fits = isinstance(text, str | int) and not isinstance(text, bool) and len(str(text)) <= LONGEST_PROTOCOL
    number = protocol_number(text) if fits else None
    if number is None or number == EVERY_PROTOCOL:
        raise FlowdiagError(f"protocol {text!r} is not known: use tcp, udp, icmp, icmpv6 or an IANA number from 0 to 255")
    return number


def _needed_port(port: int | str | None, protocol: int, every_port: bool) -> int | None:
    if port is None and protocol in (TCP, UDP) and not every_port:
        raise FlowdiagError(f"a {PROTOCOL_NAMES[protocol]} question needs a destination port: give one from 1 to 65535")
    return _port(_fitting(port, "port", protocol), "port")


def _fitting(port: int | str | None, what: str, protocol: int) -> int | str | None:
    """The port as it was given, where the protocol has ports."""
    if port is not None and protocol not in (TCP, UDP):
        name = PROTOCOL_NAMES.get(protocol, str(protocol))
        raise FlowdiagError(f"{what} {port!r} has no meaning for protocol {name}: leave it out")
    return port


def _port(port: int | str | None, what: str) -> int | None:
    if port is None:
        return None
    text = str(port).strip()
    if isinstance(port, bool) or not _NUMBER.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise FlowdiagError(f"{what} {port!r} is no port: give a whole number from 1 to 65535")
    return int(text)


def _between(at: str | datetime | None, window: str | timedelta | None) -> tuple[datetime | None, datetime | None]:
    """The span of time evidence may come from: a window that ends at `at`; no bounds where neither was given."""
    if at is None and window is None:
        return None, None
    end = _time(at) if at is not None else datetime.now(UTC)
    span = _span(window) if window is not None else LAST_HOUR
    try:
        return end - span, end
    except OverflowError:
        raise FlowdiagError(f"{span} before {end:%Y-%m-%dT%H:%MZ} is before the year 1: give a shorter window") from None


def _time(at: str | datetime) -> datetime:
    if isinstance(at, str) and _is_date(at):
        raise FlowdiagError(f"at={at!r} has no time of day: write it as {at.strip()}T12:04Z")
    try:
        moment = at if isinstance(at, datetime) else datetime.fromisoformat(at.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, AttributeError, OverflowError):
        raise FlowdiagError(f"at={at!r} is no time: write it as 2026-11-23T12:04Z") from None


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text.strip()))
    except ValueError:
        return False


def _span(window: str | timedelta) -> timedelta:
    if isinstance(window, timedelta):
        span = window
    else:
        match = _SPAN.match(str(window))
        span = _SPANS[match[2]] * int(match[1]) if match else timedelta()
    if span <= timedelta():
        raise FlowdiagError(f"window={window!r} is no length of time: write it as 90s, 30m, 2h or 7d")
    return span
