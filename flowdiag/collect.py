"""From a boto3 session to a Snapshot, in rounds: the walk names what it lacks, one round fetches exactly that. Read-only.

    wanted → calls → all of a round in parallel → replies → Snapshot.add | Snapshot.refuse

The only module that speaks to AWS, and the only one that knows boto3 and botocore.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import boto3
from botocore import exceptions as aws
from botocore.config import Config
from botocore.parsers import ResponseParserError

from flowdiag.calls import Call, askable, parameters, plan
from flowdiag.fault import Fault, of_exception
from flowdiag.model import FlowdiagError, Query, Scope, Unread
from flowdiag.policy import Reads, known_reads
from flowdiag.snapshot import Snapshot

READ_ONLY = ("describe_", "get_", "list_", "search_", "lookup_", "filter_")
PAGE_MARKS = ("NextToken", "NextMarker", "Marker")
ATTEMPTS, CONNECT_SECONDS, READ_SECONDS = 6, 5, 30
STS_ATTEMPTS = 3  # a network may have no way to STS, and it only tells the account's number


@dataclass(frozen=True)
class Reply:
    """What became of a call: the parameters sent, the raw items, the response key they belong under, the fault if any."""

    call: Call
    parameters: Mapping[str, Any]
    key: str
    items: tuple[Any, ...] = ()
    fault: Fault | None = None


class Collector:
    """Reads AWS on demand into `snapshot`. `region` stands in for the session's own; `workers` is the number of calls at once.

    `calls` are the calls made so far as (operation, Region, parameters), further pages not counted; `rounds` is how many
    times AWS was waited for; `scope` the session's account (empty until the first round) and Region, where queries go that
    name no other. Raises FlowdiagError where no Region is known or the profile does not exist.
    """

    def __init__(
        self, session: boto3.Session | None = None, *, region: str | None = None, reads: Reads | None = None, workers: int = 10
    ) -> None:
        self._session: Any = session or session_for()  # its stubs want services known beforehand
        home = region or self._session.region_name
        if not home:
            raise FlowdiagError(
                "no AWS Region is known: give region= (--region), set AWS_DEFAULT_REGION, or name one in the profile"
            )
        self.scope = Scope(region=home)
        self._reads = known_reads() if reads is None else reads
        self.snapshot = Snapshot.empty(self._reads)
        self.calls: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
        self.rounds = 0
        self._workers = workers
        self._clients: dict[tuple[str, str], Any] = {}
        self._asked: set[Query] = set()
        self._introduced = False

    def fetch(self, wanted: Iterable[Unread]) -> bool:
        """One round: ask AWS for all that is wanted and was not asked before; true where anything new was answered or refused.

        Raises FlowdiagError where AWS does not accept the credentials; what other calls of the round brought is kept.
        """
        queries = [query for query in dict.fromkeys(u.query for u in wanted if u.retry) if query not in self._asked]
        if any(query.scope.account for query in queries) and not self._introduced:
            self._round([])  # whose session this is decides what may be asked
        calls = plan([query for query in queries if self._can_ask(query)], self._reads, self.scope.region)
        if calls:
            self._keep(self._round(calls))
        self._asked.update(queries)
        return bool(queries)

    def _can_ask(self, query: Query) -> bool:
        """Whether this session can ask AWS that; a query it cannot is refused here."""
        account, own = query.scope.account, self.scope.account
        if account not in ("", own):
            why = "is not visible with this session" if own else "may not be this session's, whose account STS did not tell"
            self._refuse(query, f"account {account} {why}")
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
        clients = [self._client(call.read.service, call.region) for call in calls]
        sts = None if self._introduced else self._client("sts", self.scope.region)
        self.rounds += 1
        with ThreadPoolExecutor(max_workers=self._workers) as pool:
            asked = [pool.submit(_ask, call, client) for call, client in zip(calls, clients, strict=True)]
            if sts is not None:
                self._introduce(sts)
            replies = [reply for future in asked for reply in future.result()]
        self.calls += tuple((reply.call.read.operation, reply.call.region, reply.parameters) for reply in replies)
        return replies

    def _client(self, service: str, region: str) -> Any:
        """The one client of this service and Region, or the Fault that there can be none.

        Made before the threads start, from one session: making clients in parallel is slower, and sessions are not
        safe to share (https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html).
        """
        if (service, region) not in self._clients:
            config = _config(self._workers, STS_ATTEMPTS if service == "sts" else ATTEMPTS)
            try:
                client = self._session.client(service, region_name=region, config=config)
            except aws.BotoCoreError as error:
                client = of_exception(error)
            self._clients[service, region] = client
        return self._clients[service, region]

    def _introduce(self, sts: Any) -> None:
        """Learn the session's account; it stays empty where STS cannot be asked, as in a network with no way to it."""
        self._introduced = True
        replies, fault = ([], sts) if isinstance(sts, Fault) else _send(sts, "get_caller_identity", {})
        self.calls += (("get_caller_identity", self.scope.region, {}),)
        if fault and fault.kind in ("rejected", "expired"):
            raise FlowdiagError(fault.reason)
        self.scope = Scope(account=replies[0]["Account"] if replies else "", region=self.scope.region)

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


