"""The SQL that Athena is asked: from a table's columns and partitions to parameterised queries. Pure; sends nothing.

Whatever comes from a person or a log stands in a parameter; of the table only names stand in the text, each in quotes.
https://docs.aws.amazon.com/athena/latest/ug/vpc-flow-logs.html shows the tables that are known here,
https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html how parameters are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import product
from typing import Any

from flowdiag.logs import SHORTEST_INTERVAL, Sought
from flowdiag.logs._keys import Slots
from flowdiag.logs.record import KNOWN, canonical
from flowdiag.model import Address, FlowdiagError, Scope

MOST_ROWS = 100_000
HOURS_NAMED = 72
"""Hours up to which each one is named in a query; a longer span names its days, where these are a key of their own."""
HOURS_AS_DAYS = 31 * 24
"""Hours up to which each one is named where one key holds day and hour (`yyyy/MM/dd/HH`); of a longer span it is left open."""
ADDRESSES = ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr")
_SQUASHED = {
    **{name.replace("-", ""): name for name in KNOWN},
    "account": "account-id", "sourceaddress": "srcaddr", "destinationaddress": "dstaddr", "sourceport": "srcport",
    "destinationport": "dstport", "numpackets": "packets", "numbytes": "bytes", "starttime": "start", "endtime": "end",
    "status": "log-status",
}  # fmt: skip
"""A column's name without separators → the field; with the names of older tables of AWS's documentation."""
_ACCOUNT = ("accid", "accountid", "account", "awsaccountid", "awsaccount")
_REGION = ("region", "awsregion")
_SERVICE = ("awsservice", "service")
_NUMBERS = ("int", "integer", "bigint", "smallint", "tinyint")
TEMPLATE = "storage.location.template"
_JAVA = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H"}
_DAY_FORMATS = ("%Y/%m/%d", "%Y-%m-%d", "%Y%m%d")
_MORE_THAN_DAYS = ("datehour", "timestamp")
_TIMES = ("year", "month", "hour", "date", "day", "dt", *_MORE_THAN_DAYS)


@dataclass(frozen=True)
class Query:
    """A statement and the values of its question marks, written as literals."""

    text: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of flow logs: its columns and partition keys with their types, and its properties as Glue keeps them."""

    database: str
    name: str
    columns: Mapping[str, str]
    keys: Mapping[str, str]
    properties: Mapping[str, str]

    @classmethod
    def of(cls, database: str, raw: Mapping[str, Any]) -> Table:
        """The table of a GetTableMetadata reply; raises FlowdiagError where it holds no flow logs."""
        made = cls(
            database,
            raw["Name"],
            _types(raw.get("Columns")),
            _types(raw.get("PartitionKeys")),
            raw.get("Parameters") or {},
        )
        lacking = [name for name in ("srcaddr", "dstaddr", "start") if name not in made.fields]
        if lacking:
            raise FlowdiagError(f"Athena table {database}.{made.name} has no column {lacking[0]}: name one of VPC flow logs")
        return made

    @cached_property
    def fields(self) -> dict[str, str]:
        """The column of every field, by the field's name with hyphens."""
        return {_field(column): column for column in self.columns}

    @property
    def quoted(self) -> str:
        """The name for a statement."""
        return f"{quoted(self.database)}.{quoted(self.name)}"

    @property
    def place(self) -> str:
        """How a person names it."""
        return f"athena:{self.database}.{self.name}"

    @property
    def parquet(self) -> bool | None:
        """Whether its files are Parquet; None where it does not tell how they are read."""
        told = [text for name, text in self.properties.items() if name in ("inputformat", "serde.serialization.lib")]
        return any("parquet" in text.lower() for text in told) if told else None


