"""Several parts of one search at once, their records and tallies put together in the order of the parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from flowdiag.logs import Tally
from flowdiag.model import Record

Part = Callable[[Tally], Iterator[Record]]
WORKERS = 8
AHEAD = 2 * WORKERS


def in_order(parts: Iterable[Part], tally: Tally, workers: int = WORKERS) -> Iterator[Record]:
    """The records of every part; what a part saw is in the tally once its records are given.

    Each part has a tally of its own while it runs in a thread. At most AHEAD parts are begun before the first is given,
    so that memory does not grow with their number.
    """
    with ThreadPoolExecutor(max_workers=workers) as pool:
        begun: deque[Future[tuple[list[Record], Tally]]] = deque()
        for part in parts:
            begun.append(pool.submit(_run, part))
            if len(begun) >= AHEAD:
                yield from _given(begun.popleft(), tally)
        while begun:
            yield from _given(begun.popleft(), tally)


def _run(part: Part) -> tuple[list[Record], Tally]:
    own = Tally()
    return list(part(own)), own


def _given(future: Future[tuple[list[Record], Tally]], tally: Tally) -> Iterator[Record]:
    records, own = future.result()
    tally.add(own)
    yield from records
