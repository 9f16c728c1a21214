"""What sets some records of one flow apart from others: when they were, and which ports the client drew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from flowdiag.logs import CLOCK_SLACK
from flowdiag.model import TCP, Direction, Record, Sighting
from flowdiag.times import moment_of, shown

REMEMBERED = 30  # seconds that a security group remembers a flow of UDP in one direction, unless told otherwise


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
        started = at(min(map(begun, later)))
        if started and follows(map(begun, first), map(begun, later)):
            return f"{words} since {shown(started)}: something was changed in between (inferred from their order)"
    refused, served = (_clients(some, direction) for some in (rejected, accepted))
    if apart(refused, served):
        return f"rejected with client {ports(refused)}, accepted with client {ports(served)}"
    return ""


def follows(first: Iterable[int], later: Iterable[int]) -> bool:
    """Whether the later seconds come after the first ones, side by side for no longer than times are late.

    Something has to begin later, by more than times are late, or nothing tells an order.
    """
    first, later = sorted(first), sorted(later)
    if not first or not later:
        return False
    return max(first) <= min(later) + CLOCK_SLACK and max(later) > min(first) + CLOCK_SLACK and min(later) > min(first)


def apart(some: Sequence[int], others: Sequence[int]) -> bool:
    """Whether two sorted rows of numbers do not overlap."""
    return bool(some and others) and (some[-1] < others[0] or others[-1] < some[0])


def _clients(records: list[Record], direction: Direction) -> list[int]:
    """The client's ports in these records, in order."""
    found = (r.source_port if direction == "request" else r.destination_port for r in records)
    return sorted({port for port in found if port is not None})


def ports(several: Sequence[int]) -> str:
    """Ports in order, as a sentence names them."""
    return f"port {several[0]}" if len(several) == 1 else f"ports {several[0]}-{several[-1]}"


def outlived(seen: Iterable[Sighting]) -> bool:
    """Whether a reply that was denied, of a protocol without connections, came so long after every request before it that a
    security group may have forgotten these.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#connection-tracking-timeouts
    """
    several = tuple(seen)
    records = [(one.point, record) for one in several for record in one.records if record.protocol not in (None, TCP)]
    asked = [record for point, record in records if point.startswith("request") and record.action == "ACCEPT"]
    whole = max((_whole_since(one) for one in several if one.point.startswith("request")), default=0)
    denied = [r for point, r in records if point.startswith("reply") and r.action == "REJECT" and begun(r) >= whole]
    gaps = [min((begun(one) - when(r) for r in asked if begun(r) <= begun(one)), default=0) for one in denied]
    return max(gaps, default=0) > REMEMBERED


def _whole_since(sighting: Sighting) -> int:
    """The second since which none of its records is left out: of many only the newest are kept, and the first of each kind."""
    kept = sighting.records
    return begun(kept[len(kept) // 2]) if sighting.count > len(kept) and kept else 0


def size_of(record: Record) -> float:
    """Bytes a packet, 0 where the layout does not tell."""
    return record.bytes / record.packets if record.bytes and record.packets else 0


def begun(record: Record) -> int:
    """The first second of a record, 0 where its layout has no times."""
    return record.start if record.start is not None else record.end or 0


def when(record: Record) -> int:
    """The last second of a record, 0 where its layout has no times."""
    return record.end if record.end is not None else record.start or 0


def moment(record: Record) -> datetime | None:
    """When the last packet of a record was seen, ±60 s; None where its layout has no times (or they are no dates)."""
    return at(when(record))


def at(second: int) -> datetime | None:
    """A Unix second as a time, None for zero and for what is no date."""
    return moment_of(second) if second else None