def records_query(table: Table, sought: Sought, scopes: Iterable[Scope]) -> Query:
    """Every record of the interfaces that names one of the addresses; of any, where none is sought or the table has none."""
    writings = [text for address in sorted(sought.addresses, key=str) for text in spellings(address)]
    named = [_in(quoted(table.fields[field]), writings) for field in ADDRESSES if field in table.fields]
    where = _all(_partitions(table, sought, scopes), _time(table, sought), _any(named), *_of_interfaces(table, sought))
    columns = ", ".join(quoted(column) for column in table.fields.values())
    text = f"SELECT {columns} FROM {table.quoted} WHERE {where.text} LIMIT {MOST_ROWS + 1}"  # noqa: S608  quoted, parameters
    return Query(text, where.parameters)


def _of_interfaces(table: Table, sought: Sought) -> list[Query]:
    """Records of the interfaces, or of regional NAT gateways, which have none and are told by resource-id.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
    """
    column = table.fields.get("interface-id")
    if not column or not sought.interfaces:
        return []
    gateways = _gateways(table, sought)
    told = [_in(quoted(table.fields["resource-id"]), gateways)] if gateways else []
    return [_any((_in(quoted(column), sorted(sought.interfaces)), *told))]


def _gateways(table: Table, sought: Sought) -> list[str]:
    """The regional NAT gateways sought, where the columns tell of them."""
    return sorted(one for one in sought.interfaces if one.startswith("nat-") and "resource-id" in table.fields)


def coverage_query(table: Table, sought: Sought, scopes: Iterable[Scope]) -> Query | None:
    """When each interface has any line at all, in bins of the shortest interval; None for a table without interfaces."""
    of_interfaces = _of_interfaces(table, sought)
    if not of_interfaces:
        return None
    column = {field: quoted(name) for field, name in table.fields.items()}
    interface, start, end = _whose(table, sought), _number(table, "start"), _number(table, "end")
    where = _all(_partitions(table, sought, scopes), _time(table, sought), *of_interfaces)
    kinds = [f"{_counted(column.get('action'), kind)} AS {kind.lower()}s" for kind in ("ACCEPT", "REJECT")]
    status = column.get("log-status", "''")
    picked = (f"{interface} AS interface", f"{status} AS status", f"min({start}) AS first", f"max({end}) AS last", *kinds)
    groups = (interface, f"{start} - mod({start}, {SHORTEST_INTERVAL})", *([status] if "log-status" in column else []))
    text = f"SELECT {', '.join(picked)} FROM {table.quoted} WHERE {where.text} GROUP BY {', '.join(groups)}"  # noqa: S608  as above
    return Query(text, where.parameters)


def _whose(table: Table, sought: Sought) -> str:
    """The interface of a record, or the regional NAT gateway where it has none."""
    interface = quoted(table.fields["interface-id"])
    if not _gateways(table, sought):
        return interface
    return f"CASE WHEN {interface} LIKE 'eni-%' THEN {interface} ELSE {quoted(table.fields['resource-id'])} END"


def _counted(column: str | None, kind: str) -> str:
    return f"sum(CASE WHEN {column} = '{kind}' THEN 1 ELSE 0 END)" if column else "0"


