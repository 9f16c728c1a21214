"""Several parts of one search at once, their records and tallies put together in the order of the parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count

from flowdiag.logs import RECORDS_HELD, Tally, too_many
from flowdiag.model import Record

Part = Callable[[Tally], Iterator[Record]]
WORKERS = 8
AHEAD = 2
"""Parts begun for each worker before the first one's records are taken."""


def in_order(parts: Iterable[Part], tally: Tally, workers: int = WORKERS) -> Iterator[Record]:
    """The records of every part; what a part saw is in the tally once its records are given.

    Each part has a tally of its own while it runs in a thread. Only so many parts are begun before the first is given
    that memory does not grow with their number. Raises FlowdiagError where together they find more than RECORDS_HELD.
    """
    held = count(1)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        begun: deque[Future[tuple[list[Record], Tally]]] = deque()
        for part in parts:
            begun.append(pool.submit(_run, part, held))
            if len(begun) >= AHEAD * workers:
                yield from _given(begun.popleft(), tally)
        while begun:
            yield from _given(begun.popleft(), tally)


def _run(part: Part, held: Iterator[int]) -> tuple[list[Record], Tally]:
    own = Tally()
    found = []
    for record in part(own):
        if next(held) > RECORDS_HELD:
            raise too_many()
        found.append(record)
    return found, own


def _given(future: Future[tuple[list[Record], Tally]], tally: Tally) -> Iterator[Record]:
    records, own = future.result()
    tally.add(own)
    yield from records
