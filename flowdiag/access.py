"""The one door to AWS: every call of flowdiag goes through here, read-only. The only module that knows boto3 and botocore.

scope, service, operation, parameters → the session of that account → pages of plain JSON | Fault
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from threading import Lock
from typing import Any

import boto3
from botocore import exceptions as aws
from botocore.config import Config
from botocore.parsers import ResponseParserError

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
CHUNK = 1 << 16
FAILURES = (aws.ClientError, aws.BotoCoreError, ResponseParserError)

Page = Mapping[str, Any]


class AccessError(FlowdiagError):
    """AWS did not give what was asked for; `fault` says of what kind that is."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


class Access:
    """Read-only calls to AWS. Every method may be used by several threads at once, `workers` of them without waiting.

    `region` stands in for the session's own. `home` is the session's account, empty until `introduce` or where STS cannot
    tell it, and the Region where calls go that name no other. `calls` are the calls made so far as (operation, Region,
    parameters), further pages not counted. Raises FlowdiagError where no Region is known or the profile does not exist.
    """

    def __init__(self, session: boto3.Session | None = None, *, region: str | None = None, workers: int = 10) -> None:
        self._session: Any = session or session_for()  # its stubs want services known beforehand
        home = region or self._session.region_name
        if not home:
            raise FlowdiagError(
                "no AWS Region is known: give region= (--region), set AWS_DEFAULT_REGION, or name one in the profile"
            )
        self.home = Scope(region=home)
        self.workers = workers
        self.introduced = False
        self._calls: list[tuple[str, str, Mapping[str, Any]]] = []
        self._clients: dict[tuple[str, str], Any] = {}
        self._making = Lock()

    @property
    def calls(self) -> tuple[tuple[str, str, Mapping[str, Any]], ...]:
        """Every call made so far."""
        return tuple(self._calls)

    def scopes(self) -> tuple[Scope, ...]:
        """Every account and Region that may be asked, home first."""
        return (self.home,)

    def introduce(self) -> None:
        """Learn the session's account, once; it stays empty where STS cannot be asked, as in a network with no way to it.

        Raises FlowdiagError where AWS does not accept the credentials.
        """
        if self.introduced:
            return
        self.introduced = True
        pages, fault = self.send(self.home, "sts", "get_caller_identity", {})
        if fault and fault.kind in ("rejected", "expired"):
            raise AccessError(fault)
        self.home = Scope(account=pages[0]["Account"] if pages else "", region=self.home.region)

    def unseen(self, account: str) -> str:
        """Why this account cannot be asked; empty where it can."""
        if account in ("", self.home.account):
            return ""
        known = bool(self.home.account)
        why = "is not visible with this session" if known else "may not be this session's, whose account STS did not tell"
        return f"account {account} {why}"

    # ------------------------------------------------------------ asking

    def send(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> tuple[list[Page], Fault | None]:
        """Every page of a reply as plain JSON without paging marks; with a fault, the pages before it.

        Raises FlowdiagError where the operation is none that only reads.
        """
        pages: list[Page] = []
        try:
            pages.extend(self.each(scope, service, operation, parameters))  # what came before a fault stays in the list
        except AccessError as error:
            return pages, error.fault
        return pages, None

    def each(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Page]:
        """The pages of a reply as they come, as plain JSON without paging marks.

        Raises AccessError at a fault, and where AWS has more than this call gives; FlowdiagError where the operation is
        none that only reads.
        """
        client = self._permitted(scope, service, operation)
        paged = client.can_paginate(operation)
        unfinished = False
        try:
            self._note(scope, operation, parameters)
            for page in _pages(client, operation, parameters, paged):
                marks = any(page.get(mark) for mark in PAGE_MARKS) and not paged
                unfinished = marks or bool(page.get("AdditionalRoutesAvailable"))
                yield {name: _plain(part) for name, part in page.items() if name not in (*PAGE_MARKS, "ResponseMetadata")}
        except FAILURES as error:
            raise AccessError(of_exception(error)) from error
        if unfinished:
            raise AccessError(Fault("refused", "AWS has more of it than this call gives"))

    def body(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        """The streamed body of a reply (GetObject of S3), chunk by chunk.

        Raises AccessError at a fault, before the first chunk or between two; FlowdiagError where the operation is none that
        only reads.
        """
        client = self._permitted(scope, service, operation)
        try:
            self._note(scope, operation, parameters)
            reply = getattr(client, operation)(**parameters)
            streams = [part for part in reply.values() if hasattr(part, "iter_chunks")]
            for stream in streams:
                yield from stream.iter_chunks(CHUNK)
        except FAILURES as error:
            raise AccessError(of_exception(error)) from error

    def shapes(self, scope: Scope, service: str, operation: str) -> tuple[dict[str, str], tuple[str, ...]]:
        """The parameters an operation takes, with their types, and the keys of its reply; nothing where boto3 knows none."""
        client = self._client(scope, service)
        name = None if isinstance(client, Fault) else client.meta.method_to_api_mapping.get(operation)
        if name is None:
            return {}, ()
        model = client.meta.service_model.operation_model(name)
        takes, gives = (shape.members if shape else {} for shape in (model.input_shape, model.output_shape))
        return {name: shape.type_name for name, shape in takes.items()}, tuple(gives)

    # ------------------------------------------------------------ who asks

    def _permitted(self, scope: Scope, service: str, operation: str) -> Any:
        """The client that asks; raises FlowdiagError for what does not only read, AccessError where nobody can ask."""
        if not operation.startswith(READ_ONLY) and operation not in SEARCHES:
            raise FlowdiagError(f"{operation} is not called: flowdiag only reads, by operations named {', '.join(READ_ONLY)}")
        client = self._client(scope, service)
        if isinstance(client, Fault):
            raise AccessError(client)
        if not hasattr(client, operation):
            raise AccessError(Fault("refused", f"this version of boto3 does not know {operation}: upgrade it"))
        return client

    def _client(self, scope: Scope, service: str) -> Any:
        """The one client of this service and Region, or the Fault that there can be none.

        Made one at a time: making clients in parallel is slower, and sessions are not safe to share
        (https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html).
        """
        unseen = self.unseen(scope.account)
        if unseen:
            return Fault("refused", unseen)
        key = (service, scope.region or self.home.region)
        with self._making:
            if key not in self._clients:
                self._clients[key] = self._made(*key)
            return self._clients[key]

    def _made(self, service: str, region: str) -> Any:
        config = _config(self.workers, STS_ATTEMPTS if service == "sts" else ATTEMPTS)
        try:
            return self._session.client(service, region_name=region, config=config)
        except aws.BotoCoreError as error:
            return of_exception(error)

    def _note(self, scope: Scope, operation: str, parameters: Mapping[str, Any]) -> None:
        self._calls.append((operation, scope.region or self.home.region, parameters))  # a list's append is atomic


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


def _pages(client: Any, operation: str, request: Mapping[str, Any], paged: bool) -> Iterator[Page]:
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
