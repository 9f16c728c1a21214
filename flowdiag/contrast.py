"""What sets some records of one flow apart from others: when they were, and which ports the client drew."""

from __future__ import annotations

from datetime import UTC, datetime

from flowdiag.logs import CLOCK_SLACK
from flowdiag.model import Direction, Record


def contrast(records: list[Record], direction: Direction) -> str:
    """What sets the rejected records of a mixed sighting apart from the accepted ones: their time, or the client's ports."""
    rejected = [r for r in records if r.action == "REJECT"]
    accepted = [r for r in records if r.action == "ACCEPT"]
    if not rejected or not accepted:
        return ""
    for first, later, words in (
        (rejected, accepted, "rejected first, accepted"),
        (accepted, rejected, "accepted first, rejected"),
    ):
        start = min((r.start for r in later if r.start is not None), default=0)
        begun = at(start)
        if begun and start > max(map(when, first)) + CLOCK_SLACK:
            return f"{words} since {begun:%Y-%m-%dT%H:%M:%SZ}: something was changed in between (inferred from their order)"
    refused, served = (_clients(some, direction) for some in (rejected, accepted))
    if refused and served and (refused[-1] < served[0] or served[-1] < refused[0]):
        return f"rejected with client {_ports(refused)}, accepted with client {_ports(served)}"
    return ""


def _clients(records: list[Record], direction: Direction) -> list[int]:
    """The client's ports in these records, in order."""
    found = (r.source_port if direction == "request" else r.destination_port for r in records)
    return sorted({port for port in found if port is not None})


def _ports(several: list[int]) -> str:
    return f"port {several[0]}" if len(several) == 1 else f"ports {several[0]}-{several[-1]}"


def when(record: Record) -> int:
    """The last second of a record, 0 where its layout has no times."""
    return record.end if record.end is not None else record.start or 0


def moment(record: Record) -> datetime | None:
    """When the last packet of a record was seen, ±60 s; None where its layout has no times (or they are no dates)."""
    return at(when(record))


def at(second: int) -> datetime | None:
    """A Unix second as a time, None for zero and for what is no date."""
    try:
        return datetime.fromtimestamp(second, UTC) if second else None
    except (OverflowError, ValueError, OSError):
        return None
