"""The one door to AWS: every call of flowdiag goes through here, read-only. The only module that knows boto3 and botocore.

scope, service, operation, parameters → the session of that account → pages of plain JSON | Fault
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from datetime import datetime
from functools import partial
from importlib.metadata import version
from threading import Lock
from typing import Any

import boto3
from botocore import exceptions as aws
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.parsers import ResponseParserError

from flowdiag.accounts import Account, Door, Given, read
from flowdiag.fault import Fault, of_exception
from flowdiag.model import FlowdiagError, Scope

READ_ONLY = ("describe_", "get_", "list_", "search_", "lookup_", "filter_")
# Searches that AWS runs by itself, of CloudWatch Logs Insights and of Athena: begun, asked for, given up. They change nothing
# but their own outcome, which Athena keeps where its workgroup says:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
# https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
SEARCHES = ("start_query", "stop_query", "start_query_execution", "stop_query_execution")
PAGE_MARKS = ("NextToken", "nextToken", "NextMarker", "nextMarker", "Marker")
ATTEMPTS, CONNECT_SECONDS, READ_SECONDS = 6, 5, 30
STS_ATTEMPTS = 3  # a network may have no way to STS, and it only tells the account's number
CHUNK, MOST_THREADS = 1 << 16, 64
KEYS = {"access_key": "AccessKeyId", "secret_key": "SecretAccessKey", "token": "SessionToken", "expiry_time": "Expiration"}
FAILURES = (aws.ClientError, aws.BotoCoreError, ResponseParserError)

Page = Mapping[str, Any]


class AccessError(FlowdiagError):
    """AWS did not give what was asked for; `fault` says of what kind that is."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


