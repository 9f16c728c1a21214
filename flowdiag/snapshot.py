"""Snapshot: everything that was read of AWS, asked by kind and value. `collect` fills one, a folder is one, the walk asks it.

An answer is a resource, or nothing where AWS said so, or Unread. Not read is not absent: nothing is only said of a
(scope, response key) that was read whole, or of a query that AWS itself answered.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from flowdiag import capture, folder
from flowdiag.component import WHOLE
from flowdiag.error import FlowdiagError
from flowdiag.index import Item
from flowdiag.model import ANYWHERE, Query, Scope, Unread, first_of
from flowdiag.store import Reads, Store, may_be, within

REMEMBERED = 100_000
"""Lookups whose answers are kept: one question asks for hundreds, most of them several times."""


class Snapshot:
    """Raw describe replies by scope and response key, and the resources in them.

    `get` and `find` answer without remembering; `view()` gives the `component.View` that a walk uses. `unused` are
    sentences on replies that no component reads. `places` are the accounts and Regions that a search without a scope was made
    in, where they were several: only together do they answer it.
    """

    def __init__(self, reads: Reads | None = None) -> None:
        self._store = Store(reads if reads is not None else _all_reads())
        self._answered: set[Query] = set()
        self._refused: dict[Query, Unread] = {}
        self._notes: tuple[str, ...] = ()
        self.unused: tuple[str, ...] = ()
        self.places: tuple[Scope, ...] = ()
        self.files: tuple[str, ...] = ()
        self.read_at: datetime | None = None
        self._found: dict[tuple[str, str, str, Scope], Any] = {}

    # ------------------------------------------------------------ making one

    @classmethod
    def empty(cls, reads: Reads | None = None) -> Self:
        """A snapshot in which nothing was read yet."""
        return cls(reads)

    @classmethod
    def load(cls, path: str | Path, reads: Reads | None = None) -> Self:
        """The snapshot in a folder, or one file, of raw `aws … describe-*` JSON replies (`.json`, `.json.gz`).

        What cannot be used is named in `notes`. Raises FlowdiagError where the path does not exist or holds nothing usable.
        """
        if not isinstance(path, str | Path):
            raise FlowdiagError(f"snapshot is {path!r}: give the path of its folder")
        new = cls(reads)
        with _bulk():
            contents = folder.read(path, new._store.keys)
            for reply in contents.replies:
                contents.notes += new._store.take(reply)
            new._store.index()
        for scope, key, file in contents.spoilt:
            new._store.spoil(scope, key, file)
        for told in contents.captures:
            new._answered.update(told.answered)
            new._refused.update({unread.query: unread for unread in told.refused})
            new.read_at = _newest(new.read_at, told.read_at)
            new.places = tuple(dict.fromkeys((*new.places, *told.places)))
        new.files, new._notes, new.unused = tuple(contents.files), tuple(contents.notes), tuple(contents.unused)
        return new

    def save(self, path: str | Path) -> None:
        """Write the raw replies to `accounts/<account>/<region>/<ResponseKey>.json` and what was asked to `capture.json`.

        An earlier capture there is replaced; raises FlowdiagError where the folder holds anything else.
        """
        answered = tuple(sorted(self._answered, key=repr))
        refused = tuple(sorted(self._refused.values(), key=repr))
        capture.write(
            path,
            self._store.parts(),
            capture.Capture(read_at=self.read_at, answered=answered, refused=refused, places=self.places),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot):
            return NotImplemented
        return self._state() == other._state()

    __hash__ = None  # type: ignore[assignment]  # it grows while it is collected

    def _state(self) -> tuple[Any, ...]:
        return self._store.state(), self._answered, self._refused, self.read_at

    # ------------------------------------------------------------ asking it

    def view(self) -> SnapshotView:
        """A view that remembers what was asked and not had."""
        return SnapshotView(self)

    def get(self, kind: str, id: str, scope: Scope = ANYWHERE) -> Any:
        """The resource with this id, in `scope` before any other; None where AWS has none, or Unread."""
        answer = self.find(kind, "id", id, scope)
        return answer if isinstance(answer, Unread) else next(iter(answer), None)

    def find(self, kind: str, by: str, value: str, scope: Scope = ANYWHERE) -> Any:
        """Every resource that the lookup gives, as a tuple, or Unread. Empty parts of `scope` stand for any.

        Raises KeyError for a kind or lookup that no component reads.
        """
        asked = (kind, by, value, scope)
        found = self._found.get(asked)
        if found is None:
            found = self._searched(*asked)
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[asked] = found
        return found

    def _searched(self, kind: str, by: str, value: str, scope: Scope) -> Any:
        hits = self._by_id(kind, value, scope) if by == "id" else self._store.find(kind, by, value, scope)
        if hits and (by == "id" or self._store.is_unique(kind, by)):
            return self._built(hits, by, value, scope)
        lacking = self._lacking(Query(kind=kind, by=by, value=value, scope=scope), hits)
        return self._built(hits, by, value, scope) if lacking is None else lacking

    def _by_id(self, kind: str, id: str, scope: Scope) -> list[Item]:
        """The resource with this id, in `scope` before any other; none where no scope has it. Of ids that are names, each
        resource where it may be the one, which is where nothing says that it is of another account or Region."""
        hits = self._store.find(kind, "id", id, scope) or self._store.find(kind, "id", id)
        if any(hit.read.own_names for hit in hits):
            return [hit for hit in hits if may_be(hit.scope, scope)]
        return hits[:1]

    def _built(self, hits: list[Item], by: str, value: str, scope: Scope) -> Any:
        once = first_of(hits, _identity)
        resources = tuple(hit.resource() for hit in once)
        for hit, resource in zip(once, resources, strict=True):
            if isinstance(resource, str):
                query = Query(kind=hit.read.resource.kind, by=by, value=value, scope=scope)
                return _malformed(query, str(resource), hit.read.action)
        return resources

    def _lacking(self, query: Query, hits: list[Item]) -> Unread | None:
        """The answer where the hits may not be all there is; None where they are."""
        if self._store.blind(query.kind, query.by, query.scope):
            what = f"a {query.kind} is too half-written to be looked up by {query.by}"
            return _malformed(query, what, self._store.action(query.kind))
        there = self._store.whole(query.kind, query.scope)
        partly = [scope for scope, whole in there if not whole]
        partly += [place for place in self.places if within(place, query.scope) and place not in dict(there)]
        if there and not partly:
            return None
        if query in self._refused and not self._answered_where_found(query, hits):
            return self._refused[query]
        if any(hit.scope not in partly for hit in hits) or query in self._refused or self._is_answered(query, partly):
            return None
        return self._store.absence(query, partly)

    def _answered_where_found(self, query: Query, hits: list[Item]) -> bool:
        """Whether all that was found of a query is where AWS answered it, whatever was refused in other accounts or Regions."""
        found = {hit.scope for hit in hits}
        return bool(found) and self._answered.issuperset(query.model_copy(update={"scope": scope}) for scope in found)

    def _is_answered(self, query: Query, scopes: list[Scope]) -> bool:
        """Whether AWS itself answered the query, as it stands or for each of these scopes."""
        asked = (query.model_copy(update={"scope": scope}) for scope in scopes)
        return query in self._answered or (bool(scopes) and self._answered.issuperset(asked))

    def beside(self, kind: str, by: str, value: str, scope: Scope) -> Unread | None:
        """What was refused of a lookup that was answered elsewhere: another account or Region may hold more of it."""
        return self._refused.get(Query(kind=kind, by=by, value=value, scope=scope)) if self._refused and by != "id" else None

    # ------------------------------------------------------------ filling it

    def add(
        self,
        scope: Scope,
        response_key: str,
        items: Iterable[dict[str, Any]],
        answered: Iterable[Query] = (),
        at: datetime | None = None,
    ) -> None:
        """Take in what AWS said live: the entries under one response key of `scope`, and the queries they answer.

        An entry with a known id replaces the older one; `at` carries its time zone. Raises KeyError for a response key
        that no component reads.
        """
        self._found.clear()
        asked = tuple(answered)
        self._store.add(scope, response_key, items, whole=any(query.by == WHOLE for query in asked))
        self._answered.update(asked, (query.model_copy(update={"scope": scope}) for query in asked))
        self.read_at = _newest(self.read_at, at)

    def refuse(self, unread: Unread) -> None:
        """Answer this query with `unread` from now on: AWS denied it or could not answer."""
        self._found.clear()
        self._refused[unread.query] = unread

    def changed(self, kind: str, id: str, scope: Scope, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Self:
        """A copy in which one resource is what `change` makes of a copy of its raw reply.

        Raises KeyError where the resource was not read.
        """
        hits = self._by_id(kind, id, scope)
        if not hits:
            raise KeyError(f"{kind} {id} was not read")
        other = self._copy()
        other._store.replace(hits[0], change(deepcopy(hits[0].raw)))
        return other

    def _copy(self) -> Self:
        other = copy(self)
        other._store, other._found = self._store.copy(), {}
        other._answered, other._refused = set(self._answered), dict(self._refused)
        return other

    # ------------------------------------------------------------ about it

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every account and Region of which something was read."""
        return self._store.scopes

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be used: a file, an entry, each in one sentence."""
        return (*self._notes, *self._store.notes)

    @property
    def refused(self) -> tuple[Unread, ...]:
        """What AWS denied or could not answer, each with the reason and the action that would grant it."""
        return tuple(self._refused.values())

    def advise(self, unread: Iterable[Unread]) -> tuple[Unread, ...]:
        """The same with the way out that this evidence leaves: what a folder lacks is saved there, for no grant mends a folder.

        What AWS denied to a capture stays a matter of a grant.
        """
        return tuple(
            one.model_copy(update={"way_out": f"save {self._store.command(one.query)} into the snapshot"})
            if self.files and one.action and not one.way_out and one.query not in self._refused
            else one
            for one in unread
        )

    def counts(self) -> dict[str, int]:
        """How many resources of each kind were read, for the kinds of which a reply was read."""
        return self._store.counts()


class SnapshotView:
    """Asks a snapshot and remembers what was wanted and not had, in the order in which it was first asked."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._unread: dict[Query, Unread] = {}

    def get(self, kind: str, id: str, scope: Scope = ANYWHERE) -> Any:
        """As `Snapshot.get`."""
        return self._remember(self._snapshot.get(kind, id, scope))

    def find(self, kind: str, by: str, value: str, scope: Scope = ANYWHERE) -> Any:
        """As `Snapshot.find`; of what was found in one place and refused in another, each reason is remembered once."""
        answer = self._remember(self._snapshot.find(kind, by, value, scope))
        beside = None if isinstance(answer, Unread) else self._snapshot.beside(kind, by, value, scope)
        if beside is not None and beside.reason not in {known.reason for known in self._unread.values()}:
            self._unread[beside.query] = beside
        return answer

    def lack(self, unread: Unread) -> Unread:
        """Note something that reading more of this evidence would not settle, and give it back."""
        self._unread.setdefault(unread.query, unread)
        return unread

    def named(self, kind: str, id: str, scope: Scope = ANYWHERE) -> str:
        """The name of a resource where it is known, else its id; nothing is wanted for the sake of a name."""
        known = self._snapshot.get(kind, id, scope)
        return str(known.name) if known else id

    def advise(self, unread: Unread) -> Unread:
        """As `Snapshot.advise`."""
        return self._snapshot.advise((unread,))[0]

    def names(self, kinds: Iterable[str]) -> set[str]:
        """The ids and Name tags of all that was read of these kinds; nothing is wanted for their sake."""
        return self._snapshot._store.names(kinds)

    def assume(self, query: Query, assumed: str) -> None:
        """Note a documented default that stands in for something that was not read."""
        known = self._unread.get(query)
        self._unread[query] = (
            Unread(query=query, assumed=assumed) if known is None else known.model_copy(update={"assumed": assumed})
        )

    def aside(self) -> SnapshotView:
        """A view of the same evidence that remembers for itself."""
        return SnapshotView(self._snapshot)

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What was wanted and not had, each query once; `assumed` tells what stood in for it."""
        return tuple(self._unread.values())

    def _remember(self, answer: Any) -> Any:
        if isinstance(answer, Unread):
            self._unread.setdefault(answer.query, answer)
        return answer


def _identity(hit: Item) -> Any:
    """What tells a resource from others: its id, for a shared one shows in several accounts; of a name, whose it is too."""
    return (hit.id, hit.scope) if hit.read.own_names else hit.id


@contextmanager
def _bulk() -> Iterator[None]:
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


def _all_reads() -> Reads:
    from flowdiag.components import reads

    return reads()


def _malformed(query: Query, what: str, action: str) -> Unread:
    way_out = "save it again, whole"
    return Unread(query=query, reason=f"malformed: {what}", action=action, way_out=way_out, malformed=True, retry=False)


def _newest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other
