"""Raw replies made findable: the resources of one response key in one scope, by id as they stand there, by other values
through a dictionary per lookup.

Raw dictionaries are indexed as they are; the pydantic model of a resource is built when an answer touches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from pydantic import ValidationError

from flowdiag.capture import malformed
from flowdiag.component import Read, Resource, themselves
from flowdiag.model import Scope

Entry = dict[str, Any]
Entries = Mapping[str, Entry]  # by what tells an entry from the others: the id, where the entry is itself the resource
Found = dict[Any, str | list[str]]  # value → the id of the resource that has it; a list only where several have
# What a lookup or a flattening may raise on an entry that is half-written.
HALF_WRITTEN = (LookupError, TypeError, AttributeError, ValueError)
FEW = 50  # newer readings that lie on a shelf before everything is indexed anew


class Item:
    """One raw resource: where it was read, and its model once that was wanted."""

    __slots__ = ("_built", "id", "key", "raw", "read", "scope")

    def __init__(self, scope: Scope, key: str, read: Read, id: str, raw: Entry) -> None:
        self.scope, self.key, self.read, self.id, self.raw = scope, key, read, id, raw
        self._built: Resource | str | None = None

    def resource(self) -> Resource | str:
        """The resource, or the reason why it cannot be understood."""
        if self._built is None:
            try:
                self._built = self.read.resource.model_validate({**self.raw, "Scope": self.scope})
            except ValidationError as error:
                self._built = f"{self.id}: {malformed(error)}"
        return self._built


class Shelf:
    """The resources of one response key in one scope, whose entries stay as they are; copies of a snapshot share it.

    A shelf can lie on one `below`, of which it shows newer readings and more: so a change to one entry of very many
    costs no new index.
    """

    def __init__(self, scope: Scope, key: str, read: Read, entries: Entries, below: Shelf | None = None) -> None:
        self.scope, self.key, self.read, self.entries, self.below = scope, key, read, entries, below
        self._half: list[str] = []
        self._odd: dict[str, str] = {}
        self._raws = entries if _is_plain(read, entries) else self._taken_apart()
        self._items: dict[str, Item] = {}
        self._lookups: dict[str, Found] = {}
        self._skipped: dict[str, set[str]] = {}

    # ------------------------------------------------------------ asking

    def find(self, by: str, value: str) -> list[Item]:
        """Every resource that the lookup gives; nothing for a lookup that this call does not answer."""
        if by not in self.read.lookups:
            return []
        own = [self._item(id) for id in self._ids(by, value)]
        if self.below is None:
            return own
        return [*(item for item in self.below.find(by, value) if item.id not in self._raws), *own]

    def blind(self, by: str) -> bool:
        """Whether there are resources that this lookup could not read: there a miss proves nothing."""
        return bool(self._half or (by != "id" and by in self.read.lookups and self._unreadable(by)))

    @property
    def ids(self) -> set[str]:
        """The id of every resource."""
        return (self.below.ids if self.below else set()) | self._raws.keys()

    @property
    def names(self) -> set[str]:
        """The id of every resource, and its Name tag where it can be found by it."""
        tags = self._lookup("name").keys() if "name" in self.read.lookups else ()
        return {*(self.below.names if self.below else ()), *self._raws, *tags}

    @property
    def notes(self) -> list[str]:
        """What could not be taken apart, or not be looked up so far."""
        return [*(self.below.notes if self.below else ()), *self._half, *self._odd.values()]

    def _ids(self, by: str, value: str) -> Iterable[str]:
        if by == "id":
            return (value,) if value in self._raws else ()
        found = self._lookup(by).get(value, ())
        return (found,) if isinstance(found, str) else found

    def _item(self, id: str) -> Item:
        item = self._items.get(id)
        if item is None:
            item = self._items[id] = Item(self.scope, self.key, self.read, id, self._raws[id])
        return item

    def _unreadable(self, by: str) -> set[str]:
        self._lookup(by)
        lower = self.below._unreadable(by) - self._raws.keys() if self.below else set()
        return lower | self._skipped.get(by, set())

    # ------------------------------------------------------------ newer readings

    def with_newer(self, entries: Entries, newer: Entries) -> Shelf:
        """A shelf of `entries`, of which all but `newer` are as they are here."""
        below = self.below or self
        top = Shelf(self.scope, self.key, self.read, {**(self.entries if self.below else {}), **newer}, below)
        few = len(top.entries) <= FEW and below._raws is below.entries
        return top if few else Shelf(self.scope, self.key, self.read, entries)

    # ------------------------------------------------------------ taking entries apart

    def _taken_apart(self) -> Mapping[str, Entry]:
        """The resources inside the entries by their ids; of two with one id the later one stays."""
        try:
            found = {raw[self.read.id_field]: raw for raw in self.read.items(self.entries.values())}
        except HALF_WRITTEN:
            return self._taken_apart_one_by_one()
        return found if set(map(type, found)) <= {str} and "" not in found else self._taken_apart_one_by_one()

    def _taken_apart_one_by_one(self) -> Mapping[str, Entry]:
        """The same where an entry is half-written: what has no id is noted."""
        found: dict[str, Entry] = {}
        for entry in self.entries.values():
            try:
                inside = flatten(self.read, entry)
            except HALF_WRITTEN as error:
                self._note(f"an entry cannot be taken apart ({type(error).__name__}: {error})")
                continue
            known = [raw for raw in inside if isinstance(id := raw.get(self.read.id_field), str) and id]
            if len(known) < len(inside):
                self._note(f"an entry has no {self.read.id_field}")
            found |= {raw[self.read.id_field]: raw for raw in known}
        return found

    def _note(self, reason: str) -> None:
        self._half.append(f"{self.key} in {self.scope}: {reason}")

    # ------------------------------------------------------------ lookups

    def build(self) -> None:
        """Build every lookup that is not to wait until it is asked for."""
        self._build([by for by, lookup in self.read.lookups.items() if lookup.eager])

    def _lookup(self, by: str) -> Found:
        if by not in self._lookups:
            self._build([by])
        return self._lookups[by]

    def _build(self, names: Iterable[str]) -> None:
        """Build several lookups in one pass: there may be very many resources, and each is far away in memory."""
        lookups: dict[str, Found] = {by: {} for by in names}
        tables = [(by, self.read.lookups[by].keys, found) for by, found in lookups.items()]
        for id, raw in self._raws.items() if tables else ():
            for by, keys, found in tables:
                try:
                    for value in keys(raw):
                        if found.setdefault(value, id) is not id:
                            _join(found, value, id)
                except HALF_WRITTEN as error:
                    self._skip(by, id, error)
        for by, found in lookups.items():
            self._clean(by, found)
        self._lookups |= lookups  # only now: half an index would tell of absence

    def _clean(self, by: str, found: Found) -> None:
        """Take out again what is no string: null says that there is no value, anything else says nothing."""
        for value in [value for value in found if type(value) is not str]:
            ids = found.pop(value)
            for id in () if value is None else (ids,) if isinstance(ids, str) else ids:
                self._skip(by, id, TypeError("a key that is no string"))

    def _skip(self, by: str, id: str, error: Exception) -> None:
        self._skipped.setdefault(by, set()).add(id)
        reason = f"cannot be looked up by {by} ({type(error).__name__}: {error})"
        self._odd.setdefault(id, f"{self.read.resource.kind} {id} in {self.scope}: {reason}")


def flatten(read: Read, entry: Entry) -> list[Entry]:
    """The resources inside one raw entry; raises one of HALF_WRITTEN where the entry has another shape."""
    found = list(read.items((entry,)))
    for raw in found:
        if not isinstance(raw, dict):
            raise TypeError(f"{type(raw).__name__} is no object")
    return found


def _is_plain(read: Read, entries: Entries) -> bool:
    """Whether every entry is itself a resource and stands by its id."""
    try:
        known = list(map(itemgetter(read.id_field), entries.values())) == list(entries)
        return read.items is themselves and known and "" not in entries
    except LookupError:
        return False


def _join(found: Found, value: Any, id: str) -> None:
    """One more resource with a value that another has; a resource may repeat its own."""
    known = found[value]
    if isinstance(known, str):
        found[value] = [known, id]
    elif known[-1] is not id:
        known.append(id)
