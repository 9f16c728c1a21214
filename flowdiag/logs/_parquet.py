"""A Parquet file of flow log records → Records, by polars: whole columns, and only the row groups that can hold the window.

AWS names the columns with underscores and gives numbers as INT32 and INT64
(https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html); others that rewrite the files use strings.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

from flowdiag.logs import CLOCK_SLACK, Sought, Tally, Window
from flowdiag.logs._needle import needles
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import ADDRESSES, LATEST_SECOND, NUMBERS, Layout, canonical
from flowdiag.model import Record

MAGIC = b"PAR1"
ROWS_A_BATCH = 50_000
WORDS = ("interface-id", "action", "log-status")
_ROW = "flowdiag row"
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
        schema = self._scan().collect_schema()
        self._types = {canonical(column): kind for column, kind in schema.items()}
        self._columns = {canonical(column): column for column in schema}
        self.layout = Layout(tuple(self._columns))

    def _scan(self, **options: Any) -> Any:
        return self._pl.scan_parquet(self._path, glob=False, hive_partitioning=False, low_memory=True, **options)

    def records(self) -> Iterator[Record]:
        """The records that name one of the addresses; everything else goes into the tally."""
        rows: int = self._scan().select(self._pl.len()).collect().item()
        self.tally.lines += rows
        unfit = self._unfit()
        if unfit:
            self.tally.lose(self.sought.interfaces, f"{self.name}: left out, for it {unfit}")
            self.tally.refused += rows
            return
        looked_at = 0
        lines = Lines(self.name, self.sought, self.tally, self.layout)
        for row, line in self._lines():
            looked_at += 1
            record = lines.record(line.encode(), row + 1)
            if record is not None:
                yield record
        lines.pass_over(rows - looked_at)
        self._note_actions()

    def _unfit(self) -> str:
        """Why the columns are not those of a flow log; empty where they are."""
        if not self.layout.known:
            return f"has no column of a flow log, but {', '.join(self._columns.values()) or 'none at all'}"
        for field, kind in self._types.items():
            wanted = "a number" if field in NUMBERS else "text" if field in (*ADDRESSES, *WORDS) else ""
            fits = (self._pl.String, self._pl.Categorical, self._pl.Null)
            if wanted and kind not in fits and not (wanted == "a number" and kind.is_numeric()):
                return f"has a column {self._columns[field]} of type {kind}, which is not {wanted}"
        return ""

    def _note_actions(self) -> None:
        """Whether the flow log keeps both kinds of traffic, as far as the first rows tell."""
        if "action" in self._columns and not (self.tally.accepts and self.tally.rejects):
            seen = set(self._scan().select(self._text("action")).head(_SAMPLE).unique().collect().to_series())
            self.tally.accepts += "ACCEPT" in seen
            self.tally.rejects += "REJECT" in seen

    # ------------------------------------------------------------ which rows

    def _lines(self) -> Iterator[tuple[int, str]]:
        """The rows to look at as a text log has them, with their number, batch by batch."""
        wanted = self._wanted()
        if wanted is None:
            return
        line = self._pl.concat_str([self._shown(field) for field in self._columns], separator=" ")
        found = self._scan(row_index_name=_ROW).filter(wanted)
        for batch in found.collect_batches(chunk_size=ROWS_A_BATCH, maintain_order=True, engine="streaming"):
            yield from batch.select(_ROW, line.alias("line")).iter_rows()

    def _shown(self, field: str) -> Any:
        """A column as text: `-` for no value, a number without a fraction, white space as tags write it."""
        column, kind = self._pl.col(self._columns[field]), self._types[field]
        if kind.is_float():
            column = column.cast(self._pl.Int64, strict=False)
        if kind.is_nested() or kind == self._pl.Binary:
            return self._pl.lit("-")
        text = column.cast(self._pl.String)
        if kind == self._pl.String:
            text = text.str.replace_all(r"\s+", "%20").replace("", "-")
        return text.fill_null("-")

    def _wanted(self) -> Any:
        """Rows that name an address or interface, as far as they may lie in the window; None where no row can."""
        exact = [str(wanted) for wanted in self.sought.addresses if wanted.version == 4]
        version6 = frozenset(wanted for wanted in self.sought.addresses if wanted.version == 6)
        spelt = [needle.decode() for needle in needles(version6)]
        named = [self._text(field) == text for field in self._present(ADDRESSES) for text in exact]
        named += [self._text(field).str.contains(text, literal=True) for field in self._present(ADDRESSES) for text in spelt]
        named += [self._text(field) == text for field in self._present(("interface-id",)) for text in self.sought.interfaces]
        return reduce(operator.or_, named) & self._timely(self.sought.window) if named else None

    def _present(self, fields: Iterable[str]) -> list[str]:
        return [field for field in fields if field in self._columns]

    def _text(self, field: str) -> Any:
        column = self._pl.col(self._columns[field])
        return column if self._types[field] == self._pl.String else column.cast(self._pl.String)  # a cast hides statistics

    def _timely(self, window: Window) -> Any:
        """Whether a row may lie in the window, in terms that the statistics of a row group can answer."""
        times = [self._second(field) for field in self._present(("start", "end"))]
        bounds = [self._pl.lit(True)]
        if times and window.start is not None:
            begins = int(window.start.timestamp()) - CLOCK_SLACK
            bounds.append(reduce(operator.or_, (time >= begins for time in times)))
        if times and window.end is not None:
            ends = int(window.end.timestamp()) + CLOCK_SLACK
            bounds.append(reduce(operator.or_, ((time <= ends) | (time > LATEST_SECOND) for time in times)))
        return reduce(operator.and_, bounds)

    def _second(self, field: str) -> Any:
        column = self._pl.col(self._columns[field])
        return column if self._types[field].is_numeric() else column.cast(self._pl.Int64, strict=False)
