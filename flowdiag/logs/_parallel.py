"""Several parts of one search at once, their records and tallies put together in the order of the parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import Empty, Queue
from threading import Event
from typing import TypeVar

from flowdiag.logs import Tally
from flowdiag.model import Record

Outcome = TypeVar("Outcome")
Part = Callable[[Tally], Iterator[Record]]
WORKERS = 8
AHEAD = 2
"""Parts begun for each worker before the first one's records are taken."""
BATCH = 200
"""Records handed from a part's thread at a time."""
WAITING = 4
"""Batches of one part that wait to be taken; with as many its thread pauses."""


def in_order(parts: Iterable[Part], tally: Tally, workers: int = WORKERS) -> Iterator[Record]:
    """The records of every part; what a part saw is in the tally once its records are given.

    Each part has a tally of its own while it runs in a thread. Only so many parts are begun, and only so many records of
    each wait, that memory grows neither with the number of parts nor with what is found in them.
    """
    stopped, begun = Event(), deque[_Running]()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for part in parts:
                begun.append(_Running(part, stopped, pool))
                if len(begun) >= AHEAD * workers:
                    yield from begun[0].records(tally)
                    begun.popleft()
            while begun:
                yield from begun[0].records(tally)
                begun.popleft()
        finally:  # nobody takes what the others find: let them end
            stopped.set()
            for running in begun:
                running.release()


def ahead(calls: Iterable[Callable[[], Outcome]], workers: int = WORKERS) -> Generator[Outcome]:
    """What the calls give, in their order. They are made side by side, but only so many before the first is taken."""
    begun: deque[Future[Outcome]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for call in calls:
                begun.append(pool.submit(call))
                if len(begun) >= workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for running in begun:
                running.cancel()


class _Running:
    """One part in its thread."""

    def __init__(self, part: Part, stopped: Event, pool: ThreadPoolExecutor) -> None:
        self._part, self._stopped, self._own = part, stopped, Tally()
        self._batches: Queue[list[Record] | None] = Queue(WAITING)
        self._ended: Future[None] = pool.submit(self._run)

    def _run(self) -> None:
        try:
            found = self._part(self._own)
            while not self._stopped.is_set() and (batch := list(islice(found, BATCH))):
                self._batches.put(batch)
            if isinstance(found, Generator):
                found.close()  # in this thread, so that parts of a part end before it
        finally:
            self._batches.put(None)

    def records(self, tally: Tally) -> Iterator[Record]:
        """What it finds, as it comes; then its tally goes into the other. Raises what the part raised."""
        while (batch := self._batches.get()) is not None:
            yield from batch
        self._ended.result()
        tally.add(self._own)

    def release(self) -> None:
        """Make room, so that a thread that waits to hand something over sees that it is to stop."""
        try:
            while True:
                self._batches.get_nowait()
        except Empty:
            return
