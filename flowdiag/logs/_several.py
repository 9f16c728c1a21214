"""Several sources searched as one, all at a time: their records and tallies are put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
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
class Closed:
    """A place that cannot even be opened; `reason` says why."""

    reason: str

    def search(self, sought: Sought) -> Search:
        """Raises FlowdiagError with the reason."""
        raise FlowdiagError(self.reason)


@dataclass(frozen=True)
class Several:
    """Sources that each hold a share; one that cannot be read at all is noted. `notes` stand beside what they tell.

    An interface may stand in several shares, which then make up the whole of its traffic together. `instead` is read for
    the interfaces of its own of which nothing could be read here: those of which records came before the reading broke off
    would be told twice, in other words where the other place has another format.
    """

    shares: tuple[Share, ...]
    notes: tuple[str, ...] = ()
    instead: Several | None = None

    @property
    def interfaces(self) -> frozenset[str]:
        """Those that it is read for."""
        return frozenset[str]().union(*(share.interfaces for share in self.shares))

    def of(self, interfaces: frozenset[str]) -> Several:
        """The same without what is read for none of these."""
        return replace(self, shares=tuple(share for share in self.shares if share.interfaces & interfaces))

    def _left(self, tally: Tally, seen: set[str]) -> frozenset[str]:
        """The interfaces that could not be read here and may be elsewhere; a record that names none may be of any of them."""
        return frozenset(tally.lost & self.instead.interfaces - seen) if self.instead and "" not in seen else frozenset()

    def search(self, sought: Sought) -> Search:
        """Every record that is sought, of every source; its source is known when the iteration is complete."""
        begun: list[Search] = []
        failed = Tally()
        for share in self.shares:
            own = sought.interfaces & share.interfaces
            try:
                begun.append(share.source.search(sought.model_copy(update={"interfaces": own})))
            except FlowdiagError as error:
                failed.lose(own, str(error))
        failed.notes += self.notes

        def records(tally: Tally) -> Iterator[Record]:
            tally.add(failed)
            seen: set[str] = set()
            for record in in_order([partial(_one, search) for search in begun], tally):
                seen.add(record.interface or record.gateway)
                yield record
            left = self._left(tally, seen)
            if self.instead and left:
                other = self.instead.of(left).search(sought.model_copy(update={"interfaces": left}))
                yield from other
                _make_up(tally, left, other)
                found.source = ", ".join(dict.fromkeys(filter(None, (*_read(begun), other.source))))

        found = Search(records, source=", ".join(search.source for search in begun if search.source))
        return found


def _make_up(tally: Tally, left: frozenset[str], other: Search) -> None:
    """Interfaces that could not be seen in one place are seen where the other one could be read for them."""
    tally.lost -= left
    tally.add(other.tally)
    regained = left - other.tally.lost
    if regained:
        tally.instead |= regained
        tally.notes.append(f"{', '.join(sorted(regained))}: {other.source} was read instead")


def _read(begun: Iterable[Search]) -> Iterator[str]:
    """The sources of which anything was read."""
    return (search.source for search in begun if search.tally.lines or search.tally.interfaces or not search.tally.notes)


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
