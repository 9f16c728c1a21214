"""The footer of a Parquet file → which of its row groups can hold the window, and of which time the others are.

Row groups and the statistics of their columns stand there: https://parquet.apache.org/docs/file-format/metadata/
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowdiag.logs import Tally, Window
from flowdiag.logs.record import LATEST_SECOND, canonical

UNREADABLE = (OSError, ValueError, ArithmeticError, NotImplementedError)
"""What a footer that cannot be read raises."""


def footer_reader() -> Any:
    """What reads a footer from a file; None where it is not installed."""
    try:
        from pyarrow.parquet import read_metadata
    except ImportError:
        return None
    return read_metadata


def may_hold(group: Any, window: Window) -> bool:
    """Whether a row of a row group may lie in the window, as far as statistics of its start and end tell."""
    times = _times(group)
    if times is None:
        return True
    first, last = window.seconds
    begins = first is None or any(highest >= first for _, highest in times)
    return begins and (last is None or any(lowest <= last or highest > LATEST_SECOND for lowest, highest in times))


def leave_out(path: Path, window: Window, tally: Tally) -> None:
    """Count the rows of a file that lie out of the window for certain, and take note of their times; nothing where the footer
    does not tell."""
    read = footer_reader()
    try:
        footer = read(path) if read else None
    except UNREADABLE:
        return
    for group in _groups(footer) if footer else ():
        seconds = [second for bounds in _times(group) or () for second in bounds if second <= LATEST_SECOND]
        if seconds and not may_hold(group, window):
            tally.leave_out(min(seconds), max(seconds), group.num_rows)
        elif seconds:
            first, last = window.seconds
            early = min(seconds) if first is not None and min(seconds) < first else None
            tally.leave_out(early, max(seconds) if last is not None and max(seconds) > last else None, 0)


def _groups(footer: Any) -> Iterator[Any]:
    return (footer.row_group(number) for number in range(footer.num_row_groups))


def _times(group: Any) -> list[tuple[int, int]] | None:
    """The lowest and the highest number of start and end in a row group; None where its statistics do not tell."""
    columns = (group.column(place) for place in range(group.num_columns))
    times = [_bounds(column) for column in columns if canonical(column.path_in_schema) in ("start", "end")]
    known = [bounds for bounds in times if bounds]
    return known if times and len(known) == len(times) else None


def _bounds(column: Any) -> tuple[int, int] | None:
    told = column.statistics
    if told is None or not told.has_min_max or not isinstance(told.min, int) or not isinstance(told.max, int):
        return None
    return told.min, told.max
