"""Parquet files as one table to polars, and what a query over them finds, batch by batch.

polars comes as an argument, for it is imported only where there is Parquet to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Any

ROWS_A_BATCH = 10_000


def failures(pl: Any) -> tuple[type[BaseException], ...]:
    """What polars raises where a file cannot be read: at a few that are spoilt it panics, which is no Exception."""
    return pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError


def scan(pl: Any, paths: Iterable[Path], **options: Any) -> Any:
    """These files as one table, row after row; nothing is read yet."""
    return pl.scan_parquet(list(paths), glob=False, hive_partitioning=False, low_memory=True, parallel="prefiltered", **options)


def batches(query: Any) -> Iterator[Any]:
    """What a query finds, in its order, of which only a few batches wait at a time; raises one of `failures`.

    polars' own `collect_batches` ends in silence where it panics, as if there were no more.
    """
    waiting: Queue[Any] = Queue(1)
    given_up = Event()

    def take(batch: Any) -> bool:
        waiting.put(batch)
        return given_up.is_set()

    def run() -> None:
        try:
            query.sink_batches(take, chunk_size=ROWS_A_BATCH, maintain_order=True, engine="streaming")
        finally:
            waiting.put(None)

    with ThreadPoolExecutor(max_workers=1) as pool:
        running, batch = pool.submit(run), query
        try:
            while (batch := waiting.get()) is not None:
                yield batch.rechunk()  # it comes in pieces, which each cost as much as a thousand rows
        finally:
            given_up.set()
            while batch is not None:
                batch = waiting.get()
        running.result()
