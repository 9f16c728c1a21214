"""The tables of flow logs in Athena's catalog, and which of them lies over the place where flow logs deliver.

https://docs.aws.amazon.com/athena/latest/ug/vpc-flow-logs.html shows how such tables are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from flowdiag.logs import Access
from flowdiag.logs._delivery import S3, Delivery
from flowdiag.logs._grant import granting
from flowdiag.logs._keys import root_of
from flowdiag.logs._sql import Table, areas
from flowdiag.model import FlowdiagError, Scope

CATALOG = "AwsDataCatalog"
UNNAMED = "athena:DATABASE.TABLE"
TOP = "AWSLogs/"
AT_ONCE = 8
"""Databases whose tables are listed at a time; Athena allows few such calls a second, and the door waits where it must."""


def the_table(access: Access, scope: Scope, database: str, watching: Iterable[Delivery]) -> Table:
    """The table of flow logs over the archive of the flow logs that watch the path; where none of them is known to deliver to
    S3, the only one there is. `database` is where to look, empty for everywhere.

    Raises FlowdiagError, which lists the candidates, where there is none or several fit equally.
    """
    found, refusals = tables_of(access, scope, database)
    archived = [delivery for delivery in watching if delivery.kind == S3]
    counted = [(sum(_holds(table, delivery) for delivery in archived), table) for table in found]
    most = max((count for count, _ in counted), default=0)
    fitting = [table for count, table in counted if count == most and (most or not archived)]
    if len(fitting) != 1:
        raise FlowdiagError(_undecided(database, archived, fitting, found, refusals))
    return fitting[0]


def _undecided(database: str, archived: Iterable[Delivery], fitting: list[Table], found: list[Table], refusals: list[str]) -> str:
    """Why no table could be chosen, and how to name one."""
    where = f"Athena database {database!r}" if database else "Athena"
    unseen = "; ".join(refusals)
    if not found:
        why = f"no table of flow logs is known, for {unseen}" if refusals else f"{where} has no table of flow logs"
        return f"{why}: write athena:{database or 'DATABASE'}.TABLE"
    listed = ", ".join(sorted(table.place for table in fitting or found))
    places = ", ".join(dict.fromkeys(f"s3://{'/'.join(filter(None, one.bucket))} ({one.flow_log})" for one in archived))
    if fitting:
        return f"{where} has several tables of flow logs{f' over {places}' if places else ''}: write one of {listed}"
    missing = "; ".join((f"{where} has no table over {places}, where the path's flow logs deliver", *refusals))
    return f"{missing}: write one of {listed}"


def tables_of(access: Access, scope: Scope, database: str = "") -> tuple[list[Table], list[str]]:
    """The tables of VPC flow logs in a database, or in all of them, and why some could not be listed."""
    refusals: list[str] = []
    try:
        databases = [database] if database else _databases(access, scope)
    except FlowdiagError as error:
        return [], [f"the databases of Athena cannot be listed ({granting(error, 'athena:ListDatabases')})"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        listed = list(pool.map(partial(_tables, access, scope, refusals), databases))
    return [table for several in listed for table in several], sorted(refusals)


def _databases(access: Access, scope: Scope) -> list[str]:
    pages = access.each(scope, "athena", "list_databases", {"CatalogName": CATALOG})
    return [raw["Name"] for page in pages for raw in page.get("DatabaseList") or ()]


def _tables(access: Access, scope: Scope, refusals: list[str], database: str) -> list[Table]:
    """The tables of one database; why it cannot be listed goes to the refusals."""
    found: list[Table] = []
    request = {"CatalogName": CATALOG, "DatabaseName": database}
    try:
        for page in access.each(scope, "athena", "list_table_metadata", request):
            found += [made for raw in page.get("TableMetadataList") or () for made in _of_flow_logs(database, raw)]
    except FlowdiagError as error:
        refusals.append(f"database {database!r} cannot be listed ({granting(error, 'athena:ListTableMetadata')})")
    return found


def _of_flow_logs(database: str, raw: Mapping[str, Any]) -> list[Table]:
    try:
        made = Table.of(database, raw)
    except FlowdiagError:
        return []
    return [made] if "interface-id" in made.fields else []


def _holds(table: Table, delivery: Delivery) -> bool:
    """Whether the files of a flow log lie where the table looks, in the form in which it reads them."""
    (bucket, prefix), scope = delivery.bucket, delivery.scope
    root = root_of(prefix, scope, hive=delivery.hive).path
    known = root if scope.account and scope.region else root[: root.index(TOP) + len(TOP)]
    return table.parquet in (None, delivery.parquet) and lies_over(table, bucket, [known], (scope,))


def lies_over(table: Table, bucket: str, keys: Iterable[str], scopes: Iterable[Scope]) -> bool:
    """Whether all of these keys of a bucket are below the places of the table."""
    below = tuple(folder for name, folder in areas(table, scopes) if name == bucket)
    return all(key.startswith(below) for key in keys)
