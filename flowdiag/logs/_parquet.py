"""Parquet files of flow log records → Records, by polars: whole columns, and only the row groups that can hold the window.

AWS names the columns with underscores and gives numbers as INT32 and INT64
(https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html); others that rewrite the files use strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from flowdiag.logs import Sought, Tally
from flowdiag.logs._columns import Columns
from flowdiag.logs._footer import leave_out
from flowdiag.logs._rows import Density, Rows, Table
from flowdiag.logs._scan import failures, scan
from flowdiag.logs.record import EXCERPT
from flowdiag.model import Record

MAGIC = b"PAR1"
ACTIONS = {"ACCEPT": "accepts", "REJECT": "rejects"}
"""Where the tally counts each of them."""


def records(
    files: Sequence[tuple[Path, str]],
    sought: Sought,
    tally: Tally,
    density: Density | None = None,
    complete: Callable[[], bool] | None = None,
) -> Iterator[Record]:
    """The records sought in Parquet files, each a path and a name, in their order and that of their rows.

    A file that cannot be read is a note in the tally, and the others are read. `density` is that of the whole search,
    which goes on from these files to others. `complete` is given where a file has holes for the row groups that cannot hold
    the window: it fills them, and tells whether there were any, in case that more has to be read than was foreseen.
    """
    try:
        import polars
    except ImportError:
        for _, name in files:
            tally.lose(sought.interfaces, f"{name}: left out, for it is Parquet: pip install 'flowdiag[parquet]' reads it")
        return
    yield from _Files(polars, sought, tally, density or Density(), complete).records(files)


class _Files:
    """Parquet files under search: those of the same columns by one scan, and apart from one another where that fails."""

    def __init__(self, pl: Any, sought: Sought, tally: Tally, density: Density, complete: Callable[[], bool] | None) -> None:
        self._pl, self._sought, self._tally, self._density, self._complete = pl, sought, tally, density, complete
        self._failures = failures(pl)

    def records(self, files: Sequence[tuple[Path, str]]) -> Iterator[Record]:
        """The records that are sought; everything else goes into the tally."""
        for _, group in groupby(self._tables(files), attrgetter("columns")):
            tables = list(group)
            columns = Columns(self._pl, dict(tables[0].columns), self._sought)
            unfit = columns.unfit()
            if unfit:
                self._leave_out(tables, unfit)
            else:
                self._note_excerpts(tables)
                self._note_times(tables)
                yield from self._searched(tables, columns)
                self._note_actions(tables, columns)

    def _searched(self, tables: Sequence[Table], columns: Columns, skip: int = 0) -> Iterator[Record]:
        """The records of files by one scan; what it does not come to, as where it fails, by several over fewer files each.

        `skip` rows of the first file are told already.
        """
        rows = Rows(self._pl, tables, columns, self._tally, self._density, skip)
        try:
            yield from rows.records()
        except self._failures as error:
            if len(tables) == 1 and rows.left()[0] and not (self._complete and self._complete()):
                self._note(tables[0].name, error)
                return
        left, skip = rows.left()
        step = min(self._density.together, len(left) // 2) or 1
        for start in range(0, len(left), step):
            yield from self._searched(left[start : start + step], columns, skip if start == 0 else 0)

    def _note_excerpts(self, tables: Iterable[Table]) -> None:
        """What `flowdiag flows` wrote is no whole flow log, so that silence in it proves nothing."""
        for table in tables:
            try:
                excerpt = EXCERPT in self._pl.read_parquet_metadata(table.path)
            except self._failures:  # told where its rows are read
                excerpt = False
            if excerpt:
                note = "holds the records of one question alone, as flowdiag wrote them: what is not in it proves nothing"
                self._tally.lose(self._sought.interfaces, f"{table.name} {note}")

    def _note_times(self, tables: Iterable[Table]) -> None:
        """Of which time the rows are that are not read, for they lie out of the window."""
        for table in tables if self._sought.window.bounded else ():
            leave_out(table.path, self._sought.window, self._tally)

    def _note_actions(self, tables: Sequence[Table], columns: Columns) -> None:
        """Whether the flow log keeps both kinds of traffic; where a file does not tell, silence only proves less."""
        partly = any(table.partly for table in tables)
        try:
            for kind, name in ACTIONS.items():
                if "action" in columns.layout.fields and not getattr(self._tally, name):
                    rows = scan(self._pl, [table.path for table in tables]).filter(columns.acted(kind, within=partly))
                    setattr(self._tally, name, rows.select(columns.text("action")).head(1).collect(engine="streaming").height)
        except self._failures:
            middle = len(tables) // 2
            for half in (tables[:middle], tables[middle:]) if middle else ():
                self._note_actions(half, columns)

    def _tables(self, files: Sequence[tuple[Path, str]]) -> list[Table]:
        """The files whose footer can be read; each of the others is noted."""
        scans = [scan(self._pl, (path,)) for path, _ in files]
        try:
            columns = [tuple(found.collect_schema().items()) for found in scans]
            counted = self._pl.collect_all([found.select(self._pl.len()) for found in scans])
        except self._failures as error:
            if len(files) > 1:
                return [table for file in files for table in self._tables((file,))]
            self._note(files[0][1], error)
            return []
        return [
            Table(path, name, kinds, count.item(), self._complete is not None)
            for (path, name), kinds, count in zip(files, columns, counted, strict=True)
        ]

    def _leave_out(self, tables: Iterable[Table], reason: str) -> None:
        for table in tables:
            self._tally.lose(
                self._sought.interfaces, f"{table.name}: left out with all it holds (rows: {table.rows}), for it {reason}"
            )
            self._tally.lines += table.rows
            self._tally.refused += table.rows

    def _note(self, name: str, error: BaseException) -> None:
        reason = str(error).strip().split("\n")[0]
        note = f"{name} could not be read to its end ({reason}): only what was read before was used"
        self._tally.lose(self._sought.interfaces, note)