class Access:
    """Read-only calls to AWS, by one session for each account. Its methods may be used by several threads at once; `threads`
    is how many are of use, `workers` for each account and Region, for AWS counts requests by these.

    `region` stands in for the session's own. `accounts` are others that may be asked, as `accounts.read` takes them; without
    a session, and where none of them needs one, there is only them. `calls` are the calls made so far as (operation,
    Region, parameters), further pages not counted. Raises FlowdiagError where no Region is known, for accounts that nobody
    can make out, and where a profile does not exist.
    """

    def __init__(
        self,
        session: boto3.Session | None = None,
        *,
        region: str | None = None,
        accounts: Given = None,
        workers: int = 10,
    ) -> None:
        if session is not None and not hasattr(session, "client"):
            way = f"give boto3.Session(profile_name={session!r})" if isinstance(session, str) else "give a boto3 session"
            raise FlowdiagError(f"session is {session!r}, and no boto3 session: {way}")
        known = read(accounts)
        alone = session is None and bool(known.each) and not any(account.by_caller for account in known.each)
        caller: Any = None if alone else session or session_for()  # its stubs want services known beforehand
        own = [] if alone or not known.home else [Door(caller, _regions((), region, caller))]
        self._doors = [*own, *(_door(account, caller, region) for account in known.each)]
        _refuse_strange(region for door in self._doors for region in door.regions)
        self.workers = workers
        self.introduced = False
        self._calls: list[tuple[str, str, Mapping[str, Any]]] = []
        self._making = Lock()

    @property
    def calls(self) -> tuple[tuple[str, str, Mapping[str, Any]], ...]:
        """Every call made so far."""
        return tuple(self._calls)

    @property
    def threads(self) -> int:
        """How many calls at once are of use."""
        return min(self.workers * len(self.scopes()), MOST_THREADS)

    # ------------------------------------------------------------ who is asked

    @property
    def home(self) -> Scope:
        """The account and Region where calls go that name no other; the account is empty until `introduce`, or where STS
        cannot tell it."""
        return Scope(account=self._doors[0].account, region=self._doors[0].regions[0])

    def scopes(self) -> tuple[Scope, ...]:
        """Every account and Region that may be asked, home first."""
        return tuple(Scope(account=door.account, region=region) for door in self._doors for region in door.regions)

    def within(self, wanted: Scope) -> tuple[Scope, ...]:
        """Where to ask what is wanted of `wanted`, whose empty parts stand for any: an account may be asked in a Region that
        nobody named, a Region that nobody named only at home."""
        found = tuple(s for s in self.scopes() if wanted.account in ("", s.account) and wanted.region in ("", s.region))
        return found or (self.full(wanted),)

    def full(self, scope: Scope) -> Scope:
        """The scope with its account and Region, where they are home's and were left out."""
        return Scope(account=scope.account or self.home.account, region=scope.region or self.home.region)

    def unseen(self, account: str) -> str:
        """Why this account cannot be asked; empty where it can."""
        if not account or any(door.account == account for door in self._doors):
            return ""
        if not self.home.account:
            return f"account {account} may not be this session's, whose account STS did not tell"
        return f"account {account} is not visible with this session: name a role for it in accounts= (--accounts)"

    def introduce(self) -> None:
        """Once: learn the session's account and enter the others, all at a time.

        The session's account stays empty where STS cannot be asked, as in a network with no way to it. An account that
        cannot be entered, or turns out to be another, is shut: its calls give the reason. Raises FlowdiagError where
        nobody is left to be asked.
        """
        if self.introduced:
            return
        self.introduced = True
        nameless = not self._doors[0].account
        with ThreadPoolExecutor(max_workers=self.threads) as pool:
            list(pool.map(self._enter, self._doors))
        own, *others = self._doors
        same = next((door for door in others if door.account == own.account and not door.shut), None)
        if same and nameless:  # told again, for its Regions or its role
            same.regions = tuple(dict.fromkeys((*own.regions, *same.regions)))
            self._doors = [same, *(door for door in others if door is not same)]
        self._refuse_none()

    def lose(self, scope: Scope, fault: Fault) -> None:
        """Ask this account no more, whose credentials are no good any longer; FlowdiagError where nobody is left to be asked."""
        door = self._door(scope)
        if isinstance(door, Door):
            door.shut = door.shut or fault
        self._refuse_none()

    def _refuse_none(self) -> None:
        shut = [door.shut for door in self._doors if door.shut]
        if len(shut) == len(self._doors):
            raise AccessError(shut[0])

    def _door(self, scope: Scope) -> Door | Fault:
        """The door of an account, one that names the Region before others; home's for a scope without an account."""
        same = [door for door in self._doors if door.account == scope.account] if scope.account else self._doors[:1]
        if not same:
            return Fault("refused", self.unseen(scope.account))
        return next((door for door in same if scope.region in door.regions), same[0])

    def _enter(self, door: Door) -> None:
        """Find out whose the door is; assume its role where it has one."""
        if door.shut:
            return
        if door.role:
            self._assume(door, door.role)
            return
        pages, fault = _kept(self._pages(door, door.regions[0], "sts", "get_caller_identity", {}))
        told = pages[0]["Account"] if pages else ""
        if fault and (door.account or fault.kind in ("rejected", "expired")):
            door.shut = fault
        elif door.account not in ("", told):
            door.shut = Fault("refused", f"the session for account {door.account} is one of {told}: give another in accounts=")
        door.account = door.account or told

    def _assume(self, door: Door, role: Account) -> None:
        """From here on the door's calls are made with the role's keys, which last an hour and are then renewed by botocore."""
        keys = partial(self._keys, Door(door.session, door.regions), role)
        try:
            renewed = RefreshableCredentials.create_from_metadata(keys(), keys, "assume-role")
        except AccessError as error:
            door.shut = error.fault
        else:
            door.session, door.clients = _with(door.session, renewed), {}

    def _keys(self, caller: Door, role: Account) -> dict[str, str]:
        """New keys of a role; raises AccessError where STS gives none, also in a call for which the old ones are too old.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
        """
        request = {"RoleArn": role.role, "RoleSessionName": role.session_name}
        request |= {"ExternalId": role.external_id} if role.external_id else {}
        pages, fault = _kept(self._pages(caller, caller.regions[0], "sts", "assume_role", request))
        if fault:
            reason = f"this session may not assume {role.role}" if fault.reason == "denied" else f"{role.role}: {fault.reason}"
            raise AccessError(Fault("refused", f"account {role.number} cannot be read: {reason}", "sts:AssumeRole"))
        return {name: pages[0]["Credentials"][key] for name, key in KEYS.items()}

    # ------------------------------------------------------------ asking

    def send(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> tuple[list[Page], Fault | None]:
        """Every page of a reply as plain JSON without paging marks; with a fault, the pages before it.

        Raises FlowdiagError where the operation is none that only reads.
        """
        _permit(operation)
        door = self._door(scope)
        if isinstance(door, Fault):
            return [], door
        return _kept(self._pages(door, scope.region, service, operation, parameters))

    def each(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Page]:
        """The pages of a reply as they come, as plain JSON without paging marks.

        Raises AccessError at a fault, and where AWS has more than this call gives; FlowdiagError where the operation is
        none that only reads.
        """
        _permit(operation)
        return self._pages(self._open(scope), scope.region, service, operation, parameters)

    def body(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        """The streamed body of a reply (GetObject of S3), chunk by chunk.

        Raises AccessError at a fault, before the first chunk or between two; FlowdiagError where the operation is none that
        only reads.
        """
        _permit(operation)
        client = self._asking(self._open(scope), scope.region, service, operation, parameters)
        try:
            reply = getattr(client, operation)(**parameters)
            for stream in (part for part in reply.values() if hasattr(part, "iter_chunks")):
                yield from stream.iter_chunks(CHUNK)
        except FAILURES as error:
            raise AccessError(of_exception(error)) from error

    def shapes(self, scope: Scope, service: str, operation: str) -> tuple[dict[str, str], tuple[str, ...]]:
        """The parameters an operation takes, with their types, and the keys of its reply; nothing where boto3 knows none."""
        door = self._door(scope)
        client: Any = door if isinstance(door, Fault) else self._client(door, scope.region, service)
        name = None if isinstance(client, Fault) else client.meta.method_to_api_mapping.get(operation)
        if name is None:
            return {}, ()
        model = client.meta.service_model.operation_model(name)
        takes, gives = (shape.members if shape else {} for shape in (model.input_shape, model.output_shape))
        return {name: shape.type_name for name, shape in takes.items()}, tuple(gives)

    def _open(self, scope: Scope) -> Door:
        door = self._door(scope)
        if isinstance(door, Fault):
            raise AccessError(door)
        return door

    def _pages(self, door: Door, region: str, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Page]:
        client = self._asking(door, region, service, operation, parameters)
        paged = client.can_paginate(operation)
        unfinished = False
        try:
            for page in _replies(client, operation, parameters, paged):
                marks = any(page.get(mark) for mark in PAGE_MARKS) and not paged
                unfinished = marks or bool(page.get("AdditionalRoutesAvailable"))
                yield {name: _plain(part) for name, part in page.items() if name not in (*PAGE_MARKS, "ResponseMetadata")}
        except FAILURES as error:
            raise AccessError(of_exception(error)) from error
        if unfinished:
            raise AccessError(Fault("refused", "AWS has more of it than this call gives"))

    def _asking(self, door: Door, region: str, service: str, operation: str, parameters: Mapping[str, Any]) -> Any:
        """The client that makes a call, which is noted; AccessError where nobody can make it."""
        client = self._client(door, region, service)
        if isinstance(client, Fault):
            raise AccessError(client)
        if not hasattr(client, operation):
            raise AccessError(Fault("refused", f"this version of boto3 does not know {operation}: upgrade it"))
        self._calls.append((operation, region or door.regions[0], parameters))  # a list's append is atomic
        return client

    def _client(self, door: Door, region: str, service: str) -> Any:
        """The one client of this door, service and Region, or the Fault that there can be none.

        Made one at a time: making clients in parallel is slower, and sessions are not safe to share
        (https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html).
        """
        if door.shut:
            return door.shut
        key = (service, region or door.regions[0])
        with self._making:
            if key not in door.clients:
                door.clients[key] = self._made(door, *key)
            return door.clients[key]

    def _made(self, door: Door, service: str, region: str) -> Any:
        config = _config(self.workers, STS_ATTEMPTS if service == "sts" else ATTEMPTS)
        try:
            return door.session.client(service, region_name=region, config=config)
        except aws.BotoCoreError as error:
            return of_exception(error)


def _permit(operation: str) -> None:
    """Raise FlowdiagError for an operation that does not only read."""
    if not operation.startswith(READ_ONLY) and operation not in SEARCHES:
        raise FlowdiagError(f"{operation} is not called: flowdiag only reads, by operations named {', '.join(READ_ONLY)}")


def _kept(pages: Iterator[Page]) -> tuple[list[Page], Fault | None]:
    """All pages, and the fault that ended them."""
    kept: list[Page] = []
    try:
        kept.extend(pages)  # what came before a fault stays
    except AccessError as error:
        return kept, error.fault
    return kept, None


def _door(account: Account, caller: Any, region: str | None) -> Door:
    """The door to an account; shut where its profile cannot be used."""
    shut = None
    session = account.session or caller
    if account.profile:
        try:
            session = boto3.Session(profile_name=account.profile)
        except aws.BotoCoreError as error:
            way = f"name another in {account.told_in or 'accounts='}, or add it to the AWS configuration"
            shut = Fault("refused", f"account {account.number} cannot be read: {error}: {way}")
    return Door(
        session,
        _regions(account.regions, region, session or boto3.Session()),
        account.number,
        account if account.role else None,
        shut=shut,
    )


def _with(session: Any, credentials: RefreshableCredentials) -> Any:
    """The session with other credentials: boto3 takes none that renew themselves, so a copy of the session is given them.

    The copy shares everything else: configuration, endpoints, what is known of the services, the hooks of whoever made it.
    """
    other = copy(session)
    other._session = copy(session._session)
    other._session._credentials = credentials
    return other


def _regions(named: tuple[str, ...], region: str | None, session: Any) -> tuple[str, ...]:
    """The Regions named, else the caller's, else the session's own; FlowdiagError where there is none."""
    found = named or tuple(one for one in (region or getattr(session, "region_name", None),) if one)
    if not found:
        raise FlowdiagError("no AWS Region is known: give region= (--region), set AWS_DEFAULT_REGION, or name one in the profile")
    return found


def _refuse_strange(regions: Iterable[str]) -> None:
    """Raise FlowdiagError for what cannot be the name of a Region; boto3 knows their form, of later ones than it lists too."""
    known = boto3.Session()
    for name in dict.fromkeys(regions):
        try:
            known.get_partition_for_region(name)
        except aws.BotoCoreError:
            way = "write it as us-east-1 in region= (--region), the accounts or the profile"
            raise FlowdiagError(f"{name!r} is no Region of AWS: {way}") from None


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


def _replies(client: Any, operation: str, request: Mapping[str, Any], paged: bool) -> Iterator[Page]:
    if paged:
        yield from client.get_paginator(operation).paginate(**request)
    else:
        page = getattr(client, operation)(**request)
        yield page
        # Newer calls have pages before botocore pages them.
        while page.get("NextToken") and _takes(client, operation, "NextToken"):
            page = getattr(client, operation)(**request, NextToken=page["NextToken"])
            yield page


def _takes(client: Any, operation: str, parameter: str) -> bool:
    name = client.meta.method_to_api_mapping[operation]
    shape = client.meta.service_model.operation_model(name).input_shape
    return shape is not None and parameter in shape.members


def _plain(value: Any) -> Any:
    """The value as the AWS CLI prints it: times are ISO 8601 text."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, datetime) else value
