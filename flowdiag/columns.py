"""Records → columns: an Arrow table in memory, or a Parquet file, under AWS's names with underscores; by polars.

The columns are those of `flowdiag.logs`' own Parquet files: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowdiag.logs.record import DEFAULT_FIELDS, EXCERPT, WHOLE, fields_of, in_order
from flowdiag.model import FlowdiagError, Record

if TYPE_CHECKING:
    import polars

ROWS_A_BATCH = 20_000
"""Records held as objects at a time: some 40 MB."""


class Arrow:
    """Columns that every library of data frames takes: `polars.DataFrame`, `pyarrow.table`, `pandas.DataFrame.from_arrow`.

    https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
    """

    def __init__(self, frame: polars.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return self._frame.height


def arrow(records: Iterable[Record]) -> Arrow:
    """All of the records as columns; those of the default format are always there, others where a record has them."""
    pl = _engine()
    frames = [_frame(pl, (), DEFAULT_FIELDS), *_frames(pl, records)]
    whole = pl.concat(frames, how="diagonal")
    return Arrow(whole.select(sorted(whole.columns, key=_place)))


def write_parquet(records: Iterable[Record], path: str | Path) -> int:
    """Write all of the records to a new Parquet file, holding a batch of them at a time; the number that was written.

    Nothing is left of the file where reading the records fails. Raises FlowdiagError where the file is there already, or cannot
    be written.
    """
    pl = _engine()
    try:
        return _written(pl, records, Path(path))
    except FileExistsError:
        raise FlowdiagError(f"Parquet file {str(path)!r} is there already: name a new one") from None
    except OSError as error:
        reason = error.strerror or error
        raise FlowdiagError(f"Parquet file {str(path)!r} cannot be written ({reason}): name one elsewhere") from None


def _written(pl: Any, records: Iterable[Record], target: Path) -> int:
    if target.is_dir() or not target.parent.is_dir():
        reason = "is a folder" if target.is_dir() else "is in no folder that exists"
        raise FlowdiagError(f"Parquet file {str(target)!r} {reason}: name a new one")
    if target.exists():
        raise FileExistsError
    with tempfile.TemporaryDirectory(prefix=".flowdiag-", dir=target.parent) as folder:
        parts, rows = [_part(_frame(pl, (), DEFAULT_FIELDS), folder, 0)], 0
        for frame in _frames(pl, records):
            parts.append(_part(frame, folder, len(parts)))
            rows += frame.height
        whole = pl.concat([pl.scan_parquet(part) for part in parts], how="diagonal")
        columns = sorted(whole.collect_schema().names(), key=_place)
        finished = Path(folder) / "whole"
        whole.select(columns).sink_parquet(finished, engine="streaming", metadata={EXCERPT: "the records of one question"})
        _publish(finished, target)
    return rows


def _publish(finished: Path, target: Path) -> None:
    """Under its name only once it is whole; another file that took the name meanwhile stays."""
    with finished.open("rb") as whole, target.open("xb") as out:
        shutil.copyfileobj(whole, out)


def _part(frame: polars.DataFrame, folder: str, number: int) -> Path:
    path = Path(folder) / f"part-{number}"
    frame.write_parquet(path)
    return path


def _frames(pl: Any, records: Iterable[Record]) -> Iterator[polars.DataFrame]:
    pending = iter(records)
    while batch := [fields_of(record) for record in islice(pending, ROWS_A_BATCH)]:
        yield _frame(pl, batch, dict.fromkeys(name for row in batch for name in row))


def _frame(pl: Any, rows: Iterable[dict[str, str | int]], names: Iterable[str]) -> polars.DataFrame:
    held = list(rows)
    columns = [
        pl.Series(name.replace("-", "_"), [row.get(name) for row in held], _type(pl, name), strict=False) for name in names
    ]
    frame: polars.DataFrame = pl.DataFrame(columns)
    return frame


def _type(pl: Any, name: str) -> Any:
    return pl.Int64 if name in WHOLE else pl.String


def _place(column: str) -> tuple[int, str]:
    return in_order(column.replace("_", "-"))


def _engine() -> Any:
    try:
        import polars
    except ImportError:
        raise FlowdiagError("Arrow columns and Parquet files need polars: pip install 'flowdiag[parquet]'") from None
    return polars
