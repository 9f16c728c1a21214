"""The rows of Parquet files of the same columns → Records, by one scan of polars over all of the files.

polars comes as an argument, for it is imported only where there is Parquet to read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from flowdiag.logs import Tally
from flowdiag.logs._columns import Columns
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import Glance
from flowdiag.model import Record

ROWS_A_BATCH = 50_000
FEW = 500
"""Rows that are read one by one as fast as polars tells which of them are alike."""
_ROW, _PLAIN = "flowdiag row", "flowdiag plain"


@dataclass(frozen=True)
class Table:
    """A Parquet file as its footer tells it: its columns with their types, and how many rows it has."""

    path: Path
    name: str
    columns: tuple[tuple[str, Any], ...]
    rows: int


@dataclass
class Density:
    """Whether most files of a search lately held no record to be given: then their other columns are left unread.

    Where most hold one, to read all columns at once takes a quarter less time than in two steps; where few do, twice as
    much. It only chooses the way, so threads may share it.
    """

    sparse: bool = False

    def learn(self, files: int, holding: int) -> None:
        """Take note that of so many files so many held a record."""
        self.sparse = 2 * holding < files


def scan(pl: Any, paths: Iterable[Path], **options: Any) -> Any:
    """A scan of these files as one table; nothing is read yet."""
    return pl.scan_parquet(
        list(paths), glob=False, hive_partitioning=False, low_memory=True, parallel="prefiltered", **options
    )


class Rows:
    """The rows of all files in turn, numbered through. Each is counted; those are looked at that name something sought.

    Where `density` tells that most files hold no record, only the columns are read that tell so, and the others
    afterwards of the files that do.
    """

    def __init__(
        self, pl: Any, tables: Sequence[Table], columns: Columns, tally: Tally, density: Density, skip: int = 0
    ) -> None:
        self._pl, self._tables, self._columns, self._tally, self._density = pl, tables, columns, tally, density
        self._starts = [0, *accumulate(table.rows for table in tables)]
        self._skipped = self._done = skip
        self._lines = Lines(tables[0].name, columns.sought, tally, columns.layout)
        self._at_first = columns.telling() if density.sparse else ()
        self._holding: set[int] = set()

    def records(self) -> Iterator[Record]:
        """The records that are sought; everything else goes into the tally."""
        wanted = self._columns.wanted()
        if wanted is not None:
            odd = self._odd() if self._at_first else None
            for batch in self._batches(wanted):
                yield from self._of(batch.rechunk(), odd)  # it comes in pieces, which each cost as much as a thousand rows
        self._account(self._starts[-1], 0)
        self._density.learn(len(self._tables), len(self._holding))
        self._note_actions()

    def left(self) -> tuple[Sequence[Table], int]:
        """The files that are not told to their end, and how many rows of the first of them are."""
        first = self._place(self._done)
        return self._tables[first:], self._done - self._starts[first]

    def _scan(self, tables: Iterable[Table] | None = None) -> Any:
        return scan(self._pl, [table.path for table in tables or self._tables], row_index_name=_ROW)

    # ------------------------------------------------------------ one batch

    def _batches(self, wanted: Any) -> Iterator[Any]:
        """The rows to look at, in their order."""
        if self._skipped:
            wanted &= self._pl.col(_ROW) >= self._skipped
        found = self._scan().filter(wanted)
        if self._at_first:
            found = found.select(_ROW, *self._at_first)
        yield from found.collect_batches(chunk_size=ROWS_A_BATCH, maintain_order=True, engine="streaming")

    def _of(self, batch: Any, odd: Any) -> Iterator[Record]:
        """The records of a batch. Everything is read of it before anything is told, so that nothing is told twice."""
        alike, others = self._apart(batch, odd)
        lines = self._completed(others).select(_ROW, self._columns.line()).iter_rows() if others.height else ()
        self._count(alike)
        self._account(batch[_ROW][-1] + 1, batch.height)
        for row, line in lines:
            place = self._place(row)
            where = partial("{}:{}".format, self._tables[place].name, row - self._starts[place] + 1)
            record = self._lines.record(line.encode(), where)
            if record is not None:
                self._holding.add(place)
                yield record

    def _apart(self, batch: Any, odd: Any) -> tuple[Any, Any]:
        """The rows that can be counted together, and those that have to be read as lines."""
        plain = self._columns.plain(self._at_first) if self._at_first or batch.height > FEW else None
        if plain is None:
            return batch.clear(), batch
        batch = batch.with_columns(plain.alias(_PLAIN))
        if odd is not None:
            batch = batch.with_columns(self._pl.col(_PLAIN) & ~self._pl.col(_ROW).is_in(odd.implode()))
        return batch.filter(_PLAIN), batch.filter(~self._pl.col(_PLAIN))

    def _odd(self) -> Any:
        """The numbers of rows that hold a number out of its range in a column that is not read at first: where a row group
        has statistics they tell without reading it."""
        odd = self._columns.odd()
        return None if odd is None else self._scan().filter(odd).select(_ROW).collect(engine="streaming")[_ROW]

    def _completed(self, rows: Any) -> Any:
        """The rows with those of their columns that were not read at first, out of the files that hold them alone."""
        if not self._at_first:
            return rows
        places = [self._place(row) for row in rows[_ROW]]
        holding = sorted(set(places))
        starts = dict(zip(holding, accumulate((self._tables[place].rows for place in holding), initial=0), strict=False))
        numbers = [starts[place] + row - self._starts[place] for row, place in zip(rows[_ROW], places, strict=True)]
        among = self._pl.col(_ROW).is_in(self._pl.Series(numbers, dtype=rows[_ROW].dtype).implode())
        others = self._scan([self._tables[place] for place in holding]).filter(self._columns.wanted() & among)
        found = others.select(_ROW, *self._columns.others()).collect(engine="streaming").sort(_ROW)
        if found[_ROW].to_list() != numbers:
            raise ValueError("it was changed while it was read")
        return rows.hstack(found.drop(_ROW))

    def _place(self, row: int) -> int:
        """Which of the files a row is in."""
        return bisect_right(self._starts, row) - 1

    # ------------------------------------------------------------ what is counted

    def _account(self, upto: int, looked_at: int) -> None:
        """Count the rows before this one, as far as they are not yet; so many of them were looked at, the others passed over."""
        rows, self._done = upto - self._done, upto
        self._tally.lines += rows
        self._lines.pass_over(rows - looked_at)

    def _count(self, rows: Any) -> None:
        if not rows.height:
            return
        by, picked = self._columns.alike()
        for interface, action, status, _, number, first, last in rows.group_by(by).agg(picked).iter_rows():
            self._lines.count(Glance(interface, first, last, action, status, ()), self._columns.layout, number)

    def _note_actions(self) -> None:
        """Whether the flow log keeps both kinds of traffic. Where that cannot be read, silence only proves less."""
        if "action" not in self._columns.layout.fields:
            return
        for kind in ("ACCEPT", "REJECT"):
            name = f"{kind.lower()}s"
            if not getattr(self._tally, name):
                shown = self._scan().filter(self._columns.text("action") == kind).select(_ROW).head(1)
                setattr(self._tally, name, shown.collect(engine="streaming").height)
