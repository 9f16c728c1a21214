"""A large Parquet file far away → a copy of its footer and of the row groups that can hold the window; the rest are holes.

Row groups and the statistics of their columns stand in the footer, at the end of the file:
https://parquet.apache.org/docs/file-format/metadata/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from flowdiag.logs import Window
from flowdiag.logs._footer import UNREADABLE, footer_reader, may_hold
from flowdiag.model import FlowdiagError

WHOLE = 1 << 22
"""Bytes of a file up to which it is fetched whole: that takes no longer than asking for its footer first."""
TAIL = 1 << 16
"""Bytes from the end that hold most footers: one of 100 row groups of 14 columns has some 150 KB, and is asked for again."""
NEAR = 1 << 20
"""Bytes between two ranges that are fetched along, rather than to ask twice."""
_MAGIC, _LENGTH = b"PAR1", 4

Span = tuple[int, int]
"""From this byte up to that one, which is not part of it."""


class Copy:
    """A copy at `path` of a file of `size` bytes. `fetch` gives a span of it, or all of it for None; what it raises comes
    through, and so does a FlowdiagError where it gives another number of bytes than were asked for."""

    def __init__(self, path: Path, size: int, fetch: Callable[[Span | None], Iterator[bytes]]) -> None:
        self.path, self._size, self._fetch = path, size, fetch
        self._held: list[Span] = []

    def take(self, window: Window) -> None:
        """Fetch what can hold the window, or all, where the file is small, its footer does not tell, or nothing can read it."""
        reader = footer_reader() if window.bounded and self._size > WHOLE else None
        if reader is None:
            with self.path.open("wb") as file:
                file.writelines(self._fetch(None))
            self._held = [(0, self._size)]
            return
        with self.path.open("wb") as file:
            file.write(_MAGIC)
            file.truncate(self._size)
        spans = self._telling(reader, window)
        if spans is None:
            self._get([(0, self._size)])
        else:
            self._held.append((0, len(_MAGIC)))  # which a file with a footer begins with
            self._get(spans)

    @property
    def partly(self) -> bool:
        """True where it has holes."""
        return bool(self._missing([(0, self._size)]))

    def complete(self) -> bool:
        """Fill the holes; False where there was none."""
        partly = self.partly
        self._get([(0, self._size)])
        return partly

    def _telling(self, reader: Any, window: Window) -> list[Span] | None:
        """The spans of the row groups that can hold the window; None where the footer does not tell."""
        self._get([(self._size - TAIL, self._size)])
        ending = self._read(self._size - _LENGTH - len(_MAGIC))
        length = int.from_bytes(ending[:_LENGTH], "little") + len(ending)
        if not ending.endswith(_MAGIC) or length > self._size:
            return None
        self._get([(self._size - length, self._size)])
        try:
            return _spans(reader(BytesIO(self._read(self._size - length))), window, self._size - length)
        except UNREADABLE:
            return None

    def _read(self, begin: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(begin)
            return file.read()

    def _get(self, wanted: Iterable[Span]) -> None:
        """Fetch these spans, as far as they are not held yet."""
        for begin, end in self._missing(wanted):
            with self.path.open("r+b") as file:
                file.seek(begin)
                written = sum(map(file.write, self._fetch((begin, end))))
            if written != end - begin:
                raise FlowdiagError(f"{written} bytes came where {end - begin} were asked for: it may have been changed")
            self._held.append((begin, end))

    def _missing(self, wanted: Iterable[Span]) -> list[Span]:
        """What is not held of these spans, in order, near ones as one."""
        held = [(0, 0), *sorted(self._held), (self._size, self._size)]
        gaps = [(before[1], after[0]) for before, after in pairwise(held)]
        found: list[Span] = []
        for span in sorted(wanted):
            for gap in gaps:
                begin, end = max(span[0], gap[0]), min(span[1], gap[1])
                if begin < end:
                    near = bool(found) and begin - found[-1][1] <= NEAR
                    found.append((found.pop()[0] if near else begin, end))
        return found


def _spans(footer: Any, window: Window, data_end: int) -> list[Span] | None:
    """Where the row groups are that can hold the window; None where the footer contradicts itself."""
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    found = [_span(group) for group in groups if may_hold(group, window)]
    return found if all(0 <= begin < end <= data_end for begin, end in found) else None


def _span(group: Any) -> Span:
    columns = [group.column(place) for place in range(group.num_columns)]
    begins = [_begin(column) for column in columns]
    return min(begins), max(begin + column.total_compressed_size for begin, column in zip(begins, columns, strict=True))


def _begin(column: Any) -> int:
    pages: list[int | None] = [column.data_page_offset, column.dictionary_page_offset if column.has_dictionary_page else None]
    return min(page for page in pages if page)
