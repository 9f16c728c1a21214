"""Lines → Records: the one loop behind every source that delivers text; it counts each line exactly once.

Most lines of a log concern other flows, so a line is only looked at for interface, time and status (which coverage
needs) and taken apart when it may name one of the addresses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from flowdiag.address import address
from flowdiag.logs import Sought, Tally
from flowdiag.logs.record import DEFAULT, Glance, Layout
from flowdiag.model import Address, Record

_EXPORTED = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z\s+")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SILENT = ("NODATA", "SKIPDATA")


class Lines:
    """The lines of one file or stream; `layout` is what its LogFormat tells, and a header line in it overrules that."""

    def __init__(self, name: str, sought: Sought, tally: Tally, layout: Layout | None = None) -> None:
        self.name, self.sought, self.tally = name, sought, tally
        self.layout = layout or DEFAULT
        self._needles = _needles(sought.addresses)

    def read(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """The records that name one of the addresses; everything else goes into the tally."""
        for number, line in enumerate(lines, 1):
            self.tally.lines += 1
            record = self._line(line.removeprefix(_BYTE_ORDER_MARK), number)
            if record is not None:
                yield record

    def _line(self, line: bytes, number: int) -> Record | None:
        where = f"{self.name}:{number}"
        text = _unwrapped(line)
        if text is None:
            self.tally.refuse(where, 'is JSON without a flow log line under "message"')
        elif not text.strip():
            self.tally.blank += 1
        elif self._is_header(text):
            self.tally.headers += 1
        elif self._is_other_kind(text):
            self.tally.other_kinds += 1
        else:
            return self._flow_line(text, where)
        return None

    def _flow_line(self, line: bytes, where: str) -> Record | None:
        seen = self.layout.glance(line)
        if isinstance(seen, str):
            self.tally.refuse(where, seen)
            return None
        self._count(seen)
        if seen.status in SILENT or not self.sought.window.touches(seen.start, seen.end):
            return None
        if not any(needle in line for needle in self._needles):
            return None
        record = self.layout.record(line, where)
        return record if isinstance(record, Record) and self._concerned(record) else None

    def _count(self, seen: Glance) -> None:
        """Into the tally: the record, and that its interface is covered at that time."""
        tally = self.tally
        tally.records += 1
        tally.accepts += seen.action == "ACCEPT"
        tally.rejects += seen.action == "REJECT"
        if not self.sought.window.touches(seen.start, seen.end):
            tally.outside += 1
        elif seen.interface:
            tally.cover(seen.interface, seen.start, seen.end, seen.status == "SKIPDATA")

    def _concerned(self, record: Record) -> bool:
        named = (record.source, record.destination, record.packet_source, record.packet_destination)
        return any(address(text) in self.sought.addresses for text in named if text)

    def _is_header(self, line: bytes) -> bool:
        """True for a line of field names, which from here on are the layout; files joined together have several."""
        if not line[:1].isalpha():
            return False
        layout = Layout.of_header(line.decode("utf-8", "replace"))
        self.layout = layout or self.layout
        return layout is not None

    def _is_other_kind(self, line: bytes) -> bool:
        return self.layout.transit_gateway or (b"TransitGateway" in line and line.split()[1:2] == [b"TransitGateway"])


def _unwrapped(line: bytes) -> bytes | None:
    """The flow log line itself: out of a Firehose wrapping `{"message": "…"}`, without the time an export task puts before it."""
    if line[:1] == b"{":
        try:
            wrapped = json.loads(line)
        except ValueError:
            return None
        message = wrapped.get("message") if isinstance(wrapped, dict) else None
        return message.encode() if isinstance(message, str) else None
    exported = _EXPORTED.match(line)
    return line[exported.end() :] if exported else line


def _needles(addresses: frozenset[Address]) -> tuple[bytes, ...]:
    """What a line that concerns the addresses holds for certain; IPv6 can be written in several ways, so any colon will do."""
    version4 = {str(a).encode() for a in addresses if a.version == 4}
    return (*sorted(version4), *((b":",) if any(a.version == 6 for a in addresses) else ()))
