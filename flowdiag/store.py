"""What a snapshot holds: raw entries by scope and response key, whether each is all of it, and an index per kind on top."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from flowdiag.capture import Held, Part
from flowdiag.component import Read
from flowdiag.folder import Reply
from flowdiag.index import HALF_WRITTEN, Index, Item, flatten
from flowdiag.model import ANYWHERE, Query, Scope

Reads = Mapping[str, tuple[Read, ...]]
Entry = dict[str, Any]
_MANY = 200  # of so many entries at once, building an index anew costs less than bringing it up to date


def within(scope: Scope, wanted: Scope) -> bool:
    """Whether `scope` is the wanted one, whose empty parts stand for any."""
    return wanted.account in ("", scope.account) and wanted.region in ("", scope.region)


class Store:
    """Entries as they came, each once. A copy shares everything until one of the two is changed."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._by_key: dict[str, list[Read]] = {}
        for read in (read for several in reads.values() for read in several):
            for key in read.responses:
                self._by_key.setdefault(key, []).append(read)
        self._raw: dict[Held, dict[str, Entry]] = {}
        self._whole: dict[Held, bool] = {}
        self._spoilt: dict[Held, str] = {}
        self._indexes: dict[str, Index] = {}
        self._wholes: dict[str, tuple[tuple[Scope, bool], ...]] = {}

    def copy(self) -> Store:
        """A store whose changes do not show in this one."""
        other = Store(self._reads)
        other._raw, other._whole, other._spoilt = dict(self._raw), dict(self._whole), dict(self._spoilt)
        for index in self._indexes.values():
            index.shared = True
        other._indexes = dict(self._indexes)
        return other

    # ------------------------------------------------------------ filling

    def take(self, reply: Reply) -> list[str]:
        """Take in what a file holds; gives a note for each resource that another file shows differently."""
        held = self._raw.setdefault((reply.scope, reply.key), {})
        self._whole[reply.scope, reply.key] = self._whole.get((reply.scope, reply.key), False) or reply.whole
        self._wholes.clear()
        read, notes = self._by_key[reply.key][0], []
        for entry in reply.entries:
            ident = _ident(read, entry)
            if held.setdefault(ident, entry) is not entry and held[ident] != entry:
                notes.append(f"{reply.file}: {ident} differs from what was read of it before: this one is used")
                held[ident] = entry
        return notes

    def spoil(self, scope: Scope, key: str, file: str) -> None:
        """Note that a file which cannot be used may have held more of this response key."""
        self._spoilt[scope, key] = file
        self._wholes.clear()

    def add(self, scope: Scope, key: str, entries: Iterable[Entry]) -> None:
        """Take in entries live; one with a known id replaces the older one. KeyError for an unknown response key."""
        read, place = self._by_key[key][0], (scope, key)
        self._whole.setdefault(place, False)
        held = self._raw[place] = dict(self._raw.get(place, {}))
        self._wholes.clear()
        several = list(entries)
        if len(several) > _MANY:
            self._drop_indexes(key)
        for entry in several:
            ident = _ident(read, entry)
            old = held.pop(ident, None)
            held[ident] = entry
            self._reindex(place, old, entry)

    def replace(self, item: Item, raw: Entry) -> None:
        """Put another raw reply in the place of a resource."""
        place, old = (item.scope, item.key), item.entry
        new = raw if item.raw is old else _with(item, raw)
        held = dict(self._raw[place])
        held[_ident(self._by_key[item.key][0], old)] = new
        self._raw[place] = held
        self._reindex(place, old, new)

    def _drop_indexes(self, key: str) -> None:
        for read in self._by_key[key]:
            self._indexes.pop(read.resource.kind, None)

    def _reindex(self, place: Held, old: Entry | None, new: Entry) -> None:
        """Bring the indexes in use up to date; one whose entries hold several resources is built anew when next asked."""
        for read in self._by_key[place[1]]:
            index = self._indexes.get(read.resource.kind)
            if index is None:
                continue
            before = [] if old is None else [item for item in index.find("id", str(old.get(read.id_field))) if item.entry is old]
            if (old is not None and not before) or not _is_plain(read, new) or not _is_plain(read, old or new):
                del self._indexes[read.resource.kind]
                continue
            if index.shared:
                index = self._indexes[read.resource.kind] = index.copy()
            for item in before:
                index.remove(item)
            index.add(Item(*place, read, new, new))

    # ------------------------------------------------------------ asking

    def find(self, kind: str, by: str, value: str) -> list[Item]:
        """Every resource that the lookup gives, in any scope; KeyError for a kind or lookup that no component reads."""
        if not any(by in read.lookups for read in self._reads[kind]):
            raise KeyError(f"no component reads {kind} by {by!r}")
        return self._index(kind).find(by, value)

    def unfindable(self, kind: str, by: str) -> list[Scope]:
        """Where there are resources of the kind which this lookup could not read."""
        return self._index(kind).skipped(by)

    def whole(self, kind: str) -> tuple[tuple[Scope, bool], ...]:
        """Every scope, and whether some call that lists this kind was read whole there and none came in broken.

        A call made once per id (`single`) proves nothing about an id that it was not asked for.
        """
        known = self._wholes.get(kind)
        if known is None:
            keys = [key for read in self._reads[kind] if not read.single for key in read.responses]
            known = self._wholes[kind] = tuple((scope, self._reads_whole(scope, keys)) for scope in self._all_scopes())
        return known

    def _reads_whole(self, scope: Scope, keys: list[str]) -> bool:
        present = [(scope, key) for key in keys if (scope, key) in self._raw or (scope, key) in self._spoilt]
        return bool(present) and all(self._is_whole(place) for place in present)

    def _is_whole(self, place: Held) -> bool:
        return self._whole.get(place, False) and place not in self._spoilt

    def absence(self, query: Query, scopes: list[Scope]) -> str:
        """Why the answer to the query may not be in what was read of these scopes."""
        keys = [key for read in self._reads[query.kind] for key in read.responses]
        where = next(iter(scopes), query.scope)
        named = "" if where == ANYWHERE else f" for {where}"
        spoilt = next((self._spoilt[where, key] for key in keys if (where, key) in self._spoilt), None)
        if spoilt:
            return f"not read: {spoilt} cannot be used"
        partly = next((key for key in keys if (where, key) in self._raw), None)
        if partly:
            return f"not read: only a part of {partly} was read{named}"
        return f"not read: no file with {' or '.join(keys)}{named}"

    # ------------------------------------------------------------ about it

    @property
    def keys(self) -> Mapping[str, str]:
        """Every response key that a component reads, and the field that holds the id of what it lists."""
        return {key: reads[0].id_field for key, reads in self._by_key.items()}

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every scope of which something was read."""
        return tuple(dict.fromkeys(scope for scope, _ in self._raw))

    def _all_scopes(self) -> Iterable[Scope]:
        return dict.fromkeys(scope for scope, _ in (*self._raw, *self._spoilt))

    @property
    def notes(self) -> tuple[str, ...]:
        """The half-written resources that a lookup met so far."""
        return tuple(note for _, index in sorted(self._indexes.items()) for note in index.notes)

    def action(self, kind: str) -> str:
        """The IAM action that grants reading the kind."""
        return self._reads[kind][0].action

    def first_key(self, kind: str) -> str:
        """The response key under which a resource of this kind usually comes."""
        return self._reads[kind][0].responses[0]

    def counts(self) -> dict[str, int]:
        """How many resources of each kind are held, for kinds of which a response key is."""
        kinds = {read.resource.kind for _, key in self._raw for read in self._by_key[key]}
        return {kind: len(self._index(kind).items) for kind in sorted(kinds)}

    def parts(self) -> dict[Held, Part]:
        """The entries of every response key in every scope, and whether that is all of them."""
        return {place: (held.values(), self._is_whole(place)) for place, held in self._raw.items()}

    def state(self) -> tuple[Any, ...]:
        """What two equal stores have equal, whatever order it came in."""
        return self._raw, {place: self._is_whole(place) for place in self._raw}

    def _index(self, kind: str) -> Index:
        index = self._indexes.get(kind)
        if index is None:
            index = Index(kind)
            for read in self._reads[kind]:
                for (scope, key), held in self._raw.items():
                    if key in read.responses:
                        index.fill(scope, key, read, held.values())
            self._indexes[kind] = index
        return index


def _ident(read: Read, entry: Entry) -> str:
    """What tells an entry from the others under its key: its id, the ids of the resources inside, or its whole text."""
    found = entry.get(read.id_field)
    if isinstance(found, str):
        return found
    try:
        ids = [raw[read.id_field] for raw in flatten(read, entry)]
    except HALF_WRITTEN:
        ids = []
    return " ".join(ids) if ids and all(isinstance(one, str) for one in ids) else json.dumps(entry, sort_keys=True, default=str)


def _is_plain(read: Read, entry: Entry) -> bool:
    """Whether the entry is itself the one resource in it, with an id."""
    try:
        return [raw is entry for raw in flatten(read, entry)] == [True] and isinstance(entry.get(read.id_field), str)
    except HALF_WRITTEN:
        return False


def _with(item: Item, raw: Entry) -> Entry:
    """A copy of the item's entry in which the resource inside is another."""
    entry = deepcopy(item.entry)
    for inside in flatten(item.read, entry):
        if inside.get(item.read.id_field) == item.id:
            inside.clear()
            inside.update(raw)
    return entry
