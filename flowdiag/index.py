"""Raw replies made findable: the resources of one kind, and a dictionary per lookup, built when first asked for.

Raw dictionaries are indexed as they are; the pydantic model of a resource is built when an answer touches it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from flowdiag.capture import malformed
from flowdiag.component import Read, Resource
from flowdiag.model import Scope

# What a lookup or a flattening may raise on an entry that is half-written.
HALF_WRITTEN = (LookupError, TypeError, AttributeError, ValueError)


class Item:
    """One raw resource: where it was read, the entry of the reply it stood in, and its model once that was wanted."""

    __slots__ = ("_built", "entry", "key", "raw", "read", "scope")

    def __init__(self, scope: Scope, key: str, read: Read, entry: dict[str, Any], raw: dict[str, Any]) -> None:
        self.scope, self.key, self.read, self.entry, self.raw = scope, key, read, entry, raw
        self._built: Resource | str | None = None

    @property
    def id(self) -> str:
        """The AWS id as the raw resource gives it."""
        return str(self.raw[self.read.id_field])

    def resource(self) -> Resource | str:
        """The resource, or the reason why it cannot be understood."""
        if self._built is None:
            try:
                self._built = self.read.resource.model_validate({**self.raw, "Scope": self.scope})
            except ValidationError as error:
                self._built = f"{self.id}: {malformed(error)}"
        return self._built


class Index:
    """The resources of one kind; `half` are the scopes of entries too half-written to say what they are."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.shared = False
        self.items: list[Item] = []
        self.notes: list[str] = []
        self.half: list[Scope] = []
        self._lookups: dict[str, dict[str, list[Item]]] = {}
        self._skipped: dict[str, list[Item]] = {}
        self._noted: set[Item] = set()

    def copy(self) -> Index:
        """An index whose changes do not show in this one."""
        other = Index(self.kind)
        other.items, other.notes, other.half = list(self.items), list(self.notes), list(self.half)
        other._lookups = {by: dict(found) for by, found in self._lookups.items()}
        other._skipped = {by: list(items) for by, items in self._skipped.items()}
        other._noted = set(self._noted)
        return other

    def find(self, by: str, value: str) -> list[Item]:
        """Every resource that the lookup gives, whatever its scope; the list is not the caller's to change."""
        return self._lookup(by).get(value, [])

    def skipped(self, by: str) -> list[Scope]:
        """Where there are resources that this lookup could not read: there a miss proves nothing."""
        self._lookup(by)
        return [*self.half, *(item.scope for item in self._skipped[by])]

    def fill(self, scope: Scope, key: str, read: Read, entries: Iterable[dict[str, Any]]) -> None:
        """Take in the resources of raw entries, before the first lookup; of two with one id the later one stays."""
        unique: dict[Any, Item] = {}
        with bulk():
            for entry in entries:
                for raw in self._resources(scope, key, read, entry):
                    unique[raw[read.id_field]] = Item(scope, key, read, entry, raw)
        self.items += unique.values()

    def _resources(self, scope: Scope, key: str, read: Read, entry: dict[str, Any]) -> list[dict[str, Any]]:
        """The resources inside one entry that have an id; what else is there is noted."""
        try:
            found = flatten(read, entry)
        except HALF_WRITTEN as error:
            self._note(scope, f"{key} in {scope}: an entry cannot be taken apart ({type(error).__name__}: {error})")
            return []
        known = [raw for raw in found if isinstance(raw.get(read.id_field), str)]
        if len(known) < len(found):
            self._note(scope, f"{key} in {scope}: an entry has no {read.id_field}")
        return known

    def _note(self, scope: Scope, note: str) -> None:
        self.half.append(scope)
        self.notes.append(note)

    def add(self, item: Item) -> None:
        """Add a resource to the kind and to every lookup in use."""
        self.items.append(item)
        for by, found in self._lookups.items():
            for value in self._keys(by, item):
                found[value] = [*found.get(value, ()), item]

    def remove(self, item: Item) -> None:
        """Take a resource out again."""
        self.items = [other for other in self.items if other is not item]
        for by, found in self._lookups.items():
            self._skipped[by] = [other for other in self._skipped[by] if other is not item]
            for value in self._keys(by, item, note=False):
                found[value] = [other for other in found.get(value, ()) if other is not item]

    def _lookup(self, by: str) -> dict[str, list[Item]]:
        found = self._lookups.get(by)
        if found is None:
            self._skipped[by] = []
            with bulk():
                found = self._lookups[by] = self._build(by)
        return found

    def _build(self, by: str) -> dict[str, list[Item]]:
        found: dict[str, list[Item]] = {}
        for item in self.items:
            for value in self._keys(by, item):
                found.setdefault(value, []).append(item)
        return found

    def _keys(self, by: str, item: Item, note: bool = True) -> list[str]:
        """The values under which the lookup finds the item, each once."""
        lookup = item.read.lookups.get(by)
        if lookup is None:
            return []
        try:
            values = [value for value in lookup.keys(item.raw) if value is not None]
        except HALF_WRITTEN as error:
            return self._skip(by, item, f"{type(error).__name__}: {error}", note)
        if len(values) == 1 and isinstance(values[0], str):
            return values
        if not all(isinstance(value, str) for value in values):
            return self._skip(by, item, "a key that is no string", note)
        return list(dict.fromkeys(values))

    def _skip(self, by: str, item: Item, reason: str, note: bool) -> list[str]:
        if note:
            self._skipped[by].append(item)
        if note and item not in self._noted:
            self._noted.add(item)
            self.notes.append(f"{self.kind} {item.id} in {item.scope}: cannot be looked up by {by} ({reason})")
        return []


def flatten(read: Read, entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources inside one raw entry; raises one of HALF_WRITTEN where the entry has another shape."""
    found = list(read.items((entry,)))
    for raw in found:
        if not isinstance(raw, dict):
            raise TypeError(f"{type(raw).__name__} is no object")
    return found


@contextmanager
def bulk() -> Iterator[None]:
    """The garbage collector is off while very many objects are made that all stay: it would walk them again and again.

    Freezing and unfreezing then hands them to the oldest generation without a walk, unless somebody else has frozen some.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            gc.freeze()
            gc.unfreeze()
        if was_on:
            gc.enable()
