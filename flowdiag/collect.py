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
from flowdiag.model import FlowdiagError, Query, Scope, Unread
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

    def fetch(self, wanted: Iterable[Unread]) -> bool:
        """One round: ask AWS for all that is wanted and was not asked before; true where anything new was answered or refused.

        Raises FlowdiagError where AWS does not accept the credentials; what other calls of the round brought is kept.
        """
        queries = [query for query in dict.fromkeys(u.query for u in wanted if u.retry) if query not in self._asked]
        if any(query.scope.account for query in queries) and not self.access.introduced:
            self._round([])  # whose session this is decides what may be asked
        calls = plan([query for query in queries if self._can_ask(query)], self._reads, self.scope.region)
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
        with ThreadPoolExecutor(max_workers=self.access.workers) as pool:
            asked = [pool.submit(_ask, call, self.access) for call in calls]
            self.access.introduce()
            return [reply for future in asked for reply in future.result()]

    def _keep(self, replies: list[Reply]) -> None:
        """Put the replies into the snapshot; raises FlowdiagError after that where the session is no good any more.

        A query that several calls answer is answered when all of them did.
        """
        read_at = datetime.now(UTC)
        failed = {q: reply for reply in replies if reply.fault for q in reply.call.queries}
        for reply in replies:
            answered = [query for query in reply.call.queries if query not in failed]
            scope = Scope(account=self.scope.account, region=reply.call.region)
            if answered or reply.items:
                self.snapshot.add(scope, reply.key, list(reply.items), answered=answered, at=read_at)
        for query, reply in failed.items():
            self._refuse(query, self._why(reply), reply.call.read.action)
        for fault in (reply.fault for reply in failed.values()):
            if fault and (fault.kind == "expired" or (fault.kind == "rejected" and not self.scope.account)):
                raise FlowdiagError(fault.reason)

    def _why(self, reply: Reply) -> str:
        assert reply.fault
        if reply.fault.kind == "rejected":  # STS took the same credentials
            return f"AWS does not take these credentials in {reply.call.region}: the Region may not be enabled for the account"
        return reply.fault.reason


# ---------------------------------------------------------------- one call, in a thread of its own


def _ask(call: Call, access: Access) -> list[Reply]:
    """The reply to a call; where one value spoils it for the others, one for each half and so on, so that they get theirs."""
    read, scope = call.read, Scope(region=call.region)
    takes, gives = access.shapes(scope, read.service, read.operation)
    key = next((key for key in read.responses if key in gives), read.responses[0])
    pages, fault = access.send(scope, read.service, read.operation, parameters(call, takes))
    if fault and fault.kind in ("absent", "value") and len(call.values) > 1:
        return [Reply(call.of(()), key), *(reply for half in call.halves() for reply in _ask(half, access))]
    if fault and _names_nothing(fault, call):
        fault, pages = None, []
    if fault and read.single:
        pages = []  # half a reply about one resource would look like the whole of it
    return [Reply(call, key, tuple(_items(call, key, pages)), fault)]


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
