"""Several sources searched as one, all at a time: their records and tallies are put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from flowdiag.logs import Search, Sought, Source, Tally
from flowdiag.logs._parallel import in_order
from flowdiag.model import FlowdiagError, Record


@dataclass(frozen=True)
class Share:
    """A source, and the interfaces that it is read for: what it could not read leaves these unseen, and no others."""

    source: Source
    interfaces: frozenset[str]


@dataclass(frozen=True)
class Several:
    """Sources that each hold a share; one that cannot be read at all is noted. `notes` stand beside what they tell.

    An interface may stand in several shares, which then make up the whole of its traffic together.
    """

    shares: tuple[Share, ...]
    notes: tuple[str, ...] = ()

    def search(self, sought: Sought) -> Search:
        """Every record that is sought, of every source."""
        begun: list[Search] = []
        failed = Tally()
        for share in self.shares:
            own = sought.interfaces & share.interfaces
            try:
                begun.append(share.source.search(sought.model_copy(update={"interfaces": own})))
            except FlowdiagError as error:
                failed.lose(own, str(error))
        failed.notes += self.notes
        return Search(partial(_records, begun, failed), source=", ".join(search.source for search in begun))


def _records(begun: list[Search], failed: Tally, tally: Tally) -> Iterator[Record]:
    tally.add(failed)
    yield from in_order([partial(_one, search) for search in begun], tally)


def _one(search: Search, tally: Tally) -> Iterator[Record]:
    yield from search
    tally.add(search.tally)


@dataclass(frozen=True)
class Places:
    """The same place in several accounts and Regions: each interface is in one of them, and seen where it is."""

    sources: tuple[Source, ...]

    def search(self, sought: Sought) -> Search:
        """Every record that is sought, of every place."""
        begun = [source.search(sought) for source in self.sources]
        return Search(partial(_of_places, begun), source=", ".join(dict.fromkeys(search.source for search in begun)))


def _of_places(begun: list[Search], tally: Tally) -> Iterator[Record]:
    failed: set[str] = set()
    yield from in_order([partial(_apart, search, failed) for search in begun], tally)
    tally.lost |= failed - tally.interfaces.keys()  # seen nowhere, so it may be where nothing could be read


def _apart(search: Search, failed: set[str], tally: Tally) -> Iterator[Record]:
    """What one place could not read says nothing of what the others saw; threads add to `failed`."""
    yield from search
    failed |= search.tally.lost
    search.tally.lost.clear()
    tally.add(search.tally)


def together(sources: Iterable[Source]) -> Source:
    """One source of the same place in several accounts and Regions; the only one as it is."""
    found = tuple(sources)
    return found[0] if len(found) == 1 else Places(found)
