"""The rows of Parquet files of the same columns → Records, by one scan of polars over all of the files.

polars comes as an argument, for it is imported only where there is Parquet to read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from flowdiag.logs import Tally
from flowdiag.logs._columns import Columns
from flowdiag.logs._scan import batches, scan
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import Glance
from flowdiag.model import Record

TOGETHER = 25
"""Files that are searched by one scan where little is found: with fewer the cores wait for one another, with more one that is
torn costs more."""
CROWDED = 16
"""One row in so many is much: then a scan over several files holds too many rows in memory."""
FEW = 500
"""Rows that are read one by one as fast as polars tells which of them are alike."""
_CHANGED = "it was changed while it was read"
_ROW, _PLAIN = "flowdiag row", "flowdiag plain"


@dataclass(frozen=True)
class Table:
    """A Parquet file as its footer tells it: its columns with their types, and how many rows it has.

    `partly`: of its row groups only those are there that can hold the window.
    """

    path: Path
    name: str
    columns: tuple[tuple[str, Any], ...]
    rows: int
    partly: bool = False


@dataclass
class Density:
    """How much the files of a search held lately, by which the next are read; threads may share it, for the way alone differs.

    `together` files are searched by one scan. Where most are `sparse`, that is hold no record to be given, only the columns
    are read that tell so, and then the others of the files that do hold one: for those that takes a quarter more time than
    to read all at once, for the sparse ones half.
    """

    together: int = 1
    sparse: bool = False

    def learn(self, files: int, holding: int, rows: int, looked_at: int) -> None:
        """Take note that of so many files so many held a record, and of so many rows so many were looked at."""
        self.sparse = 2 * holding < files if files else self.sparse
        self.together = 1 if CROWDED * looked_at > rows else TOGETHER


class Rows:
    """The rows of all files in turn, numbered through. Each is counted; those are looked at that name something sought.

    Where `density` tells that most files hold no record, only the columns are read that tell so, and the others
    afterwards of the files that do.
    """

    def __init__(self, pl: Any, tables: Sequence[Table], columns: Columns, tally: Tally, density: Density, skip: int = 0) -> None:
        self._pl, self._tables, self._columns, self._tally, self._density = pl, tables, columns, tally, density
        self._starts = [0, *accumulate(table.rows for table in tables)]
        self._skipped = self._done = skip
        self._looked_at, self._read_again = 0, False
        self._lines = Lines(tables[0].name, columns.sought, tally, columns.layout)
        self._at_first = columns.telling() if density.sparse else ()
        self._holding: set[int] = set()

    def records(self) -> Iterator[Record]:
        """The records that are sought; everything else goes into the tally. Ends before all is told, as `left` tells, where
        the rest is better read in another way."""
        with closing(self._batches()) as found:
            for batch in found:
                if self._misjudged():
                    break
                yield from self._of(batch)
            else:
                self._account(self._starts[-1], 0)
        self._learn()

    def _learn(self) -> None:
        timely = self._looked_at or not self._columns.sought.window.bounded  # files out of the window tell nothing of others
        files = self._place(self._done - 1) + 1 if timely else 0
        self._density.learn(files, len(self._holding), self._done - self._skipped, self._looked_at)

    def _misjudged(self) -> bool:
        """Whether the files hold more than was foreseen."""
        crowded = CROWDED * self._looked_at > self._done - self._skipped > 0
        return (crowded and len(self._tables) > 1) or self._read_again

    def left(self) -> tuple[Sequence[Table], int]:
        """The files that are not told to their end, and how many rows of the first of them are."""
        first = self._place(self._done)
        return self._tables[first:], self._done - self._starts[first]

    def _scan(self, tables: Iterable[Table] | None = None) -> Any:
        return scan(self._pl, [table.path for table in tables or self._tables], row_index_name=_ROW)

    # ------------------------------------------------------------ one batch

    def _batches(self) -> Generator[Any]:
        """The rows to look at, in their order."""
        wanted = self._columns.wanted()
        if wanted is None:
            return
        if self._skipped:
            wanted &= self._pl.col(_ROW) >= self._skipped
        found = self._scan().filter(wanted)
        yield from batches(found.select(_ROW, *self._at_first) if self._at_first else found)

    def _of(self, batch: Any) -> Iterator[Record]:
        """The records of a batch. Everything is read of it before anything is told, so that nothing is told twice."""
        following = batch[_ROW][-1] + 1
        if following > self._starts[-1]:
            raise ValueError(_CHANGED)
        alike, others = self._apart(batch)
        lines = self._completed(others).select(_ROW, self._columns.line()).iter_rows() if others.height else ()
        self._count(alike)
        self._account(following, batch.height)
        for row, line in lines:
            place = self._place(row)
            where = partial("{}:{}".format, self._tables[place].name, row - self._starts[place] + 1)
            record = self._lines.record(line.encode(), where)
            if record is not None:
                self._holding.add(place)
                yield record

    def _apart(self, batch: Any) -> tuple[Any, Any]:
        """The rows that can be counted together, and those that have to be read as lines."""
        plain = self._columns.plain(self._at_first) if self._at_first or batch.height > FEW else None
        if plain is None:
            return batch.clear(), batch
        if self._at_first and self._odd is not None:
            plain &= ~self._pl.col(_ROW).is_in(self._odd.implode())
        batch = batch.with_columns(plain.alias(_PLAIN))
        return batch.filter(_PLAIN), batch.filter(~self._pl.col(_PLAIN))

    @cached_property
    def _odd(self) -> Any:
        """The numbers of rows that hold a number out of its range in a column that is not read at first: where a row group
        has statistics they tell without reading it."""
        odd = self._columns.odd()
        return None if odd is None else self._scan().filter(odd).select(_ROW).collect(engine="streaming")[_ROW]

    def _completed(self, rows: Any) -> Any:
        """The rows with those of their columns that were not read at first, out of the files that hold them alone."""
        if not self._at_first:
            return rows
        self._read_again = True
        places = [self._place(row) for row in rows[_ROW]]
        holding = sorted(set(places))
        starts = dict(zip(holding, accumulate((self._tables[place].rows for place in holding), initial=0), strict=False))
        numbers = [starts[place] + row - self._starts[place] for row, place in zip(rows[_ROW], places, strict=True)]
        among = self._pl.col(_ROW).is_in(self._pl.Series(numbers, dtype=rows[_ROW].dtype).implode())
        others = self._scan([self._tables[place] for place in holding]).filter(self._columns.wanted() & among)
        found = others.select(_ROW, *self._columns.others()).collect(engine="streaming").sort(_ROW)
        if found[_ROW].to_list() != numbers:
            raise ValueError(_CHANGED)
        return rows.hstack(found.drop(_ROW))

    def _place(self, row: int) -> int:
        """Which of the files a row is in."""
        return bisect_right(self._starts, row) - 1

    # ------------------------------------------------------------ what is counted

    def _account(self, upto: int, looked_at: int) -> None:
        """Count the rows before this one, as far as they are not yet; so many of them were looked at, the others passed over."""
        rows, self._done = upto - self._done, upto
        self._looked_at += looked_at
        self._tally.lines += rows
        self._lines.pass_over(rows - looked_at)

    def _count(self, rows: Any) -> None:
        if not rows.height:
            return
        by, picked = self._columns.alike()
        for interface, action, status, _, number, first, last in rows.group_by(by).agg(picked).iter_rows():
            self._lines.count(Glance(interface, first, last, action, status, ()), self._columns.layout, number)
