"""One flow record that several flow logs deliver, in formats of their own, counts once.

What tells a flow record is the same in every delivery: interface, header, action, times and counts. Where all of that agrees,
two lines are one record unless a field that both have says otherwise, as flow-direction does of a packet that enters an
interface and leaves it again. https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import count
from zlib import crc32

from flowdiag.model import Record

DIGEST = 16
"""Bytes by which a record that was already given is known again."""
_OWN = frozenset(("version",))  # of the format, not of the flow


def identity(record: Record) -> str:
    """What is the same for a record that several flow logs deliver. Of one whose format lacks some of it the line where it
    stands: many flows may be written in equal lines."""
    header = (record.source, record.destination, record.source_port, record.destination_port, record.protocol)
    counts = (record.start, record.end, record.packets, record.bytes)
    if None in header or None in counts:
        return f"{record.line or record!r} {record.where}"
    place = record.interface or record.gateway or record.more.get("resource-id", "")
    return " ".join(map(str, (place, *header, record.action, *counts)))


def keep(kept: dict[str, Record], record: Record) -> None:
    """Take in a record unless it is there; of two deliveries the one that tells more stays."""
    name = identity(record)
    for number in count():
        key = f"{name} {number}" if number else name
        known = kept.get(key)
        if known is None or _same(known, record):
            kept[key] = record if known is None else max(known, record, key=_told)
            return


def _same(one: Record, other: Record) -> bool:
    pairs = zip(_details(one), _details(other), strict=True)
    common = one.more.keys() & other.more.keys() - _OWN
    return all(mine in ("", None) or mine == its or its in ("", None) for mine, its in pairs) and all(
        one.more[name] == other.more[name] for name in common
    )


def _details(record: Record) -> tuple[str | int | None, ...]:
    """The fields that one format has and another leaves out."""
    return record.direction, record.packet_source, record.packet_destination, record.tcp_flags, record.reject_reason


def _told(record: Record) -> int:
    return sum(detail not in ("", None) for detail in _details(record)) + len(record.more)


class Delivered:
    """Which records were given already, in some 200 bytes each, however many there are.

    What is known of a record grows with every delivery of it, so how many there are depends on no order where two formats
    deliver them. Of three, none of which has all the fields of another, it may: which two of them are one record nobody can
    tell before all are there, and that many are not held.
    """

    def __init__(self) -> None:
        self._by_identity: dict[bytes, tuple[bytes, ...]] = {}

    def is_new(self, record: Record) -> bool:
        """Whether this record was not given before; from now on it was."""
        name = blake2b(identity(record).encode("utf-8", "surrogatepass"), digest_size=DIGEST).digest()
        known, mine = self._by_identity.get(name, ()), _signature(record)
        alike = [other for other in known if _agree(mine, other)]
        if not alike:
            self._by_identity[name] = (*known, mine)
        elif len(alike) == 1:  # of several nobody knows which one it is
            self._by_identity[name] = tuple(_merged(other, mine) if other is alike[0] else other for other in known)
        return not alike


_WIDTH = 4
_DETAILS = 5 * _WIDTH
"""Bytes of a signature before its formats."""
_FORMAT = 2 * _WIDTH


def _signature(record: Record) -> bytes:
    """The details, four bytes each and zero for none; then of each format that told of it which further fields it has, and what
    they hold."""
    further = sorted(record.more.items())
    details = (b"\0" * _WIDTH if detail in ("", None) else _short(str(detail)) for detail in _details(record))
    return b"".join((*details, _short(repr([name for name, _ in further])), _short(repr(further))))


def _short(text: str) -> bytes:
    return (crc32(text.encode("utf-8", "surrogatepass")) or 1).to_bytes(_WIDTH, "big")


def _agree(one: bytes, other: bytes) -> bool:
    details = zip(_parts(one[:_DETAILS]), _parts(other[:_DETAILS]), strict=True)
    if not all(mine == its or not any(mine) or not any(its) for mine, its in details):
        return False
    mine, its = _formats(one), _formats(other)
    return all(mine[names] == its[names] for names in mine.keys() & its.keys())


def _merged(one: bytes, other: bytes) -> bytes:
    """What two deliveries of one record tell together."""
    details = zip(_parts(one[:_DETAILS]), _parts(other[:_DETAILS]), strict=True)
    told = (mine if any(mine) else its for mine, its in details)
    formats = (names + values for names, values in (_formats(one) | _formats(other)).items())
    return b"".join((*told, *formats))


def _parts(signature: bytes, width: int = _WIDTH) -> Iterator[bytes]:
    return (signature[at : at + width] for at in range(0, len(signature), width))


def _formats(signature: bytes) -> dict[bytes, bytes]:
    """By the names of its further fields what they hold."""
    return {part[:_WIDTH]: part[_WIDTH:] for part in _parts(signature[_DETAILS:], _FORMAT)}