def quoted(identifier: str) -> str:
    """An identifier as it stands: https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as the value of a parameter: strings stand in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def spellings(address: Address) -> list[str]:
    """How a flow log may write an address: IPv6 in short, in full, and in full without leading zeros."""
    if address.version == 4:
        return [str(address)]
    full = address.exploded.split(":")
    return list(dict.fromkeys((address.compressed, address.exploded, ":".join(f"{int(part, 16):x}" for part in full))))


# ---------------------------------------------------------------- partitions


def partitions(table: Table, slots: Slots, scopes: Iterable[Scope]) -> list[Mapping[str, str]]:
    """The combinations of partition values that can hold the window, as far as the keys are known; [{}] for none."""
    return [{**place, **moment} for place in _combined(_places(table, scopes)) for moment in _times(table, slots)]


def _combined(options: Mapping[str, list[str]]) -> list[dict[str, str]]:
    return [dict(zip(options, combined, strict=True)) for combined in product(*options.values())]


def _places(table: Table, scopes: Iterable[Scope]) -> dict[str, list[str]]:
    """The values of the keys that tell whose records they are, and where from; an unnamed account is any."""
    wanted = tuple(scopes)
    accounts = {scope.account for scope in wanted}
    found: dict[str, list[str]] = {}
    for key in table.keys:
        name = canonical(key).replace("-", "")
        if name in _SERVICE:
            found[key] = ["vpcflowlogs"]
        elif name in _ACCOUNT and wanted and "" not in accounts:
            found[key] = sorted(accounts)
        elif name in _REGION and wanted:
            found[key] = sorted({scope.region for scope in wanted if scope.region})
    return found


def _times(table: Table, slots: Slots) -> list[dict[str, str]]:
    """The values of the keys that tell time, for every day or hour of the window; [{}] where no key does."""
    hourly = [key for key in table.keys if _of_hours(table, key)]
    most = HOURS_NAMED if all(canonical(key) == "hour" for key in hourly) else HOURS_AS_DAYS
    hours = list(slots.hours())
    named, skipped = (hours, []) if hourly and len(hours) <= most else (list(slots.days()), hourly)
    found = {tuple(values.items()): values for moment in named for values in _values(table, moment, skipped)}
    return list(found.values())


def _of_hours(table: Table, key: str) -> bool:
    """Whether a key has another value every hour."""
    return canonical(key) == "hour" or "%H" in _format(table, key)


def _values(table: Table, moment: datetime, skipped: Iterable[str]) -> Iterator[dict[str, str]]:
    options: dict[str, list[str]] = {}
    separate = _key(table, "year") is not None and _key(table, "month") is not None
    for key, kind in table.keys.items():
        name = canonical(key)
        if key in skipped or name not in _TIMES:
            continue
        if name in ("year", "month", "hour") or (name == "day" and separate):
            number = getattr(moment, name)
            options[key] = [str(number) if kind in _NUMBERS else f"{number:0{4 if name == 'year' else 2}}"]
        elif known := _days(table, key, kind, moment):
            options[key] = known
    yield from _combined(options)


def _days(table: Table, key: str, kind: str, moment: datetime) -> list[str]:
    """How a day may stand in a key: as its projection says, as a date, or in any of the ways in common use; nothing where its
    projection says it in a way that is not known here, or its name that it is more than a day, for then any may hold it."""
    told = _format(table, key)
    if told:
        return [moment.strftime(told)]
    if kind == "date":
        return [moment.strftime("%Y-%m-%d")]
    open_ended = _projection(table, key) or canonical(key) in _MORE_THAN_DAYS
    return [] if open_ended else [moment.strftime(pattern) for pattern in _DAY_FORMATS]


def _format(table: Table, key: str) -> str:
    """A projected date's format (`yyyy/MM/dd`) for strftime; empty where none is given or one that is not known here."""
    told = _projection(table, key).replace("'", "")
    made = re.sub(r"yyyy|MM|dd|HH", lambda found: _JAVA[found[0]], told)
    return "" if re.search(r"(?<!%)[A-Za-z]", made) else made


def _projection(table: Table, key: str) -> str:
    return table.properties.get(f"projection.{key}.format", "")


def _key(table: Table, name: str) -> str | None:
    return next((key for key in table.keys if canonical(key) == name), None)


# ---------------------------------------------------------------- conditions


def _partitions(table: Table, sought: Sought, scopes: Iterable[Scope]) -> Query:
    places = [_any(_equals(table, key, text) for text in texts) for key, texts in _places(table, scopes).items()]
    times = _times(table, Slots.of(sought.window))
    return _all(*places, _any(_all(*(_equals(table, key, text) for key, text in moment.items())) for moment in times))


def _equals(table: Table, key: str, text: str) -> Query:
    kind = table.keys[key]
    if kind in _NUMBERS:
        return Query(f"{quoted(key)} = ?", (text,))
    mark = "CAST(? AS date)" if kind == "date" else "?"
    return Query(f"{quoted(key)} = {mark}", (literal(text),))


