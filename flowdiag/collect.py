"""From AWS to a Snapshot, in rounds: the walk names what it lacks, one round fetches exactly that.

wanted → calls → all of a round in parallel → replies → Snapshot.add | Snapshot.refuse
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flowdiag.access import Access, Page
from flowdiag.calls import Call, askable, parameters, plan
from flowdiag.fault import Fault
from flowdiag.model import Query, Scope, Unread
from flowdiag.policy import Reads, known_reads
from flowdiag.snapshot import Snapshot


@dataclass(frozen=True)
class Reply:
    """What became of a call: the raw items, the response key they belong under, the fault if any."""

    call: Call
    key: str
    items: tuple[Any, ...] = ()
    fault: Fault | None = None


class Collector:
    """Reads AWS on demand into `snapshot`, by `access`. `rounds` is how many times AWS was waited for."""

    def __init__(self, access: Access, reads: Reads | None = None) -> None:
        self.access = access
        self._reads = known_reads() if reads is None else reads
        self.snapshot = Snapshot.empty(self._reads)
        self.rounds = 0
        self._asked: set[Query] = set()

    @property
    def scope(self) -> Scope:
        """The session's account (empty until the first round) and Region, where queries go that name no other."""
        return self.access.home

    @property
    def calls(self) -> tuple[tuple[str, str, Mapping[str, Any]], ...]:
        """The calls made so far as (operation, Region, parameters), further pages not counted."""
        return self.access.calls

    @property
    def _several(self) -> bool:
        return len(self.access.scopes()) > 1

    def fetch(self, wanted: Iterable[Unread]) -> bool:
        """One round: ask AWS for all that is wanted and was not asked before; true where anything new was answered or refused.

        Raises FlowdiagError where AWS does not accept the credentials; what other calls of the round brought is kept.
        """
        queries = [query for query in dict.fromkeys(u.query for u in wanted if u.retry) if query not in self._asked]
        if (self._several or any(query.scope.account for query in queries)) and queries and not self.access.introduced:
            self._round([])  # whose sessions these are decides what may be asked of whom
        asked = [(query, scope) for query in queries if self._can_ask(query) for scope in self.access.within(query.scope)]
        calls = plan(asked, self._reads)
        if calls:
            self._keep(self._round(calls))
        self._asked.update(queries)
        return bool(queries)

    def _can_ask(self, query: Query) -> bool:
        """Whether AWS can be asked that; a query it cannot is refused here."""
        unseen = self.access.unseen(query.scope.account)
        if unseen:
            self._refuse(query, unseen)
            return False
        if not askable(self._reads[query.kind], query.by):
            self._refuse(query, f"AWS offers no search for {query.kind.replace('_', ' ')} by {query.by.replace('_', ' ')}")
            return False
        return True

    def _refuse(self, query: Query, reason: str, action: str = "") -> None:
        action = action or self._reads[query.kind][0].action
        self.snapshot.refuse(Unread(query=query, reason=reason, action=action, retry=False))

    # ------------------------------------------------------------ one round

    def _round(self, calls: list[Call]) -> list[Reply]:
        """Every call's replies, and in the first round the session's account, which so costs no round of its own."""
        self.rounds += 1
        with ThreadPoolExecutor(max_workers=self.access.threads) as pool:
            asked = [pool.submit(_ask, call, self.access) for call in calls]
            self.access.introduce()
            self.snapshot.places = self.access.scopes() if self._several else ()
            return [reply for future in asked for reply in future.result()]

    def _keep(self, replies: list[Reply]) -> None:
        """Put the replies into the snapshot; raises FlowdiagError after that where no session is good any more.

        A query that several calls answer is answered when all of them did; one that was asked in several accounts or Regions
        is answered for each of them, and as it stands when all of them did.
        """
        read_at = datetime.now(UTC)
        failed = {(query, reply.call.scope): reply for reply in replies if reply.fault for query in reply.call.queries}
        open_queries = {query for query, _ in failed}
        for reply in replies:
            scope = self.access.full(reply.call.scope)
            fine = [query for query in reply.call.queries if (query, reply.call.scope) not in failed]
            answered = [_at(query, scope) if query in open_queries else query for query in fine]
            if answered or reply.items:
                self.snapshot.add(scope, reply.key, list(reply.items), answered=answered, at=read_at)
        self._refuse_failed(failed)
        for (_, scope), reply in failed.items():
            fault = reply.fault
            if fault and (fault.kind == "expired" or (fault.kind == "rejected" and not self.access.full(scope).account)):
                self.access.lose(scope, fault)

    def _refuse_failed(self, failed: Mapping[tuple[Query, Scope], Reply]) -> None:
        """Refuse each query as it stands, and where it was asked in several places, for each place where it failed."""
        of_query: dict[Query, list[Reply]] = {}
        for (query, _), reply in failed.items():
            of_query.setdefault(query, []).append(reply)
        for query, replies in of_query.items():
            why, action = self._why(replies[0])
            if len(self.access.within(query.scope)) > 1:
                for reply in replies:
                    self._refuse(_at(query, self.access.full(reply.call.scope)), *self._why(reply))
                why = "; ".join(dict.fromkeys(map(self._why_there, replies)))
            self._refuse(query, why, action)

    def _why_there(self, reply: Reply) -> str:
        """Why a call failed, and where; what keeps a whole account from being read says so itself."""
        why, action = self._why(reply)
        return why if action != reply.call.read.action else f"{why} in {self.access.full(reply.call.scope)}"

    def _why(self, reply: Reply) -> tuple[str, str]:
        """Why a call failed, and the action that would grant it."""
        assert reply.fault
        if reply.fault.kind == "rejected":  # STS took the same credentials
            where = f"AWS does not take these credentials in {reply.call.scope.region}"
            return f"{where}: the Region may not be enabled for the account", reply.call.read.action
        return reply.fault.reason, reply.fault.action or reply.call.read.action