def session_for(profile: str | None = None) -> boto3.Session:
    """A session with this profile, or the default one; raises FlowdiagError where the profile does not exist."""
    try:
        return boto3.Session(profile_name=profile)
    except aws.BotoCoreError as error:
        raise FlowdiagError(of_exception(error).reason) from error


def _config(workers: int, attempts: int) -> Config:
    return Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=workers,
        user_agent_extra=f"flowdiag/{version('flowdiag')}",
    )


# ---------------------------------------------------------------- one call, in a thread of its own


def _ask(call: Call, client: Any) -> list[Reply]:
    """The reply to a call; where one value spoils it for the others, one for each half and so on, so that they get theirs."""
    if isinstance(client, Fault):
        return [Reply(call, {}, call.read.responses[0], fault=client)]
    takes, gives = _shapes(client, call.read.operation)
    request = parameters(call, takes)
    key = next((key for key in call.read.responses if key in gives), call.read.responses[0])
    pages, fault = _send(client, call.read.operation, request)
    if fault and fault.kind in ("absent", "value") and len(call.values) > 1:
        spoiled = Reply(call.of(()), request, key)
        return [spoiled, *(reply for half in call.halves() for reply in _ask(half, client))]
    if fault and _names_nothing(fault, call):
        fault, pages = None, []
    if fault and call.read.single:
        pages = []  # half a reply about one resource would look like the whole of it
    return [Reply(call, request, key, tuple(_items(call, key, pages)), fault)]


def _names_nothing(fault: Fault, call: Call) -> bool:
    """Whether AWS says that the id asked for is nobody's: it knows none, or calls the very value impossible."""
    return fault.kind == "absent" or (fault.kind == "value" and bool(call.lookup.parameter) and call.values[0] in fault.reason)


def _shapes(client: Any, operation: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The parameters an operation takes, with their types, and the keys of its reply; nothing where boto3 is too old for it."""
    name = client.meta.method_to_api_mapping.get(operation)
    if name is None:
        return {}, ()
    model = client.meta.service_model.operation_model(name)
    takes, gives = (shape.members if shape else {} for shape in (model.input_shape, model.output_shape))
    return {name: shape.type_name for name, shape in takes.items()}, tuple(gives)


def _items(call: Call, key: str, pages: list[Mapping[str, Any]]) -> Iterator[Any]:
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


def _send(client: Any, operation: str, request: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], Fault | None]:
    """Every page of a reply as plain JSON without paging marks; with a fault, the pages before it. The only place that calls AWS.

    Raises FlowdiagError where the operation is none that only reads.
    """
    if not operation.startswith(READ_ONLY):
        raise FlowdiagError(f"{operation} is not called: flowdiag only reads, by operations named {', '.join(READ_ONLY)}")
    if not hasattr(client, operation):
        return [], Fault("refused", f"this version of boto3 does not know {operation}: upgrade it")
    pages: list[Mapping[str, Any]] = []
    unfinished = False
    try:
        for page in _pages(client, operation, request):
            unfinished = any(page.get(mark) for mark in (*PAGE_MARKS, "AdditionalRoutesAvailable"))
            pages.append({name: _plain(value) for name, value in page.items() if name not in (*PAGE_MARKS, "ResponseMetadata")})
    except (aws.ClientError, aws.BotoCoreError, ResponseParserError) as error:
        return pages, of_exception(error)
    return pages, Fault("refused", "AWS has more of it than this call gives") if unfinished else None


def _pages(client: Any, operation: str, request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if client.can_paginate(operation):
        yield from client.get_paginator(operation).paginate(**request)
        return
    page = getattr(client, operation)(**request)
    yield page
    while (
        page.get("NextToken") and "NextToken" in _shapes(client, operation)[0]
    ):  # newer calls have pages before botocore pages them
        page = getattr(client, operation)(**request, NextToken=page["NextToken"])
        yield page


def _plain(value: Any) -> Any:
    """The value as the AWS CLI prints it: times are ISO 8601 text."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, datetime) else value
