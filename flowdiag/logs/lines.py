"""Lines → Records: what every source of text shares; it counts each line exactly once.

Most lines of a log concern other flows. A block of text is searched for what the lines of interest hold for certain, and
only those are taken apart; the others are passed over. What is looked at in those that are passed over is told in `scan`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from flowdiag.address import address
from flowdiag.logs import Sought, Tally
from flowdiag.logs._block import LINE_END, Block, Numbers, Readable
from flowdiag.logs._needle import line_starts, needles
from flowdiag.logs.record import DEFAULT, TRANSIT_GATEWAY, Glance, Layout
from flowdiag.model import Record

SILENT = ("NODATA", "SKIPDATA")
ENDS = 2
"""The first addresses of a glance: srcaddr and dstaddr. A record without one of them may be of anybody."""
_EXPORTED = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z\s+")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_INTERFACE = re.compile(rb"\b(?:eni|nat)-[0-9a-f]+")
_INTERFACE_AT_END = re.compile(_INTERFACE.pattern + rb"\s*\Z")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_IN_HEADERS = b"srcaddr"
Choose = Callable[[bytes], tuple[Layout, bytes] | str]
"""The layout of a line, and the line as it is read by it; or the reason why nobody can tell."""


class Lines:
    """The lines of one file or stream; `layout` is what its LogFormat tells, and a header line in it overrules that. One that was
    only assumed gives way to AWS's default format where the first line has that and not the other.

    `every`: the separators of one line of so many are counted, and those of the first block.
    """

    def __init__(self, name: str, sought: Sought, tally: Tally, layout: Layout | None = None, every: int = 1) -> None:
        self.name, self.sought, self.tally = name, sought, tally
        self._texts = frozenset(map(str, sought.addresses))
        self._texts_beyond = {one: frozenset(map(str, sought.named_by(one))) for one in sought.interfaces}
        self._bounded = sought.window.bounded
        self._every, self._parts, self._blocks, self._number = every, 1, 0, 0
        self._headed, self._interface = False, ""
        self._laid_out(layout or DEFAULT)

    def _laid_out(self, layout: Layout) -> None:
        """From here on lines have this layout. One that was only assumed may have lines of transit gateways in between."""
        self.layout = layout
        self._separators = 0  # spaces in a line of this layout, once one was read
        self._known_needles: tuple[bytes, ...] | None = None

    @property
    def _needles(self) -> tuple[bytes, ...]:
        """What lines of interest hold for certain; only blocks are searched for it."""
        if self._known_needles is None:
            plain = by_interface(self.layout, self.sought) and not self.layout.assumed
            self._known_needles = needles(() if plain else self.sought.addresses, self.sought.interfaces)
        return self._known_needles

    def _begin(self, line: bytes) -> None:
        """The first line of a layout that is no header: one that was assumed is held against it, and told."""
        if not self.layout.assumed or self.layout == DEFAULT:
            return
        if isinstance(self.layout.glance(line), str) and not isinstance(DEFAULT.glance(line), str):
            self._laid_out(DEFAULT)
            return
        note = f"lines without their field names are read by the {self.layout.assumed}"
        self.tally.notes += [note] if note not in self.tally.notes else []

    # ------------------------------------------------------------ every line

    def read(self, lines: Iterable[bytes | None]) -> Iterator[Record]:
        """The records that name one of the addresses; everything else goes into the tally. Looks at every line.

        None is a line that was to be unwrapped and could not be.
        """
        for line in lines:
            record = self.next(line)
            if record is not None:
                yield record

    def next(self, line: bytes | None, choose: Choose | None = None, interface: str = "") -> Record | None:
        """The record of the line that follows; `choose` tells its layout, unless a header line did, and `interface` whose
        stream it is from, where it has one of its own."""
        self._interface = interface
        self.tally.lines += 1
        self._number += 1
        return self._line(line, self._where(self._number), choose)

    def _where(self, number: int) -> Callable[[], str]:
        return partial("{}:{}".format, self.name, number)

    def record(self, line: bytes, where: Callable[[], str]) -> Record | None:
        """The record of a line that is no header, where it names one of the addresses; counted, but not in `lines`."""
        return self._flow_line(line, line, where)

    def _line(self, line: bytes | None, where: Callable[[], str], choose: Choose | None = None) -> Record | None:
        plain = choose is None or self._headed
        if plain and line and line[:1].isdigit() and line[4:5] != b"-":  # most: no header, nothing around it, no time before it
            return self._flow_line(line, line, where)
        text = None if line is None else _unwrapped(line.removeprefix(_BYTE_ORDER_MARK))
        if text is None:
            self.tally.refuse(
                where(),
                'is JSON without a flow log line under "message": save whole events, or query results with @message',
                self._may_be_of(line or b""),
            )
        elif not text.strip():
            self.tally.blank += 1
        elif self._is_header(text):
            self.tally.headers += 1
        elif choose is None or self._headed:
            return self._flow_line(text, line or text, where)
        else:
            return self._chosen_line(choose(text), text, where)
        return None

    def _chosen_line(self, chosen: tuple[Layout, bytes] | str, text: bytes, where: Callable[[], str]) -> Record | None:
        if isinstance(chosen, str):
            self.tally.refuse(where(), chosen, self._may_be_of(text))
            return None
        layout, line = chosen
        if layout != self.layout:
            self._laid_out(layout)
        return self._flow_line(line, line, where)

    def _flow_line(self, line: bytes, raw: bytes, where: Callable[[], str]) -> Record | None:
        if not self._separators:
            self._begin(line)
        layout = TRANSIT_GATEWAY if _of_gateway(line) and not self.layout.transit_gateway else self.layout
        seen = layout.glance(line)
        if isinstance(seen, str):
            if layout is TRANSIT_GATEWAY:
                self.tally.other_kinds += 1  # of a custom format, which no header tells
            else:
                self.tally.refuse(where(), seen, self._may_be_of(line))
            return None
        self._separators = self._separators or (0 if layout is TRANSIT_GATEWAY else raw.count(b" "))
        if not self.count(seen, layout):
            return None
        return layout.taken_apart(line, where()) if self._concerned(seen, layout) else None

    def _may_be_of(self, line: bytes) -> frozenset[str]:
        """The interfaces sought that a line which cannot be read may be of: it names them or is in their stream; or else all."""
        named = frozenset(filter(None, (*(text.decode() for text in _INTERFACE.findall(line)), self._interface)))
        if not named:
            return self.sought.interfaces
        torn = _INTERFACE_AT_END.search(line)
        begun = torn[0].decode() if torn else ""
        return frozenset(one for one in self.sought.interfaces if one in named or (begun and one.startswith(begun)))

    def count(self, seen: Glance, layout: Layout, number: int = 1) -> bool:
        """Into the tally: the record, and that its interface is covered at that time. True for traffic in the window.

        `number`: of so many records that differ in nothing else; `seen` then has their first start and last end.
        """
        tally = self.tally
        if layout.transit_gateway:
            tally.other_kinds += number
        else:
            tally.records += number
        tally.accepts += number * (seen.action == "ACCEPT")
        tally.rejects += number * (seen.action == "REJECT")
        untimed = self._bounded and seen.start is None and seen.end is None
        tally.untimed += number * untimed
        if self._bounded and not untimed and not self.sought.window.touches(seen.start, seen.end):
            tally.leave_out(seen.start, seen.end, number)
            return False
        if seen.interface in self.sought.interfaces:
            kinds = (number * (seen.action == "ACCEPT"), number * (seen.action == "REJECT"))
            tally.cover(seen.interface, seen.start, seen.end, number * (seen.status == "SKIPDATA"), *kinds)
        return seen.status not in SILENT and not untimed

    def _concerned(self, seen: Glance, layout: Layout) -> bool:
        texts, wanted = self._texts, self.sought.addresses
        if by_interface(layout, self.sought):
            if seen.interface not in self.sought.interfaces:
                return False
            if all(seen.named[:ENDS]):
                texts, wanted = self._texts_beyond[seen.interface], self.sought.named_by(seen.interface)
        return not texts.isdisjoint(seen.named) or any(address(text) in wanted for text in seen.named if ":" in text)

    def _is_header(self, line: bytes) -> bool:
        """True for a line of field names, which from here on are the layout; files joined together have several.

        A LogFormat as AWS shows it, written in front of the lines, is one too.
        """
        if not line[:1].isalpha() and line[:2] != b"${":
            return False
        text = line.decode("utf-8", "replace")
        layout = Layout.of_header(" ".join(_VARIABLE.findall(text)) if text[0] == "$" else text)
        if layout is not None and layout != self.layout:
            self._laid_out(layout)
        self._headed = self._headed or layout is not None
        return layout is not None

    # ------------------------------------------------------------ blocks of lines

    def scan(self, text: Readable, broken: Callable[[], bool] = bool) -> Iterator[Record]:
        """The same of a text that is read piece by piece. `broken` tells at its end whether that is a tear.

        A line without a needle is counted and passed over. Separators are counted too: in the first block all of them, in
        each that follows those of one part of `every`, each time another. Where their number is not that of so many whole
        records, each line of the block is looked at, and where one of them is refused, the next block is counted whole
        again; each line is looked at too in a block that holds a header with srcaddr in it. What is not noticed: a
        malformed line without a needle in the parts in between, or two in one part whose separators make up for one
        another; there too a transit gateway's line among those of interfaces, where a header or LogFormat says that it is
        none.
        """
        block = Block()
        while block.read_on(text):
            if block.end:
                yield from self._block(block)
        if block.rest and broken():
            self.tally.lines += 1
            self.tally.refuse(f"{self.name}: last line", "is cut off where the file breaks")
        elif block.rest:
            yield from self.read((block.rest,))

    def _block(self, block: Block) -> Iterator[Record]:
        """The records of its lines."""
        begin = 0
        while begin < block.end and not self._separators:  # no line was read yet that tells what a whole one is
            line = block.line(begin)
            yield from self.read((line,))
            begin += len(line) + len(LINE_END)
        if begin == block.end:
            return
        lines, refused = block.count(begin, block.end), self.tally.refused
        if self._needs_each_line(block, begin, lines):
            yield from self.read(block.lines(begin))
            self._parts = self._every if self.tally.refused == refused else 1
            return
        self._parts = self._every
        self._note_actions(block, begin)
        starts = line_starts(block.text, begin, block.end, self._needles, block.find)
        numbers = Numbers(block, begin, self._number + 1, lines)
        for start in starts:
            record = self._line(block.line(start), partial(numbers.where, self.name, start))
            if record is not None:
                yield record
        self.pass_over(lines - len(starts))
        self.tally.lines += lines
        self._number += lines

    def _needs_each_line(self, block: Block, begin: int, lines: int) -> bool:
        """Whether there may be a line from here on that is no record of this layout."""
        first, end = block.part(begin, self._blocks % self._parts, self._parts)
        looked_at = lines if self._parts == 1 else block.count(first, end)
        self._blocks += 1
        if block.text.count(b" ", first, end) != looked_at * self._separators:
            return True
        return block.find(b"r", begin, block.end) >= 0 and block.find(_IN_HEADERS, begin, block.end) >= 0  # r: seldom there

    def _note_actions(self, block: Block, begin: int) -> None:
        """Whether the flow log keeps both kinds of traffic, which the lines that are passed over tell as well."""
        if "action" in self.layout.fields:
            self.tally.accepts = self.tally.accepts or int(block.find(b"ACCEPT", begin, block.end) >= 0)
            self.tally.rejects = self.tally.rejects or int(block.find(b"REJECT", begin, block.end) >= 0)

    def pass_over(self, lines: int) -> None:
        """Count lines that name nothing sought, but in `lines`."""
        self.tally.passed += lines
        if self.layout.transit_gateway:
            self.tally.other_kinds += lines
        else:
            self.tally.records += lines


def by_interface(layout: Layout, sought: Sought) -> bool:
    """Whether a line of this layout matters only where it names one of the interfaces; otherwise an address is enough."""
    return layout.of_interfaces and bool(sought.interfaces)


def _of_gateway(line: bytes) -> bool:
    """Whether a line says itself that it is a transit gateway's: the second field of their default format."""
    return b"TransitGateway" in line and line.split()[1:2] == [b"TransitGateway"]


def _unwrapped(line: bytes) -> bytes | None:
    """The flow log line itself: out of a Firehose wrapping `{"message": "…"}`, without the time an export task puts before it."""
    if line[:1] == b"{":
        try:
            wrapped = json.loads(line)
        except (ValueError, RecursionError):  # no JSON, or nested deeper than anything that holds a record
            return None
        message = wrapped.get("message") if isinstance(wrapped, dict) else None
        return message.encode("utf-8", "surrogatepass") if isinstance(message, str) else None
    exported = _EXPORTED.match(line)
    return line[exported.end() :] if exported else line