def _at(query: Query, scope: Scope) -> Query:
    """The same query, asked in one place."""
    return query.model_copy(update={"scope": scope})


# ---------------------------------------------------------------- one call, in a thread of its own


def _ask(call: Call, access: Access) -> list[Reply]:
    """The reply to a call; where one value spoils it for the others, one for each half and so on, so that they get theirs."""
    read, scope = call.read, call.scope
    takes, gives = access.shapes(scope, read.service, read.operation)
    key = next((key for key in read.responses if key in gives), read.responses[0])
    if len(call.values) > 1 and takes.get(call.lookup.parameter, "list") != "list":  # it takes one value a call
        return [reply for half in call.halves() for reply in _ask(half, access)]
    pages, fault = access.send(scope, read.service, read.operation, parameters(call, takes))
    if fault and fault.kind in ("absent", "value") and len(call.values) > 1:
        return [Reply(call.of(()), key), *(reply for half in call.halves() for reply in _ask(half, access))]
    if fault and _names_nothing(fault, call):
        fault, pages = None, []
    if fault and read.single:
        pages = []  # half a reply about one resource would look like the whole of it
    return [Reply(call, key, tuple(_without(item, read.secret) for item in _items(call, key, pages)), fault)]


def _without(value: Any, secret: frozenset[str]) -> Any:
    """A value without the fields of these names, however deep they lie."""
    if not secret:
        return value
    if isinstance(value, Mapping):
        return {name: _without(part, secret) for name, part in value.items() if name not in secret}
    return [_without(part, secret) for part in value] if isinstance(value, list) else value


def _names_nothing(fault: Fault, call: Call) -> bool:
    """Whether AWS says that the id asked for is nobody's: it knows none, or calls the very value impossible."""
    return fault.kind == "absent" or (fault.kind == "value" and not call.lookup.filter and call.values[0] in fault.reason)


def _items(call: Call, key: str, pages: list[Page]) -> Iterator[Any]:
    """The raw items of a reply; one that does not name its id is kept whole beside the id that was asked for."""
    if not call.read.single:
        for page in pages:
            found = page.get(key) or ()  # a few calls answer with one object where others list
            yield from (found,) if isinstance(found, Mapping) else found
    elif pages:
        merged: dict[str, Any] = {call.read.id_field: call.values[0]}
        for page in pages:
            for name, value in page.items():
                merged[name] = merged.get(name, []) + value if isinstance(value, list) else value
        yield merged
