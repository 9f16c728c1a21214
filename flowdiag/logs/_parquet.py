"""A Parquet file of flow log records → Records, by polars: whole columns, and only the row groups that can hold the window.

AWS names the columns with underscores and gives numbers as INT32 and INT64
(https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html); others that rewrite the files use strings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowdiag.logs import Sought, Tally
from flowdiag.logs._columns import Columns
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import Glance
from flowdiag.model import Record

MAGIC = b"PAR1"
ROWS_A_BATCH = 50_000
FEW = 500
"""Rows that are read one by one as fast as polars tells which of them are alike."""
_ROW, _PLAIN = "flowdiag row", "flowdiag plain"
_SAMPLE = 10_000


def records(path: Path, name: str, sought: Sought, tally: Tally) -> Iterator[Record]:
    """The records sought in a Parquet file, in its order; a file that cannot be read is a note in the tally."""
    try:
        import polars
    except ImportError:
        tally.lose(sought.interfaces, f"{name}: left out, for it is Parquet: pip install 'flowdiag[parquet]' reads it")
        return
    try:
        yield from File(polars, path, name, sought, tally).records()
    except (polars.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        tally.lose(sought.interfaces, f"{name} could not be read to its end ({reason}): only what was read before was used")


class File:
    """One Parquet file under search. Every row is counted; those are looked at that name something sought in the window."""

    def __init__(self, pl: Any, path: Path, name: str, sought: Sought, tally: Tally) -> None:
        self._pl, self._path, self.name, self.sought, self.tally = pl, path, name, sought, tally
        self._columns = Columns(pl, self._scan().collect_schema(), sought)
        self._lines = Lines(name, sought, tally, self._columns.layout)
        self._looked_at = 0

    def _scan(self, **options: Any) -> Any:
        return self._pl.scan_parquet(
            self._path, glob=False, hive_partitioning=False, low_memory=True, parallel="prefiltered", **options
        )

    def records(self) -> Iterator[Record]:
        """The records that are sought; everything else goes into the tally."""
        rows: int = self._scan().select(self._pl.len()).collect().item()
        self.tally.lines += rows
        unfit = self._columns.unfit()
        if unfit:
            self.tally.lose(self.sought.interfaces, f"{self.name}: left out, for it {unfit}")
            self.tally.refused += rows
            return
        for batch in self._batches():
            self._looked_at += batch.height
            for row, line in self._to_read(batch).iter_rows():
                record = self._lines.record(line.encode(), row + 1)
                if record is not None:
                    yield record
        self._lines.pass_over(rows - self._looked_at)
        self._note_actions()

    def _batches(self) -> Iterator[Any]:
        """The rows to look at, in their order."""
        wanted = self._columns.wanted()
        if wanted is None:
            return
        found = self._scan(row_index_name=_ROW).filter(wanted)
        yield from found.collect_batches(chunk_size=ROWS_A_BATCH, maintain_order=True, engine="streaming")

    def _to_read(self, batch: Any) -> Any:
        """The rows that have to be read as lines, with their numbers; the others are counted here."""
        plain = self._columns.plain() if batch.height > FEW else None
        if plain is not None:
            batch = batch.with_columns(plain.alias(_PLAIN))
            self._count(batch.filter(_PLAIN))
            batch = batch.filter(~self._pl.col(_PLAIN))
        return batch.select(_ROW, self._columns.line().alias("line"))

    def _count(self, rows: Any) -> None:
        by, picked = self._columns.alike()
        for interface, action, status, _, number, first, last in rows.group_by(by).agg(picked).iter_rows():
            self._lines.count(Glance(interface, first, last, action, status, ()), self._columns.layout, number)

    def _note_actions(self) -> None:
        """Whether the flow log keeps both kinds of traffic, as far as the first rows tell."""
        if "action" in self._columns.layout.fields and not (self.tally.accepts and self.tally.rejects):
            seen = set(self._scan().select(self._columns.text("action")).head(_SAMPLE).unique().collect().to_series())
            self.tally.accepts += "ACCEPT" in seen
            self.tally.rejects += "REJECT" in seen
