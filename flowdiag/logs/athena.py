"""Flow logs that Athena searches: for archives too large to pull. The query names its partitions, and what it scans is told
before it is asked; above a limit a person has to agree. https://docs.aws.amazon.com/athena/latest/ug/vpc-flow-logs.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qs

from flowdiag.logs import Access, Means, Opener, Search, Sought, Source, Tally
from flowdiag.logs._amount import Amount, refusal
from flowdiag.logs._grant import granting
from flowdiag.logs._keys import Slots
from flowdiag.logs._parallel import in_order
from flowdiag.logs._sql import MOST_ROWS, Query, Table, coverage_query, folders, records_query
from flowdiag.logs._tables import CATALOG, UNNAMED, the_table
from flowdiag.logs._waiting import PATIENCE, outcome
from flowdiag.logs.record import record_of
from flowdiag.model import FlowdiagError, Record, Scope

PREFIX = "athena:"
MOST_PAGES = 500
"""Listings of 1,000 files after which an estimate says `more than`."""
_SEARCHED, _BROKEN = "SUCCEEDED", ("FAILED", "CANCELLED")


@dataclass(frozen=True)
class Athena(Opener):
    """One table. `workgroup` and `output` are what a person gave; without them, what the workgroup `primary` is set to;
    the caller needs s3:PutObject there, for Athena keeps each outcome in S3.

    `scopes` are the accounts and Regions whose partitions are read, `agreed` whether a large scan is agreed to.
    """

    access: Access
    scope: Scope
    database: str
    table: str
    workgroup: str = ""
    output: str = ""
    scopes: tuple[Scope, ...] = ()
    agreed: bool = False
    pause: Callable[[float], None] = time.sleep

    prefixes: ClassVar[tuple[str, ...]] = (PREFIX,)
    actions: ClassVar[tuple[str, ...]] = (
        "athena:GetTableMetadata", "athena:ListDatabases", "athena:ListTableMetadata", "athena:StartQueryExecution",
        "athena:GetQueryExecution", "athena:GetQueryResults", "athena:StopQueryExecution", "glue:GetDatabase",
        "glue:GetDatabases", "glue:GetTable", "glue:GetTables", "glue:GetPartitions", "s3:GetBucketLocation", "s3:GetObject",
        "s3:ListBucket",
    )  # fmt: skip

    @classmethod
    def opens(cls, where: str, means: Means) -> Source | None:
        """The table of `athena:DATABASE.TABLE`, or the one that is found for `athena:DATABASE` or `athena:` over the archive of
        the path's flow logs; None for another place.

        `?workgroup=NAME&output=s3://BUCKET/PREFIX` may follow. Raises FlowdiagError where no table is found, or several are.
        """
        if not where.startswith(PREFIX):
            return None
        place, _, asked = where.removeprefix(PREFIX).partition("?")
        told = {name: values[-1] for name, values in parse_qs(asked).items()}
        if set(told) - {"workgroup", "output"}:
            raise FlowdiagError(f"flow logs {where!r} ask for more than is known: write {UNNAMED}?workgroup=NAME&output=s3://…")
        access = means.door(where)
        database, _, table = place.partition(".")
        if not table:
            found = the_table(access, access.home, database, means.watching)
            database, table = found.database, found.name
        given = (told.get("workgroup", ""), told.get("output", ""))
        return cls(access, access.home, database, table, *given, means.scopes, means.agreed)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"Athena {self.database}.{self.table}"

    def search(self, sought: Sought) -> Search:
        """Every record that is sought.

        Raises FlowdiagError for an open window, for a table that cannot be used, and where the scan is larger than agreed.
        """
        slots = Slots.of(sought.window)
        table = self._described()
        queries = [query for query in (coverage_query(table, sought, self.scopes),) if query]
        size = self._estimate(table, slots, 1 + len(queries))
        self._refuse_large(size)
        parts = [
            partial(self._records, table, records_query(table, sought, self.scopes), sought),
            *(partial(self._coverage, query, sought) for query in queries),
        ]
        return Search(lambda tally: in_order(parts, tally), source=f"{self.name} ({size.told} to scan)", live=True)

    def _described(self) -> Table:
        request = {"CatalogName": CATALOG, "DatabaseName": self.database, "TableName": self.table}
        try:
            pages = list(self.access.each(self.scope, "athena", "get_table_metadata", request))
        except FlowdiagError as error:
            raise FlowdiagError(
                f"{self.name} cannot be used ({granting(error, 'athena:GetTableMetadata')}): name another table"
            ) from None
        return Table.of(self.database, pages[0]["TableMetadata"])

    # ------------------------------------------------------------ what it costs

    def _estimate(self, table: Table, slots: Slots, times: int) -> Amount:
        """What the queries scan: the bytes of the partitions' files, once for each query."""
        found = folders(table, slots, self.scopes)
        if not found:
            return Amount(None)
        total = pages = 0
        try:
            for bucket, prefix in found:
                request = {"Bucket": bucket, "Prefix": prefix}
                for page in self.access.each(self.scope, "s3", "list_objects_v2", request):
                    total += sum(entry.get("Size", 0) for entry in page.get("Contents") or ())
                    pages += 1
                    if pages == MOST_PAGES:
                        return Amount(total * times, whole=False)
        except FlowdiagError:
            return Amount(None)
        return Amount(total * times)

    def _refuse_large(self, size: Amount) -> None:
        """Athena charges by what it scans: what nobody knows takes a word too."""
        if not self.agreed and (size.bytes is None or size.large):
            raise refusal(f"{self.name} would have {size.told} to scan")

    # ------------------------------------------------------------ the queries

    def _records(self, table: Table, query: Query, sought: Sought, tally: Tally) -> Iterator[Record]:
        fields = list(table.fields)
        number = 0
        try:
            for number, row in enumerate(self._rows(query), 1):
                if number > MOST_ROWS:
                    raise FlowdiagError(f"more than {MOST_ROWS} records: give a shorter window")
                record = self._record(dict(zip(fields, row, strict=False)), number, sought, tally)
                if record is not None:
                    yield record
        except FlowdiagError as error:
            tally.lose(sought.interfaces, f"{self.name} could not be searched ({granting(error, 'athena:StartQueryExecution')})")

    def _record(self, values: Mapping[str, str], number: int, sought: Sought, tally: Tally) -> Record | None:
        tally.lines += 1
        where = f"{self.name}: row {number}"
        try:
            record = record_of(values, where, " ".join(value or "-" for value in values.values()))
        except ValueError as error:
            named = values.get("interface-id")
            tally.refuse(where, f"is no flow log record ({error})", sought.interfaces & {named} if named else sought.interfaces)
            return None
        tally.records += 1
        return record

    def _coverage(self, query: Query, sought: Sought, tally: Tally) -> Iterator[Record]:
        """No records, only when each interface has lines at all."""
        try:
            for interface, status, first, last, accepts, rejects in self._rows(query):
                tally.accepts += int(accepts or 0)
                tally.rejects += int(rejects or 0)
                start, end = (int(text) if text else None for text in (first, last))
                tally.cover(interface, start, end, status == "SKIPDATA", int(accepts or 0), int(rejects or 0))
        except (FlowdiagError, ValueError) as error:
            tally.lose(
                sought.interfaces,
                f"{self.name}: when interfaces have lines could not be asked ({granting(error, 'athena:StartQueryExecution')})",
            )
        yield from ()

    def _rows(self, query: Query) -> Iterator[list[str]]:
        """The rows of a query as texts, empty for nothing; raises FlowdiagError where Athena refuses or breaks off."""
        id = self._started(query)
        try:
            ended = outcome(lambda: self._ended(id), self.pause, PATIENCE)
        except BaseException:  # also where a person breaks it off: what runs on costs
            self._stop(id)
            raise
        if ended is None:
            self._stop(id)
            raise FlowdiagError(f"the query was given up after {PATIENCE:.0f} s")
        rows = (
            row for page in self.access.each(self.scope, "athena", "get_query_results", {"QueryExecutionId": id})
            for row in page.get("ResultSet", {}).get("Rows") or ()
        )  # fmt: skip
        next(rows, None)  # the names of the columns
        for row in rows:
            yield [cell.get("VarCharValue", "") for cell in row.get("Data") or ()]

    def _started(self, query: Query) -> str:
        request: dict[str, Any] = {
            "QueryString": query.text,
            "QueryExecutionContext": {"Database": self.database, "Catalog": CATALOG},
            **({"ExecutionParameters": list(query.parameters)} if query.parameters else {}),
            **({"WorkGroup": self.workgroup} if self.workgroup else {}),
            **({"ResultConfiguration": {"OutputLocation": self.output}} if self.output else {}),
        }
        pages = list(self.access.each(self.scope, "athena", "start_query_execution", request))
        return str(pages[0]["QueryExecutionId"])

    def _ended(self, id: str) -> Mapping[str, Any] | None:
        pages = list(self.access.each(self.scope, "athena", "get_query_execution", {"QueryExecutionId": id}))
        execution: Mapping[str, Any] = pages[0]["QueryExecution"]
        status = execution.get("Status") or {}
        if status.get("State") in _BROKEN:
            reason = " ".join(str(status.get("StateChangeReason") or "no reason given").split())
            raise FlowdiagError(f"the query {status['State'].lower()}: {reason}")
        return execution if status.get("State") == _SEARCHED else None

    def _stop(self, id: str) -> None:
        try:
            list(self.access.each(self.scope, "athena", "stop_query_execution", {"QueryExecutionId": id}))
        except FlowdiagError:
            return  # it stops by itself at Athena's own limit