def _time(table: Table, sought: Sought) -> Query:
    """Records that may be of the window: they show their packets up to a minute late."""
    window = sought.window
    assert window.start
    assert window.end
    first, last = window.seconds
    return Query(f"{_number(table, 'end')} >= ? AND {_number(table, 'start')} <= ?", (str(first), str(last)))


def _number(table: Table, field: str) -> str:
    """A time's column as a number; where there is no end, the start stands for it."""
    column = table.fields.get(field, table.fields["start"])
    return quoted(column) if table.columns[column] in _NUMBERS else f"TRY_CAST({quoted(column)} AS bigint)"


def _in(column: str, texts: Iterable[str]) -> Query:
    values = tuple(map(literal, texts))
    return Query(f"{column} IN ({', '.join('?' * len(values))})" if values else "FALSE", values)


def _all(*conditions: Query) -> Query:
    there = [condition for condition in conditions if condition.text]
    return Query(" AND ".join(f"({c.text})" for c in there), tuple(p for c in there for p in c.parameters))


def _any(conditions: Iterable[Query]) -> Query:
    there = [condition for condition in conditions if condition.text]
    return Query(" OR ".join(f"({c.text})" for c in there), tuple(p for c in there for p in c.parameters))


def _types(columns: Any) -> dict[str, str]:
    return {column["Name"]: (column.get("Type") or "string").lower() for column in columns or () if column.get("Name")}


def _field(column: str) -> str:
    name = canonical(column)
    return name if name in KNOWN else _SQUASHED.get(name.replace("-", ""), name)


# ---------------------------------------------------------------- where the partitions lie


def folders(table: Table, slots: Slots, scopes: Iterable[Scope]) -> list[tuple[str, str]]:
    """The (bucket, prefix) of what a query of this window scans; nothing where the table does not tell where it lies."""
    template = table.properties.get(TEMPLATE, "") or _template(table)
    found = dict.fromkeys(_folder(template, one)[0] for one in partitions(table, slots, scopes)) if template else {}
    return [(bucket, prefix) for bucket, prefix in map(_split, found) if bucket]


def areas(table: Table, scopes: Iterable[Scope]) -> list[tuple[str, str]]:
    """The (bucket, folder) below which everything lies that the table has of these accounts and Regions, of whichever time."""
    template = table.properties.get(TEMPLATE, "") or _template(table) or table.properties.get("location", "")
    found = (_folder(template, place) for place in _combined(_places(table, scopes)) if _projected(table, place))
    whole = dict.fromkeys(f"{made.rpartition('/')[0] if cut else made.rstrip('/')}/" for made, cut in found)
    return [(bucket, folder) for bucket, folder in map(_split, whole) if bucket]


def _projected(table: Table, values: Mapping[str, str]) -> bool:
    """Whether the table has these partitions, where it lists all the values that a key may have.

    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """
    listed = ((table.properties.get(f"projection.{key}.values", ""), value) for key, value in values.items())
    return all(not told or value in [one.strip() for one in told.split(",")] for told, value in listed)


def _template(table: Table) -> str:
    """Where partitions lie that no template tells of: folders `key=value` as AWS's Hive-compatible prefixes are, or none."""
    location = table.properties.get("location", "")
    if not table.keys:
        return location
    hive = any(canonical(key).startswith("aws-") for key in table.keys)
    return "/".join((location.rstrip("/"), *(f"{key}=${{{key}}}" for key in table.keys), "")) if location and hive else ""


def _folder(template: str, values: Mapping[str, str]) -> tuple[str, bool]:
    """The template with the values, up to the first one that is not known, and whether there is one."""
    made = re.sub(r"\$\{([^}]+)\}", lambda found: values.get(found[1], found[0]), template)
    known, cut, _ = made.partition("${")
    return known, bool(cut)


def _split(address: str) -> tuple[str, str]:
    found = re.match(r"s3[an]?://([^/]+)/?(.*)", address)
    return (found[1], found[2]) if found else ("", "")
