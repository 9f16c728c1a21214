"""What a snapshot holds: raw entries by scope and response key, whether each is all of it, and shelves to find them on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from operator import itemgetter
from typing import Any, TypeVar

from flowdiag.capture import Held, Part
from flowdiag.component import Read
from flowdiag.folder import Reply
from flowdiag.index import HALF_WRITTEN, Entries, Entry, Item, Shelf, flatten
from flowdiag.model import ANYWHERE, Query, Scope, Unread

Reads = Mapping[str, tuple[Read, ...]]
T = TypeVar("T")
AGAIN = "make it readable, or save it again as JSON (--output json)"
FURTHER = "save its further pages beside it"


def within(scope: Scope, wanted: Scope) -> bool:
    """Whether `scope` is the wanted one, whose empty parts stand for any."""
    return wanted.account in ("", scope.account) and wanted.region in ("", scope.region)


def may_be(scope: Scope, wanted: Scope) -> bool:
    """Whether nothing says that `scope` is another account or Region than the wanted one."""
    parts = ((scope.account, wanted.account), (scope.region, wanted.region))
    return all(not one or not other or one == other for one, other in parts)


def _among(several: Mapping[Scope, T], wanted: Scope) -> list[T]:
    """Those whose scope is the wanted one; an organisation has very many, so a full scope looks at its own alone."""
    if wanted.account and wanted.region:
        return [several[wanted]] if wanted in several else []
    return [one for scope, one in several.items() if within(scope, wanted)]


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
        self._cut: dict[Held, str] = {}
        self._shelves: dict[str, dict[Scope, tuple[Shelf, ...]]] = {}
        self._wholes: dict[str, dict[Scope, tuple[Scope, bool]]] = {}

    def copy(self) -> Store:
        """A store whose changes do not show in this one."""
        other = Store(self._reads)
        other._raw, other._whole = dict(self._raw), dict(self._whole)
        other._spoilt, other._cut = dict(self._spoilt), dict(self._cut)
        other._shelves = {kind: dict(shelves) for kind, shelves in self._shelves.items()}
        other._wholes = dict(self._wholes)
        return other

    # ------------------------------------------------------------ filling

    def take(self, reply: Reply) -> list[str]:
        """Take in what a file holds; gives a note for each resource that another file shows differently."""
        idents = _idents(self._by_key[reply.key][0], reply.entries)
        held = self._raw.setdefault((reply.scope, reply.key), {})
        self._whole[reply.scope, reply.key] = self._whole.get((reply.scope, reply.key), False) or reply.whole
        self._wholes.clear()
        if not reply.whole and not reply.fixed:
            self._cut[reply.scope, reply.key] = reply.file
        notes = []
        for ident, entry in zip(idents, reply.entries, strict=True):
            if held.setdefault(ident, entry) is not entry and held[ident] != entry:
                notes.append(f"{reply.file}: {ident} differs from what was read of it before: this one is used")
                held[ident] = entry
        return notes

    def index(self) -> None:
        """Make what an answer mostly needs before the first question."""
        for kind in self._reads:
            for shelf in self._on_shelves(kind):
                shelf.build()

    def spoil(self, scope: Scope, key: str, file: str) -> None:
        """Note that a file which cannot be used may have held more of this response key."""
        self._spoilt[scope, key] = file
        self._wholes.clear()

    def add(self, scope: Scope, key: str, entries: Iterable[Entry], whole: bool = False) -> None:
        """Take in entries live, which are all there are where `whole`; one with a known id replaces the older one. KeyError
        for an unknown response key."""
        read, place = self._by_key[key][0], (scope, key)
        self._whole[place] = whole or self._whole.get(place, False)
        self._wholes.clear()
        held, newer = dict(self._raw.get(place, {})), {}
        for entry in entries:
            ident = _ident(read, entry)
            held.pop(ident, None)
            held[ident] = newer[ident] = entry
        self._shelve(place, held, newer)

    def replace(self, item: Item, raw: Entry) -> None:
        """Put another raw reply in the place of a resource."""
        place = (item.scope, item.key)
        ident = _standing(item, self._raw[place])
        old = self._raw[place][ident]
        newer = {ident: raw if item.raw is old else _with(item, old, raw)}
        self._shelve(place, {**self._raw[place], **newer}, newer)

    def _shelve(self, place: Held, entries: dict[str, Entry], newer: Entries) -> None:
        """Hold these entries from now on, of which only `newer` were not held before."""
        self._raw[place] = entries
        for read in self._by_key[place[1]]:
            shelves = self._shelves.get(read.resource.kind)
            if shelves is not None:
                there = {shelf.key: shelf for shelf in shelves.get(place[0], ())}
                old = there.get(place[1])
                there[place[1]] = old.with_newer(entries, newer) if old else Shelf(*place, read, entries)
                shelves[place[0]] = tuple(there.values())

    # ------------------------------------------------------------ asking

    def find(self, kind: str, by: str, value: str, scope: Scope = ANYWHERE) -> list[Item]:
        """Every resource that the lookup gives; KeyError for a kind or lookup that no component reads."""
        if not any(by in read.lookups for read in self._reads[kind]):
            raise KeyError(f"no component reads {kind} by {by!r}")
        return [item for shelf in self._on_shelves(kind, scope) for item in shelf.find(by, value)]

    def is_unique(self, kind: str, by: str) -> bool:
        """Whether at most one resource of the kind has a value of the lookup."""
        return any(read.lookups[by].unique for read in self._reads[kind] if by in read.lookups)

    def blind(self, kind: str, by: str, scope: Scope) -> bool:
        """Whether there are resources of the kind which this lookup could not read."""
        return any(shelf.blind(by) for shelf in self._on_shelves(kind, scope))

    def whole(self, kind: str, scope: Scope) -> list[tuple[Scope, bool]]:
        """Each scope, and whether some call that lists this kind was read whole there and none came in broken.

        A call made once per id (`single`) proves nothing about an id that it was not asked for, and one that lists only
        some by nature (`lists_all` is False) nothing about the others.
        """
        known = self._wholes.get(kind)
        if known is None:
            keys = [key for read in self._reads[kind] if read.lists_all and not read.single for key in read.responses]
            known = self._wholes[kind] = {each: (each, self._reads_whole(each, keys)) for each in self._all_scopes()}
        return _among(known, scope)

    def _reads_whole(self, scope: Scope, keys: list[str]) -> bool:
        present = [(scope, key) for key in keys if (scope, key) in self._raw or (scope, key) in self._spoilt]
        return bool(present) and all(self._is_whole(place) for place in present)

    def _is_whole(self, place: Held) -> bool:
        return self._whole.get(place, False) and place not in self._spoilt

    def absence(self, query: Query, scopes: list[Scope]) -> Unread:
        """Why the answer to the query may not be in what was read of these scopes, and the way out."""
        keys = [key for read in self._reads[query.kind] if read.lists_all for key in read.responses]
        where, action = next(iter(scopes), query.scope), self.action(query.kind)
        named = "" if where == ANYWHERE else f" for {where}"
        spoilt = next((self._spoilt[where, key] for key in keys if (where, key) in self._spoilt), None)
        if spoilt:
            return Unread(query=query, reason=f"not read: {spoilt} cannot be used", action=action, way_out=AGAIN)
        cut = next((self._cut[where, key] for key in keys if (where, key) in self._cut), None)
        if cut:
            return Unread(query=query, reason=f"not read: {cut} was cut off by a NextToken", action=action, way_out=FURTHER)
        partly = next((key for key in keys if (where, key) in self._raw), None)
        why = f"only a part of {partly} was read{named}" if partly else f"no file with {' or '.join(keys)}{named}"
        return Unread(query=query, reason=f"not read: {why}", action=action)

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
        """The half-written resources that were met so far."""
        return tuple(note for kind in sorted(self._shelves) for shelf in self._on_shelves(kind) for note in shelf.notes)

    def action(self, kind: str) -> str:
        """The IAM action that grants reading the kind."""
        return self._reads[kind][0].action

    def names(self, kinds: Iterable[str]) -> set[str]:
        """The ids and Name tags of all that is held of these kinds."""
        return {name for kind in kinds if kind in self._reads for shelf in self._on_shelves(kind) for name in shelf.names}

    def command(self, query: Query) -> str:
        """The command of the AWS CLI whose reply, saved as docs/saving-evidence.md shows, answers the query."""
        several = self._reads[query.kind]
        read = next((one for one in several if query.by in one.lookups), several[0])
        return f"aws {read.service} {read.operation.replace('_', '-')}"

    def counts(self) -> dict[str, int]:
        """How many resources of each kind are held, for kinds of which a response key is."""
        kinds = {read.resource.kind for _, key in self._raw for read in self._by_key[key]}
        return {kind: sum(len(shelf.ids) for shelf in self._on_shelves(kind)) for kind in sorted(kinds)}

    def parts(self) -> dict[Held, Part]:
        """The entries of every response key in every scope, and whether that is all of them."""
        return {place: (held.values(), self._is_whole(place)) for place, held in self._raw.items()}

    def state(self) -> tuple[Any, ...]:
        """What two equal stores have equal, whatever order it came in."""
        return self._raw, {place: self._is_whole(place) for place in self._raw}

    def _on_shelves(self, kind: str, scope: Scope = ANYWHERE) -> list[Shelf]:
        """The resources of a kind, by where they were read."""
        if kind not in self._shelves:
            self._shelves[kind] = self._shelved(kind)
        return [shelf for several in _among(self._shelves[kind], scope) for shelf in several]

    def _shelved(self, kind: str) -> dict[Scope, tuple[Shelf, ...]]:
        found: dict[Scope, tuple[Shelf, ...]] = {}
        for read in self._reads[kind]:
            for (scope, key), held in self._raw.items():
                if key in read.responses:
                    found[scope] = (*found.get(scope, ()), Shelf(scope, key, read, held))
        return found


def _idents(read: Read, entries: list[Entry]) -> list[str]:
    """`_ident` of very many entries, most of which have an id of their own."""
    try:
        found = list(map(itemgetter(read.id_field), entries))
    except LookupError:
        found = []
    return found if found and set(map(type, found)) <= {str} else [_ident(read, entry) for entry in entries]


def _ident(read: Read, entry: Entry) -> str:
    """What tells an entry from the others under its key: its id, the ids of the resources inside, or its whole text."""
    own = entry.get(read.id_field)
    if isinstance(own, str):
        return own
    try:
        return " ".join([raw[read.id_field] for raw in read.items((entry,))]) or _text(entry)
    except HALF_WRITTEN:
        return _text(entry)


def _text(entry: Entry) -> str:
    return json.dumps(entry, sort_keys=True, default=str)


def _inside(read: Read, entry: Entry) -> list[Entry]:
    """The resources inside an entry, none where it is half-written."""
    try:
        return flatten(read, entry)
    except HALF_WRITTEN:
        return []


def _standing(item: Item, entries: Entries) -> str:
    """Where among the entries the resource stands."""
    if entries.get(item.id) is item.raw:
        return item.id
    return next(ident for ident, entry in entries.items() if any(raw is item.raw for raw in _inside(item.read, entry)))


def _with(item: Item, entry: Entry, raw: Entry) -> Entry:
    """A copy of the item's entry in which the resource inside is another."""
    changed = deepcopy(entry)
    for inside in flatten(item.read, changed):
        if inside.get(item.read.id_field) == item.id:
            inside.clear()
            inside.update(raw)
    return changed
