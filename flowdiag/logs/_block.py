"""A stretch of a text in whole lines: read into one buffer again and again, searched there, its line ends counted."""

from __future__ import annotations

from typing import Protocol

from flowdiag.logs._needle import finder

SIZE = 1 << 19
"""Bytes of the buffer. What is unpacked into a larger one has left the processor's cache before it is searched; with smaller
ones the interpreter has more to do, and threads hand it to one another more often."""
LONGEST_LINE = 1 << 16
"""Bytes kept of a line that is not at its end: one of all fields there are has some 2,000."""
LINE_END = b"\n"
_ZERO = b"\0"


class Readable(Protocol):
    """What can be read piece by piece into a buffer."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Put what comes next into the buffer, from its front on: the number of bytes, 0 at the end."""


class Block:
    """Whole lines of a text, one stretch after another.

    `text` holds them up to `end`, which is behind the last line end; `find` is the fastest search in it.
    """

    def __init__(self) -> None:
        self.text, self.end = bytearray(SIZE + len(_ZERO)), 0
        self.find = self._fastest = finder(self.text)
        self._room, self._filled = memoryview(self.text)[:SIZE], 0

    def read_on(self, source: Readable) -> bool:
        """Go on to the next lines, to none where the next line end is further off; False at the end of the source."""
        kept = min(self._filled - self.end, LONGEST_LINE)
        self.text[:kept] = self.text[self.end : self.end + kept]
        read = source.readinto(self._room[kept:])
        self._filled = kept + read
        self.end = self.text.rfind(LINE_END, kept, self._filled) + 1
        self.find = self._fastest if self.text.find(_ZERO, 0, self._filled) < 0 else self.text.find
        return read > 0

    @property
    def rest(self) -> bytes:
        """What stands behind the last line end."""
        return bytes(self._room[self.end : self._filled])

    def line(self, begin: int) -> bytes:
        """The line that begins at a place, without its end."""
        return bytes(self._room[begin : self.text.index(LINE_END, begin)])

    def lines(self, begin: int) -> list[bytes]:
        """Every line from a place on, without their ends."""
        return bytes(self._room[begin : self.end - len(LINE_END)]).split(LINE_END)

    def count(self, begin: int, end: int) -> int:
        """The line ends between two places. To leave them out is several times as fast as to count them."""
        whole = begin == 0 and end == self.end and self._filled == len(self._room)  # no line end stands behind these
        part = self.text if whole else self.text[begin:end]
        return len(part) - len(part.replace(LINE_END, b""))

    def part(self, begin: int, number: int, parts: int) -> tuple[int, int]:
        """Where the lines of one part begin and end, of so many that share those from a place on."""
        step = (self.end - begin) // parts
        first = self.text.find(LINE_END, begin + number * step) + 1 if number else begin
        return first, self.text.find(LINE_END, begin + number * step + step) + 1 if number + 1 < parts else self.end


class Numbers:
    """The numbers of the lines of a block, counted only when they are asked for, in order, from the nearer end."""

    def __init__(self, block: Block, begin: int, number: int, lines: int) -> None:
        self._block, self._begin, self._number, self._behind = block, begin, number, number + lines

    def where(self, name: str, start: int) -> str:
        """The line that begins here, by file and number."""
        if start - self._begin > self._block.end - start:
            return f"{name}:{self._behind - self._block.count(start, self._block.end)}"
        self._number += self._block.count(self._begin, start)
        self._begin = start
        return f"{name}:{self._number}"
