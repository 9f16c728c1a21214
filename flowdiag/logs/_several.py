"""Several sources searched as one: all at once, their records and tallies put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from flowdiag.logs import Search, Sought, Source, Tally
from flowdiag.logs._parallel import in_order
from flowdiag.model import FlowdiagError, Record


@dataclass(frozen=True)
class Several:
    """Sources that may each hold a part; one that cannot be read at all is noted. `notes` stand beside what they tell."""

    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()

    def search(self, sought: Sought) -> Search:
        """Every record that is sought, of every source."""
        begun: list[Search] = []
        notes = list(self.notes)
        for source in self.sources:
            try:
                begun.append(source.search(sought))
            except FlowdiagError as error:
                notes.append(str(error))
        return Search(partial(_records, begun, notes), source=", ".join(search.source for search in begun))


def together(sources: Iterable[Source]) -> Source:
    """One source of several; the only one as it is."""
    found = tuple(sources)
    return found[0] if len(found) == 1 else Several(found)


def _records(begun: list[Search], notes: list[str], tally: Tally) -> Iterator[Record]:
    tally.notes += notes
    yield from in_order([partial(_one, search) for search in begun], tally)


def _one(search: Search, tally: Tally) -> Iterator[Record]:
    """The records of one source. What it lost is lost for itself alone: where another one covers the interface, that stands."""
    yield from search
    search.tally.lost.clear()
    tally.add(search.tally)
